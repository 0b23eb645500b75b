"""The tree of criteria against a mailbox.

RFC 9051 §6.4.4. Each key is asked with the messages that are still in question and answers with those of them that match, so a dear key
behind a cheap one sees few. Messages the client was not told of are not in question, nor are those that are expunged already.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from postil.imap import limits
from postil.imap.extensions.inprogress import Progress
from postil.imap.fetch.message import Message
from postil.imap.search import keys, mask
from postil.imap.search.keys import (
    Addressed,
    And,
    Dated,
    Everything,
    Flag,
    Identified,
    Key,
    Larger,
    Modified,
    Not,
    Numbers,
    Or,
    Recent,
    Smaller,
    Text,
    When,
    Within,
)
from postil.message import fields
from postil.message.addresses import mailboxes, parse_addresses
from postil.message.dates import parse_date
from postil.ports.store import Details, SearchField, TextSearch

if TYPE_CHECKING:
    from postil.imap.session import Session
    from postil.imap.view import SelectedView

_EPOCH_DAY = datetime.date(1970, 1, 1).toordinal()
_DAY = 86400
# The date at the start of a ready ENVELOPE, unless it is NIL, a literal or has escapes.
_ENVELOPE_DATE = re.compile(rb'\("([^"\\]*)"')


async def evaluate(
    session: Session, selected: SelectedView, key: Key, progress: Progress
) -> Sequence[int]:
    """The positions that match, ascending."""
    return await _Evaluation(session, selected, progress).run(key)


class _Evaluation:
    """One SEARCH; the mailbox as it was when it began."""

    def __init__(self, session: Session, selected: SelectedView, progress: Progress) -> None:
        self._session = session
        self._progress = progress
        self._selected = selected
        self._view = selected.view
        self._generation = selected.view.generation
        self._count = selected.count

    async def run(self, key: Key) -> Sequence[int]:
        candidates = mask.everything(self._count)
        if self._generation.dead:
            dead = [p for p in self._generation.dead_positions() if p < self._count]
            candidates &= ~mask.from_positions(dead, self._count)
        return mask.positions(await self._among(key, candidates), self._count)

    async def _among(self, key: Key, candidates: int) -> int:
        """Those of the candidates that match."""
        if not candidates:
            return 0
        match key:
            case And(keys=members):
                for member in sorted(members, key=keys.cost):
                    candidates = await self._among(member, candidates)
                return candidates
            case Or(left=left, right=right):
                found = await self._among(left, candidates)
                return found | await self._among(right, candidates & ~found)
            case Not(key=inner):
                return candidates & ~await self._among(inner, candidates)
            case Text(what=what):
                return await self._text(what, candidates)
            case Addressed(field=field, needle=needle):
                return await self._addressed(field, needle, candidates)
            case Dated(when=When.SENT):
                return await self._sent(key, candidates)
            case Identified():
                return await self._identified(key, candidates)
            case _:
                await self._session.pause()
                return candidates & self._from_memory(key)

    async def _text(self, what: TextSearch, candidates: int) -> int:
        if not candidates:
            return 0
        positions = mask.positions(candidates, self._count)
        hits = await self._session.store.search(self._view, positions, what)
        return candidates & mask.from_positions(hits, self._count)

    async def _addressed(self, field: str, needle: str, candidates: int) -> int:
        """A substring of the field as written, or of an address without its comments and quotes."""
        # RFC 9051 §6.4.4: "Messages that contain the specified string in the envelope structure's FROM
        # field." There `user (at home) @ example.org` is user@example.org.
        hits = await self._text(TextSearch(SearchField.HEADER, needle, field), candidates)
        local, at, domain = needle.partition("@")
        if not at:
            return hits
        # Both halves stand in the field in any case, so few messages are left to be looked at.
        others = candidates & ~hits
        for half in (local, domain):
            if half:
                others = await self._text(TextSearch(SearchField.HEADER, half, field), others)
        wanted = needle.casefold()
        found = []
        positions = mask.positions(others, self._count)
        for number, position in enumerate(positions):
            self._progress.at(number, len(positions))
            header = await Message(self._session, self._selected, position).header()
            name = field.encode("ascii")
            if any(
                wanted in spec for value in fields.values(header, name) for spec in _specs(value)
            ):
                found.append(position)
            await self._session.pause()
        return hits | mask.from_positions(found, self._count)

    def _from_memory(self, key: Key) -> int:
        generation, count = self._generation, self._count
        match key:
            case Everything():
                return mask.everything(count)
            case Flag(name=name):
                table = bytes(self._view.flagsets.matching(name))
                return mask.having(generation.flags, count, table)
            case Numbers():
                return self._numbers(key)
            case Recent():
                uids = generation.uids
                recent = 0
                for first, after in self._selected.recent_spans:
                    span = mask.above(uids, count, first - 1) & mask.below(uids, count, after)
                    recent |= span
                return recent
            case Larger(octets=octets):
                return mask.above(generation.sizes, count, octets)
            case Modified(modseq=modseq):
                return mask.above(generation.modseqs, count, modseq - 1)
            case Smaller(octets=octets):
                return mask.below(generation.sizes, count, octets)
            case Within(seconds=seconds, older=older):
                # RFC 5032 §2: "For OLDER, messages match if the INTERNALDATE is less recent than or equal to the target time."
                target = int(self._session.clock.now()) - seconds
                if older:
                    return mask.below(generation.dates, count, target + 1)
                return mask.above(generation.dates, count, target - 1)
            case Dated(when=when, first=first, after=after):
                dates = generation.save_dates if when is When.SAVED else generation.dates
                # RFC 9051 §6.4.4: "Messages whose internal date (disregarding time and timezone) is
                # earlier than the specified date." INTERNALDATE is shown in UTC, so its day is too.
                found = mask.everything(count)
                if first is not None:
                    found &= mask.above(dates, count, _seconds(first) - 1)
                if after is not None:
                    found &= mask.below(dates, count, _seconds(after))
                return found
            case _:
                raise AssertionError(f"{key} is not decided from memory")

    def _numbers(self, key: Numbers) -> int:
        numbers, count = key.numbers, self._count
        if numbers.saved:
            # RFC 9051 §6.4.4.1: "'$' can reference IMAP message sequences or UID sequences, depending
            # on the context where it is used."
            positions: Sequence[int] = self._selected.positions_of_uids(self._session.saved)
        elif key.uid:
            uids = self._generation.uids
            positions = numbers.positions_of_uids(uids, count, self._view.uidnext)
        else:
            # Not BAD for numbers that are too high, as FETCH does: `SEARCH 1:*` is how clients list
            # a mailbox, and an empty mailbox must not be an error to them.
            positions = numbers.positions_of_seqs(count)
        return mask.from_positions(positions, count)

    async def _identified(self, key: Identified, candidates: int) -> int:
        """By the ids in the index, a page at a time."""
        found: list[int] = []
        positions = mask.positions(candidates, self._count)
        for start in range(0, len(positions), limits.FETCH_PAGE):
            self._progress.at(start, len(positions))
            page = positions[start : start + limits.FETCH_PAGE]
            rows = await self._session.store.details(self._view, page, header=False)
            found.extend(
                position
                for position, row in zip(page, rows, strict=True)
                if (row.thread_id if key.thread else row.object_id) == key.identity
            )
            await self._session.pause()
        return mask.from_positions(found, self._count)

    async def _sent(self, key: Dated, candidates: int) -> int:
        """By the Date field, a page of the index at a time."""
        found: list[int] = []
        positions = mask.positions(candidates, self._count)
        for start in range(0, len(positions), limits.FETCH_PAGE):
            self._progress.at(start, len(positions))
            page = positions[start : start + limits.FETCH_PAGE]
            rows = await self._session.store.details(self._view, page)
            for position, details in zip(page, rows, strict=True):
                day = await self._sent_day(position, details)
                if day is None:
                    continue
                if (key.first is None or key.first <= day) and (
                    key.after is None or day < key.after
                ):
                    found.append(position)
            await self._session.pause()
        return mask.from_positions(found, self._count)

    async def _sent_day(self, position: int, details: Details) -> datetime.date | None:
        """The day as written, which is the day where the sender was."""
        # RFC 9051 §6.4.4: "Messages whose [RFC5322] Date: header field (disregarding time and
        # timezone) is earlier than the specified date."
        match = _ENVELOPE_DATE.match(details.envelope) if details.plain else None
        if match is not None:
            value: bytes | None = match.group(1)
        else:
            header = await Message(self._session, self._selected, position, details).header()
            value = fields.first(header, b"date")
        sent = parse_date(value) if value else None
        return sent.day if sent else None


def _specs(value: bytes) -> Iterator[str]:
    """The addresses of a field as ENVELOPE shows them, folded."""
    for address in mailboxes(parse_addresses(value)):
        octets = address.local + b"@" + address.domain
        yield octets.decode("utf-8", "replace").casefold()


def _seconds(day: datetime.date) -> int:
    return (day.toordinal() - _EPOCH_DAY) * _DAY
