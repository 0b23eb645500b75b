"""Lines and messages come out the same however the network cuts the octets."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postil.smtp.wire import DataReader, Incoming, Line


def read_message(wire: bytes, cuts: list[int]) -> tuple[bytes, bytes, bool, bool]:
    """(message, rest, done, bare) of octets fed in pieces."""
    reader = DataReader()
    message = b""
    rest = b""
    edges = sorted({0, len(wire), *(cut % (len(wire) + 1) for cut in cuts)})
    for start, stop in itertools.pairwise(edges):
        if reader.done:
            rest += wire[start:stop]
            continue
        piece, behind = reader.feed(wire[start:stop])
        message += piece
        rest += behind
    assert reader.size == len(message)
    return message, rest, reader.done, reader.bare


def stuffed(message: bytes) -> bytes:
    """As a client sends it."""
    return (b"\r\n" + message).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"


LINES = st.lists(
    st.sampled_from([b"", b".", b"..", b"a", b".a", b"\xff\x00", b"From: x", b".QUIT"])
)
SOUP = st.lists(st.sampled_from([b"\r", b"\n", b".", b"x", b"\r\n", b"\r\n.\r\n", b".\r\n"])).map(
    b"".join
)
CUTS = st.lists(st.integers(0, 1000), max_size=12)


@pytest.mark.rfc(
    "5321",
    "4.5.2",
    "If the first character is a period and there are other characters on the line, the first character is deleted",
)
@given(LINES, CUTS)
def test_a_stuffed_message_comes_back(lines: list[bytes], cuts: list[int]) -> None:
    """Stuffing and unstuffing are inverse, whatever the cuts, and what follows is left alone."""
    message = b"".join(line + b"\r\n" for line in lines)
    assert read_message(stuffed(message) + b"QUIT\r\n", cuts) == (message, b"QUIT\r\n", True, False)


@settings(max_examples=400)
@given(SOUP, CUTS)
def test_cuts_change_nothing(wire: bytes, cuts: list[int]) -> None:
    """Message, rest, end and the finding of bare line ends do not depend on the cuts."""
    whole = read_message(wire, [])
    cut = read_message(wire, cuts)
    assert (cut[0], cut[2], cut[3]) == (whole[0], whole[2], whole[3])
    if whole[2]:
        assert cut[1] == whole[1]


@given(SOUP)
def test_the_end_is_the_first_crlf_dot_crlf(wire: bytes) -> None:
    """A plain search for CRLF.CRLF, with the CRLF of the DATA line in front, finds the same end."""
    message, rest, done, bare = read_message(wire, [])
    at = (b"\r\n" + wire).find(b"\r\n.\r\n")
    assert done == (at >= 0)
    if done:
        raw = wire[:at]
        assert rest == wire[at + 3 :]
        assert message == (b"\r\n" + raw).replace(b"\r\n.", b"\r\n")[2:]
        plain = raw.replace(b"\r\n", b"")
        assert bare == (b"\r" in plain or b"\n" in plain)


@pytest.mark.rfc(
    "5321",
    "4.1.1.4",
    "(bare line feeds, without carriage returns) MUST NOT be treated as equivalent to <CRLF>.<CRLF>",
)
@pytest.mark.parametrize(
    "end", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n", b"\n.\r"]
)
def test_no_other_sequence_ends_a_message(end: bytes) -> None:
    """None of the near misses used for smuggling ends a message, and each is reported."""
    message, rest, done, bare = read_message(b"a" + end + b"MAIL FROM:<x>\r\n.\r\n", [])
    assert done
    assert bare
    assert b"MAIL FROM" in message
    assert rest == b""


@pytest.mark.parametrize("wire", [b".\r\n", b"\r\n.\r\n", b".a\r\n.\r\n"])
def test_short_messages(wire: bytes) -> None:
    """An empty message, an empty line, and a first line with a dot need no special client."""
    message, rest, done, bare = read_message(wire, list(range(len(wire))))
    assert (done, bare, rest) == (True, False, b"")
    assert message == wire[: -len(b".\r\n")].removeprefix(b".")


def lines_of(wire: bytes, cuts: list[int], longest: int) -> list[Line]:
    incoming = Incoming()
    found = []
    edges = sorted({0, len(wire), *(cut % (len(wire) + 1) for cut in cuts)})
    for start, stop in itertools.pairwise(edges):
        incoming.feed(wire[start:stop])
        while (line := incoming.line(longest)) is not None:
            found.append(line)
    return found


@given(
    st.lists(st.sampled_from([b"a", b"bb\r", b"\r\n", b"\n", b"x" * 20, b"\r"])).map(b"".join), CUTS
)
def test_lines_do_not_depend_on_cuts(wire: bytes, cuts: list[int]) -> None:
    """The same lines, with the same ones too long, for every cut."""
    assert lines_of(wire, cuts, 12) == lines_of(wire, [], 12)


@pytest.mark.rfc(
    "5321",
    "2.3.8",
    "Conforming implementations MUST NOT recognize or generate any other character or character sequence as a line terminator",
)
def test_only_crlf_ends_a_line() -> None:
    """LF, CR and LF CR are part of the line."""
    assert lines_of(b"a\nb\rc\n\rd\r\n", [], 100) == [Line(b"a\nb\rc\n\rd")]


def test_long_lines_cost_no_memory() -> None:
    """An endless line is dropped as it comes, and reported once when it ends."""
    incoming = Incoming()
    for _ in range(100):
        incoming.feed(b"x" * 1000)
        assert incoming.line(512) is None
        assert len(incoming) <= 1
    assert incoming.dropped >= 99_999
    incoming.feed(b"\r\nNOOP\r\n")
    assert incoming.line(512) == Line(b"", too_long=True)
    assert incoming.line(512) == Line(b"NOOP")


@pytest.mark.parametrize(("octets", "too_long"), [(510, False), (511, True)])
def test_the_limit_counts_the_crlf(octets: int, too_long: bool) -> None:
    """512 octets with CRLF fit, 513 do not, in one piece or in two."""
    for cuts in ([], [5], [octets + 1]):
        found = lines_of(b"x" * octets + b"\r\n", cuts, 512)
        assert [line.too_long for line in found] == [too_long]
