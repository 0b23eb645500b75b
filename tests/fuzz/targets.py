"""What must hold for any octets: only our own errors, the same events however the octets are cut, places inside the text.

A target takes octets and raises when something is wrong. None of them needs an event loop: the readers' coroutines never wait here.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from tests.support.streams import PEER

from postil.acme import chain, keys, objects, problem
from postil.acme.problem import BadAnswer, OrderFailed
from postil.base import utf7
from postil.base.deflate import Deflater, Inflater
from postil.http.client import links
from postil.http.exchange import Answer
from postil.imap import limits, names, sequence
from postil.imap.errors import Bye, Reply
from postil.imap.registry import COMMANDS, STREAMED
from postil.imap.tokens import Tokens
from postil.imap.wire import CommandReader, Request, Unreadable
from postil.message import addresses, dates, fields, params, structure, transfer, words
from postil.message.parse import parse
from postil.message.part import Part
from postil.ports.peer import Peer
from postil.ports.stream import StreamClosed
from postil.smtp import paths
from postil.smtp.wire import DataReader, Incoming

T = TypeVar("T")
_ACCOUNT = keys.make("ecdsa")


def cut(octets: bytes) -> list[bytes]:
    """The octets in pieces; where they are cut follows from them, so a finding can be repeated."""
    seed = sum(octets[:64]) + len(octets)
    places = sorted({(seed * factor) % (len(octets) + 1) for factor in (1, 7, 31, 127, 8191)})
    return [octets[a:b] for a, b in itertools.pairwise([0, *places, len(octets)]) if a < b]


def drive(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that waits for nothing."""
    try:
        work.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    raise AssertionError("it waits for something")


