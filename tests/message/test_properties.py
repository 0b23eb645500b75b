"""What holds for every sequence of octets."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from postil.message import content, fields, threading
from postil.message.addresses import parse_addresses
from postil.message.dates import parse_date
from postil.message.params import content_type, disposition
from postil.message.parse import parse, parse_steps
from postil.message.part import Part
from postil.message.section import section_range
from postil.message.structure import bodystructure, render, render_steps
from postil.message.transfer import UnknownEncoding, decoded, decoded_size
from postil.message.words import decode

_BITS = st.sampled_from(
    [
        b"\r\n", b"\n", b"\r", b" ", b"\t", b"--b", b"--c", b"--b--", b"--c--", b"\r\n--b\r\n",
        b"\r\n--c--\r\n", b"\r\n\r\n", b"Content-Type: ", b"multipart/mixed; boundary=b\r\n",
        b"multipart/digest; boundary=\"c\"\r\n", b"message/rfc822\r\n", b"message/global\r\n",
        b"text/html; charset=x\r\n", b"Content-Type: message/rfc822\r\n\r\n",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n",
        b"Content-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\n",
        b"Content-Transfer-Encoding: base64\r\n", b"Content-Transfer-Encoding: quoted-printable\r\n",
        b"Content-Disposition: attachment; filename*0*=utf-8''x; filename*1=y\r\n",
        b"Subject: =?utf-8?Q?=C3=A9?=\r\n", b"From: A <a@b>, G:;\r\n", b"To: <@r:a@b> (c)\r\n",
        b"Date: Mon, 1 Jan 2024 00:00:00 +0000\r\n", b"References: <a@b> <c@d>\r\n",
        b"=?utf-8?", b"?=", b"\"", b"(", b")", b"<", b">", b"@", b",", b";", b":", b"=", b"*0*=",
        b"\\", b"\0", b"\xff", b"\xc3\xa9", b"word", b"YWJj", b"=3D", b"<p>", b"<script>", b"<!--",
    ]
)  # fmt: skip
_GARBAGE = st.one_of(st.binary(max_size=200), st.lists(_BITS, max_size=40).map(b"".join))


def _within(part: Part, start: int, end: int) -> None:
    assert start <= part.header_start <= part.body_start <= part.body_end <= end
    assert not (part.children and part.message)
    position = part.body_start
    for child in part.children:
        _within(child, position, part.body_end)
        position = child.body_end
    if part.message is not None:
        assert (part.message.header_start, part.message.body_end) == (
            part.body_start,
            part.body_end,
        )
        _within(part.message, part.body_start, part.body_end)


@given(_GARBAGE)
# A delimiter of the outer multipart right behind one of the inner: the part between them has no line of its own.
@example(
    b"Content-Type: multipart/a; boundary=a\n\n--a\nContent-Type: multipart/m; boundary=b\n\n--b\n--a\n"
)
def test_parts_lie_inside_each_other_in_order(data: bytes) -> None:
    """Whatever arrives, the tree covers the message, and no part leaves its parent or its turn."""
    root = parse(data)
    assert (root.header_start, root.body_end) == (0, len(data))
    _within(root, 0, len(data))
    for part in root.walk():
        body = data[part.body_start : part.body_end]
        if part.type == "text" or part.message is not None:
            assert part.lines == body.count(b"\n")
        assert bool(part.children) == (part.type == "multipart")


@given(_GARBAGE)
def test_header_and_text_are_the_whole_message(data: bytes) -> None:
    """BODY[HEADER] and BODY[TEXT] joined are BODY[]."""
    root = parse(data)
    header, text = section_range(root, (), "HEADER"), section_range(root, (), "TEXT")
    assert header is not None
    assert text is not None
    assert data[slice(*header)] + data[slice(*text)] == data


@given(_GARBAGE)
@example(b"!:\n\x00")
def test_fields_joined_are_the_header(data: bytes) -> None:
    """Every octet of a header is in one field or in the blank line."""
    header = data[: parse(data).body_start]
    joined = b"".join(field.raw for field in fields.iter_fields(header))
    assert joined + fields.blank_line(header) == header
    assert fields.subset(header, [], exclude=True) == header
    chosen = [b"subject", b"from", b""]
    kept = fields.subset(header, chosen)
    dropped = fields.subset(header, chosen, exclude=True)
    assert len(kept) + len(dropped) == len(header) + len(fields.blank_line(header))


def _balanced(rendered: bytes) -> None:
    """A reader of IMAP finds one list and nothing behind it."""
    depth, position = 0, 0
    while position < len(rendered):
        octet = rendered[position : position + 1]
        if octet == b'"':
            position += 1
            while rendered[position : position + 1] != b'"':
                assert rendered[position : position + 1] not in (b"\r", b"\n", b"\0", b"")
                position += 2 if rendered[position : position + 1] == b"\\" else 1
        elif octet == b"{":
            end = rendered.index(b"}\r\n", position)
            size = int(rendered[position + 1 : end])
            assert b"\0" not in rendered[end + 3 : end + 3 + size]
            position = end + 2 + size
        depth += (octet == b"(") - (octet == b")")
        position += 1
        assert depth > 0 or position == len(rendered)
    assert depth == 0


@given(_GARBAGE, st.booleans())
def test_structure_is_always_well_formed(data: bytes, utf8: bool) -> None:
    """ENVELOPE and BODYSTRUCTURE of anything can be read by a client."""
    root = parse(data)
    rendered = render(root, utf8=utf8)
    _balanced(rendered.envelope)
    _balanced(rendered.bodystructure)
    _balanced(bodystructure(root, utf8=utf8, extended=False))
    if rendered.same:
        assert render(root, utf8=not utf8) == rendered


@given(_GARBAGE)
def test_nothing_fails(data: bytes) -> None:
    """Every reader takes every octet sequence."""
    root = parse(data)
    assert content.search_text(data, root) is not None
    assert len(content.preview(root, data)) <= 200
    threading.message_id(root)
    threading.references(root)
    threading.base_subject(data)
    parse_addresses(data)
    for entry in parse_addresses(data):
        assert str(entry) is not None
    parse_date(data)
    content_type(data)
    disposition(data)
    decode(data)
    for part in root.walk():
        content.file_name(part)
        try:
            assert sum(map(len, decoded(data, part))) == decoded_size(data, part)
        except UnknownEncoding:
            assert part.encoding not in ("7bit", "8bit", "binary", "base64", "quoted-printable")


@given(st.lists(_BITS, max_size=30).map(b"".join), st.integers(1, 6))
def test_slices_make_no_difference(data: bytes, copies: int) -> None:
    """A parse in slices gives the tree of a parse at one go."""
    data = data * copies
    steps = parse_steps(data)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            stepped: Part = stop.value
            break
    whole = render(parse(data))
    assert render(stepped) == whole
    rendering = render_steps(stepped)
    while True:
        try:
            next(rendering)
        except StopIteration as stop:
            assert stop.value == whole
            break
