"""The client against servers that a test plays: wrong ones, slow ones, and those that put octets where a client may stumble."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from postil.base.clock import SystemClock
from postil.base.deflate import Deflater, Inflater
from postil.imap.client.limits import ReplyLimits
from postil.imap.client.responses import Exists
from postil.imap.client.uploads import Message
from postil.net.certificates import self_signed
from postil.net.imapanswers import MOST_NEWS, MOST_OCTETS, Lost, NewsQueue
from postil.net.imapclient import ImapClient, connect
from postil.net.imapengine import Tracing
from postil.net.imaperrors import (
    ConnectionEnded,
    ImapError,
    NoWay,
    RefusedBad,
    RefusedNo,
    TimedOut,
    Violation,
)
from postil.net.imaplogin import ServerNotProved

GREETING = b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=SCRAM-SHA-256] hello\r\n"
Play = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def playing(play: Play) -> AsyncIterator[int]:
    """A server that does what `play` says with its one connection; its port."""
    failed: list[BaseException] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await play(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except BaseException as error:  # noqa: BLE001 the test shall see it
            failed.append(error)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()
    assert not failed, failed


def script(*steps: bytes) -> Play:
    """Says the first, then for each line it hears the next; waits for the client to leave."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for step in steps:
            writer.write(step)
            if not await reader.readline():
                return
        await reader.read()

    return play


@contextlib.asynccontextmanager
async def talking(
    *steps: bytes, lines: list[str] | None = None, patience: float = 20, **more: object
) -> AsyncIterator[ImapClient]:
    tracing = None if lines is None else Tracing(lines.append)
    async with playing(script(*steps)) as port:
        client = await connect(
            "127.0.0.1", port, tls="none", patience=patience, tracing=tracing, **more
        )  # type: ignore[arg-type]
        async with client:
            yield client


@pytest.mark.parametrize(
    ("octets", "kind", "words"),
    [
        (b"220 smtp ESMTP\r\n", Violation, "no greeting of IMAP"),
        (b"* BYE too many\r\n", ConnectionEnded, "too many"),
        (b"", TimedOut, "silent for"),
        (b"x" * 70, Violation, "longer than 64"),
    ],
)
async def test_greetings(octets: bytes, kind: type[Exception], words: str) -> None:
    """No connection without a greeting, and the error says what came instead."""
    with pytest.raises(kind, match=words):
        async with talking(octets, patience=0.2 if not octets else 20, limits=ReplyLimits(line=64)):
            pass


@pytest.mark.parametrize(
    ("octets", "kind", "words"),
    [
        (b"A1 NO [X-Y z] not now\r\n", RefusedNo, r"NOOP: NO \[X-Y\] not now"),
        (b"A1 BAD what\r\n", RefusedBad, "NOOP: BAD what"),
        (b"A7 OK done\r\n", Violation, "A7"),
        (b"* 1 FETCH (UID)\r\n", Violation, "FETCH"),
        (b"* BYE going down\r\n", TimedOut, "NOOP: the server was silent"),
    ],
)
async def test_answers(octets: bytes, kind: type[Exception], words: str) -> None:
    """Each failure is an exception of its own kind that says what was wrong."""
    async with talking(GREETING, octets, patience=0.3) as client:
        with pytest.raises(kind, match=words):
            await client.noop()
        if issubclass(kind, ConnectionEnded):
            with pytest.raises(kind, match=words):
                await client.noop()


