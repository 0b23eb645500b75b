"""NOTIFY: each event as asked for, none that was not, and nothing of what the client did itself; over both stores."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.support.imap import Client, World, logged_in, message, world

from postil.base.clock import FixedClock
from postil.imap import limits
from postil.ports.ids import AccountId, MailboxId
from postil.ports.store import Mailbox, Status, StoreUnavailable
from postil.store.sqlite import SqliteStore

BOTH = "MessageNew MessageExpunge"
KINDS = ["memory", "sqlite"]


@asynccontextmanager
async def _world(kind: str, folder: Path) -> AsyncIterator[World]:
    async with world() as made:
        if kind == "memory":
            yield made
            return
        store = await SqliteStore.at(folder, clock=FixedClock(), free_space_floor=0)
        for account in made.directory.accounts.values():
            await store.provision(account.id, None)
        made.store = store
        try:
            yield made
        finally:
            await made.tasks.close()
            await store.close()


async def _line(client: Client) -> bytes:
    """What the server says although nobody asked."""
    return (await client.stream.client_line()).removesuffix(b"\r\n")


async def _silent(client: Client) -> None:
    """Nothing is waiting: the next line is the answer to NOOP."""
    assert await client.command("NOOP") == [b"t OK NOOP completed"]


async def _append(client: Client, mailbox: str) -> None:
    said = await client.command(b"APPEND %b {9+}\r\nA: b\r\n\r\nx" % mailbox.encode())
    assert said[-1].startswith(b"t OK")


@pytest.mark.rfc(
    "5465",
    "3.1",
    "then the server MUST send a STATUS response for that mailbox before NOTIFY's tagged OK.",
)
@pytest.mark.rfc(
    "5465",
    "3.1",
    "If MessageNew is enabled, the STATUS response MUST contain MESSAGES, UIDNEXT, and UIDVALIDITY.",
)
@pytest.mark.rfc(
    "5465",
    "3.1",
    "If MessageExpunge is enabled, the STATUS response MUST contain MESSAGES.",
)
@pytest.mark.rfc("5465", "3.1", "the STATUS response MUST contain UIDVALIDITY and HIGHESTMODSEQ.")
@pytest.mark.rfc(
    "5465",
    "3.1",
    "If the name does not refer to an existing mailbox, the server MUST ignore it.",
)
@pytest.mark.rfc("5465", "6.6", "The server MUST NOT do a wildcard expansion.")
@pytest.mark.rfc(
    "5465", "8", "Implementations MUST accept these strings in a case-insensitive fashion."
)
async def test_status_first() -> None:
    """Of the watched mailboxes but the selected one, in any case of letters; `*` is a letter like others."""
    async with world() as made:
        await made.deliver("Work", message(1))
        await made.mailbox("Work/Old")
        client = await logged_in(made, "INBOX")
        said = await client.command(
            f'notify set status (mailboxes (WORK Work nowhere INBOX "W*") ({BOTH.upper()})) (subtree Work/Old ({BOTH} flagchange))'
        )
        assert [line.split(b" UIDVALIDITY")[0] for line in said[:-1]] == [
            b"* STATUS Work (MESSAGES 1 UIDNEXT 2",
            b"* STATUS Work/Old (MESSAGES 0 UIDNEXT 1",
        ]
        assert b"HIGHESTMODSEQ" not in said[0]
        assert b"HIGHESTMODSEQ" in said[1]
        assert len(await client.command(f"NOTIFY SET (personal ({BOTH}))")) == 1


@pytest.mark.rfc(
    "5465",
    "3.1",
    "A successful NOTIFY SET command MUST cause the server to immediately return any accumulated changes to the currently selected mailbox",
)
@pytest.mark.rfc(
    "5465", "4", "the server MUST send exactly the same events as instructed by the client"
)
@pytest.mark.rfc(
    "5465",
    "5.1",
    "the server MUST notify the client by sending an unsolicited FETCH response",
)
@pytest.mark.rfc("5465", "5.1", "which MUST include UID and FLAGS/ANNOTATION FETCH data items.")
@pytest.mark.parametrize("idle", [False, True])
@pytest.mark.parametrize("kind", KINDS)
async def test_selected(kind: str, idle: bool, tmp_path: Path) -> None:
    """New messages with what was asked for, flags and expunges, at once, in IDLE and outside; other mailboxes never."""
    async with _world(kind, tmp_path) as made:
        await made.deliver("INBOX", message(1))
        client, other = await logged_in(made, "INBOX"), await logged_in(made, "INBOX")
        await _append(other, "INBOX")
        said = await client.command(
            f"NOTIFY SET (selected (MessageNew (UID FLAGS) {BOTH[11:]} FlagChange))"
        )
        assert said[0] == b"* 2 EXISTS"
        if idle:
            client.stream.client_write(b"i IDLE\r\n")
            assert (await _line(client)).startswith(b"+ ")
        await _append(other, "Archive")
        await other.command("UID STORE 1 +FLAGS.SILENT (work)")
        assert (
            await _line(client) == b"* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft work)"
        )
        assert await _line(client) == b"* 1 FETCH (UID 1 FLAGS (work \\Recent))"
        await _append(other, "INBOX")
        assert await _line(client) == b"* 3 EXISTS"
        recent = await _line(client)
        assert recent.endswith(b" RECENT")
        assert (await _line(client)).startswith(b"* 3 FETCH (UID 3 FLAGS (")
        await other.command("UID STORE 2 +FLAGS.SILENT (\\Deleted)")
        assert (await _line(client)).startswith(b"* 2 FETCH (UID 2 FLAGS (\\Deleted")
        await other.command("EXPUNGE")
        assert await _line(client) == b"* 2 EXPUNGE"
        if idle:
            client.stream.client_write(b"DONE\r\n")
            assert (await _line(client)).startswith(b"i OK")
        await _silent(client)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.rfc(
    "5465",
    "5.2",
    "the HIGHESTMODSEQ status data item MUST be included in the STATUS response.",
)
@pytest.mark.rfc(
    "5465",
    "5.3",
    "If the QRESYNC [RFC5162] extension is enabled, the HIGHESTMODSEQ data item MUST be included in the STATUS response as well.",
)
@pytest.mark.parametrize("enable", ["CONDSTORE", "QRESYNC"])
async def test_other_mailboxes(kind: str, enable: str, tmp_path: Path) -> None:
    """One STATUS for what changed: counts, with CONDSTORE mod-sequences, and the unread when flags matter."""
    async with _world(kind, tmp_path) as made:
        for name in ("A", "B"):
            await made.deliver(name, message(1))
        client, other = await logged_in(made, "INBOX"), await logged_in(made, "A")
        await client.command(f"NOTIFY SET (mailboxes A ({BOTH} FlagChange)) (mailboxes B ({BOTH}))")
        await _append(other, "B")
        assert await _line(client) == b"* STATUS B (MESSAGES 2 UIDNEXT 3)"
        await other.command("STORE 1 +FLAGS.SILENT (\\Seen)")
        line = await _line(client)
        assert line.startswith(b"* STATUS A (UIDVALIDITY ")
        assert line.endswith(b" UNSEEN 0)")
        await other.command("STORE 1 +FLAGS.SILENT (x)")
        await _silent(client)  # without CONDSTORE there is nothing to say of it
        await client.command(f"ENABLE {enable}")
        await other.command("STORE 1 +FLAGS.SILENT (y)")
        line = await _line(client)
        assert line.startswith(b"* STATUS A (UIDVALIDITY ")
        assert b" HIGHESTMODSEQ " in line
        await other.command("STORE 1 +FLAGS.SILENT (\\Deleted)")
        await _line(client)
        await other.command("EXPUNGE")
        assert (await _line(client)).startswith(b"* STATUS A (MESSAGES 0 UIDNEXT 2 HIGHESTMODSEQ ")
        await other.command("SELECT B")
        await other.command("STORE 1 +FLAGS.SILENT (\\Seen)")
        await _silent(client)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.rfc(
    "5465",
    "5",
    "The server SHOULD omit notifying the client if the event is caused by this client.",
)
@pytest.mark.rfc(
    "5465",
    "5.2",
    "A FETCH response SHOULD NOT be generated for a new message created by the client on this particular connection",
)
@pytest.mark.rfc("5465", "5", "the server SHOULD NOT notify the client of the MailboxName change.")
async def test_own_doing(kind: str, tmp_path: Path) -> None:
    """Messages brought, copied and moved, mailboxes made, renamed, subscribed and deleted: no news; to the others they are."""
    async with _world(kind, tmp_path) as made:
        for number in (1, 2, 3):
            await made.deliver("INBOX", message(number))
        await made.mailbox("A")
        client, other = await logged_in(made, "INBOX"), await logged_in(made)
        wish = f"(personal ({BOTH} MailboxName SubscriptionChange MailboxMetadataChange))"
        await client.command(f"NOTIFY SET (selected (MessageNew (UID) {BOTH[11:]})) {wish}")
        await other.command(f"NOTIFY SET {wish}")
        await _append(client, "A")
        assert await _line(other) == b"* STATUS A (MESSAGES 1 UIDNEXT 2)"
        assert (await client.command("COPY 1:2 A"))[-1].startswith(b"t OK")
        assert await _line(other) == b"* STATUS A (MESSAGES 3 UIDNEXT 4)"
        said = await client.command("MOVE 3 A")
        assert [line.split(b" [")[0] for line in said] == [
            b"* OK",
            b"* 3 EXPUNGE",
            b"t OK MOVE completed",
        ]
        assert {await _line(other), await _line(other)} == {
            b"* STATUS A (MESSAGES 4 UIDNEXT 5)",
            b"* STATUS INBOX (MESSAGES 2 UIDNEXT 4)",
        }
        said = await client.command(b"APPEND INBOX {9+}\r\nA: b\r\n\r\nx")
        assert not [line for line in said if b"FETCH" in line]
        assert (await _line(other)).startswith(b"* STATUS INBOX ")
        said = await client.command(b"REPLACE 1 A {9+}\r\nA: b\r\n\r\nx")
        assert not [line for line in said if b"STATUS" in line or b"FETCH" in line]
        assert {(await _line(other))[:14], (await _line(other))[:14]} == {
            b"* STATUS A (ME", b"* STATUS INBOX",
        }  # fmt: skip
        for command, heard in (
            ("CREATE x/y/z", [b"x", b"x/y", b"x/y/z"]),
            ("RENAME x w", [b"w"]),
            ("SUBSCRIBE w/y", [b"w/y"]),
            ("DELETE w/y/z", [b"w/y", b"w/y/z"]),
        ):
            assert (await client.command(command))[:-1] == [], command
            for name in heard:
                assert (b'"/" ' + name) in await _line(other)
        await client.command('SETMETADATA A (/private/comment "x")')
        assert await _line(other) == b"* METADATA A /private/comment"
        await _silent(client)
        await _silent(other)


@pytest.mark.rfc(
    "5465",
    "5.4",
    "If, after the event, the mailbox name does not refer to a mailbox accessible to the client, the \\Nonexistent flag MUST be included.",
)
@pytest.mark.rfc(
    "5465",
    "5.4",
    "The server SHOULD also include \\HasChildren or \\HasNoChildren attributes [RFC5258] as appropriate.",
)
@pytest.mark.rfc(
    "5465", "5.1", "the server MUST notify the client about mailbox UIDVALIDITY changes."
)
@pytest.mark.rfc("5465", "5.5", "all mailbox attributes MUST be accurately computed")
@pytest.mark.rfc(
    "5465", "6.4", "If the subscription list changes, the server MUST reevaluate the list."
)
@pytest.mark.rfc(
    "5465",
    "6.3",
    'If the IMAP server cannot easily compute this set, it MUST treat "inboxes" as equivalent to "personal".',
)
async def test_names() -> None:
    """Who watches names hears of these names only; a subscribed mailbox is watched from the moment on."""
    async with world() as made:
        client, other = await logged_in(made), await logged_in(made)
        await client.command(
            f"NOTIFY SET (subtree (a b) (MailboxName)) (mailboxes c (SubscriptionChange)) (subscribed ({BOTH}))"
        )
        for command in ("CREATE other", "SUBSCRIBE b", "CREATE c"):
            await other.command(command)
        await _silent(client)
        await other.command("CREATE a/x (USE (\\Junk))")
        assert await _line(client) == b'* LIST (\\HasChildren) "/" a'
        assert await _line(client) == b'* LIST (\\HasNoChildren \\Junk) "/" a/x'
        await other.command("SUBSCRIBE c")
        assert await _line(client) == b'* LIST (\\Subscribed \\HasNoChildren) "/" c'
        await _append(other, "c")
        assert await _line(client) == b"* STATUS c (MESSAGES 1 UIDNEXT 2)"
        await other.command("RENAME a/x a/y")
        assert await _line(client) == b'* LIST (\\HasNoChildren \\Junk) "/" a/y ("OLDNAME" (a/x))'
        await other.command("DELETE a/y")
        assert await _line(client) == b'* LIST (\\HasNoChildren) "/" a'
        assert await _line(client) == b'* LIST (\\NonExistent \\HasNoChildren) "/" a/y'
        # whoever deletes and makes again has another mailbox
        await client.command(f"NOTIFY SET (inboxes ({BOTH} FlagChange))")
        await other.command("DELETE c")
        await other.command("CREATE c")
        line = await _line(client)
        assert line.startswith(b"* STATUS c (MESSAGES 0 UIDNEXT 1 UIDVALIDITY ")


@pytest.mark.rfc(
    "5465",
    "5.6",
    "If a metadata item is deleted (set to NIL), it MUST always be included in the METADATA response.",
)
@pytest.mark.rfc(
    "5465",
    "5.7",
    "Only the names of changed metadata entries SHOULD be returned in such METADATA responses.",
)
@pytest.mark.rfc(
    "5465",
    "5.7",
    "If a metadata item is deleted (set to NIL), it MUST always be included in the METADATA response.",
)
@pytest.mark.rfc("5465", "5.6", "in which case support for this event type is REQUIRED.")
@pytest.mark.rfc("5465", "5.7", "in which case support for this event type is REQUIRED.")
@pytest.mark.rfc("5465", "5.6", "only the changed metadata SHOULD be included,")
async def test_notes() -> None:
    """METADATA without ENABLE, of the mailboxes named; of the server for whoever wants that."""
    async with world() as made:
        await made.mailbox("A")
        client, other, server = [await logged_in(made) for _ in range(3)]
        await client.command("NOTIFY SET (mailboxes A (MailboxMetadataChange))")
        await server.command("NOTIFY SET (personal (ServerMetadataChange))")
        for mailbox in ("INBOX", '""', "A"):
            await other.command(f'SETMETADATA {mailbox} (/private/comment "x")')
        assert await _line(client) == b"* METADATA A /private/comment"
        assert await _line(server) == b'* METADATA "" /private/comment'
        for mailbox in ('""', "A"):
            await other.command(f"SETMETADATA {mailbox} (/private/comment NIL)")
        assert await _line(client) == b"* METADATA A /private/comment"
        assert await _line(server) == b'* METADATA "" /private/comment'
        await _silent(client)


@pytest.mark.rfc(
    "5465",
    "5",
    "If the FlagChange and/or AnnotationChange events are specified, MessageNew and MessageExpunge MUST also be specified by the client.",
)
@pytest.mark.rfc(
    "5465",
    "5",
    "also be specified by the client. Otherwise, the server MUST respond with the tagged BAD response.",
)
@pytest.mark.rfc(
    "5465",
    "5",
    "Otherwise, the server MUST respond with the tagged BAD response. The client can instruct",
)
@pytest.mark.rfc(
    "5465",
    "5",
    "If one of MessageNew or MessageExpunge is specified, then both events MUST be specified.",
)
@pytest.mark.rfc(
    "5465",
    "3.1",
    "the server MUST refuse the command with a tagged NO response (not a BAD).",
)
@pytest.mark.rfc(
    "5465",
    "3.1",
    "which MUST list names of all events supported by the server.",
)
@pytest.mark.rfc("5465", "3.1", "This response SHOULD contain the BADEVENT response code,")
async def test_refused() -> None:
    """Pairs that belong together are BAD alone; an event nobody knows is NO, with all names; what was wished before goes on."""
    async with world() as made:
        await made.mailbox("A")
        client, other = await logged_in(made), await logged_in(made)
        await client.command(f"NOTIFY SET (personal ({BOTH}))")
        for events in ("MessageNew", "MessageExpunge", "FlagChange", "MessageNew FlagChange"):
            (only,) = await client.command(f"NOTIFY SET (personal ({events}))")
            assert only.startswith(b"t BAD"), events
        (only,) = await client.command(f"NOTIFY SET (selected ({BOTH})) (personal (Nonsense))")
        assert only.startswith(
            b"t NO [BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange"
            b" MailboxMetadataChange ServerMetadataChange)] "
        )
        names = " ".join(f"n{number}" for number in range(limits.NOTIFY_NAMES + 1))
        (only,) = await client.command(f"NOTIFY SET (mailboxes ({names}) ({BOTH}))")
        assert only.startswith(b"t NO [NOTIFICATIONOVERFLOW] ")
        await _append(other, "A")
        assert await _line(client) == b"* STATUS A (MESSAGES 1 UIDNEXT 2)"
        made.directory.off[made.account.id] = frozenset({"METADATA"})
        plain = await logged_in(made)
        (only,) = await plain.command("NOTIFY SET (personal (MailboxMetadataChange))")
        assert b"NO [BADEVENT (" in only
        assert b"Metadata" not in only


@pytest.mark.rfc(
    "5465",
    "5.8",
    'It MUST notify these clients by sending an untagged "OK [NOTIFICATIONOVERFLOW]" response and behave as if a NOTIFY NONE command had just been received.',
)
async def test_overflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Said once; afterwards nothing, not even of the selected mailbox, until the client asks anew."""
    monkeypatch.setattr(limits, "NOTIFY_CHANGED", 1)
    async with world() as made:
        for name in ("A", "B"):
            await made.mailbox(name)
        client, other = await logged_in(made, "INBOX"), await logged_in(made)
        await client.command(f"NOTIFY SET (selected ({BOTH})) (personal ({BOTH}))")
        go = client.stream.client_write
        go(b"x APPEND INBOX {1000}\r\n")  # busy: what happens meanwhile gathers
        assert (await _line(client)).startswith(b"+")
        for name in ("A", "B"):
            await _append(other, name)
        go(b"A: b\r\n\r\n" + b"x" * 992 + b"\r\n")
        said = await client.until(b"x")
        assert [line for line in said if b"[NOTIFICATIONOVERFLOW]" in line]
        await _append(other, "INBOX")
        await _append(other, "A")
        await _silent(client)
        await client.command(f"NOTIFY SET (personal ({BOTH}))")
        await _append(other, "A")
        assert (await _line(client)).startswith(b"* STATUS A (MESSAGES 3 ")


