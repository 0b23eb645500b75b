"""mbsync (isync, Debian), both ways and with TLS: moves, deletions and marks on each side, at once, a renamed mailbox, and nothing to do."""

from __future__ import annotations

import imaplib
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.support.counting import Counts, evidence
from tests.support.localserve import LOGIN, PASSWORD, Localserve
from tools.bench.generate import message
from tools.bench.imapload import Client

from postil.base.clock import SystemClock
from postil.net.certificates import self_signed

COUNT = 200
SENT = [message(number, 2000) for number in range(COUNT)]

SETTINGS = """\
IMAPStore far
Host localhost
Port {port}
User {login}
Pass {password}
SSLType IMAPS
CertificateFile {certificate}
SystemCertificates no
AuthMechs {mechanism}

MaildirStore near
Path {folder}/
Inbox {folder}/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns mb-*
Create Both
Remove Both
Expunge Both
Sync All
SyncState *
"""


class Mbsync:
    """The program with its settings, and the mailboxes on this side."""

    def __init__(self, program: str, folder: Path, port: int, certificate: Path) -> None:
        self.program, self.folder = program, folder / "mail"
        self.folder.mkdir()
        self.settings = folder / "mbsyncrc"
        self._facts = {"port": port, "certificate": certificate, "folder": self.folder}

    def write(self, mechanism: str, password: str = PASSWORD, **more: object) -> None:
        facts = {**self._facts, "mechanism": mechanism, "login": LOGIN, "password": password}
        self.settings.write_text(SETTINGS.format(**facts | more))

    def run(self, mechanism: str = "PLAIN", password: str = PASSWORD) -> tuple[int, str]:
        self.write(mechanism, password)
        done = subprocess.run(
            [self.program, "-c", str(self.settings), "all"],
            capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    def sync(self) -> None:
        status, said = self.run()
        assert status == 0, said

    def files(self, mailbox: str) -> list[Path]:
        """The messages of a mailbox here."""
        return [one for part in ("new", "cur") for one in (self.folder / mailbox / part).iterdir()]

    def find(self, mailbox: str, number: int) -> Path:
        return next(
            one for one in self.files(mailbox) if _bare(one.read_bytes()) == _bare(SENT[number])
        )

    def marked(self, mailbox: str, number: int, flags: str) -> None:
        """Give it these flags of Maildir, as a mail program does."""
        file = self.find(mailbox, number)
        file.rename(file.parent.parent / "cur" / f"{file.name.partition(':')[0]}:2,{flags}")

    def move(self, number: int, source: str, target: str) -> None:
        """As mail programs do that mbsync is made for: without the name it knows the file by."""
        file = self.find(source, number)
        file.rename(self.folder / target / "cur" / f"moved{number}.here:2,")


def _bare(octets: bytes) -> bytes:
    return re.sub(rb"X-TUID: .*\n", b"", octets.replace(b"\r\n", b"\n"))


def _there(other: imaplib.IMAP4, mailbox: str, *keys: str) -> set[int]:
    """Which of the messages the mailbox has on the server."""
    answer, data = other.select(mailbox, readonly=True)
    assert answer == "OK", data
    numbers = other.search(None, *(keys or ("ALL",)))[1][0].split()
    if not numbers:
        return set()
    _, parts = other.fetch(b",".join(numbers).decode(), "(BODY.PEEK[])")
    texts = [_bare(part[1]) for part in parts if isinstance(part, tuple)]
    assert len(texts) == len(set(texts)), "the same message twice"
    return {KNOWN[text] for text in texts}


KNOWN = {_bare(octets): number for number, octets in enumerate(SENT)}


def _same(here: Mbsync, other: imaplib.IMAP4, mailbox: str) -> set[int]:
    """What both sides hold."""
    near = sorted(KNOWN[_bare(file.read_bytes())] for file in here.files(mailbox))
    far = _there(other, mailbox)
    assert near == sorted(far)
    return far


def _nothing_to_do(here: Mbsync, counts: Counts) -> None:
    """UIDs and flags come, and no message; nothing is changed."""
    before = counts.sent, counts.received
    here.sync()
    sent, received = counts.sent - before[0], counts.received - before[1]
    assert sent < 1_500 and received < 2_000 + 20 * COUNT, (sent, received)


def _moves_and_deletions(here: Mbsync, other: imaplib.IMAP4) -> None:
    here.move(1, "mb-one", "mb-two")
    here.find("mb-one", 2).unlink()
    other.select("mb-one")
    other.uid("MOVE", "4", "mb-two")
    other.uid("STORE", "5", "+FLAGS", r"(\Deleted)")
    other.uid("EXPUNGE", "5")
    # gone on both sides
    here.find("mb-one", 5).unlink()
    other.uid("STORE", "6", "+FLAGS", r"(\Deleted)")
    other.uid("EXPUNGE", "6")
    here.sync()
    assert _same(here, other, "mb-one") == set(range(COUNT)) - {1, 2, 3, 4, 5}
    assert _same(here, other, "mb-two") == {1, 3}


def _marks_on_both_sides(here: Mbsync, other: imaplib.IMAP4) -> None:
    """Of one message different flags, the same flag, and one flag given here and another taken there."""
    here.marked("mb-one", 12, "F")
    here.sync()
    assert _there(other, "mb-one", "FLAGGED") == {12}
    here.marked("mb-one", 10, "S")
    here.marked("mb-one", 11, "S")
    here.marked("mb-one", 12, "FRS")
    other.select("mb-one")
    other.uid("STORE", "11", "+FLAGS", r"(\Flagged)")
    other.uid("STORE", "12", "+FLAGS", r"(\Seen)")
    other.uid("STORE", "13", "-FLAGS", r"(\Flagged)")
    here.sync()
    expected = {"SEEN": {10, 11, 12}, "FLAGGED": {10}, "ANSWERED": {12}}
    for key, numbers in expected.items():
        assert _there(other, "mb-one", key) == numbers, key
    near = {n: here.find("mb-one", n).name.partition(":2,")[2] for n in (10, 11, 12)}
    assert near == {10: "FS", 11: "S", 12: "RS"}


def _a_renamed_mailbox(here: Mbsync, other: imaplib.IMAP4) -> None:
    """The new one comes here as a whole; the old one it does not remove while messages are in it, and says so."""
    before = _there(other, "mb-one")
    assert other.rename("mb-one", "mb-new")[0] == "OK"
    status, said = here.run()
    assert status == 0
    assert "far side box mb-one cannot be opened and near side box mb-one is not empty" in said
    assert _same(here, other, "mb-new") == before
    assert len(here.files("mb-one")) == len(before)
    assert other.select("mb-one")[0] == "NO"


def test_mbsync_both_ways(
    localserve: Localserve, require_tool: Callable[[str, str], str], tmp_path: Path
) -> None:
    """After each round both sides hold the same, and a round with nothing to do costs next to nothing."""
    program = require_tool("mbsync", "isync")
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    other = imaplib.IMAP4("127.0.0.1", localserve.imap, timeout=60)
    other.login(LOGIN, PASSWORD)
    filler = Client(localserve.imap).login(LOGIN, PASSWORD)
    for name in ("mb-one", "mb-two"):
        filler.command(f"CREATE {name}")
    filler.fill("mb-one", SENT)
    filler.close()
    with evidence("mbsync TLS", said.strip(), localserve.imaps, encrypted=True) as proxy:
        here = Mbsync(program, tmp_path, proxy.port, localserve.certificate)
        here.sync()
        assert len(here.files("mb-one")) == COUNT
        _nothing_to_do(here, proxy.counts)
        _moves_and_deletions(here, other)
        _marks_on_both_sides(here, other)
        _nothing_to_do(here, proxy.counts)
        _a_renamed_mailbox(here, other)
    for name in ("mb-two", "mb-new"):
        other.delete(name)
    other.logout()


def test_mbsync_logs_in(
    own_localserve: Localserve, require_tool: Callable[[str, str], str], tmp_path: Path
) -> None:
    """With PLAIN and LOGIN inside a TLS that it checks. Left to choose it takes SCRAM, and refuses as many rounds as we ask for."""
    program = require_tool("mbsync", "isync")
    here = Mbsync(program, tmp_path, own_localserve.imaps, own_localserve.certificate)
    for mechanism in ("PLAIN", "LOGIN"):
        assert here.run(mechanism) == (0, "")
        status, said = here.run(mechanism, "wrong")
        assert status == 1 and "AUTHENTICATIONFAILED" in said
    here.write("*")
    command = [program, "-c", str(here.settings), "all"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "iteration-count is too big, refusing to compute" in process.stderr.readline()
        process.kill()  # it waits for what will never come
    somebody, _ = self_signed(tmp_path, ["somebody.example"], SystemClock())
    here.write("PLAIN", certificate=somebody)
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 1 and "self-signed certificate" in done.stderr, done.stderr
