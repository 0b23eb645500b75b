"""The reader: commands out of octets in any cut, literals, and staying in step after a refusal."""

from __future__ import annotations

import dataclasses
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.streams import MemoryStream

from postil.imap import limits
from postil.imap.errors import Bad, Bye
from postil.imap.wire import WOKEN, CommandReader, Request, Unreadable
from postil.ports.stream import StreamClosed, StreamTimeout

KNOWN = {"NOOP", "LOGIN", "APPEND", "SEARCH", "UID SEARCH", "UID REPLACE", "CREATE"}
STREAMED = {"APPEND": 1, "UID REPLACE": 2}


class Pieces(MemoryStream):
    """A stream on which the client's octets arrive cut as the test says."""

    def __init__(self, pieces: list[bytes]) -> None:
        super().__init__()
        self._pieces = [piece for piece in pieces if piece]

    async def read(self, timeout: float) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""

    @property
    def sent(self) -> bytes:
        return bytes(self._out)


def reader_of(*pieces: bytes, login: bool = True) -> tuple[CommandReader, Pieces]:
    """A reader behind its first command, and its stream."""
    stream = Pieces([b"a NOOP\r\n", *pieces] if login else list(pieces))
    reader = CommandReader(stream, KNOWN.__contains__, STREAMED)
    if login:
        reader.limits = limits.READER_AFTER_LOGIN
    return reader, stream


async def started(*pieces: bytes) -> tuple[CommandReader, Pieces]:
    """A reader that has seen a command, so that the rule of the first does not apply."""
    reader, stream = reader_of(*pieces)
    assert isinstance(await reader.next(1), Request)
    return reader, stream


async def transcript(pieces: list[bytes]) -> list[object]:
    """Everything a session would see of the octets, comparable."""
    seen: list[object] = []
    reader, stream = reader_of(*pieces, login=False)
    reader.limits = dataclasses.replace(limits.READER_AFTER_LOGIN, line=200, literals=300)
    try:
        while (request := await reader.next(1)) is not None:
            if isinstance(request, Unreadable):
                seen.append((request.tag, request.reply.text, request.reply.code))
                continue
            seen.append((request.tag, request.name, request.tokens.text, request.tokens.at))
            literal = request.literal
            while literal is not None:
                if literal.size > 500:
                    seen.append("refused")
                    break
                await literal.accept()
                seen.append((b"".join([piece async for piece in literal]), literal.nul))
                try:
                    rest = await reader.more()
                except Bad as bad:
                    seen.append(bad.text)
                    break
                seen.append(rest.tokens.text)
                literal = rest.literal
    except (Bye, StreamClosed) as end:
        seen.append(repr(end))
    seen.append(stream.sent)
    return seen


LINES = st.sampled_from(
    [
        b"a NOOP\r\n", b"b LOGIN {3}\r\nabc {4+}\r\n\r\n\0x\r\n", b"c CREATE {0}\r\n\r\n", b"d FOO {3+}\r\nabc\r\n", b"\r\n",
        b"e FOO {3}\r\n", b"f APPEND x (\\Seen) {5}\r\nab\0cd\r\n", b"g APPEND {1+}\r\nx {3+}\r\nabc ~{2+}\r\nab\r\n", b"no tag\xff\r\n",
        b"h UID SEARCH TEXT {1+}\r\nx OR {1}\r\ny z\r\n", b"i APPEND x {600+}\r\n" + b"q" * 600 + b" {2+}\r\nab\r\n", b"j NOOP\nk NOOP\r\n",
        b"l NOOP " + b"x" * 250 + b" {4+}\r\n\r\n\r\n y\r\n", b"m CREATE {301+}\r\n" + b"y" * 301 + b"\r\n", b"n NOOP\0\r\n", b"o NO\rOP\r\n",
        b"p UID REPLACE 4 {1+}\r\nx {2+}\r\nok\r\n", b"+ NOOP\r\n", b"*\r\n", b"q CREATE {99999999999999999999+}\r\n", b"GET / HTTP/1.1\r\n", b"x" * 400, b"{5+}\r\n",
    ]
)  # fmt: skip


