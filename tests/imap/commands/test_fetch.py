"""FETCH and UID FETCH through a session: items, sections, \\Seen, refusals, and big mailboxes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from tests.imap.answers import answer, literals
from tests.support.imap import Client, World, logged_in, message, world

from postil.imap import limits
from postil.imap.commands.fetch import parse
from postil.imap.errors import Bad
from postil.imap.fetch.remembered import Remembered
from postil.imap.tokens import Tokens
from postil.ports.ids import Uid
from postil.ports.picture import View
from postil.ports.store import Body, Corrupt, FlagChange, NewMessage, StoreUnavailable

INNER = b"Subject: inner\r\nFrom: a@example.org\r\n\r\ninner text\r\n"
MIXED = (
    b"From: Fred <fred@example.org>\r\nSubject: outer\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n"
    b"--b\r\nContent-Type: text/plain\r\n\r\nfirst\r\n"
    b"--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\nAAECAw==\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\n\r\n" + INNER + b"\r\n"
    b"--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n"
    b"--c\r\nContent-Type: text/html\r\n\r\n<p>\r\n--c--\r\n\r\n--b--\r\n"
)


async def fetched(octets: bytes, command: str, *, select: str = "INBOX") -> bytes:
    """The answer of a fresh mailbox with one message."""
    async with world() as made:
        await made.deliver("INBOX", octets)
        return await answer(await logged_in(made, select), command)


async def one(octets: bytes, item: str) -> bytes | None:
    """The value of one BODY item, None for NIL."""
    said = await fetched(octets, f"FETCH 1 {item}")
    if said.startswith(b"* 1 FETCH (" + item.replace("BODY.PEEK", "BODY").encode() + b" NIL)"):
        return None
    (value,) = literals(said)
    return value


@pytest.mark.parametrize(
    ("section", "want"),
    [
        ("", MIXED),
        ("TEXT", MIXED.split(b"\r\n\r\n", 1)[1]),
        ("HEADER", MIXED.split(b"\r\n\r\n", 1)[0] + b"\r\n\r\n"),
        ("1", b"first"),
        ("1.MIME", b"Content-Type: text/plain\r\n\r\n"),
        ("2", b"AAECAw=="),
        ("3", INNER),
        ("3.HEADER", b"Subject: inner\r\nFrom: a@example.org\r\n\r\n"),
        ("3.TEXT", b"inner text\r\n"),
        ("3.1", b"inner text\r\n"),
        ("3.HEADER.FIELDS (SUBJECT)", b"Subject: inner\r\n\r\n"),
        ("4.1", b"<p>"),
        ("HEADER.FIELDS (SUBJECT)", b"Subject: outer\r\n\r\n"),
        ("5", None),
        ("1.1", None),
        ("1.TEXT", None),
        ("3.2", None),
    ],
)
async def test_sections(section: str, want: bytes | None) -> None:
    """Each part specifier gives its octets as they were received; what does not exist is NIL."""
    assert await one(MIXED, f"BODY.PEEK[{section}]") == want


@pytest.mark.rfc(
    "9051",
    "6.4.5.1",
    "its parts MUST be indicated by a period followed by the part number within that nested multipart part.",
)
@pytest.mark.rfc(
    "3501",
    "6.4.5",
    "its parts MUST be indicated by a period followed by the part number within that nested multipart part.",
)
async def test_nested_multipart_numbers() -> None:
    """The parts of a multipart in a multipart are counted within it."""
    assert await one(MIXED, "BODY.PEEK[4.1]") == b"<p>"
    assert await one(MIXED, "BODY.PEEK[4.2]") is None


async def test_fields_not() -> None:
    """HEADER.FIELDS.NOT gives the rest of the header, names compared without case, exactly."""
    value = await one(MIXED, "BODY.PEEK[HEADER.FIELDS.NOT (subject content-type MIME)]")
    assert value == b"From: Fred <fred@example.org>\r\nMIME-Version: 1.0\r\n\r\n"


async def test_blank_line_only_if_there_is_one() -> None:
    """The blank line belongs to every header fetch, but is not invented."""
    assert await one(b"A: b\r\n\r\nx", "BODY.PEEK[HEADER.FIELDS (Q)]") == b"\r\n"
    assert await one(b"A: b\r\n", "BODY.PEEK[HEADER.FIELDS (A)]") == b"A: b\r\n"


@pytest.mark.rfc(
    "9051",
    "6.4.5.1",
    "The MIME part specifier MUST be prefixed by one or more numeric part specifiers.",
)
@pytest.mark.rfc(
    "3501", "6.4.5", "MIME part specifier MUST be prefixed by one or more numeric part specifiers."
)
def test_mime_needs_a_number() -> None:
    """BODY[MIME] is no section."""
    with pytest.raises(Bad):
        parse(Tokens(b" 1 BODY[MIME]"))


@pytest.mark.parametrize(
    ("partial", "label", "want"),
    [
        ("<0.4>", b"<0>", b"A: b"),
        ("<3.100>", b"<3>", b"b\r\n\r\nxyz"),
        ("<0.100>", b"<0>", b"A: b\r\n\r\nxyz"),
        ("<11.5>", b"<11>", b""),
        ("<5000000000.9223372036854775807>", b"<5000000000>", b""),
    ],
)
async def test_partial(partial: str, label: bytes, want: bytes) -> None:
    """A partial fetch is cut at the end of the text and always says where it begins."""
    said = await fetched(b"A: b\r\n\r\nxyz", f"FETCH 1 BODY.PEEK[]{partial}")
    assert said.startswith(b"* 1 FETCH (BODY[]" + label + b" {%d}\r\n" % len(want))
    assert literals(said) == [want]


async def test_partial_of_fields_after_subsetting() -> None:
    """A range of HEADER.FIELDS counts within the fields that were kept."""
    assert await one_partial(b"A: b\r\nC: d\r\n\r\n", "BODY.PEEK[HEADER.FIELDS (C)]<1.3>") == b": d"


async def one_partial(octets: bytes, item: str) -> bytes:
    """The literal of a partial item."""
    (value,) = literals(await fetched(octets, f"FETCH 1 {item}"))
    return value


@pytest.mark.rfc(
    "9051",
    "7.5.2",
    "The origin octet facility MUST NOT be used by a server in a FETCH response unless the client specifically requested it",
)
@pytest.mark.rfc(
    "3501",
    "7.4.2",
    "The origin octet facility MUST NOT be used by a server in a FETCH response unless the client specifically requested it",
)
async def test_no_origin_unless_asked() -> None:
    """A whole section comes whole, whatever its size, under its plain name."""
    octets = b"A: b\r\n\r\n" + b"x" * (3 * limits.BODY_SLICE)
    said = await fetched(octets, "FETCH 1 BODY.PEEK[]")
    assert said.startswith(b"* 1 FETCH (BODY[] {%d}\r\n" % len(octets))
    assert literals(said) == [octets]


@pytest.mark.rfc(
    "9051",
    "6.4.5",
    "The \\Seen flag is implicitly set; if this causes the flags to change, they SHOULD be included as part of the FETCH responses.",
)
@pytest.mark.parametrize(
    ("item", "sets"),
    [
        ("BODY[]", True), ("BODY[1]<0.1>", True), ("RFC822", True), ("RFC822.TEXT", True), ("BINARY[1]", True),
        ("BODY.PEEK[]", False), ("RFC822.HEADER", False), ("BINARY.PEEK[1]", False), ("BINARY.SIZE[1]", False), ("BODY", False), ("ENVELOPE", False),
    ],
)  # fmt: skip
@pytest.mark.rfc(
    "3501",
    "6.4.5",
    "The \\Seen flag is implicitly set; if this causes the flags to change, they SHOULD be included as part of the FETCH responses.",
)
async def test_seen(item: str, sets: bool) -> None:
    """What shows the text marks it as read and says so in the same response, once; a peek does not."""
    async with world() as made:
        await made.deliver("INBOX", message(1))
        client = await logged_in(made, "INBOX")
        said = await answer(client, f"FETCH 1 ({item})")
        assert (b" FLAGS (\\Seen \\Recent))\r\n" in said) is sets
        assert said.count(b"FETCH (") == 1
        assert b"FLAGS" not in await answer(client, f"FETCH 1 ({item})")
        assert (b"\\Seen" in await answer(client, "FETCH 1 FLAGS")) is sets


async def test_flags_asked_with_the_body() -> None:
    """FLAGS asked for in the same command are those after \\Seen was set, and stand there once."""
    said = await fetched(message(1), "FETCH 1 (FLAGS BODY[])")
    assert said.startswith(b"* 1 FETCH (FLAGS (\\Seen \\Recent) BODY[] {")
    assert said.count(b"FLAGS") == 1


async def test_examine_sets_nothing() -> None:
    """A mailbox opened read-only keeps its messages unread."""
    async with world() as made:
        await made.deliver("INBOX", message(1))
        client = await logged_in(made)
        await client.command("EXAMINE INBOX")
        assert b"FLAGS" not in await answer(client, "FETCH 1 BODY[]")
        assert b"\\Seen" not in await answer(client, "FETCH 1 FLAGS")


async def test_seen_is_news_to_others() -> None:
    """Another session hears of \\Seen; the one that caused it is not told twice."""
    async with world() as made:
        await made.deliver("INBOX", message(1))
        reader, other = await logged_in(made, "INBOX"), await logged_in(made, "INBOX")
        await reader.command("FETCH 1 BODY[]")
        assert await reader.command("NOOP") == [b"t OK NOOP completed"]
        assert (await other.command("NOOP"))[0].startswith(b"* 1 FETCH (FLAGS (\\Seen")


@pytest.mark.rfc(
    "9051",
    "6.4.9",
    "server implementations MUST implicitly include the UID message data item as part of any FETCH response caused by a UID command",
)
@pytest.mark.rfc(
    "3501",
    "6.4.8",
    "server implementations MUST implicitly include the UID message data item as part of any FETCH response caused by a UID command",
)
async def test_uid_fetch_shows_the_uid() -> None:
    """UID FETCH always shows the uid, and not twice; UID STORE shows it, STORE does not."""
    async with world() as made:
        for number in range(3):
            await made.deliver("INBOX", message(number))
        client = await logged_in(made, "INBOX")
        assert (await client.command("UID FETCH 2 RFC822.SIZE"))[0].startswith(b"* 2 FETCH (UID 2 ")
        both = await client.command("UID FETCH 2:9 (FLAGS UID)")
        assert [line.count(b"UID") for line in both[:2]] == [1, 1]
        assert await client.command("UID FETCH 77 FLAGS") == [b"t OK UID FETCH completed"]
        for command, uid in (("UID STORE", b"UID 2 "), ("STORE", b"")):
            answer = await client.command(f"{command} 2 FLAGS (\\Seen)")
            assert answer[0].startswith(b"* 2 FETCH (%bFLAGS (" % uid)


@pytest.mark.parametrize(
    ("macro", "items"),
    [
        ("FAST", "FLAGS INTERNALDATE RFC822.SIZE"),
        ("ALL", "FLAGS INTERNALDATE RFC822.SIZE ENVELOPE"),
        ("full", "FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY"),
    ],
)
async def test_macros(macro: str, items: str) -> None:
    """A macro is its items."""
    async with world() as made:
        await made.deliver("INBOX", MIXED)
        client = await logged_in(made, "INBOX")
        assert await client.command(f"FETCH 1 {macro}") == await client.command(
            f"FETCH 1 ({items})"
        )


async def test_rfc3501_spellings() -> None:
    """The old names give the same octets under the old labels."""
    said = await fetched(MIXED, "FETCH 1 (RFC822.HEADER RFC822.TEXT RFC822)")
    assert b"(RFC822.HEADER {" in said
    assert b" RFC822.TEXT {" in said
    header, text, whole = literals(said)
    assert header + text == whole == MIXED


async def test_size_is_what_the_body_has() -> None:
    """RFC822.SIZE equals the octets of BODY[]."""
    said = await fetched(MIXED, "FETCH 1 (RFC822.SIZE BODY.PEEK[])")
    assert b"RFC822.SIZE %d " % len(literals(said)[0]) in said


async def test_labels_repeat_the_question() -> None:
    """Field names come back as the client wrote them, quoted where they must be."""
    said = await fetched(message(1), 'FETCH 1 BODY.PEEK[HEADER.FIELDS ("from" Date "a b")]')
    assert said.startswith(b'* 1 FETCH (BODY[HEADER.FIELDS (from Date "a b")] {')
    said = await fetched(message(1), "fetch 1 body.peek[header.fields.not (x)]<0.1>")
    assert said.startswith(b"* 1 FETCH (BODY[HEADER.FIELDS.NOT (x)]<0> {1}\r\n")


@pytest.mark.rfc("9051", "9", "The ASCII NUL character, %x00, MUST NOT be used anywhere,")
@pytest.mark.rfc("3501", "9", "The ASCII NUL character, %x00, MUST NOT be used at any time.")
async def test_nul_never_leaves_in_body() -> None:
    """A stored NUL is shown as 0x80 in every BODY item, at the same place; BINARY gives it."""
    octets = b"X: a\0b\r\nContent-Transfer-Encoding: binary\r\nContent-Type: a/b\r\n\r\n\0c\0"
    for item in (
        "BODY.PEEK[]",
        "BODY.PEEK[TEXT]",
        "BODY.PEEK[1]",
        "BODY.PEEK[HEADER]",
        "BODY.PEEK[HEADER.FIELDS (X)]",
    ):
        said = await fetched(octets, f"FETCH 1 {item}")
        assert b"\0" not in said
        assert b"\x80" in said
    assert await one(octets, "BODY.PEEK[]") == octets.replace(b"\0", b"\x80")
    assert b"~{3}\r\n\0c\0)" in await fetched(octets, "FETCH 1 BINARY.PEEK[1]")


@pytest.mark.parametrize(
    "arguments",
    [
        b"", b" ", b" 1", b" 1 ", b" 1  FLAGS", b" 1 FLAGS ", b" 1 ()", b" 1 FOO", b" 1 (FLAGS ALL)", b" 1 (ALL)", b" 0 FLAGS", b" 1 BODY[",
        b" 1 BODY[0]", b" 1 BODY[1.]", b" 1 BODY[TEXT.1]", b" 1 BODY[HEADER.FIELDS]", b" 1 BODY[HEADER.FIELDS ()]", b" 1 BODY[]<0>", b" 1 BODY[]<0.0>",
        b" 1 BODY[]<.1>", b" 1 BODY.PEEK", b" 1 BINARY[TEXT]", b" 1 BINARY", b" 1 BINARY.SIZE[1]<0.1>", b" 1 (FLAGS UID", b" x FLAGS", b" 1 FLAGS UID",
        b" 1 BODY[" + b"1." * 100 + b"1]", b" 1 (" + b" ".join(b"BODY[%d]" % n for n in range(1, 300)) + b")",
    ],
)  # fmt: skip
def test_not_a_fetch(arguments: bytes) -> None:
    """What the grammar does not allow is BAD, and so is too much of what it does."""
    with pytest.raises(Bad):
        parse(Tokens(arguments))


async def test_numbers_beyond_the_mailbox() -> None:
    """A sequence number that does not exist is BAD, also `*` of an empty mailbox; a uid is not."""
    async with world() as made:
        client = await logged_in(made, "INBOX")
        assert (await client.command("FETCH 1 FLAGS"))[-1].startswith(b"t BAD")
        assert (await client.command("FETCH * FLAGS"))[-1].startswith(b"t BAD")
        assert (await client.command("UID FETCH 1:* FLAGS"))[-1].startswith(b"t OK")


@pytest.mark.rfc(
    "9051",
    "7.5.1",
    "An EXPUNGE response MUST NOT be sent when no command is in progress, nor while responding to a FETCH, STORE, or SEARCH command.",
)
@pytest.mark.rfc(
    "3501",
    "7.4.1",
    "An EXPUNGE response MUST NOT be sent when no command is in progress, nor while responding to a FETCH, STORE, or SEARCH command.",
)
async def test_expunged_by_another_session() -> None:
    """A message expunged elsewhere is still answered, with body, until this client was told."""
    async with world() as made:
        for number in range(1, 4):
            await made.deliver("INBOX", message(number))
        client = await logged_in(made, "INBOX")
        inbox = await made.mailbox("INBOX")
        await made.store.expunge(inbox.id, [Uid(2)], marked_only=False)
        said = await answer(client, "FETCH 1:3 (UID BODY.PEEK[TEXT] ENVELOPE)")
        assert b"Text of message 2." in said
        assert said.count(b" FETCH (UID ") == 3
        assert b"EXPUNGE" not in said
        assert b"q OK" in said


async def test_unreadable_message_does_not_stop_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """One lost body: its line keeps what is known, the others are whole, the command ends in NO."""
    async with world() as made:
        for number in range(1, 4):
            await made.deliver("INBOX", message(number))
        client = await logged_in(made, "INBOX")
        real = made.store.body

        async def lost(view: object, position: int) -> object:
            if position == 1:
                raise Corrupt("checksum")
            return await real(view, position)  # type: ignore[arg-type]

        monkeypatch.setattr(made.store, "body", lost)
        said = await answer(client, "FETCH 1:3 (UID BODY.PEEK[])")
        assert b"* 2 FETCH (UID 2)\r\n" in said
        assert len(literals(said)) == 2
        assert b"q NO [CORRUPTION]" in said
        assert len(made.failures) == 1
        made.failures.clear()


async def test_page_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the index gives no page because of one message, the others are asked one by one."""
    async with world() as made:
        for number in range(1, 4):
            await made.deliver("INBOX", message(number))
        client = await logged_in(made, "INBOX")
        real = made.store.details

        async def lost(view: object, positions: Sequence[int], *, header: bool = True) -> object:
            if 1 in positions:
                raise Corrupt("row")
            return await real(view, positions, header=header)  # type: ignore[arg-type]

        monkeypatch.setattr(made.store, "details", lost)
        lines = await client.command("FETCH 1:3 (UID ENVELOPE)")
        assert [line[:25] for line in lines[:3]] == [
            b"* 1 FETCH (UID 1 ENVELOPE",
            b"* 2 FETCH (UID 2)",
            b"* 3 FETCH (UID 3 ENVELOPE",
        ]
        assert lines[3].startswith(b"t NO [CORRUPTION]")
        made.failures.clear()


