"""PROXY headers, both versions: as their specification writes them, cut anywhere, and wrong."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from collections.abc import Callable
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.net.test_hello import hello_of

from postil.net import limits
from postil.net.admission import Admission, Allowed
from postil.net.hello import Hello
from postil.net.identities import Choice
from postil.net.introduction import Introduction
from postil.net.listeners import Spec
from postil.net.naming import Alert, Asked, Decision
from postil.net.proxy import BadProxyHeader, Proxied, ProxyReader
from postil.net.stream import Connection
from postil.net.transport import Pumped
from postil.net.wheel import Wheel
from postil.ports.stream import StreamClosed, StreamTimeout

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
SIX = st.ip_addresses(v=6).filter(lambda ip: ipaddress.IPv6Address(ip).ipv4_mapped is None)
IPS = st.one_of(st.tuples(*[st.ip_addresses(v=4)] * 2), st.tuples(SIX, SIX))
PORTS = st.integers(0, 65535)


def first(told: Proxied) -> bytes:
    family = "TCP6" if ":" in told.ip else "TCP4"
    return f"PROXY {family} {told.ip} {told.local_ip} {told.port} {told.local_port}\r\n".encode()


def second(told: Proxied, extra: bytes = b"") -> bytes:
    ends = [ipaddress.ip_address(told.ip).packed, ipaddress.ip_address(told.local_ip).packed]
    body = b"".join(ends) + told.port.to_bytes(2, "big") + told.local_port.to_bytes(2, "big")
    family = b"\x21" if ":" in told.ip else b"\x11"
    length = (len(body) + len(extra)).to_bytes(2, "big")
    return SIGNATURE + b"\x21" + family + length + body + extra


@given(IPS, PORTS, PORTS, st.binary(max_size=40), st.binary(max_size=60), st.booleans(), st.data())
def test_round_trip(
    ips: tuple[object, object],
    port: int,
    local: int,
    behind: bytes,
    extra: bytes,
    newer: bool,
    data: st.DataObject,
) -> None:
    """What a proxy writes is read, however it is cut; not an octet behind it is lost."""
    told = Proxied(str(ips[0]), port, str(ips[1]), local)
    sent = (second(told, extra) if newer else first(told)) + behind
    reader = ProxyReader()
    cut = data.draw(st.integers(0, len(sent) - len(behind) - 1))
    assert reader.feed(sent[:cut]) is None
    assert reader.feed(sent[cut:]) == told
    assert reader.rest == behind


@given(st.binary(max_size=200))
def test_never_crashes(octets: bytes) -> None:
    """Anything else is refused by name."""
    for start in (b"", b"PROXY ", b"PROXY TCP4 ", SIGNATURE, SIGNATURE + b"\x21\x11"):
        with contextlib.suppress(BadProxyHeader):
            ProxyReader().feed(start + octets)


@pytest.mark.parametrize(
    "octets",
    [
        b"EHLO x\r\n",
        b"PROXY TCP4 300.1.1.1 1.1.1.1 1 2\r\n",
        b"PROXY TCP4 ::1 ::1 1 2\r\n",
        b"PROXY TCP6 1.1.1.1 1.1.1.1 1 2\r\n",
        b"PROXY TCP6 fe80::1%eth0 fe80::2 1 2\r\n",
        b"PROXY TCP4 1.1.1.1 1.1.1.1 1 65536\r\n",
        b"PROXY TCP4 1.1.1.1 1.1.1.1 1\r\n",
        b"PROXY UNKNOWNX\r\n",
        b"PROXY " + b"x" * 200,
        SIGNATURE + b"\x11\x11\x00\x0c" + bytes(12),  # version 1 in the second's clothes
        SIGNATURE + b"\x22\x11\x00\x0c" + bytes(12),  # a command that does not exist
        SIGNATURE + b"\x21\x11\x00\x0b" + bytes(11),  # an octet short
        SIGNATURE + b"\x21\x11\xff\xff",  # 64 KiB of extra fields
    ],
)
def test_refused(octets: bytes) -> None:
    """What is no header is not guessed at."""
    with pytest.raises(BadProxyHeader):
        ProxyReader().feed(octets)


@pytest.mark.parametrize(
    "octets",
    [
        b"PROXY UNKNOWN\r\n",
        b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n",
        SIGNATURE + b"\x20\x00\x00\x00",  # LOCAL: a health check
        SIGNATURE + b"\x20\x11\x00\x0c" + bytes(12),
        SIGNATURE + b"\x21\x31\x00\xd8" + bytes(216),  # a pipe
    ],
)
def test_the_proxy_speaks_for_itself(octets: bytes) -> None:
    """Then the connection's own ends count."""
    reader = ProxyReader()
    assert reader.feed(octets + b"x") == Proxied()
    assert reader.rest == b"x"


