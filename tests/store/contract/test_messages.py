"""Messages in, changed, copied and expunged: `ports.store`."""

from __future__ import annotations

import asyncio

import pytest

from postil.ports.ids import MailboxId, ModSeq, Uid
from postil.ports.store import (
    Column,
    FlagChange,
    NewMessage,
    NoSuchMailbox,
    NoSuchMessage,
    OverQuota,
    Staged,
    StoreUnavailable,
)
from postil.store.limits import GONE_PAGE

from .bench import ALICE, BOB, MESSAGE, Bench, uids

ABSENT = MailboxId(999_999)
BIG = (
    (
        b"Subject: big\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nsmall\r\n--b\r\n"
        b"Content-Type: application/octet-stream\r\n\r\n" + b"x" * 70 + b"\r\n"
    )
    + (b"0123456789" * 7 + b"\r\n") * 9_000
    + b"--b--\r\n"
)


async def test_append_gives_ascending_uids_and_stores_every_octet(bench: Bench) -> None:
    """What was appended is read back octet for octet, with its flags and dates."""
    inbox = await bench.id()
    first = await bench.put(inbox, "\\Seen", "$Forwarded", date=1_000_000)
    odd = b"no header at all \xff\x00\r\n\r\nwith NUL \x00 and bare \r and \n"
    second = await bench.put(inbox, octets=odd)
    assert (first.uids, second.uids) == ((1,), (2,))
    assert second.modseq > first.modseq
    view = await bench.view(inbox)
    generation = view.generation
    assert list(generation.uids) == [1, 2]
    assert [view.flagsets.names(n) for n in generation.flags] == [
        {"\\Seen", "$Forwarded"},
        frozenset(),
    ]
    assert list(generation.sizes) == [len(MESSAGE), len(odd)]
    assert list(generation.dates) == [1_000_000, int(bench.clock.now())]
    assert list(generation.save_dates) == [int(bench.clock.now())] * 2
    assert await bench.octets(view, 0) == MESSAGE
    assert await bench.octets(view, 1) == odd


@pytest.mark.rfc(
    "9051",
    "2.3.1.1",
    "Unique identifiers are assigned in a strictly ascending fashion in the mailbox",
)
async def test_uids_are_not_used_again(bench: Bench) -> None:
    """The uid of an expunged message is never given again."""
    inbox = await bench.id()
    await bench.put(inbox, times=3)
    await bench.port.expunge(inbox, uids(3), marked_only=False)
    assert (await bench.put(inbox)).uids == (4,)
    assert (await bench.port.status(inbox)).uidnext == 5


async def test_empty_and_big_messages(bench: Bench) -> None:
    """A message without octets and one of several hundred kilobytes are kept as they are."""
    inbox = await bench.id()
    await bench.put(inbox, octets=b"")
    await bench.put(inbox, octets=BIG, prefix=b"Received: by x\r\n")
    view = await bench.view(inbox)
    assert await bench.octets(view, 0) == b""
    assert await bench.octets(view, 1) == b"Received: by x\r\n" + BIG
    details = await bench.port.details(view, [1, 0])
    assert [one.uid for one in details] == [2, 1]
    assert b"multipart" in details[0].bodystructure.lower() or b"mixed" in details[0].bodystructure
    assert details[0].header == b"Received: by x\r\n" + BIG[: BIG.index(b"\r\n\r\n") + 4]


async def test_columns_of_many_messages(bench: Bench) -> None:
    """`ready` and `headers` give what `details` gives, in the order asked for, again and again, twice the same one too."""
    inbox = await bench.id()
    for number in range(40):
        await bench.put(inbox, octets=b"Subject: %d\r\nFrom: a@b\r\n\r\nx" % number)
    await bench.put(inbox, octets=b"X-Long: " + b"a" * 9000 + b"\r\n\r\nbody")
    await bench.port.copy(inbox, uids(5, 3), inbox)
    view = await bench.view(inbox)
    for places in (range(41), [40, 7, 3], range(10, 20), [41, 2, 42, 4], [0], range(41)):
        details = await bench.port.details(view, places)
        both = await bench.port.ready(view, places, [Column.BODYSTRUCTURE, Column.ENVELOPE])
        assert both is not None
        assert list(both[0]) == [row.bodystructure.decode() for row in details]
        assert list(both[1]) == [row.envelope.decode() for row in details]
        assert await bench.port.ready(view, places, [Column.ENVELOPE]) == [both[1]]
        assert list(await bench.port.headers(view, places)) == [row.header for row in details]
    assert (await bench.port.headers(view, [40, 0]))[0] is None


