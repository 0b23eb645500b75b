"""`search.db`: folded texts, and which messages hold which three characters.

SQLite FTS5 with the trigram tokenizer, `detail=none`: it answers "in which messages do these three characters occur", a superset of
where the needle is. The texts beside it are what candidates are compared with, in C and without Python's lock. Everything here can be made
again from the bodies, so the file is thrown away when its version or the Unicode tables are not ours, and a lost tail
of writes only means that some messages are indexed again.
"""

from __future__ import annotations

import unicodedata
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from postil.ports.ids import AccountId
from postil.store.limits import SEARCH_TRIGRAMS_MAX
from postil.store.search.fold import SEPARATOR

VERSION = f"2 {unicodedata.unidata_version}"
"""Changes whenever the texts would come out differently."""

_SCHEMA = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY) WITHOUT ROWID, STRICT;
CREATE TABLE text (
  body INTEGER PRIMARY KEY,
  account TEXT NOT NULL,                    -- as `account_mark` writes it
  "from" TEXT, "to" TEXT, cc TEXT, bcc TEXT, subject TEXT,  -- values of these fields, NULL when there is none
  header TEXT NOT NULL, content TEXT NOT NULL
) STRICT;
CREATE VIRTUAL TABLE gram USING fts5(
  t, content='', contentless_delete=1, detail=none, tokenize='trigram case_sensitive 1'
);
INSERT INTO meta VALUES ('version', '{VERSION}'), ('mark', 0);
"""

FIELDS = ("from", "to", "cc", "bcc", "subject")
"""Header fields with a column of their own: what people search in."""


_PRIVATE = 0xF0000  # plane 15, for private use: the last two of its 65,536 are no characters
_DIGITS = 65_534


@dataclass(frozen=True, slots=True)
class Texts:
    """The folded texts of a message."""

    body: int
    account: AccountId
    fields: tuple[str | None, ...]  # as FIELDS, values joined with SEPARATOR
    header: str
    content: str

    @property
    def characters(self) -> int:
        return len(self.header) + len(self.content)


def connect(path: Path) -> apsw.Connection:
    """Open `search.db`, made new when it is missing or not ours."""
    try:
        db = _open(path)
        row = db.execute("SELECT value FROM meta WHERE key='version'").fetchone()
        if row is not None and row[0] == VERSION:
            return db
        db.close()
    except apsw.Error:
        pass
    remove(path)
    db = _open(path)
    with db:
        db.execute(_SCHEMA)
    return db


def connect_reader(path: Path) -> apsw.Connection:
    """A second connection that only reads."""
    db = _open(path)
    db.execute("PRAGMA query_only=ON")
    return db


def remove(path: Path) -> None:
    """Throw the index away."""
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def _open(path: Path) -> apsw.Connection:
    db = apsw.Connection(str(path))
    db.set_busy_timeout(10_000)
    db.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA temp_store=MEMORY")
    # What leaves the index leaves the file: mail that was erased must not linger here.
    db.execute(
        "PRAGMA secure_delete=ON; PRAGMA cache_size=-8000; PRAGMA journal_size_limit=16777216"
    )
    # Copying back syncs twice, and what is copied every 4 MiB is mostly the same pages again.
    db.execute("PRAGMA wal_autocheckpoint=4000")
    return db


def mark(db: apsw.Connection) -> int:
    """All bodies up to this id are indexed."""
    return int(str(_value(db, "SELECT value FROM meta WHERE key='mark'")))


def add(db: apsw.Connection, texts: Sequence[Texts], upto: int) -> None:
    """Index messages and raise the mark, in one transaction."""
    with db:
        before = mark(db)
        db.executemany(
            "INSERT OR REPLACE INTO text VALUES (?,?,?,?,?,?,?,?,?)",
            (
                (one.body, account_mark(one.account), *one.fields, one.header, one.content)
                for one in texts
            ),
        )
        db.execute(
            "INSERT INTO gram (rowid, t) SELECT body, account || header || ? || content FROM text"
            " WHERE body > ? AND body <= ?",
            (SEPARATOR, before, upto),
        )
        db.execute("UPDATE meta SET value=? WHERE key='mark'", (upto,))


def drop(db: apsw.Connection, bodies: Sequence[int]) -> None:
    """Forget messages."""
    ids = array("q", bodies)
    if not ids:
        return
    with db:
        for table, column in (("gram", "rowid"), ("text", "body")):
            db.execute(
                f"DELETE FROM {table} WHERE {column} IN (SELECT value FROM carray(?))",
                (apsw.carray(ids),),
            )


def indexed(db: apsw.Connection, first: int, last: int) -> list[int]:
    """Which bodies have texts here."""
    rows = db.execute("SELECT body FROM text WHERE body BETWEEN ? AND ?", (first, last))
    return [body for (body,) in rows]


def account_mark(account: AccountId) -> str:
    """Three private characters: the one trigram that all messages of an account share and no others.

    With it a search costs what the account holds, not what everybody on the machine does.
    """
    high, low = divmod(account, _DIGITS)
    top, high = divmod(high, _DIGITS)
    return "".join(chr(_PRIVATE + digit) for digit in (top % _DIGITS, high, low))


def candidates(db: apsw.Connection, account: AccountId, needle: str, first: int, last: int) -> str:
    """Bodies that hold all trigrams of the needle, numbers apart by commas."""
    grams = list(dict.fromkeys(needle[at : at + 3] for at in range(len(needle) - 2)))
    # Spread over the needle: neighbours say nearly the same.
    step = -(-len(grams) // SEARCH_TRIGRAMS_MAX)
    quoted = (
        '"' + gram.replace('"', '""') + '"' for gram in (account_mark(account), *grams[::step])
    )
    found = _value(
        db,
        "SELECT group_concat(rowid) FROM gram WHERE gram MATCH ? AND rowid BETWEEN ? AND ?",
        (" AND ".join(quoted), first, last),
    )
    return str(found or "")


def holding(db: apsw.Connection, bodies: array[int], columns: Sequence[str], needle: str) -> str:
    """Those of the bodies with the needle in one of the columns; an empty needle asks for a value."""
    if needle:
        test = " OR ".join(f'instr(t."{column}", ?2) > 0' for column in columns)
    else:
        test = " OR ".join(f't."{column}" IS NOT NULL' for column in columns)
    found = _value(
        db,
        "SELECT group_concat(t.body) FROM carray(?1) AS c CROSS JOIN text AS t ON t.body=c.value"
        f" WHERE ({test}) AND ?2 IS NOT NULL",
        (apsw.carray(bodies), needle),
    )
    return str(found or "")


def _value(db: apsw.Connection, sql: str, bindings: tuple[Any, ...] = ()) -> object:
    """The only value of a query that has one row; the statement is finished when this returns."""
    return db.execute(sql, bindings).fetchall()[0][0]