async def test_delayed_and_none() -> None:
    """SELECTED-DELAYED keeps expunges for a command that may tell them; without SELECTED one's own EXPUNGE is told all the same."""
    async with world() as made:
        for number in range(1, 5):
            await made.deliver("INBOX", message(number))
        client, other = await logged_in(made, "INBOX"), await logged_in(made, "INBOX")
        await client.command(f"NOTIFY SET (selected-delayed ({BOTH}))")
        await other.command("UID STORE 1 +FLAGS.SILENT (\\Deleted)")
        await other.command("EXPUNGE")
        assert (await client.command("FETCH 1 UID")) == [
            b"* 1 FETCH (UID 1)",
            b"t OK FETCH completed",
        ]
        assert (await client.command("NOOP"))[0] == b"* 1 EXPUNGE"
        await client.command(f"NOTIFY SET (personal ({BOTH}))")
        await other.command("UID STORE 2 +FLAGS.SILENT (\\Deleted)")
        await other.command("EXPUNGE")
        await _silent(client)
        await client.command("UID STORE 3 +FLAGS.SILENT (\\Deleted)")
        assert (await client.command("EXPUNGE"))[:-1] == [b"* 2 EXPUNGE", b"* 1 EXPUNGE"]
        await client.command("UNAUTHENTICATE")
        await client.command("LOGIN user secret")
        await client.command("SELECT INBOX")
        await _append(other, "INBOX")
        assert (await client.command("NOOP"))[0] == b"* 2 EXISTS"