async def test_columns_only_of_plain_messages(bench: Bench) -> None:
    """One message that looks different to different clients, and there is no column, now or later."""
    inbox = await bench.id()
    await bench.put(inbox)
    await bench.put(inbox, octets="Subject: größe\r\n\r\nx".encode())
    view = await bench.view(inbox)
    for _ in range(2):
        assert await bench.port.ready(view, range(2), [Column.ENVELOPE]) is None
        assert await bench.port.ready(view, range(1), [Column.ENVELOPE]) is not None


async def test_body_slices(bench: Bench) -> None:
    """`read` gives a slice and nothing behind the end."""
    inbox = await bench.id()
    await bench.put(inbox, octets=BIG)
    await bench.put(inbox)
    view = await bench.view(inbox)
    for position, whole in ((0, BIG), (1, MESSAGE)):
        body = await bench.port.body(view, position)
        assert body.size == len(whole)
        for start, length in (
            (0, 10),
            (65_530, 20),
            (len(whole) - 5, 100),
            (len(whole), 5),
            (3, 0),
        ):
            assert body.read(start, length) == whole[start : start + length]


async def test_long_header_is_not_in_details(bench: Bench) -> None:
    """A header above 8 KiB is left to the body."""
    inbox = await bench.id()
    await bench.put(inbox, octets=b"X-Long: " + b"a" * 9000 + b"\r\n\r\nbody")
    view = await bench.view(inbox)
    assert (await bench.port.details(view, [0]))[0].header is None


async def test_prefix_gives_the_same_as_the_whole(bench: Bench) -> None:
    """Fields put in front at delivery give the same details as a message that came with them."""
    inbox = await bench.id()
    prefix = b"Return-Path: <a@x>\r\nReceived: from x by y; now\r\n"
    for octets in (MESSAGE, b"", b"\r\nno header", b"not a field\r\n\r\nbody", b"\xff\xfe"):
        await bench.put(inbox, octets=octets, prefix=prefix)
        await bench.put(inbox, octets=prefix + octets)
    view = await bench.view(inbox)
    for place in range(0, len(view.generation.uids), 2):
        one, other = await bench.port.details(view, [place, place + 1])
        assert (one.envelope, one.bodystructure, one.header, one.plain, one.preview) == (
            other.envelope,
            other.bodystructure,
            other.header,
            other.plain,
            other.preview,
        )
        assert await bench.octets(view, place) == await bench.octets(view, place + 1)


async def test_a_prefix_that_says_what_the_message_is(bench: Bench) -> None:
    """A prefix with a Subject shows in the envelope."""
    inbox = await bench.id()
    await bench.put(inbox, prefix=b"Subject: first\r\n")
    view = await bench.view(inbox)
    assert b"first" in (await bench.port.details(view, [0]))[0].envelope


async def test_staged_body_is_appended_several_times(bench: Bench) -> None:
    """One staged body serves several appends until it is discarded; afterwards it is refused."""
    inbox, other = await bench.id(), await bench.id(account=BOB)
    body = await bench.stage()
    await bench.port.append(inbox, [NewMessage(body)])
    await bench.port.append(other, [NewMessage(body), NewMessage(body)])
    await bench.port.discard(body)
    await bench.port.discard(body)
    with pytest.raises(StoreUnavailable):
        await bench.port.append(inbox, [NewMessage(body)])
    with pytest.raises(StoreUnavailable):
        await bench.port.append(inbox, [NewMessage(Staged(999, 3))])
    assert (await bench.port.status(inbox)).messages == 1
    assert (await bench.port.status(other)).messages == 2


async def test_abort_is_idempotent(bench: Bench) -> None:
    """A writer can be aborted twice, at once or after octets; then it takes no more."""
    for octets in (b"", b"x" * 300_000):
        writer = bench.port.stage(ALICE, None)
        if octets:
            await writer.write(octets)
        await writer.abort()
        await writer.abort()
        with pytest.raises(StoreUnavailable):
            await writer.write(b"more")


async def test_append_of_nothing(bench: Bench) -> None:
    """Without messages nothing is spent."""
    inbox = await bench.id()
    before = await bench.port.status(inbox)
    appended = await bench.port.append(inbox, [])
    assert appended.uids == ()
    assert await bench.port.status(inbox) == before