@pytest.mark.parametrize(
    ("octets", "kind", "words"),
    [
        (b"", ConnectionEnded, "without BYE"),
        (b"* BYE full\r\n", ConnectionEnded, "BYE: full"),
        (b"* 1 FETCH (BODY[] {9}\r\nabc", Violation, "in the middle of a response"),
    ],
)
async def test_the_server_leaves(octets: bytes, kind: type[Exception], words: str) -> None:
    """Everybody who waits is told, and why."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETING)
        await reader.readline()
        writer.write(octets)

    async with playing(play) as port, await connect("127.0.0.1", port, tls="none") as client:
        found = await asyncio.gather(client.noop(), client.search(), return_exceptions=True)
        for one in found:
            assert type(one) is kind and words in str(one)


@pytest.mark.rfc(
    "9051",
    "7.1.4",
    "Clients that require mandatory TLS MUST close the connection after receiving the PREAUTH response on a non-protected port.",
)
@pytest.mark.rfc(
    "9051",
    "11.1",
    "MUST check the result of the STARTTLS command and subsequent TLS [TLS-1.3] [TLS-1.2] negotiation to see whether acceptable authentication and/or privacy was achieved.",
)
@pytest.mark.rfc(
    "3501",
    "11.1",
    "Both the client and server MUST check the result of the STARTTLS command and subsequent [TLS] negotiation to see whether acceptable authentication or privacy was achieved.",
)
async def test_plaintext_behind_starttls_is_not_believed(tmp_path: Path) -> None:
    """What somebody put behind the OK is not taken for what the server says inside TLS."""
    import ssl

    certificate, _ = self_signed(tmp_path, ["localhost"], SystemClock())
    trust = ssl.create_default_context(cafile=str(certificate))
    async with playing(
        script(GREETING, b"A1 OK go\r\n* OK [CAPABILITY AUTH=PLAIN] injected\r\n")
    ) as port:
        with pytest.raises(Violation, match="plaintext came behind"):
            await connect("127.0.0.1", port, tls="starttls", context=trust, server_name="localhost")
    async with playing(script(b"* PREAUTH welcome\r\n")) as port:
        with pytest.raises(Violation, match="PREAUTH"):
            await connect("127.0.0.1", port, tls="starttls", context=trust, server_name="localhost")
    async with playing(script(GREETING, b"A1 BAD no TLS\r\n")) as port:
        with pytest.raises(RefusedBad):
            await connect("127.0.0.1", port, tls="starttls", context=trust, server_name="localhost")


@pytest.mark.rfc(
    "4978",
    "3",
    "If the response was OK, the client MUST compress starting with the first command after COMPRESS.",
)
async def test_compress_switches_at_the_octet() -> None:
    """What is deflated stands in the same packet as the OK; the next command is deflated too."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        out, into = Deflater(), Inflater()
        writer.write(GREETING)
        assert await reader.readline() == b"A1 COMPRESS DEFLATE\r\n"
        writer.write(b"* 1 EXISTS\r\nA1 OK on\r\n" + out.send(b"* 2 EXISTS\r\n"))
        text = b""
        while not text.endswith(b"\r\n"):
            text += into.feed(await reader.read(4096))
        assert text == b"A2 NOOP\r\n"
        for octet in out.send(b"* 3 EXISTS\r\nA2 OK done\r\n"):
            writer.write(bytes([octet]))
            await writer.drain()
        await reader.read()

    async with (
        playing(play) as port,
        await connect("127.0.0.1", port, tls="none", patience=20) as client,
    ):
        await asyncio.gather(client.compress(), client.noop())
        assert client.news.waiting() == [Exists(1), Exists(2), Exists(3)]


async def test_compress_refused_and_broken() -> None:
    """After NO nothing is deflated; after OK what is none is a violation."""
    async with talking(GREETING, b"A1 NO no\r\n", b"A2 OK fine\r\n") as client:
        with pytest.raises(RefusedNo):
            await client.compress()
        await client.noop()
    async with talking(GREETING, b"A1 OK on\r\n\xff\xff\xff\xff") as client:
        await client.compress()
        with pytest.raises(Violation, match="DEFLATE"):
            await client.noop()