async def test_notes_nobody_asked_for_never_come() -> None:
    """Not with the next NOTIFY either, which tells what has gathered of the selected mailbox."""
    async with world() as made:
        await made.mailbox("A")
        client, other = await logged_in(made), await logged_in(made)
        await client.command("NOTIFY SET (mailboxes A (MailboxName))")
        await other.command('SETMETADATA INBOX (/private/comment "x")')
        said = await client.command(f"NOTIFY SET (selected ({BOTH}))")
        assert said == [b"t OK NOTIFY completed"]
        await other.command('SETMETADATA A (/private/comment "x")')
        await _silent(client)


async def test_what_happens_while_the_watch_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that comes after a mailbox was looked at, and before NOTIFY is answered, is told."""
    async with world() as made:
        for name in ("A", "B"):
            await made.mailbox(name)
        client = await logged_in(made)
        status = made.store.status
        seen: list[int] = []
        last = (await made.mailbox("B")).id

        async def slow(mailbox: MailboxId) -> Status:
            if mailbox == last and not seen:
                seen.append(mailbox)
                await made.deliver("A", message(1))
            return await status(mailbox)

        monkeypatch.setattr(made.store, "status", slow)
        said = await client.command(f"NOTIFY SET (mailboxes (A B) ({BOTH}))")
        assert seen
        assert said[0] == b"* STATUS A (MESSAGES 1 UIDNEXT 2)"
        await _silent(client)


@pytest.mark.rfc("5465", "5.8", "It MUST notify these clients by sending")
async def test_a_disk_that_cannot_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has asked, so nobody can be refused: the client hears that it hears no more, and goes on."""
    async with world() as made:
        await made.mailbox("A")
        client, other = await logged_in(made, "INBOX"), await logged_in(made)
        await client.command(f"NOTIFY SET (personal ({BOTH}))")

        async def broken(mailbox: MailboxId) -> Status:
            raise StoreUnavailable("the disk is away")

        monkeypatch.setattr(made.store, "status", broken)
        await _append(other, "A")
        assert (await _line(client)).startswith(b"* OK [NOTIFICATIONOVERFLOW] ")
        await _silent(client)


