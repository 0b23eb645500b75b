"""A server from a configuration: ready when it can take mail, undone in reverse, and careful with accounts removed."""

from __future__ import annotations

import asyncio
import dataclasses
import imaplib
import smtplib
import ssl
from email.utils import parsedate_to_datetime
from pathlib import Path

import msgspec
import pytest

from postil.accounts import Administration
from postil.app.localserve import Options, config_for
from postil.app.server import DATABASE, Variant, ready_probe, serving
from postil.base.clock import SystemClock
from postil.config import Config
from postil.config.domain import Domain
from postil.config.model import Limits, Listener
from postil.net.listeners import PortTaken
from postil.ports.store import Change, StoreUnavailable


def config(folder: Path, **more: object) -> Config:
    values: dict[str, object] = {
        "hostname": "mail.example.org",
        "data": str(folder / "data"),
        "domain": (Domain(name="example.org"),),
        "listener": tuple(
            Listener(protocol=protocol, port=port, tls=tls, ips=("127.0.0.1",), name=name)  # type: ignore[arg-type]
            for name, protocol, port, tls in (
                ("smtp", "smtp", 25, "starttls"),
                ("submission", "submission", 587, "starttls"),
                ("imap", "imap", 143, "starttls"),
                ("imaps", "imap", 993, "implicit"),
                ("http", "http", 8080, "none"),
            )
        ),
        "limits": Limits(free_space=0),
    }
    return Config(**{**values, **more})  # type: ignore[arg-type]


ANY_PORT = Variant(any_port=True, grace=1.0)


async def add_account(folder: Path) -> None:
    administration = await Administration.open(folder / "data" / DATABASE, clock=SystemClock())
    await administration.add("ann@example.org", "correct horse")
    await administration.close()


async def test_a_real_machine(tmp_path: Path) -> None:
    """Only known addresses, a login only inside TLS, the configured name in greetings, no mail on the HTTP port."""
    async with serving(config(tmp_path), ANY_PORT) as server:
        await add_account(tmp_path)

        def use() -> None:
            with smtplib.SMTP("127.0.0.1", server.ports["smtp"], timeout=60) as post:
                assert post.ehlo()[1].startswith(b"mail.example.org")
                assert "auth" not in post.esmtp_features
                post.sendmail("me@example.net", "ann@example.org", "Subject: x\r\n\r\nx\r\n")
                with pytest.raises(smtplib.SMTPRecipientsRefused):
                    post.sendmail("me@example.net", "nobody@example.org", "x\r\n")
                with pytest.raises(smtplib.SMTPRecipientsRefused):
                    post.sendmail("me@example.net", "a@elsewhere.example", "x\r\n")
            plain = imaplib.IMAP4("127.0.0.1", server.ports["imap"], timeout=60)
            assert "LOGINDISABLED" in plain.capabilities
            with pytest.raises(imaplib.IMAP4.error):
                plain.login("ann@example.org", "correct horse")
            plain.logout()
            trust = ssl.create_default_context(cafile=str(server.certificate))
            trust.check_hostname = False  # the certificate names mail.example.org
            mail = imaplib.IMAP4_SSL(
                "127.0.0.1", server.ports["imaps"], ssl_context=trust, timeout=60
            )
            mail.login("ann@example.org", "correct horse")
            assert mail.select("INBOX") == ("OK", [b"1"])
            mail.logout()

        await asyncio.to_thread(use)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.ports["http"])
        writer.write(b"GET / HTTP/1.1\r\nHost: mail.example.org\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        assert b" 200 " in answer and b"ann@" not in answer
        writer.close()


@pytest.mark.rfc(
    "9110",
    "6.6.1",
    "An origin server with a clock (as defined in Section 5.6.7) MUST generate a Date header field in all 2xx "
    "(Successful), 3xx (Redirection), and 4xx (Client Error) responses",
)
async def test_answers_carry_the_time(tmp_path: Path) -> None:
    """Pages, errors and refusals say when they were made."""
    async with serving(config(tmp_path), ANY_PORT) as server:
        for path, status in (("/healthz", 200), ("/no", 404)):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.ports["http"])
            writer.write(
                f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
            )
            head = (await reader.read()).partition(b"\r\n\r\n")[0].decode("ascii")
            writer.close()
            dates = [line[6:] for line in head.split("\r\n") if line.startswith("date: ")]
            assert f" {status} " in head and len(dates) == 1
            assert dates[0].endswith(" GMT")
            assert abs(parsedate_to_datetime(dates[0]).timestamp() - SystemClock().now()) < 60


async def test_the_log_of_the_store_is_measured(tmp_path: Path) -> None:
    """A write-ahead log that grows without end shows before the disk is full."""
    async with serving(config(tmp_path), ANY_PORT) as server:
        await add_account(tmp_path)
        account = (await server.accounts.first(1))[0]
        await server.store.create(account.id, "grown")
        reader, writer = await asyncio.open_connection("127.0.0.1", server.ports["http"])
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = (await reader.read()).decode()
        writer.close()
        lines = [one for one in answer.splitlines() if one.startswith("postil_store_wal_octets ")]
        assert len(lines) == 1 and float(lines[0].split()[1]) > 0


async def test_ready_says_why_not(tmp_path: Path) -> None:
    """Ready while mail can be written; a reason when the disk is full or the store has gone; probing leaves no trace."""
    async with serving(config(tmp_path), ANY_PORT) as server:
        await add_account(tmp_path)
        ready = ready_probe(server.store, lambda: server.accounts.first(1), tmp_path, 0)
        account = (await server.accounts.first(1))[0].id
        changes: list[Change] = []
        stop = server.store.listen(account, changes.append)
        for _ in range(3):
            assert await ready() is None
        assert changes == []
        stop()
        await server.store.close()  # type: ignore[attr-defined]
        assert await ready()
    full = config(tmp_path, limits=Limits(free_space=1 << 62))
    async with serving(full, ANY_PORT) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.ports["http"])
        writer.write(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        assert b" 503 " in answer and b"the disk is nearly full" in answer
        writer.close()


async def test_mail_of_a_removed_account_is_erased(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`postil account rm` beside a running server: its mail goes without a restart."""
    monkeypatch.setattr("postil.app.server.ERASE_EVERY", 0.01)
    async with serving(config(tmp_path), ANY_PORT) as server:
        await add_account(tmp_path)
        account = (await server.accounts.first(1))[0]
        assert await server.store.mailboxes(account.id)
        administration = await Administration.open(
            tmp_path / "data" / DATABASE, clock=SystemClock()
        )
        await administration.remove("ann@example.org")
        await administration.close()
        async with asyncio.timeout(30):
            while await server.store.mailboxes(account.id) or await server.accounts.removed():
                await asyncio.sleep(0.005)


async def test_a_failed_start_undoes_itself(tmp_path: Path) -> None:
    """A port in use: the sentence, and afterwards folder and other ports are free for the next try."""
    async with serving(config(tmp_path / "other"), ANY_PORT) as other:
        options = dataclasses.replace(Options(folder=tmp_path / "data"))
        taken = msgspec.structs.replace(
            config_for(options),
            listener=(
                Listener(protocol="smtp", port=0, ips=("127.0.0.1",), name="smtp"),
                Listener(
                    protocol="imap", port=other.ports["imap"], ips=("127.0.0.1",), name="imap"
                ),
            ),
        )
        with pytest.raises(PortTaken):
            async with serving(taken):
                pass
    async with serving(config(tmp_path), ANY_PORT):
        with pytest.raises(StoreUnavailable, match="in use by another Postil"):
            async with serving(config(tmp_path), ANY_PORT):
                pass