@pytest.mark.parametrize("header", [first, second])
def test_ipv4_in_ipv6(header: Callable[[Proxied], bytes]) -> None:
    """A proxy that listens on both families writes IPv4 so; lists and limits know the address by its own form."""
    told = ProxyReader().feed(header(Proxied("::ffff:192.0.2.7", 1, "::ffff:192.0.2.8", 2)))
    assert told == Proxied("192.0.2.7", 1, "192.0.2.8", 2)


def _from_here(ip: str) -> bool:
    return ip == "127.0.0.1"


async def _serve(
    behind: Callable[[str], bool], ip: str = "127.0.0.1"
) -> tuple[asyncio.Server, int, asyncio.Queue[Connection], Wheel]:
    loop = asyncio.get_running_loop()
    wheel = Wheel(loop)
    made: asyncio.Queue[Connection] = asyncio.Queue()
    server = await loop.create_server(
        lambda: Connection(
            wheel,
            listener="test",
            connection="c1",
            made=made.put_nowait,
            behind=behind,
        ),
        ip,
        0,
    )
    return server, server.sockets[0].getsockname()[1], made, wheel


async def test_a_connection_is_the_clients() -> None:
    """The session sees the client's address and reads what came behind the header in the same packet."""
    server, port, made, wheel = await _serve(_from_here)
    told = Proxied("192.0.2.7", 40000, "198.51.100.1", 993)
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(second(told) + b"hello\r\n")
    connection = await made.get()
    peer = connection.peer
    assert (peer.ip, peer.port, peer.local_ip, peer.local_port) == (
        "192.0.2.7", 40000, "198.51.100.1", 993,
    )  # fmt: skip
    assert await connection.read(10) == b"hello\r\n"
    connection.abort()
    writer.close()
    server.close()
    wheel.close()


async def test_a_proxy_without_a_header_is_cut() -> None:
    """Nobody hears of it, and the reason is kept."""
    server, port, made, wheel = await _serve(_from_here)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"EHLO me\r\n")
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    assert made.empty()
    writer.close()
    server.close()
    wheel.close()


