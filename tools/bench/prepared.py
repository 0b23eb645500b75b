"""Mailboxes that are filled once and kept for the next run: 100,000 messages take a minute, the comparison of one command seconds.

A folder belongs to one choice of sizes; what is filled has an empty file in `filled`. Dovecot's Maildir is put there as files, sdbox is
appended without syncs, ours is appended with many messages in flight. Afterwards each server may finish what it does behind
the scenes (our search index).
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.bench import generate, imapload, meter, ours, peers

FORMATS = ("maildir", "sdbox")
_FLYING = 200  # our appends that wait for one commit
_Start = Callable[[], contextlib.AbstractContextManager[peers.Server]]


@dataclass(frozen=True, slots=True)
class Box:
    """A mailbox: its messages come round again and again."""

    name: str
    messages: Sequence[bytes]
    count: int


def folder_for(data: Path, key: str) -> Path:
    """Where a set of mailboxes lies. SystemExit when Dovecot's user could not get there."""
    folder = data / key
    (folder / "filled").mkdir(parents=True, exist_ok=True)
    for parent in (folder, *folder.parents):
        if not parent.stat().st_mode & 0o001:
            raise SystemExit(f"Dovecot's user may not pass {parent}: name another folder: --data")
    return folder


def fill(folder: Path, boxes: Sequence[Box]) -> None:
    """Fill what is not filled yet, in every server that is installed."""
    starts: dict[str, _Start] = {
        "ours": lambda: ours.postil(folder / "ours"),
        "maildir": lambda: peers.dovecot(folder / "maildir", "maildir", fsync="never"),
        "sdbox": lambda: peers.dovecot(folder / "sdbox", "sdbox", fsync="never"),
    }
    for name, start in starts.items():
        filled = folder / "filled"
        missing = [box for box in boxes if not (filled / f"{name}-{box.name}").exists()]
        if not missing:
            continue
        try:
            with start() as server:
                for box in missing:
                    _fill(server, name, box)
                    print(f"{server.name}: {box.name} filled with {box.count}", flush=True)
                    (filled / f"{name}-{box.name}").touch()
        except peers.MissingPeer:
            continue


def _fill(server: peers.Server, name: str, box: Box) -> None:
    user, password = (ours.USER, ours.PASSWORD) if name == "ours" else (peers.USER, peers.PASSWORD)
    client = imapload.Client(server.imap).login(user, password)
    client.drop(box.name)
    client.command(f"CREATE {box.name}")
    if name == "maildir":
        peers.fill_maildir(server, box.name, box.messages, box.count)
    else:
        client.fill(box.name, itertools.islice(itertools.cycle(box.messages), box.count), _FLYING)
    client.select(box.name)
    client.close()
    meter.settle(*server.pids)


@contextlib.contextmanager
def servers(folder: Path) -> Iterator[list[tuple[peers.Server, imapload.Client]]]:
    """Ours and the peers that are installed, on what was filled, logged in; what they are is printed."""
    with contextlib.ExitStack() as stack:
        we = stack.enter_context(ours.postil(folder / "ours"))
        found = [(we, imapload.Client(we.imap).login(ours.USER, ours.PASSWORD))]
        for mail_format in FORMATS:
            try:
                they = stack.enter_context(peers.dovecot(folder / mail_format, mail_format))
            except peers.MissingPeer as missing:
                print(f"without Dovecot {mail_format}: {missing}")
                continue
            found.append((they, imapload.Client(they.imap).login(peers.USER, peers.PASSWORD)))
        for server, _ in found:
            print(f"{server.name}: {server.about}")
        print_configuration([server for server, _ in found])
        yield found
        for _, client in found:
            client.close()


def print_configuration(found: Sequence[peers.Server]) -> None:
    """What each peer was told; the second of two that differ in their format only is not repeated."""
    for server in found:
        if server.configuration and server.name != f"dovecot {FORMATS[1]}":
            print(f"--- configuration of {server.name}")
            print("".join(f"    {line}\n" for line in server.configuration.splitlines()), end="")


def boxes(big: int, small: int, body: int) -> tuple[Box, ...]:
    """The mailboxes of `tasks`; texts are made when they are wanted."""
    return (
        Box("big", [generate.message(number, 600) for number in range(500)], big),
        Box("small", [generate.with_words(number, 2048) for number in range(small)], small),
        Box("bodies", [generate.message(number, body) for number in range(1000)], 1000),
    )
