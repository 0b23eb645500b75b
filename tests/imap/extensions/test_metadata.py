"""METADATA and LIST-METADATA: notes go where their mailbox goes, within limits, and others hear of them."""

from __future__ import annotations

import re

import pytest
from tests.imap.answers import answer
from tests.support.imap import Client, logged_in, world

BOX = "Projects"


async def _set(client: Client, mailbox: str, entry: str, value: str) -> bytes:
    return (await client.command(f'SETMETADATA {mailbox} ({entry} "{value}")'))[-1]


async def _get(client: Client, mailbox: str, entry: str) -> bytes:
    lines = await client.command(f"GETMETADATA {mailbox} {entry}")
    assert lines[-1].startswith(b"t OK"), lines
    found = re.fullmatch(rb"\* METADATA \S+ \(\S+ (.*)\)", lines[0])
    assert found is not None, lines
    return found.group(1)


@pytest.mark.rfc(
    "5464",
    "3.3",
    "If the METADATA extension is present, support for shared annotations is REQUIRED",
)
@pytest.mark.rfc(
    "5464",
    "4.1",
    "Servers SHOULD ensure that mailbox annotations are automatically moved when the mailbox they refer to is renamed",
)
@pytest.mark.rfc(
    "5464", "4.1", "Servers SHOULD delete annotations for a mailbox when the mailbox is deleted"
)
@pytest.mark.rfc(
    "5464", "5", "Implementations MUST accept these strings in a case-insensitive fashion."
)
@pytest.mark.parametrize("scope", ["shared", "private"])
async def test_life_of_a_note(scope: str) -> None:
    """It follows a rename, stays on INBOX and is copied from it, and ends with its mailbox."""
    async with world() as made:
        client = await logged_in(made)
        await client.command(f"CREATE {BOX}")
        assert (await _set(client, BOX, f"/{scope.upper()}/comment", "x")).startswith(b"t OK")
        assert (await _set(client, "INBOX", f"/{scope}/comment", "in")).startswith(b"t OK")
        await client.command(f"RENAME {BOX} Other")
        assert await _get(client, "Other", f"/{scope}/COMMENT") == b'"x"'
        await client.command("RENAME INBOX Old")
        assert await _get(client, "INBOX", f"/{scope}/comment") == b'"in"'
        assert await _get(client, "Old", f"/{scope}/comment") == b'"in"'
        await client.command("DELETE Other")
        await client.command("CREATE Other")
        assert await _get(client, "other".title(), f"/{scope}/comment") == b"NIL"


WRONG = [
    "/private//x", "/private/x/", "private/x", "/x/y", "/private", "/shared/vendor", "/shared/vendor/x",
    '"/private/x y*"', '"/private/%"', '"/private/\x01"', '""', '"/private/x\ty"',
]  # fmt: skip


@pytest.mark.rfc("5464", "3.2", "An entry name MUST NOT")
@pytest.mark.rfc("5464", "3.2", 'MUST NOT end with a "/" character.')
@pytest.mark.rfc(
    "5464", "3.2", 'Entry names MUST NOT contain asterisk ("*") or percent ("%") characters'
)
@pytest.mark.rfc("5464", "3.2", "MUST NOT contain non-ASCII characters")
@pytest.mark.rfc("5464", "6", 'All entries MUST have either "/shared" or "/private" as a prefix.')
@pytest.mark.parametrize("name", WRONG)
async def test_wrong_names(name: str) -> None:
    """BAD in every command that takes an entry name."""
    async with world() as made:
        client = await logged_in(made)
        for command in (
            f"GETMETADATA INBOX {name}",
            f"GETMETADATA INBOX (/private/comment {name})",
            f'SETMETADATA INBOX ({name} "x")',
            f'LIST "" * RETURN (METADATA ({name}))',
        ):
            assert (await client.command(command))[-1].startswith(b"t BAD"), command
        literal = "/private/é".encode()
        said = await client.command(b"GETMETADATA INBOX {%d+}\r\n%b" % (len(literal), literal))
        assert said[-1].startswith(b"t BAD")


