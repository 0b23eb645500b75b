"""Annotations that somebody else changed: what a session has heard of and not told yet.

RFC 5464 §4.4.2. Only names; whoever wants the values asks. One change of an entry is as good as ten, so what is kept is bounded by the
entries there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from postil.imap import encode
from postil.ports.ids import MailboxId, ModSeq
from postil.ports.store import Change


class Annotated:
    """Entries by mailbox (None: the server), each with the modseq of its last change."""

    def __init__(self) -> None:
        self._heard: dict[MailboxId | None, dict[str, ModSeq]] = {}

    def __bool__(self) -> bool:
        return bool(self._heard)

    def hear(self, change: Change) -> None:
        """Somebody changed these."""
        self._heard.setdefault(change.mailbox, {}).update(
            dict.fromkeys(change.entries, change.modseq)
        )

    def own(self, mailbox: MailboxId | None, modseq: ModSeq) -> None:
        """The change with this modseq was the client's own."""
        heard = self._heard.get(mailbox)
        if heard is not None:
            left = {entry: seq for entry, seq in heard.items() if seq != modseq}
            if left:
                self._heard[mailbox] = left
            else:
                del self._heard[mailbox]

    def lines(self, names: Mapping[MailboxId | None, bytes]) -> bytes:
        """One METADATA response for each mailbox that is still there; afterwards nothing is left to tell."""
        heard, self._heard = self._heard, {}
        # RFC 5464 §4.4: "Unsolicited METADATA responses MUST only contain entry names, not the values."
        return b"".join(
            b"* METADATA %b %b\r\n" % (names[mailbox], entry_list(entries))
            for mailbox, entries in heard.items()
            if mailbox in names
        )

    def clear(self) -> None:
        """Nobody asks any more."""
        self._heard.clear()


def entry_list(entries: Iterable[str]) -> bytes:
    """RFC 5464 §5: entry-list"""
    return b" ".join(encode.astring(entry.encode("ascii")) for entry in sorted(entries))
