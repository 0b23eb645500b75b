"""Real SMTP clients against the running server: swaks, curl, smtplib, aiosmtplib. None of them is ours."""

from __future__ import annotations

import imaplib
import platform
import re
import smtplib
import socket
import subprocess
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import aiosmtplib
import pytest
from tests.support.counting import evidence
from tests.support.localserve import LOGIN, PASSWORD, Localserve
from tools.bench.generate import message

Tool = Callable[[str, str], str]

PYTHON = f"python {platform.python_version()}"


def run(command: list[str], ok: tuple[int, ...] = (0,)) -> str:
    done = subprocess.run(command, capture_output=True, timeout=100, check=False)
    assert done.returncode in ok, (
        command,
        done.returncode,
        done.stdout[-2000:],
        done.stderr[-2000:],
    )
    return done.stdout.decode() + done.stderr.decode()


def received(localserve: Localserve, word: str) -> list[bytes]:
    """The messages in the inbox that hold the word in their header, as IMAP gives them."""
    with imaplib.IMAP4("127.0.0.1", localserve.imap, timeout=60) as client:
        client.login(LOGIN, PASSWORD)
        client.select("INBOX", readonly=True)
        _, (numbers,) = client.search(None, "HEADER", "X-Test", word)
        found = []
        for number in numbers.split():
            _, parts = client.fetch(number.decode(), "(BODY.PEEK[])")
            assert isinstance(parts[0], tuple)
            found.append(parts[0][1])
        return found


def the_only(localserve: Localserve, word: str, octets: bytes) -> bytes:
    """The fields our server put in front of the one message."""
    [whole] = received(localserve, word)
    assert whole.endswith(octets)
    return re.sub(rb"\r\n[ \t]", b" ", whole[: len(whole) - len(octets)])


def mail(word: str, size: int = 2000) -> bytes:
    """A message with a field to find it by."""
    return f"X-Test: {word}\r\n".encode() + message(3, size)


def test_swaks(localserve: Localserve, require_tool: Tool, tmp_path: Path) -> None:
    """swaks in the clear, with STARTTLS and login, with TLS and login, pipelined."""
    swaks = require_tool("swaks", "swaks")
    said = run([swaks, "--version"]).split("\n")[0]
    octets = mail("swaks")
    file = tmp_path / "message.eml"
    file.write_bytes(octets)
    login = ["--auth", "PLAIN", "--auth-user", LOGIN, "--auth-password", PASSWORD]
    common = ["--from", "a@example.org", "--to", "b@example.net", "--data", f"@{file}", "--server"]

    def send(port: int, *more: str) -> str:
        return run([swaks, *common, f"127.0.0.1:{port}", *more])

    with evidence("swaks", said, localserve.smtp) as proxy:
        send(proxy.port)
        send(proxy.port, "--pipeline")
    with evidence("swaks STARTTLS", said, localserve.submission, encrypted=True) as proxy:
        assert "=== TLS started" in send(proxy.port, "--tls", *login)
        send(proxy.port, "--tls", "--pipeline", "--auth", "LOGIN", *login[2:])
        assert "535 5.7.8" in run(
            [swaks, *common, f"127.0.0.1:{proxy.port}", "--tls", *login[:-1], "wrong"], ok=(28,)
        )
    with evidence("swaks TLS", said, localserve.submissions, encrypted=True) as proxy:
        send(proxy.port, "--tls-on-connect", *login)
    found = received(localserve, "swaks")
    assert len(found) == 5
    # swaks rewrites what --data reads: it ends the message with one more CRLF.
    assert all(octets.rstrip() in whole for whole in found)
    ours = [re.search(rb"with (\w+)", whole) for whole in found]  # the first Received is ours
    words = sorted(match[1] for match in ours if match)
    assert words == [b"ESMTP", b"ESMTP", b"ESMTPSA", b"ESMTPSA", b"ESMTPSA"]