@given(st.lists(LINES, max_size=6).map(b"".join), st.randoms(use_true_random=False))
async def test_any_cut_gives_the_same(octets: bytes, chance: random.Random) -> None:
    """However TCP cuts the octets, the session sees the same commands and sends the same answers."""
    whole = await transcript([octets])
    assert await transcript([bytes([octet]) for octet in octets]) == whole
    cuts = sorted(chance.randrange(len(octets) + 1) for _ in range(5))
    pieces = [octets[a:b] for a, b in zip([0, *cuts], [*cuts, len(octets)], strict=True)]
    assert await transcript(pieces) == whole


async def test_command_with_literals() -> None:
    """Lines and literals of a command come out as one text with the literals beside it."""
    reader, stream = await started(b"t LOGIN {5}\r\n", b"a\r\nbc {3+}\r\nxyz\r\n")
    request = await reader.next(1)
    assert isinstance(request, Request)
    assert (request.tag, request.name) == (b"t", "LOGIN")
    request.tokens.sp()
    assert request.tokens.astring() == b"a\r\nbc"
    request.tokens.sp()
    assert request.tokens.astring() == b"xyz"
    request.tokens.end()
    assert stream.sent.count(b"+ ") == 1


@pytest.mark.rfc(
    "7888",
    "3",
    "the server MUST treat the specified number of following octets and the following line (as defined in [RFC3501]) as part of the same command.",
)
@pytest.mark.rfc(
    "7888",
    "3",
    "The protocol receiver of an IMAP server MUST check the end of every received line (a sequence of octets that ends with a CRLF) for an open brace ('{') followed by an octet count, a plus ('+'), and a close brace ('}') immediately preceding the CRLF.",
)
async def test_non_synchronising_literal_of_a_refused_command() -> None:
    """Octets of a literal are never a command, even when the command before was refused."""
    reader, stream = await started(b"t FOO {9+}\r\nx NOOP\r\n? tail\r\nu NOOP\r\n")
    refused = await reader.next(1)
    assert isinstance(refused, Unreadable)
    assert refused.tag == b"t"
    following = await reader.next(1)
    assert isinstance(following, Request)
    assert following.tag == b"u"
    assert stream.sent == b""


@pytest.mark.rfc(
    "9051",
    "4.3",
    "The server does not generate a command continuation request in response to a non-synchronizing literal",
)
async def test_no_continuation_for_non_synchronising() -> None:
    """`{n+}` is not answered."""
    reader, stream = await started(b"t CREATE {1+}\r\nx\r\n")
    assert isinstance(await reader.next(1), Request)
    assert stream.sent == b""


async def test_unknown_command_is_refused_before_its_literal() -> None:
    """A refused synchronising literal is not asked for, and the next line is the next command."""
    reader, stream = await started(b"A044 BLURDYBLOOP {102856}\r\nu NOOP\r\n")
    refused = await reader.next(1)
    assert isinstance(refused, Unreadable)
    assert refused.tag == b"A044"
    assert isinstance(refused.reply, Bad)
    assert isinstance(await reader.next(1), Request)
    assert stream.sent == b""


async def test_message_is_streamed() -> None:
    """The message of APPEND is given in pieces, the mailbox before it is collected."""
    body = b"x" * 700_000
    reader, stream = await started(
        b"t APPEND {3+}\r\nbox (\\Seen) {700000}\r\n", body[:1], body[1:], b"\r\n"
    )
    request = await reader.next(1)
    assert isinstance(request, Request)
    assert request.literal is not None
    assert (request.literal.size, request.literal.sync, request.literal.binary) == (
        700_000,
        True,
        False,
    )
    request.tokens.sp()
    assert request.tokens.mailbox() == "box"
    request.tokens.sp()
    assert request.tokens.flag_list() == {"\\Seen"}
    request.tokens.sp()
    request.tokens.end()
    assert stream.sent == b""
    await request.literal.accept()
    assert stream.sent.startswith(b"+ ")
    assert b"".join([piece async for piece in request.literal]) == body
    rest = await reader.more()
    rest.tokens.end()
    assert rest.literal is None


