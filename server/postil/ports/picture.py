"""A mailbox in memory as sessions read it: parallel arrays by position, and a view that pins them.

Why arrays and not rows: FETCH FLAGS, SEARCH on flags, sizes and dates, and sequence numbers over
100,000 messages must not touch a database (RFC 9051 §6.4.5, §6.4.4); a table of flag-set strings
and one join formats 3 million lines a second.

Theory of operation. A mailbox has one or more live *generations*. In a generation a message has
a fixed position; new messages are appended to every generation; flags and modseqs change in place; an
expunged message stays where it is and is marked dead (`dead` counts them). A session holds a *view* on
one generation. It tells its client new arrivals by comparing the length with what it told, and expunges by reading
`dead_positions()`; once told, it calls `advance()` and stands on a generation without those dead.
Everything changes only in the event loop, in commit order, before the OK of the change is sent: between two
awaits a session sees one state.

Nothing here is durable; the store rebuilds it.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Protocol

from postil.ports.ids import MailboxId, ModSeq, Uid


class FlagSets(Protocol):
    """The sets of flags that occur in one mailbox, numbered from 0 (the empty set).

    Ids are stable while the mailbox is loaded. Flag names are compared without case and kept as
    first spelled; system flags have their RFC spelling (`\\Seen`). `\\Recent` is never in a set.
    """

    def names(self, number: int) -> frozenset[str]:
        """The flags of a set."""
        ...

    def text(self, number: int) -> str:
        """The set as FETCH shows it, without parentheses: `\\Seen $Forwarded`."""
        ...

    def matching(self, flag: str) -> bytes:
        """A byte per set id: 1 where the set holds `flag` (any case), else 0."""
        ...

    def __len__(self) -> int: ...


class Generation(Protocol):
    """Parallel arrays; index = position = sequence number - 1 when nothing is dead or untold.

    Read only for everyone but the store. `uids` ascends strictly.
    """

    @property
    def uids(self) -> array[int]:  # 'I'
        ...

    @property
    def flags(self) -> array[int]:  # 'H': flag set ids
        ...

    @property
    def modseqs(self) -> array[int]:  # 'Q'
        ...

    @property
    def sizes(self) -> array[int]:  # 'Q': RFC822.SIZE in octets
        ...

    @property
    def dates(self) -> array[int]:  # 'q': INTERNALDATE in seconds since the epoch
        ...

    @property
    def save_dates(self) -> array[int]:  # 'q': seconds since the epoch, RFC 8514
        ...

    @property
    def dead(self) -> int:
        """How many positions are expunged."""
        ...

    def dead_positions(self) -> Sequence[int]:
        """Expunged positions, ascending."""
        ...

    def position(self, uid: Uid) -> int | None:
        """Where the message is, alive or dead; None if it never was here."""
        ...


class View(Protocol):
    """One session's hold on a mailbox; bodies it can see stay readable until `close`."""

    @property
    def mailbox(self) -> MailboxId: ...

    @property
    def generation(self) -> Generation: ...

    @property
    def flagsets(self) -> FlagSets: ...

    @property
    def uidvalidity(self) -> int: ...

    @property
    def uidnext(self) -> Uid:
        """Live: what the next message would get."""
        ...

    @property
    def highest_modseq(self) -> ModSeq:
        """Live: the highest modseq ever given in this mailbox."""
        ...

    @property
    def deleted(self) -> bool:
        """Live: the mailbox itself has been deleted under the session's feet."""
        ...

    def changed_since(self, modseq: ModSeq) -> Sequence[int]:
        """Positions of messages (alive) whose modseq is above `modseq`, ascending."""
        ...

    def advance(self) -> None:
        """Stand on a generation without dead; positions shift, `generation` is another object."""
        ...

    def close(self) -> None:
        """Let go; idempotent."""
        ...
