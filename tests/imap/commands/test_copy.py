"""COPY and MOVE: what is kept, what is told, in which order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from tests.support.imap import logged_in, message, world

from postil.ports.ids import MailboxId, Uid
from postil.ports.store import StoreUnavailable


@pytest.mark.rfc(
    "9051",
    "6.4.7",
    "The flags and internal date of the message(s) SHOULD be preserved in the copy.",
)
async def test_copy_keeps_flags_and_date() -> None:
    """A copy looks like the original."""
    async with world() as made:
        await made.mailbox("Archive")
        await made.deliver("INBOX", message(1), frozenset({"\\Seen", "$Forwarded"}), date=86_400)
        client = await logged_in(made, "INBOX")
        before = await client.command("FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE)")
        await client.command("COPY 1 Archive")
        await client.command("EXAMINE Archive")
        after = await client.command("FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE)")
        assert after[0].replace(b" \\Recent", b"") == before[0].replace(b" \\Recent", b"")


@pytest.mark.rfc(
    "9051",
    "6.4.8",
    "Servers are also REQUIRED to send the COPYUID response code in an untagged OK before sending EXPUNGE or similar responses.",
)
async def test_move_tells_copyuid_first() -> None:
    """COPYUID stands in an untagged OK before the first EXPUNGE."""
    async with world() as made:
        await made.mailbox("Archive")
        for number in (1, 2, 3):
            await made.deliver("INBOX", message(number))
        client = await logged_in(made, "INBOX")
        answer = await client.command("MOVE 1:2 Archive")
        assert answer[0].startswith(b"* OK [COPYUID ")
        assert answer[1:3] == [b"* 2 EXPUNGE", b"* 1 EXPUNGE"]
        assert answer[3] == b"t OK MOVE completed"


@pytest.mark.rfc("9051", "6.4.8", "the \\Deleted flag MUST NOT be set for any message")
async def test_move_sets_no_deleted_flag() -> None:
    """The moved message is not \\Deleted in its new place."""
    async with world() as made:
        await made.mailbox("Archive")
        await made.deliver("INBOX", message(1))
        client = await logged_in(made, "INBOX")
        await client.command("MOVE 1 Archive")
        assert b"* STATUS Archive (MESSAGES 1 DELETED 0)" in await client.command(
            "STATUS Archive (MESSAGES DELETED)"
        )


@pytest.mark.parametrize("command", ["COPY", "MOVE", "UID COPY", "UID MOVE"])
@pytest.mark.rfc(
    "9051",
    "6.4.7",
    "Unless it is certain that the destination mailbox can not be created, the server MUST send the response code '[TRYCREATE]' as the prefix of the text of the tagged NO response.",
)
@pytest.mark.rfc(
    "9051", "6.4.7", "If the destination mailbox does not exist, a server MUST return an error."
)
@pytest.mark.rfc("9051", "6.4.7", "It MUST NOT automatically create the mailbox.")
@pytest.mark.rfc(
    "9051", "6.4.8", "If the destination mailbox does not exist, a server MUST return an error."
)
@pytest.mark.rfc("9051", "6.4.8", "It MUST NOT automatically create the mailbox.")
@pytest.mark.rfc(
    "9051",
    "6.4.8",
    'Unless it is certain that the destination mailbox cannot be created, the server MUST send the response code "[TRYCREATE]" as the prefix of the text of the tagged NO response.',
)
@pytest.mark.rfc(
    "3501",
    "6.4.7",
    'Unless it is certain that the destination mailbox can not be created, the server MUST send the response code "[TRYCREATE]" as the prefix of the text of the tagged NO response.',
)
async def test_trycreate(command: str) -> None:
    """A missing target is TRYCREATE, is not made, and moves nothing."""
    async with world() as made:
        await made.deliver("INBOX", message(1))
        client = await logged_in(made, "INBOX")
        assert (await client.command(f"{command} 1 Missing"))[-1].startswith(b"t NO [TRYCREATE]")
        assert (await client.command(f"{command} 1 Mis//sing"))[-1].startswith(b"t NO [CANNOT]")
        assert await client.command('LIST "" Mis*') == [b"t OK LIST completed"]
        assert b"* STATUS INBOX (MESSAGES 1)" in await client.command("STATUS INBOX (MESSAGES)")


@pytest.mark.rfc(
    "9051",
    "6.4.8",
    "moving a message to the currently selected mailbox (that is, where the source and target mailboxes are the same) is allowed when copying the message to the currently selected mailbox is allowed.",
)
async def test_move_onto_itself() -> None:
    """The message gets a new uid and stays one message."""
    async with world() as made:
        await made.deliver("INBOX", message(1))
        client = await logged_in(made, "INBOX")
        answer = await client.command("MOVE 1 INBOX")
        assert b"* 1 EXPUNGE" in answer
        assert b"* 1 EXISTS" in answer
        assert (await client.command("FETCH 1 UID"))[0] == b"* 1 FETCH (UID 2)"


@pytest.mark.rfc(
    "9051",
    "6.4.9",
    "A non-existent unique identifier is ignored without any error message generated.",
)
@pytest.mark.parametrize(
    "command",
    ["UID COPY 7:9 INBOX", "UID MOVE 7 INBOX", "UID STORE 7 +FLAGS (\\Seen)", "UID EXPUNGE 7"],
)
async def test_unknown_uids(command: str) -> None:
    """Uids that are not there are left out, and nothing happens."""
    async with world() as made:
        await made.deliver("INBOX", message(1))
        client = await logged_in(made, "INBOX")
        answer = await client.command(command)
        assert answer[-1].startswith(b"t OK")
        assert len(answer) == 1


@pytest.mark.rfc(
    "9051",
    "6.4.7",
    "If the COPY command is unsuccessful for any reason, server implementations MUST restore the destination mailbox to its state before the COPY attempt",
)
@pytest.mark.rfc("9051", "6.4.7", "i.e., partial copy MUST NOT be done.")
@pytest.mark.rfc(
    "9051",
    "6.4.8",
    "Regardless of whether the command is successful in moving the entire set, each individual message MUST be either moved or unaffected.",
)
@pytest.mark.rfc(
    "9051",
    "6.4.8",
    "The server MUST leave each message in a state where it is in at least one of the source or target mailboxes (no message can be lost or orphaned).",
)
@pytest.mark.parametrize("command", ["COPY", "MOVE", "UID COPY", "UID MOVE"])
@pytest.mark.rfc(
    "3501",
    "6.4.7",
    "If the COPY command is unsuccessful for any reason, server implementations MUST restore the destination mailbox to its state before the COPY attempt.",
)
async def test_all_or_nothing(command: str) -> None:
    """Three messages where the quota has room for one and a half more: NO, and both mailboxes are as before."""
    async with world() as made:
        await made.mailbox("Archive")
        for number in (1, 2, 3):
            await made.deliver("INBOX", message(number))
        used = (await made.store.usage(made.account.id)).octets
        await made.store.provision(made.account.id, used + used // 2)
        client = await logged_in(made, "INBOX")
        items = "(MESSAGES UNSEEN DELETED SIZE)"
        before = await client.command(f"STATUS Archive {items}")
        said = await client.command(f"{command} 1:3 Archive")
        if "MOVE" in command:  # takes no more room
            assert said[-1].startswith(b"t OK")
            assert (await client.command("STATUS Archive (MESSAGES)"))[0].endswith(b"(MESSAGES 3)")
            assert (await client.command("STATUS INBOX (MESSAGES)"))[0].endswith(b"(MESSAGES 0)")
        else:
            assert said == [said[-1]]
            assert said[-1].startswith(b"t NO [OVERQUOTA]")
            assert await client.command(f"STATUS Archive {items}") == before
            assert (await client.command("STATUS INBOX (MESSAGES)"))[0].endswith(b"(MESSAGES 3)")


async def test_a_move_that_the_disk_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is told as gone, and nothing is."""
    async with world() as made:
        await made.mailbox("Archive")
        for number in (1, 2):
            await made.deliver("INBOX", message(number))
        client = await logged_in(made, "INBOX")

        async def broken(mailbox: MailboxId, uids: Sequence[Uid], target: MailboxId) -> Any:
            raise StoreUnavailable("the disk is away")

        monkeypatch.setattr(made.store, "move", broken)
        said = await client.command("MOVE 1:2 Archive")
        assert [line.split(b" [")[0] for line in said] == [b"t NO"]
        assert (await client.command("FETCH 1:2 UID"))[:-1] == [
            b"* 1 FETCH (UID 1)",
            b"* 2 FETCH (UID 2)",
        ]


@pytest.mark.rfc(
    "9051",
    "6.4.8",
    "In particular, though the COPY and EXPUNGE response codes will be returned, response codes for a STORE MUST NOT be generated,",
)
async def test_move_is_no_store() -> None:
    """Neither FETCH of flags nor MODIFIED: the copy's uids, the expunges, OK; with mod-sequences too."""
    async with world() as made:
        await made.mailbox("Archive")
        for number in (1, 2):
            await made.deliver("INBOX", message(number))
        client = await logged_in(made)
        await client.command("ENABLE CONDSTORE")
        await client.command("SELECT INBOX")
        said = [
            line.split(b"]")[0].split(b" [")[-1]
            for line in await client.command("MOVE 1:2 Archive")
        ]
        assert said[0].startswith(b"COPYUID ")
        assert said[1:] == [b"* 2 EXPUNGE", b"* 1 EXPUNGE", b"t OK MOVE completed"]