async def test_several_messages() -> None:
    """After a message the text up to the next one is given (RFC 3502)."""
    reader, _ = await started(b"t APPEND b {1+}\r\nx (\\Seen) ~{2+}\r\n\0\0\r\nu NOOP\r\n")
    request = await reader.next(1)
    assert isinstance(request, Request)
    assert request.literal is not None
    await request.literal.skip()
    rest = await reader.more()
    assert rest.tokens.text == b" (\\Seen) "
    assert rest.literal is not None
    assert rest.literal.binary
    await rest.literal.skip()
    assert rest.literal.nul
    assert (await reader.more()).literal is None
    assert isinstance(await reader.next(1), Request)


async def test_message_nobody_wanted() -> None:
    """A refused message that is sent anyway is thrown away with the rest of its command."""
    reader, _ = await started(b"t APPEND b {7+}\r\nx NOOP\n {6+}\r\ny NOOP\r\nu NOOP\r\n")
    assert isinstance(await reader.next(1), Request)
    await reader.abandon()
    following = await reader.next(1)
    assert isinstance(following, Request)
    assert following.tag == b"u"


async def test_refused_synchronising_message() -> None:
    """A refused message that the client waits to send is not waited for."""
    reader, _ = await started(b"t APPEND b {7}\r\n", b"u NOOP\r\n")
    await reader.next(1)
    await reader.abandon()
    following = await reader.next(1)
    assert isinstance(following, Request)
    assert following.tag == b"u"


async def test_abandon_within_an_accepted_message() -> None:
    """A message refused halfway, however big, is read to its end."""
    size = limits.DROP * 2
    reader, _ = await started(
        b"t APPEND b {%d}\r\n" % size, b"x" * 100, b"x" * (size - 100) + b"\r\nu NOOP\r\n"
    )
    request = await reader.next(1)
    assert isinstance(request, Request)
    assert request.literal is not None
    await request.literal.accept()
    async for _ in request.literal:
        break
    await reader.abandon()
    assert isinstance(await reader.next(1), Request)


async def test_too_much_to_throw_away_ends_the_session() -> None:
    """An unwanted non-synchronising literal above the limit ends the session, after its tagged answer."""
    reader, _ = await started(b"t CREATE {%d+}\r\n" % (limits.DROP + 1))
    refused = await reader.next(1)
    assert isinstance(refused, Unreadable)
    assert refused.reply.code == "TOOBIG"
    with pytest.raises(Bye) as caught:
        await reader.abandon()
    assert caught.value.code == "TOOBIG"


async def test_long_line_is_refused_and_skipped() -> None:
    """A line above the limit is BAD with its tag; a literal at its end still belongs to it."""
    long = b"t SEARCH " + b"x" * limits.READER_AFTER_LOGIN.line
    reader, _ = await started(long + b" {6+}\r\n" + b"n NOOP\r\nu NOOP\r\n")
    refused = await reader.next(1)
    assert isinstance(refused, Unreadable)
    assert (refused.tag, refused.reply.code) == (b"t", "TOOBIG")
    following = await reader.next(1)
    assert isinstance(following, Request)
    assert following.tag == b"u"


async def test_endless_line_ends_the_session() -> None:
    """A line that does not end is given up, with bounded memory."""
    reader, _ = await started(*[b"x" * 200_000] * 8)
    assert isinstance(await reader.next(1), Unreadable)
    with pytest.raises(Bye):
        await reader.abandon()


async def test_literals_are_counted_and_summed() -> None:
    """Neither many small literals nor one big one get past the limits, less before login."""
    reader, _ = reader_of(
        b"t LOGIN {%d}\r\n" % (limits.READER_BEFORE_LOGIN.literals + 1), login=False
    )
    refused = await reader.next(1)
    assert isinstance(refused, Unreadable)
    assert refused.reply.code == "TOOBIG"
    many = b"t LOGIN" + b" {0+}\r\n" * (limits.READER_BEFORE_LOGIN.literal_count + 1)
    reader, _ = reader_of(many, login=False)
    refused = await reader.next(1)
    assert isinstance(refused, Unreadable)
    assert refused.reply.code == "TOOBIG"


@pytest.mark.parametrize("octet", [b"\r", b"\n", b"\0"])
async def test_bare_octets_never_end_a_line(octet: bytes) -> None:
    """What follows a bare CR, LF or NUL is part of the refused command, not another one."""
    reader, _ = await started(b"t CREATE x" + octet + b"u CREATE y\r\nv NOOP\r\n")
    refused = await reader.next(1)
    assert isinstance(refused, Unreadable)
    assert refused.tag == b"t"
    following = await reader.next(1)
    assert isinstance(following, Request)
    assert following.tag == b"v"


