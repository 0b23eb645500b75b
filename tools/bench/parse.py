"""What reading a command costs: octets in, frozen command out, in microseconds (the mark of the design is 5).

Run: python tools/bench/parse.py
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from postil.imap import limits
from postil.imap.registry import COMMANDS, STREAMED
from postil.imap.wire import CommandReader, Request
from postil.ports.channel import OPEN
from postil.ports.peer import Peer

LINES = {
    "NOOP": b"a1 NOOP\r\n",
    "FETCH flags": b"a1 UID FETCH 1:* (UID FLAGS)\r\n",
    "FETCH header": b"a1 UID FETCH 100:200,300 (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Cc Subject Date Message-ID)])\r\n",
    "STORE": b"a1 UID STORE 4711 +FLAGS.SILENT (\\Seen \\Flagged $Junk)\r\n",
    "SEARCH": b'a1 UID SEARCH RETURN (ALL) UNSEEN SINCE 1-Feb-2024 OR FROM "smith" SUBJECT "report"\r\n',
    "SELECT": b'a1 SELECT "Archive/2024"\r\n',
}
ROUNDS = 20_000


class Endless:
    """A stream that has many copies of one line."""

    peer = Peer("", 0, "", 0, "bench", "bench")
    can_start_tls = False
    channel = OPEN

    def __init__(self, line: bytes) -> None:
        self._piece = line * (64 * limits.KIB // len(line))

    async def read(self, timeout: float) -> bytes:
        return self._piece

    async def read_or_wake(self, timeout: float) -> bytes | None:
        return self._piece

    def wake(self) -> None: ...

    def pending(self) -> bool:
        return True

    def write(self, data: bytes | bytearray | memoryview) -> None: ...

    async def drain(self) -> None: ...

    async def start_tls(self) -> None: ...

    @property
    def compressed(self) -> bool:
        return False

    def compress(self, early: bytes) -> None: ...

    def uncompress(self, unread: int) -> None: ...

    async def close(self) -> None: ...

    def abort(self) -> None: ...


async def measure(line: bytes) -> float:
    """Microseconds a command."""
    reader = CommandReader(Endless(line), COMMANDS.__contains__, STREAMED)
    reader.limits = limits.READER_AFTER_LOGIN
    clock: Callable[[], float] = time.process_time
    start = clock()
    for _ in range(ROUNDS):
        request = await reader.next(60)
        assert isinstance(request, Request)
        COMMANDS[request.name].parse(request.tokens)
    return (clock() - start) / ROUNDS * 1e6


async def main() -> None:
    """Print a line for each kind of command."""
    for name, line in LINES.items():
        print(f"{name:14} {await measure(line):6.2f} us")


if __name__ == "__main__":
    asyncio.run(main())
