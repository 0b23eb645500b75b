"""BINARY: decoding, sizes, NULs, ranges of the decoded octets, and what cannot be decoded."""

from __future__ import annotations

import base64
import random

import pytest
from tests.imap.answers import answer, literals
from tests.support.imap import logged_in, world

from postil.imap import limits

PARTS = (
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nma=C3=B1ana=\r\n!\r\n"
    b"--b\r\nContent-Type: a/b\r\nContent-Transfer-Encoding: BASE64\r\n\r\nAAEC/w==\r\n"
    b"--b\r\nContent-Type: a/b\r\nContent-Transfer-Encoding: x-uue\r\n\r\nabc\r\n"
    b"--b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nYQpiCg==\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\ny\r\n--b--\r\n"
)


async def fetched(octets: bytes, command: str) -> bytes:
    """The answer of a fresh mailbox with one message."""
    async with world() as made:
        await made.deliver("INBOX", octets)
        return await answer(await logged_in(made, "INBOX"), command)


async def test_decoded() -> None:
    """The transfer encoding is gone, under the label that was asked for."""
    said = await fetched(PARTS, "FETCH 1 BINARY.PEEK[1]")
    assert said.startswith("* 1 FETCH (BINARY[1] {8}\r\nmañana!)".encode())


@pytest.mark.rfc(
    "3516",
    "4.3",
    'If the domain of the decoded data is "8bit" and the data does not contain the NUL octet, the server SHOULD return the data in a <string> instead of a <literal8>',
)
async def test_literal8_only_for_nul() -> None:
    """NUL makes it a literal8, other octets do not."""
    assert b"BINARY[2] ~{4}\r\n\0\1\2\xff)" in await fetched(PARTS, "FETCH 1 BINARY.PEEK[2]")
    assert b"BINARY[2]<1> {3}\r\n\1\2\xff)" in await fetched(PARTS, "FETCH 1 BINARY.PEEK[2]<1.9>")


@pytest.mark.rfc(
    "9051",
    "7.5.2",
    "The value returned MUST match the size of the <nstring> or <literal8> that will be returned by the corresponding FETCH BINARY request.",
)
@pytest.mark.rfc(
    "3516",
    "4.3",
    "The value returned MUST match the size of the <nstring> or <literal8> that will be returned by the corresponding FETCH BINARY request.",
)
@pytest.mark.parametrize("section", ["1", "2", "4", "5.1", ""])
async def test_size_matches(section: str) -> None:
    """BINARY.SIZE is the length of what BINARY gives."""
    said = await fetched(PARTS, f"FETCH 1 (BINARY.SIZE[{section}] BINARY.PEEK[{section}])")
    (value,) = literals(said)
    assert b"BINARY.SIZE[%b] %d " % (section.encode(), len(value)) in said


@pytest.mark.rfc(
    "9051",
    "7.5.2",
    'regardless of the underlying storage representation of the data on the server. If the server does not know how to decode the section\'s Content-Transfer-Encoding, it MUST fail the request and issue a "NO" response that contains the "UNKNOWN-CTE" response code.',
)
@pytest.mark.rfc(
    "3516",
    "4.3",
    'having to explicitly scan the data stream for for NULs. If the server does not know how to decode the section\'s CTE, it MUST fail the request and issue a "NO" response that contains the "UNKNOWN-CTE" extended response code.',
)
@pytest.mark.rfc(
    "9051",
    "7.5.2",
    'If the server does not know how to decode the section\'s Content-Transfer-Encoding, it MUST fail the request and issue a "NO" response that contains the "UNKNOWN-CTE" response code. BODY',
)
@pytest.mark.rfc(
    "3516",
    "4.3",
    'corresponding FETCH BINARY request. If the server does not know how to decode the section\'s CTE, it MUST fail the request and issue a "NO" response that contains the "UNKNOWN-CTE" extended response code.',
)
@pytest.mark.parametrize("item", ["BINARY.PEEK[3]", "BINARY[3]", "BINARY.SIZE[3]"])
async def test_unknown_encoding(item: str) -> None:
    """An encoding nobody knows is NO [UNKNOWN-CTE]; what else was asked is answered."""
    said = await fetched(PARTS, f"FETCH 1 (UID {item})")
    assert b"q NO [UNKNOWN-CTE]" in said
    assert b"(UID 1" in said
    assert b"BINARY" not in said.split(b"\r\nq ")[0]


@pytest.mark.rfc(
    "9051",
    "7.5.2",
    "servers MUST ensure that textual line-oriented sections are always transmitted using the IMAP CRLF line termination syntax,",
)
@pytest.mark.rfc(
    "3516",
    "6",
    "When sending data using the Binary extension, servers MUST ensure that textual line-oriented sections are always transmitted using the IMAP4 CRLF line termination syntax, regardless of the underlying storage representation of the data on the server.",
)
async def test_lines_of_text_end_in_crlf() -> None:
    """Text that was encoded with bare LF is sent with CRLF; other types are not touched."""
    assert literals(await fetched(PARTS, "FETCH 1 BINARY.PEEK[4]")) == [b"a\r\nb\r\n"]


async def test_only_leaves() -> None:
    """A multipart is refused; a message inside is given as it is, and so are its parts."""
    nested = b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n" + PARTS + b"\r\n--a--"
    assert b"q NO [CANNOT]" in await fetched(nested, "FETCH 1 BINARY.PEEK[1]")
    assert literals(await fetched(PARTS, "FETCH 1 BINARY.PEEK[5]")) == [b"Subject: x\r\n\r\ny"]
    assert literals(await fetched(PARTS, "FETCH 1 BINARY.PEEK[5.1]")) == [b"y"]


