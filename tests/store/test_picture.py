"""Generations, views and flag sets by themselves."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postil.ports.ids import MailboxId, ModSeq, Uid
from postil.store.flagsets import FlagTable, FlagTableFull
from postil.store.generation import Columns, Generation, Row
from postil.store.limits import CHANGE_LOG_UIDS, FLAG_SETS_MAX, SURRENDER_DEAD_MAX
from postil.store.picture import MailboxPicture


def columns(count: int) -> Columns:
    """Messages with uids 1 … count, keys 1001 …"""
    numbers = range(1, count + 1)
    return Columns(
        array("I", numbers),
        array("H", [0] * count),
        array("Q", [1] * count),
        array("Q", [10] * count),
        array("q", numbers),
        array("q", numbers),
        array("Q", (1000 + number for number in numbers)),
    )


class Desk:
    """A picture and the bodies it released."""

    def __init__(self, count: int = 10) -> None:
        self.released: list[int] = []
        self.modseq = 1
        self.picture = MailboxPicture(
            MailboxId(1),
            7,
            Uid(count + 1),
            ModSeq(1),
            FlagTable(),
            columns(count),
            self.released.extend,
        )

    def expunge(self, *uids: int) -> list[int]:
        self.modseq += 1
        return self.picture.expunge(uids, ModSeq(self.modseq))


def test_bodies_nobody_sees_are_not_held() -> None:
    """Without a view an expunged body is free at once and never released a second time."""
    desk = Desk()
    assert desk.expunge(3, 4) == []
    view = desk.picture.open()
    assert list(view.generation.uids) == [1, 2, 5, 6, 7, 8, 9, 10]
    view.close()
    assert desk.released == []


def test_a_body_is_released_when_the_last_view_lets_go() -> None:
    """Advancing or closing, in any order; each message once."""
    desk = Desk()
    one, two, three = (desk.picture.open() for _ in range(3))
    assert desk.expunge(3) == [1003]
    one.advance()
    assert desk.expunge(5, 6) == [1005, 1006]
    assert desk.released == []
    two.close()
    one.advance()
    assert desk.released == []
    three.advance()
    assert sorted(desk.released) == [1003, 1005, 1006]
    one.close()
    three.close()
    three.close()
    assert sorted(desk.released) == [1003, 1005, 1006]
    assert desk.picture.views == 0


def test_a_deleted_mailbox_releases_all_its_bodies() -> None:
    """Also those that were dead before, each once."""
    desk = Desk(4)
    one, two = desk.picture.open(), desk.picture.open()
    held = desk.expunge(2)
    one.advance()
    held += desk.picture.delete()
    assert sorted(held) == [1001, 1002, 1003, 1004]
    assert one.deleted
    assert two.deleted
    two.close()
    assert desk.released == [1002]
    one.advance()
    one.close()
    assert sorted(desk.released) == sorted(held)


def test_a_lone_view_gets_its_arrays_shortened_in_place() -> None:
    """Few dead under one view are cut out; a new generation object all the same."""
    desk = Desk(100)
    view = desk.picture.open()
    for dead in (1, SURRENDER_DEAD_MAX, SURRENDER_DEAD_MAX + 1):
        before = view.generation
        uids = list(before.uids)
        gone = uids[5 : 5 + dead]
        desk.expunge(*gone)
        view.advance()
        assert view.generation is not before
        assert list(view.generation.uids) == [uid for uid in uids if uid not in gone]
        assert [key - 1000 for key in view.generation.keys] == list(view.generation.uids)
    assert len(desk.released) == 2 + 2 * SURRENDER_DEAD_MAX


def test_changes_beyond_the_log() -> None:
    """The answer is the same when the recent changes are no longer listed."""
    desk = Desk(CHANGE_LOG_UIDS)
    view = desk.picture.open()
    for modseq in range(2, 6):
        third = range(modseq, CHANGE_LOG_UIDS + 1, 3)
        desk.picture.change_flags([(uid, 0) for uid in third], ModSeq(modseq))
    for since in range(6):
        slow = [p for p, own in enumerate(view.generation.modseqs) if own > since]
        assert list(view.changed_since(ModSeq(since))) == slow


@given(st.sets(st.integers(0, 49)), st.integers(50, 60))
def test_compacting(dead: set[int], count: int) -> None:
    """Whatever is dead, the living keep their order and all their columns."""
    generation = Generation(columns(count))
    generation.kill(sorted(dead))
    living = [place for place in range(count) if place not in dead]
    compacted = generation.compacted()
    for old, new in zip(generation.columns, compacted.columns, strict=True):
        assert list(new) == [old[place] for place in living]
    assert compacted.dead == 0
    assert list(generation.alive_uids()) == list(compacted.uids)


@given(
    st.lists(
        st.sampled_from(["open", "advance", "close", "expunge", "append", "flag"]), max_size=40
    ),
    st.data(),
)
@settings(deadline=None)
def test_every_view_sees_what_it_should(steps: list[str], data: st.DataObject) -> None:
    """Random sessions: positions stand still, flags are live, every held body is released once."""
    desk = Desk(5)
    picture = desk.picture
    living = list(range(1, 6))
    flags = dict.fromkeys(living, 0)
    views: list[tuple[object, list[int]]] = []
    held: list[int] = []
    seen = picture.flagsets.intern(["\\Seen"])
    for step in steps:
        desk.modseq += 1
        modseq = ModSeq(desk.modseq)
        if step == "open":
            views.append((picture.open(), list(living)))
        elif step == "append":
            uid = picture.uidnext
            picture.append([Row(uid, 0, 1, 1, 1, 1000 + uid)], modseq)
            living.append(uid)
            flags[uid] = 0
            for _, shown in views:
                shown.append(uid)
        elif step == "expunge" and living:
            uid = data.draw(st.sampled_from(living))
            held += picture.expunge([uid], modseq)
            living.remove(uid)
        elif step == "flag" and living:
            uid = data.draw(st.sampled_from(living))
            picture.change_flags([(uid, seen), (9999, seen)], modseq)
            flags[uid] = seen
        elif step in ("advance", "close") and views:
            place = data.draw(st.integers(0, len(views) - 1))
            view, shown = views[place]
            if step == "close":
                view.close()  # type: ignore[attr-defined]
                views.pop(place)
            else:
                view.advance()  # type: ignore[attr-defined]
                shown[:] = living
        for view, shown in views:
            generation = view.generation  # type: ignore[attr-defined]
            assert list(generation.uids) == shown
            assert list(generation.dead_positions()) == [
                place for place, uid in enumerate(shown) if uid not in living
            ]
            for place, uid in enumerate(shown):
                if uid in living:
                    assert generation.flags[place] == flags[uid]
    for view, _ in views:
        view.close()  # type: ignore[attr-defined]
    assert sorted(desk.released) == sorted(held)
    assert len(set(held)) == len(held)


def test_flag_names_are_compared_without_case_and_kept_as_first_spelled() -> None:
    """System flags have the RFC's spelling whatever a client wrote."""
    table = FlagTable()
    number = table.intern(["\\SEEN", "Work"])
    assert table.intern(["work", "\\seen"]) == number
    assert table.names(number) == {"\\Seen", "Work"}
    assert table.text(number) == "\\Seen Work"
    other = table.intern(["WORK"])
    assert table.names(other) == {"Work"}
    assert table.matching("wORK") == bytes([0, 1, 1])
    assert table.matching("\\seen") == bytes([0, 1, 0])
    assert table.matching("unknown") == bytes(3)
    assert table.keywords() == {"Work"}
    assert table.text(0) == ""


def test_flag_sets_have_an_end() -> None:
    """The number behind the last one is refused."""
    with pytest.raises(FlagTableFull):
        FlagTable().define(FLAG_SETS_MAX, ["a"])
