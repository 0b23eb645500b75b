"""imapflow, a client library for Node.js: TLS with the certificate checked, PLAIN, COMPRESS, IMAP4rev2, UTF8=ACCEPT, QRESYNC, IDLE.

`tests/node/imapflow.mjs` lives the life of a mailbox and prints a line of JSON wherever somebody else must do something, or compare.
"""

from __future__ import annotations

import hashlib
import imaplib
import json
import shutil
import smtplib
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.conftest import ROOT, missing
from tests.support.counting import evidence
from tests.support.localserve import LOGIN, PASSWORD, Localserve
from tools.bench.generate import RARE_EVERY, message
from tools.bench.imapload import Client

FOLDER = ROOT / "tests" / "node"
COUNT = 1000
SIZE = 2000
NAME = "flow"
LIMIT = 100 * 1024 * 1024  # octets the account may have
SECONDS = 100


class Conversation:
    """The script: it says where it is, and goes on when it is answered."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin and process.stdout
        self._process, self._stdin, self._stdout = process, process.stdin, process.stdout

    def hear(self, what: str) -> dict[str, Any]:
        """The facts it comes with; it goes on when `go_on` is called."""
        line = self._stdout.readline()
        assert line, self._process.communicate()[1]
        said: dict[str, Any] = json.loads(line)
        assert said["what"] == what
        return said

    def go_on(self) -> None:
        self._stdin.write("{}\n")
        self._stdin.flush()


@contextmanager
def talking(**given: object) -> Iterator[Conversation]:
    """The script runs until the block ends, then it must have ended well."""
    node = shutil.which("node")
    if node is None or not (FOLDER / "node_modules" / "imapflow").exists():
        missing("imapflow is not installed: npm ci --prefix tests/node")
    process = subprocess.Popen(
        [str(node), str(FOLDER / "imapflow.mjs"), json.dumps(given)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    watch = threading.Timer(SECONDS, process.kill)
    watch.start()
    try:
        yield Conversation(process)
        _, errors = process.communicate()
        assert process.returncode == 0, errors
    finally:
        watch.cancel()
        process.kill()
        process.communicate()


@pytest.mark.parametrize("secure", [True, False], ids=["tls", "starttls"])
def test_imapflow(own_localserve: Localserve, secure: bool) -> None:
    """Everything a program does with a mailbox, through TLS and DEFLATE, and what others do meanwhile is heard."""
    server = own_localserve
    _limit(server, "--octets", str(LIMIT), "--messages", str(COUNT + 100))
    other = imaplib.IMAP4("127.0.0.1", server.imap, timeout=60)
    other.login(LOGIN, PASSWORD)
    sent = [message(number, SIZE) for number in range(COUNT)]
    version = json.loads((FOLDER / "node_modules/imapflow/package.json").read_text())["version"]
    target = server.imaps if secure else server.imap
    with (
        evidence("imapflow", version, target, encrypted=True) as proxy,
        talking(
            host="127.0.0.1",
            port=proxy.port,
            ca=str(server.certificate),
            **{"user": LOGIN, "pass": PASSWORD, "secure": secure},
            mailbox=NAME,
            count=COUNT,
            needle=_needle(sent[500]),
        ) as script,
    ):
        said = script.hear("created")
        assert said["version"] == version
        assert set(said["enabled"]) >= {"CONDSTORE", "IMAP4REV2", "QRESYNC", "UTF8=ACCEPT"}
        assert server.events("imap", "compressed") == 1
        filler = Client(server.imap).login(LOGIN, PASSWORD)
        filler.fill(NAME, sent)
        filler.close()
        before = proxy.counts.received
        script.go_on()
        said = script.hear("fetched")
        # less than the texts alone, though envelopes, structures and the base64 of nobody came with them
        assert proxy.counts.received - before < sum(map(len, sent)) * 0.7
        assert said["digests"] == [hashlib.sha256(octets).hexdigest() for octets in sent]
        assert said["part"].strip() in sent[3].decode()
        script.go_on()
        _check_searches(script.hear("searched"), sent)
        script.go_on()
        said = script.hear("changed")
        assert len(set(said["archive"])) == 4
        _go_on_after_changes(script, other)
        said = script.hear("resynchronised")
        assert [uid for uid, vanished, earlier in said["gone"]] == [21, 22, 23]
        assert all(vanished and earlier for _, vanished, earlier in said["gone"])
        assert [[uid, sorted(flags)] for uid, flags in said["flags"]] == [[20, ["\\Flagged"]]]
        script.go_on()
        script.hear("idling")
        _what_others_do(server, other)
        script.go_on()
        said = script.hear("mailboxes")
        script.go_on()
        quota = said["quota"]
        assert quota["message"]["usage"] == COUNT - 2 - 3 + 4
        assert quota["message"]["limit"] == COUNT + 100
        assert quota["storage"]["limit"] == LIMIT
        assert sum(map(len, sent)) * 0.9 < quota["storage"]["usage"] < sum(map(len, sent))
        script.hear("done")
        script.go_on()
    _what_is_left(other, sent)


def _needle(octets: bytes) -> str:
    """A few words of the text, which are in no other message in this order."""
    return octets.partition(b"\r\n\r\n")[2].split(b"\r\n")[0].decode()


def _check_searches(said: dict[str, Any], sent: list[bytes]) -> None:
    rare = [at + 1 for at in range(0, COUNT, RARE_EVERY)]
    quarterly = [at + 1 for at in range(1, COUNT, RARE_EVERY)]
    assert said["rare"] == rare
    assert said["subject"] == quarterly
    assert said["either"] == sorted(at for at in rare + quarterly if at > 100)
    needle = _needle(sent[500]).encode()
    assert said["body"] == [at + 1 for at, octets in enumerate(sent) if needle in octets]
    counted = said["counted"]
    assert (counted["min"], counted["max"], counted["count"]) == (2, quarterly[-1], len(quarterly))
    assert said["page"]["partial"] == {
        "range": "-1:-10",
        "messages": f"{COUNT - 9}:{COUNT}",
    }


def _go_on_after_changes(script: Conversation, other: imaplib.IMAP4) -> None:
    """While its mailbox is closed: one message flagged and three expunged by somebody else."""
    script.go_on()
    script.hear("closed")
    other.select(NAME)
    assert other.uid("STORE", "20", "+FLAGS", r"(\Flagged)")[0] == "OK"
    assert other.uid("STORE", "21:23", "+FLAGS", r"(\Deleted)")[0] == "OK"
    assert other.uid("EXPUNGE", "21:23")[0] == "OK"
    script.go_on()


def _what_others_do(server: Localserve, other: imaplib.IMAP4) -> None:
    """A delivery, and what another program does with the message."""
    other.select("INBOX")
    with smtplib.SMTP("127.0.0.1", server.smtp, timeout=60) as smtp:
        smtp.sendmail("a@example.org", [LOGIN], "Subject: delivered\r\n\r\nHello.\r\n")
    other.noop()
    (number,) = other.search(None, "SUBJECT", "delivered")[1][0].split()
    assert other.store(number.decode(), "+FLAGS", r"(\Flagged \Deleted)")[0] == "OK"
    assert other.expunge()[0] == "OK"


def _what_is_left(other: imaplib.IMAP4, sent: list[bytes]) -> None:
    """What the server holds, as a client that knows nothing of the script sees it."""
    other.select(NAME)
    numbers = other.search(None, "ALL")[1][0].split()
    assert len(numbers) == COUNT - 2 - 3
    assert other.search(None, "SEEN")[1][0].split() == [b"1", b"2", b"3", b"4", b"5"]
    other.select("Archive")
    _, data = other.fetch("1:*", "(BODY.PEEK[])")
    texts = [part[1] for part in data if isinstance(part, tuple)]
    assert set(texts) >= {sent[6], sent[7], sent[8]} and len(texts) == 4
    other.logout()


def _limit(server: Localserve, *arguments: str) -> None:
    command = [sys.executable, "-m", "postil.cli", "account", "quota", LOGIN]
    command += ["--dir", str(server.folder), *arguments]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
