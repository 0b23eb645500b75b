"""SELECT and EXAMINE: the required data, and what a failure leaves."""

from __future__ import annotations

import pytest
from tests.support.imap import logged_in, message, world


@pytest.mark.rfc(
    "9051",
    "6.3.3",
    "The text of the tagged OK response to the EXAMINE command MUST begin with the '[READ-ONLY]' response code.",
)
@pytest.mark.rfc(
    "3501",
    "6.3.2",
    'The text of the tagged OK response to the EXAMINE command MUST begin with the "[READ-ONLY]" response code.',
)
async def test_examine_is_read_only() -> None:
    """EXAMINE says READ-ONLY, and nothing can be changed."""
    async with world() as made:
        await made.deliver("INBOX", message(1))
        client = await logged_in(made)
        assert (await client.command("EXAMINE INBOX"))[-1].startswith(b"t OK [READ-ONLY] ")
        for command in ("STORE 1 +FLAGS (\\Seen)", "EXPUNGE", "MOVE 1 INBOX"):
            assert (await client.command(command))[-1].startswith(b"t NO [READ-ONLY]")
        await client.command("FETCH 1 BODY[]")
        assert b"* STATUS INBOX (UNSEEN 1)" in await client.command("STATUS INBOX (UNSEEN)")


@pytest.mark.rfc(
    "9051",
    "6.3.2",
    "When deselecting a selected mailbox, the server MUST return an untagged OK response with the '[CLOSED]' response code when the currently selected mailbox is closed",
)
@pytest.mark.parametrize("target", ["INBOX", "Missing"])
async def test_closed(target: str) -> None:
    """CLOSED comes first, whether the other mailbox can be opened or not."""
    async with world() as made:
        client = await logged_in(made)
        await client.command("ENABLE IMAP4rev2")
        await client.command("SELECT INBOX")
        assert (await client.command(f"SELECT {target}"))[0].startswith(b"* OK [CLOSED]")


@pytest.mark.rfc("9051", "6.3.2", "The server MUST return a LIST response with the mailbox name.")
@pytest.mark.rfc("9051", "6.3.2", "The list of mailbox attributes MUST be accurate.")
async def test_list_with_select() -> None:
    """After ENABLE IMAP4rev2 the LIST line comes with true attributes, before it does not."""
    async with world() as made:
        await made.mailbox("Top/Below")
        client = await logged_in(made)
        assert not any(line.startswith(b"* LIST") for line in await client.command("SELECT Top"))
        await client.command("ENABLE IMAP4rev2")
        assert b'* LIST (\\HasChildren) "/" Top' in await client.command("SELECT Top")
        assert b'* LIST (\\HasNoChildren) "/" Top/Below' in await client.command("SELECT Top/Below")


@pytest.mark.rfc(
    "9051",
    "6.3.2",
    "Consequently, if a mailbox is selected and a SELECT command that fails is attempted, no mailbox is selected.",
)
async def test_failure_deselects() -> None:
    """After a failed SELECT the session is in the authenticated state; after a BAD it is not."""
    async with world() as made:
        client = await logged_in(made, "INBOX")
        assert (await client.command("SELECT"))[-1].startswith(b"t BAD")
        assert (await client.command("CHECK"))[-1].startswith(b"t OK")
        assert (await client.command("SELECT Missing"))[-1].startswith(b"t NO")
        assert (await client.command("CHECK"))[-1].startswith(b"t BAD")


@pytest.mark.parametrize("command", ["SELECT", "EXAMINE"])
@pytest.mark.rfc("3501", "6.3.1", "Responses:  REQUIRED untagged responses:")
@pytest.mark.rfc(
    "3501",
    "6.3.1",
    "FLAGS, EXISTS, RECENT REQUIRED OK untagged responses:  UNSEEN,  PERMANENTFLAGS, UIDNEXT, UIDVALIDITY",
)
@pytest.mark.rfc(
    "3501",
    "6.3.1",
    "Before returning an OK to the client, the server MUST send the following untagged data to the client.",
)
@pytest.mark.rfc("3501", "6.3.2", "Responses:  REQUIRED untagged responses:")
@pytest.mark.rfc(
    "3501",
    "6.3.2",
    "FLAGS, EXISTS, RECENT REQUIRED OK untagged responses:  UNSEEN,  PERMANENTFLAGS, UIDNEXT, UIDVALIDITY",
)
async def test_required_data_of_rev1(command: str) -> None:
    """Each required line comes once and before OK, UNSEEN only when there is something unseen."""
    async with world() as made:
        await made.deliver("INBOX", message(1), frozenset({"\\Seen"}))
        client = await logged_in(made)
        *told, done = await client.command(f"{command} INBOX")
        assert done.startswith(b"t OK [READ-")
        answer = b"\n".join(told)
        for once in (
            b"* FLAGS (",
            b" EXISTS",
            b" RECENT",
            b"[UIDVALIDITY ",
            b"[UIDNEXT ",
            b"[PERMANENTFLAGS (",
        ):
            assert answer.count(once) == 1, once
        assert b"[UNSEEN" not in answer
        await made.deliver("INBOX", message(2))
        assert b"* OK [UNSEEN 2] First unseen" in await client.command(f"{command} INBOX")


@pytest.mark.rfc(
    "3501",
    "6.3.2",
    "No changes to the permanent state of the mailbox, including per-user state, are permitted; in particular, EXAMINE MUST NOT cause messages to lose the \\Recent flag.",
)
@pytest.mark.rfc(
    "3501",
    "6.3.10",
    "It does not change the currently selected mailbox, nor does it affect the state of any messages in the queried mailbox (in particular, STATUS MUST NOT cause messages to lose the \\Recent flag).",
)
async def test_looking_loses_no_recent() -> None:
    """EXAMINE and STATUS show that a message is \\Recent, again and again; the SELECT after them is told first, the next is not."""
    async with world() as made:
        await made.deliver("INBOX", message(1))
        client = await logged_in(made)
        for _ in range(2):
            assert b"* 1 RECENT" in await client.command("EXAMINE INBOX")
            await client.command("FETCH 1 (FLAGS BODY[])")
            await client.command("UNSELECT")
            assert (await client.command("STATUS INBOX (RECENT)"))[
                0
            ] == b"* STATUS INBOX (RECENT 1)"
        assert b"* 1 RECENT" in await client.command("SELECT INBOX")
        assert (await client.command("FETCH 1 FLAGS"))[0] == b"* 1 FETCH (FLAGS (\\Recent))"
        await client.command("UNSELECT")
        assert (await client.command("STATUS INBOX (RECENT)"))[0] == b"* STATUS INBOX (RECENT 0)"
        assert b"* 0 RECENT" in await client.command("SELECT INBOX")
