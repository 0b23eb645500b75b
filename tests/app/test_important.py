"""$Important in a whole server: over SMTP, IMAP and a restart, with the switch of `postil account important`."""

from __future__ import annotations

import imaplib
import re
import smtplib
import subprocess
import sys
from pathlib import Path

from tests.support.localserve import LOGIN, PASSWORD, Localserve, running

AUTHOR = "friend@client.example"


def letter(more: str = "") -> bytes:
    return f"From: {AUTHOR}\r\nTo: {LOGIN}\r\n{more}Subject: x\r\n\r\nx\r\n".encode()


def send(server: Localserve, message: bytes) -> None:
    with smtplib.SMTP(server.ip, server.smtp, timeout=60) as post:
        post.sendmail(AUTHOR, LOGIN, message)


def client(server: Localserve) -> imaplib.IMAP4:
    mail = imaplib.IMAP4(server.ip, server.imap, timeout=60)
    mail.login(LOGIN, PASSWORD)
    assert mail.select("INBOX")[0] == "OK"
    return mail


def important(server: Localserve) -> list[int]:
    """Which messages in INBOX have the keyword."""
    mail = client(server)
    status, found = mail.search(None, "KEYWORD", "$Important")
    mail.logout()
    assert status == "OK"
    return [int(number) for number in found[0].split()]


def switch(folder: Path, state: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "postil.cli", "account", "important", LOGIN, state, "--dir", folder],
        check=True,
        timeout=60,
    )


def test_from_sending_to_training(tmp_path: Path) -> None:
    """A stranger's mail; then one writes to him; one clears the mark, and another start of the server remembers it."""
    folder = tmp_path / "data"
    with running(folder) as server:
        send(server, letter())
        assert important(server) == []
        mail = client(server)
        mail.append("Sent", "", "", f"Message-ID: <m@x>\r\nTo: {AUTHOR}\r\n\r\n".encode())
        send(server, letter())
        assert important(server) == [2]
        send(server, letter("List-Id: <l.client.example>\r\n"))
        send(server, letter("Auto-Submitted: auto-generated\r\n"))
        assert important(server) == [2]
        mail.noop()
        mail.store("2", "-FLAGS.SILENT", "($Important)")
        mail.logout()
        send(server, letter())
        assert important(server) == []
    with running(folder) as server:
        send(server, letter())
        assert important(server) == []
        mail = client(server)
        mail.store("2", "+FLAGS.SILENT", "($Important)")
        mail.logout()
        send(server, letter())
        assert important(server) == [2, 7]


def test_switched_off(tmp_path: Path) -> None:
    """Off: mail comes without the mark. On again: only what comes from then on has it."""
    folder = tmp_path / "data"
    with running(folder) as server:
        mail = client(server)
        mail.append("Sent", "", "", f"To: {AUTHOR}\r\n\r\n".encode())
        mail.logout()
    switch(folder, "off")
    with running(folder) as server:
        send(server, letter())
        assert important(server) == []
    switch(folder, "on")
    with running(folder) as server:
        send(server, letter())
        assert important(server) == [2]


def test_a_mailbox_for_it_or_none(tmp_path: Path) -> None:
    """CREATE with USE over a socket, and a failed one that leaves nothing on disk."""
    folder = tmp_path / "data"
    with running(folder) as server:
        mail = client(server)
        assert mail.create("Matters (USE (\\Important))")[0] == "OK"
        status, [text] = mail.create("a/b (USE (\\Important \\All))")
        assert (status, text.startswith(b"[USEATTR]")) == ("NO", True)
        mail.logout()
    with running(folder) as server:
        mail = client(server)
        _, lines = mail.list()
        shown = [line for line in lines if isinstance(line, bytes)]
        mail.logout()
    assert any(re.search(rb'\\Important\) "/" Matters$', line) for line in shown), shown
    assert not any(re.search(rb'"/" a\b', line) for line in shown), shown
