"""Sentences of RFC 9051 about a whole session: what is announced, what ENABLE does, what may be sent unasked, what runs in which order."""

from __future__ import annotations

import re

import pytest
from tests.support.imap import Client, World, logged_in, message, world

from postil.imap.registry import COMMANDS

REQUIRED = ("* FLAGS (", " EXISTS", "[PERMANENTFLAGS (", "[UIDNEXT ", "[UIDVALIDITY ", "LIST (")
# RFC 9051 §6, and those of RFC 3501 that every server of IMAP4rev1 has.
BASE = frozenset(
    [
        "CAPABILITY",
        "NOOP",
        "LOGOUT",
        "STARTTLS",
        "AUTHENTICATE",
        "LOGIN",
        "ENABLE",
        "SELECT",
        "EXAMINE",
        "CREATE",
        "DELETE",
        "RENAME",
        "SUBSCRIBE",
        "UNSUBSCRIBE",
        "LIST",
        "NAMESPACE",
        "STATUS",
        "APPEND",
        "IDLE",
        "CLOSE",
        "UNSELECT",
        "EXPUNGE",
        "SEARCH",
        "FETCH",
        "STORE",
        "COPY",
        "MOVE",
        "LSUB",
        "CHECK",
    ]
)


async def greeted(made: World) -> tuple[Client, bytes]:
    client = Client(await made.connect())
    return client, await client.greeting()


@pytest.mark.rfc("9051", "6.1.1", "Responses:    REQUIRED untagged response:  CAPABILITY")
@pytest.mark.rfc(
    "9051",
    "6.1.1",
    'The server MUST send a single untagged CAPABILITY response with "IMAP4rev2" as one of the listed capabilities before the (tagged) OK response.',
)
@pytest.mark.rfc("9051", "7.2.2", 'The capability listing MUST include the atom "IMAP4rev2",')
@pytest.mark.rfc(
    "9051",
    "6.1.1",
    "MUST also implement AUTH=PLAIN (described in [PLAIN]) capability on both cleartext and Implicit TLS ports.",
)
@pytest.mark.rfc(
    "9051",
    "6.1.1",
    "MUST implement the STARTTLS (Section 6.2.1) and LOGINDISABLED capabilities on cleartext ports.",
)
@pytest.mark.rfc(
    "9051",
    "7.2.2",
    'Client and server implementations MUST implement the capabilities "AUTH=PLAIN" (described in [PLAIN]),',
)
@pytest.mark.rfc(
    "9051", "7.2.2", 'and MUST implement "STARTTLS" and "LOGINDISABLED" on the cleartext port.'
)
@pytest.mark.rfc("3501", "6.1.1", "Responses:  REQUIRED untagged response: CAPABILITY")
@pytest.mark.rfc(
    "3501",
    "6.1.1",
    'The server MUST send a single untagged CAPABILITY response with "IMAP4rev1" as one of the listed capabilities before the (tagged) OK response.',
)
@pytest.mark.rfc(
    "3501",
    "6.1.1",
    "Client and server implementations MUST implement the STARTTLS, LOGINDISABLED, and AUTH=PLAIN (described in [IMAP-TLS]) capabilities.",
)
@pytest.mark.rfc("3501", "7.2.1", 'The capability listing MUST include the atom "IMAP4rev1".')
@pytest.mark.rfc(
    "3501",
    "7.2.1",
    "In addition, client and server implementations MUST implement the STARTTLS, LOGINDISABLED, and AUTH=PLAIN (described in [IMAP-TLS]) capabilities.",
)
@pytest.mark.rfc(
    "7888",
    "5",
    "IMAP servers MUST NOT advertise both of these capabilities at the same time.",
)
@pytest.mark.rfc(
    "3516",
    "4.1",
    'IMAP4 servers that support this extension MUST include "BINARY" in the response list to the CAPABILITY command.',
)
async def test_capability() -> None:
    """One line before OK, in each state; PLAIN inside TLS, STARTTLS and LOGINDISABLED outside, and PLAIN behind STARTTLS."""
    async with world() as made:
        client, _ = await greeted(made)
        for step in ("NOOP", "LOGIN user secret", "SELECT INBOX"):
            assert (await client.command(step))[-1].startswith(b"t OK")
            line, done = await client.command("CAPABILITY")
            assert done.startswith(b"t OK")
            assert line.startswith(b"* CAPABILITY ")
            assert {b"IMAP4rev1", b"IMAP4rev2"} <= set(line.split())
            assert b"LITERAL+" in line.split()
            assert b"LITERAL-" not in line.split()
            assert (b"BINARY" in line.split()) is (step != "NOOP")
            assert (b"AUTH=PLAIN" in line.split()) is (step == "NOOP")
        made.tls = False
        client, greeting = await greeted(made)
        words = set((await client.command("CAPABILITY"))[0].split())
        assert words >= {b"STARTTLS", b"LOGINDISABLED"}
        assert b"AUTH=PLAIN" not in words
        assert b"STARTTLS" in greeting
        client.stream.client_write(b"a STARTTLS\r\n")
        await client.until(b"a")
        while made.sessions[-1].stream.peer.tls is None:
            await made.sessions[-1].pause()
        words = set((await client.command("CAPABILITY"))[0].split())
        assert b"AUTH=PLAIN" in words
        assert not words & {b"STARTTLS", b"LOGINDISABLED"}


