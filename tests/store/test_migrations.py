"""Schema steps: numbered, all or nothing, never backwards."""

from __future__ import annotations

import apsw
import pytest

from postil.ports.store import StoreUnavailable
from postil.store.migrations import STEPS, migrate, version_of
from postil.store.schema import is_whole


def _make(db: apsw.Connection) -> None:
    db.execute("CREATE TABLE first (x)")


def _break(db: apsw.Connection) -> None:
    db.execute("CREATE TABLE second (x)")
    raise RuntimeError("power cut")


def _tables(db: apsw.Connection) -> set[object]:
    return {name for (name,) in db.execute("SELECT name FROM sqlite_master")}


def test_a_new_database_takes_every_step() -> None:
    """An empty file ends at the newest version, and a second run does nothing."""
    db = apsw.Connection(":memory:")
    migrate(db)
    before = _tables(db)
    assert version_of(db) == len(STEPS)
    migrate(db)
    assert _tables(db) == before >= {"msg", "body", "mailbox", "queue", "rights", "annotation"}


def test_a_step_that_fails_leaves_nothing() -> None:
    """A step and its number are one transaction; the steps before stay."""
    db = apsw.Connection(":memory:")
    with pytest.raises(RuntimeError):
        migrate(db, (_make, _break))
    assert (version_of(db), _tables(db)) == (1, {"first"})


def test_a_newer_database_is_refused_untouched() -> None:
    """One sentence says which schema it is and which this program knows."""
    db = apsw.Connection(":memory:")
    migrate(db, (_make, _make_other))
    with pytest.raises(StoreUnavailable, match="schema 2, this one knows 1"):
        migrate(db, (_make,))
    assert version_of(db) == 2


def test_a_database_of_the_first_version_keeps_its_rows() -> None:
    """Rows made before there was a checksum have none, and are whole all the same."""
    db = apsw.Connection(":memory:")
    migrate(db, STEPS[:1])
    db.execute("INSERT INTO shape VALUES (1, 1, 'o', 't', 'm', 'p', x'41', x'42')")
    migrate(db)
    columns = "plain, envelope, bodystructure, object_id, thread, preview, crc"
    row = db.execute(f"SELECT {columns} FROM shape").fetchone()
    assert row == (1, b"A", b"B", "o", "t", "p", None)
    assert is_whole(row)


def _make_other(db: apsw.Connection) -> None:
    db.execute("CREATE TABLE other (x)")
