"""Lists of mailboxes and what hangs on them: `ports.store`."""

from __future__ import annotations

import asyncio

import pytest

from postil.ports.ids import AccountId, Uid
from postil.ports.store import (
    Change,
    EntriesTooLarge,
    FlagChange,
    LimitReached,
    MailboxExists,
    NewMessage,
    NoSuchMailbox,
    NotPermitted,
    OverQuota,
    TooManyEntries,
    Usage,
)
from postil.store.limits import KEYWORDS_PER_MAILBOX_MAX

from .bench import ALICE, BOB, MESSAGE, Bench, uids

USUAL = {"INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash"}


async def test_provision(bench: Bench) -> None:
    """A new account has INBOX and the usual mailboxes, subscribed; what it deletes stays deleted."""
    boxes = await bench.port.mailboxes(ALICE)
    assert [box.name for box in boxes] == sorted(USUAL)
    assert {box.name: box.special_use for box in boxes} == {
        name: frozenset() if name == "INBOX" else frozenset({"\\" + name}) for name in USUAL
    }
    assert len({box.object_id for box in boxes}) == len({box.id for box in boxes}) == 6
    assert len({box.uidvalidity for box in boxes}) == 6
    assert await bench.port.subscriptions(ALICE) == USUAL
    await bench.port.delete(ALICE, "Archive")
    await bench.port.provision(ALICE, 1000)
    assert await bench.names() == USUAL - {"Archive"}
    assert await bench.port.mailboxes(AccountId(77)) == []
    assert await bench.port.usage(AccountId(77)) == Usage(0, 0, 0)


async def test_quota_of_mailboxes_and_messages(bench: Bench) -> None:
    """Exact: what fits is taken, one more is not, whoever comes first; what goes away makes room."""
    port = bench.port
    await port.provision(ALICE, None, 3, 7)
    inbox, archive = await bench.id(), await bench.id("Archive")
    with pytest.raises(OverQuota):
        await port.create(ALICE, "a/b")
    await port.create(ALICE, "a")
    with pytest.raises(OverQuota):
        await port.create(ALICE, "b")
    with pytest.raises(OverQuota):
        await port.rename(ALICE, "INBOX", "old")
    await port.rename(ALICE, "a", "b")
    assert await bench.names() == USUAL | {"b"}
    results = await asyncio.gather(*(bench.put(inbox) for _ in range(5)), return_exceptions=True)
    assert sorted(isinstance(one, OverQuota) for one in results) == [False] * 3 + [True] * 2
    with pytest.raises(OverQuota):
        await port.copy(inbox, [Uid(1)], archive)
    await port.move(inbox, [Uid(1)], archive)
    body = await bench.stage()
    await port.replace(archive, Uid(1), inbox, NewMessage(body))
    await port.discard(body)
    assert (await port.usage(ALICE)).messages == 3
    await port.change_flags(inbox, [Uid(2)], FlagChange.ADD, frozenset({"\\Deleted"}))
    await port.expunge(inbox, None)
    await bench.put(inbox)
    with pytest.raises(OverQuota):
        await bench.put(inbox, times=1)
    await port.provision(ALICE, None)
    await bench.put(inbox, times=2)
    assert port.free_octets() > 0


async def test_a_mailbox_that_cannot_be_made(bench: Bench) -> None:
    """CREATE for a use that meets a limit: neither the mailbox nor a level above it, and no attribute that waits for the name."""
    before = await bench.port.mailboxes(ALICE)
    await bench.port.provision(ALICE, None, None, len(before) + 1)
    with pytest.raises(OverQuota):
        await bench.port.create(ALICE, "a/b", frozenset({"\\Important"}))
    assert await bench.port.mailboxes(ALICE) == before
    await bench.port.provision(ALICE, None)
    await bench.port.create(ALICE, "a/b", frozenset({"\\Important"}))
    uses = {box.name: box.special_use for box in await bench.port.mailboxes(ALICE)}
    assert (uses["a"], uses["a/b"]) == (frozenset(), frozenset({"\\Important"}))


async def test_create_makes_superiors(bench: Bench) -> None:
    """CREATE of a/b/c makes a and a/b too (RFC 9051 §6.3.4)."""
    made = await bench.port.create(ALICE, "a/b/ç", frozenset({"\\Archive"}))
    assert await bench.names() == USUAL | {"a", "a/b", "a/b/ç"}
    assert made in await bench.port.mailboxes(ALICE)
    assert made.special_use == {"\\Archive"}
    status = await bench.port.status(made.id)
    assert (status.messages, status.uidnext, status.highest_modseq) == (0, 1, 1)
    assert (status.uidvalidity, status.object_id) == (made.uidvalidity, made.object_id)
    with pytest.raises(MailboxExists):
        await bench.port.create(ALICE, "a/b")
    with pytest.raises(MailboxExists):
        await bench.port.create(ALICE, "INBOX")
    for name in ("", "/", "a//b", "/a", "a/", "a\x00b", "x" * 5000, "/".join("a" * 200)):
        with pytest.raises(NotPermitted):
            await bench.port.create(ALICE, name)
    assert await bench.names() == USUAL | {"a", "a/b", "a/b/ç"}
    assert await bench.names(BOB) == USUAL