async def test_a_silent_proxy_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has a few seconds."""
    monkeypatch.setattr(limits, "PROXY", 0.05)
    server, port, made, wheel = await _serve(_from_here)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"PROXY TCP4 ")
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    assert made.empty()
    writer.close()
    server.close()
    wheel.close()


@pytest.mark.parametrize("family", [4, 6])
async def test_others_may_not_name_an_address(family: int) -> None:
    """From an address beside the network that is listed a header is what any other first line is."""
    listed, from_proxy, other = {
        4: ("127.0.0.8/29", "127.0.0.9", "127.0.0.16"),
        6: ("::2/127", "::2", "::1"),
    }[family]
    spec = Spec("test", "127.0.0.1" if family == 4 else "::1", 0, proxies=(ip_network(listed),))
    assert spec.behind is not None
    assert spec.behind(from_proxy) and not spec.behind(other)
    assert not spec.behind("::ffff:" + from_proxy if family == 4 else "0.0.0.2")
    server, port, made, wheel = await _serve(spec.behind, spec.ip)
    _, writer = await asyncio.open_connection(spec.ip, port, local_addr=(other, 0))
    writer.write(first(Proxied("192.0.2.7", 1, "192.0.2.8", 2)))
    connection = await made.get()
    assert connection.peer.ip == other
    assert (await connection.read(10)).startswith(b"PROXY TCP4 192.0.2.7")
    connection.abort()
    writer.close()
    if family == 4:  # the same octets from the proxy's address
        _, writer = await asyncio.open_connection(spec.ip, port, local_addr=(from_proxy, 0))
        writer.write(first(Proxied("192.0.2.7", 1, "192.0.2.8", 2)) + b"x")
        connection = await made.get()
        assert connection.peer.ip == "192.0.2.7"
        assert await connection.read(10) == b"x"
        connection.abort()
        writer.close()
    server.close()
    wheel.close()


@pytest.mark.parametrize("header", [b"PROXY UNKNOWN\r\n", SIGNATURE + b"\x20\x00\x00\x00"])
async def test_a_health_check_is_the_proxys_own(header: bytes) -> None:
    """Where the proxy speaks for itself the session sees its address, and the time for the header is over."""
    server, port, made, wheel = await _serve(_from_here)
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(header + b"x")
    connection = await made.get()
    peer = connection.peer
    assert (peer.ip, peer.local_ip, peer.local_port) == ("127.0.0.1", "127.0.0.1", port)
    assert peer.port == writer.get_extra_info("sockname")[1]
    assert await connection.read(10) == b"x"
    connection.abort()
    writer.close()
    server.close()
    wheel.close()


@pytest.mark.parametrize("header", [first, second])
@pytest.mark.parametrize(
    ("proxy", "told", "seen"),
    [
        ("192.0.2.1", "127.0.0.1", "192.0.2.1"),
        ("192.0.2.1", "127.9.9.9", "192.0.2.1"),
        ("192.0.2.1", "::1", "192.0.2.1"),
        ("192.0.2.1", "::ffff:127.0.0.1", "192.0.2.1"),
        ("2001:db8::1", "::1", "2001:db8::1"),
        ("192.0.2.1", "198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", "127.0.0.2", "127.0.0.2"),
        ("::1", "127.0.0.1", "127.0.0.1"),
    ],
)
async def test_the_proxys_machine_is_not_ours(
    header: Callable[[Proxied], bytes], proxy: str, told: str, seen: str
) -> None:
    """A loopback address that a proxy elsewhere names is the proxy's, with its limits; one on this machine may mean this one."""
    six = ":" in told
    wheel = Wheel(asyncio.get_running_loop())
    own = Proxied(proxy, 40000, "192.0.2.2", 25)
    introduction = Introduction(wheel, own, pytest.fail)
    found = introduction.feed(header(Proxied(told, 7, "2001:db8::9" if six else "192.0.2.9", 993)))
    assert found is not None and found.ip == seen
    assert (found == own) == (seen == proxy)
    if seen != told:
        refused = Admission(Allowed(per_ip=1))
        assert refused.enter(found.ip, 0.0) is None
        assert refused.enter(found.ip, 0.0) is not None
    wheel.close()


async def test_the_time_for_the_header_ends_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has told in time is not cut afterwards."""
    monkeypatch.setattr(limits, "PROXY", 0.05)
    server, port, made, wheel = await _serve(_from_here)
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"PROXY UNKNOWN\r\n")
    connection = await made.get()
    with pytest.raises(StreamTimeout):
        await connection.read(0.3)
    writer.write(b"x")
    assert await connection.read(10) == b"x"
    connection.abort()
    writer.close()
    server.close()
    wheel.close()


@pytest.mark.parametrize("way", ["implicit", "starttls", "pumped"])
async def test_the_address_the_client_came_to(way: str) -> None:
    """A certificate for addresses (RFC 8738) is chosen by the one that the proxy names."""
    came_to: asyncio.Queue[str] = asyncio.Queue()

    def choose(hello: Hello, local_ip: str) -> Choice:
        came_to.put_nowait(local_ip)
        return Choice(None, Decision(Asked.UNKNOWN, alert=Alert.UNRECOGNIZED_NAME))

    loop = asyncio.get_running_loop()
    wheel = Wheel(loop)
    made: asyncio.Queue[Connection] = asyncio.Queue()

    def factory() -> asyncio.Protocol:
        if way == "pumped":
            return Pumped(wheel, asyncio.Protocol, tls=choose, behind=_from_here)
        return Connection(
            wheel,
            listener="test",
            connection="c1",
            made=made.put_nowait,
            implicit_tls=choose if way == "implicit" else None,
            start_tls=choose,
            behind=_from_here,
        )

    server = await loop.create_server(factory, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(second(Proxied("192.0.2.7", 40000, "198.51.100.1", 993)))
    if way == "starttls":
        connection = await made.get()
        connection.write(b"go")
        assert await reader.readexactly(2) == b"go"
        writer.write(hello_of("mail.example.org"))
        with pytest.raises(StreamClosed):
            await connection.start_tls()
    else:
        writer.write(hello_of("mail.example.org"))
    assert await came_to.get() == "198.51.100.1"
    assert await reader.readexactly(7) == b"\x15\x03\x03\x00\x02\x02\x70"
    writer.close()
    server.close()
    wheel.close()
