"""Octets in any cut, garbage included: the same events, and nothing raised but the client's own error."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postil.imap.client import commands, messages
from postil.imap.client.conversation import Conversation, Event
from postil.imap.client.errors import ProtocolViolation
from postil.imap.client.framer import Frame, Framer
from postil.imap.client.limits import ReplyLimits

LINES = [
    b"* OK [CAPABILITY IMAP4rev2] hello\r\n",
    b"* 3 EXISTS\r\n",
    b"* OK [UIDNEXT 4] next\r\n",
    b"* 1 FETCH (UID 7 BODY[] {5}\r\na\r\nb) FLAGS (\\Seen) BINARY[1] ~{3}\r\n\0\r\n)\r\n",
    b'* LIST () "/" {3}\r\na b\r\n',
    b'* ESEARCH (TAG "A1") UID ALL 1:3,7\r\n',
    b"* VANISHED (EARLIER) 1:7\r\n",
    b"* STATUS INBOX (MESSAGES 3)\r\n",
    b"* WHATEVER {2}\r\n\r\n x\r\n",
    b"A1 OK [READ-WRITE] done\r\n",
]
# Pieces of responses put together at random find more than random octets do.
SCRAPS = st.lists(
    st.one_of(
        st.sampled_from(LINES),
        st.binary(max_size=12),
        st.sampled_from(
            [b"* ", b"(", b")", b'"', b"\\", b"{3}\r\n", b"~{0}\r\n", b"NIL", b" ", b"\r\n", b"[", b"]", b"1", b"<1>",
             b"* 1 FETCH (", b"BODY[", b"ENVELOPE (", b"BODYSTRUCTURE ((", b"* LIST (", b"* ESEARCH ", b"* THREAD (", b"* OK [COPYUID 1 ",
             b"* NAMESPACE ", b"* METADATA ", b"* ID (", b"* QUOTA ", b"INTERNALDATE ", b"* STATUS a (", b"A1 OK ", b"+ ", b"99999999999999999999"]
        ),
    ),
    max_size=25,
).map(b"".join)  # fmt: skip


def heard(pieces: list[bytes]) -> list[Event | str]:
    """What a client that has sent one SELECT makes of it."""
    conversation = Conversation(ReplyLimits(line=10_000, literal=10_000, literals=20_000, count=50))
    conversation.start(commands.select("INBOX"))
    out: list[Event | str] = []
    for piece in pieces:
        conversation.feed(piece)
        try:
            while True:
                while conversation.output() is not None:
                    pass
                event = conversation.next()
                if event is None:
                    break
                out.append(event)
        except ProtocolViolation as error:
            return [*out, str(error)]
    return out


def cut(octets: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(octets) + 1) for place in places} | {0, len(octets)})
    return [octets[start:end] for start, end in itertools.pairwise(ends)]


def told(events: list[Event | str]) -> str:
    return repr(events)


@given(st.lists(st.integers(0, 10_000), max_size=12))
def test_any_cut_gives_the_same(places: list[int]) -> None:
    """However the network cuts it, the same events."""
    whole = b"".join(LINES)
    assert told(heard(cut(whole, places))) == told(heard([whole]))


def test_octet_by_octet() -> None:
    """The finest cut."""
    whole = b"".join(LINES)
    assert told(heard([whole[at : at + 1] for at in range(len(whole))])) == told(heard([whole]))
    assert len(heard([whole])) == 4, "greeting, two that SELECT does not claim, its answer"


@given(SCRAPS, st.lists(st.integers(0, 10_000), max_size=4))
def test_garbage_raises_nothing_else(octets: bytes, places: list[int]) -> None:
    """Whatever a server sends: events, or ProtocolViolation; the cut does not matter."""
    greeted = LINES[0] + octets
    assert told(heard(cut(greeted, places))) == told(heard([greeted]))


@pytest.mark.parametrize(
    "begin", [b"* 1 FETCH (X ", b"* 1 FETCH (BODY ", b"* THREAD ", b"* LIST () NIL a (X ", b"* STATUS a (X "]
)  # fmt: skip
def test_nesting_costs_no_stack(begin: bytes) -> None:
    """Brackets in brackets, a hundred thousand of them."""
    events = heard([LINES[0], begin + b"(" * 9000 + b"\r\n"])
    assert isinstance(events[-1], str) and ("nested" in events[-1] or "expected" in events[-1])


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"x" * 42, "longer than 40 octets"),
        (b"{21}\r\n", "literal of 21 octets"),
        (b"{20}\r\n" + b"x" * 20 + b"{20}\r\n", "literal of 20 octets"),
        (b"{0}\r\n{0}\r\n{0}\r\n", "more than 2 literals"),
    ],
)
def test_limits(octets: bytes, words: str) -> None:
    """Nothing is held beyond what the caller allows, and the error says what was too much."""
    framer = Framer(ReplyLimits(line=40, literal=20, literals=30, count=2))
    framer.feed(octets)
    with pytest.raises(ProtocolViolation, match=words):
        framer.next()


def test_what_follows_is_left_alone() -> None:
    """Octets behind a response belong to whoever asks for them: TLS, or DEFLATE."""
    framer = Framer()
    framer.feed(b"A1 OK\r\n\x16\x03\r\n\x01")
    assert framer.next() == Frame(b"A1 OK")
    assert framer.rest() == b"\x16\x03\r\n\x01" and not framer.inside


@given(st.text(max_size=20), st.binary(max_size=20))
def test_what_is_composed_can_be_sent_or_is_refused(name: str, needle: bytes) -> None:
    """Building a command never raises anything but Unsendable."""
    from postil.imap.client.compose import Astring, Forms, render
    from postil.imap.client.errors import Unsendable

    for forms in (Forms(), Forms(utf8=True)):
        for command in (commands.create(name), messages.search("BODY", Astring(needle))):
            try:
                chunks = render("A1", command, forms)
            except Unsendable:
                continue
            assert chunks
