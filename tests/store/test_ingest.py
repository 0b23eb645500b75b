"""From octets to the record that FETCH answers from."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from postil.store.ingest import ingest, ingest_now, with_prefix

PREFIX = b"Return-Path: <a@example.org>\r\nReceived: from a\r\n by b; date\r\nDelivered-To: c\r\n"
PIECES = st.sampled_from(
    [b"Subject: x\r\n", b"\r\n", b"\n", b" folded\r\n", b"From: a@b\r\n", b"not a field\r\n", b"\xff\x00",
     b"Content-Type: multipart/mixed; boundary=b\r\n", b"--b\r\n", b"--b--\r\n", b">From x\r\n", b"a:", b":\r\n"]
)  # fmt: skip
MESSAGES = st.lists(PIECES, max_size=9).map(b"".join)


@given(MESSAGES)
def test_a_prefix_changes_nothing_but_the_header(octets: bytes) -> None:
    """What is worked out from the parts is what a parse of the whole would say."""
    quick = with_prefix(ingest_now(octets), PREFIX)
    whole = ingest_now(PREFIX + octets)
    assert quick is None or quick == whole


def test_the_quick_way_is_taken_for_usual_messages() -> None:
    """Delivery of a well-formed message parses it once."""
    record = ingest_now(b"Subject: x\r\n\r\nbody\r\n")
    assert with_prefix(record, PREFIX) is not None
    assert with_prefix(record, b"") is record
    for telling in (
        b"Subject: y\r\n",
        b"Content-Type: text/html\r\n",
        b"no field\r\n",
        b"X: y",
        b"\r\n",
    ):
        assert with_prefix(record, telling) is None


@given(MESSAGES)
def test_slices_give_the_same(octets: bytes) -> None:
    """Ingesting with pauses is ingesting at once."""
    assert asyncio.run(ingest(octets)) == ingest_now(octets)


def test_what_is_kept() -> None:
    """Identifiers, base subject and preview of a reply."""
    record = ingest_now(
        b"Message-ID: <2@x>\r\nReferences: <0@x> <1@x>\r\nSubject: Re: [list] hello (fwd)\r\n\r\nThe text.\r\n"
    )
    assert record.message_id == b"<2@x>"
    assert record.references == (b"<0@x>", b"<1@x>")
    assert record.base_subject == "hello"
    assert record.preview == "The text."
    assert record.plain
    assert not ingest_now("Subject: é\r\n\r\n".encode()).plain
