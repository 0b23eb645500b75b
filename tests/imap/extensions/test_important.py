"""RFC 8457: mailboxes for what matters, and the keyword for messages that do."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.imap import logged_in, message, world

from postil.base.clock import FixedClock
from postil.ports.store import NewMessage
from postil.store.sqlite import SqliteStore


@pytest.fixture(params=["memory", "sqlite"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    """Where the store keeps its files; None: it has none."""
    return tmp_path / "data" if request.param == "sqlite" else None


@pytest.mark.rfc(
    "8457",
    "3",
    'The "\\Important" mailbox attribute is a signal that the mailbox contains messages that are likely important to the user.',
)
@pytest.mark.rfc("8457", "3.1", 'use-attr =/ "\\Important"')
async def test_a_mailbox_for_what_matters(folder: Path | None) -> None:
    """Made for it, listed with it, found by it; the attribute stays when the mailbox gets another name."""
    async with world() as made:
        if folder is not None:
            made.store = await SqliteStore.at(folder, clock=FixedClock(), free_space_floor=0)
            await made.store.provision(made.account.id, None)
        client = await logged_in(made)
        answer = await client.command('CREATE "Important Messages" (USE (\\important))')
        assert answer[-1].startswith(b"t OK")
        await client.command('CREATE "Imported Wine"')
        assert (await client.command('LIST "" "Imp*"'))[:-1] == [
            b'* LIST (\\HasNoChildren \\Important) "/" "Important Messages"',
            b'* LIST (\\HasNoChildren) "/" "Imported Wine"',
        ]
        await client.command('RENAME "Important Messages" First')
        found = (await client.command('LIST (SPECIAL-USE) "" *'))[:-1]
        assert b'* LIST (\\HasNoChildren \\Important) "/" First' in found
        if isinstance(made.store, SqliteStore):
            await made.store.close()


@pytest.mark.rfc(
    "8457",
    "3.2.2",
    'In both of the failure-mode examples, the "USEATTR" response code lets the client know that the problem is in the "USE" parameters.',
)
@pytest.mark.parametrize("use", ["\\Important \\All", "\\Flagged \\Important", "\\Importance"])
async def test_a_failed_use_creates_nothing(folder: Path | None, use: str) -> None:
    """Neither the mailbox nor the levels above, and the text says which attribute it was."""
    async with world() as made:
        if folder is not None:
            made.store = await SqliteStore.at(folder, clock=FixedClock(), free_space_floor=0)
            await made.store.provision(made.account.id, None)
        client = await logged_in(made)
        before = await made.store.mailboxes(made.account.id)
        answer = await client.command(f"CREATE a/b/c (USE ({use}))")
        assert answer[-1].startswith(b"t NO [USEATTR]")
        assert any(word.encode() in answer[-1] for word in ("\\All", "\\Flagged", "\\Importance"))
        assert await made.store.mailboxes(made.account.id) == before
        if isinstance(made.store, SqliteStore):
            await made.store.close()


async def test_switched_off() -> None:
    """Without CREATE-SPECIAL-USE it is BAD, and nothing is made."""
    async with world() as made:
        made.directory.off[made.account.id] = frozenset({"CREATE-SPECIAL-USE"})
        client = await logged_in(made)
        assert (await client.command("CREATE x (USE (\\Important))"))[-1].startswith(b"t BAD")
        assert "x" not in {one.name for one in await made.store.mailboxes(made.account.id)}


@pytest.mark.rfc(
    "8457",
    "2",
    "While the keyword also can be set by the user, that is not expected to be the primary usage.",
)
@pytest.mark.rfc("8457", "2", 'This is distinct from the "\\Flagged" system flag in two ways:')
async def test_the_keyword() -> None:
    """A client sets, finds and clears it; \\Flagged is another thing."""
    async with world() as made:
        await made.deliver("INBOX", message(1), frozenset({"$Important"}))
        await made.deliver("INBOX", message(2))
        client = await logged_in(made, "INBOX")
        await client.command("STORE 2 +FLAGS.SILENT (\\Flagged)")
        assert (await client.command("SEARCH KEYWORD $IMPORTANT"))[0] == b"* SEARCH 1"
        assert (await client.command("SEARCH FLAGGED"))[0] == b"* SEARCH 2"
        await client.command("STORE 2 +FLAGS.SILENT ($important)")
        assert (await client.command("SEARCH KEYWORD $Important"))[0] == b"* SEARCH 1 2"
        await client.command("STORE 1 -FLAGS.SILENT ($Important)")
        assert (await client.command("SEARCH UNKEYWORD $Important"))[0] == b"* SEARCH 1"


@pytest.mark.rfc("8457", "6.1", "Private or Shared on a server: PRIVATE")
async def test_nobody_else_sees_it() -> None:
    """One message for two accounts: what one marks, the other does not see."""
    async with world() as made:
        other = made.directory.accounts["other"]
        await made.store.provision(other.id, None)
        writer = made.store.stage(None, None)
        await writer.write(message(1))
        body = await writer.finish()
        inboxes = [
            box.id
            for account in (made.account, other)
            for box in await made.store.mailboxes(account.id)
            if box.name == "INBOX"
        ]
        await made.store.deliver([(inbox, NewMessage(body)) for inbox in inboxes])
        mine = await logged_in(made, "INBOX")
        await mine.command("STORE 1 +FLAGS.SILENT ($Important)")
        theirs = await logged_in(made, "INBOX", user="other")
        assert (await theirs.command("SEARCH KEYWORD $Important"))[0] == b"* SEARCH"
        assert (await mine.command("SEARCH KEYWORD $Important"))[0] == b"* SEARCH 1"