def test_curl(localserve: Localserve, require_tool: Tool, tmp_path: Path) -> None:
    """curl uploads a message, in the clear, over STARTTLS and TLS with a login, verifying the certificate; and asks HELP."""
    curl = require_tool("curl", "curl")
    said = run([curl, "--version"]).split("\n")[0]
    octets = mail("curl", 300_000)
    file = tmp_path / "message.eml"
    file.write_bytes(octets)
    send = [
        curl,
        "-sS",
        "--mail-from",
        "a@example.org",
        "--mail-rcpt",
        "b@example.net",
        "-T",
        str(file),
    ]
    secure = ["--cacert", str(localserve.certificate), "-u", f"{LOGIN}:{PASSWORD}"]
    with evidence("curl smtp", said, localserve.smtp) as proxy:
        run([*send, f"smtp://127.0.0.1:{proxy.port}/client.example"])
        assert "MAIL" in run([curl, "-sS", "-X", "HELP", f"smtp://127.0.0.1:{proxy.port}"])
        assert "252 2.5.0" in run(
            [curl, "-sSv", f"smtp://127.0.0.1:{proxy.port}", "--mail-rcpt", "b"], ok=(0, 8, 56)
        )
    with evidence("curl smtp STARTTLS", said, localserve.submission, encrypted=True) as proxy:
        run([*send, *secure, "--ssl-reqd", f"smtp://127.0.0.1:{proxy.port}"])
    with evidence("curl smtps", said, localserve.submissions, encrypted=True) as proxy:
        run([*send, *secure, f"smtps://127.0.0.1:{proxy.port}"])
    found = received(localserve, "curl")
    assert len(found) == 3
    assert all(whole.endswith(octets) for whole in found)


def test_smtplib(localserve: Localserve) -> None:
    """smtplib: octets as sent with 8-bit, dots and an internationalised sender; STARTTLS and both mechanisms."""
    octets = mail("smtplib") + "\r\n.\r\n..\r\nGrüße\r\n".encode()
    with (
        evidence("smtplib", PYTHON, localserve.smtp) as proxy,
        smtplib.SMTP("127.0.0.1", proxy.port, timeout=60) as client,
    ):
        client.ehlo("client.example")
        assert client.has_extn("smtputf8")
        refused = client.sendmail(
            "jürgen@bücher.example",
            ["b@example.net", "c@example.net"],
            octets,
            ["SMTPUTF8", "BODY=8BITMIME"],
        )
        assert refused == {}
        assert client.verify("b@example.net")[0] == 252
        assert client.docmd("EXPN", "x")[0] == 502
    fields = the_only(localserve, "smtplib", octets)
    assert fields.startswith("Return-Path: <jürgen@bücher.example>\r\nDelivered-To: ".encode())
    assert b"with UTF8SMTP " in fields
    octets = mail("submission")
    with (
        evidence("smtplib STARTTLS", PYTHON, localserve.submission, encrypted=True) as proxy,
        smtplib.SMTP("127.0.0.1", proxy.port, timeout=60) as client,
    ):
        with pytest.raises(smtplib.SMTPSenderRefused):
            client.sendmail("a@example.org", ["b@example.net"], octets)
        client.starttls(context=localserve.context())
        client.ehlo("client.example")
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login(LOGIN, "wrong")
        client.user, client.password = LOGIN, PASSWORD
        assert client.auth("LOGIN", client.auth_login)[0] == 235
        client.sendmail(LOGIN, ["b@example.net"], octets)
    fields = the_only(localserve, "submission", octets)
    assert b"with ESMTPSA " in fields
    assert b" tls TLS_" in fields


def test_a_message_of_25_mb(localserve: Localserve) -> None:
    """25 MB go in and come out the same."""
    octets = b"X-Test: huge\r\nSubject: huge\r\n\r\n" + (b"x" * 76 + b"\r\n") * 320_000
    assert len(octets) > 24_900_000
    with (
        evidence("smtplib 25 MB", PYTHON, localserve.smtp) as proxy,
        smtplib.SMTP("127.0.0.1", proxy.port, timeout=60) as client,
    ):
        client.sendmail("a@example.org", ["b@example.net"], octets)
    the_only(localserve, "huge", octets)


