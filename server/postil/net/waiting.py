"""The wait of the one coroutine that uses a connection: until something changes, or too long.

One coroutine uses a connection, so one future is enough: every event stirs it, and it looks again. The time-out comes from the wheel, not from a timer per
wait.
"""

from __future__ import annotations

import asyncio

from postil.net.wheel import Wheel
from postil.ports.stream import StreamTimeout


class Waiting:
    """At most one wait at a time."""

    __slots__ = ("_future", "_loop", "_wheel", "bucket", "deadline")

    def __init__(self, loop: asyncio.AbstractEventLoop, wheel: Wheel) -> None:
        self._loop = loop
        self._wheel = wheel
        self._future: asyncio.Future[None] | None = None
        self.deadline: float | None = None
        self.bucket: float | None = None

    def stir(self) -> None:
        """Something has changed."""
        if self._future is not None and not self._future.done():
            self._future.set_result(None)

    async def wait(self, until: float) -> None:
        """Until something changed; StreamTimeout at `until`."""
        assert self._future is None, "one coroutine uses a connection"
        left = until - self._loop.time()
        if left <= 0:
            raise StreamTimeout
        self._future = self._loop.create_future()
        self._wheel.watch(self, left)
        try:
            await self._future
        finally:
            self._future = None
            self.deadline = None

    def expired(self) -> None:
        """The wheel says that the wait took too long."""
        if self._future is not None and not self._future.done():
            self._future.set_exception(StreamTimeout())

    def forget(self) -> None:
        """The connection is gone."""
        self._wheel.forget(self)
