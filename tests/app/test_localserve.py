"""localserve as its user meets it: the lines it prints work, mail survives a restart, and it stops in good order."""

from __future__ import annotations

import imaplib
import json
import signal
import smtplib
import socket
import subprocess
import sys
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest
from tests.support.localserve import LOGIN, PASSWORD, Localserve, in_process, running

from postil.app.localserve import NotLoopback, check_ip, trials

Tool = Callable[[str, str], str]


def send(server: Localserve, subject: str, to: str = "you@example.net") -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "me@example.org", to, subject
    message.set_content("text\n")
    with smtplib.SMTP(server.ip, server.smtp, timeout=60) as client:
        client.send_message(message)


def imap(server: Localserve) -> imaplib.IMAP4:
    client = imaplib.IMAP4(server.ip, server.imap, timeout=60)
    client.login(LOGIN, PASSWORD)
    return client


def subjects(server: Localserve) -> list[str]:
    client = imap(server)
    client.select("INBOX", readonly=True)
    _, data = client.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
    client.logout()
    return [item[1].decode().strip() for item in data if isinstance(item, tuple)]


@pytest.mark.parametrize("ip", ["127.0.0.1", "::1"])
def test_the_printed_lines_work(tmp_path: Path, require_tool: Tool, ip: str) -> None:
    """Each line, pasted into a shell in the order printed, succeeds and shows what it promises."""
    require_tool("swaks", "swaks")
    require_tool("curl", "curl")
    shown = {}
    with running(tmp_path / "a folder's data", ip=ip) as server:
        for trial in trials(server.ports, server.ip, server.certificate):
            done = subprocess.run(
                ["sh", "-c", trial.command], capture_output=True, text=True, timeout=60, check=False
            )
            assert done.returncode == 0, (trial, done.stdout, done.stderr)
            shown[trial.purpose] = done.stdout
    assert "MESSAGES 2" in shown["Count the messages"]
    newest = shown["Read the newest, over TLS with the certificate checked"]
    assert "From: postil@localhost" in newest
    assert "SEARCH 1" in shown["Search"]


def test_mail_survives_a_restart(tmp_path: Path) -> None:
    """What was accepted is there after SIGTERM and a new start on the same folder, with the same certificate."""
    with running(tmp_path / "data") as server:
        send(server, "kept")
        certificate = server.certificate.read_bytes()
    with running(tmp_path / "data") as server:
        assert subjects(server) == ["Subject: kept"]
        assert server.certificate.read_bytes() == certificate


def test_any_recipient_lands_in_the_account(own_localserve: Localserve) -> None:
    """Other domains, bare postmaster, addresses nobody made: all in one INBOX."""
    for number, to in enumerate(["a@b.example", "postil@localhost", '"odd one"@[127.0.0.1]']):
        send(own_localserve, f"number {number}", to)
    assert len(subjects(own_localserve)) == 3


def test_a_login_name_of_many_characters(localserve: Localserve) -> None:
    """It is a wrong name like any other, not an error of ours that a stranger can put into the log."""
    client = imaplib.IMAP4(localserve.ip, localserve.imap, timeout=60)
    for name in ("n" * 1500, "x" * 900 + "@" + "example." * 100):
        with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
            client.login(name, "wrong")
    client.shutdown()


def test_errors_on_request(own_localserve: Localserve) -> None:
    """A local part that asks for an error gets it."""
    with smtplib.SMTP(own_localserve.ip, own_localserve.smtp, timeout=60) as client:
        with pytest.raises(smtplib.SMTPDataError) as refused:
            client.sendmail("me@example.org", "some-permerror@localhost", "Subject: x\r\n\r\n")
        assert refused.value.smtp_code == 550
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused_too:
            client.sendmail("me@example.org", "rcptto451@localhost", "Subject: x\r\n\r\n")
        assert refused_too.value.recipients["rcptto451@localhost"][0] == 451


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_and_sessions_hear(tmp_path: Path, number: signal.Signals) -> None:
    """An idle IMAP session hears BYE, an SMTP session 421, and the status is 0."""
    with running(tmp_path / "data") as server:
        assert server.process is not None
        with (
            socket.create_connection((server.ip, server.imap)) as mail,
            socket.create_connection((server.ip, server.smtp)) as post,
        ):
            assert mail.recv(4096).startswith(b"* OK")
            assert post.recv(4096).startswith(b"220 ")
            server.process.send_signal(number)
            assert mail.recv(4096).startswith(b"* BYE ")
            assert post.recv(4096).startswith(b"421 4.3.2 ")
            assert mail.recv(1) == b"" and post.recv(1) == b""
        assert server.process.wait(30) == 0


