"""neomutt (Debian), in a terminal of its own: synchronise with its header cache and QRESYNC, search, save, delete, mark, mailboxes, IDLE, sending.

What it does is typed for it (`push`), judged by what the server holds, and by the commands in its own log. Debian's neomutt is built
without compression and knows no SCRAM.
"""

from __future__ import annotations

import imaplib
import re
import smtplib
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from imapclient import imap_utf7
from tests.support.counting import Counts, evidence
from tests.support.localserve import LOGIN, PASSWORD, Localserve
from tests.support.terminal import terminal
from tools.bench.generate import RARE_EVERY, message
from tools.bench.imapload import Client

COUNT = 300
BOX = "mutt"
SENT = [message(number, 2000) for number in range(COUNT)]
WORDS = SENT[7].decode().partition("\r\n\r\n")[2].split()[:3]

SETTINGS = """
set folder="imaps://127.0.0.1:{imap}/" imap_user="{login}" imap_pass="{password}"
set smtp_url="smtps://{login}@127.0.0.1:{smtp}/" smtp_pass="{password}"
set ssl_ca_certificates_file="{certificate}" certificate_file="{folder}/certificates"
set spoolfile="+{box}" record="+Sent" postponed="+Drafts" trash="+Trash"
set header_cache="{folder}/headers/" message_cachedir="{folder}/messages/"
set imap_condstore=yes imap_qresync=yes imap_idle=yes
set confirmappend=no confirmcreate=no delete=yes move=no quit=yes mark_old=no
set timeout=1 mail_check=1 sleep_time=0 wait_key=no beep=no from="{login}" use_from=yes send_charset=utf-8 recall=no
"""


@dataclass(frozen=True)
class Neomutt:
    """The program with its settings."""

    program: str
    folder: Path

    @property
    def log(self) -> str:
        """What it wrote about the last run."""
        file = self.folder / "log0"
        return file.read_text(errors="replace") if file.exists() else ""

    def sent(self) -> list[str]:
        """The commands of the last run, without tags; login hidden."""
        found = re.findall(
            r"(?m)^(?:\[.*?\]<2> mutt_socket_write_d\(\) \d+> )?[a-z]\d{4} (.*)$", self.log
        )
        return [one for one in found if not one.startswith("AUTHENTICATE")]

    def command(self, *more: str) -> list[str]:
        for old in self.folder.glob("log*"):
            old.unlink()
        files = ["-F", str(self.folder / "settings"), "-d", "2", "-l", str(self.folder / "log")]
        return [self.program, "-n", *files, *more]

    def type(self, keys: str, *more: str, fails: Sequence[str] = ()) -> list[str]:
        """A run in which these keys are typed until it ends; the commands it sent. Its errors must be these."""
        command = self.command("-e", f'push "{keys}"', *more)
        with terminal(command, {"HOME": str(self.folder)}) as one:
            one.end()
        errors = re.findall(r"(?m)^.*<E> \w+\(\) (.*)$", self.log)
        assert errors == list(fails)
        return self.sent()


@pytest.mark.timeout(300)
def test_neomutt(
    own_localserve: Localserve, require_tool: Callable[[str, str], str], tmp_path: Path
) -> None:
    """What a person does with it in a day."""
    program = require_tool("neomutt", "neomutt")
    asked = subprocess.run([program, "-v"], capture_output=True, text=True, check=True).stdout
    server = own_localserve
    other = imaplib.IMAP4("127.0.0.1", server.imap, timeout=60)
    other.login(LOGIN, PASSWORD)
    other.create(BOX)
    filler = Client(server.imap).login(LOGIN, PASSWORD)
    filler.fill(BOX, SENT)
    filler.close()
    for name in ("headers", "messages"):
        (tmp_path / name).mkdir()
    version = asked.split("\n")[0]
    with (
        evidence("neomutt", version, server.imaps, encrypted=True) as imap,
        evidence("neomutt sending", version, server.submissions, encrypted=True) as smtp,
    ):
        facts = {"login": LOGIN, "password": PASSWORD, "box": BOX, "folder": tmp_path}
        ports = {"imap": imap.port, "smtp": smtp.port, "certificate": server.certificate}
        (tmp_path / "settings").write_text(SETTINGS.format(**facts, **ports))
        mutt = Neomutt(program, tmp_path)
        _first_run(mutt, other)
        _comes_back(mutt, other, imap.counts)
        _mailboxes(mutt, other)
        _hears(mutt, server)
        _sends(mutt, other)
        (tmp_path / "settings").write_text(
            SETTINGS.format(**facts, **ports | {"certificate": "/dev/null"})
        )
        with terminal(mutt.command(), {"HOME": str(tmp_path)}) as one:
            one.wait(lambda: b"(r)eject" in one.drawn)
    other.logout()


def _first_run(mutt: Neomutt, other: imaplib.IMAP4) -> None:
    """All headers; a search by the server; a message read; some saved, deleted and marked."""
    commands = mutt.type(
        f"<limit>=b {WORDS[0]}<enter><limit>all<enter><jump>5<enter><display-message><exit>"
        "<tag-pattern>~m 11-20<enter><tag-prefix><save-message>=Archive<enter>"
        "<delete-pattern>~m 21-25<enter><jump>30<enter><flag-message><jump>31<enter><toggle-new>"
        "<sync-mailbox><tag-pattern>=s quarterly<enter><tag-prefix><copy-message>=Found<enter><quit>"
    )
    assert f'UID SEARCH BODY "{WORDS[0]}"' in commands
    assert "UID FETCH 5 BODY.PEEK[]" in commands
    assert {'UID COPY 11:20 "Archive"', 'UID COPY 21:25 "Trash"'} <= set(commands)
    assert _texts(other, "Archive") == SENT[10:20]
    assert _texts(other, "Trash") == SENT[20:25]
    assert _texts(other, "Found") == [
        SENT[at] for at in range(1, COUNT, RARE_EVERY) if not 10 <= at < 25
    ]
    assert _texts(other, BOX) == SENT[:10] + SENT[25:]
    assert _uids(other, "SEEN") == [5, 31]
    assert _uids(other, "FLAGGED") == [30]


