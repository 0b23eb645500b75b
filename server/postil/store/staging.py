"""A message on its way in: in memory while small, in a file of its own from 256 KiB.

The file has its final name and place from the first octet, so appending it later writes nothing again. It is synced, with the folder, in a
staging thread before `finish` returns: the writer thread, which everybody waits for, never syncs 25 MB of one sender. No row names
the file until an append commits; whatever a crash leaves is an orphan that the next start removes.
"""

from __future__ import annotations

import asyncio
import struct
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

from postil.ports.store import Staged, StoreUnavailable
from postil.store.files import Files
from postil.store.ingest import Ingested, ingest
from postil.store.limits import BLOCK_OCTETS, OWN_FILE_FROM
from postil.store.segments import HEADER, header, segment_path


@dataclass(slots=True)
class StagedFile:
    """A complete message in its own file, synced."""

    number: int
    offset: int
    length: int
    crc: int
    blocks: bytes
    discarded: bool = False


class StagedBody(NamedTuple):
    """What a `Staged` number stands for."""

    account: int
    ingested: Ingested
    octets: bytes | None
    file: StagedFile | None
    header: bytes  # the message header, for its checksum with a prefix


class Stage:
    """Where staged bodies are kept, and what their writers need."""

    def __init__(
        self,
        files: Files,
        folder: Path,
        take_number: Callable[[], int],
        free_space_is_low: Callable[[], bool],
    ) -> None:
        self.files = files
        self.folder = folder
        self.take_number = take_number
        self.free_space_is_low = free_space_is_low
        self.bodies: dict[int, StagedBody] = {}
        self.file_numbers: set[int] = set()  # files that are being written or staged
        self._next = 0
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="postil-stage")

    async def run(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Something that may wait for the disk. StoreUnavailable for an OSError."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, partial(work, *arguments))
        except OSError as error:
            raise StoreUnavailable(
                f"the disk does not take the message: {error.strerror}"
            ) from error

    def keep(self, body: StagedBody, size: int) -> Staged:
        """Give a complete body its number."""
        self._next += 1
        self.bodies[self._next] = body
        return Staged(self._next, size)

    def close(self) -> None:
        self._threads.shutdown(wait=True)
        self.bodies.clear()


class StagingWriter:
    """Takes one message in pieces (`ports.store.BodyWriter`)."""

    def __init__(self, stage: Stage, account: int) -> None:
        self._stage = stage
        self._account = account
        self._pieces: list[bytes] = []
        self._held = 0
        self._file: _FileInProgress | None = None
        self._done = False

    async def write(self, piece: bytes | memoryview) -> None:
        if self._done:
            raise StoreUnavailable("the message was thrown away before it was stored")
        self._pieces.append(bytes(piece))
        self._held += len(piece)
        if self._held >= OWN_FILE_FROM:
            await self._flush()

    async def _flush(self) -> None:
        if self._stage.free_space_is_low():
            raise StoreUnavailable("the disk is nearly full, try again later")
        if self._file is None:
            self._file = _FileInProgress(self._stage, self._account)
        pieces, self._pieces, self._held = self._pieces, [], 0
        await self._stage.run(self._file.add, pieces)

    async def finish(self) -> Staged:
        if self._done:
            raise StoreUnavailable("the message was thrown away before it was stored")
        if self._file is None:
            octets = b"".join(self._pieces)
            self._pieces = []
            self._done = True
            ingested = await ingest(octets)
            body = StagedBody(self._account, ingested, octets, None, octets[: ingested.header_size])
            return self._stage.keep(body, len(octets))
        if self._pieces:
            await self._flush()
        file = self._file
        staged: StagedFile = await self._stage.run(file.complete)
        whole: bytes = await self._stage.run(file.octets)
        ingested = await ingest(whole)
        head = whole[: ingested.header_size]
        del whole
        self._done = True
        await self._stage.run(file.close)
        return self._stage.keep(
            StagedBody(self._account, ingested, None, staged, head), staged.length
        )

    async def abort(self) -> None:
        self._pieces = []
        if self._file is not None and not self._done:
            self._done = True
            await self._stage.run(self._file.remove)
        self._done = True


class _FileInProgress:
    """The file of a big message; its methods run in staging threads, one after the other.

    The lock: a sender that is cut off cancels `write` while the thread still writes, and then `abort` removes the file.
    """

    def __init__(self, stage: Stage, account: int) -> None:
        self._files = stage.files
        self._folder = stage.folder
        self._numbers = stage.file_numbers
        self._account = account
        self._number = stage.take_number()
        self._numbers.add(self._number)
        self._path = segment_path(self._folder, self._number)
        self._fd: int | None = None
        self._length = 0
        self._crc = 0
        self._blocks: list[int] = []
        self._rest = b""  # the beginning of a block that is not full yet
        self._lock = threading.Lock()
        self._removed = False

    def add(self, pieces: Sequence[bytes]) -> None:
        """Append octets."""
        with self._lock:
            if not self._removed:
                self._add(b"".join(pieces))

    def _add(self, data: bytes) -> None:
        if self._fd is None:
            self._fd = self._files.create(self._path)
        self._files.write(self._fd, [data], HEADER.size + self._length)
        self._length += len(data)
        self._crc = crc32(data, self._crc)
        view = memoryview(self._rest + data)
        full = len(view) - len(view) % BLOCK_OCTETS
        for start in range(0, full, BLOCK_OCTETS):
            self._blocks.append(crc32(view[start : start + BLOCK_OCTETS]))
        self._rest = bytes(view[full:])

    def complete(self) -> StagedFile:
        """Write the record's header, and sync the file and its name."""
        assert self._fd is not None
        if self._rest:
            self._blocks.append(crc32(self._rest))
            self._rest = b""
        head = header(self._length, self._crc, self._number, self._account)
        self._files.write(self._fd, [head], 0)
        self._files.sync(self._fd)
        self._files.sync_folder(self._folder)
        blocks = struct.pack(f"<{len(self._blocks)}I", *self._blocks)
        return StagedFile(self._number, HEADER.size, self._length, self._crc, blocks)

    def octets(self) -> bytes:
        """The whole message, for the time it takes to describe it."""
        assert self._fd is not None
        return self._files.read(self._fd, self._length, HEADER.size)

    def close(self) -> None:
        """The staged file stays."""
        if self._fd is not None:
            fd, self._fd = self._fd, None
            self._files.close(fd)

    def remove(self) -> None:
        """The file goes; idempotent."""
        with self._lock:
            self._removed = True
            self.close()
            self._files.remove(self._path)
            self._numbers.discard(self._number)
