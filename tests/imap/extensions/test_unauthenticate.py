"""UNAUTHENTICATE: nothing of the first user is left for the second."""

from __future__ import annotations

import pytest
from tests.support.imap import PASSWORD, Client, logged_in, message, world


@pytest.mark.rfc(
    "8437",
    "4.1",
    "The connection state for the following list of IMAP extensions MUST be reset if both a) the specified extension is advertised "
    "and b) the UNAUTHENTICATE command is advertised and used.",
)
async def test_nothing_enabled() -> None:
    """RECENT is back, which IMAP4rev2 had ended, and UTF-8 names are no names any more."""
    async with world() as made:
        client = await logged_in(made)
        await client.command("ENABLE IMAP4rev2")
        await client.command("UNAUTHENTICATE")
        assert (await client.command(f"LOGIN user {PASSWORD}"))[-1].startswith(b"t OK")
        assert b"* 0 RECENT" in await client.command("SELECT INBOX")
        assert (await client.command('CREATE "\u00e4"'))[-1].startswith(b"t NO [CANNOT]")


async def test_mailbox_is_let_go() -> None:
    """The session no longer hears of the first account, and its mailbox is not selected."""
    async with world() as made:
        client = await logged_in(made, "INBOX")
        await client.command("UNAUTHENTICATE")
        await client.command(f"LOGIN other {PASSWORD}")
        await made.deliver("INBOX", message(1))
        assert await client.command("NOOP") == [b"t OK NOOP completed"]
        assert (await client.command("FETCH 1 UID"))[-1].startswith(b"t BAD")
        assert made.sessions[0].account is not None
        assert made.sessions[0].account.name == "other"


async def test_saved_result_is_empty() -> None:
    """`$` of the first login is not the second's."""
    async with world() as made:
        await made.deliver("INBOX", message(1))
        client = await logged_in(made, "INBOX")
        await client.command("SEARCH RETURN (SAVE) ALL")
        await client.command("UNAUTHENTICATE")
        await client.command(f"LOGIN user {PASSWORD}")
        await client.command("SELECT INBOX")
        assert await client.command("FETCH $ UID") == [b"t OK FETCH completed"]


@pytest.mark.rfc(
    "8437",
    "3",
    "Servers MAY choose to advertise the UNAUTHENTICATE capability only after authentication has completed.",
)
async def test_pipelined() -> None:
    """With the next login in one packet: one round trip."""
    async with world() as made:
        client = await logged_in(made, "INBOX")
        client.stream.client_write(
            b"a UNAUTHENTICATE\r\nb LOGIN other " + PASSWORD.encode() + b"\r\nc CAPABILITY\r\n"
        )
        assert await client.until(b"a") == [b"t OK Log in again"]
        assert (await client.until(b"b"))[-1].startswith(b"t OK [CAPABILITY ")
        assert b"UNAUTHENTICATE" in (await client.until(b"c"))[0]


async def test_patience_of_strangers() -> None:
    """The limits are those before login again."""
    async with world() as made:
        client = Client((await logged_in(made)).stream)
        await client.command("UNAUTHENTICATE")
        client.stream.client_write(b"x LOGIN {100000}\r\n")
        assert (await client.until(b"x"))[-1].startswith(b"t BAD [TOOBIG]")


@pytest.mark.rfc(
    "8437",
    "8",
    "IMAP server implementations of this extension MUST provide a way to disable it when it is not needed.",
)
async def test_switched_off() -> None:
    """An account may go without: not announced, not known."""
    async with world() as made:
        made.directory.off[made.account.id] = frozenset({"UNAUTHENTICATE"})
        client = await logged_in(made)
        assert b"UNAUTHENTICATE" not in (await client.command("CAPABILITY"))[0]
        assert (await client.command("UNAUTHENTICATE"))[-1].startswith(b"t BAD")


@pytest.mark.rfc(
    "8437",
    "4.1",
    "After an UNAUTHENTICATE command is issued, CONDSTORE servers [RFC7162] MUST behave as if no CONDSTORE-enabling command was issued.",
)
async def test_mod_sequences_are_forgotten() -> None:
    """The second user is told neither MODSEQ nor VANISHED."""
    async with world() as made:
        await made.deliver("INBOX", message(1))
        await made.deliver("INBOX", message(2))
        client, other = await logged_in(made, "INBOX"), await logged_in(made, "INBOX")
        await client.command("ENABLE QRESYNC")
        await client.command("UNAUTHENTICATE")
        await client.command(f"LOGIN user {PASSWORD}")
        await client.command("SELECT INBOX")
        await other.command("STORE 1 +FLAGS (\\Deleted)")
        assert (await client.command("NOOP"))[0] == b"* 1 FETCH (FLAGS (\\Deleted))"
        await other.command("EXPUNGE")
        assert (await client.command("NOOP"))[0] == b"* 1 EXPUNGE"


@pytest.mark.rfc(
    "8437", "3", "to reset all connection state except for the state of the TLS [RFC8446] layer."
)
@pytest.mark.rfc(
    "8437",
    "4.1",
    "When a server advertises NOTIFY [RFC5465], the UNAUTHENTICATE command cancels the server state related to the NOTIFY command and reverts to default IMAP base-specification behavior for notifications.",
)
async def test_nothing_of_the_first_is_left_for_the_second() -> None:
    """Whoever logs in next hears nothing of the first account, and is answered like on a new connection, line for line."""
    commands = (
        'LIST "" *', "SELECT INBOX", "FETCH 1 (UID FLAGS)", "STORE 1 FLAGS ()", "SEARCH ALL", "SEARCH $", "UID FETCH $ UID", "EXPUNGE",
        b'CREATE "caf\xc3\xa9"', "GETMETADATA INBOX /private/comment", "NOOP",
    )  # fmt: skip
    async with world() as made:
        for user in ("user", "other"):
            await (await logged_in(made, user=user)).command(b"APPEND INBOX {6+}\r\nA: b\r\n")
            await logged_in(made, "INBOX", user=user)  # nothing is \\Recent any more
        client, still = await logged_in(made), await logged_in(made, "INBOX")
        for command in (
            "ENABLE QRESYNC UIDONLY IMAP4rev2 UTF8=ACCEPT METADATA", "SELECT INBOX", "UID SEARCH RETURN (SAVE) ALL",
            "NOTIFY SET (selected-delayed (MessageNew (UID) MessageExpunge FlagChange)) (personal (MessageNew MessageExpunge MailboxName MailboxMetadataChange))",
            "UNAUTHENTICATE", "LOGIN other secret",
        ):  # fmt: skip
            assert (await client.command(command))[-1].startswith(b"t OK"), command
        for command in ("COPY 1 INBOX", "CREATE new", 'SETMETADATA INBOX (/private/comment "x")'):
            assert (await still.command(command))[-1].startswith(b"t OK"), command
        fresh = await logged_in(made, user="other")
        for command in commands:
            assert await client.command(command) == await fresh.command(command), command


async def test_annotations_heard_of_are_forgotten() -> None:
    """What waited to be told to the first is not told to the second, not even of the server."""
    async with world() as made:
        client, still = await logged_in(made), await logged_in(made)
        await client.command("ENABLE METADATA")
        await still.command('SETMETADATA "" (/private/comment "x")')
        for command in ("UNAUTHENTICATE", f"LOGIN other {PASSWORD}", "ENABLE METADATA", "NOOP"):
            assert not [one for one in await client.command(command) if b"METADATA /" in one]
            said = await client.command("CAPABILITY")
            assert not [one for one in said if one.startswith(b"* METADATA")]
