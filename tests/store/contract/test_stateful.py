"""Any sequence of operations, on any store: counters, pictures, views and the feed agree with a naive model.

The model is a dict of lists. The SQLite store is closed and opened again in between: the picture is then the same.
"""

from __future__ import annotations

import asyncio
import importlib.util
import shutil
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from postil.base.clock import FixedClock
from postil.ports.ids import MailboxId, Uid
from postil.ports.picture import View
from postil.ports.store import (
    FlagChange,
    MailboxExists,
    NoSuchMailbox,
    NotPermitted,
    OverQuota,
    SearchField,
    StoreError,
    TextSearch,
)
from postil.store.memory import MemoryStore
from postil.store.verify import verify

from .bench import ALICE, MESSAGE, Bench

T = TypeVar("T")
USUAL = {"Archive", "Drafts", "Junk", "Sent", "Trash"}
NAMES = st.sampled_from(["INBOX", "a", "a/b", "a/b/c", "d"])
FLAGS = st.frozensets(st.sampled_from(["\\Seen", "\\Deleted", "Work", "$X"]), max_size=3)
BOXES = st.integers(0, 2)  # most rules work on few mailboxes, so that they meet
PICKS = st.lists(st.integers(0, 6), min_size=1, max_size=4)  # messages by place; one may be missing
BODIES = [MESSAGE, b"", b"Subject: other\r\n\r\n" + b"needle" * 3]
QUOTA = 4000


@dataclass
class ModelMessage:
    uid: int
    flags: frozenset[str]
    octets: bytes
    date: int
    save_date: int


@dataclass
class ModelBox:
    id: int
    uidvalidity: int
    uidnext: int = 1
    messages: list[ModelMessage] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)
    recent_from: int = 1

    def uids(self, picks: list[int]) -> list[int]:
        """Uids by place; a place behind the last gives a uid that is not there."""
        return [
            self.messages[place].uid if place < len(self.messages) else self.uidnext - 1 + place
            for place in picks
        ]

    def pick(self, uids: list[int]) -> list[ModelMessage]:
        return [message for message in self.messages if message.uid in uids]


@dataclass
class Told:
    """A view and what its session was told: octets by position."""

    view: View
    name_id: int
    octets: list[bytes]
    uids: list[int]