@pytest.mark.rfc(
    "5464",
    "3.3",
    "If a client attempts to set or retrieve annotations on mailboxes that do not satisfy the conditions above, the server MUST respond with a NO response.",
)
@pytest.mark.rfc(
    "5464",
    "3.3",
    "When restricted, the server MUST return a NO response when the SETMETADATA command is used to try to create a server annotation.",
)
async def test_where_nothing_can_be_noted() -> None:
    """No such mailbox; and what the server says of itself, which is machine-wide."""
    async with world() as made:
        made.entries = {"/shared/admin": b"mailto:a@example.org"}
        client = await logged_in(made)
        assert (await _set(client, "Nowhere", "/private/comment", "x")).startswith(b"t NO [NONEX")
        (only,) = await client.command("GETMETADATA Nowhere /private/comment")
        assert only.startswith(b"t NO [NONEXISTENT]")
        for entry in ("/shared/admin", "/shared/comment", "/shared/vendor/x/y"):
            assert (await _set(client, '""', entry, "x")).startswith(b"t NO [NOPERM]")
        assert await _get(client, '""', "/shared/admin") == b'"mailto:a@example.org"'
        await _set(client, '""', "/private/vendor/x/y", "mine")
        other = Client(await made.connect())
        await other.greeting()
        await other.command("LOGIN other secret")
        assert await _get(other, '""', "/private/vendor/x/y") == b"NIL"
        assert await _get(other, '""', "/shared/admin") == b'"mailto:a@example.org"'


@pytest.mark.rfc(
    "5464",
    "4.2.1",
    "the server MUST include the METADATA LONGENTRIES response code in the tagged OK response for the GETMETADATA command.",
)
async def test_largest() -> None:
    """The biggest of those left out is named; a value of just that size is returned."""
    async with world() as made:
        client = await logged_in(made)
        for name, size in (("a", 10), ("b", 30), ("c", 20)):
            await _set(client, "INBOX", f"/private/{name}", "x" * size)
        said = await client.command(
            "GETMETADATA (MAXSIZE 10) INBOX (/private/a /private/b /private/c)"
        )
        assert said == [
            b'* METADATA INBOX (/private/a "xxxxxxxxxx")',
            b"t OK [METADATA LONGENTRIES 30] GETMETADATA completed",
        ]
        said = await client.command("GETMETADATA (DEPTH infinity MAXSIZE 30) INBOX /private")
        assert said[-1] == b"t OK GETMETADATA completed"


@pytest.mark.rfc(
    "5464",
    "4.1",
    "However, the server MUST accept an annotation data size of at least 1024 bytes, and an annotation count per server or mailbox of at least 10.",
)
@pytest.mark.rfc(
    "5464",
    "4.3",
    'because the maximum number of allowed annotations has already been reached, the server MUST return a tagged NO response with a "[METADATA TOOMANY]" response code.',
)
@pytest.mark.rfc(
    "5464",
    "7",
    "servers MUST ensure that size limits are enforced to prevent a user from using up all available space",
)
async def test_too_many() -> None:
    """1,000 for the account; each mailbox has room for ten of 1,024 octets all the same; taking away always works."""
    async with world() as made:
        client = await logged_in(made)
        for start in range(0, 1000, 100):
            pairs = " ".join(f'/private/n{number} "x"' for number in range(start, start + 100))
            (only,) = await client.command(f"SETMETADATA INBOX ({pairs})")
            assert only.startswith(b"t OK")
        assert (await _set(client, "INBOX", "/private/more", "x")).startswith(
            b"t NO [METADATA TOOMANY]"
        )
        assert (await _set(client, "INBOX", "/private/n1", "changed")).startswith(b"t OK")
        await client.command(f"CREATE {BOX}")
        for number in range(10):
            assert (await _set(client, BOX, f"/shared/n{number}", "x" * 1024)).startswith(b"t OK")
        assert (await _set(client, BOX, "/shared/n10", "x")).startswith(b"t NO [METADATA TOOMANY]")
        for number in range(10):
            said = await _set(client, '""', f"/private/n{number}", "x" * 1024)
            assert said.startswith(b"t OK"), number
        said = await _set(client, '""', "/private/n10", "x")
        assert said.startswith(b"t NO [METADATA TOOMANY]")
        (only,) = await client.command("SETMETADATA INBOX (/private/n1 NIL /private/n2 NIL)")
        assert only.startswith(b"t OK")