async def test_octets_lost_midway_end_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk fails behind the announced length, only BYE is left to say."""
    async with world() as made:
        await made.deliver("INBOX", b"A: b\r\n\r\n" + b"x" * (3 * limits.BODY_SLICE))
        client = await logged_in(made, "INBOX")
        real = made.store.body

        class Torn:
            """A body whose second slice fails."""

            def __init__(self, body: Body) -> None:
                self._body = body

            @property
            def size(self) -> int:
                return self._body.size

            def read(self, start: int, length: int) -> bytes:
                if start:
                    raise Corrupt("checksum")
                return self._body.read(start, length)

        async def torn(view: object, position: int) -> object:
            return Torn(await real(view, position))  # type: ignore[arg-type]

        monkeypatch.setattr(made.store, "body", torn)
        client.stream.client_write(b"q FETCH 1 BODY.PEEK[]\r\n")
        said = await client.stream.client_read_until(b"never")
        assert b"* BYE " in said
        assert client.stream.closed


async def test_slow_reader_costs_no_memory() -> None:
    """While a client does not read, no more than a few slices of a big message wait for it."""
    size = 40 * limits.BODY_SLICE
    async with world() as made:
        await made.deliver("INBOX", b"A: b\r\n\r\n" + b"x" * size)
        client = await logged_in(made, "INBOX")
        stream = client.stream
        most = 0

        async def drain() -> None:
            nonlocal most
            most = max(most, len(stream.client_output()))
            while len(stream.client_output()) > limits.BODY_SLICE:
                await asyncio.sleep(0)

        stream.drain = drain  # type: ignore[method-assign]
        stream.client_write(b"q FETCH 1 BODY.PEEK[]\r\n")
        taken = 0
        while not (piece := await stream.client_read_until(b"x" * 5000)).startswith(b"q"):
            taken += len(piece)
            if taken > size - 6000:
                break
        assert most <= 3 * limits.BODY_SLICE


async def test_full_disk_does_not_keep_from_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """When \\Seen cannot be written the text is sent all the same."""
    async with world() as made:
        await made.deliver("INBOX", message(1))
        client = await logged_in(made, "INBOX")

        async def full(*arguments: object, **options: object) -> object:
            raise StoreUnavailable("disk full")

        monkeypatch.setattr(made.store, "change_flags", full)
        said = await answer(client, "FETCH 1 BODY[]")
        assert literals(said) == [message(1)]
        assert b"FLAGS" not in said
        assert b"q OK" in said


async def many(made: World, count: int) -> None:
    """A mailbox of `count` small messages."""
    inbox = await made.mailbox("INBOX")
    writer = made.store.stage(made.account.id, None)
    await writer.write(message(1))
    staged = await writer.finish()
    flags = [frozenset[str](), frozenset({"\\Seen"}), frozenset({"$Junk", "\\Flagged"})]
    await made.store.append(
        inbox.id, [NewMessage(staged, flags[n % 3], 1_600_000_000 + n) for n in range(count)]
    )


async def test_big_mailbox() -> None:
    """Thousands of lines come complete, in order, each with its own flags, in any combination of items."""
    count = 2 * limits.FETCH_LINES + 7
    async with world() as made:
        await many(made, count)
        client = await logged_in(made)
        await client.command("ENABLE IMAP4rev2")
        await client.command("SELECT INBOX")
        flags = [b"", b"\\Seen", b"\\Flagged $Junk"]
        lines = await client.command("FETCH 1:* (UID FLAGS)")
        assert lines[:-1] == [
            b"* %d FETCH (UID %d FLAGS (%b))" % (n, n, flags[(n - 1) % 3])
            for n in range(1, count + 1)
        ]
        assert await client.command("FETCH 1,3:*,2 (FLAGS UID)") == [
            *(
                b"* %d FETCH (FLAGS (%b) UID %d)" % (n, flags[(n - 1) % 3], n)
                for n in range(1, count + 1)
            ),
            b"t OK FETCH completed",
        ]
        odd = ",".join(str(n) for n in range(1, count + 1, 2))
        fast = await client.command(f"FETCH {odd} (RFC822.SIZE INTERNALDATE)")
        assert len(fast) == (count + 1) // 2 + 1
        assert fast[1] == (
            b'* 3 FETCH (RFC822.SIZE %d INTERNALDATE "13-Sep-2020 12:26:42 +0000")'
            % len(message(1))
        )


async def test_pages_of_details() -> None:
    """ENVELOPE of more messages than a page of the index holds comes complete and in order."""
    count = 2 * limits.FETCH_PAGE + 3
    async with world() as made:
        await many(made, count)
        client = await logged_in(made, "INBOX")
        lines = await client.command("FETCH 1:* (UID ENVELOPE)")
        assert [line.split(b" ENVELOPE")[0] for line in lines[:-1]] == [
            b"* %d FETCH (UID %d" % (n, n) for n in range(1, count + 1)
        ]


async def test_header_fields_in_bulk() -> None:
    """A page of headers says what each message's own answer says, with a long header or none among them, asked again too."""
    odd = [
        b"Subject: 100 %s %d\r\nFrom: a@b\r\n\r\nx",
        b"Subject: long\r\nX-Long: " + b"a" * 9000 + b"\r\n\r\nbody",
        b"no field\r\nSubject: \xff\x00\r\n\r\n",
        b"",
        MIXED,
    ]
    asked = [
        'BODY.PEEK[HEADER.FIELDS (Subject "X%s")]',
        "BODY.PEEK[HEADER.FIELDS.NOT (Subject)]",
        "BODY.PEEK[HEADER]",
        "(UID FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT FROM)] ENVELOPE RFC822.SIZE INTERNALDATE)",
    ]
    async with world() as made:
        for number in range(60):
            await made.deliver("INBOX", message(number))
        for octets in odd:
            await made.deliver("INBOX", octets)
        client = await logged_in(made, "INBOX")
        count = 60 + len(odd)
        for item in asked:
            alone = b""
            for number in range(count, 0, -1):  # the longest way first: a body is read
                said = await answer(client, f"FETCH {number} {item}")
                alone = said[: said.rindex(b"q OK")] + alone
            for _ in range(2):
                for numbers in ("1:60", "1:*"):
                    said = await answer(client, f"FETCH {numbers} {item}")
                    assert alone.startswith(said[: said.rindex(b"q OK")])
                    assert said.count(b" FETCH (") == (60 if numbers == "1:60" else count)


