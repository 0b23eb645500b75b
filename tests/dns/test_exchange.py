"""Octets from the network never raise anything but what the resolver expects."""

from __future__ import annotations

import dns.message
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postil.dns.exchange import Unreadable, parse
from postil.dns.names import BadName, to_text, to_wire
from postil.dns.reading import read
from postil.dns.records import TYPES
from postil.ports.resolver import Outcome, Record

QUERY = dns.message.make_query("a.example.", "CAA", use_edns=0, want_dnssec=True)


def _answer() -> bytes:
    made = dns.message.make_response(QUERY)
    made.answer.append(dns.rrset.from_text("a.example.", 5, "IN", "CNAME", "b.example."))
    for kind, data in (
        ("CAA", '0 issue "ca.example; a=b"'), ("TXT", '"x" "y"'), ("MX", "10 c.example."), ("A", "192.0.2.1"), ("TLSA", "3 1 1 " + "ab" * 32),
        ("AAAA", "2001:db8::1"), ("PTR", "d.example."), ("NS", "ns.example."),
    ):  # fmt: skip
        made.answer.append(dns.rrset.from_text("b.example.", 5, "IN", kind, data))
    soa = "ns.example. root.example. 1 2 3 4 5"
    made.authority.append(dns.rrset.from_text("example.", 5, "IN", "SOA", soa))
    return made.to_wire()


ANSWER = _answer()
KINDS = st.sampled_from(sorted(TYPES, key=lambda kind: kind.__name__))


def understood(wire: bytes, kind: type[Record]) -> None:
    try:
        message = parse(wire, QUERY)
    except Unreadable:
        return
    if message is not None:
        reading = read(message, QUERY.question[0].name, kind, trusted=True)
        assert (reading.outcome is Outcome.FOUND) == bool(reading.records)


@given(st.binary(max_size=400), KINDS)
def test_any_octets(tail: bytes, kind: type[Record]) -> None:
    """With the right number in front, so that they are looked at."""
    understood(QUERY.id.to_bytes(2, "big") + tail, kind)


@given(
    st.lists(st.tuples(st.integers(2, len(ANSWER) - 1), st.integers(0, 255)), max_size=6),
    st.integers(12, len(ANSWER)),
    KINDS,
)
def test_a_damaged_answer(changes: list[tuple[int, int]], length: int, kind: type[Record]) -> None:
    """A true answer with some octets changed, or cut off."""
    wire = bytearray(ANSWER)
    for at, octet in changes:
        wire[at] = octet
    understood(bytes(wire[:length]), kind)


def test_what_is_somebody_elses_is_not_a_reason() -> None:
    """A broken datagram with another number than ours is passed over, not taken for a broken answer."""
    other = (QUERY.id ^ 1).to_bytes(2, "big")
    assert parse(other + b"\xff" * 40, QUERY) is None
    with pytest.raises(Unreadable):
        parse(QUERY.id.to_bytes(2, "big") + b"\x80\0" + b"\0\1" * 4 + b"\xff" * 40, QUERY)


@given(st.text(max_size=300) | st.from_regex(rb"[ -~]{0,80}", fullmatch=True).map(bytes.decode))
def test_any_name(text: str) -> None:
    """A text is a name or a BadName; a name comes back as it was, in one spelling."""
    try:
        name = to_wire(text)
    except BadName:
        return
    shown = to_text(name)
    assert to_wire(shown) == name and to_text(to_wire(shown)) == shown