async def test_without_selected_nothing_comes_behind_an_own_expunge() -> None:
    """The command that removes tells; what others remove later stays untold."""
    async with world() as made:
        for number in range(1, 4):
            await made.deliver("INBOX", message(number))
        client, other = await logged_in(made, "INBOX"), await logged_in(made, "INBOX")
        await client.command(f"NOTIFY SET (personal ({BOTH} MailboxName))")
        await client.command("UID STORE 1 +FLAGS.SILENT (\\Deleted)")
        assert (await client.command("EXPUNGE"))[:-1] == [b"* 1 EXPUNGE"]
        await other.command("UID STORE 2 +FLAGS.SILENT (\\Deleted)")
        await other.command("EXPUNGE")
        await other.command("CREATE B")
        assert await _line(client) == b'* LIST (\\HasNoChildren) "/" B'
        await _silent(client)


@pytest.mark.rfc(
    "7162",
    "3.2.4",
    "the server MUST automatically include both UID and mod-sequence data in all subsequent untagged FETCH responses",
)
@pytest.mark.rfc(
    "9051",
    "7.5.2",
    "If the server chooses to send unsolicited FETCH responses, they MUST include UID FETCH item.",
)
@pytest.mark.parametrize(
    ("enable", "line"),
    [
        ("", b"* 2 FETCH (RFC822.SIZE 9)"),
        ("IMAP4rev2", b"* 2 FETCH (UID 2 RFC822.SIZE 9)"),
        ("CONDSTORE", b"* 2 FETCH (UID 2 RFC822.SIZE 9 MODSEQ (3))"),
        ("QRESYNC", b"* 2 FETCH (UID 2 RFC822.SIZE 9 MODSEQ (3))"),
        ("UIDONLY", b"* 2 UIDFETCH (RFC822.SIZE 9)"),
        ("UIDONLY QRESYNC", b"* 2 UIDFETCH (RFC822.SIZE 9 MODSEQ (3))"),
    ],
)
async def test_new_messages_say_which_they_are(enable: str, line: bytes) -> None:
    """What the revision and mod-sequences add to every FETCH that nobody asked for, they add to those of new messages."""
    async with world() as made:
        await made.deliver("INBOX", message(1))
        client, other = await logged_in(made), await logged_in(made)
        if enable:
            await client.command(f"ENABLE {enable}")
        await client.command("SELECT INBOX")
        await client.command(f"NOTIFY SET (selected (MessageNew (RFC822.SIZE) {BOTH[11:]}))")
        await _append(other, "INBOX")
        assert await _line(client) == b"* 2 EXISTS"
        said = await _line(client)
        assert (await _line(client) if said.endswith(b"RECENT") else said) == line