@pytest.mark.rfc("9051", "6.1.3", "Responses:    REQUIRED untagged response:  BYE")
@pytest.mark.rfc(
    "9051",
    "6.1.3",
    "The server MUST send a BYE untagged response before the (tagged) OK response, and then close the network connection.",
)
@pytest.mark.rfc("3501", "6.1.3", "Responses:  REQUIRED untagged response: BYE")
@pytest.mark.rfc(
    "3501",
    "6.1.3",
    "The server MUST send a BYE untagged response before the (tagged) OK response, and then close the network connection.",
)
async def test_logout_in_each_state() -> None:
    """BYE, OK, and the end, whether or not anybody has logged in or selected."""
    async with world() as made:
        for steps in ((), ("LOGIN user secret",), ("LOGIN user secret", "SELECT INBOX")):
            client, _ = await greeted(made)
            for step in steps:
                await client.command(step)
            assert [one.split()[1] for one in await client.command("LOGOUT")] == [b"BYE", b"OK"]
            assert await client.stream.client_line() == b""
            assert client.stream.closed


@pytest.mark.rfc(
    "9051",
    "3.1",
    "the client MUST supply authentication credentials before most commands will be permitted.",
)
@pytest.mark.rfc(
    "9051",
    "3.2",
    "MUST select a mailbox to access before commands that affect messages will be permitted.",
)
@pytest.mark.rfc(
    "3501",
    "3.1",
    "In the not authenticated state, the client MUST supply authentication credentials before most commands will be permitted.",
)
@pytest.mark.rfc(
    "3501",
    "3.2",
    "In the authenticated state, the client is authenticated and MUST select a mailbox to access before commands that affect messages will be permitted.",
)
async def test_states() -> None:
    """Before login a mailbox is out of reach, before SELECT its messages are; afterwards both work."""
    async with world() as made:
        await made.deliver("INBOX", message(1))
        client, _ = await greeted(made)
        mailboxes = [
            "SELECT INBOX",
            'LIST "" *',
            "STATUS INBOX (MESSAGES)",
            "CREATE x",
            "ENABLE CONDSTORE",
            "IDLE",
        ]
        messages = [
            "FETCH 1 UID",
            "STORE 1 +FLAGS (\\Seen)",
            "SEARCH ALL",
            "COPY 1 INBOX",
            "EXPUNGE",
            "CLOSE",
        ]
        for command in (*mailboxes, *messages):
            assert (await client.command(command))[-1].startswith(b"t BAD"), command
        await client.command("LOGIN user secret")
        for command in messages:
            assert (await client.command(command))[-1].startswith(b"t BAD"), command
        assert [box.name for box in await made.store.mailboxes(made.account.id)].count("x") == 0
        await client.command("SELECT INBOX")
        for command in messages:
            assert (await client.command(command))[-1].startswith(b"t OK"), command


@pytest.mark.rfc(
    "9051",
    "6.3.1",
    "If the argument is not an extension known to the server, the server MUST ignore the argument.",
)
@pytest.mark.rfc(
    "9051",
    "6.3.1",
    "If the argument is an extension known to the server, and it is not specifically permitted to be enabled using ENABLE, the server MUST ignore the argument.",
)
@pytest.mark.rfc(
    "9051",
    "6.3.1",
    "If the argument is an extension that is supported by the server and that needs to be enabled, the server MUST enable the extension for the duration of the connection.",
)
@pytest.mark.rfc(
    "9051",
    "6.3.1",
    "If the ENABLE command is successful, the server MUST send an untagged ENABLED response (Section 7.2.1), which includes all enabled extensions as specified above.",
)
@pytest.mark.rfc(
    "9051",
    "6.3.1",
    "a CAPABILITY command issued right after an ENABLE command MUST list the same capabilities as a CAPABILITY command issued before the ENABLE command.",
)
async def test_enable() -> None:
    """What needs it and is known is enabled, once and until the end; the rest is passed over, alone too."""
    async with world() as made:
        client = await logged_in(made)
        before = await client.command("CAPABILITY")
        assert (await client.command("ENABLE X-NONSENSE IDLE NAMESPACE"))[:-1] == [b"* ENABLED"]
        said = await client.command("ENABLE condstore X-NONSENSE IDLE imap4rev2")
        assert [set(said[0].split()[2:]), len(said)] == [{b"CONDSTORE", b"IMAP4rev2"}, 2]
        assert await client.command("CAPABILITY") == before
        for mailbox in ("INBOX", "Archive"):
            await client.command(f"SELECT {mailbox}")
            assert (await client.command("SEARCH ALL"))[0].startswith(b"* ESEARCH ")


