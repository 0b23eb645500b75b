"""The tree of parts: well-formed, broken and hostile messages."""

from __future__ import annotations

import mmap
from pathlib import Path

import pytest

from postil.message.limits import MAX_DEPTH, MAX_PARTS
from postil.message.parse import parse, parse_steps
from postil.message.part import Part


def outline(data: bytes, part: Part) -> object:
    """Types and bodies of a tree, for comparison."""
    kind = f"{part.type}/{part.subtype}"
    if part.children:
        return kind, [outline(data, child) for child in part.children]
    if part.message is not None:
        return kind, outline(data, part.message)
    return kind, data[part.body_start : part.body_end]


def _multipart(body: bytes, subtype: bytes = b"mixed", boundary: bytes = b"b") -> bytes:
    return b'Content-Type: multipart/%b; boundary="%b"\r\n\r\n%b' % (subtype, boundary, body)


@pytest.mark.rfc(
    "2046",
    "5.1.1",
    "The boundary delimiter MUST occur at the beginning of a line, i.e., following a CRLF, and the"
    " initial CRLF is considered to be attached to the boundary delimiter line rather than part of"
    " the preceding part.",
)
def test_the_line_break_before_a_delimiter_belongs_to_it() -> None:
    """The example of the RFC: one part ends without a line break, the other with one."""
    data = _multipart(
        b"preamble\r\n--b\r\n\r\ndoes NOT end with one. --b\r\n--b\r\n"
        b"Content-type: text/plain\r\n\r\nDOES.\r\n\r\n--b--\r\nepilogue\r\n"
    )
    root = parse(data)
    assert outline(data, root) == (
        "multipart/mixed",
        [("text/plain", b"does NOT end with one. --b"), ("text/plain", b"DOES.\r\n")],
    )
    assert root.body_end == len(data)


def test_padding_behind_delimiters_is_allowed() -> None:
    """White space that a transport added does not hide a delimiter."""
    data = _multipart(b"--b \t\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b-- \r\nend")
    assert outline(data, parse(data))[1] == [("text/plain", b"one"), ("text/plain", b"two")]  # type: ignore[index]


def test_the_longest_boundary_on_a_line_is_meant() -> None:
    """A boundary that begins another one is not mistaken for it, also after that one is closed."""
    inner = _multipart(b"--b-1\r\n\r\none\r\n--b-1--\r\n--b-1--\r\n", b"alternative", b"b-1")
    data = _multipart(b"--b\r\n" + inner + b"--b--\r\n")
    assert outline(data, parse(data)) == (
        "multipart/mixed",
        [("multipart/alternative", [("text/plain", b"one")])],
    )


def test_text_behind_a_boundary_does_not_hide_the_delimiter() -> None:
    """RFC 2046 §5.1.1, note to implementors: the beginning of the line decides."""
    data = _multipart(b"--b ignored\r\n\r\none\r\n--b-- ignored\r\n--b\r\n\r\nepilogue")
    assert outline(data, parse(data)) == ("multipart/mixed", [("text/plain", b"one")])


def test_an_outer_delimiter_ends_everything_inside() -> None:
    """RFC 2046 §5.1.2: unterminated inner multiparts and messages end with their outer part."""
    inner = _multipart(b"--c\r\n\r\nnever closed", b"mixed", b"c")
    message = b"Content-Type: message/rfc822\r\n\r\n" + inner
    data = _multipart(b"--b\r\n" + message + b"\r\n--b\r\n\r\nlast\r\n--b--")
    assert outline(data, parse(data)) == (
        "multipart/mixed",
        [
            ("message/rfc822", ("multipart/mixed", [("text/plain", b"never closed")])),
            ("text/plain", b"last"),
        ],
    )


def test_the_same_boundary_inside_is_the_outer_one() -> None:
    """An inner multipart that reuses the boundary has no parts of its own."""
    data = _multipart(b"--b\r\n" + _multipart(b"--b\r\n\r\none\r\n--b--\r\n"))
    assert outline(data, parse(data)) == (
        "multipart/mixed",
        [("text/plain", b""), ("text/plain", b"one")],
    )


