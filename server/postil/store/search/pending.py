"""The folded texts of messages that came last: made when a search needs them, kept until the index has taken them.

RFC 9051 §6.4.4. The index is behind by seconds, and a client that searches again and again would read and decode the same new messages each time. So
each message is decoded once, by whoever comes first, and the index takes the same texts. Bounded: what does not fit is made again.
"""

from __future__ import annotations

from postil.ports.store import SearchField, TextSearch
from postil.store.limits import SEARCH_PENDING_CHARACTERS
from postil.store.search.database import FIELDS, Texts


class Pending:
    """Texts by body id."""

    def __init__(self, most: int = SEARCH_PENDING_CHARACTERS) -> None:
        self._most = most
        self._texts: dict[int, Texts] = {}
        self._characters = 0

    def __len__(self) -> int:
        return len(self._texts)

    def get(self, body: int) -> Texts | None:
        """What is kept of it."""
        return self._texts.get(body)

    def add(self, texts: Texts) -> None:
        """Keep it if there is room."""
        if texts.body in self._texts or self._characters + texts.characters > self._most:
            return
        self._texts[texts.body] = texts
        self._characters += texts.characters

    def indexed(self, mark: int) -> None:
        """Bodies up to this id are in the index."""
        self.drop(*[body for body in self._texts if body <= mark])

    def drop(self, *bodies: int) -> None:
        """Forget these."""
        for body in bodies:
            texts = self._texts.pop(body, None)
            if texts is not None:
                self._characters -= texts.characters


def holds(texts: Texts, what: TextSearch, needle: str) -> bool | None:
    """Is the folded needle there? As `database.holding` decides; None: in the header, but who knows in which field."""
    match what.where:
        case SearchField.TEXT:
            return needle in texts.header or needle in texts.content
        case SearchField.BODY:
            return needle in texts.content
        case SearchField.HEADER if what.field in FIELDS:
            value = texts.fields[FIELDS.index(what.field)]
            return value is not None and needle in value
        case SearchField.HEADER:
            return None if needle in texts.header else False
