"""Whom an account writes to, whose mail it marks and which threads it is in, as `ports.store` tells it."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from postil.base.clock import FixedClock
from postil.ports.ids import Uid
from postil.ports.store import (
    Acquaintance,
    FlagChange,
    LimitReached,
    NewMessage,
    OverQuota,
    StoreUnavailable,
)
from postil.store.shard import Settings
from postil.store.sqlite import SqliteStore

from .bench import ALICE, BOB, Bench, uids

IMPORTANT = frozenset({"$Important"})
NOTHING = Acquaintance()


async def known(
    bench: Bench, address: str = "a@x", *references: str, account: int = ALICE
) -> Acquaintance:
    """What the account has to do with a message from there."""
    fields = f"From: Somebody <{address}>\r\n"
    if references:
        fields += f"References: {' '.join(references)}\r\n"
    body = await bench.stage(fields.encode() + b"\r\n")
    try:
        return await bench.port.acquaintance(account, body)  # type: ignore[arg-type]
    finally:
        await bench.port.discard(body)


async def arrive(bench: Bench, *flags: str, address: str = "a@x", times: int = 1) -> list[Uid]:
    """Mail from an address into INBOX."""
    octets = f"From: {address}\r\n\r\n".encode()
    appended = await bench.put(await bench.id(), *flags, octets=octets, times=times)
    return list(appended.uids)


async def mark(bench: Bench, uids: list[Uid], change: FlagChange = FlagChange.ADD) -> None:
    await bench.port.change_flags(await bench.id(), uids, change, IMPORTANT)


async def test_whom_one_writes_to(bench: Bench) -> None:
    """To, Cc and Bcc of what comes into a mailbox with \\Sent, in any case; of no other, and for no other account."""
    octets = b"From: me@x\r\nTo: A <A@X>, g: b@x;\r\nCc: c@x\r\nBcc: d@x\r\n\r\n"
    await bench.put(await bench.id("Drafts"), octets=octets.replace(b"A@X", b"draft@x"))
    await bench.put(await bench.id("Sent"), octets=octets)
    for address in ("a@x", "b@x", "c@x", "d@X"):
        assert await known(bench, address) == Acquaintance(written_to=True)
    assert await known(bench, "a@x", account=BOB) == NOTHING
    for address in ("me@x", "draft@x", "e@x", "a@x, b@x", "a"):
        assert await known(bench, address) == NOTHING


async def test_what_was_replaced_and_delivered(bench: Bench) -> None:
    """A draft that becomes a sent message counts; what arrives by SMTP in such a mailbox does not."""
    drafts, sent = await bench.id("Drafts"), await bench.id("Sent")
    await bench.put(drafts)
    for address, verb in ((b"a@x", "replace"), (b"b@x", "deliver")):
        body = await bench.stage(b"To: %b\r\n\r\n" % address)
        if verb == "replace":
            await bench.port.replace(drafts, Uid(1), sent, NewMessage(body))
        else:
            await bench.port.deliver([(sent, NewMessage(body))])
        await bench.port.discard(body)
    assert (await known(bench, "a@x")).written_to
    assert not (await known(bench, "b@x")).written_to


async def test_a_mailing_is_no_letter(bench: Bench) -> None:
    """A message to more than a hundred addresses makes none of them an acquaintance."""
    people = [f"p{number}@x" for number in range(101)]
    sent = await bench.id("Sent")
    await bench.put(sent, octets=f"To: {', '.join(people)}\r\n\r\n".encode())
    assert not (await known(bench, "p0@x")).written_to
    await bench.put(sent, octets=f"To: {', '.join(people[:100])}\r\n\r\n".encode())
    assert (await known(bench, "p99@x")).written_to


async def test_a_thread_alone(bench: Bench) -> None:
    """Who has asked in vain, and then sends something to nobody in particular, is in its thread at once."""
    assert await known(bench, "z@x", "<mine@x>") == NOTHING
    await bench.put(await bench.id("Sent"), octets=b"Message-ID: <mine@x>\r\n\r\n")
    assert await known(bench, "z@x", "<mine@x>") == Acquaintance(in_thread=True)


async def test_threads_one_is_in(bench: Bench) -> None:
    """An answer to what was sent, and one to what that answered; not a message of another thread."""
    inbox, sent = await bench.id(), await bench.id("Sent")
    await bench.put(inbox, octets=b"Message-ID: <q@x>\r\nFrom: q@x\r\n\r\n")
    await bench.put(inbox, octets=b"Message-ID: <other@x>\r\nFrom: q@x\r\n\r\n")
    assert not (await known(bench, "z@x", "<q@x>")).in_thread
    await bench.put(sent, octets=b"Message-ID: <mine@x>\r\nIn-Reply-To: <q@x>\r\nTo: q@x\r\n\r\n")
    assert (await known(bench, "z@x", "<q@x>")).in_thread
    assert (await known(bench, "z@x", "<nobody@x>", "<mine@x>")).in_thread
    assert await known(bench, "z@x", "<other@x>") == NOTHING
    assert await known(bench, "z@x", "<q@x>", account=BOB) == NOTHING


async def test_setting_raises_and_clearing_lowers(bench: Bench) -> None:
    """What a client sets or clears is counted for the author, whatever the case; undoing undoes, and leaves nothing."""
    first, second = await arrive(bench, times=2)
    inbox = await bench.id()
    await bench.port.change_flags(inbox, [first], FlagChange.ADD, frozenset({"$important"}))
    assert await known(bench) == Acquaintance(marked=1)
    await mark(bench, [first])  # set already
    assert await known(bench) == Acquaintance(marked=1)
    await mark(bench, [second])
    assert await known(bench) == Acquaintance(marked=2)
    await mark(bench, [first, second], FlagChange.REMOVE)
    assert await known(bench) == NOTHING
    await bench.port.change_flags(inbox, [first], FlagChange.REPLACE, frozenset({"$Important"}))
    assert await known(bench) == Acquaintance(marked=1)
    await bench.port.change_flags(inbox, [first], FlagChange.REPLACE, frozenset({"\\Seen"}))
    assert await known(bench) == NOTHING


async def test_what_was_important_on_arrival(bench: Bench) -> None:
    """Arriving with the keyword teaches nothing; clearing it lowers the author, and setting it again undoes that."""
    [uid] = await arrive(bench, "$Important")
    await arrive(bench, "$Important", address="b@x")
    assert await known(bench) == NOTHING
    await mark(bench, [uid], FlagChange.REMOVE)
    assert await known(bench) == Acquaintance(marked=-1)
    assert await known(bench, "b@x") == NOTHING
    assert await known(bench, account=BOB) == NOTHING
    await mark(bench, [uid])
    assert await known(bench) == NOTHING


async def test_a_change_that_is_refused_teaches_nothing(bench: Bench) -> None:
    """Above the modseq given, or over a limit: neither flag nor count."""
    [uid] = await arrive(bench)
    inbox = await bench.id()
    await mark(bench, [uid])
    done = await bench.port.change_flags(
        inbox,
        [uid],
        FlagChange.REMOVE,
        IMPORTANT,
        unless_modseq=1,  # type: ignore[arg-type]
    )
    assert done.conflicts == (uid,)
    keywords = frozenset(f"k{number}" for number in range(1001)) | IMPORTANT
    with pytest.raises(LimitReached):
        await bench.port.change_flags(inbox, [uid], FlagChange.REPLACE, keywords)
    await bench.port.provision(ALICE, 1)
    with pytest.raises(OverQuota):
        await bench.put(await bench.id("Sent"), octets=b"To: z@x\r\n\r\n")
    assert await known(bench) == Acquaintance(marked=1)
    assert await known(bench, "z@x") == NOTHING


async def test_counts_have_an_end(bench: Bench) -> None:
    """Five at most, so that a change of mind is understood soon; a command on hundreds of messages says nothing."""
    many = await arrive(bench, times=257)
    await mark(bench, many)
    assert await known(bench) == NOTHING
    await mark(bench, many[:256], FlagChange.REMOVE)
    assert await known(bench) == Acquaintance(marked=-5)
    for uid in many[:6]:
        await mark(bench, [uid])
    assert await known(bench) == Acquaintance(marked=1)
    await mark(bench, many[6:16])
    assert await known(bench) == Acquaintance(marked=5)


async def test_the_oldest_is_forgotten(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many people and threads are kept, the last touched of them."""
    for module in ("intents.acquainting", "memory.state"):
        monkeypatch.setattr(f"postil.store.{module}.ACQUAINTANCES_KEPT", 10)
    sent = await bench.id("Sent")
    for number in (0, 1, 2, *range(3, 10), 0, 10, 11):
        octets = f"Message-ID: <{number}@x>\r\nTo: p{number}@x\r\n\r\n".encode()
        await bench.put(sent, octets=octets)
    for number, kept in ((0, True), (1, False), (2, False), (10, True), (11, True)):
        found = await known(bench, f"p{number}@x", f"<{number}@x>")
        assert (found.written_to, found.in_thread) == (kept, kept), number


