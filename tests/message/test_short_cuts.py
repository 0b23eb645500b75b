"""What is read the quick way must come out as the long way would have it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postil.message import content, structure, threading
from postil.message.addresses import parse_addresses
from postil.message.limits import PREVIEW_FIRST
from postil.message.parse import parse
from postil.store.ingest import ingest_now, with_prefix

PIECES = st.sampled_from(
    [b"a", b"Bob", b" ", b"  ", b"\t", b"<a@b.c>", b"x@y", b"<", b">", b"@", b",", b'"', b'"Q R"', b'""', b"\\",
     b"(c)", b";", b"G:", b".", b"=?utf-8?q?a?=", b"\xc3\xa9", b"[1.2.3.4]", b"\x7f", b"'"]
)  # fmt: skip


def _entries(value: bytes) -> bytes:
    """The structures the tokenizer and its records give."""
    shown = [one for entry in parse_addresses(value) for one in structure._entry(entry, False)]
    return b"(%b)" % b"".join(shown) if shown else b"NIL"


@given(st.lists(PIECES, max_size=14).map(b"".join))
def test_usual_address_lists(value: bytes) -> None:
    """The quick reader gives what the other gives, or nothing."""
    quick = structure._usual_list(value)
    assert not value or quick is None or quick == _entries(value)


@pytest.mark.parametrize(
    "value",
    [b"a@b", b"A B <a@b>, c@d", b'"A, B" <a@b>', b"<a@b>", b" A  <a@b> ,", b"=?utf-8?q?Zo=C3=AB?= <z@e>"],
)  # fmt: skip
def test_usual_address_lists_are_read_quickly(value: bytes) -> None:
    """The common forms do take the short way."""
    assert structure._usual_list(value) == _entries(value)


TEXTS = st.lists(
    st.sampled_from(
        ["word", " ", "\r\n", "> quoted", "-- ", "é", "\u200b", "\t", "x" * 150, "y" * 2100, "\x07"]
    ),
    max_size=12,
).map("".join)


@given(TEXTS, st.sampled_from(["", "; charset=utf-8", "; charset=utf-16", "; charset=utf-7"]))
def test_preview_of_the_beginning(text: str, charset: str) -> None:
    """The first lines give the preview that the whole would."""
    message = f"Content-Type: text/plain{charset}\r\n\r\n{text}".encode()
    root = parse(message)
    lines, _ = content._first_lines(content.part_text(message, root, limit=16 * 1024))
    assert content.preview(root, message) == " ".join(lines)[:200].rstrip()


@pytest.mark.parametrize("charset", ["utf-16", "utf-7", "iso-2022-jp"])
def test_preview_of_octets_that_only_look_like_ascii(charset: str) -> None:
    """Where ASCII octets mean other characters the charset decides, however long the text is."""
    text = "+AGE-b \x1b$B0!\x1b(B " * 20 + "\n"
    message = f"Content-Type: text/plain; charset={charset}\r\n\r\n{text}".encode()
    root = parse(message)
    lines, _ = content._first_lines(content.part_text(message, root))
    assert content.preview(root, message) == " ".join(lines)[:200].rstrip()


def test_preview_behind_a_long_quotation() -> None:
    """What is quoted may fill all that is tried first."""
    message = b"\r\n" + b"> old words\r\n" * (PREVIEW_FIRST // 8) + b"New words.\r\n"
    assert content.preview(parse(message), message) == "New words."


@given(
    st.lists(
        st.sampled_from(["re:", "RE", "[x]", "fwd:", "(fwd)", " ", "  ", "\t", "hello", "]", "R", "="]),
        max_size=8,
    ).map("".join)
)  # fmt: skip
def test_base_subject(text: str) -> None:
    """A subject that is done at the first look is one in which the whole algorithm finds nothing."""
    value = text.encode()
    quick = threading.base_subject(value)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading, "_MARKS", Everything())
        assert threading.base_subject(value) == quick


class Everything:
    """A set that holds whatever is asked for: keeps the short way closed."""

    def __contains__(self, what: object) -> bool:
        return True


@pytest.mark.parametrize(
    ("prefix", "same"),
    [
        (b"X-A: 1\r\n", True),
        (b"Received: from a\r\n\tby b; now\r\n", True),
        (b"X-A: 1\r\nSUBJECT: s\r\n", False),
        (b"Subjects: s\r\n", True),
        (b"to : s\r\n", False),
        (b"Content-X: s\r\n", False),
        (b"X-A: 1\r\n \r\n", False),
        (b"X-A: 1", False),
        (b"X-A: 1\r\n\r\n", False),
        (b": x\r\n", False),
    ],
)
def test_prefixes(prefix: bytes, same: bool) -> None:
    """Fields in front leave the record as it is unless they say something of the message."""
    message = b"From: a@b\r\nSubject: s\r\n\r\nbody\r\n"
    record = with_prefix(ingest_now(message), prefix)
    assert (record is not None) == same
    if record is not None:
        assert record == ingest_now(prefix + message)
