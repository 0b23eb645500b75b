"""Lists of mail a page at a time: columns of ENVELOPE, BODYSTRUCTURE and header fields, without an object for each message.

RFC 9051 §6.4.5. What clients ask of hundreds of messages at once stands ready in the store or is cut out of headers; where a message of the page is not
usual (UTF-8 that needs ENABLE, a header over 8 KiB, a record that cannot be read) the page is answered message by message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from postil.imap import limits
from postil.imap.fetch import items
from postil.imap.fetch.items import Item
from postil.imap.fetch.message import without_nul
from postil.imap.fetch.sections import Kind, Section
from postil.message import fields
from postil.ports.store import Column, StoreError

if TYPE_CHECKING:
    from postil.imap.session import Session

_STORED: Mapping[Item, Column] = {
    items.ENVELOPE: Column.ENVELOPE,
    items.BODYSTRUCTURE: Column.BODYSTRUCTURE,
}
_HEADERS = frozenset((Kind.HEADER, Kind.FIELDS, Kind.FIELDS_NOT))

Columns = Mapping[Item, Sequence[str]]


def is_header(item: Item) -> bool:
    """Is it all or some of the message's own header, whole, without a mark as read?"""
    return (
        isinstance(item, Section)
        and not item.sets_seen
        and not item.numbers
        and item.partial is None
        and item.kind in _HEADERS
    )


class Bulk:
    """The columns of one command."""

    def __init__(self, session: Session, wanted: Sequence[Item], count: int) -> None:
        self._session = session
        self._ready = [item for item in wanted if item in _STORED]
        self._sections = [item for item in wanted if isinstance(item, Section)]
        self._remember = count <= limits.REMEMBERED_MESSAGES

    async def columns(self, page: Sequence[int]) -> Columns | None:
        """Latin-1 text by item, in order of the page; None when it has to be done message by message."""
        session = self._session
        columns: dict[Item, Sequence[str]] = {}
        try:
            if self._ready:
                asked = [_STORED[item] for item in self._ready]
                found = await session.store.ready(session.selected.view, page, asked)
                if found is None:
                    return None
                columns.update(zip(self._ready, found, strict=True))
            if self._sections:
                cut = await self._headers(page)
                if cut is None:
                    return None
                columns.update(cut)
        except StoreError:
            return None  # which message it is shows when they are taken one by one
        return columns

    async def _headers(self, page: Sequence[int]) -> Columns | None:
        selected = self._session.selected
        uids: Sequence[int] = selected.uids(page)
        mailbox, remembered = selected.mailbox.id, self._session.settings.remembered
        sections = self._sections
        known = [dict(remembered.answers(mailbox, section.label)) for section in sections]
        missing = [
            place for place, uid in enumerate(uids) if not all(uid in column for column in known)
        ]
        if missing:
            asked = [page[place] for place in missing]
            headers = await self._session.store.headers(selected.view, asked)
            if None in headers:
                return None
            for section, column in zip(sections, known, strict=True):
                fresh = {
                    uids[place]: _cut(section, header)
                    for place, header in zip(missing, headers, strict=True)
                    if header is not None and uids[place] not in column
                }
                column.update(fresh)
                if self._remember:
                    remembered.add(mailbox, section.label, fresh)
        return {
            section: [column[uid] for uid in uids]
            for section, column in zip(sections, known, strict=True)
        }


def _cut(section: Section, header: bytes) -> str:
    """The literal as it is sent."""
    if section.kind is not Kind.HEADER:
        header = fields.subset(header, section.names, exclude=section.kind is Kind.FIELDS_NOT)
    return f"{{{len(header)}}}\r\n{without_nul(header).decode('latin-1')}"