async def test_aiosmtplib(localserve: Localserve) -> None:
    """aiosmtplib: several messages over one connection, STARTTLS, implicit TLS."""
    said = version("aiosmtplib")
    with evidence("aiosmtplib", said, localserve.smtp) as proxy:
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=proxy.port, start_tls=False)
        async with client:
            for number in range(5):
                await client.sendmail("a@example.org", ["b@example.net"], mail(f"aio-{number}"))
    for port, tls in ((localserve.submission, False), (localserve.submissions, True)):
        with evidence(
            f"aiosmtplib {'TLS' if tls else 'STARTTLS'}", said, port, encrypted=True
        ) as proxy:
            client = aiosmtplib.SMTP(
                hostname="127.0.0.1",
                port=proxy.port,
                use_tls=tls,
                start_tls=not tls,
                tls_context=localserve.context(),
                username=LOGIN,
                password=PASSWORD,
            )
            async with client:
                await client.sendmail(LOGIN, ["b@example.net"], mail("aio-secure"))
    for number in range(5):
        the_only(localserve, f"aio-{number}", mail(f"aio-{number}"))
    assert len(received(localserve, "aio-secure")) == 2


@pytest.mark.parametrize(
    ("sender", "recipient", "code"),
    [
        ("mailfromtemperror", "b", 451),
        ("mailfrompermerror", "b", 550),
        ("mailfrom432", "b", 432),
        ("a", "rcpttotemperror", 451),
        ("a", "rcptto599", 599),
        ("a", "temperror", 451),
        ("a", "permerror", 550),
        ("a", "x555", 555),
        ("499", "b", 499),
    ],
)
def test_simulated_errors(localserve: Localserve, sender: str, recipient: str, code: int) -> None:
    """Each error a local part asks for reaches a real client at the right command."""
    with (
        evidence("smtplib errors", PYTHON, localserve.smtp) as proxy,
        smtplib.SMTP("127.0.0.1", proxy.port, timeout=60) as client,
    ):
        client.ehlo("client.example")
        at_mail = client.mail(f"{sender}@localhost")
        if sender.startswith("mailfrom"):
            assert at_mail[0] == code
            return
        assert at_mail[0] == 250
        at_rcpt = client.rcpt(f"{recipient}@localhost")
        if recipient.startswith("rcptto"):
            assert at_rcpt[0] == code
            return
        assert at_rcpt[0] == 250
        assert client.data(mail("simulated"))[0] == code
    assert received(localserve, "simulated") == []


def test_simulated_timeout(localserve: Localserve) -> None:
    """`timeout` gives no answer while the connection stays open."""
    with smtplib.SMTP("127.0.0.1", localserve.smtp, timeout=60) as client:
        client.ehlo("client.example")
        assert client.sock is not None
        client.sock.settimeout(0.5)
        with pytest.raises(smtplib.SMTPServerDisconnected, match="timed out"):
            client.mail("mailfromtimeout@localhost")


def test_starttls_injection(localserve: Localserve) -> None:
    """Plaintext sent in one packet with STARTTLS is not executed after the handshake."""
    with socket.create_connection(("127.0.0.1", localserve.smtp), 60) as sock:
        file = sock.makefile("rb")
        assert file.readline().startswith(b"220")
        sock.sendall(b"EHLO client.example\r\n")
        while file.readline()[3:4] == b"-":
            pass
        sock.sendall(b"STARTTLS\r\nEHLO evil.example\r\nMAIL FROM:<evil@example.org>\r\n")
        assert file.readline().startswith(b"220")
        with localserve.context().wrap_socket(sock, server_hostname="localhost") as tls:
            tls.sendall(b"RCPT TO:<b@example.net>\r\n")
            assert tls.recv(4096).startswith(b"503 5.5.1")