async def test_deliver_is_all_or_nothing(bench: Bench) -> None:
    """When one target refuses, no target gets the message."""
    inbox, other = await bench.id(), await bench.id(account=BOB)
    body = await bench.stage()
    await bench.port.provision(BOB, 10)
    with pytest.raises(OverQuota):
        await bench.port.deliver([(inbox, NewMessage(body)), (other, NewMessage(body))])
    with pytest.raises(NoSuchMailbox):
        await bench.port.deliver([(inbox, NewMessage(body)), (ABSENT, NewMessage(body))])
    assert (await bench.port.status(inbox)).messages == 0
    assert (await bench.port.status(inbox)).uidnext == 1
    await bench.port.provision(BOB, None)
    done = await bench.port.deliver(
        [
            (other, NewMessage(body, frozenset(), None, b"Delivered-To: b\r\n")),
            (inbox, NewMessage(body)),
            (other, NewMessage(body)),
        ]
    )
    assert [(one.mailbox, one.uids) for one in done] == [
        (other, (1,)),
        (inbox, (1,)),
        (other, (2,)),
    ]
    view = await bench.view(other)
    assert await bench.octets(view, 0) == b"Delivered-To: b\r\n" + MESSAGE
    assert await bench.octets(view, 1) == MESSAGE


async def test_change_flags(bench: Bench) -> None:
    """REPLACE, ADD and REMOVE do what STORE says; a modseq is spent only for a real change."""
    inbox = await bench.id()
    await bench.put(inbox, "\\Seen", times=3)
    view = await bench.view(inbox)

    def flags(position: int) -> frozenset[str]:
        return view.flagsets.names(view.generation.flags[position])

    async def change(kind: FlagChange, numbers: list[Uid], *names: str) -> tuple[Uid, ...]:
        result = await bench.port.change_flags(inbox, numbers, kind, frozenset(names))
        assert result.modseq == view.highest_modseq
        return result.changed

    assert await change(FlagChange.ADD, uids(1, 3, 77), "\\Flagged", "Work") == (1, 3)
    assert flags(0) == flags(2) == {"\\Seen", "\\Flagged", "Work"}
    assert view.generation.modseqs[0] == view.generation.modseqs[2] > view.generation.modseqs[1]
    before = view.highest_modseq
    assert await change(FlagChange.ADD, uids(1, 3), "\\flagged", "WORK") == ()
    assert view.highest_modseq == before
    assert await change(FlagChange.REMOVE, uids(1, 2, 3), "work") == (1, 3)
    assert await change(FlagChange.REPLACE, uids(1, 2), "WORK", "\\Recent") == (1, 2)
    assert flags(0) == {"Work"}
    assert await change(FlagChange.REPLACE, uids(1, 2)) == (1, 2)
    assert [flags(place) for place in range(3)] == [set(), set(), {"\\Seen", "\\Flagged"}]
    status = await bench.port.status(inbox)
    assert (status.unseen, status.deleted) == (2, 0)


async def test_unless_modseq(bench: Bench) -> None:
    """A message that changed since is left alone and named (RFC 7162 §3.1.3)."""
    inbox = await bench.id()
    first = await bench.put(inbox, times=3)
    done = await bench.port.change_flags(inbox, uids(2), FlagChange.ADD, frozenset({"\\Seen"}))
    result = await bench.port.change_flags(
        inbox, uids(1, 2, 3, 9), FlagChange.ADD, frozenset({"\\Deleted"}), first.modseq
    )
    assert (result.changed, result.conflicts) == ((1, 3), (2,))
    assert result.modseq > done.modseq
    status = await bench.port.status(inbox)
    assert (status.deleted, status.deleted_size) == (2, 2 * len(MESSAGE))


async def test_expunge(bench: Bench) -> None:
    """Only marked messages go, among the uids given or all; the gone are remembered by modseq."""
    inbox = await bench.id()
    await bench.put(inbox, "\\Deleted", times=3)
    await bench.put(inbox, times=2)
    start = (await bench.port.status(inbox)).highest_modseq
    assert await bench.port.expunge(inbox, uids(5, 2, 9)) == (2,)
    middle = (await bench.port.status(inbox)).highest_modseq
    assert middle > start
    assert await bench.port.expunge(inbox, None) == (1, 3)
    assert await bench.port.expunge(inbox, None) == ()
    assert await bench.port.expunge(inbox, uids(5), marked_only=False) == (5,)
    assert await bench.gone(inbox, start) == [1, 2, 3, 5]
    assert await bench.gone(inbox, middle) == [1, 3, 5]
    status = await bench.port.status(inbox)
    assert (status.messages, status.deleted, status.size) == (1, 0, len(MESSAGE))
    assert await bench.gone(inbox, status.highest_modseq) == []