@pytest.mark.parametrize(
    "octets",
    [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02", b"a NOOP\n", b"EHLO there\r\n", b"\r\n", b"\n", b"USER\r\n", b"x" * 60_000],
)  # fmt: skip
async def test_first_command_not_imap(octets: bytes) -> None:
    """A browser, a TLS client, netcat and an SMTP client are told and sent away at once."""
    reader, _ = reader_of(octets, login=False)
    with pytest.raises(Bye):
        await reader.next(1)


async def test_later_nonsense_is_only_bad() -> None:
    """After one command of IMAP, nonsense is BAD and the session goes on."""
    reader, _ = await started(b"GET / HTTP/1.1\r\n\r\n\x16\x03\r\nu NOOP\r\n")
    for tag in (b"GET", b"*", b"*"):
        refused = await reader.next(1)
        assert isinstance(refused, Unreadable)
        assert refused.tag == tag
    assert isinstance(await reader.next(1), Request)


async def test_names() -> None:
    """Command names have no case, and UID belongs to the name."""
    reader, _ = await started(b"t uId sEarch x\r\nt UID\r\nt UID FOO\r\n")
    request = await reader.next(1)
    assert isinstance(request, Request)
    assert (request.name, request.tokens.text[request.tokens.at :]) == ("UID SEARCH", b" x")
    assert isinstance(await reader.next(1), Unreadable)
    assert isinstance(await reader.next(1), Unreadable)


@pytest.mark.rfc("9051", "2.2.1", "a server MUST accept tag reuse.")
async def test_tags_may_repeat() -> None:
    """The same tag twice is two commands."""
    reader, _ = await started(b"a NOOP\r\na NOOP\r\n")
    for _ in range(2):
        request = await reader.next(1)
        assert isinstance(request, Request)
        assert request.tag == b"a"


async def test_mailbox_literal_too_big() -> None:
    """An APPEND whose mailbox literal is too long is BAD [TOOBIG]."""
    reader, _ = await started(b"t APPEND {1048577+}\r\n")
    refused = await reader.next(1)
    assert isinstance(refused, Unreadable)
    assert isinstance(refused.reply, Bad)
    assert refused.reply.code == "TOOBIG"


async def test_wake_and_timeout() -> None:
    """A wake between commands is reported, also with half a line here; silence times out."""
    stream = MemoryStream()
    reader = CommandReader(stream, KNOWN.__contains__, STREAMED)
    stream.client_write(b"a NO")
    stream.wake()
    assert await reader.next_or_wake(1) is WOKEN
    stream.client_write(b"OP\r\nDONE\r\n")
    request = await reader.next_or_wake(1)
    assert isinstance(request, Request)
    assert await reader.line_or_wake(1) == b"DONE"
    with pytest.raises(StreamTimeout):
        await reader.next(0.001)
    stream.client_eof()
    assert await reader.next(1) is None


async def test_leaving_mid_command() -> None:
    """A client that leaves within a literal is just gone."""
    reader, _ = await started(b"t CREATE {5}\r\nab")
    assert await reader.next(1) is None


async def test_plaintext_behind_starttls_is_forgotten() -> None:
    """Octets received before TLS are not read after it; COMPRESS may take them instead."""
    reader, _ = await started(b"t NOOP\r\nu CREATE x\r\n")
    await reader.next(1)
    assert reader.pending()
    assert reader.take() == b"u CREATE x\r\n"
    reader.forget()
    assert await reader.next(1) is None


async def test_lines_of_a_dialogue() -> None:
    """Lines of AUTHENTICATE and IDLE are held to the same rules."""
    reader, _ = await started(b"DONE\r\nDO\0NE\r\n" + b"x" * 70_000 + b"\r\nu NOOP\r\n")
    assert await reader.line(1) == b"DONE"
    with pytest.raises(Bad):
        await reader.line(1)
    with pytest.raises(Bad):
        await reader.line(1)
    assert isinstance(await reader.next(1), Request)