@pytest.mark.rfc(
    "5464",
    "4.3",
    'the server MUST return a tagged NO response with a "[METADATA MAXSIZE NNN]" response code when NNN is the maximum octet count that it is willing to accept.',
)
@pytest.mark.rfc(
    "5464",
    "4.3",
    "then the server MUST NOT change the values for other annotations specified in the SETMETADATA command.",
)
async def test_too_large_and_all_or_nothing() -> None:
    """The number in the code is true: so much is taken, one octet more is not."""

    async def store(client: Client, size: int) -> bytes:
        value = b"x" * size
        return await answer(
            client,
            b'SETMETADATA INBOX (/private/comment "new" /private/big {%d+}\r\n%b)' % (size, value),
        )

    async with world() as made:
        client = await logged_in(made)
        await _set(client, "INBOX", "/private/comment", "old")
        await _set(client, "INBOX", "/private/other", "x" * 900)
        refused = await store(client, 1_000_001)
        found = re.match(rb"q NO \[METADATA MAXSIZE (\d+)\] ", refused)
        assert found is not None
        assert await _get(client, "INBOX", "/private/comment") == b'"old"'
        room = 1_000_000 - 900 - len("new")
        assert (await store(client, room + 1)).startswith(b"q NO [METADATA MAXSIZE ")
        assert await _get(client, "INBOX", "/private/big") == b"NIL"
        assert (await store(client, room)).startswith(b"q OK")
        assert await _get(client, "INBOX", "/private/comment") == b'"new"'


@pytest.mark.rfc(
    "5464",
    "1",
    'A server that supports unsolicited annotation change responses MUST support the "ENABLE" [RFC5161] extension',
)
@pytest.mark.rfc(
    "5464", "4.1", "In order to do so, servers MUST support the ENABLE command [RFC5161]"
)
@pytest.mark.rfc(
    "5464",
    "4.1",
    "MUST only send unsolicited responses if the client used the ENABLE command",
)
@pytest.mark.rfc(
    "5464",
    "4.3",
    "The server SHOULD NOT return a METADATA response containing the updated annotation data.",
)
@pytest.mark.rfc(
    "5464",
    "4.4",
    "servers MUST send unsolicited METADATA responses if server or mailbox annotations are changed by a third-party",
)
@pytest.mark.rfc(
    "5464", "4.4", "Unsolicited METADATA responses MUST only contain entry names, not the values."
)
async def test_others_hear_of_it() -> None:
    """Who asked: the names, once; who did not, and whoever did it himself: nothing."""
    async with world() as made:
        asked, silent, doer = [await logged_in(made, "INBOX") for _ in range(3)]
        for client in (asked, doer):
            assert (await client.command("ENABLE METADATA"))[0] == b"* ENABLED METADATA"
        pairs = '(/private/comment "secret" /shared/comment "secret")'
        assert len(await doer.command(f"SETMETADATA INBOX {pairs}")) == 1
        assert len(await doer.command('SETMETADATA "" (/private/x/y "secret")')) == 1
        assert len(await doer.command("NOOP")) == 1
        assert len(await silent.command("NOOP")) == 1
        assert await asked.command("NOOP") == [
            b"* METADATA INBOX /private/comment /shared/comment",
            b'* METADATA "" /private/x/y',
            b"t OK NOOP completed",
        ]
        assert len(await asked.command("NOOP")) == 1
        # at the same time: each is told of what the other did
        await asked.command('SETMETADATA INBOX (/shared/comment "a")')
        assert (await doer.command('SETMETADATA INBOX (/private/comment "b")'))[:-1] == [
            b"* METADATA INBOX /shared/comment"
        ]
        assert (await asked.command("NOOP"))[0] == b"* METADATA INBOX /private/comment"
        await asked.command("UNAUTHENTICATE")
        await asked.command("LOGIN user secret")
        await doer.command('SETMETADATA INBOX (/private/comment "c")')
        assert len(await asked.command("NOOP")) == 1


async def test_modseq_of_the_mailbox_rises() -> None:
    """A client that resynchronises sees that something changed."""
    async with world() as made:
        client = await logged_in(made)

        async def highest() -> int:
            lines = await client.command("STATUS INBOX (HIGHESTMODSEQ)")
            return int(lines[0].split()[-1][:-1])

        before = await highest()
        await _set(client, "INBOX", "/private/comment", "x")
        assert await highest() > before