@pytest.mark.rfc(
    "9051",
    "6.3.2",
    "Responses:    REQUIRED untagged responses:",
)
@pytest.mark.rfc(
    "9051",
    "6.3.2",
    "FLAGS, EXISTS, LIST REQUIRED OK untagged responses:  PERMANENTFLAGS, UIDNEXT, UIDVALIDITY",
)
@pytest.mark.rfc(
    "9051",
    "6.3.2",
    "Before returning an OK to the client, the server MUST send the following untagged data to the client.",
)
@pytest.mark.rfc("9051", "6.3.3", "Responses:    REQUIRED untagged responses:")
@pytest.mark.rfc(
    "9051",
    "6.3.3",
    "FLAGS, EXISTS, LIST REQUIRED OK untagged responses:  PERMANENTFLAGS, UIDNEXT, UIDVALIDITY",
)
@pytest.mark.parametrize("command", ["SELECT", "EXAMINE"])
@pytest.mark.parametrize("name", ["INBOX", '"Caf\u00e9 x"'])
async def test_what_select_tells(command: str, name: str) -> None:
    """Each required line once, before OK, also of an empty mailbox; LIST names the mailbox."""
    async with world() as made:
        await made.mailbox("Caf\u00e9 x")
        await made.deliver("INBOX", message(1))
        client = await logged_in(made)
        await client.command("ENABLE IMAP4rev2")
        *told, done = await client.command(f"{command} {name}")
        assert done.startswith(b"t OK [READ-")
        for required in REQUIRED:
            assert [required.encode() in line for line in told].count(True) == 1, required
        listed = next(line for line in told if b"LIST (" in line)
        assert listed.endswith(b" " + name.encode())


@pytest.mark.rfc(
    "9051", "6.3.2", "the server MUST return LIST with the OLDNAME extended data item."
)
@pytest.mark.parametrize("command", ["SELECT", "EXAMINE"])
async def test_a_denormalized_name(command: str) -> None:
    """The mailbox is found, and the client told how it is called."""
    async with world() as made:
        await made.mailbox("Caf\u00e9")
        client = await logged_in(made)
        await client.command("ENABLE IMAP4rev2")
        said = await client.command(f'{command} "Cafe\u0301"')
        want = '* LIST (\\HasNoChildren) "/" "Caf\u00e9" ("OLDNAME" ("Cafe\u0301"))'
        assert want.encode() in said
        assert said[-1].startswith(b"t OK")


@pytest.mark.rfc("9051", "6.3.11", "Responses:    REQUIRED untagged responses:  STATUS")
@pytest.mark.rfc(
    "9051", "6.3.11", "servers MUST be able to execute the STATUS command on the selected mailbox."
)
@pytest.mark.rfc(
    "9051",
    "6.3.11",
    "it MUST be equal to or greater than the sum of the values of the RFC822.SIZE FETCH message data items (see Section 6.4.5) of all messages in the mailbox.",
)
@pytest.mark.rfc(
    "8438", "3", "it MUST be equal to or greater than the sum of the values of the RFC822.SIZE"
)
async def test_status() -> None:
    """Of the selected mailbox and of others, each item; SIZE is the exact sum, also after an expunge."""
    async with world() as made:
        for number in (1, 2, 3):
            await made.deliver("INBOX", message(number, "x" * number * 50))
        client = await logged_in(made, "INBOX")
        items = "MESSAGES UIDNEXT UIDVALIDITY UNSEEN DELETED SIZE"
        for step in ("NOOP", "STORE 2 +FLAGS.SILENT (\\Deleted)", "EXPUNGE"):
            await client.command(step)
            sizes = [
                int(line.split(b"SIZE ")[1].rstrip(b")"))
                for line in (await client.command("FETCH 1:* RFC822.SIZE"))[:-1]
            ]
            (line,) = (await client.command(f"STATUS INBOX ({items})"))[:-1]
            told = dict(zip(*[iter(line.split(b"(")[1].rstrip(b")").split())] * 2, strict=True))
            assert set(told) == set(items.encode().split())
            assert (int(told[b"MESSAGES"]), int(told[b"SIZE"])) == (len(sizes), sum(sizes))


