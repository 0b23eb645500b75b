"""Behind a real load balancer: HAProxy of Debian hands connections over with PROXY headers of both versions."""

from __future__ import annotations

import asyncio
import contextlib
import imaplib
import smtplib
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from tests.app.test_handshakes import LISTENERS, tls
from tests.app.test_server import ANY_PORT, add_account, config
from tools.bench.peers import wait_port
from tools.ports import free_port

from postil.accounts.attempts import FILE, Filter, read
from postil.app.server import Server, serving

BEHIND = "127.0.0.2"  # from where HAProxy's own connections come


@contextlib.contextmanager
def haproxy(program: str, folder: Path, server: Server, header: str) -> Iterator[dict[str, int]]:
    """A port of its own for each listener; what checks its configuration is HAProxy itself."""
    ports = {name: free_port() for name in server.ports}
    parts = ["defaults\n mode tcp\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n"]
    for name, port in ports.items():
        parts.append(
            f"listen {name}\n bind 127.0.0.1:{port}\n source {BEHIND}\n"
            f" server it 127.0.0.1:{server.ports[name]} {header}\n"
        )
    file = folder / "haproxy.cfg"
    file.write_text("".join(parts))
    process = subprocess.Popen([program, "-db", "-f", str(file)], stderr=subprocess.PIPE)
    try:
        for port in ports.values():
            wait_port(port)
        yield ports
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.mark.parametrize("header", ["send-proxy", "send-proxy-v2"])
async def test_behind_haproxy(
    tmp_path: Path, require_tool: Callable[[str, str], str], header: str
) -> None:
    """TLS, STARTTLS and mail go through, and the list of logins has the client's address and not the proxy's."""
    program = require_tool("haproxy", "haproxy")
    listeners = tuple(
        msgspec.structs.replace(one, proxies=(BEHIND,))
        for one in LISTENERS
        if one.name in ("smtp", "submission", "imaps")
    )
    async with serving(config(tmp_path, listener=listeners, tls=tls(tmp_path)), ANY_PORT) as server:
        await add_account(tmp_path)
        trust = ssl.create_default_context(cafile=str(server.certificate))
        trust.check_hostname = False

        def use() -> None:
            with haproxy(program, tmp_path, server, header) as ports:
                mail = imaplib.IMAP4_SSL("127.0.0.1", ports["imaps"], ssl_context=trust, timeout=60)
                mail.login("ann@example.org", "correct horse")
                with smtplib.SMTP("127.0.0.1", ports["smtp"], timeout=60) as post:
                    post.starttls(context=trust)
                    post.sendmail("me@example.net", "ann@example.org", "Subject: x\r\n\r\nx\r\n")
                with smtplib.SMTP("127.0.0.1", ports["submission"], timeout=60) as post:
                    post.starttls(context=trust)
                    post.login("ann@example.org", "correct horse")
                assert mail.select("INBOX") == ("OK", [b"1"])
                mail.logout()

        await asyncio.to_thread(use)
    seen = {(row.protocol, row.remote_ip) for row in read(tmp_path / "data" / FILE, Filter(), 10)}
    assert seen == {("imap", "127.0.0.1"), ("submission", "127.0.0.1")}
