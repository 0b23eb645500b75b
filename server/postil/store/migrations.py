"""Numbered steps that bring an `index.db` of any older Postil to the schema of this one.

`PRAGMA user_version` says how many steps a database has taken. Each step and its number are one
transaction: after a crash in the middle the step simply runs again. A released step is never edited; a change of the schema is a new step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import apsw

from postil.ports.store import StoreUnavailable
from postil.store.schema import APPLICATION_ID, VERSION_1, VERSION_2, VERSION_3, VERSION_4


def _first(db: apsw.Connection) -> None:
    db.execute(VERSION_1)
    db.execute(f"PRAGMA application_id={APPLICATION_ID}")


def _second(db: apsw.Connection) -> None:
    db.execute(VERSION_2)


def _third(db: apsw.Connection) -> None:
    db.execute(VERSION_3)


def _fourth(db: apsw.Connection) -> None:
    db.execute(VERSION_4)


STEPS: Sequence[Callable[[apsw.Connection], None]] = (_first, _second, _third, _fourth)


def version_of(db: apsw.Connection) -> int:
    """How many steps the database has taken."""
    (version,) = db.execute("PRAGMA user_version").fetchone() or (0,)
    return int(version)


def migrate(
    db: apsw.Connection, steps: Sequence[Callable[[apsw.Connection], None]] = STEPS
) -> None:
    """Take the missing steps. StoreUnavailable when a newer Postil wrote the database."""
    version = version_of(db)
    if version > len(steps):
        raise StoreUnavailable(
            f"the mail index was written by a newer Postil (schema {version}, this one knows "
            f"{len(steps)}): start that version, or restore a backup made before the upgrade"
        )
    for number, step in enumerate(steps[version:], version + 1):
        db.execute("BEGIN IMMEDIATE")
        try:
            step(db)
            db.execute(f"PRAGMA user_version={number}")
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
