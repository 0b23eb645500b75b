"""The client's first message, read from what OpenSSL sends, in any cut, and from what nobody would send."""

from __future__ import annotations

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postil.net import limits
from postil.net.hello import ODD, Hello, HelloReader


def hello_of(name: str | None, protocols: tuple[str, ...] = (), version: str = "TLSv1_3") -> bytes:
    """What OpenSSL sends first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    if protocols:
        context.set_alpn_protocols(list(protocols))
    out = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return out.read()


def records(message: bytes, size: int) -> bytes:
    """A handshake message cut into records."""
    pieces = [message[start : start + size] for start in range(0, len(message), size)]
    return b"".join(b"\x16\x03\x01" + len(piece).to_bytes(2, "big") + piece for piece in pieces)


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
@pytest.mark.parametrize(
    ("name", "protocols"),
    [("mail.example.org", ()), (None, ()), ("localhost", ("imap",)), (None, ("h2", "http/1.1"))],
)
def test_what_openssl_sends(version: str, name: str | None, protocols: tuple[str, ...]) -> None:
    """Name and protocols are read as the client wrote them; every octet is kept for OpenSSL."""
    sent = hello_of(name, protocols, version)
    reader = HelloReader()
    assert reader.feed(sent) == Hello(
        name.encode() if name else None, tuple(one.encode() for one in protocols)
    )
    assert bytes(reader.octets) == sent


@given(st.integers(1, 2000), st.lists(st.integers(1, 4000), max_size=8))
def test_in_any_cut(record: int, cuts: list[int]) -> None:
    """However wire and records cut it, the hello is the same, and is there with its last octet, not before."""
    message = hello_of("mail.example.org", ("imap",))[5:]
    sent = records(message, record)
    reader = HelloReader()
    ends = sorted({cut for cut in cuts if cut < len(sent)} | {len(sent)})
    at = 0
    for end in ends:
        found = reader.feed(sent[at:end])
        at = end
        assert (found is not None) == (at == len(sent))
    assert found == Hello(b"mail.example.org", (b"imap",))
    assert bytes(reader.octets) == sent


@given(st.binary(max_size=600), st.integers(0, 400), st.integers(0, 255))
def test_never_crashes(octets: bytes, at: int, value: int) -> None:
    """Anything may come: octets of no meaning, and a real hello with one octet changed or its end cut off."""
    HelloReader().feed(octets)
    HelloReader().feed(b"\x16\x03\x01" + octets)
    sent = bytearray(hello_of("mail.example.org", ("imap",)))
    sent[at % len(sent)] = value
    HelloReader().feed(bytes(sent))
    HelloReader().feed(bytes(sent[: at % len(sent)]))


@pytest.mark.parametrize(
    "octets",
    [
        b"G",  # HTTP on a TLS port
        b"EHLO x\r\n",
        b"\x80\x2e\x01\x03\x01",  # the hello of SSL 2
        b"\x16\x03\x01\x00\x00",  # an empty record
        b"\x16\x03\x01\x40\x01",  # a record longer than any
        b"\x16\x03\x01\x00\x04\x02\x00\x00\x00",  # a server's hello
        b"\x16\x03\x01\x00\x04\x01\x7f\xff\xff",  # a message of eight megabytes
        records(b"\x01\x00\x00\x02\x03\x03", 100),  # a hello without anything in it
    ],
)
def test_what_is_no_hello_is_left_to_openssl(octets: bytes) -> None:
    """OpenSSL knows the right alert; we wait for no more octets."""
    assert HelloReader().feed(octets) is ODD


def test_a_hello_without_end_is_bounded() -> None:
    """One octet a record is allowed, and takes a bounded amount of memory."""
    message = b"\x01" + limits.HELLO.to_bytes(3, "big") + bytes(limits.HELLO)
    reader = HelloReader()
    for start in range(0, len(message), 64):
        reader.feed(records(message[start : start + 64], 1))
    assert len(reader.octets) <= 6 * (limits.HELLO + 4)


def test_not_ascii() -> None:
    """A name of other octets is a name like any other that we do not have."""
    sent = hello_of("mail.example.org").replace(b"mail.example.org", b"\xff\x00il.example.or\xc3")
    assert HelloReader().feed(sent) == Hello(b"\xff\x00il.example.or\xc3")


def with_names(data: bytes) -> bytes:
    """A hello whose only extension is "server_name" with that content."""
    extension = b"\x00\x00" + len(data).to_bytes(2, "big") + data
    body = b"\x03\x03" + bytes(32) + b"\x00" + b"\x00\x02\x13\x01" + b"\x01\x00"
    body += len(extension).to_bytes(2, "big") + extension
    return records(b"\x01" + len(body).to_bytes(3, "big") + body, 4000)


def names(*entries: tuple[int, bytes]) -> bytes:
    """RFC 6066 §3: a ServerNameList."""
    listed = b"".join(bytes([kind]) + len(n).to_bytes(2, "big") + n for kind, n in entries)
    return len(listed).to_bytes(2, "big") + listed


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (names((0, b"a.example")), b"a.example"),
        (names((7, b"x"), (0, b"a.example")), b"a.example"),
        (names((0, b"a.example"), (0, b"b.example")), b"a.example"),
        (names((7, b"a.example")), None),
        (names((0, b"")), b""),
        (names(), None),
    ],
)
def test_lists_of_names(data: bytes, name: bytes | None) -> None:
    """The first host name counts, names of other kinds do not; what OpenSSL forbids of these it refuses by itself."""
    assert HelloReader().feed(with_names(data)) == Hello(name)


@pytest.mark.parametrize("data", [b"", names((0, b"a.example"))[:-1], b"\x00\x05\x00\x00\x09ab"])
def test_lists_that_are_cut(data: bytes) -> None:
    """A list shorter than it says is no list."""
    assert HelloReader().feed(with_names(data)) is ODD


def test_an_extension_longer_than_all() -> None:
    """Then the octets do not add up, whatever name stands in them."""
    sent = bytearray(with_names(names((0, b"a.example"))))
    at = sent.index(b"\x00\x00\x00\x0e")
    sent[at + 3] += 1
    assert HelloReader().feed(bytes(sent)) is ODD