async def test_uidvalidity_is_never_used_again(bench: Bench) -> None:
    """A mailbox deleted and made again has a higher uidvalidity, even in the same second."""
    seen = set()
    for _ in range(5):
        made = await bench.port.create(ALICE, "again")
        assert all(made.uidvalidity > old for old in seen)
        seen.add(made.uidvalidity)
        await bench.port.delete(ALICE, "again")


async def test_delete(bench: Bench) -> None:
    """DELETE takes the mailbox and its messages; inferiors and the subscription stay."""
    inner = await bench.port.create(ALICE, "a/b")
    outer = await bench.id("a")
    await bench.put(outer, times=3)
    await bench.put(inner.id)
    await bench.port.subscribe(ALICE, "a", True)
    view = await bench.view(outer)
    await bench.port.delete(ALICE, "a")
    assert view.deleted
    assert await bench.octets(view, 1) == MESSAGE
    assert await bench.names() == USUAL | {"a/b"}
    assert "a" in await bench.port.subscriptions(ALICE)
    assert (await bench.port.usage(ALICE)) == Usage(len(MESSAGE), 1, 7)
    for name in ("a", "nowhere"):
        with pytest.raises(NoSuchMailbox):
            await bench.port.delete(ALICE, name)
    with pytest.raises(NotPermitted):
        await bench.port.delete(ALICE, "INBOX")
    with pytest.raises(NoSuchMailbox):
        await bench.put(outer)
    again = await bench.port.create(ALICE, "a")
    assert again.id != outer
    assert (await bench.port.status(again.id)).messages == 0


async def test_rename_takes_inferiors_along(bench: Bench) -> None:
    """Ids, uidvalidity and messages stay; missing superiors of the new name are made."""
    inner = await bench.port.create(ALICE, "a/b/c")
    await bench.port.create(ALICE, "ab")
    await bench.put(inner.id)
    await bench.port.rename(ALICE, "a", "x/y")
    assert await bench.names() == USUAL | {"ab", "x", "x/y", "x/y/b", "x/y/b/c"}
    moved = next(box for box in await bench.port.mailboxes(ALICE) if box.name == "x/y/b/c")
    assert (moved.id, moved.uidvalidity, moved.object_id) == (
        inner.id,
        inner.uidvalidity,
        inner.object_id,
    )
    assert (await bench.port.status(inner.id)).messages == 1
    with pytest.raises(NoSuchMailbox):
        await bench.port.rename(ALICE, "a", "z")
    with pytest.raises(MailboxExists):
        await bench.port.rename(ALICE, "ab", "x/y/b")
    with pytest.raises(MailboxExists):
        await bench.port.rename(ALICE, "ab", "INBOX")
    with pytest.raises(NotPermitted):
        await bench.port.rename(ALICE, "x", "x/y/z")
    with pytest.raises(NotPermitted):
        await bench.port.rename(ALICE, "x", "y//z")
    assert await bench.names() == USUAL | {"ab", "x", "x/y", "x/y/b", "x/y/b/c"}


async def test_rename_where_an_inferior_is_in_the_way(bench: Bench) -> None:
    """When the new name of an inferior is taken nothing is renamed."""
    await bench.port.create(ALICE, "a/b")
    await bench.port.create(ALICE, "n/b")
    await bench.port.delete(ALICE, "n")
    with pytest.raises(MailboxExists):
        await bench.port.rename(ALICE, "a", "n")
    assert await bench.names() == USUAL | {"a", "a/b", "n/b"}


async def test_rename_of_names_with_wildcards(bench: Bench) -> None:
    """Characters that mean something to a pattern language are only characters in a name."""
    for name in ("a%/x", "ab/x", "a_", "a*", "a'\""):
        await bench.port.create(ALICE, name)
    await bench.port.rename(ALICE, "a%", "n")
    await bench.port.rename(ALICE, "a_", "m")
    assert await bench.names() == USUAL | {"n", "n/x", "ab", "ab/x", "m", "a*", "a'\""}


