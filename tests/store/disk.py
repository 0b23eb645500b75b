"""A disk that fails when told to, and a shard to try it on."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from postil.base.clock import FixedClock
from postil.ports.ids import AccountId, MailboxId
from postil.ports.store import Appended, NewMessage
from postil.store.files import DiskFiles
from postil.store.shard import Settings
from postil.store.sqlite import SqliteStore

ALICE = AccountId(1)
BOB = AccountId(2)


class FaultyFiles(DiskFiles):
    """The real disk, with calls counted and errors on demand."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.fail: dict[str, int] = {}  # call -> errno
        self.space: int | None = None

    def _called(self, name: str) -> None:
        self.calls[name] += 1
        number = self.fail.get(name)
        if number is not None:
            raise OSError(number, errno.errorcode[number])

    def create(self, path: Path) -> int:
        self._called("create")
        return super().create(path)

    def write(self, fd: int, pieces: Sequence[bytes | memoryview], offset: int) -> int:
        if "write" in self.fail and pieces:
            # A disk that fills up takes the beginning.
            super().write(fd, [bytes(pieces[0])[:7]], offset)
        self._called("write")
        return super().write(fd, pieces, offset)

    def sync(self, fd: int) -> None:
        self._called("sync")
        super().sync(fd)

    def sync_folder(self, folder: Path) -> None:
        self._called("sync_folder")
        super().sync_folder(folder)

    def free_space(self, folder: Path) -> int:
        return super().free_space(folder) if self.space is None else self.space


class Trial:
    """A store with one account, and short words for what tests do."""

    def __init__(
        self, folder: Path, files: DiskFiles | None = None, vfs: str | None = None
    ) -> None:
        self.vfs = vfs
        self.folder = folder
        self.files = files or DiskFiles()
        self.clock = FixedClock()
        self.store: SqliteStore
        self.boxes: dict[str, MailboxId] = {}

    async def open(self, background: bool = True, floor: int = 0) -> SqliteStore:
        settings = Settings(floor, self.files, self.vfs, background)
        self.store = await SqliteStore.at(self.folder, clock=self.clock, settings=settings)
        await self.store.provision(ALICE, None)
        self.boxes = {box.name: box.id for box in await self.store.mailboxes(ALICE)}
        return self.store

    @property
    def inbox(self) -> MailboxId:
        return self.boxes["INBOX"]

    async def put(
        self, octets: bytes, mailbox: MailboxId | None = None, flags: frozenset[str] = frozenset()
    ) -> Appended:
        """Append one message, however it ends."""
        writer = self.store.stage(ALICE, len(octets))
        try:
            await writer.write(octets)
            body = await writer.finish()
        except BaseException:
            await writer.abort()
            raise
        try:
            return await self.store.append(mailbox or self.inbox, [NewMessage(body, flags)])
        finally:
            await self.store.discard(body)

    async def read(self, mailbox: MailboxId | None = None) -> dict[int, bytes]:
        """Every message of a mailbox by uid."""
        view = await self.store.open(mailbox or self.inbox)
        try:
            return {
                uid: (await self.store.body(view, place)).buffer()
                for place, uid in enumerate(view.generation.uids)
            }
        finally:
            view.close()

    async def settled(self) -> None:
        """Wait until no chore is left to do: each ends before the next is queued."""
        shard = self.store.shard
        shard.work()
        while shard.working is not None:
            await shard.working


def message(number: int, size: int = 500) -> bytes:
    """A small message that differs from others."""
    head = f"From: a@example.org\r\nSubject: number {number}\r\nMessage-ID: <{number}@x>\r\n\r\n"
    return head.encode() + (b"%06d\r\n" % number) * (size // 8)