def _comes_back(mutt: Neomutt, other: imaplib.IMAP4, counts: Counts) -> None:
    """What others changed meanwhile, and nothing else, is asked for (QRESYNC); it knows then what is flagged, new and gone."""
    other.select(BOX)
    assert other.uid("STORE", "40:44", "+FLAGS", r"(\Flagged)")[0] == "OK"
    assert other.append(BOX, r"(\Flagged)", None, message(COUNT, 2000))[0] == "OK"  # type: ignore[arg-type]
    before = counts.received
    commands = mutt.type("<tag-pattern>~F<enter><tag-prefix><copy-message>=Flagged<enter><quit>")
    assert counts.received - before < 20_000  # and not 300 headers again
    assert any("CHANGEDSINCE" in one and "VANISHED" in one for one in commands)
    flagged = [SENT[at] for at in (29, 39, 40, 41, 42, 43)]
    assert _texts(other, "Flagged") == [*flagged, message(COUNT, 2000)]
    other.select(BOX)
    assert other.uid("STORE", "41", "+FLAGS", r"(\Deleted)")[0] == "OK"
    assert other.uid("EXPUNGE", "41")[0] == "OK"
    mutt.type(
        "<tag-pattern>~F<enter><tag-prefix><copy-message>=Again<enter><quit>",
        # It does not count the vanished message out of its numbers, notices, and asks for all UIDs and flags.
        fails=["QRESYNC failed.  Reopening mailbox."],
    )
    del flagged[2]
    assert _texts(other, "Again") == [*flagged, message(COUNT, 2000)]


def _mailboxes(mutt: Neomutt, other: imaplib.IMAP4) -> None:
    """Made, renamed and deleted in the browser, with names in any script."""
    commands = mutt.type(
        "<change-folder>?<toggle-mailboxes><create-mailbox><kill-line>Entwürfe書類<enter><search>Entw<enter>"
        "<rename-mailbox><kill-line>Grüße<enter><create-mailbox><kill-line>weg<enter>"
        "<search>weg<enter><delete-mailbox>y<exit><quit>"
    )
    assert {'CREATE "Entwürfe書類"', 'RENAME "Entwürfe書類" "Grüße"', 'DELETE "weg"'} <= set(
        commands
    )
    assert _texts(other, "Grüße") == []
    assert other.select("weg")[0] == "NO"


def _hears(mutt: Neomutt, server: Localserve) -> None:
    """It lies in IDLE and shows what was delivered."""
    start = mutt.command("-f", "=INBOX")
    with terminal(start, {"HOME": str(mutt.folder)}) as one:
        one.wait(lambda: mutt.sent()[-1:] == ["IDLE"])
        with smtplib.SMTP("127.0.0.1", server.smtp, timeout=60) as smtp:
            smtp.sendmail("a@example.org", [LOGIN], "Subject: heard at once\r\n\r\nHello.\r\n")
        one.wait(lambda: b"heard at once" in one.drawn)
        one.type("q")
        one.end()


def _sends(mutt: Neomutt, other: imaplib.IMAP4) -> None:
    """By submission; its copy goes to Sent, what is put off to Drafts. Left to choose, it takes -PLUS, for which it has no binding."""
    body = mutt.folder / "body"
    body.write_text("Hallo é\n")
    editor = ["-e", f"set editor='cp {body} %s'"]
    write = "<mail>you@example.net<enter>grün<enter>"
    mutt.type(f"{write}<postpone-message><quit>", *editor)
    (draft,) = _texts(other, "Drafts")
    assert "Hallo é\r\n".encode() in draft
    refused = mutt.command("-e", f'push "{write}<send-message>"', *editor)
    with terminal(refused, {"HOME": str(mutt.folder)}) as one:
        one.wait(lambda: "a tls-exporter channel binding was not provided" in mutt.log)
    mutt.type(f"{write}<send-message><quit>", "-e", 'set smtp_authenticators="plain"', *editor)
    (copy,) = _texts(other, "Sent")
    assert "Hallo é\r\n".encode() in copy
    # every address is ours
    assert [text for text in _texts(other, "INBOX") if b"Hallo" in text]


def _uids(other: imaplib.IMAP4, *keys: str) -> list[int]:
    other.select(BOX, readonly=True)
    return [int(number) for number in other.uid("SEARCH", *keys)[1][0].split()]


def _texts(other: imaplib.IMAP4, mailbox: str) -> list[bytes]:
    """The messages of a mailbox as they are on the server."""
    answer, data = other.select(f'"{imap_utf7.encode(mailbox).decode()}"', readonly=True)
    assert answer == "OK", data
    if data == [b"0"]:
        return []
    _, parts = other.fetch("1:*", "(BODY.PEEK[])")
    return [part[1] for part in parts if isinstance(part, tuple)]
