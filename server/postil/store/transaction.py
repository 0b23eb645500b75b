"""What an intent works with in the writer thread: the open transaction, the time, and what it tells the loop.

One `Transaction` lives as long as the writer's connection; `begin_intent` and `drop_intent` frame each request. The flag tables of recently
written mailboxes are kept, because naming a set is part of nearly every write; a table is dropped when an intent that touched it
is rolled back.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import apsw

from postil.ports.ids import AccountId, MailboxId, ModSeq, Uid
from postil.ports.store import LimitReached, NoSuchMailbox
from postil.store.database import Row, every, first, one
from postil.store.events import Event, ListChanged, SetsDefined
from postil.store.flagsets import FlagTable
from postil.store.limits import (
    FLAG_SETS_MAX,
    FLAG_TABLES_KEPT,
    KEYWORDS_PER_MAILBOX_MAX,
    OWNERS_KEPT,
)


@dataclass(frozen=True, slots=True)
class MailboxRow:
    """A mailbox as the writer sees it now."""

    id: MailboxId
    account: AccountId
    name: str
    uidvalidity: int
    uidnext: Uid
    highest_modseq: ModSeq
    messages: int
    deleted: int
    object_id: str
    recent_from: int
    recent: int


class Transaction:
    """The writer's connection and the state that goes with it."""

    def __init__(self, db: apsw.Connection, take_body: Callable[[], int]) -> None:
        self.db = db
        self.take_body = take_body  # a body id nobody had
        self.now = 0
        self.events: list[Event] = []
        self.added_live: Counter[int] = Counter()  # log segment -> octets that became live
        self._tables: OrderedDict[MailboxId, FlagTable] = OrderedDict()
        self._touched: set[MailboxId] = set()
        self._intent_live: Counter[int] = Counter()
        self._owners: dict[MailboxId, AccountId] = {}

    # --- framing

    def begin_intent(self) -> None:
        """What follows belongs to the next request."""
        self.events = []
        self._touched = set()
        self._intent_live = Counter()

    def keep_intent(self) -> list[Event]:
        """The request went well; what it tells."""
        self.added_live.update(self._intent_live)
        return self.events

    def drop_intent(self) -> None:
        """The request was rolled back: so are the sets it defined."""
        for mailbox in self._touched:
            self._tables.pop(mailbox, None)

    def drop_all(self) -> None:
        """The whole batch was rolled back."""
        self._tables.clear()
        self.added_live.clear()

    # --- statements

    def run(self, sql: str, bindings: Any = ()) -> None:
        """A statement without rows."""
        self.db.execute(sql, bindings)

    def one(self, sql: str, bindings: Any = ()) -> Row:
        return one(self.db, sql, bindings)

    def first(self, sql: str, bindings: Any = ()) -> Row | None:
        return first(self.db, sql, bindings)

    def every(self, sql: str, bindings: Any = ()) -> list[Row]:
        return every(self.db, sql, bindings)

    # --- what many intents need

    def mailbox(self, mailbox: MailboxId) -> MailboxRow:
        """NoSuchMailbox when it is not there any more."""
        row = self.first(
            "SELECT id, account, name, uidvalidity, uidnext, highest_modseq, messages, deleted, object_id,"
            " recent_from, recent FROM mailbox WHERE id=? AND doomed=0",
            (mailbox,),
        )
        if row is None:
            raise NoSuchMailbox("the mailbox does not exist any more")
        return MailboxRow(*row)

    def owner(self, mailbox: MailboxId) -> AccountId | None:
        """Whose mailbox it is or was; remembered, for ids are never used again and mailboxes never given away.

        For what is asked outside of a transaction, where each SELECT has to look at the whole state of the WAL first.
        """
        known = self._owners.get(mailbox)
        if known is None:
            row = self.first("SELECT account FROM mailbox WHERE id=?", (mailbox,))
            if row is None:
                return None
            if len(self._owners) >= OWNERS_KEPT:
                self._owners.clear()
            known = self._owners[mailbox] = AccountId(row[0])
        return known

    def named(self, account: AccountId, name: str) -> MailboxId:
        """The mailbox of that name. NoSuchMailbox."""
        row = self.first("SELECT id FROM mailbox WHERE account=? AND name=?", (account, name))
        if row is None:
            raise NoSuchMailbox(f"no mailbox {name}")
        return MailboxId(row[0])

    def tell(self, event: Event) -> None:
        """The loop shall hear of it once it is on disk."""
        self.events.append(event)

    def list_changed(self, account: AccountId) -> ModSeq:
        """The account's list changed: spend a modseq of the account and tell."""
        self.run("INSERT INTO account (id) VALUES (?) ON CONFLICT DO NOTHING", (account,))
        row = self.one("UPDATE account SET modseq=modseq+1 WHERE id=? RETURNING modseq", (account,))
        modseq = ModSeq(row[0])
        self.tell(ListChanged(account, modseq))
        return modseq

    def count_live(self, segment: int, octets: int) -> None:
        """Octets of a log segment are used from now on."""
        self._intent_live[segment] += octets

    # --- flags

    def flags(self, mailbox: MailboxId) -> FlagTable:
        """The sets of the mailbox."""
        table = self._tables.get(mailbox)
        if table is None:
            table = FlagTable()
            for number, names in self.every(
                "SELECT number, names FROM flagset WHERE mailbox=? ORDER BY number", (mailbox,)
            ):
                table.define(number, names.split())
            self._tables[mailbox] = table
            if len(self._tables) > FLAG_TABLES_KEPT:
                self._tables.popitem(last=False)
        else:
            self._tables.move_to_end(mailbox)
        return table

    def flag_set(self, mailbox: MailboxId, table: FlagTable, flags: Iterable[str]) -> int:
        """The number of a set, made and told if it is new. LimitReached."""
        flags = tuple(flags)
        number = table.find(flags)
        if number is not None:
            return number
        number = len(table)
        if number >= FLAG_SETS_MAX:
            raise LimitReached("the mailbox has too many different combinations of flags")
        self._touched.add(mailbox)
        table.define(number, flags)
        if len(table.keywords()) > KEYWORDS_PER_MAILBOX_MAX:
            raise LimitReached(
                f"a mailbox can have {KEYWORDS_PER_MAILBOX_MAX} different keywords, no more"
            )
        names = table.names(number)
        self.run(
            "INSERT INTO flagset (mailbox, number, names) VALUES (?,?,?)",
            (mailbox, number, " ".join(sorted(names))),
        )
        self.tell(SetsDefined(mailbox, ((number, names),)))
        return number