def test_parts_of_a_digest_are_messages() -> None:
    """Without Content-Type a part of a digest is a message/rfc822."""
    data = _multipart(b"--b\r\n\r\nSubject: x\r\n\r\ntext\r\n--b--\r\n", b"digest")
    root = parse(data)
    assert outline(data, root) == (
        "multipart/digest",
        [("message/rfc822", ("text/plain", b"text"))],
    )
    inner = root.children[0].message
    assert inner is not None
    assert inner.fields[b"subject"] == b"x"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", ("text/plain", b"")),
        (b"\r\n", ("text/plain", b"")),
        (b"Subject: x", ("text/plain", b"")),
        (b"Subject: x\r\n", ("text/plain", b"")),
        (b"Subject: x\r\n\r\n", ("text/plain", b"")),
        (b"no header at all\r\nreally\r\n\r\nnone", ("text/plain", b"no header at all\r\nreally\r\n\r\nnone")),
        (b"Subject: x\r\njunk line\r\nTo: y\r\n\r\nbody", ("text/plain", b"body")),
        (b"From someone Mon Jan  1\nSubject: x\n\nbody\n", ("text/plain", b"body\n")),
        (b"Subject: x\n\nbody\r\n", ("text/plain", b"body\r\n")),
        (b"Subject: x\r\n \r\n\r\nbody", ("text/plain", b"body")),
        (b"Content-Type: multipart/mixed\r\n\r\n--b\r\n", ("text/plain", b"--b\r\n")),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\nno parts", ("text/plain", b"no parts")),
        (b"Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n", ("text/plain", b"--\r\n")),
        (b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nYQ==",
         ("application/octet-stream", b"YQ==")),
        (b"Content-Type: broken\r\n\r\nx", ("text/plain", b"x")),
        (b"\0\0\0", ("text/plain", b"\0\0\0")),
    ],
)  # fmt: skip
def test_what_is_broken_becomes_simpler(data: bytes, expected: object) -> None:
    """Every octet sequence is a message; nothing in it is lost."""
    assert outline(data, parse(data)) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"--b\r\nContent-Type: a/b\r\n--b--\r\n",
        b"--b\r\n--b--\r\n",
        b"--b\r\n\r\n--b--\r\n",
        b"--b\r\n",
        b"--b",
    ],
)
def test_empty_parts_have_empty_bodies_in_bounds(body: bytes) -> None:
    """A part without blank line, without header or without anything is empty, not negative."""
    data = _multipart(body)
    (part,) = parse(data).children
    assert part.size == 0
    assert part.header_start <= part.body_start <= part.body_end <= len(data)


def test_line_ends_of_any_kind() -> None:
    """Messages with bare LF have the same tree."""
    data = _multipart(b"--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\n").replace(b"\r\n", b"\n")
    assert outline(data, parse(data))[1] == [("text/plain", b"one"), ("text/plain", b"two")]  # type: ignore[index]


def test_line_counts_of_texts_and_messages() -> None:
    """Lines are counted in the body as transferred; nested messages include their headers."""
    inner = b"Subject: x\r\n\r\n1\r\n2\r\n"
    data = _multipart(
        b"--b\r\nContent-Type: message/rfc822\r\n\r\n" + inner + b"\r\n--b\r\n\r\nx\r\n--b--"
    )
    root = parse(data)
    message, text = root.children
    assert (message.lines, text.lines) == (4, 0)
    assert message.message is not None
    assert message.message.lines == 2


def test_repeated_destination_fields_are_joined() -> None:
    """Two To fields are one list; of other fields the first counts."""
    root = parse(b"To: a@x\r\nSubject: 1\r\nTo: b@x\r\nSubject: 2\r\n\r\n")
    assert root.fields[b"to"] == b"a@x, b@x"
    assert root.fields[b"subject"] == b"1"


def test_a_mapped_file_reads_like_octets(tmp_path: Path) -> None:
    """Messages in a mapped segment give the same tree as in memory."""
    inner = b"Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\n1\r\n2\r\n"
    data = _multipart(b"--b\r\n" + inner + b"\r\n--b\r\n\r\nx\r\n" * 300 + b"--b--")
    path = tmp_path / "segment"
    path.write_bytes(data)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        for one, other in zip(parse(data).walk(), parse(mapped).walk(), strict=True):
            assert one.fields == other.fields
            for name in ("header_start", "body_start", "body_end", "lines", "type", "subtype"):
                assert getattr(one, name) == getattr(other, name)


def test_nesting_beyond_the_limit_is_not_opened() -> None:
    """A thousand messages inside each other end in an opaque part at the allowed depth."""
    data = b"Content-Type: message/rfc822\r\n\r\n" * 1000 + b"Subject: x\r\n\r\nx"
    parts = list(parse(data).walk())
    assert len(parts) <= MAX_DEPTH
    assert (parts[-1].type, parts[-1].subtype) == ("application", "octet-stream")
    assert parts[-1].body_end == len(data)


def test_parts_beyond_the_limit_stay_together() -> None:
    """The last part allowed takes the rest of the message."""
    data = _multipart(b"--b\r\n\r\nx\r\n" * (MAX_PARTS + 100) + b"--b--\r\n")
    root = parse(data)
    assert len(root.children) == MAX_PARTS - 1
    assert root.children[-1].subtype == "octet-stream"
    assert root.children[-1].body_end == len(data)


def test_steps_are_many_for_a_large_message_and_none_for_a_small_one() -> None:
    """A 4 MB message gives the loop back often; a small one at once."""
    large = _multipart(b"--b\r\n\r\n" + (b"x" * 76 + b"\r\n") * 52_000 + b"--b--\r\n")
    assert sum(1 for _ in parse_steps(large)) >= 10
    assert sum(1 for _ in parse_steps(_multipart(b"--b\r\n\r\nx\r\n--b--"))) == 0
    assert sum(1 for _ in parse_steps(b"X: " + b"y" * 4_000_000)) >= 10