class Pieces:
    """A stream whose octets are all there, in pieces."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = list(pieces)
        self.written = b""

    @property
    def peer(self) -> Peer:
        return PEER

    async def read(self, timeout: float) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""

    async def read_or_wake(self, timeout: float) -> bytes | None:
        return await self.read(timeout)

    def wake(self) -> None: ...

    def pending(self) -> bool:
        return bool(self._pieces)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    async def drain(self) -> None: ...

    @property
    def can_start_tls(self) -> bool:
        return False

    async def start_tls(self) -> None: ...

    @property
    def compressed(self) -> bool:
        return False

    def compress(self, early: bytes) -> None: ...

    def uncompress(self, unread: int) -> None: ...

    async def close(self) -> None: ...

    def abort(self) -> None: ...


def _commands(pieces: list[bytes]) -> list[tuple[object, ...]]:
    """Everything a reader makes of the pieces."""
    stream = Pieces(pieces)
    reader = CommandReader(stream, COMMANDS.__contains__, STREAMED)
    reader.limits = limits.READER_AFTER_LOGIN
    events: list[tuple[object, ...]] = []

    async def read() -> None:
        while True:
            command = await reader.next(1.0)
            match command:
                case None:
                    return
                case Unreadable(tag=tag, reply=reply):
                    events.append((tag, type(reply).__name__, reply.code))
                case Request(tag=tag, name=name, tokens=tokens, literal=literal):
                    events.append((tag, name, _parsed(name, tokens)))
                    if literal is not None and literal.size < 1 << 20:
                        await literal.accept()
                        events.append((b"".join([piece async for piece in literal]), literal.nul))

    try:
        drive(read())
    except Bye as bye:
        events.append(("bye", bye.code))
    except StreamClosed:
        events.append(("closed",))
    return [*events, (stream.written,)]


def _parsed(name: str, tokens: Tokens) -> str:
    try:
        return repr(COMMANDS[name].parse(tokens))
    except Reply as reply:
        return f"{type(reply).__name__} {reply.code}"


def imap(octets: bytes) -> None:
    """Commands: the same ones, parsed the same, however the network cuts them."""
    assert _commands([octets] if octets else []) == _commands(cut(octets))


def imap_command(octets: bytes) -> None:
    """One command behind its name: its parse gives a value or a Bad."""
    name, _, rest = octets.partition(b" ")
    spec = COMMANDS.get(name.decode("latin-1").upper().replace("-", " "))
    if spec is not None:
        _parsed(spec.name, Tokens(b" " + rest.replace(b"\r\n", b"")))


def sequence_set(octets: bytes) -> None:
    """A set, or BadSet; its positions lie in the mailbox, and it is written as what it means."""
    try:
        found = sequence.parse(octets)
    except sequence.BadSet:
        return
    positions = found.positions_of_seqs(50)
    assert all(0 <= position < 50 for position in positions)
    assert list(positions) == sorted(set(positions))
    if positions:
        numbers = [position + 1 for position in positions]
        assert list(sequence.parse(sequence.write(numbers)).positions_of_seqs(50)) == list(
            positions
        )


def mailbox_name(octets: bytes) -> None:
    """A name, or a refusal; what was read is written as itself."""
    for utf8 in (False, True):
        try:
            name = names.read(octets, utf8)
            names.check_new(name)  # else it names nothing that can be there
        except Reply:
            continue
        written = names.write(name, utf8)
        if written.startswith(b'"'):
            written = written[1:-1].replace(b'\\"', b'"').replace(b"\\\\", b"\\")
        assert names.read(written, utf8) == name
    try:
        assert utf7.decode(utf7.encode(utf7.decode(octets))) == utf7.decode(octets)
    except utf7.BadName:
        return


def _smtp_lines(pieces: list[bytes]) -> list[object]:
    incoming = Incoming()
    lines: list[object] = []
    for piece in pieces:
        incoming.feed(piece)
        while (line := incoming.line(1000)) is not None:
            lines.append(line)
    return lines


def smtp(octets: bytes) -> None:
    """Lines of commands, and the message behind DATA, however the network cuts them."""
    assert _smtp_lines([octets]) == _smtp_lines(cut(octets))
    results = []
    for pieces in ([octets], cut(octets)):
        reader = DataReader()
        message = rest = b""
        for piece in pieces:
            if reader.done:
                rest += piece
                continue
            some, behind = reader.feed(piece)
            message, rest = message + some, rest + behind
        results.append((message, rest, reader.done, reader.bare))
    assert results[0] == results[1]


def smtp_path(octets: bytes) -> None:
    """A path, or BadPath; what was read is written as itself."""
    try:
        text = octets.decode("utf-8")  # as the session does; anything else is refused there
    except UnicodeDecodeError:
        return
    for null, postmaster in ((False, False), (True, False), (False, True)):
        try:
            paths.parse_path(text, null=null, postmaster=postmaster)
        except paths.BadPath:
            continue
    with contextlib.suppress(paths.BadParameters):
        paths.parse_parameters(text)
    paths.client_name(text)


def address_list(octets: bytes) -> None:
    """Any field is a list of addresses, perhaps an empty one."""
    for entry in addresses.mailboxes(addresses.parse_addresses(octets)):
        assert isinstance(entry.spec, str)
        assert isinstance(entry.display, str)


def header(octets: bytes) -> None:
    """Fields lie one behind the other; their values are decoded without a fault."""
    at = 0
    for field in fields.iter_fields(octets):
        assert field.value is not None
        words.decode(field.value)
        fields.unfold(field.value)
        params.content_type(field.value)
        params.disposition(field.value)
        dates.parse_date(field.value)
        at += 1
    assert at <= octets.count(b"\n") + 1
    both = (
        fields.subset(octets, [b"from", b"to"]),
        fields.subset(octets, [b"from", b"to"], exclude=True),
    )
    assert sum(map(len, both)) <= 2 * len(octets) + 8


def message(octets: bytes) -> None:
    """Any octets are a message: parts inside each other, ENVELOPE and BODYSTRUCTURE that are one line of IMAP."""
    root = parse(octets)
    _inside(root, 0, len(octets))
    for utf8 in (False, True):
        for text in (structure.envelope(root, utf8=utf8), structure.bodystructure(root, utf8=utf8)):
            assert text.startswith(b"(")
            assert text.count(b"(") >= 1
            assert utf8 or b"{" in text or text.isascii()
    with contextlib.suppress(transfer.UnknownEncoding):
        for piece in transfer.decoded(octets, root):
            assert isinstance(piece, (bytes, bytearray, memoryview))


def _inside(part: Part, first: int, last: int) -> None:
    assert first <= part.header_start <= part.body_start <= part.body_end <= last, part
    for child in part.children:
        _inside(child, part.body_start, part.body_end)
    if part.message is not None:
        _inside(part.message, part.body_start, part.body_end)


def deflate(octets: bytes) -> None:
    """Anything is a compressed stream up to where it is none; what was compressed comes back, in any pieces."""
    inflater = Inflater()
    for piece in cut(octets):
        inflater.feed(piece)
        while inflater.more:
            assert len(inflater.feed(b"")) <= 1 << 16
    back, deflater = Inflater(), Deflater()
    found = b""
    for piece in cut(deflater.send(octets)):
        found += back.feed(piece)
        while back.more:
            found += back.feed(b"")
    assert found == octets


def acme(octets: bytes) -> None:
    """Whatever a certificate authority answers: an object, a chain, a problem, or an error of ours; nothing unprintable."""
    for kind in (objects.Directory, objects.Order, objects.Authorization, objects.RenewalInfo):
        with contextlib.suppress(BadAnswer):
            objects.read(octets, kind, "it")
    with contextlib.suppress(BadAnswer):
        assert str(problem.read(objects.read(octets, dict, "it"))).isprintable()
    with contextlib.suppress(OrderFailed):
        chain.accept(octets, ["a.example"], _ACCOUNT, 0.0)
    text = octets.decode("latin-1")
    waiting = Answer(503, {"retry-after": text}).retry_after(0.0)
    assert waiting is None or waiting >= 0
    links([text])


TARGETS: dict[str, tuple[Callable[[bytes], None], tuple[str, ...]]] = {
    # and the dictionaries of ../shared/vectors/fuzz that help it
    "imap": (imap, ("imap-codec-imap.dict", "imap-codec-terminals.dict")),
    "imap_command": (imap_command, ("imap-codec-imap.dict", "imap-codec-terminals.dict")),
    "sequence_set": (sequence_set, ()),
    "mailbox_name": (mailbox_name, ("dovecot-fuzz-imap-utf7.dict",)),
    "smtp": (smtp, ("dovecot-fuzz-smtp-server.dict",)),
    "smtp_path": (smtp_path, ("dovecot-fuzz-smtp-server.dict",)),
    "address_list": (address_list, ("dovecot-fuzz-message-parser.dict",)),
    "header": (header, ("dovecot-fuzz-message-parser.dict", "dovecot-fuzz-message-date.dict")),
    "message": (message, ("dovecot-fuzz-message-parser.dict", "dovecot-fuzz-message-decoder.dict")),
    "deflate": (deflate, ()),
    "acme": (acme, ()),
}
SEEDS: dict[str, list[bytes]] = {
    "imap": [
        b'a LOGIN user "pass word"\r\nb SELECT INBOX (QRESYNC (1 2 3:4 (1,2 3,4)))\r\nc UID FETCH 1:* (FLAGS BODY.PEEK[1.2.HEADER.FIELDS (A B)]<0.5>) (CHANGEDSINCE 5 VANISHED)\r\n',
        b"a APPEND x (\\Seen) \" 7-Feb-1994 22:43:04 -0800\" {3+}\r\nabc {2}\r\nde\r\nb NOOP\r\n",
        b"a SEARCH RETURN (MIN) OR NOT SEEN (HEADER X {3+}\r\nabc) SINCE 1-Jan-2020 MODSEQ \"/flags/\\\\seen\" all 7\r\n",
        b"a REPLACE 1 {1+}\r\nx ~{1+}\r\n\0\r\nx\r\n",
    ],
    "imap_command": [b"FETCH 1:3,* (UID BODY[1]<2.3> BINARY.SIZE[2])", b"UID-STORE 1 (UNCHANGEDSINCE 3) -FLAGS.SILENT (a b)", b'LIST (SUBSCRIBED) "" ("a" b*) RETURN (STATUS (MESSAGES))', b"SEARCH CHARSET UTF-8 OR FROM a TO b"],
    "sequence_set": [b"1:3,5,*:7", b"$", b"4294967295:1"],
    "mailbox_name": [b"&AOQ-/b&-", b"a/b", "\u00e4".encode()],
    "smtp": [b"EHLO x\r\nMAIL FROM:<a@b> SIZE=3\r\n", b"..a\r\n.\r\nQUIT\r\n", b"a\r\n.\n.\r\n"],
    "smtp_path": [b"<@a,@b:c@d>", b'<"a b"@[IPv6:::1]>', b"<>", b"SIZE=1 BODY=8BITMIME", b"a.example.org"],
    "address_list": [b'"A, B" <a@b>, c (d) @ e, g: h@i, j;, =?utf-8?q?x?= <k@l>'],
    "header": [b"From: a@b\r\n c\r\nDate: Mon, 7 Feb 1994 21:52:25 -0800 (PST)\r\nContent-Type: text/plain; charset*0*=utf-8''a%20; charset*1=b\r\n\r\n"],
    "message": [b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Transfer-Encoding: base64\r\n\r\nYQ==\r\n--x\r\nContent-Type: message/rfc822\r\n\r\nSubject: =?utf-8?b?w6Q=?=\r\n\r\nb\r\n--x--\r\n"],
    "acme": [b'{"status":"valid","finalize":"x","authorizations":["y"],"identifiers":[{"type":"dns","value":"a.example"}]}', b'{"type":"urn:ietf:params:acme:error:dns","detail":"no","subproblems":[{"identifier":{"value":"b"}}]}', b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", b'<https://a>; rel="up", <b>;rel=help', b"Tue, 22 Sep 2026 15:13:20 GMT", b'{"suggestedWindow":{"start":"2025-01-02T04:00:00Z","end":"2025-01-03T04:00:00Z"}}'],
    "deflate": [b"words and words and words", Deflater().send(b"a NOOP\r\n")],
}  # fmt: skip
