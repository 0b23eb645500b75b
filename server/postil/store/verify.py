"""`postil verify DIR`: does a shard keep every promise that can be checked from its files?

RFC 9051 §2.3.1.1 (uids below uidnext), RFC 7162 §3.1.1 (modseqs below the highest), RFC 9208 (usage). Read only: the shard may be in use, then
one snapshot of the index is looked at, and what changes under it meanwhile (a body that was moved) is looked up again.

Each check is a question to SQL whose rows are the violations; bodies are read and compared with their checksums. It repairs nothing.
"""

from __future__ import annotations

import fcntl
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import apsw

from postil.store.limits import BLOCK_OCTETS, READ_MAX
from postil.store.migrations import STEPS, version_of
from postil.store.schema import APPLICATION_ID
from postil.store.segments import HEADER, MAGIC, segment_path
from postil.store.snapshots import unpack
from postil.store.verify_index import CHECKS


@dataclass(frozen=True, slots=True)
class Finding:
    """One promise that is not kept, and where."""

    check: str  # a short name of the promise
    where: str  # mailbox, uid or file
    what: str  # what was found

    def __str__(self) -> str:
        return f"{self.where}: {self.what} [{self.check}]"


def verify(folder: Path, *, bodies: bool = True) -> list[Finding]:
    """All findings of a shard's folder; `bodies=False` leaves out reading every message."""
    index = folder / "index.db"
    if not index.is_file():
        return [Finding("index", "index.db", "there is no mail index in this folder")]
    resting = not _in_use(folder)
    found = _verify(folder, index, bodies)
    # A server that started meanwhile wrote into files that were read as if nobody did.
    return _verify(folder, index, bodies) if resting and _in_use(folder) else found


def _verify(folder: Path, index: Path, bodies: bool) -> list[Finding]:
    findings: list[Finding] = []
    try:
        db = _open(index)
        try:
            db.set_busy_timeout(10_000)
            db.execute("PRAGMA query_only=ON")
            db.execute("BEGIN")
            findings.extend(_index(db, folder, bodies))
        finally:
            db.close()
    except (apsw.Error, ValueError, TypeError, AttributeError) as error:
        # The last three: a flipped bit made a value one of a kind that nobody ever wrote.
        findings.append(Finding("index", "index.db", f"cannot be read: {error}"))
    return findings


def _open(path: Path) -> apsw.Connection:
    """A connection that changes nothing, and leaves nothing beside a database that nobody uses.

    SQLite makes a `-shm` for every reader of a WAL database; on a disk that cannot be written that fails. Without
    a server and without a log the file alone is all there is.
    """
    log = path.with_name(f"{path.name}-wal")
    if _in_use(path.parent) or (log.is_file() and log.stat().st_size):
        return apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    return apsw.Connection(f"{path.absolute().as_uri()}?immutable=1", flags=flags)


def _index(db: apsw.Connection, folder: Path, bodies: bool) -> Iterator[Finding]:
    version = version_of(db)
    (identity,) = _rows(db, "PRAGMA application_id")[0]
    if identity != APPLICATION_ID or not 0 < version <= len(STEPS):
        yield Finding("schema", "index.db", f"not a mail index this program knows ({version})")
        return
    for (line,) in _rows(db, "PRAGMA quick_check(20)"):
        if line != "ok":
            yield Finding("pages", "index.db", str(line))
    for check in CHECKS:
        for where, what in _rows(db, check.sql):
            yield Finding(check.name, str(where), str(what))
    yield from _flag_sets(db)
    yield from _snapshots(db)
    if version > 1:
        yield from _shapes(db)
    yield from _segments(db, folder / "segments")
    if bodies:
        yield from _bodies(db, folder)
    yield from _search(db, folder / "search.db")