async def test_a_long_history_comes_in_pages(bench: Bench) -> None:
    """Every uid that left, once, a turn of the loop's worth at a time: in pages that end within one expunge and at the end of one."""
    inbox = await bench.id()
    count = 2 * GONE_PAGE + 3
    await bench.put(inbox, times=count)
    everyone = [Uid(uid) for uid in range(1, count + 1)]
    start = (await bench.port.status(inbox)).highest_modseq
    odd, even = everyone[::2][:GONE_PAGE], everyone[1::2][:5]
    for some in (even, odd, everyone):
        await bench.port.expunge(inbox, some, marked_only=False)
    pages = [list(page) async for page in bench.port.gone(inbox, start)]
    assert max(map(len, pages)) <= GONE_PAGE < len(pages) * GONE_PAGE
    assert all(page == sorted(page) for page in pages)
    assert sorted(uid for page in pages for uid in page) == everyone
    assert [await bench.gone(inbox, start + one) for one in (1, 3)] == [
        sorted({*everyone} - {*even}),
        [],
    ]


async def test_the_history_ends_where_it_began_to_be_read(bench: Bench) -> None:
    """What leaves while pages are read is another story: the reader may never have been told of it."""
    inbox = await bench.id()
    await bench.put(inbox, times=GONE_PAGE + 2)
    start = (await bench.port.status(inbox)).highest_modseq
    everyone = [Uid(uid) for uid in range(1, GONE_PAGE + 2)]
    await bench.port.expunge(inbox, everyone, marked_only=False)
    told: list[Uid] = []
    async for page in bench.port.gone(inbox, start):
        told += page
        await bench.port.expunge(inbox, uids(GONE_PAGE + 2), marked_only=False)
    assert told == everyone


async def test_copy_keeps_what_it_must(bench: Bench) -> None:
    """A copy has flags, internal date and object id of its source, and a save date of its own."""
    inbox, archive = await bench.id(), await bench.id("Archive")
    await bench.put(inbox, "\\Seen", "Work", date=5)
    await bench.put(inbox, date=6)
    bench.clock.advance(100)
    copied = await bench.port.copy(inbox, uids(2, 1, 50), archive)
    assert (copied.mailbox, copied.sources, copied.targets) == (archive, (1, 2), (1, 2))
    assert copied.uidvalidity == (await bench.port.status(archive)).uidvalidity
    one, other = await bench.view(inbox), await bench.view(archive)
    assert copied.modseq == other.highest_modseq == other.generation.modseqs[0]
    for place in range(2):
        assert one.flagsets.names(one.generation.flags[place]) == other.flagsets.names(
            other.generation.flags[place]
        )
        assert one.generation.dates[place] == other.generation.dates[place]
        assert one.generation.save_dates[place] + 100 == other.generation.save_dates[place]
        mine = await bench.port.details(one, [place])
        theirs = await bench.port.details(other, [place])
        assert mine[0].object_id == theirs[0].object_id
        assert await bench.octets(one, place) == await bench.octets(other, place)
    none = await bench.port.copy(inbox, uids(50), archive)
    assert (none.sources, none.targets, none.modseq) == ((), (), copied.modseq)


async def test_save_dates_in_an_open_mailbox(bench: Bench) -> None:
    """Whoever has the target open sees the time of the change, by every way in, as whoever opens it later from the disk."""
    inbox, archive = await bench.id(), await bench.id("Archive")
    await bench.put(inbox, date=5, times=2)
    body = await bench.stage()
    watching = await bench.view(archive)
    bench.clock.advance(100)
    await bench.port.copy(inbox, uids(1), archive)
    bench.clock.advance(100)
    await bench.port.move(inbox, uids(1), archive)
    bench.clock.advance(100)
    await bench.put(archive, date=5)
    bench.clock.advance(100)
    await bench.port.replace(inbox, Uid(2), archive, NewMessage(body))
    now = int(bench.clock.now())
    watching.advance()
    assert list(watching.generation.save_dates) == [now - 300, now - 200, now - 100, now]