async def test_rename_of_inbox_moves_its_messages(bench: Bench) -> None:
    """INBOX stays, empty, with its uidvalidity; its messages go to the new mailbox."""
    inbox = await bench.id()
    await bench.port.create(ALICE, "INBOX/below")
    await bench.put(inbox, "\\Seen", times=2)
    view = await bench.view(inbox)
    before = view.highest_modseq
    await bench.port.rename(ALICE, "INBOX", "old/mail")
    assert await bench.id() == inbox
    assert await bench.names() == USUAL | {"INBOX/below", "old", "old/mail"}
    assert list(view.generation.dead_positions()) == [0, 1]
    assert await bench.gone(inbox, before) == [1, 2]
    assert (await bench.port.status(inbox)).uidnext == 3
    rows = (await bench.picture(await bench.id("old/mail")))[0]
    assert [(row[0], row[1]) for row in rows] == [(1, {"\\Seen"}), (2, {"\\Seen"})]
    await bench.port.rename(ALICE, "INBOX", "empty")
    assert (await bench.port.status(await bench.id("empty"))).messages == 0
    with pytest.raises(MailboxExists):
        await bench.port.rename(ALICE, "INBOX", "Sent")


async def test_subscriptions(bench: Bench) -> None:
    """Names are subscribed whether they exist or not, each account its own."""
    await bench.port.subscribe(ALICE, "nowhere/at all", True)
    await bench.port.subscribe(ALICE, "nowhere/at all", True)
    await bench.port.subscribe(ALICE, "Sent", False)
    await bench.port.subscribe(ALICE, "Sent", False)
    assert await bench.port.subscriptions(ALICE) == USUAL - {"Sent"} | {"nowhere/at all"}
    assert await bench.port.subscriptions(BOB) == USUAL


async def test_annotations_have_limits(bench: Bench) -> None:
    """So many entries and octets for an account; ten small ones fit on every mailbox; nothing of what is refused stays."""
    port = bench.port
    inbox, archive = await bench.id(), await bench.id("Archive")
    await port.annotate(ALICE, inbox, {f"/private/{number}": b"x" for number in range(1000)})
    with pytest.raises(TooManyEntries):
        await port.annotate(ALICE, inbox, {"/private/0": b"changed", "/private/more": b"x"})
    assert (await port.annotations(ALICE, inbox))["/private/0"] == b"x"
    small = {f"/shared/{number}": b"x" * 1024 for number in range(10)}
    await port.annotate(ALICE, archive, small)
    with pytest.raises(TooManyEntries):
        await port.annotate(ALICE, archive, {"/shared/10": b"x"})
    await port.annotate(ALICE, inbox, dict.fromkeys(map("/private/{}".format, range(500))))
    room = 1_000_000 - 500 - 10 * 1024
    with pytest.raises(EntriesTooLarge) as refused:
        await port.annotate(ALICE, inbox, {"/private/big": b"x" * (room + 1)})
    assert refused.value.room == room
    await port.annotate(ALICE, inbox, {"/private/big": b"x" * room})
    # others have their own room
    await port.annotate(BOB, None, {"/private/big": b"x" * 1_000_000})


async def test_annotations_are_told(bench: Bench) -> None:
    """Listeners hear which entries changed, with the modseq that the writer gets; INBOX shares its notes when it is renamed."""
    heard: list[Change] = []
    stop = bench.port.listen(ALICE, heard.append)
    inbox = await bench.id()
    first = await bench.port.annotate(ALICE, inbox, {"/private/a": b"x", "/private/b": b"y"})
    second = await bench.port.annotate(ALICE, None, {"/private/a": None})
    stop()
    told = [change for change in heard if change.entries]
    assert told == [
        Change(ALICE, inbox, first, ("/private/a", "/private/b")),
        Change(ALICE, None, second, ("/private/a",)),
    ]
    await bench.port.rename(ALICE, "INBOX", "Old")
    for name in ("INBOX", "Old"):
        kept = await bench.port.annotations(ALICE, await bench.id(name))
        assert kept == {"/private/a": b"x", "/private/b": b"y"}


async def test_special_use_annotations_and_rights(bench: Bench) -> None:
    """What hangs on a mailbox is replaced, listed, removed, and goes with it."""
    port = bench.port
    made = await port.create(ALICE, "m")
    await port.set_special_use(made.id, frozenset({"\\Sent", "\\Flagged"}))
    assert {box.name: box.special_use for box in await port.mailboxes(ALICE)}["m"] == {
        "\\Sent",
        "\\Flagged",
    }
    await port.set_special_use(made.id, frozenset())
    before = (await port.status(made.id)).highest_modseq
    modseq = await port.annotate(
        ALICE, made.id, {"/shared/comment": b"\x00x", "/private/comment": b"", "/private/no": None}
    )
    assert modseq == (await port.status(made.id)).highest_modseq > before
    assert await port.annotations(ALICE, made.id) == {
        "/shared/comment": b"\x00x",
        "/private/comment": b"",
    }
    await port.annotate(ALICE, made.id, {"/shared/comment": None, "/private/comment": b"z"})
    assert await port.annotations(ALICE, made.id) == {"/private/comment": b"z"}
    await port.annotate(ALICE, None, {"/shared/admin": b"a"})
    assert await port.annotations(ALICE, None) == {"/shared/admin": b"a"}
    assert await port.annotations(BOB, None) == {}
    await port.set_rights(made.id, "bob", "lrs")
    await port.set_rights(made.id, "-anyone", "l")
    await port.set_rights(made.id, "bob", "lr")
    assert await port.rights(made.id) == {"bob": "lr", "-anyone": "l"}
    await port.set_rights(made.id, "bob", None)
    assert await port.rights(made.id) == {"-anyone": "l"}
    await port.delete(ALICE, "m")
    again = await port.create(ALICE, "m")
    assert await port.rights(again.id) == {}
    assert await port.annotations(ALICE, again.id) == {}