async def test_a_server_without_literal_plus() -> None:
    """Each literal waits for its go-ahead; a refusal at the first leaves the connection in step."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETING)
        assert await reader.readline() == b"A1 APPEND x {3}\r\n"
        writer.write(b"+ go\r\n")
        assert await reader.readexactly(5) == b"abc\r\n"
        writer.write(b"A1 OK [APPENDUID 1 2] done\r\n")
        assert await reader.readline() == b"A2 APPEND x {3}\r\n"
        writer.write(b"A2 NO [OVERQUOTA] full\r\n")
        assert await reader.readline() == b"A3 NOOP\r\n"
        writer.write(b"A3 OK done\r\n")
        await reader.read()

    async with (
        playing(play) as port,
        await connect("127.0.0.1", port, tls="none", patience=20) as client,
    ):
        told = await client.append("x", Message(b"abc"))
        assert told is not None and list(told.uids) == [2]
        with pytest.raises(RefusedNo, match="OVERQUOTA"):
            await client.append("x", Message(b"abc"))
        await client.noop()


async def test_a_server_that_repeats_the_password() -> None:
    """Its answer is shown without it, in plain and in base64."""
    lines: list[str] = []
    secret = "correct horse battery"
    async with talking(
        GREETING, b'A1 BAD unknown: LOGIN "u" "correct horse battery"\r\n', lines=lines
    ) as client:
        with pytest.raises(RefusedBad) as refusal:
            await client.login("u", secret, mechanism="LOGIN")
    assert secret not in str(refusal.value) + repr(refusal.value.status)
    assert secret not in "\n".join(lines)
    assert any(line.startswith("S: A1 BAD unknown: LOGIN") and "<hidden>" in line for line in lines)


async def test_a_server_that_repeats_the_sasl_response() -> None:
    """The same for a line of AUTHENTICATE, in base64 as it was sent."""
    lines: list[str] = []
    greeting = b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] no SASL-IR\r\n"
    async with talking(
        greeting, b"+ \r\n", b"A1 BAD AHUAY29ycmVjdA== is what?\r\n", lines=lines
    ) as client:
        with pytest.raises(RefusedBad) as refusal:
            await client.login("u", "correct", mechanism="PLAIN")
    assert "AHUAY29y" not in "\n".join([*lines, str(refusal.value)])
    assert lines[1:4] == ["C: A1 AUTHENTICATE PLAIN", "S: +", "C: <hidden>"]


async def test_a_log_line_is_one_line() -> None:
    """What a server sends cannot write lines of its own into the log, nor a message end up there."""
    lines: list[str] = []
    async with talking(
        GREETING,
        b"* 1 FETCH (BODY[] {13}\r\na\r\nsecretmail)\r\nA1 OK \x1b[31mred\r\n",
        lines=lines,
    ) as client:
        await client.fetch(1, "BODY[]", uid=False)
    assert "S: * 1 FETCH (BODY[] {13}<13 octets>)" in lines
    assert "S: A1 OK \\x1b[31mred" in lines and not any("secretmail" in line for line in lines)


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([b"A1 OK in\r\n"], "did not prove itself"),
        ([b"+ !!!\r\n", b"A1 NO cancelled\r\n"], "not base64"),
        ([b"+ cj14LHM9eCxpPTE=\r\n", b"A1 NO cancelled\r\n"], "nonce"),
    ],
)
async def test_a_server_that_does_not_know_the_password(steps: list[bytes], words: str) -> None:
    """SCRAM proves both ends: an OK alone is not believed, and a wrong challenge is answered by giving up."""
    async with talking(GREETING, *steps) as client:
        with pytest.raises(ServerNotProved, match=words):
            await client.login("u", "p", mechanism="SCRAM-SHA-256")


async def test_cancelling_while_an_answer_is_on_its_way() -> None:
    """The late answer is dropped; the next command gets its own."""
    asked = asyncio.Event()
    go_on = asyncio.Event()

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETING)
        await reader.readline()
        asked.set()
        await go_on.wait()
        writer.write(b"* SEARCH 1 2 3\r\nA1 OK done\r\n")
        assert await reader.readline() == b"A2 UID SEARCH ALL\r\n"
        writer.write(b"* SEARCH 4\r\nA2 OK done\r\n")
        await reader.read()

    async with (
        playing(play) as port,
        await connect("127.0.0.1", port, tls="none", patience=20) as client,
    ):
        first = asyncio.ensure_future(client.search())  # noqa: TID251 it is cancelled here
        await asked.wait()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        go_on.set()
        assert await client.search() == (4,)


async def test_idle_is_refused_or_cancelled() -> None:
    """NO is typed; leaving the block sends DONE and waits for the answer."""
    async with talking(GREETING, b"A1 NO not here\r\n", b"A2 OK fine\r\n") as client:
        with pytest.raises(RefusedNo):
            async with client.idle():
                pass
        await client.noop()
    lines: list[str] = []
    async with talking(
        GREETING, b"+ idling\r\n* 4 EXISTS\r\n", b"A1 OK done\r\n", lines=lines
    ) as client:
        with pytest.raises(KeyError):
            async with client.idle() as news:
                assert await news.next() == Exists(4)
                raise KeyError
        assert lines[-2:] == ["C: DONE", "S: A1 OK done"]


async def test_news_that_nobody_reads_are_bounded() -> None:
    """The oldest go, and the reader is told how many."""
    news = NewsQueue()
    for number in range(MOST_NEWS + 3):
        news.put(Exists(number))
    assert await news.next() == Lost(3)
    assert await news.next() == Exists(3)
    news.end(ConnectionEnded("closed"))
    assert len([one async for one in news]) == MOST_NEWS - 1


async def test_nobody_listens() -> None:
    """The error has host and port."""
    async with playing(script(GREETING)) as port:
        pass
    with pytest.raises(ConnectionEnded, match=f"127.0.0.1 port {port}"):
        await connect("127.0.0.1", port, tls="none")
    assert issubclass(ConnectionEnded, ImapError)


async def test_idle_that_the_server_ends_by_itself() -> None:
    """The answer came before DONE: no DONE goes out, which would be a command of its own, and the block ends with what it was."""
    lines: list[str] = []
    async with talking(
        GREETING,
        b"+ idling\r\nA1 NO [UNAVAILABLE] the disk is away\r\n* 5 EXISTS\r\n",
        b"A2 OK fine\r\n",
        lines=lines,
    ) as client:
        with pytest.raises(RefusedNo, match="the disk is away"):
            async with client.idle() as news:
                assert await news.next() == Exists(5)
        await client.noop()
    assert "C: DONE" not in lines


@pytest.mark.parametrize(
    "said",
    [
        b"* BYE unknown: LOGIN u %b\r\n",
        b"A1 LOGIN u %b\r\n",
        b"LOGIN u %b\r\n",
        b"A1 BAD unknown: LOGIN u %b\r\n",
        b"* 1 FETCH (%b)\r\n",
        b"* NO what is %b\r\n",
    ],
)
@pytest.mark.parametrize("secret", ["correct-horse", 'cor"rect\\horse'])
async def test_no_way_of_repeating_a_password_shows_it(said: bytes, secret: str) -> None:
    """In a BYE, in what is no IMAP at all, in quotes: neither the trace nor the exception has it."""
    lines: list[str] = []
    quoted = secret.replace("\\", "\\\\").replace('"', '\\"')

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETING)
        await reader.readline()
        writer.write(said % f'"{quoted}"'.encode())

    async with playing(play) as port:
        tracing = Tracing(lines.append)
        async with await connect(
            "127.0.0.1", port, tls="none", patience=20, tracing=tracing
        ) as client:
            with pytest.raises(ImapError) as failure:
                await client.login("u", secret, mechanism="LOGIN")
    shown = "\n".join([*lines, str(failure.value), repr(failure.value)])
    assert "rect" not in shown


async def test_an_answer_without_end() -> None:
    """Responses for one command are kept up to a limit; a server that never comes to the tagged line ends the connection."""
    async with talking(
        GREETING, b"* 1 FETCH (UID 1)\r\n" * 100, limits=ReplyLimits(answer=1000)
    ) as client:
        with pytest.raises(Violation, match="UID FETCH: an answer of more than 1000 octets"):
            await client.fetch("1:*", "UID")


async def test_large_news_are_bounded_too() -> None:
    """By octets: literals in news nobody reads do not gather."""
    news = NewsQueue()
    news.put(Exists(1), 5)
    news.put(Exists(2), MOST_OCTETS)
    assert news.waiting() == [Lost(1), Exists(2)]
    news.put(Exists(3), MOST_OCTETS + 1)
    assert await news.next() == Lost(1)
    for number in (4, 5):  # what was taken counts no more
        news.put(Exists(number), MOST_OCTETS)
        assert await news.next() == Exists(number)


@pytest.mark.rfc(
    "9051",
    "6.2.3",
    "A client implementation MUST NOT send a LOGIN command if the LOGINDISABLED capability is advertised.",
)
@pytest.mark.rfc(
    "9051",
    "7.2.2",
    "An IMAP client MUST NOT issue the LOGIN command if the server advertises the LOGINDISABLED capability.",
)
@pytest.mark.rfc(
    "3501",
    "6.2.3",
    "A client implementation MUST NOT send a LOGIN command if the LOGINDISABLED capability is advertised.",
)
@pytest.mark.rfc(
    "3501",
    "7.2.1",
    "An IMAP client MUST NOT issue the LOGIN command if the server advertises the LOGINDISABLED capability.",
)
async def test_logindisabled_is_obeyed() -> None:
    """Asked for by name or chosen: nothing goes out, and the error says why."""
    lines: list[str] = []
    greeting = b"* OK [CAPABILITY IMAP4rev2 LOGINDISABLED STARTTLS] hello\r\n"
    async with talking(greeting, b"A1 OK fine\r\n", lines=lines) as client:
        for mechanism in ("LOGIN", None):
            with pytest.raises(NoWay):
                await client.login("u", "p", mechanism=mechanism)
        await client.noop()
    assert [one for one in lines if one.startswith("C:")] == ["C: A1 NOOP"]


@pytest.mark.rfc(
    "9051", "2.2.2", "A client MUST be prepared to accept any server response at all times."
)
@pytest.mark.rfc("9051", "7", "The client MUST be prepared to accept any response at all times.")
@pytest.mark.rfc(
    "9051", "7.1", "Client implementations MUST ignore response codes that they do not recognize."
)
@pytest.mark.rfc(
    "9051", "7.2.2", "Client implementations MUST ignore any unknown capability names."
)
@pytest.mark.rfc(
    "9051", "7.3.1", "The client MUST ignore all extended fields it doesn't recognize."
)
@pytest.mark.rfc(
    "9051",
    "7.5.2",
    "Client implementations that do a BODYSTRUCTURE fetch MUST be prepared to accept such extension data.",
)
@pytest.mark.rfc(
    "3501", "2.2.2", "A client MUST be prepared to accept any server response at all times."
)
@pytest.mark.rfc("3501", "7", "The client MUST be prepared to accept any response at all times.")
@pytest.mark.rfc("3501", "7.2.1", "and MUST ignore any unknown capability names.")
@pytest.mark.rfc(
    "3501",
    "7.4.2",
    "Client implementations that do a BODYSTRUCTURE fetch MUST be prepared to accept such extension data.",
)
@pytest.mark.rfc("5258", "3", "The client MUST ignore all extended fields it doesn't recognize.")
async def test_anything_at_any_time() -> None:
    """Responses to nothing, in the wrong state, of kinds and with codes nobody knows: kept as news, and each command still ends."""
    noise = (
        b"* 7 EXISTS\r\n* 3 EXPUNGE\r\n* 2 FETCH (FLAGS (\\Seen))\r\n* FLAGS (a)\r\n* SEARCH 1\r\n* ESEARCH\r\n"
        b'* LIST (\\New) "/" box ("X-MORE" ((a "b") 7) "OLDNAME" (old))\r\n* STATUS box (MESSAGES 1 X-NEW 7)\r\n'
        b"* OK [X-NEW a b] text\r\n* NO [FULL-MOON] text\r\n* BAD what\r\n* CAPABILITY IMAP4rev2 X-NEW=Y\r\n"
        b"* FROBNICATE (a {3}\r\nxyz)\r\n* 4 FROBNICATE\r\n* ENABLED X-NEW\r\n* VANISHED 1:3\r\n* NAMESPACE NIL NIL NIL\r\n"
        b'* 1 FETCH (BODYSTRUCTURE ("A" "B" NIL NIL NIL "7bit" 1 NIL NIL NIL NIL (NIL "x" 7 ((8)))))\r\n'
    )
    async with talking(
        b"* OK [CAPABILITY IMAP4rev2 X-UNKNOWN] hello\r\n" + noise,
        noise + b"A1 OK [X-DONE 1] fine\r\n",
        noise + b"A2 NO [X-OTHER (a b)] no\r\n" + noise,
        b"A3 OK fine\r\n",
    ) as client:
        assert (await client.noop()).status.text == "fine"
        with pytest.raises(RefusedNo):
            await client.create("x")
        await client.noop()
        assert len(client.news.waiting()) > noise.count(b"\r\n") * 3


@pytest.mark.rfc(
    "9051",
    "6.2.2",
    "As with any other client response, the initial response MUST be encoded as base64.",
)
@pytest.mark.rfc(
    "9051", "6.2.2", "It also MUST be transmitted outside of a quoted string or literal."
)
@pytest.mark.rfc(
    "9051",
    "3.4",
    "and the client MUST read the tagged OK response to the LOGOUT command before the client closes the connection.",
)
@pytest.mark.rfc(
    "3501",
    "3.4",
    "and the client MUST read the tagged OK response to the LOGOUT command before the client closes the connection.",
)
async def test_the_first_and_the_last_line() -> None:
    """PLAIN goes out as a bare word of base64; LOGOUT waits for its OK, whatever comes before."""
    heard: list[bytes] = []
    lines: list[str] = []

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK [CAPABILITY IMAP4rev2 AUTH=PLAIN] hello\r\n")
        heard.append(await reader.readline())
        writer.write(b"A1 OK [CAPABILITY IMAP4rev2] in\r\n")
        heard.append(await reader.readline())
        for part in (b"* BYE see", b" you\r\n* 4 EXISTS\r\n", b"A2 O", b"K gone\r\n"):
            writer.write(part)
            await writer.drain()
        assert await reader.read() == b""

    async with playing(play) as port:
        client = await connect(
            "127.0.0.1", port, tls="none", patience=20, tracing=Tracing(lines.append)
        )
        await client.login("u", "p w\x22", mechanism="PLAIN")
        await client.logout()
    assert heard == [b"A1 AUTHENTICATE PLAIN AHUAcCB3Ig==\r\n", b"A2 LOGOUT\r\n"]
    assert lines[-1] == "S: A2 OK gone"


async def test_ok_without_what_was_asked_for() -> None:
    """An answer that must be there and is not is the server's fault, and the connection goes on."""
    async with talking(
        GREETING, b"A1 OK done\r\n", b"* STATUS x (MESSAGES 7)\r\nA2 OK done\r\n"
    ) as client:
        with pytest.raises(Violation, match="no MailboxStatus before it"):
            await client.status("x", "MESSAGES")
        assert (await client.status("x", "MESSAGES")).messages == 7
