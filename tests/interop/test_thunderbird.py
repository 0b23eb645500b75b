"""Thunderbird (Debian, headless): set up, synchronise, open, search, move, delete, mark, push, folders, sending, drafts, and what changed meanwhile.

Driven through its remote protocol, judged by what the server holds, by its own IMAP log, and by the octets that went through.
"""

from __future__ import annotations

import imaplib
import re
import smtplib
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from imapclient import imap_utf7
from tests.support.counting import CountingProxy, evidence
from tests.support.localserve import LOGIN, PASSWORD, Localserve
from tests.support.thunderbird import Thunderbird, thunderbird
from tools.bench.generate import RARE_EVERY, message
from tools.bench.imapload import Client

HOST = "127.0.0.1"
COUNT = 300
SIZE = 3000
UMLAUTS = "Entwürfe & 書類"


def _id(octets: bytes) -> str:
    found = re.search(rb"\r\nMessage-ID: <(.*)>", octets)
    assert found is not None
    return found[1].decode()


SENT = [message(number, SIZE) for number in range(COUNT)]
IDS = [_id(octets) for octets in SENT]


@pytest.mark.timeout(400)
def test_thunderbird(
    own_localserve: Localserve, require_tool: Callable[[str, str], str], tmp_path: Path
) -> None:
    """What a person does with it in a day, through TLS and DEFLATE."""
    program = require_tool("thunderbird", "thunderbird")
    server = own_localserve
    asked = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    version = asked.stdout.strip()
    filler = Client(server.imap).login(LOGIN, PASSWORD)
    filler.fill("INBOX", SENT)
    filler.close()
    other = imaplib.IMAP4(HOST, server.imap, timeout=60)
    other.login(LOGIN, PASSWORD)
    with (
        evidence("Thunderbird", version, server.imaps, encrypted=True) as imap,
        evidence("Thunderbird sending", version, server.submissions, encrypted=True) as smtp,
    ):
        with thunderbird(program, tmp_path) as bird:
            _set_up(bird, server, imap, smtp)
            _read_and_search(bird, other)
            _move_and_mark(bird, other)
            _what_others_do(bird, server, other)
            _folders(bird, other)
            _write(bird, other)
            _nothing_was_odd(bird)
            bird.quit()
        _while_it_is_away(other)
        with thunderbird(program, tmp_path) as bird:
            _comes_back(bird)
            _nothing_was_odd(bird)
            bird.call("distrust", HOST, imap.port)
            bird.call("look", "INBOX")
            bird.wait(lambda line: "MOZILLA_PKIX_ERROR_SELF_SIGNED_CERT" in line, "a refusal")
            bird.quit()
    other.logout()


def _set_up(
    bird: Thunderbird, server: Localserve, imap: CountingProxy, smtp: CountingProxy
) -> None:
    """The account is there, its folders with their uses, and all messages as a whole; fewer octets came than they have."""
    pem = server.certificate.read_text()
    certificate = "".join(re.findall(r"(?m)^[A-Za-z0-9+/=]+$", pem))
    for port in (imap.port, smtp.port):
        bird.call("trust", certificate, HOST, port)
    bird.call("addAccount", LOGIN, PASSWORD, HOST, imap.port, smtp.port)
    bird.call("update", "INBOX")
    bird.call("holds", "INBOX", COUNT)
    bird.call("offline", "INBOX", COUNT)
    assert bird.call("uses") == {
        "Inbox": "INBOX",
        "SentMail": "Sent",
        "Drafts": "Drafts",
        "Trash": "Trash",
        "Junk": "Junk",
        "Archive": "Archive",
    }
    assert {"COMPRESS DEFLATE", "ENABLE UTF8=ACCEPT"} <= set(bird.sent())
    assert server.events("imap", "compressed") >= 1
    assert imap.counts.received < 0.8 * sum(map(len, SENT))


def _read_and_search(bird: Thunderbird, other: imaplib.IMAP4) -> None:
    """A message that is shown is read on the server; searching is done by the server."""
    shown = bird.call("open", "INBOX", IDS[4])
    words = SENT[4].decode().partition("\r\n\r\n")[2].split()
    assert " ".join(words[:30]) in " ".join(shown.split())
    bird.did("uid store 5 +Flags (\\Seen)")
    assert _numbers(other, "SEEN") == [5]
    assert bird.call("search", "INBOX", [["Subject", "quarterly"]]) == IDS[1::RARE_EVERY]
    assert bird.call("search", "INBOX", [["Body", " ".join(words[:3])]]) == [IDS[4]]
    both = bird.call("search", "INBOX", [["Sender", "rare.example"], ["Subject", "o"]])
    assert both == [
        IDS[at]
        for at in range(0, COUNT, RARE_EVERY)
        if "o" in SENT[at].decode().partition("\nSubject: ")[2].partition("\r")[0]
    ]


