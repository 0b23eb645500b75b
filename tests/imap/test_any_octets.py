"""FETCH and SEARCH against octets that resemble commands: an answer each time, never our fault."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.imap import Client, logged_in, message, world

WORDS = st.sampled_from(
    ["1", "2", "1:*", "*", "$", "5:1", "99", "UID", "FLAGS", "BODY", "BODY[]", "BODY.PEEK[1.2.MIME]", "BODY[HEADER.FIELDS", "(A)]<0.5>", "BODY[]<4294967296.1>", "BINARY[1]<1.1>", "BINARY.SIZE[]", "RFC822.TEXT", "ENVELOPE", "BODYSTRUCTURE", "INTERNALDATE", "ALL", "FULL", "(", ")", "()", "NOT", "OR", "SEEN", "KEYWORD", "$Junk", "SINCE", "1-Jan-2020", "ON", "SENTON", "31-Dec-9999", "1-Jan-0001", "LARGER", "9223372036854775807", "HEADER", '""', "TEXT", "x", "FROM", "a@b", "@", '"a\\"b"', "CHARSET", "UTF-8", "X", "RETURN", "(SAVE", "MIN)", "(ALL)", "NIL", "{1+}\r\nx", "~{1+}\r\n\x00", "\x7f", "[", "]", "<", ">", ".", "0", "00", ":", ",", "**", "1:2:3"]
)  # fmt: skip
LINES = st.tuples(
    st.sampled_from(["FETCH 1:*", "UID FETCH 1:*", "FETCH", "SEARCH", "UID SEARCH", "SEARCH RETURN (ALL)", "SEARCH OR"]),
    st.lists(WORDS, max_size=6),
    st.one_of(st.just(b""), st.just(b""), st.binary(max_size=6)).map(lambda octets: octets.replace(b"\r\n", b"").replace(b"}", b"")),
)  # fmt: skip


@given(st.lists(LINES, min_size=10, max_size=10))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
async def test_every_command_is_answered(lines: list[tuple[str, list[str], bytes]]) -> None:
    """Whatever is asked, the session gives one tagged answer and goes on; `world` fails on our own faults."""
    async with world() as made:
        await made.deliver("INBOX", message(1), frozenset({"\\Seen", "$Junk"}))
        await made.deliver(
            "INBOX", b"Content-Type: multipart/mixed; boundary=\xff\r\n\r\n--\xff\r\n\0"
        )
        await made.deliver("INBOX", b"")
        client: Client = await logged_in(made, "INBOX")
        for command, words, tail in lines:
            text = " ".join([command, *words]).encode("latin-1") + tail
            if text.endswith(b"\r"):
                text += b"x"
            answer = await client.command(text)
            assert answer[-1].split(b" ")[:2][1] in (b"OK", b"NO", b"BAD"), text
        assert (await client.command("NOOP"))[-1].startswith(b"t OK")