async def test_newest_headers_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same question about the same messages asks the store nothing; about one more, for that one; bodies never."""
    async with world() as made:
        for number in range(60):
            await made.deliver("INBOX", message(number))
        client = await logged_in(made, "INBOX")
        asked: list[int] = []
        real = made.store.headers

        async def headers(view: View, positions: Sequence[int]) -> Sequence[bytes | None]:
            asked.append(len(positions))
            return await real(view, positions)

        async def never(*_: object, **__: object) -> object:
            raise AssertionError("a list of mail needs no body")

        monkeypatch.setattr(made.store, "headers", headers)
        monkeypatch.setattr(made.store, "body", never)
        question = "(UID FLAGS BODY.PEEK[HEADER.FIELDS (From Subject)])"
        first = await answer(client, f"FETCH 11:60 {question}")
        assert (first.count(b" FETCH ("), asked) == (50, [50])
        assert await answer(client, f"FETCH 11:60 {question}") == first
        assert asked == [50]
        await made.deliver("INBOX", message(60))
        await client.command("NOOP")
        assert (await answer(client, f"FETCH 11:61 {question}")).count(b" FETCH (") == 51
        assert asked == [50, 1]
        await answer(client, f"FETCH 11:61 {question.replace('Subject', 'Date')}")
        assert asked == [50, 1, 51]


def test_what_is_remembered_is_bounded() -> None:
    """The item asked for longest ago goes first, and its octets count no more."""
    kept = Remembered(most=10_000)
    for label in (b"a", b"b"):
        kept.add(1, label, dict.fromkeys(range(10), "x" * 200))
    assert len(kept.answers(1, b"a")) == 10  # asked for again: b is older now
    kept.add(2, b"a", dict.fromkeys(range(10), "x" * 200))
    assert [len(kept.answers(*key)) for key in ((1, b"a"), (1, b"b"), (2, b"a"))] == [10, 0, 10]
    assert 7_000 < kept.octets <= 10_000
    kept.add(3, b"c", {1: "x" * 20_000})
    assert (kept.octets, len(kept.answers(3, b"c"))) == (0, 0)


async def test_recent_in_the_lines() -> None:
    """RFC 3501 clients see \\Recent on what they are the first to hear of, IMAP4rev2 clients never."""
    async with world() as made:
        await made.deliver("INBOX", message(1))
        first = await logged_in(made, "INBOX")
        assert await first.command("FETCH 1 FLAGS") == [
            b"* 1 FETCH (FLAGS (\\Recent))",
            b"t OK FETCH completed",
        ]
        second = await logged_in(made, "INBOX")
        assert (await second.command("FETCH 1 FLAGS"))[0] == b"* 1 FETCH (FLAGS ())"
        await made.deliver("INBOX", message(2), frozenset({"\\Seen"}))
        await first.command("NOOP")
        assert (await first.command("FETCH 2 FLAGS"))[0] == b"* 2 FETCH (FLAGS (\\Seen \\Recent))"


async def test_flags_changed_elsewhere_are_told_once() -> None:
    """Flags that FETCH just showed are not repeated behind it."""
    async with world() as made:
        for number in range(1, 4):
            await made.deliver("INBOX", message(number))
        client = await logged_in(made, "INBOX")
        inbox = await made.mailbox("INBOX")
        await made.store.change_flags(inbox.id, [Uid(2)], FlagChange.ADD, frozenset({"\\Answered"}))
        said = await answer(client, "FETCH 1:3 FLAGS")
        assert said.count(b"\\Answered") == 1 + said.count(b"* FLAGS (")
        assert b"FETCH" not in await answer(client, "NOOP")


async def test_the_loop_is_given_back() -> None:
    """While a long FETCH runs, others get their turn many times."""
    async with world() as made:
        await many(made, 10 * limits.FETCH_LINES)
        client = await logged_in(made, "INBOX")
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        made.tasks.start("others", others())
        await client.command("FETCH 1:* FLAGS")
        assert turns >= 10


async def envelope_of(client: Client) -> bytes:
    return await answer(client, "FETCH 1 (ENVELOPE BODYSTRUCTURE)")


@pytest.mark.rfc(
    "9051",
    "4.3",
    "The non-synchronizing literal form MUST NOT be sent from server to client.",
)
async def test_utf8_only_when_enabled() -> None:
    """A UTF-8 subject is a literal for a client of RFC 3501 and quoted after ENABLE; never `{n+}`."""
    octets = "Subject: grün\r\n\r\nx".encode()
    async with world() as made:
        await made.deliver("INBOX", octets)
        old = await envelope_of(await logged_in(made, "INBOX"))
        client = await logged_in(made)
        await client.command("ENABLE IMAP4rev2")
        await client.command("SELECT INBOX")
        new = await envelope_of(client)
    assert "{5}\r\ngrün".encode() in old
    assert b"+}" not in old
    assert '"grün"'.encode() in new