def _move_and_mark(bird: Thunderbird, other: imaplib.IMAP4) -> None:
    bird.call("move", "INBOX", IDS[10:20], "Archive")
    bird.call("remove", "INBOX", IDS[20:25])
    assert {'uid move 11:20 "Archive"', 'uid move 21:25 "Trash"'} <= set(bird.sent("INBOX"))
    assert _texts(other, "Archive") == SENT[10:20]
    assert _texts(other, "Trash") == SENT[20:25]
    bird.call("holds", "Archive", 10)
    bird.call("mark", "INBOX", IDS[30:33], {"read": True, "flagged": True, "tag": "$label1"})
    bird.call("mark", "INBOX", IDS[4:5], {"read": False})
    for change in ("+Flags (\\Seen)", "+Flags (\\Flagged)", "+FLAGS ($label1)"):
        bird.did(f"uid store 31:33 {change}")
    bird.did("uid store 5 -Flags (\\Seen)")
    for key in ("SEEN", "FLAGGED", "KEYWORD $label1"):
        assert _numbers(other, key, uid=True) == [31, 32, 33], key


def _what_others_do(bird: Thunderbird, server: Localserve, other: imaplib.IMAP4) -> None:
    """A delivery, marks and an expunge are seen without asking."""
    bird.call("look", "INBOX")
    bird.idles("INBOX")
    with smtplib.SMTP(HOST, server.smtp, timeout=60) as smtp:
        mail = "Message-ID: <pushed@example.org>\r\nSubject: pushed\r\n\r\nHello.\r\n"
        smtp.sendmail("a@example.org", [LOGIN], mail)
    bird.call("arrived", "INBOX", "pushed@example.org")
    bird.idles("INBOX")
    _change(other, 2, "$label2", "3")
    bird.call("gone", "INBOX", IDS[2])
    bird.call("marked", "INBOX", IDS[1], "$label2")


def _folders(bird: Thunderbird, other: imaplib.IMAP4) -> None:
    """Made, renamed, put into the trash with what is in it, and gone."""
    bird.call("makeFolder", "", UMLAUTS)
    bird.call("makeFolder", UMLAUTS, "été")
    bird.call("move", "Archive", IDS[10:12], f"{UMLAUTS}/été")
    bird.call("holds", f"{UMLAUTS}/été", 2)
    bird.call("offline", f"{UMLAUTS}/été", 2)
    bird.call("renameFolder", f"{UMLAUTS}/été", "hiver")
    assert _texts(other, f"{UMLAUTS}/hiver") == SENT[10:12]
    bird.call("removeFolder", f"{UMLAUTS}/hiver")
    assert _texts(other, "Trash/hiver") == SENT[10:12]
    bird.call("emptyTrash")
    assert other.select("Trash/hiver")[0] == "NO"
    assert _texts(other, "Trash") == []
    assert "Trash/hiver" not in bird.call("paths")


def _write(bird: Thunderbird, other: imaplib.IMAP4) -> None:
    """What is sent arrives, and its copy and a draft are on the server."""
    bird.call("write", "you@example.net", "grün & 書類", "Hello é\n")
    bird.call("write", "you@example.net", "a draft", "Not yet.\n", True)
    (copy,) = _texts(other, "Sent")
    assert b"Subject: =?UTF-8?" in copy and "Hello é\r\n".encode() in copy
    (draft,) = _texts(other, "Drafts")
    assert b"Subject: a draft" in draft
    _, data = other.fetch("1", "(FLAGS)")
    assert data[0] is not None and rb"\Draft" in data[0]
    bird.call("holds", "INBOX", COUNT - 10 - 5 - 1 + 2)  # it came back: every address is ours


def _nothing_was_odd(bird: Thunderbird) -> None:
    """No answer that it could not read, and none that refused."""
    assert bird.refused() == []
    assert not [line for line in bird.lines if "Syntax Error" in line or ": * BYE" in line]


def _while_it_is_away(other: imaplib.IMAP4) -> None:
    _change(other, 40, "$label3", "41:42")


def _comes_back(bird: Thunderbird) -> None:
    """It asks for what changed only (CONDSTORE), and knows all of it."""
    bird.call("holds", "INBOX", COUNT - 10 - 5 - 1 + 2 - 2)
    bird.call("marked", "INBOX", IDS[39], "$label3")
    assert any("CHANGEDSINCE" in command for command in bird.sent("INBOX"))


def _change(other: imaplib.IMAP4, marked: int, tag: str, gone: str) -> None:
    other.select("INBOX")
    assert other.uid("STORE", str(marked), "+FLAGS", rf"(\Flagged {tag})")[0] == "OK"
    assert other.uid("STORE", gone, "+FLAGS", r"(\Deleted)")[0] == "OK"
    assert other.uid("EXPUNGE", gone)[0] == "OK"


def _numbers(other: imaplib.IMAP4, *keys: str, uid: bool = False) -> list[int]:
    other.select("INBOX", readonly=True)
    said = other.uid("SEARCH", *keys) if uid else other.search(None, *keys)
    return [int(number) for number in said[1][0].split()]


def _texts(other: imaplib.IMAP4, mailbox: str) -> list[bytes]:
    """The messages of a mailbox as they are on the server."""
    answer, data = other.select(f'"{imap_utf7.encode(mailbox).decode()}"', readonly=True)
    assert answer == "OK", data
    if data == [b"0"]:
        return []
    _, parts = other.fetch("1:*", "(BODY.PEEK[])")
    return [part[1] for part in parts if isinstance(part, tuple)]