async def test_replace(bench: Bench) -> None:
    """One in and one out as one step, within the quota of the old one's octets; nothing when the old one is gone."""
    inbox, archive = await bench.id(), await bench.id("Archive")
    await bench.put(inbox, "\\Seen", "kept")
    view = await bench.view(inbox)
    before = view.highest_modseq
    await bench.port.provision(ALICE, len(MESSAGE))
    body = await bench.stage()
    done = await bench.port.replace(inbox, Uid(1), inbox, NewMessage(body))
    assert (done.mailbox, done.uids) == (inbox, (2,))
    assert list(view.generation.uids) == [1, 2]
    assert list(view.generation.dead_positions()) == [0]
    assert view.generation.modseqs[1] > before
    assert view.flagsets.names(view.generation.flags[1]) == frozenset()
    assert await bench.gone(inbox, before) == [1]
    assert await bench.octets(view, 1) == MESSAGE
    with pytest.raises(NoSuchMessage):
        await bench.port.replace(inbox, Uid(1), inbox, NewMessage(body))
    with pytest.raises(NoSuchMailbox):
        await bench.port.replace(inbox, Uid(2), ABSENT, NewMessage(body))
    await bench.port.provision(ALICE, len(MESSAGE) - 1)
    with pytest.raises(OverQuota):
        await bench.port.replace(inbox, Uid(2), archive, NewMessage(body))
    assert list(view.generation.dead_positions()) == [0]
    await bench.port.provision(ALICE, None)
    moved = await bench.port.replace(inbox, Uid(2), archive, NewMessage(body))
    assert (moved.mailbox, moved.uids) == (archive, (1,))
    assert (await bench.port.status(inbox)).messages == 0
    usage = await bench.port.usage(ALICE)
    assert (usage.messages, usage.octets) == (1, len(MESSAGE))


async def test_move(bench: Bench) -> None:
    """A move is a copy and an expunge, seen by all at once."""
    inbox, archive = await bench.id(), await bench.id("Archive")
    await bench.put(inbox, "\\Seen", times=3)
    one, other = await bench.view(inbox), await bench.view(archive)
    before = one.highest_modseq
    moved = await bench.port.move(inbox, uids(3, 1), archive)
    assert (moved.sources, moved.targets) == ((1, 3), (1, 2))
    assert list(one.generation.dead_positions()) == [0, 2]
    assert list(other.generation.uids) == [1, 2]
    assert await bench.gone(inbox, before) == [1, 3]
    assert await bench.octets(one, 0) == await bench.octets(other, 0) == MESSAGE
    assert (await bench.port.status(inbox)).messages == 1
    assert (await bench.port.usage(ALICE)).messages == 3


async def test_move_within_a_mailbox(bench: Bench) -> None:
    """Moving into the same mailbox gives the messages new uids."""
    inbox = await bench.id()
    await bench.put(inbox, times=2)
    moved = await bench.port.move(inbox, uids(1), inbox)
    assert (moved.sources, moved.targets) == ((1,), (3,))
    rows, _, _, highest, _ = await bench.picture(inbox)
    assert [row[0] for row in rows] == [2, 3]
    assert highest == (await bench.port.status(inbox)).highest_modseq


async def test_quota(bench: Bench) -> None:
    """What does not fit is refused as a whole; expunging makes room; a move needs none."""
    inbox, archive = await bench.id(), await bench.id("Archive")
    await bench.port.provision(ALICE, 3 * len(MESSAGE))
    await bench.put(inbox, times=2)
    with pytest.raises(OverQuota):
        await bench.put(inbox, times=2)
    with pytest.raises(OverQuota):
        await bench.port.copy(inbox, uids(1, 2), archive)
    assert (await bench.port.copy(inbox, uids(1), archive)).targets == (1,)
    assert (await bench.port.move(inbox, uids(1, 2), archive)).targets == (2, 3)
    usage = await bench.port.usage(ALICE)
    assert (usage.octets, usage.messages, usage.mailboxes) == (3 * len(MESSAGE), 3, 6)
    await bench.port.expunge(archive, uids(1), marked_only=False)
    assert (await bench.put(inbox)).uids == (3,)
    await bench.port.provision(ALICE, 1)
    with pytest.raises(OverQuota):
        await bench.put(inbox)
    assert (await bench.port.move(inbox, uids(3), archive)).targets == (4,)


async def test_move_between_accounts(bench: Bench) -> None:
    """Across accounts a move takes quota from one and needs it of the other."""
    inbox, other = await bench.id(), await bench.id(account=BOB)
    await bench.put(inbox, times=2)
    await bench.port.provision(BOB, len(MESSAGE))
    with pytest.raises(OverQuota):
        await bench.port.move(inbox, uids(1, 2), other)
    await bench.port.move(inbox, uids(2), other)
    assert (await bench.port.usage(ALICE)).octets == len(MESSAGE)
    assert (await bench.port.usage(BOB)).octets == len(MESSAGE)
    view = await bench.view(other)
    assert await bench.octets(view, 0) == MESSAGE