def test_a_second_server_on_the_folder_is_refused(own_localserve: Localserve) -> None:
    """One sentence that names the folder, status 1, and the first one goes on."""
    done = start(own_localserve.folder, "--free-ports")
    assert done.returncode == 1
    assert str(own_localserve.folder) in done.stderr and "in use by another Postil" in done.stderr
    assert done.stderr.count("\n") == 1
    send(own_localserve, "still there")


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    """One sentence with the port and what it is for."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for offset in range(20_000, 40_000, 7):
            try:
                taken.bind(("127.0.0.1", 1143 + offset))
                break
            except OSError:
                continue
        taken.listen()
        done = start(tmp_path / "data", "--port-offset", str(offset))
        assert done.returncode == 1
        assert f"port {1143 + offset} (imap) is in use" in done.stderr
        assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("ip", ["0.0.0.0", "192.0.2.1", "::", "2001:db8::1", "nonsense"])
def test_only_loopback(tmp_path: Path, ip: str) -> None:
    """A published password is not offered to a network: one sentence, nothing started."""
    with pytest.raises(NotLoopback):
        check_ip(ip)
    done = start(tmp_path / "data", "--ip", ip)
    assert done.returncode == 1 and "127.0.0.1" in done.stderr
    assert not (tmp_path / "data").exists()


def test_ipv6(tmp_path: Path) -> None:
    """`--ip ::1` serves there, with lines that say so."""
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6: enable it to run this test")
    with running(tmp_path / "data", ip="::1") as server:
        with smtplib.SMTP("::1", server.smtp, timeout=60) as client:
            client.sendmail("me@example.org", "you@localhost", "Subject: six\r\n\r\nx\r\n")
        tls = imaplib.IMAP4_SSL("::1", server.imaps, ssl_context=server.context(), timeout=60)
        tls.login(LOGIN, PASSWORD)
        assert tls.select("INBOX") == ("OK", [b"1"])
        tls.logout()


@pytest.mark.parametrize("protocol", ["imap", "smtp"])
def test_starttls_injection(own_localserve: Localserve, protocol: str) -> None:
    """Commands pipelined behind STARTTLS in plaintext are never answered, for IMAP (RFC 9051 §6.2.1) and SMTP (RFC 3207 §4.2)."""
    server = own_localserve
    port = server.imap if protocol == "imap" else server.smtp
    with socket.create_connection((server.ip, port), timeout=60) as plain:
        plain.recv(4096)
        if protocol == "imap":
            plain.sendall(b"a STARTTLS\r\nevil NOOP\r\n")
            assert plain.recv(4096).startswith(b"a OK")
        else:
            plain.sendall(b"EHLO me\r\n")
            while b"250 " not in plain.recv(4096):
                pass
            plain.sendall(b"STARTTLS\r\nNOOP evil\r\n")
            assert plain.recv(4096).startswith(b"220")
        with server.context().wrap_socket(plain, server_hostname="localhost") as tls:
            tls.sendall(b"b NOOP\r\n" if protocol == "imap" else b"RSET\r\n")
            answer = tls.recv(4096)
            assert b"evil" not in answer
            assert answer.startswith(b"b OK" if protocol == "imap" else b"250 2.0.0")
            assert answer.count(b"\r\n") == 1
            tls.settimeout(0.2)
            with pytest.raises(TimeoutError):
                tls.recv(1)  # no second answer


async def test_in_process(tmp_path: Path) -> None:
    """The same server inside the running loop, twice at once, leaves nothing running behind."""
    async with in_process(tmp_path / "one") as one, in_process(tmp_path / "two") as two:
        assert set(one.ports.values()).isdisjoint(two.ports.values())
        assert set(one.ports) == {
            "smtp",
            "submission",
            "submissions",
            "imap",
            "imaps",
            "http",
            "https",
        }


def start(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A start that is to fail."""
    return subprocess.run(
        [sys.executable, "-m", "postil.cli", "localserve", "--dir", str(folder), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=folder.parent,
    )


def test_log_as_json_without_secrets(tmp_path: Path) -> None:
    """At debug for everything, JSON lines with a connection id; no password and no message text in any of them."""
    folder = tmp_path / "data"
    with running(folder, "--log-level", "debug", "--log-format", "json") as server:
        message = EmailMessage()
        message["From"], message["To"] = "me@example.org", "you@example.net"
        message["Subject"] = "canary-subject"
        message.set_content("canary-body\n")
        with smtplib.SMTP(server.ip, server.submission, timeout=60) as client:
            client.login(LOGIN, PASSWORD)
            client.send_message(message)
        with (
            smtplib.SMTP(server.ip, server.submission, timeout=60) as client,
            pytest.raises(smtplib.SMTPAuthenticationError),
        ):
            client.login(LOGIN, "canary-wrong-password")
        mail = imap(server)
        mail.select("INBOX")
        mail.fetch("1", "(BODY[])")
        mail.search(None, "TEXT", "canary-searched")
        mail.append("INBOX", None, None, b"Subject: canary-appended\r\n\r\ncanary-text\r\n")
        mail.logout()
        other = imaplib.IMAP4(server.ip, server.imap, timeout=60)
        with pytest.raises(imaplib.IMAP4.error):
            other.login(LOGIN, "canary-wrong-password")
        other.shutdown()
        assert server.process is not None and server.process.stdout is not None
        server.process.send_signal(signal.SIGTERM)
        output = server.process.stdout.read()
        assert server.process.wait(30) == 0
    printed, _, logged = output.partition("Ctrl-C stops it.\n")
    lines = [json.loads(line) for line in (printed + logged).splitlines() if line.startswith("{")]
    assert {line["event"] for line in lines} >= {"ready", "connected", "login", "disconnected"}
    assert all("cid" in line for line in lines if line["logger"] in ("postil.imap", "postil.smtp"))
    text = "\n".join(json.dumps(line) for line in lines)
    assert "canary" not in text and PASSWORD not in text
