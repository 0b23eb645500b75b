"""offlineimap3 (Debian), both ways, with TLS and COMPRESS=DEFLATE: deletions, moves and marks on each side, `-q`, and IDLE."""

from __future__ import annotations

import contextlib
import imaplib
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.support.counting import Counts, evidence
from tests.support.localserve import LOGIN, PASSWORD, Localserve
from tools.bench.generate import message
from tools.bench.imapload import Client

COUNT = 60
SENT = [message(number, 2000) for number in range(COUNT)]
KNOWN = {octets.replace(b"\r\n", b"\n"): number for number, octets in enumerate(SENT)}
SECONDS = 100

SETTINGS = """
[general]
accounts = here
metadata = {folder}/state
ui = basic
fsync = False

[Account here]
localrepository = local
remoterepository = remote
{refresh}

[Repository local]
type = Maildir
localfolders = {folder}/mail

[Repository remote]
type = IMAP
remotehost = localhost
remoteport = {port}
remoteuser = {login}
remotepass = {password}
ssl = yes
sslcacertfile = {certificate}
usecompression = yes
expunge = yes
folderfilter = lambda name: name.startswith("off-")
{idle}
"""


class Offlineimap:
    """The program with its settings, and the mailboxes on this side."""

    def __init__(self, program: str, folder: Path, port: int, certificate: Path) -> None:
        self.program, self.folder = program, folder
        (folder / "mail").mkdir()
        self._facts = {"port": port, "certificate": certificate, "folder": folder}

    def command(self, *more: str, idle: bool = False) -> list[str]:
        facts = {
            **self._facts,
            "login": LOGIN,
            "password": PASSWORD,
            "refresh": "autorefresh = 30" if idle else "",
            "idle": 'idlefolders = ["off-one"]\nkeepalive = 300' if idle else "",
        }
        settings = self.folder / "settings"
        settings.write_text(SETTINGS.format(**facts))
        return [self.program, "-c", str(settings), *more]

    def sync(self, *more: str) -> None:
        done = subprocess.run(
            self.command("-o", *more), capture_output=True, text=True, timeout=SECONDS, check=False
        )
        assert done.returncode == 0 and "ERROR" not in done.stderr, (done.stdout, done.stderr)

    def files(self, mailbox: str) -> list[Path]:
        """The messages of a mailbox here."""
        folder = self.folder / "mail" / mailbox
        return [one for part in ("new", "cur") for one in (folder / part).iterdir()]

    def find(self, mailbox: str, number: int) -> Path:
        return next(one for one in self.files(mailbox) if _number(one.read_bytes()) == number)


def _number(octets: bytes) -> int:
    return KNOWN[re.sub(rb"(?m)^X-OfflineIMAP: .*\n", b"", octets.replace(b"\r\n", b"\n"))]


def _there(other: imaplib.IMAP4, mailbox: str, *keys: str) -> list[int]:
    """Which of the messages the mailbox has on the server."""
    assert other.select(mailbox, readonly=True)[0] == "OK"
    numbers = other.search(None, *(keys or ("ALL",)))[1][0].split()
    if not numbers:
        return []
    _, parts = other.fetch(b",".join(numbers).decode(), "(BODY.PEEK[])")
    return sorted(_number(part[1]) for part in parts if isinstance(part, tuple))


def _same(here: Offlineimap, other: imaplib.IMAP4, mailbox: str) -> list[int]:
    near = sorted(_number(file.read_bytes()) for file in here.files(mailbox))
    assert near == _there(other, mailbox)
    return near


def test_offlineimap_both_ways(
    own_localserve: Localserve, require_tool: Callable[[str, str], str], tmp_path: Path
) -> None:
    """After each round both sides hold the same; a quick round with nothing to do costs next to nothing; IDLE brings what comes."""
    program = require_tool("offlineimap", "offlineimap3")
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    other = imaplib.IMAP4("127.0.0.1", own_localserve.imap, timeout=60)
    other.login(LOGIN, PASSWORD)
    filler = Client(own_localserve.imap).login(LOGIN, PASSWORD)
    for name in ("off-one", "off-two"):
        filler.command(f"CREATE {name}")
    filler.fill("off-one", SENT)
    filler.close()
    with evidence("offlineimap3 TLS", said, own_localserve.imaps, encrypted=True) as proxy:
        here = Offlineimap(program, tmp_path, proxy.port, own_localserve.certificate)
        here.sync()
        assert _same(here, other, "off-one") == list(range(COUNT))
        assert own_localserve.events("imap", "compressed") >= 1
        assert proxy.counts.received < sum(map(len, SENT))
        _deletions_and_moves(here, other)
        _marks(here, other)
        _quick(here, other, proxy.counts)
        _idle(here, other)
    other.logout()


def _deletions_and_moves(here: Offlineimap, other: imaplib.IMAP4) -> None:
    here.find("off-one", 1).unlink()
    file = here.find("off-one", 2)
    file.rename(here.folder / "mail" / "off-two" / "cur" / "moved.here:2,")
    other.select("off-one")
    other.uid("STORE", "4", "+FLAGS", r"(\Deleted)")
    other.uid("EXPUNGE", "4")
    other.uid("MOVE", "5", "off-two")
    here.sync()
    left = [number for number in range(COUNT) if number not in (1, 2, 3, 4)]
    assert _same(here, other, "off-one") == left
    assert _same(here, other, "off-two") == [2, 4]


def _marks(here: Offlineimap, other: imaplib.IMAP4) -> None:
    """Here one, there one, and on one message both."""
    for number in (10, 11):
        file = here.find("off-one", number)
        file.rename(file.parent.parent / "cur" / f"{file.name.partition(':')[0]}:2,S")
    other.select("off-one")
    other.uid("STORE", "12:13", "+FLAGS", r"(\Flagged)")
    here.sync()
    assert _there(other, "off-one", "SEEN") == [10, 11]
    assert _there(other, "off-one", "FLAGGED") == [11, 12]
    flags = [here.find("off-one", number).name.partition(":2,")[2] for number in (10, 11, 12)]
    assert flags == ["S", "FS", "F"]


def _quick(here: Offlineimap, other: imaplib.IMAP4, counts: Counts) -> None:
    """`-q` asks for numbers of messages only, and finds what arrived."""
    before = counts.received
    here.sync("-q")
    assert counts.received - before < 8_000
    other.append("off-two", None, None, SENT[1])  # type: ignore[arg-type]
    here.sync("-q")
    assert _same(here, other, "off-two") == [1, 2, 4]


def _idle(here: Offlineimap, other: imaplib.IMAP4) -> None:
    """It stays, and what is delivered is here without being asked for."""
    with _running(here.command("-u", "ttyui", "-d", "imap", idle=True)) as said:
        said(re.compile(r"server IDLE started"))
        other.append("off-one", None, None, SENT[3])  # type: ignore[arg-type]
        said(re.compile(r"Copy message UID .*off-one"))


@contextlib.contextmanager
def _running(command: list[str]) -> Iterator[Callable[[re.Pattern[str]], None]]:
    """The program until the block ends; what it gives waits for a line that matches."""
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )  # fmt: skip
    watch = threading.Timer(SECONDS, process.kill)
    watch.start()
    assert process.stdout is not None
    lines: list[str] = []

    def wait(wanted: re.Pattern[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if wanted.search(line):
                return
        raise AssertionError("".join(lines[-60:]))

    try:
        yield wait
    finally:
        watch.cancel()
        process.kill()
        process.stdout.close()
        process.wait()
