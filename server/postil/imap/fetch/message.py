"""One message while FETCH answers for it: everything about it, loaded when first asked for.

RFC 9051 §6.4.5. It reads through the session's view, so a message that was expunged by someone else meanwhile is still
answered as long as this client was not told (RFC 9051 §7.5.1).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from postil.imap import limits
from postil.imap.errors import Bye
from postil.message.parse import parse_steps
from postil.message.part import Part
from postil.ports.picture import Generation
from postil.ports.store import Body, Corrupt, Details

if TYPE_CHECKING:
    from postil.imap.session import Session
    from postil.imap.view import SelectedView

# RFC 9051 §9: no string but literal8 carries NUL. One octet for one octet keeps sizes and offsets.
_NUL_SHOWN_AS = b"\x80"
_KEPT = 256 * limits.KIB  # a message up to this size is read once and kept while it is answered


def without_nul(octets: bytes) -> bytes:
    """The octets as a literal may carry them."""
    return octets.replace(b"\0", _NUL_SHOWN_AS) if b"\0" in octets else octets


class Message:
    """A message of a mailbox, by position."""

    __slots__ = (
        "_body",
        "_details",
        "_kept",
        "_root",
        "_selected",
        "_session",
        "generation",
        "position",
        "subject",
    )

    def __init__(
        self,
        session: Session,
        selected: SelectedView,
        position: int,
        details: Details | None = None,
    ) -> None:
        self._session = session
        self._selected = selected
        self.generation: Generation = selected.view.generation
        self.position = position
        self.subject = selected.subject(position).encode("ascii")
        self._details = details
        self._body: Body | None = None
        self._kept: bytes | None = None
        self._root: Part | None = None

    @property
    def uid(self) -> int:
        return self.generation.uids[self.position]

    @property
    def size(self) -> int:
        """RFC822.SIZE."""
        return self.generation.sizes[self.position]

    @property
    def flags(self) -> str:
        """The flags as this client sees them, without parentheses."""
        return self._selected.flags_text(self.position, recent=self._session.recent)

    @property
    def utf8(self) -> bool:
        """May quoted strings hold UTF-8?"""
        return self._session.utf8

    async def details(self) -> Details:
        """What the index keeps ready."""
        if self._details is None:
            view = self._selected.view
            (self._details,) = await self._session.store.details(view, [self.position])
        return self._details

    async def body(self) -> Body:
        """The octets, for reading slices."""
        if self._body is None:
            self._body = await self._session.store.body(self._selected.view, self.position)
            if self._body.size <= _KEPT:
                self._kept = self._body.buffer()
        return self._body

    async def pause(self) -> None:
        """Let others have a turn."""
        await self._session.pause()

    async def read(self, start: int, end: int) -> bytes:
        """A range of octets in memory; for headers and other small things."""
        body = await self.body()
        if self._kept is not None:
            return self._kept[start:end]
        pieces = []
        for at in range(start, end, limits.MIB):
            pieces.append(body.read(at, min(limits.MIB, end - at)))
            await self.pause()
        return b"".join(pieces)

    async def slices(self, start: int, end: int) -> AsyncIterator[bytes]:
        """A range of octets in pieces; between two of them the client may let us wait."""
        body = await self.body()
        if self._kept is not None:
            yield self._kept[start:end]
            return
        for at in range(start, end, limits.BODY_SLICE):
            try:
                yield body.read(at, min(limits.BODY_SLICE, end - at))
            except Corrupt as error:
                # The length of the literal is already with the client: there is no other way out.
                raise Bye(f"message with UID {self.uid} cannot be read: {error}") from None
            await self.pause()

    async def root(self) -> Part:
        """The tree of parts; the last one is kept, since clients ask for one part after the other."""
        if self._root is None:
            selected = self._selected
            cached = selected.parsed
            if cached is not None and cached[0] == self.uid:
                self._root = cached[1]
            else:
                self._root = await self._parse()
                selected.parsed = (self.uid, self._root)
        return self._root

    async def _parse(self) -> Part:
        steps = parse_steps(await self.read(0, (await self.body()).size))
        while True:
            try:
                next(steps)
            except StopIteration as end:
                root: Part = end.value
                return root
            await self.pause()

    async def header_end(self) -> int:
        """Where the header, blank line included, ends."""
        header = (await self.details()).header
        return len(header) if header is not None else (await self.root()).body_start

    async def header(self) -> bytes:
        """The header with its blank line."""
        header = (await self.details()).header
        return header if header is not None else await self.read(0, await self.header_end())