async def test_copies_teach_nothing(bench: Bench) -> None:
    """Copying and moving keep the keyword and the counts; expunging keeps the counts."""
    [uid] = await arrive(bench)
    inbox, archive = await bench.id(), await bench.id("Archive")
    await mark(bench, [uid])
    await bench.port.copy(inbox, [uid], archive)
    await bench.port.move(inbox, [uid], archive)
    assert await known(bench) == Acquaintance(marked=1)
    await bench.port.change_flags(archive, uids(1, 2), FlagChange.REMOVE, IMPORTANT)
    assert await known(bench) == Acquaintance(marked=-1)
    await bench.port.expunge(archive, uids(1, 2), marked_only=False)
    assert await known(bench) == Acquaintance(marked=-1)


async def test_copy_for_another_account(bench: Bench) -> None:
    """What another account gets a copy of, it can mark for itself."""
    [uid] = await arrive(bench)
    inbox, theirs = await bench.id(), await bench.id("INBOX", BOB)
    await bench.port.copy(inbox, [uid], theirs)
    await bench.port.change_flags(theirs, uids(1), FlagChange.ADD, IMPORTANT)
    assert await known(bench, account=BOB) == Acquaintance(marked=1)
    assert await known(bench) == NOTHING


async def test_erased_with_the_account(bench: Bench) -> None:
    """Nothing of it is left."""
    await mark(bench, await arrive(bench))
    await bench.put(await bench.id("Sent"), octets=b"Message-ID: <m@x>\r\nTo: b@x\r\n\r\n")
    await bench.port.erase(ALICE)
    assert await known(bench) == await known(bench, "b@x", "<m@x>") == NOTHING