@pytest.mark.rfc(
    "9051", "5.5", "it MUST execute commands to completion in the order given by the client."
)
@pytest.mark.rfc(
    "9051", "6.4.4.2", "a server MUST execute the two commands in the order they were received."
)
@pytest.mark.rfc(
    "5182", "2.3", "a server MUST execute the two commands in the order they were received."
)
@pytest.mark.rfc(
    "3501",
    "5.5",
    "If the server detects a possible ambiguity, it MUST execute commands to completion in the order given by the client.",
)
async def test_order() -> None:
    """Commands sent in one breath that depend on each other: each sees what those before it did."""
    async with world() as made:
        for number in (1, 2, 3):
            await made.deliver("INBOX", message(number))
        client = await logged_in(made, "INBOX")
        client.stream.client_write(
            b"a SEARCH RETURN (SAVE) UID 2:3\r\nb FETCH $ UID\r\n"
            b"c STORE 1 +FLAGS.SILENT (\\Deleted)\r\nd EXPUNGE\r\ne FETCH 1 UID\r\n"
            b"f CREATE new\r\ng COPY 1 new\r\nh STATUS new (MESSAGES)\r\ni SELECT new\r\nj FETCH 1 UID\r\n"
        )
        assert (await client.until(b"b"))[:-1] == [
            b"a OK SEARCH completed", b"* 2 FETCH (UID 2)", b"* 3 FETCH (UID 3)",
        ]  # fmt: skip
        assert b"* 1 EXPUNGE" in await client.until(b"d")
        assert (await client.until(b"e"))[0] == b"* 1 FETCH (UID 2)"
        assert b"* STATUS new (MESSAGES 1)" in await client.until(b"h")
        assert b"* 1 EXISTS" in await client.until(b"i")
        assert (await client.until(b"j"))[0] == b"* 1 FETCH (UID 1)"


@pytest.mark.rfc(
    "9051",
    "7.2.2",
    "If both IMAP4rev1 and IMAP4rev2 capabilities are advertised, server responses MUST conform to [RFC3501] until the client issues a command that uses an additional capability.",
)
@pytest.mark.rfc(
    "9051",
    "A",
    "MUST be compatible with the Mailbox International Naming Convention described in Appendix A.1.",
)
@pytest.mark.rfc(
    "3501",
    "7.2.1",
    "Server responses MUST conform to this document until the client issues a command that uses the associated capability.",
)
async def test_rev1_until_asked() -> None:
    """SEARCH, RECENT, \\Recent, names in modified UTF-7, no LIST in SELECT, ASCII in quotes; after ENABLE IMAP4rev2 the other way."""
    async with world() as made:
        await made.deliver("Caf\u00e9", message(1))
        for rev2 in (False, True):
            client = await logged_in(made)
            if rev2:
                await client.command("ENABLE IMAP4rev2")
            name = '"Caf\u00e9"' if rev2 else "Caf&AOk-"
            assert (await client.command('LIST "" Caf*'))[0].endswith(b" " + name.encode())
            selected = b"\n".join(await client.command(f"SELECT {name}"))
            assert (b" RECENT" in selected) is not rev2
            assert (b"* LIST " in selected) is rev2
            found = (await client.command("SEARCH ALL"))[0]
            assert found.startswith(b"* ESEARCH " if rev2 else b"* SEARCH 1")
            assert selected.isascii() is not rev2


@pytest.mark.rfc(
    "9051",
    "6.5",
    "Each command that is not part of this specification MUST have at least one capability name (see Section 6.1.1) associated with it.",
)
async def test_every_other_command_is_announced() -> None:
    """By a capability that an account with it is told; without it the command is unknown."""
    async with world() as made:
        client = await logged_in(made)
        told = set((await client.command("CAPABILITY"))[0].decode().upper().split())
        for name, spec in COMMANDS.items():
            if name.removeprefix("UID ") not in BASE:
                assert spec.capability is not None, name
                assert spec.capability.upper() in told, name