@pytest.mark.rfc(
    "6154",
    "4",
    'it SHOULD tie the special-use attributes for a mailbox to its metadata entry "/private/specialuse".',
)
@pytest.mark.rfc(
    "6154",
    "4",
    "A server that supports this MUST check the validity of changes to the special-use attributes",
)
@pytest.mark.rfc(
    "6154",
    "4",
    "It MUST NOT just blindly accept setting of these metadata by clients",
)
@pytest.mark.rfc(
    "6154",
    "3",
    "a server that supports both functions MUST advertise both capability strings.",
)
async def test_special_use() -> None:
    """The entry and LIST say the same, whichever was set; what no mailbox can be is refused with all that came along."""
    async with world() as made:
        client = await logged_in(made)
        entry = "/private/specialuse"
        announced = (await client.command("CAPABILITY"))[0].split()
        assert {b"SPECIAL-USE", b"CREATE-SPECIAL-USE", b"METADATA"} <= set(announced)
        await client.command("CREATE Bin (USE (\\Trash))")
        assert await _get(client, "Bin", entry) == b'"\\\\Trash"'
        assert await _get(client, "INBOX", entry) == b"NIL"
        assert (await _set(client, "Bin", entry, "\\\\junk \\\\ARCHIVE")).startswith(b"t OK")
        assert await _get(client, "Bin", entry) == b'"\\\\Archive \\\\Junk"'
        (listed, _) = await client.command('LIST "" Bin')
        assert b"\\Archive \\Junk" in listed
        said = await client.command(f'SETMETADATA Bin (/private/comment "x" {entry} "\\\\All")')
        assert said[-1].startswith(b"t NO [USEATTR]")
        assert await _get(client, "Bin", "/private/comment") == b"NIL"
        await client.command(f"SETMETADATA Bin ({entry} NIL)")
        assert await _get(client, "Bin", entry) == b"NIL"


@pytest.mark.rfc(
    "9590",
    "3",
    "For each listable mailbox matching the list pattern and selection options, the server MUST return an untagged LIST response, followed by one or more untagged METADATA responses containing the mailbox annotations requested by the client.",
)
async def test_list_returns_notes() -> None:
    """One METADATA behind each LIST of a mailbox, none behind what is shown only for its children."""
    async with world() as made:
        client = await logged_in(made)
        for name in ("foo", "bar/baz"):
            await client.command(f"CREATE {name}")
        await client.command("SUBSCRIBE bar/baz")
        await _set(client, "foo", "/shared/vendor/x/color", "red")
        said = await client.command(
            'LIST "" (foo bar/*) RETURN (METADATA (/shared/vendor/x/color))'
        )
        assert said[:-1] == [
            b'* LIST (\\HasNoChildren) "/" bar/baz',
            b"* METADATA bar/baz (/shared/vendor/x/color NIL)",
            b'* LIST (\\HasNoChildren) "/" foo',
            b'* METADATA foo (/shared/vendor/x/color "red")',
        ]
        said = await client.command(
            'LIST (SUBSCRIBED RECURSIVEMATCH) "" bar RETURN (METADATA (/shared/comment))'
        )
        assert len(said) == 2
        assert b"CHILDINFO" in said[0]


async def test_depth_of_many() -> None:
    """Asked for many at once, each entry comes once: those asked for, and those at most DEPTH levels below one of them."""
    async with world() as made:
        client = await logged_in(made)
        names = ("/private/a", "/private/a/b", "/private/a/b/c", "/private/a/b/c/d", "/private/ab")
        pairs = " ".join(f'{name} "x"' for name in names)
        await client.command(f"SETMETADATA INBOX ({pairs})")

        async def got(depth: str, asked: str) -> list[bytes]:
            said = await client.command(f"GETMETADATA (DEPTH {depth}) INBOX ({asked})")
            return said[0].split(b"(", 1)[1].rstrip(b")").split()[::2]

        both = b"/private/a /private/a/b /private/a/b/c".split()
        assert await got("1", "/private/a /private/a/b") == both
        assert await got("1", "/private") == [b"/private/a", b"/private/ab"]
        assert await got("1", "/private/a/b/c/d /shared") == [b"/private/a/b/c/d"]
        assert await got("infinity", "/private/a/b /private/a/b/c") == [
            b"/private/a/b",
            b"/private/a/b/c",
            b"/private/a/b/c/d",
        ]


@pytest.mark.parametrize("command", ["GETMETADATA INBOX {}", 'LIST "" * RETURN (METADATA {})'])
async def test_entries_of_one_command(command: str) -> None:
    """A thousand may be asked for, no more: each mailbox has an answer for each."""
    async with world() as made:
        client = await logged_in(made)
        names = [f"/private/e{number}" for number in range(1001)]
        said = await client.command(command.format(f"({' '.join(names)})"))
        assert said[-1].startswith(b"t NO [LIMIT]")
        said = await client.command(command.format(f"({' '.join(names[1:])})"))
        assert said[-1].startswith(b"t OK")