class Contract(RuleBasedStateMachine):
    """One account, a few mailboxes, a few sessions."""

    sqlite = False

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp())
        self.clock = FixedClock()
        self.boxes: dict[str, ModelBox] = {}
        self.told: list[Told] = []
        self.heard: dict[int | None, int] = {}
        self.bench = self.run(self._open())
        self.run(self.bench.port.provision(ALICE, QUOTA))
        self.sync_list()
        self.append(0, frozenset(), MESSAGE, 3, 1)
        self.open_view(0)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    async def _open(self) -> Bench:
        if not self.sqlite:
            store: Any = MemoryStore(self.clock)
        else:
            from postil.store.sqlite import SqliteStore

            store = await SqliteStore.at(
                self.folder / "shard", clock=self.clock, free_space_floor=0
            )
        store.listen(ALICE, lambda change: self.heard.update({change.mailbox: change.modseq}))
        return Bench(store, self.clock)

    def sync_list(self) -> None:
        """New mailboxes of the store enter the model; their uidvalidity is above all others."""
        highest = max((box.uidvalidity for box in self.boxes.values()), default=0)
        known = {box.id for box in self.boxes.values()}
        for info in self.run(self.bench.port.mailboxes(ALICE)):
            if info.id not in known:
                assert info.uidvalidity > highest or not known
                self.boxes[info.name] = ModelBox(info.id, info.uidvalidity)

    def teardown(self) -> None:
        for told in self.told:
            told.view.close()
        self.run(self.bench.close())
        self.loop.close()
        shutil.rmtree(self.folder)

    def box(self, number: int) -> ModelBox:
        """INBOX or another of the few."""
        names = ["INBOX", *sorted(set(self.boxes) - {"INBOX", *USUAL})]
        return self.boxes[names[number % len(names)]]

    def used(self) -> int:
        return sum(len(m.octets) for box in self.boxes.values() for m in box.messages)

    def add(self, box: ModelBox, messages: list[ModelMessage]) -> None:
        for message in messages:
            message.uid = box.uidnext
            box.uidnext += 1
            box.messages.append(message)
            for told in self.told:
                if told.name_id == box.id:
                    told.octets.append(message.octets)
                    told.uids.append(message.uid)

    def drop(self, box: ModelBox, messages: list[ModelMessage]) -> None:
        for message in messages:
            box.messages.remove(message)
            box.gone.append(message.uid)

    # --- rules

    @rule(
        number=BOXES,
        flags=FLAGS,
        body=st.sampled_from(BODIES),
        times=st.integers(0, 3),
        ticks=st.integers(0, 9),
    )
    def append(
        self, number: int, flags: frozenset[str], body: bytes, times: int, ticks: int
    ) -> None:
        self.clock.advance(ticks)
        box = self.box(number)
        call = self.bench.put(MailboxId(box.id), *flags, octets=body, times=times)
        if self.used() + len(body) * times > QUOTA and times and body:
            self.refused(call, OverQuota)
            return
        appended = self.run(call)
        now = int(self.clock.now())
        self.add(box, [ModelMessage(0, flags, body, now, now) for _ in range(times)])
        assert list(appended.uids) == [m.uid for m in box.messages[len(box.messages) - times :]]

    @rule(number=BOXES, picks=PICKS, kind=st.sampled_from(list(FlagChange)), flags=FLAGS)
    def change_flags(
        self, number: int, picks: list[int], kind: FlagChange, flags: frozenset[str]
    ) -> None:
        box = self.box(number)
        uids = box.uids(picks)
        done = self.run(
            self.bench.port.change_flags(MailboxId(box.id), [Uid(u) for u in uids], kind, flags)
        )
        changed = []
        for message in box.pick(uids):
            new = {
                FlagChange.REPLACE: flags,
                FlagChange.ADD: message.flags | flags,
                FlagChange.REMOVE: message.flags - flags,
            }[kind]
            if new != message.flags:
                changed.append(message.uid)
                message.flags = new
        assert list(done.changed) == changed

    @rule(source=BOXES, into=BOXES, picks=PICKS, moving=st.booleans())
    def transfer(self, source: int, into: int, picks: list[int], moving: bool) -> None:
        self.clock.advance(1)
        one, other = self.box(source), self.box(into)
        uids = one.uids(picks)
        picked = one.pick(uids)
        verb = self.bench.port.move if moving else self.bench.port.copy
        call = verb(MailboxId(one.id), [Uid(u) for u in uids], MailboxId(other.id))
        more = sum(len(message.octets) for message in picked)
        if not moving and more and self.used() + more > QUOTA:
            self.refused(call, OverQuota)
            return
        done = self.run(call)
        now = int(self.clock.now())
        copies = [ModelMessage(0, m.flags, m.octets, m.date, now) for m in picked]
        self.add(other, copies)
        if moving:
            self.drop(one, picked)
        assert list(done.sources) == [message.uid for message in picked]
        assert list(done.targets) == [message.uid for message in copies]

    @rule(number=BOXES, picks=st.none() | PICKS, marked=st.booleans())
    def expunge(self, number: int, picks: list[int] | None, marked: bool) -> None:
        box = self.box(number)
        uids = None if picks is None else box.uids(picks)
        given = None if uids is None else [Uid(u) for u in uids]
        done = self.run(self.bench.port.expunge(MailboxId(box.id), given, marked))
        picked = [m for m in box.messages if (marked if uids is None else m.uid in uids)]
        picked = [m for m in picked if not marked or "\\Deleted" in m.flags]
        assert list(done) == [message.uid for message in picked]
        self.drop(box, picked)

    @rule(number=BOXES)
    def claim_recent(self, number: int) -> None:
        box = self.box(number)
        assert self.run(self.bench.port.claim_recent(MailboxId(box.id))) == box.recent_from
        box.recent_from = box.uidnext

    @rule(name=NAMES)
    def create(self, name: str) -> None:
        call = self.bench.port.create(ALICE, name)
        if name in self.boxes:
            self.refused(call, MailboxExists)
            return
        self.run(call)
        self.sync_list()

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        call = self.bench.port.delete(ALICE, name)
        if name == "INBOX":
            self.refused(call, NotPermitted)
        elif name not in self.boxes:
            self.refused(call, NoSuchMailbox)
        else:
            self.run(call)
            del self.boxes[name]

    @rule(old=NAMES, new=NAMES)
    def rename(self, old: str, new: str) -> None:
        call = self.bench.port.rename(ALICE, old, new)
        moved = [n for n in self.boxes if n == old or n.startswith(old + "/")]
        if old not in self.boxes:
            self.refused(call, NoSuchMailbox)
        elif old == "INBOX":
            if new in self.boxes:
                self.refused(call, MailboxExists)
                return
            self.clock.advance(1)
            self.run(call)
            self.sync_list()
            box, now = self.boxes["INBOX"], int(self.clock.now())
            picked = list(box.messages)
            self.add(
                self.boxes[new], [ModelMessage(0, m.flags, m.octets, m.date, now) for m in picked]
            )
            self.drop(box, picked)
        elif new.startswith(old + "/") or any(new + n[len(old) :] in self.boxes for n in moved):
            self.refused(call, StoreError)
        else:
            self.run(call)
            self.boxes = {
                (new + n[len(old) :] if n in moved else n): box for n, box in self.boxes.items()
            }
            self.sync_list()

    @rule(number=BOXES)
    def open_view(self, number: int) -> None:
        box = self.box(number)
        if len(self.told) < 5:
            view = self.run(self.bench.port.open(MailboxId(box.id)))
            self.told.append(
                Told(view, box.id, [m.octets for m in box.messages], [m.uid for m in box.messages])
            )

    @precondition(lambda self: self.told)
    @rule(data=st.data())
    def advance_view(self, data: st.DataObject) -> None:
        told = data.draw(st.sampled_from(self.told))
        dead = set(told.view.generation.dead_positions())
        told.view.advance()
        told.octets = [o for place, o in enumerate(told.octets) if place not in dead]
        told.uids = [u for place, u in enumerate(told.uids) if place not in dead]

    @precondition(lambda self: self.told)
    @rule(data=st.data())
    def close_view(self, data: st.DataObject) -> None:
        told = data.draw(st.sampled_from(self.told))
        self.told.remove(told)
        told.view.close()

    @precondition(lambda self: self.sqlite)
    @rule()
    def reopen(self) -> None:
        """A restart: sessions are gone, everything else is as it was."""
        before = {b.id: self.run(self.bench.picture(MailboxId(b.id))) for b in self.boxes.values()}
        for told in self.told:
            told.view.close()
        self.told.clear()
        self.run(self.bench.close())
        assert verify(self.folder / "shard") == []
        self.bench = self.run(self._open())
        after = {b.id: self.run(self.bench.picture(MailboxId(b.id))) for b in self.boxes.values()}
        assert after == before

    def refused(self, call: Coroutine[Any, Any, Any], error: type[StoreError]) -> None:
        try:
            self.run(call)
        except error:
            return
        raise AssertionError(f"{error.__name__} expected")

    # --- what always holds

    @invariant()
    def lists_agree(self) -> None:
        listed = self.run(self.bench.port.mailboxes(ALICE))
        assert {info.name: info.id for info in listed} == {n: b.id for n, b in self.boxes.items()}
        usage = self.run(self.bench.port.usage(ALICE))
        messages = sum(len(box.messages) for box in self.boxes.values())
        assert (usage.octets, usage.messages, usage.mailboxes) == (
            self.used(),
            messages,
            len(self.boxes),
        )

    @invariant()
    def mailboxes_agree(self) -> None:
        for box in self.boxes.values():
            identity = MailboxId(box.id)
            rows, uidnext, uidvalidity, highest, details = self.run(self.bench.picture(identity))
            assert [(row[0], row[1], row[3], row[4], row[5]) for row in rows] == [
                (m.uid, m.flags, len(m.octets), m.date, m.save_date) for m in box.messages
            ]
            assert (uidnext, uidvalidity) == (box.uidnext, box.uidvalidity)
            assert all(row[2] <= highest for row in rows)
            assert [one.uid for one in details] == [m.uid for m in box.messages]
            status = self.run(self.bench.port.status(identity))
            unseen = [m for m in box.messages if "\\Seen" not in m.flags]
            deleted = [m for m in box.messages if "\\Deleted" in m.flags]
            assert (
                status.messages,
                status.unseen,
                status.deleted,
                status.size,
                status.deleted_size,
                status.recent,
                status.uidnext,
                status.highest_modseq,
            ) == (
                len(box.messages),
                len(unseen),
                len(deleted),
                sum(len(m.octets) for m in box.messages),
                sum(len(m.octets) for m in deleted),
                sum(m.uid >= box.recent_from for m in box.messages),
                box.uidnext,
                highest,
            )
            assert self.run(self.bench.gone(identity, 0)) == sorted(box.gone)

    @invariant()
    def views_show_what_they_pinned(self) -> None:
        living = {box.id: {m.uid for m in box.messages} for box in self.boxes.values()}
        for told in self.told:
            generation = told.view.generation
            assert list(generation.uids) == told.uids
            assert told.view.deleted == (told.name_id not in living)
            if not told.view.deleted:
                dead = [p for p, u in enumerate(told.uids) if u not in living[told.name_id]]
                assert list(generation.dead_positions()) == dead
            for place, octets in enumerate(told.octets):
                body = self.run(self.bench.port.body(told.view, place))
                assert body.buffer() == octets
            details = self.run(self.bench.port.details(told.view, range(len(told.octets))))
            assert [one.uid for one in details] == told.uids
            found = self.run(
                self.bench.port.search(
                    told.view, range(len(told.octets)), TextSearch(SearchField.TEXT, "NEEDLE")
                )
            )
            assert list(found) == [p for p, o in enumerate(told.octets) if b"needle" in o]


class SqliteContract(Contract):
    sqlite = True


_CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large]
TestMemory = Contract.TestCase
TestMemory.settings = settings(
    max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=_CHECKS
)
if importlib.util.find_spec("postil.store.sqlite") is not None:
    TestSqlite = SqliteContract.TestCase
    TestSqlite.settings = settings(
        max_examples=15, stateful_step_count=40, deadline=None, suppress_health_check=_CHECKS
    )
