"""TLS handshakes with a whole server: every listener, name, version and protocol, by OpenSSL's own client.

The table that the test prints behind the run is the answer to "what does a client get that asks for …". What must happen is written
down a second time in `expected`, by the rules of the RFCs and without the code under test.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import imaplib
import itertools
import re
import smtplib
import socket
import ssl
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import msgspec
import pytest
from tests.app.test_server import ANY_PORT, add_account, config
from tests.net.test_hello import hello_of

from postil.accounts.attempts import FILE, Filter, read
from postil.app.server import Server, serving
from postil.base.clock import SystemClock
from postil.config.model import Chain, Listener, Tls
from postil.net.certificates import BadCertificate, self_signed

Tool = Callable[[str, str], str]

LISTENERS: Final = (
    Listener(protocol="smtp", port=25, tls="starttls", ips=("127.0.0.1",), name="smtp"),
    Listener(protocol="submission", port=587, tls="starttls", ips=("127.0.0.1",), name="submission"),
    Listener(protocol="submission", port=465, tls="implicit", ips=("127.0.0.1",), name="submissions"),
    Listener(protocol="imap", port=143, tls="starttls", ips=("127.0.0.1",), name="imap"),
    Listener(protocol="imap", port=993, tls="implicit", ips=("127.0.0.1",), name="imaps"),
    Listener(
        protocol="imap", port=994, tls="implicit", ips=("127.0.0.1",), name="imaps-strict",
        sni="strict", min_tls="1.3",
    ),
    Listener(
        protocol="http", port=443, tls="implicit", ips=("127.0.0.1",), name="https",
        also=("imap", "submission"),
    ),
    Listener(protocol="http", port=80, ips=("127.0.0.1",), name="http"),
)  # fmt: skip
STARTTLS: Final = {"smtp": "smtp", "submission": "smtp", "imap": "imap"}
NAMES: Final = (
    "mail.example.org",
    "other.example",
    "localhost",
    "",
    "elsewhere.example",
    "192.0.2.1",
    "2001:db8::1",
    "12.34",
)
VERSIONS: Final = ("1.2", "1.3")
OFFERS: Final = ("", "imap", "smtp", "http/1.1", "h2,imap", "xmpp")
OURS: Final = {
    "submissions": {"smtp"},
    "imaps": {"imap"},
    "imaps-strict": {"imap"},
    "https": {"http/1.1", "imap", "smtp"},
}
_SHOWN: Final = re.compile(r"^ 0 s:CN = (\S+)", re.MULTILINE)
_ALERT: Final = re.compile(r"SSL alert number (\d+)")
_AGREED: Final = re.compile(r"^ALPN protocol: (\S+)", re.MULTILINE)


def handshake(
    openssl: str, server: Server, listener: str, name: str, version: str, offer: str
) -> str:
    """The certificate shown and the protocol agreed, or the alert."""
    more = ["-servername", name] if name else ["-noservername"]
    if listener in STARTTLS:
        more += ["-starttls", STARTTLS[listener]]
    if offer:
        more += ["-alpn", offer]
    done = subprocess.run(
        [
            openssl, "s_client", "-connect", f"127.0.0.1:{server.ports[listener]}",
            f"-tls{version.replace('.', '_')}", *more,
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )  # fmt: skip
    said = done.stdout.decode("utf-8", "replace") + done.stderr.decode("utf-8", "replace")
    if alert := _ALERT.search(said):
        return f"alert {alert.group(1)}"
    shown = _SHOWN.search(said)
    assert shown, said
    agreed = _AGREED.search(said)
    return shown.group(1) + (f" {agreed.group(1)}" if agreed else "")


def expected(listener: str, name: str, version: str, offer: str) -> str:
    """By the rules: first the name, then the protocol, then what OpenSSL says of the version."""
    result = _by_name(listener, name, offer)
    old = listener == "imaps-strict" and version == "1.2"
    return "alert 70" if old and not result.startswith("alert") else result


def _by_name(listener: str, name: str, offer: str) -> str:
    certificate = CONFIGURED.get(name, "mail.example.org")
    if name not in CONFIGURED and listener != "smtp":
        # RFC 6066 §3 and RFC 7672 §8.1
        if name:
            return "alert 112"
        if listener == "imaps-strict":
            return "alert 109"
    offered = offer.split(",") if offer else []
    if listener not in OURS or not offered:
        return certificate
    agreed = [
        one for one in ("http/1.1", "imap", "smtp") if one in offered and one in OURS[listener]
    ]
    return f"{certificate} {agreed[0]}" if agreed else "alert 120"


CONFIGURED: Final = {
    "mail.example.org": "mail.example.org",
    "localhost": "mail.example.org",
    "other.example": "other.example",
}


def tls(folder: Path) -> Tls:
    pairs = []
    for name in ("mail.example.org", "other.example"):
        (folder / name).mkdir(exist_ok=True)
        pairs.append(self_signed(folder / name, (name,), SystemClock()))
    (certificate, key), (other, other_key) = pairs
    return Tls(
        certificate=str(certificate),
        key=str(key),
        names=("localhost",),
        chain=(Chain(certificate=str(other), key=str(other_key)),),
    )


def cases() -> Iterator[tuple[str, str, str, str]]:
    listeners = [one.name for one in LISTENERS if one.tls != "none"]
    for listener, name, version, offer in itertools.product(listeners, NAMES, VERSIONS, OFFERS):
        # What is offered matters only where the name is fine; one offer more shows that names come first.
        most = name in ("mail.example.org", "") and listener not in STARTTLS
        if most or offer == "" or (offer == "imap" and listener in OURS):
            yield listener, name, version, offer


def _table(results: dict[tuple[str, str, str, str], str]) -> str:
    lines = [
        f"{'listener':13}{'name asked for':18}{'TLS':5}"
        + "".join(f"{offer or 'no ALPN':22}" for offer in OFFERS)
    ]
    rows: dict[tuple[str, str, str], dict[str, str]] = {}
    for (listener, name, version, offer), result in results.items():
        rows.setdefault((listener, name, version), {})[offer] = result
    for (listener, name, version), row in rows.items():
        cells = "".join(f"{row.get(offer, ''):22}" for offer in OFFERS)
        lines.append(f"{listener:13}{name or 'none':18}{version:5}{cells}".rstrip())
    counts = Counter(
        result.split(" ")[0] if result[0] != "a" else result for result in results.values()
    )
    return "\n".join([*lines, f"{len(results)} handshakes: {dict(counts.most_common())}"])


async def test_matrix(
    tmp_path: Path, require_tool: Tool, record_property: Callable[[str, object], None]
) -> None:
    """RFC 6066 §3, RFC 7672 §8.1, RFC 8446 §9.2, RFC 7301 §3.2: what each client gets."""
    openssl = require_tool("openssl", "openssl")
    results: dict[tuple[str, str, str, str], str] = {}
    async with serving(config(tmp_path, listener=LISTENERS, tls=tls(tmp_path)), ANY_PORT) as server:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(4) as pool:
            todo = {
                case: loop.run_in_executor(pool, handshake, openssl, server, *case)
                for case in cases()
            }
            for case, answer in todo.items():
                results[case] = await answer
        record_property("table", _table(results))
        wrong = {
            case: (result, expected(*case))
            for case, result in results.items()
            if result != expected(*case)
        }
        assert not wrong
        value = server.metrics.registry.get_sample_value
        asked = Counter[tuple[str, str, str]]()
        for (listener, name, _, _), result in results.items():
            kind = (
                "missing" if not name else "known" if name in CONFIGURED
                else "unknown" if name[0] == "e" else "address"
            )  # fmt: skip
            refused = result in ("alert 112", "alert 109", "alert 120")
            asked[listener, kind, "refused" if refused else "shown"] += 1
        for (listener, kind, outcome), count in asked.items():
            labels = {"listener": listener, "asked": kind, "outcome": outcome}
            assert value("postil_tls_names_total", labels) == count, labels
        # A name that is not here is no failure of TLS; a version that is not spoken is one.
        for listener in (one.name for one in LISTENERS if one.tls == "implicit"):
            failures = value("postil_tls_handshake_failures_total", {"listener": listener})
            odd = sum(
                one[0] == listener and result == "alert 70" for one, result in results.items()
            )
            assert (failures or 0) == odd, listener


def _trust(server: Server, *protocols: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(server.certificate))
    context.check_hostname = False  # this machine's address is not in it
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


async def test_mail_on_443(tmp_path: Path) -> None:
    """By ALPN a port of web pages speaks IMAP and submission, with everything TLS means there, and goes on speaking HTTP."""
    async with serving(config(tmp_path, listener=LISTENERS, tls=tls(tmp_path)), ANY_PORT) as server:
        await add_account(tmp_path)
        port = server.ports["https"]

        def use() -> None:
            mail = imaplib.IMAP4_SSL(
                "127.0.0.1", port, ssl_context=_trust(server, "imap"), timeout=60
            )
            assert "AUTH=SCRAM-SHA-256-PLUS" in mail.capabilities
            assert "STARTTLS" not in mail.capabilities
            mail.login("ann@example.org", "correct horse")
            with smtplib.SMTP_SSL(
                "127.0.0.1", port, context=_trust(server, "smtp"), timeout=60
            ) as post:
                post.login("ann@example.org", "correct horse")
                post.sendmail("ann@example.org", "ann@example.org", "Subject: by 443\r\n\r\nx\r\n")
            assert mail.select("INBOX") == ("OK", [b"1"])
            mail.logout()
            for protocols in (("h2", "http/1.1"), ()):
                web = http.client.HTTPSConnection(
                    "127.0.0.1", port, context=_trust(server, *protocols), timeout=60
                )
                web.request("GET", "/healthz", headers={"Host": "localhost"})
                assert web.getresponse().read() == b"ok\n"
                web.close()

        await asyncio.to_thread(use)
        while server.metrics.registry.get_sample_value(
            "postil_connections_open", {"listener": "https"}
        ):
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("listener", ["smtp", "submission", "imap", "imaps", "https"])
async def test_failures_are_counted(tmp_path: Path, listener: str) -> None:
    """TLS that does not come about counts, behind STARTTLS too; a name that is not here does not."""
    async with serving(config(tmp_path, listener=LISTENERS, tls=tls(tmp_path)), ANY_PORT) as server:

        def send(octets: bytes) -> bytes:
            with socket.create_connection(
                ("127.0.0.1", server.ports[listener]), timeout=60
            ) as plain:
                file = plain.makefile("rb")
                if listener in STARTTLS:
                    file.readline()
                    words = b"STARTTLS\r\n" if listener != "imap" else b"a STARTTLS\r\n"
                    plain.sendall(b"EHLO x\r\n" if listener != "imap" else b"")
                    while listener != "imap" and file.readline()[3:4] == b"-":
                        pass
                    plain.sendall(words)
                    assert file.readline()[:4] in (b"220 ", b"a OK")
                plain.sendall(octets)
                return file.read(7)

        def value(name: str, **labels: str) -> float:
            labels |= {"listener": listener}
            return server.metrics.registry.get_sample_value(f"postil_tls_{name}_total", labels) or 0

        unknown = await asyncio.to_thread(send, hello_of("elsewhere.example"))
        assert unknown[0] == (22 if listener == "smtp" else 21)
        old = hello_of("mail.example.org", (), "TLSv1_2").replace(b"\x03\x03", b"\x03\x02", 1)
        assert await asyncio.to_thread(send, old) == b"\x15\x03\x02\x00\x02\x02\x46"
        assert await asyncio.to_thread(send, b"NOOP\r\nNOOP\r\n") == b""
        # On port 25 the client of the unknown name got its certificate, and left.
        expected = 3 if listener == "smtp" else 2
        while (
            value("handshake_failures") < expected
            or value("names", asked="odd", outcome="shown") < 1
        ):
            await asyncio.sleep(0.01)
        assert value("handshake_failures") == expected
        assert value("names", asked="unknown", outcome="refused") == (listener != "smtp")


@pytest.mark.rfc("8737", "4", 'The "acme-tls/1" protocol does not carry application data.')
@pytest.mark.parametrize("listener", ["submissions", "imaps", "imaps-strict", "https"])
async def test_no_protocol_behind_a_proof(tmp_path: Path, listener: str) -> None:
    """A certificate authority that looks for a proof is greeted by no protocol: the handshake stands, then the connection ends."""
    proof = Path(tls(tmp_path).chain[0].certificate), Path(tls(tmp_path).chain[0].key)
    async with serving(config(tmp_path, listener=LISTENERS, tls=tls(tmp_path)), ANY_PORT) as server:
        server.certificates._identities.show_tls(
            "mail.example.org", *(path.read_bytes() for path in proof)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(["acme-tls/1"])

        def look() -> tuple[str | None, bytes]:
            with (
                socket.create_connection(
                    ("127.0.0.1", server.ports[listener]), timeout=60
                ) as plain,
                context.wrap_socket(plain, server_hostname="mail.example.org") as tls_socket,
            ):
                return tls_socket.selected_alpn_protocol(), tls_socket.recv(100)

        assert await asyncio.to_thread(look) == ("acme-tls/1", b"")
        value = server.metrics.registry.get_sample_value
        labels = {"listener": listener, "asked": "order", "outcome": "shown"}
        assert value("postil_tls_names_total", labels) == 1
        assert not value("postil_tls_handshake_failures_total", {"listener": listener})


async def test_behind_a_proxy(tmp_path: Path) -> None:
    """Mail and pages behind a load balancer: limits and the list of logins see the client, and a direct connection is refused."""
    listeners = tuple(
        msgspec.structs.replace(one, proxies=("127.0.0.0/8",))
        for one in LISTENERS
        if one.name in ("imaps", "https", "smtp")
    )
    header = b"PROXY TCP4 192.0.2.77 127.0.0.1 4711 993\r\n"
    async with serving(config(tmp_path, listener=listeners, tls=tls(tmp_path)), ANY_PORT) as server:
        await add_account(tmp_path)

        def dial(port: str) -> socket.socket:
            return socket.create_connection(("127.0.0.1", server.ports[port]), timeout=60)

        def use() -> None:
            with dial("imaps") as plain:
                plain.sendall(header)
                with _trust(server, "imap").wrap_socket(plain) as tls_socket:
                    file = tls_socket.makefile("rwb")
                    assert file.readline().startswith(b"* OK")
                    file.write(b"a LOGIN ann@example.org wrong\r\n")
                    file.flush()
                    assert file.readline().startswith(b"a NO")
            with dial("https") as plain:
                plain.sendall(header)
                with _trust(server, "imap").wrap_socket(plain) as tls_socket:
                    assert tls_socket.recv(4) == b"* OK"
            with dial("smtp") as plain:
                plain.sendall(header + b"EHLO x\r\n")
                file = plain.makefile("rb")
                assert file.readline().startswith(b"220 ")
            for port in ("imaps", "https", "smtp"):
                with dial(port) as direct, contextlib.suppress(ConnectionError):
                    direct.sendall(b"\x16\x03\x01\x00\x05hello")
                    assert direct.recv(100) == b""

        await asyncio.to_thread(use)
        for port in ("imaps", "https", "smtp"):
            failures = server.metrics.registry.get_sample_value(
                "postil_proxy_failures_total", {"listener": port}
            )
            assert failures == 1, port
    (attempt,) = read(tmp_path / "data" / FILE, Filter(), 10)
    assert attempt.remote_ip == "192.0.2.77"


async def test_reload_under_a_hundred_connections(tmp_path: Path) -> None:
    """A new certificate is shown to who comes next; a hundred sessions go on with theirs; a broken file changes nothing."""
    wanted = tls(tmp_path)
    settings = config(tmp_path, listener=LISTENERS, tls=wanted)
    async with serving(settings, ANY_PORT) as server:
        trust = _trust(server)
        open_ones = [
            await asyncio.open_connection("127.0.0.1", server.ports["imaps"], ssl=trust)
            for _ in range(100)
        ]
        for reader, _ in open_ones:
            assert (await reader.readline()).startswith(b"* OK")
        before = open_ones[0][1].get_extra_info("ssl_object").getpeercert(True)

        async def shown() -> bytes:
            anything = ssl.create_default_context()
            anything.check_hostname = False
            anything.verify_mode = ssl.CERT_NONE
            _, writer = await asyncio.open_connection(
                "127.0.0.1", server.ports["imaps"], ssl=anything
            )
            found: bytes = writer.get_extra_info("ssl_object").getpeercert(True)
            writer.transport.abort()
            return found

        def trouble() -> float | None:
            return server.metrics.registry.get_sample_value("postil_tls_certificate_trouble")

        key = Path(wanted.key)
        good = key.read_bytes()
        key.write_bytes(good[:50])
        server.certificates.look()
        assert await shown() == before and trouble() == 1
        key.unlink()
        server.certificates.look()
        assert await shown() == before and trouble() == 1
        Path(wanted.certificate).unlink()
        self_signed(key.parent, ("mail.example.org",), SystemClock())
        server.certificates.look()
        after = await shown()
        assert after != before and trouble() == 0
        server.certificates.look()
        assert await shown() == after
        for reader, writer in open_ones:
            writer.write(b"a NOOP\r\n")
            assert (await reader.readline()).startswith(b"a OK")
            assert writer.get_extra_info("ssl_object").getpeercert(True) == before
            writer.transport.abort()


async def test_a_certificate_that_is_none_ends_the_start(tmp_path: Path) -> None:
    """One sentence that names the files."""
    (tmp_path / "c.pem").write_text("nothing")
    broken = Tls(certificate=str(tmp_path / "c.pem"), key=str(tmp_path / "k.pem"))
    with pytest.raises(BadCertificate, match=r"c\.pem"):
        async with serving(config(tmp_path, tls=broken), ANY_PORT):
            pass