async def test_whole_message() -> None:
    """BINARY[] is the message itself, NULs included."""
    octets = b"A: b\r\n\r\n\0"
    assert b"BINARY[] ~{9}\r\n" + octets in await fetched(octets, "FETCH 1 BINARY.PEEK[]")


async def test_missing_part() -> None:
    """A part that does not exist is NIL, of size 0."""
    said = await fetched(PARTS, "FETCH 1 (BINARY.PEEK[9] BINARY.SIZE[9])")
    assert said.startswith(b"* 1 FETCH (BINARY[9] NIL BINARY.SIZE[9] 0)")


async def test_big_part_in_ranges() -> None:
    """A part too big to be kept decodes to the same octets, whole and in any range."""
    want = random.Random(1).randbytes(3 * limits.BODY_SLICE) + b"\0"
    octets = b"Content-Type: a/b\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(
        want
    ).replace(b"\n", b"\r\n")
    async with world() as made:
        await made.deliver("INBOX", octets)
        client = await logged_in(made, "INBOX")
        said = await answer(client, "FETCH 1 (BINARY.SIZE[1])")
        assert b"BINARY.SIZE[1] %d)" % len(want) in said
        said = await answer(client, "FETCH 1 BINARY.PEEK[1]")
        header, _, rest = said.partition(b"}\r\n")
        assert header.endswith(b"~{%d" % len(want))
        assert rest[: len(want)] == want
        for start, count in (
            (0, 5),
            (200_000, 300_000),
            (300_000, 500_000),
            (len(want) - 3, 10),
            (len(want), 1),
        ):
            said = await answer(client, f"FETCH 1 BINARY.PEEK[1]<{start}.{count}>")
            part = want[start : start + count]
            assert b"BINARY[1]<%d> ~{%d}\r\n%b)" % (start, len(part), part) in said


@pytest.mark.rfc(
    "3516",
    "6",
    "Furthermore, the results of a FETCH BODY MUST return the message body content in the format described by the corresponding FETCH BODYSTRUCTURE response.",
)
@pytest.mark.rfc(
    "3516",
    "6",
    "Regardless of the internal storage representation used, the server MUST issue BODYSTRUCTURE responses that describe the message as though the binary-encoded sections are encoded in a CTE acceptable to the IMAP4 base specification.",
)
async def test_body_is_as_the_structure_says() -> None:
    """BINARY decodes for whoever asks, and nothing else changes: encoding, octets and lines of BODYSTRUCTURE are those of BODY."""
    async with world() as made:
        await made.deliver("INBOX", PARTS)
        client = await logged_in(made, "INBOX")
        before = await answer(client, "FETCH 1 (BODYSTRUCTURE RFC822.SIZE)")
        for part, encoding in ((1, b"quoted-printable"), (2, b"base64"), (4, b"base64")):
            await answer(client, f"FETCH 1 (BINARY.PEEK[{part}] BINARY.SIZE[{part}])")
            (body,) = literals(await answer(client, f"FETCH 1 BODY.PEEK[{part}]"))
            assert b'"%b" %d ' % (encoding, len(body)) in before.replace(b")", b" ")
        assert await answer(client, "FETCH 1 (BODYSTRUCTURE RFC822.SIZE)") == before


@pytest.mark.rfc(
    "3516",
    "5",
    "A server MUST NOT perform any conversion of [MIME-MHE] encoded header text in response to any binary FETCH or APPEND request.",
)
async def test_header_text_is_never_converted() -> None:
    """Encoded words come as they are, by APPEND of a literal8 and by each BINARY item."""
    octets = (
        b"Subject: =?utf-8?B?w6k=?=\r\nContent-Type: message/rfc822\r\n\r\n"
        b"Subject: =?iso-8859-1?Q?=E9?=\r\n\r\nx\0"
    )
    async with world() as made:
        client = await logged_in(made, "INBOX")
        said = await answer(client, b"APPEND INBOX ~{%d+}\r\n%b" % (len(octets), octets))
        assert b"q OK" in said
        assert octets in await answer(client, "FETCH 1 BINARY.PEEK[]")
        said = await answer(client, "FETCH 1 BINARY.PEEK[1]")
        assert b"Subject: =?iso-8859-1?Q?=E9?=\r\n\r\nx\0" in said
        assert b"=?utf-8?B?w6k=?=" in await answer(client, "FETCH 1 BODY.PEEK[HEADER]")


@pytest.mark.rfc(
    "3516",
    "4.4",
    "modify the CTE of the appended data, however any such transformation MUST NOT result in a loss of data.",
)
async def test_appended_octets_stay() -> None:
    """Each of the 256 octets, in a part that says it is binary: nothing is recoded, so nothing is lost."""
    octets = (
        b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        + bytes(range(256)) * 3
    )
    async with world() as made:
        client = await logged_in(made, "INBOX")
        said = await answer(client, b"APPEND INBOX ~{%d+}\r\n%b" % (len(octets), octets))
        assert b"q OK" in said
        assert b"~{768}\r\n" + bytes(range(256)) * 3 in await answer(
            client, "FETCH 1 BINARY.PEEK[1]"
        )
