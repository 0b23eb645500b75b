"""The wheel: late by a step at most, never early, and it lets go of what has gone."""

from __future__ import annotations

import asyncio
import gc
import weakref

from postil.net.wheel import Wheel


class Item:
    def __init__(self) -> None:
        self.deadline: float | None = None
        self.bucket: float | None = None
        self.late = asyncio.Event()
        self.at = 0.0

    def expired(self) -> None:
        self.at = asyncio.get_running_loop().time()
        self.late.set()


async def test_expires_after_its_time() -> None:
    """Not before the seconds are over, and soon after."""
    loop = asyncio.get_running_loop()
    wheel, item = Wheel(loop), Item()
    began = loop.time()
    wheel.watch(item, 0.03)
    await asyncio.wait_for(item.late.wait(), 10)
    assert item.at - began >= 0.028
    assert item.deadline is None
    wheel.close()


async def test_a_moved_deadline_counts() -> None:
    """What is watched again before its time expires only after the later time."""
    loop = asyncio.get_running_loop()
    wheel, item = Wheel(loop), Item()
    wheel.watch(item, 0.01)
    wheel.watch(item, 0.15)
    began = loop.time()
    await asyncio.wait_for(item.late.wait(), 10)
    assert item.at - began >= 0.148
    wheel.close()


async def test_an_earlier_deadline_counts() -> None:
    """A long wait that is replaced by a short one expires after the short one."""
    wheel, item = Wheel(asyncio.get_running_loop()), Item()
    wheel.watch(item, 3600)
    wheel.watch(item, 0.01)
    await asyncio.wait_for(item.late.wait(), 10)
    wheel.close()


async def test_a_cleared_deadline_does_not_expire() -> None:
    """A wait that ended by itself leaves nothing behind."""
    wheel, item, other = Wheel(asyncio.get_running_loop()), Item(), Item()
    wheel.watch(item, 0.01)
    wheel.watch(other, 0.06)
    item.deadline = None
    await asyncio.wait_for(other.late.wait(), 10)
    assert not item.late.is_set() and item.bucket is None
    wheel.close()


async def test_forgotten_items_are_freed() -> None:
    """A connection that has gone is not kept until its deadline."""
    wheel, item = Wheel(asyncio.get_running_loop()), Item()
    wheel.watch(item, 1800)
    wheel.forget(item)
    gone = weakref.ref(item)
    del item
    gc.collect()
    assert gone() is None
    wheel.close()