async def test_the_list_is_read_when_it_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once for each change of it, and never for a message, nor for a client that wants to hear nothing."""
    async with world() as made:
        await made.mailbox("A")
        client, silent, other = [await logged_in(made) for _ in range(3)]
        await client.command(f"NOTIFY SET (personal ({BOTH} MailboxName))")
        await silent.command("NOTIFY NONE")
        mailboxes, asked = made.store.mailboxes, []

        async def counted(account: AccountId) -> Sequence[Mailbox]:
            asked.append(account)
            return await mailboxes(account)

        monkeypatch.setattr(made.store, "mailboxes", counted)
        await _append(other, "A")
        assert (await _line(client)).startswith(b"* STATUS A ")
        asked.clear()
        await made.store.create(made.account.id, "B")
        assert (await _line(client)).endswith(b" B")
        for one in (client, silent):
            await one.command("NOOP")
            await one.command("NOOP")
        assert len(asked) == 1


@pytest.mark.rfc(
    "5465",
    "4",
    "while processing any IDLE command, the server MUST send exactly the same events as instructed by the client using the NOTIFY command.",
)
@pytest.mark.parametrize("idle", [False, True])
async def test_everything_in_idle_too(idle: bool) -> None:
    """Names, subscriptions, annotations and counts of other mailboxes: the same lines in IDLE as outside, and after NOTIFY NONE none."""
    async with world() as made:
        await made.mailbox("A")
        client, other = await logged_in(made, "INBOX"), await logged_in(made)
        wish = f"personal ({BOTH} MailboxName SubscriptionChange MailboxMetadataChange ServerMetadataChange)"
        for asked in (f"SET ({wish})", "NONE"):
            assert (await client.command(f"NOTIFY {asked}"))[-1].startswith(b"t OK")
            if idle:
                client.stream.client_write(b"i IDLE\r\n")
                assert (await _line(client)).startswith(b"+ ")
            told = []
            for command in (
                "CREATE B", "SUBSCRIBE B", 'SETMETADATA A (/private/comment "x")', 'SETMETADATA "" (/private/comment "y")',
                "UNSUBSCRIBE B", "RENAME B C", "DELETE C",
            ):  # fmt: skip
                assert (await other.command(command))[-1].startswith(b"t OK"), command
                if asked != "NONE":
                    told.append(await _line(client))
            await _append(other, "A")
            await _append(other, "INBOX")
            if asked != "NONE":
                told.append(await _line(client))
            if idle:
                client.stream.client_write(b"DONE\r\n")
                assert (await client.stream.client_line()).startswith(b"i OK")
            await _silent(client)
            if asked != "NONE":
                assert told == [
                    b'* LIST (\\HasNoChildren) "/" B',
                    b'* LIST (\\Subscribed \\HasNoChildren) "/" B',
                    b"* METADATA A /private/comment",
                    b'* METADATA "" /private/comment',
                    b'* LIST (\\HasNoChildren) "/" B',
                    b'* LIST (\\HasNoChildren) "/" C ("OLDNAME" (B))',
                    b'* LIST (\\NonExistent \\HasNoChildren) "/" C',
                    b"* STATUS A (MESSAGES 1 UIDNEXT 2)",
                ]


async def test_uids_of_another_mailbox() -> None:
    """What the client brought into one mailbox is news in another under the same uid."""
    async with world() as made:
        await made.mailbox("A")
        client, other = await logged_in(made, "INBOX"), await logged_in(made)
        await client.command("NOTIFY SET (personal (MailboxName))")
        await _append(client, "INBOX")
        await client.command("UNSELECT")
        await client.command(f"NOTIFY SET (selected (MessageNew (UID) {BOTH[11:]}))")
        await client.command("SELECT A")
        await _append(other, "A")
        assert await _line(client) == b"* 1 EXISTS"
        assert (await _line(client)).endswith(b" RECENT")
        assert await _line(client) == b"* 1 FETCH (UID 1)"


@pytest.mark.rfc(
    "5465",
    "3.1",
    "A successful NOTIFY SET command MUST cause the server to immediately return any accumulated changes to the currently selected mailbox",
)
@pytest.mark.parametrize(
    "wish", ["personal (MailboxName)", "selected NONE", f"selected-delayed ({BOTH})"]
)
async def test_what_has_gathered_is_told_first(wish: str) -> None:
    """Flags, expunges and arrivals, also to a client that from now on wants to hear of none, and expunges to one that wants them late."""
    async with world() as made:
        for number in (1, 2, 3):
            await made.deliver("INBOX", message(number))
        client, other = await logged_in(made, "INBOX"), await logged_in(made, "INBOX")
        await other.command("UID STORE 1 +FLAGS.SILENT (\\Seen)")
        await other.command("UID STORE 2 +FLAGS.SILENT (\\Deleted)")
        await other.command("EXPUNGE")
        await _append(other, "INBOX")
        said = [one for one in await client.command(f"NOTIFY SET ({wish})") if b"RECENT" not in one]
        assert said == [
            b"* 2 EXPUNGE",
            b"* 3 EXISTS",
            b"* 1 FETCH (FLAGS (\\Seen \\Recent))",
            b"t OK NOTIFY completed",
        ]
        if "delayed" not in wish:
            await _append(other, "INBOX")
            await other.command("UID STORE 1 +FLAGS.SILENT (\\Flagged)")
            await _silent(client)