async def test_a_message_thrown_away(bench: Bench) -> None:
    """There is nothing to ask about any more."""
    body = await bench.stage()
    await bench.port.discard(body)
    with pytest.raises(StoreUnavailable):
        await bench.port.acquaintance(ALICE, body)


async def test_kept_over_a_restart(tmp_path: Path) -> None:
    """It is on disk with the change that taught it."""
    clock = FixedClock()
    settings = Settings(0)
    bench = Bench(await SqliteStore.at(tmp_path, clock=clock, settings=settings), clock)
    await bench.port.provision(ALICE, None)
    await mark(bench, await arrive(bench))
    passing = await arrive(bench, address="c@x")
    await mark(bench, passing)
    await mark(bench, passing, FlagChange.REMOVE)
    await bench.put(await bench.id("Sent"), octets=b"Message-ID: <m@x>\r\nTo: b@x\r\n\r\n")
    [[rows]] = bench.store.shard.reader.execute("SELECT count(*) FROM acquaintance")
    assert rows == 2, "what was undone takes no room"
    await bench.close()
    bench = Bench(await SqliteStore.at(tmp_path, clock=clock, settings=settings), clock)
    assert await known(bench) == Acquaintance(marked=1)
    assert await known(bench, "b@x", "<m@x>") == Acquaintance(True, True, 0)
    await bench.close()


async def test_mail_stored_before_there_were_authors(tmp_path: Path) -> None:
    """A message of an older version can be marked; it teaches nothing, and nobody is taken for its author."""
    clock = FixedClock()
    bench = Bench(await SqliteStore.at(tmp_path, clock=clock, settings=Settings(0)), clock)
    await bench.port.provision(ALICE, None)
    uids = await arrive(bench)
    await bench.close()
    db = apsw.Connection(str(tmp_path / "index.db"))
    db.execute("UPDATE shape SET sender=NULL")
    db.close()
    bench = Bench(await SqliteStore.at(tmp_path, clock=clock, settings=Settings(0)), clock)
    await mark(bench, uids)
    assert await known(bench) == await known(bench, "") == NOTHING
    await bench.close()