@pytest.mark.rfc(
    "9051",
    "6.5",
    "Server implementations MUST NOT send any added untagged responses (not specified in this specification), unless the client requested it",
)
@pytest.mark.rfc(
    "9051",
    "7.3.1",
    "The server MUST NOT send more than one of \\Marked, \\Unmarked, and \\Noselect for a single mailbox,",
)
async def test_nothing_new_unasked() -> None:
    """A client that enables nothing hears of flags, arrivals, expunges, mailboxes and annotations only what RFC 9051 has."""
    known = re.compile(
        rb"\* (\d+ (EXISTS|RECENT|EXPUNGE|FETCH \((UID \d+ )?FLAGS \([^)]*\)\))|FLAGS \(.*\)|OK \[PERMANENTFLAGS .*)"
    )
    async with world() as made:
        for number in (1, 2):
            await made.deliver("INBOX", message(number))
        client, other = await logged_in(made, "INBOX"), await logged_in(made, "INBOX")
        for command in (
            "STORE 1 +FLAGS (\\Seen new-keyword)", "CREATE Made", "RENAME Made Renamed", "SUBSCRIBE Renamed", "COPY 1 INBOX",
            'SETMETADATA INBOX (/private/comment "x")', 'SETMETADATA "" (/private/comment "x")', "MOVE 1 Renamed", "DELETE Renamed",
            "STORE 1 +FLAGS (\\Deleted)", "EXPUNGE",
        ):  # fmt: skip
            assert (await other.command(command))[-1].startswith(b"t OK"), command
            for line in (await client.command("NOOP"))[:-1]:
                assert known.fullmatch(line), line
        for line in (await client.command('LIST "" *'))[:-1]:
            assert len(re.findall(rb"(?i)\\(?:un)?marked|\\noselect", line)) <= 1


@pytest.mark.rfc(
    "9051",
    "9",
    "Note: [ABNF] rules MUST be followed strictly; in particular: Unless otherwise noted, all alphabetic characters are case insensitive.",
)
@pytest.mark.rfc(
    "3501",
    "9",
    "Note: [ABNF] rules MUST be followed strictly; in particular: Except as noted otherwise, all alphabetic characters are case-insensitive.",
)
async def test_any_case_of_letters() -> None:
    """Commands, items, keys, flags, options and INBOX in small, large and mixed letters mean the same."""
    commands = [
        'LIST (SUBSCRIBED) "" % RETURN (CHILDREN STATUS (MESSAGES))', "STATUS INBOX (MESSAGES UIDNEXT)", "SELECT INBOX", "FETCH 1 (UID FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])",
        "STORE 1 +FLAGS.SILENT (\\SEEN)", "SEARCH RETURN (MIN COUNT) SEEN NOT DELETED OR FROM X SUBJECT MESSAGE", "UID FETCH 1 ALL", "NOOP", "UID SEARCH CHARSET UTF-8 ALL", "CLOSE",
    ]  # fmt: skip

    def mixed(text: str) -> str:
        return "".join(one.lower() if at % 2 else one for at, one in enumerate(text))

    answers = []
    for write in (str, str.lower, mixed):
        async with world() as made:
            await made.deliver("INBOX", message(1))
            client = await logged_in(made)
            said = [await client.command(write(command)) for command in commands]
            assert all(one[-1].startswith(b"t OK") for one in said)
            fixed = re.sub(
                rb"(?i)(UIDVALIDITY|MAILBOXID) \(?[\w-]+\)?|fields \([^)]*\)",
                b"",
                b"\n".join(line for one in said for line in one),
            )
            answers.append(fixed)
    assert answers[0] == answers[1] == answers[2]


@pytest.mark.rfc(
    "7888", "3", "The non-synchronizing literal form MUST NOT be sent from server to client."
)
async def test_no_literal_of_ours_is_non_synchronizing() -> None:
    """However a literal comes to be in an answer: its header is a plain one, whatever the client's looked like."""
    async with world() as made:
        await made.deliver("INBOX", message(1, "caf\u00e9 {7+}"))
        client = await logged_in(made, "INBOX")
        for command in (
            b"FETCH 1 (BODY[] ENVELOPE BINARY.PEEK[] PREVIEW)", b"APPEND INBOX {9+}\r\nA: b\r\n\r\n{", b"CREATE {4+}\r\na{3+", b'LIST "" *',
            b"SETMETADATA INBOX (/private/comment {9+}\r\na\r\nb{4+}\r)", b"GETMETADATA INBOX /private/comment", b"STATUS {3+}\r\nx{y (MESSAGES)",
        ):  # fmt: skip
            client.stream.client_write(b"q " + command + b"\r\n")
            said = await client.stream.client_read_until(b"q ")
            said += await client.stream.client_read_until(b"\r\n")
            at = 0
            while (header := re.compile(rb"\{(\d+)(\+?)\}\r\n").search(said, at)) is not None:
                assert header[2] == b"", said
                at = header.end() + int(header[1])