async def test_erase(bench: Bench) -> None:
    """An erased account has nothing left; others are untouched; it can be provisioned again."""
    inbox = await bench.id()
    await bench.put(inbox, times=2)
    await bench.put(await bench.id(account=BOB))
    await bench.port.annotate(ALICE, None, {"/shared/admin": b"a"})
    await bench.port.erase(ALICE)
    assert await bench.port.mailboxes(ALICE) == []
    assert await bench.port.subscriptions(ALICE) == frozenset()
    assert await bench.port.annotations(ALICE, None) == {}
    assert await bench.port.usage(ALICE) == Usage(0, 0, 0)
    assert (await bench.port.usage(BOB)).messages == 1
    with pytest.raises(NoSuchMailbox):
        await bench.port.status(inbox)
    await bench.port.provision(ALICE, None)
    assert await bench.names() == USUAL
    assert (await bench.port.status(await bench.id())).messages == 0


async def test_too_many_keywords(bench: Bench) -> None:
    """A mailbox takes so many different keywords and then refuses, with nothing changed."""
    inbox = await bench.id()
    half = KEYWORDS_PER_MAILBOX_MAX // 2
    await bench.put(inbox, *(f"k{number}" for number in range(half)))
    await bench.put(inbox, *(f"K{number}" for number in range(half, 2 * half)))
    before = await bench.picture(inbox)
    with pytest.raises(LimitReached):
        await bench.port.change_flags(inbox, uids(1, 2), FlagChange.ADD, frozenset({"more"}))
    with pytest.raises(LimitReached):
        await bench.put(inbox, "more")
    assert await bench.picture(inbox) == before
    await bench.put(inbox, "K1", "k2", "\\Seen")
    assert (await bench.picture(inbox))[0][2][1] == {"k1", "k2", "\\Seen"}


async def test_change_feed(bench: Bench) -> None:
    """Listeners hear of every commit of their account, when the picture already shows it."""
    inbox, sent = await bench.id(), await bench.id("Sent")
    view = await bench.view(inbox)
    heard = []

    def hear(change: object) -> None:
        heard.append((change, len(view.generation.uids), view.highest_modseq))

    stop = bench.port.listen(ALICE, hear)
    await bench.put(inbox)
    ((change, seen, modseq),) = heard
    assert (change.account, change.mailbox, change.modseq, seen) == (ALICE, inbox, modseq, 1)
    heard.clear()
    await bench.put(await bench.id(account=BOB))
    await bench.port.claim_recent(inbox)
    assert heard == []
    await bench.port.move(inbox, uids(1), sent)
    assert {one[0].mailbox for one in heard} == {inbox, sent}
    heard.clear()
    for write in (
        bench.port.create(ALICE, "n"),
        bench.port.rename(ALICE, "n", "m"),
        bench.port.subscribe(ALICE, "m", True),
        bench.port.delete(ALICE, "m"),
    ):
        await write
        assert [one[0].mailbox for one in heard if one[0].mailbox is None], "list change not told"
        heard.clear()
    stop()
    stop()
    await bench.put(inbox)
    assert heard == []


async def test_change_feed_keeps_the_order_of_commits(bench: Bench) -> None:
    """Modseqs of a mailbox are heard ascending, however many tasks write."""
    inbox = await bench.id()
    heard: list[int] = []
    bench.port.listen(ALICE, lambda change: heard.append(change.modseq))
    await asyncio.gather(*(bench.put(inbox) for _ in range(30)))
    assert heard == sorted(heard)
    assert heard[-1] == (await bench.port.status(inbox)).highest_modseq


async def test_a_broken_listener_harms_nobody(bench: Bench) -> None:
    """The write succeeds and others hear it although one listener raises."""
    inbox = await bench.id()
    heard: list[object] = []

    def broken(_change: object) -> None:
        raise ValueError("a bug")

    bench.port.listen(ALICE, broken)
    bench.port.listen(ALICE, heard.append)
    assert (await asyncio.wait_for(bench.put(inbox), 5)).uids == (1,)
    assert len(heard) == 1
