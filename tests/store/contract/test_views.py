"""Views: what a session sees while others change the mailbox (`ports.picture`)."""

from __future__ import annotations

from postil.ports.ids import ModSeq, Uid
from postil.ports.store import FlagChange

from .bench import ALICE, MESSAGE, Bench, uids


async def test_positions_stay_until_the_session_advances(bench: Bench) -> None:
    """An expunged message keeps its place and its octets until the view advances."""
    inbox = await bench.id()
    await bench.put(inbox, times=4)
    one, other = await bench.view(inbox), await bench.view(inbox)
    await bench.port.expunge(inbox, uids(1, 3), marked_only=False)
    await bench.put(inbox)
    for view in (one, other):
        assert list(view.generation.uids) == [1, 2, 3, 4, 5]
        assert list(view.generation.dead_positions()) == [0, 2]
        assert view.generation.dead == 2
        assert view.generation.position(Uid(3)) == 2
        assert view.generation.position(Uid(9)) is None
    old = one.generation
    one.advance()
    assert one.generation is not old
    assert list(one.generation.uids) == [2, 4, 5]
    assert one.generation.dead == 0
    assert await bench.octets(other, 0) == MESSAGE
    assert (await bench.port.details(other, [0]))[0].uid == 1
    await bench.port.expunge(inbox, uids(4), marked_only=False)
    assert list(one.generation.dead_positions()) == [1]
    assert list(other.generation.dead_positions()) == [0, 2, 3]
    other.advance()
    one.advance()
    assert list(one.generation.uids) == list(other.generation.uids) == [2, 5]
    third = await bench.view(inbox)
    assert list(third.generation.uids) == [2, 5]
    assert await bench.octets(third, 1) == MESSAGE


async def test_changed_since(bench: Bench) -> None:
    """The living above a modseq, from the recent changes and from the arrays alike."""
    inbox = await bench.id()
    first = await bench.put(inbox, times=5)
    view = await bench.view(inbox)
    assert list(view.changed_since(first.modseq)) == []
    changed = await bench.port.change_flags(
        inbox, uids(4, 2), FlagChange.ADD, frozenset({"\\Seen"})
    )
    await bench.put(inbox)
    assert list(view.changed_since(first.modseq)) == [1, 3, 5]
    assert list(view.changed_since(changed.modseq)) == [5]
    assert list(view.changed_since(ModSeq(0))) == [0, 1, 2, 3, 4, 5]
    await bench.port.expunge(inbox, uids(2), marked_only=False)
    assert list(view.changed_since(first.modseq)) == [3, 5]
    assert list(view.changed_since(ModSeq(0))) == [0, 2, 3, 4, 5]
    assert list(view.changed_since(view.highest_modseq)) == []


async def test_view_is_live(bench: Bench) -> None:
    """uidnext and modseq of a view follow every write, also of keywords it never saw."""
    inbox = await bench.id()
    view = await bench.view(inbox)
    assert (view.uidnext, len(view.generation.uids)) == (1, 0)
    await bench.put(inbox, "NewKeyword")
    assert (view.uidnext, view.mailbox) == (2, inbox)
    assert view.flagsets.text(view.generation.flags[0]) == "NewKeyword"
    assert view.flagsets.matching("newkeyword")[view.generation.flags[0]] == 1
    assert view.flagsets.matching("other")[view.generation.flags[0]] == 0
    assert len(view.flagsets.matching("\\seen")) == len(view.flagsets)
    await bench.port.annotate(ALICE, inbox, {"/private/comment": b"x"})
    status = await bench.port.status(inbox)
    assert (view.highest_modseq, view.uidvalidity) == (status.highest_modseq, status.uidvalidity)
    view.close()
    view.close()


async def test_flag_text_order(bench: Bench) -> None:
    """System flags come first, in the order of the RFC; keywords as first spelled."""
    inbox = await bench.id()
    await bench.put(inbox, "$Junk", "\\seen", "\\ANSWERED", "Abc")
    await bench.put(inbox, "ABC")
    view = await bench.view(inbox)
    texts = [view.flagsets.text(number) for number in view.generation.flags]
    assert texts == ["\\Answered \\Seen $Junk Abc", "Abc"]