async def test_claim_recent(bench: Bench) -> None:
    """Each message is recent for one session only (RFC 3501 §2.3.2)."""
    inbox = await bench.id()
    await bench.put(inbox, times=2)
    assert (await bench.port.status(inbox)).recent == 2
    assert await bench.port.claim_recent(inbox) == 1
    assert (await bench.port.status(inbox)).recent == 0
    assert await bench.port.claim_recent(inbox) == 3
    await bench.put(inbox)
    assert (await bench.port.status(inbox)).recent == 1
    await bench.port.expunge(inbox, uids(3), marked_only=False)
    assert (await bench.port.status(inbox)).recent == 0
    assert await bench.port.claim_recent(inbox) == 3
    assert await bench.port.claim_recent(inbox) == 4


async def test_threads(bench: Bench) -> None:
    """A reply has the thread of what it answers, within the account; others have their own."""
    inbox = await bench.id()
    await bench.put(inbox)
    await bench.put(
        inbox, octets=b"Message-ID: <2@x>\r\nReferences: <0@x> <1@x>\r\nSubject: Re: hello\r\n\r\n"
    )
    await bench.put(inbox, octets=b"Message-ID: <3@x>\r\nIn-Reply-To: <0@x>\r\n\r\n")
    await bench.put(inbox, octets=b"Message-ID: <4@x>\r\n\r\n")
    view = await bench.view(inbox)
    threads = [one.thread_id for one in await bench.port.details(view, range(4))]
    assert threads[0] == threads[1] == threads[2] != threads[3]
    objects = {one.object_id for one in await bench.port.details(view, range(4))}
    assert len(objects) == 4


async def test_verbs_on_a_mailbox_that_is_gone(bench: Bench) -> None:
    """Every verb says so."""
    port = bench.port
    body = await bench.stage()
    flags = frozenset({"\\Seen"})
    inbox = await bench.id()
    for call in (
        port.status(ABSENT),
        port.append(ABSENT, [NewMessage(body)]),
        port.change_flags(ABSENT, uids(1), FlagChange.ADD, flags),
        port.copy(ABSENT, uids(1), inbox),
        port.copy(inbox, uids(1), ABSENT),
        port.move(ABSENT, uids(1), inbox),
        port.move(inbox, uids(1), ABSENT),
        port.expunge(ABSENT, None),
        bench.gone(ABSENT, 1),
        port.claim_recent(ABSENT),
        port.open(ABSENT),
        port.set_special_use(ABSENT, frozenset()),
        port.annotations(ALICE, ABSENT),
        port.annotate(ALICE, ABSENT, {"/private/comment": b"x"}),
        port.rights(ABSENT),
        port.set_rights(ABSENT, "bob", "lr"),
    ):
        with pytest.raises(NoSuchMailbox):
            await call


async def test_many_at_once(bench: Bench) -> None:
    """Writes of many tasks are each whole, and the counters are their sum."""
    inbox, archive = await bench.id(), await bench.id("Archive")
    body = await bench.stage()

    async def client(number: int) -> None:
        for _ in range(5):
            appended = await bench.port.append(inbox, [NewMessage(body)] * 2)
            one, two = appended.uids
            await bench.port.change_flags(
                inbox, [one], FlagChange.ADD, frozenset({f"client{number}", "\\Seen"})
            )
            if number % 2:
                await bench.port.move(inbox, [two], archive)
            else:
                await bench.port.expunge(inbox, [two], marked_only=False)

    await asyncio.gather(*(client(number) for number in range(12)))
    status = await bench.port.status(inbox)
    assert (status.messages, status.unseen, status.uidnext) == (60, 0, 121)
    assert (await bench.port.status(archive)).messages == 30
    rows, uidnext, _, highest, _ = await bench.picture(inbox)
    assert len(rows) == 60
    assert uidnext == 121
    assert highest == status.highest_modseq
    assert len({row[0] for row in rows} | set(await bench.gone(inbox, ModSeq(0)))) == 120


async def test_a_cancelled_write_happens(bench: Bench) -> None:
    """Cancelling the await does not cancel the write."""
    inbox = await bench.id()
    body = await bench.stage()
    task = asyncio.get_running_loop().create_task(bench.port.append(inbox, [NewMessage(body)]))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await bench.put(inbox)
    assert (await bench.port.status(inbox)).messages == 2
