"""kill -9 under load: every 250 and every OK that a client has is kept by the next start.

The page cache survives a killed process, so this proves less than the power cuts of `test_crash`; but it is the whole server, over its sockets.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
from collections.abc import Awaitable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.support.localserve import LOGIN, PASSWORD, Localserve, running

from postil.store.verify import verify

from .wire import Connection, Imap, Smtp

KILLS = int(os.environ.get("POSTIL_KILLS", "10"))
BOXES = (b"k0", b"k1")
Key = tuple[bytes, bytes]  # mailbox, message id


@dataclass(slots=True)
class Known:
    """What the clients were told."""

    dice: random.Random
    delivered: dict[bytes, bytes] = field(
        default_factory=dict
    )  # message id -> octets, answered 250
    doubtful: dict[bytes, bytes] = field(default_factory=dict)  # no answer when the server died
    flags: dict[Key, frozenset[bytes]] = field(default_factory=dict)  # what IMAP put into `BOXES`
    uids: dict[tuple[bytes, int], bytes] = field(default_factory=dict)  # ever seen
    octets: dict[bytes, bytes] = field(default_factory=dict)
    pending: list[tuple[Key | None, Key | None, frozenset[bytes]]] = field(default_factory=list)
    answers: int = 0
    numbers: int = 0

    def message(self) -> tuple[bytes, bytes]:
        """A new message and its id."""
        self.numbers += 1
        identity = b"%d@x" % self.numbers
        size = self.dice.choice((10, 1000, 1000, 300_000))
        body = b"%08x\r\n" % self.dice.getrandbits(32) * (size // 10)
        octets = b"Message-ID: <%s>\r\nSubject: x\r\n\r\n%s" % (identity, body)
        self.octets[identity] = octets
        return identity, octets


class _Killed(Exception):
    """The block around the server ends because the server was killed."""


async def _deliver(client: Smtp, known: Known) -> None:
    while True:
        identity, octets = known.message()
        known.doubtful[identity] = octets
        await client.deliver(octets.removesuffix(b"\r\n"))
        known.delivered[identity] = known.doubtful.pop(identity)
        known.answers += 1


async def _change(client: Imap, known: Known, box: bytes, other: bytes) -> None:
    """Works in a mailbox of its own, and moves messages into one that only takes."""
    await client.command(b"SELECT %s" % box)
    uids = {identity: uid for (where, uid), identity in known.uids.items() if where == box}
    while True:
        mine = [identity for where, identity in known.flags if where == box]
        roll = known.dice.random()
        if roll < 0.4 or not mine:
            identity, octets = known.message()
            await _does(
                known,
                None,
                (box, identity),
                frozenset(),
                client.command(b"APPEND %s" % box, octets),
            )
            continue
        identity = known.dice.choice(mine)
        before, uid = (box, identity), uids.get(identity)
        if uid is None:
            answer = await client.command(b"UID SEARCH HEADER MESSAGE-ID <%s>" % identity)
            uids[identity] = uid = int(answer[0].split()[-1])
        if roll < 0.7:
            flags = frozenset(known.dice.sample((b"\\Seen", b"$one", b"two"), 2))
            text = b"UID STORE %d FLAGS (%s)" % (uid, b" ".join(flags))
            await _does(known, before, before, flags, client.command(text))
        elif roll < 0.9:
            move = client.command(b"UID MOVE %d %s" % (uid, other))
            await _does(known, before, (other, identity), known.flags[before], move)
        else:
            flags = known.flags[before] | {b"\\Deleted"}
            mark = client.command(b"UID STORE %d +FLAGS (\\Deleted)" % uid)
            await _does(known, before, before, flags, mark)
            expunge = client.command(b"UID EXPUNGE %d" % uid)
            await _does(known, before, None, frozenset(), expunge)


async def _does(
    known: Known,
    before: Key | None,
    after: Key | None,
    flags: frozenset[bytes],
    work: Awaitable[list[bytes]],
) -> None:
    """A change: doubtful until it is answered."""
    change = (before, after, flags)
    known.pending.append(change)
    await work
    known.pending.remove(change)
    _apply(known.flags, change)
    known.answers += 1


def _apply(
    flags: dict[Key, frozenset[bytes]], change: tuple[Key | None, Key | None, frozenset[bytes]]
) -> None:
    before, after, wanted = change
    if before is not None:
        del flags[before]
    if after is not None:
        flags[after] = wanted


async def _load_and_kill(server: Localserve, known: Known) -> None:
    """Clients work until so many answers were given; then the server dies at once."""
    assert server.process is not None
    enough = known.answers + known.dice.randint(5, 150)
    connections: list[Connection] = []
    tasks = []
    for _ in range(3):
        smtp = await Smtp.hello(server.ip, server.smtp)
        connections.append(smtp)
        tasks.append(asyncio.ensure_future(_deliver(smtp, known)))  # noqa: TID251
    imap = await Imap.login(server.ip, server.imap, LOGIN, PASSWORD)
    connections.append(imap)
    tasks.append(asyncio.ensure_future(_change(imap, known, *BOXES)))  # noqa: TID251
    while known.answers < enough:
        assert not any(task.done() for task in tasks), [t.exception() for t in tasks if t.done()]
        await asyncio.sleep(0)
    server.process.kill()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(outcome, (EOFError, OSError)), repr(outcome)
    for connection in connections:
        await connection.close()
    server.process.wait()


_FETCHED = re.compile(rb"\* \d+ FETCH \(.*?UID (\d+)", re.DOTALL)
_FLAGS = re.compile(rb"FLAGS \(([^)]*)\)")


async def _look(server: Localserve, known: Known) -> None:
    """Compare what is there with what the clients were told, and keep in mind what is there."""
    client = await Imap.login(server.ip, server.imap, LOGIN, PASSWORD)
    found: dict[bytes, dict[bytes, frozenset[bytes]]] = {}
    for box in (b"INBOX", *BOXES):
        await client.command(b"EXAMINE %s" % box)
        there = found[box] = {}
        # Body first: what stands behind the literal is short.
        for line in await client.command(b"UID FETCH 1:* (FLAGS UID BODY.PEEK[])"):
            if not (match := _FETCHED.match(line)):
                continue
            octets = line.partition(b"}\r\n")[2]
            identity = octets.partition(b"Message-ID: <")[2].partition(b">")[0]
            assert identity not in there, f"{identity!r} is there twice"
            assert known.octets[identity] in octets, f"{identity!r} is not what was sent"
            flags = _FLAGS.search(line)
            assert flags is not None
            there[identity] = frozenset(flags[1].split()) - {b"\\Recent"}
            assert known.uids.setdefault((box, int(match[1])), identity) == identity
    inbox = set(found.pop(b"INBOX"))
    assert known.delivered.keys() <= inbox <= known.delivered.keys() | known.doubtful.keys()
    known.delivered = {i: known.octets[i] for i in inbox}
    known.doubtful.clear()
    flat = {(box, i): flags for box, there in found.items() for i, flags in there.items()}
    if flat != known.flags:
        assert known.pending, (flat, known.flags)
        for change in known.pending:
            _apply(known.flags, change)
        assert flat == known.flags
    known.pending.clear()
    await client.command(b"LOGOUT")
    await client.close()


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(max(2, KILLS // 10)))
def test_kill(seed: int, tmp_path: Path) -> None:
    """The same folder, again and again: started, worked with, killed, compared."""
    known = Known(random.Random(seed))
    folder = tmp_path / "data"
    for number in range(KILLS // max(2, KILLS // 10)):
        with contextlib.suppress(_Killed), running(folder) as server:
            if number == 0:
                asyncio.run(_make_boxes(server))
            else:
                asyncio.run(_look(server, known))
            asyncio.run(_load_and_kill(server, known))
            raise _Killed
    with running(folder) as server:
        asyncio.run(_look(server, known))
    assert known.answers > KILLS
    assert verify(folder) == []


async def _make_boxes(server: Localserve) -> None:
    client = await Imap.login(server.ip, server.imap, LOGIN, PASSWORD)
    for box in BOXES:
        await client.command(b"CREATE %s" % box)
    await client.close()