def _rows(db: apsw.Connection, sql: str, bindings: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    return db.execute(sql, tuple(bindings)).fetchall()


def _flag_sets(db: apsw.Connection) -> Iterator[Finding]:
    """Set 0 is empty, no set occurs twice, names are well formed."""
    seen: dict[tuple[int, frozenset[str]], int] = {}
    for mailbox, number, names in _rows(db, "SELECT mailbox, number, names FROM flagset"):
        where = f"mailbox {mailbox} flag set {number}"
        split = names.split()
        folded = frozenset(name.lower() for name in split)
        if " ".join(split) != names or len(folded) != len(split) or "\\recent" in folded:
            yield Finding("flag sets", where, f"malformed: {names!r}")
        if not folded or number < 1:
            yield Finding("flag sets", where, "only set 0 is empty, and it has no row")
        other = seen.setdefault((mailbox, folded), number)
        if other != number:
            yield Finding("flag sets", where, f"the same set as {other}")


def _snapshots(db: apsw.Connection) -> Iterator[Finding]:
    """A packed mailbox and what changed since are the rows of the mailbox."""
    for mailbox, name, taken in _rows(
        db, "SELECT id, name, snapshot_modseq FROM mailbox WHERE doomed=0 AND snapshot_modseq>0"
    ):
        where = f"mailbox {mailbox} ({name})"
        chunks = _rows(db, "SELECT data FROM snapshot WHERE mailbox=? ORDER BY chunk", (mailbox,))
        try:
            packed = unpack([data for (data,) in chunks])
        except ValueError as error:
            yield Finding("snapshots", where, str(error))
            continue
        old = {row[0]: row for row in zip(*packed, strict=True)}
        rows = _rows(
            db,
            "SELECT uid, flags, modseq, size, date, save_date, body FROM msg WHERE mailbox=?",
            (mailbox,),
        )
        for row in rows:
            # The body is compared too: it names the octets a session would be given.
            if old.pop(row[0], None) != row and row[2] <= taken:
                yield Finding("snapshots", f"{where} uid {row[0]}", "is not as its snapshot says")
        later = "SELECT uid FROM gone WHERE mailbox=? AND modseq>?"
        expunged = {uid for (uid,) in _rows(db, later, (mailbox, taken))}
        for uid in old.keys() - expunged:
            yield Finding("snapshots", f"{where} uid {uid}", "is gone, but not for its snapshot")


def _shapes(db: apsw.Connection) -> Iterator[Finding]:
    """What clients are shown of a message is what was made of it."""
    broken = {
        body: "its envelope, structure, preview or ids fail their checksum"
        for body, plain, *octets, crc in db.execute(
            "SELECT body, plain, envelope, bodystructure, CAST(object_id AS BLOB), CAST(thread AS BLOB),"
            " CAST(preview AS BLOB), crc FROM shape WHERE crc IS NOT NULL"
        )
        if crc32(b"%d%b" % (plain, b"".join(octets))) != crc
    }
    if broken:
        yield from _who(db, broken)


def _segments(db: apsw.Connection, folder: Path) -> Iterator[Finding]:
    """Every row has its file, every file its row; sizes are at least what the index says."""
    known = set()
    for number, size in _rows(db, "SELECT number, size FROM segment"):
        known.add(number)
        path = segment_path(folder, number)
        used = _rows(
            db, "SELECT max(offset + length) FROM body WHERE segment=? AND refs>0", (number,)
        )[0][0]
        if not path.is_file():
            if used is not None:
                yield Finding("segments", f"segment {number}", "the file is missing")
        elif path.stat().st_size < max(size, used or 0):
            found = path.stat().st_size
            yield Finding("segments", f"segment {number}", f"{found} octets instead of {size}")
    last = _rows(db, "SELECT value FROM meta WHERE key='segment_numbers'")
    limit = last[0][0] if last else 0
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        number = int(path.name) if path.name.isdigit() and len(path.name) == 10 else None
        if number is None or number >= limit:
            yield Finding("orphans", f"segments/{path.name}", "not a segment of this shard")
        elif number not in known and not _in_use(folder.parent):
            # While a server runs, files of messages that are just arriving have no row yet.
            yield Finding(
                "orphans", f"segments/{path.name}", "no message is in it; the next start removes it"
            )


def _in_use(folder: Path) -> bool:
    """Whether a server has the shard open."""
    try:
        with (folder / "lock").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


_RECORDS = (
    "SELECT b.id, b.segment, b.offset, b.length, b.crc, b.header_size, b.header_crc, b.prefix, b.account,"
    " s.kind, s.blocks FROM body AS b JOIN segment AS s ON s.number=b.segment"
)


def _moved(folder: Path, record: _Record) -> bool:
    """Whether a server that runs has moved or dropped the body since we began, and it is well now."""
    db = apsw.Connection(str(folder / "index.db"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        rows = _rows(db, f"{_RECORDS} WHERE b.id=?", (record.body,))
    finally:
        db.close()
    if not rows:
        return True
    now = _Record(*rows[0])
    if (now.segment, now.offset) == (record.segment, record.offset):
        return False
    path = segment_path(folder / "segments", now.segment)
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return now.fault(file) is None


def _bodies(db: apsw.Connection, folder: Path) -> Iterator[Finding]:
    """Each message's octets are those that were stored."""
    broken: dict[int, str] = {}
    number, file = -1, None
    try:
        for row in db.execute(f"{_RECORDS} WHERE b.refs>0 ORDER BY b.segment, b.offset"):
            record = _Record(*row)
            if record.segment != number:
                if file is not None:
                    file.close()
                number, file = record.segment, None
                path = segment_path(folder / "segments", number)
                file = path.open("rb") if path.is_file() else None
            fault = "its file is missing" if file is None else record.fault(file)
            if fault and not _moved(folder, record):
                broken[record.body] = f"{fault} (segment {number}, offset {record.offset})"
    finally:
        if file is not None:
            file.close()
    if broken:
        yield from _who(db, broken)


def _who(db: apsw.Connection, broken: dict[int, str]) -> Iterator[Finding]:
    """The messages that use broken bodies."""
    named = set()
    for name, mailbox, uid, body in _rows(
        db,
        "SELECT b.name, m.mailbox, m.uid, m.body FROM msg AS m LEFT JOIN mailbox AS b ON b.id=m.mailbox",
    ):
        if body in broken:
            named.add(body)
            yield Finding("bodies", f"mailbox {mailbox} ({name}) uid {uid}", broken[body])
    for body, fault in broken.items():
        if body not in named:
            yield Finding("bodies", f"body {body}", fault)


@dataclass(frozen=True, slots=True)
class _Record:
    """A body row, to be compared with its file."""

    body: int
    segment: int
    offset: int
    length: int
    crc: int
    header_size: int
    header_crc: int
    prefix: bytes | None
    account: int
    kind: int
    blocks: bytes | None

    def fault(self, file: Any) -> str | None:
        """What is wrong with it."""
        if self.kind == 0:
            file.seek(self.offset - HEADER.size)
            head = file.read(HEADER.size)
            if len(head) != HEADER.size:
                return "the record is behind the end of the file"
            magic, length, crc, _, body, account = HEADER.unpack(head)
            # A copy for another account shares the record, which names the body and the owner it was made for.
            own = body != self.body or account == self.account
            if (magic, length, crc, own) != (MAGIC, self.length, self.crc, True):
                return "the record's header is not that of this message"
        file.seek(self.offset)
        left = self.length
        whole = 0
        blocks: list[int] = []
        head_left = self.header_size - len(self.prefix or b"")
        header = crc32((self.prefix or b"")[: self.header_size])
        step = READ_MAX - READ_MAX % BLOCK_OCTETS
        while left:
            octets = file.read(min(step, left))
            if not octets:
                return "the message is shorter on disk than when it was stored"
            left -= len(octets)
            whole = crc32(octets, whole)
            if head_left > 0:
                header = crc32(octets[:head_left], header)
                head_left -= len(octets)
            blocks.extend(
                crc32(octets[at : at + BLOCK_OCTETS]) for at in range(0, len(octets), BLOCK_OCTETS)
            )
        if whole != self.crc:
            return "the octets fail their checksum"
        if header != self.header_crc:
            return "the header fails its checksum"
        if self.kind == 1 and self.blocks != struct.pack(f"<{len(blocks)}I", *blocks):
            return "the checksums of its blocks are wrong"
        return None


def _search(db: apsw.Connection, path: Path) -> Iterator[Finding]:
    """search.db has the text of every living body up to its mark, and is not ahead of the mail."""
    if not path.is_file():
        return
    where = "search.db"
    try:
        own = _open(path)
        try:
            own.execute("PRAGMA query_only=ON")
            mark = int(_rows(own, "SELECT value FROM meta WHERE key='mark'")[0][0])
            held = [body for (body,) in _rows(own, "SELECT body FROM text ORDER BY body")]
            grams = _rows(own, "SELECT count(*) FROM gram_docsize")[0][0]
        finally:
            own.close()
    except (apsw.Error, IndexError, ValueError) as error:
        yield Finding("search", where, f"cannot be read (delete it, it is made again): {error}")
        return
    newest = _rows(db, "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name='body'")
    last = newest[0][0] if newest else 0
    if mark > last:
        yield Finding("search", where, f"indexed up to body {mark}, but the last one is {last}")
    if held and held[-1] > mark:
        yield Finding("search", where, f"holds body {held[-1]}, but is indexed up to {mark}")
    if grams != len(held):
        yield Finding(
            "search", where, f"{grams} messages in the index, {len(held)} texts beside it"
        )
    # A text whose body is gone is no fault: it goes when the index is opened next, and cannot be found.
    living = _rows(db, "SELECT id FROM body WHERE refs>0 AND id<=?", (mark,))
    for body in sorted({body for (body,) in living}.difference(held)):
        yield Finding("search", where, f"lacks the text of body {body}")
