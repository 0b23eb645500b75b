"""The control database: its tables, and the numbered steps that lead there from any older version.

Each step runs in a transaction of its own together with the new version number, so that a crash leaves the old or the new
one, never half. A database newer than the program is refused.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import sqlite3
import stat
from pathlib import Path

import aiosqlite

_FIRST = """
CREATE TABLE account (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never reused: mail of a removed account must not come back
    name TEXT NOT NULL,                    -- login name as spelled
    key TEXT NOT NULL UNIQUE,              -- as compared
    display_name TEXT NOT NULL DEFAULT '',
    password TEXT,                         -- Argon2id in PHC form; NULL: no password works
    quota INTEGER CHECK (quota >= 0),      -- octets; NULL: none
    disabled TEXT,                         -- the reason; NULL: enabled
    created INTEGER NOT NULL
) STRICT;
CREATE TABLE address (
    key TEXT NOT NULL,                     -- local part as compared
    domain TEXT NOT NULL,                  -- A-labels, lower case
    local TEXT NOT NULL,                   -- local part as spelled, unquoted
    account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    mailbox TEXT NOT NULL DEFAULT 'INBOX',
    PRIMARY KEY (domain, key)
) STRICT;
CREATE INDEX address_account ON address (account);
CREATE TABLE switched_off (
    account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    capability TEXT NOT NULL,              -- upper case
    PRIMARY KEY (account, capability)
) STRICT;
CREATE TABLE removed (
    account INTEGER PRIMARY KEY            -- whose mail the server has still to erase
) STRICT;
"""

_SECOND = """
-- Keys for SCRAM (RFC 5802). One salt an account: passwords for single programs are found by trying each one's keys.
ALTER TABLE account ADD COLUMN salt BLOB;          -- NULL: no keys yet
ALTER TABLE account ADD COLUMN iterations INTEGER;
ALTER TABLE account ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;  -- counted up when sessions must end
CREATE TABLE app_password (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    label TEXT NOT NULL,                   -- what the person calls the program
    digest BLOB NOT NULL UNIQUE,           -- keyed: made by us, so long that no slow hash is needed
    protocols TEXT NOT NULL,               -- words with a blank between
    created INTEGER NOT NULL,
    UNIQUE (account, label)
) STRICT;
CREATE TABLE scram_key (
    account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    app_password INTEGER REFERENCES app_password ON DELETE CASCADE,  -- NULL: the account's own password
    hash TEXT NOT NULL,
    stored BLOB NOT NULL,
    server BLOB NOT NULL
) STRICT;
CREATE INDEX scram_key_account ON scram_key (account, hash);
CREATE INDEX scram_key_app ON scram_key (app_password);
CREATE TABLE secret (
    name TEXT PRIMARY KEY,                 -- what it is for
    value BLOB NOT NULL
) STRICT;
"""

_THIRD = """
-- RFC 9208: more that an account may be limited in; NULL: no limit.
ALTER TABLE account ADD COLUMN quota_messages INTEGER CHECK (quota_messages >= 0);
ALTER TABLE account ADD COLUMN quota_mailboxes INTEGER CHECK (quota_mailboxes >= 0);
ALTER TABLE account ADD COLUMN shows_free_space INTEGER NOT NULL DEFAULT 0;
"""

_FOURTH = """
ALTER TABLE account ADD COLUMN marks_important INTEGER NOT NULL DEFAULT 1;  -- RFC 8457: mail may arrive with $Important
"""

_PEOPLE = """
-- What being disabled means, until when (NULL: until it is enabled), and what becomes of mail meanwhile.
ALTER TABLE account ADD COLUMN disabled_until INTEGER;
ALTER TABLE account ADD COLUMN disabled_mail TEXT NOT NULL DEFAULT 'refuse' CHECK (disabled_mail IN ('accept', 'later', 'refuse'));
CREATE TABLE alias (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('alias', 'list')),
    posts TEXT NOT NULL DEFAULT 'anyone' CHECK (posts IN ('anyone', 'members', 'named')),  -- lists: who may write to it
    sees TEXT NOT NULL DEFAULT 'nobody' CHECK (sees IN ('nobody', 'members', 'accounts')), -- lists: who is told the members
    owner INTEGER REFERENCES address ON DELETE SET NULL,  -- lists: who hears of failures; NULL: postmaster
    members_send INTEGER NOT NULL DEFAULT 0,              -- may members use the address as sender
    created INTEGER NOT NULL
) STRICT;
-- All addresses in one table, so that one address cannot lead to two places.
CREATE TABLE every_address (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL,                     -- local part as compared: accounts.names.address_key
    domain TEXT NOT NULL,                  -- A-labels, lower case
    local TEXT NOT NULL,                   -- local part as spelled, unquoted
    account INTEGER REFERENCES account ON DELETE CASCADE,
    alias INTEGER UNIQUE REFERENCES alias ON DELETE CASCADE,
    mailbox TEXT NOT NULL DEFAULT 'INBOX',
    UNIQUE (domain, key),
    CHECK ((account IS NULL) <> (alias IS NULL))
) STRICT;
INSERT INTO every_address (key, domain, local, account, mailbox) SELECT key, domain, local, account, mailbox FROM address;
DROP TABLE address;
ALTER TABLE every_address RENAME TO address;
CREATE INDEX address_account ON address (account);
CREATE INDEX alias_owner ON alias (owner);
CREATE TABLE member (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- members are kept in the order in which they came
    alias INTEGER NOT NULL REFERENCES alias ON DELETE CASCADE,
    account INTEGER REFERENCES account ON DELETE CASCADE,
    address INTEGER REFERENCES address ON DELETE CASCADE,
    UNIQUE (alias, account),
    UNIQUE (alias, address),
    CHECK ((account IS NULL) <> (address IS NULL))
) STRICT;
CREATE INDEX member_account ON member (account);
CREATE INDEX member_address ON member (address);
CREATE TABLE poster (                      -- who may write to a list that names them; here or elsewhere
    alias INTEGER NOT NULL REFERENCES alias ON DELETE CASCADE,
    key TEXT NOT NULL,                     -- without case, whatever the rule of the domain
    domain TEXT NOT NULL,
    local TEXT NOT NULL,
    PRIMARY KEY (alias, domain, key)
) STRICT;
CREATE TABLE domain_rule (                 -- a domain without a row has the values that stand here as defaults
    domain TEXT PRIMARY KEY,
    separators TEXT NOT NULL DEFAULT '+',  -- each character is one
    case_sensitive INTEGER NOT NULL DEFAULT 0,
    tag_mailboxes INTEGER NOT NULL DEFAULT 0,
    catch_all_account INTEGER REFERENCES account ON DELETE SET NULL,
    catch_all_address INTEGER REFERENCES address ON DELETE SET NULL,
    CHECK (catch_all_account IS NULL OR catch_all_address IS NULL)
) STRICT;
CREATE INDEX domain_rule_account ON domain_rule (catch_all_account);
CREATE INDEX domain_rule_address ON domain_rule (catch_all_address);
CREATE TABLE role (
    account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    role TEXT NOT NULL CHECK (role IN ('admin', 'domain admin', 'auditor')),
    domain TEXT NOT NULL DEFAULT '',       -- A-labels; of a domain admin only
    PRIMARY KEY (account, role, domain),
    CHECK ((role = 'domain admin') = (domain <> ''))
) STRICT;
CREATE TABLE audit (                       -- outlives what it tells of, so nothing here refers to another table
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,                   -- login name, or the machine's owner
    account INTEGER,                       -- NULL: the machine's owner
    action TEXT NOT NULL,
    kind TEXT NOT NULL,
    object TEXT NOT NULL,
    domains TEXT NOT NULL,                 -- whose admins may read the row, with a blank between
    before TEXT,                           -- JSON; NULL: was not there
    after TEXT                             -- JSON; NULL: is no more
) STRICT;
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_object ON audit (object);
"""

_LOGINS = """
ALTER TABLE account ADD COLUMN password_epoch INTEGER NOT NULL DEFAULT 0;  -- counted up when the sessions it opened must end
CREATE TABLE tls_key (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never reused: a session holds it
    account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    label TEXT NOT NULL,
    digest TEXT NOT NULL UNIQUE,           -- SHA-256 of the SubjectPublicKeyInfo in hex: a key is one account's
    protocols TEXT NOT NULL,               -- words with a blank between
    created INTEGER NOT NULL,
    last_used INTEGER,                     -- to within some minutes; NULL: never
    UNIQUE (account, label)
) STRICT;
CREATE TABLE cram_key (                    -- passwords for programs that can do nothing but CRAM-MD5
    app_password INTEGER PRIMARY KEY REFERENCES app_password ON DELETE CASCADE,
    contexts BLOB NOT NULL                 -- sealed
) STRICT;
CREATE TABLE totp (
    account INTEGER PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    secret BLOB NOT NULL,                  -- sealed
    created INTEGER NOT NULL,
    confirmed INTEGER,                     -- NULL: the person has not yet typed a code of it, and it does not count
    last_step INTEGER NOT NULL,            -- of the last code that was right
    failures INTEGER NOT NULL DEFAULT 0,   -- wrong codes since then
    not_before INTEGER NOT NULL DEFAULT 0  -- no code is looked at earlier
) STRICT;
CREATE TABLE recovery_code (
    account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    digest BLOB NOT NULL,                  -- keyed
    PRIMARY KEY (account, digest)
) STRICT;
CREATE TABLE passkey (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    label TEXT NOT NULL,
    credential BLOB NOT NULL UNIQUE,       -- credential ID
    public_key BLOB NOT NULL,              -- COSE_Key
    sign_count INTEGER NOT NULL,
    transports TEXT NOT NULL,              -- words with a blank between
    created INTEGER NOT NULL,
    last_used INTEGER,
    UNIQUE (account, label)
) STRICT;
"""

STEPS = (_FIRST, _SECOND, _THIRD, _FOURTH, _PEOPLE, _LOGINS)
VERSION = len(STEPS)


class TooNew(Exception):
    """The database was written by a newer Postil."""


async def open_database(path: Path) -> aiosqlite.Connection:
    """Open, create or migrate the control database; durable writes, foreign keys on."""
    _private(path)
    connection = await aiosqlite.connect(path, isolation_level=None)
    try:
        await connection.execute("PRAGMA busy_timeout = 10000")
        await connection.execute("PRAGMA journal_mode = WAL")
        await connection.execute("PRAGMA synchronous = FULL")
        await connection.execute("PRAGMA foreign_keys = ON")
        await _migrate(connection, path)
    except BaseException:
        await connection.close()
        raise
    return connection


def _private(path: Path) -> None:
    """The file is there, and others cannot read it, wherever it lies: it holds hashes of passwords and the secrets of the server.

    SQLite gives its companions the same mode and owner. What root makes belongs to whoever owns the folder.
    """
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & stat.S_IRWXO:
            with contextlib.suppress(PermissionError):  # somebody else's
                path.chmod(mode & ~stat.S_IRWXO)
        # What SQLite would refuse is refused here: aiosqlite's thread adds a traceback to it.
        if not path.is_file() or not os.access(path, os.R_OK):
            what = os.strerror(errno.EACCES) if path.is_file() else "it is no file"
            raise sqlite3.OperationalError(f"{path} cannot be read: {what}") from None
        return
    except OSError as error:
        raise sqlite3.OperationalError(f"{path} cannot be made: {error.strerror}") from error
    folder = path.parent.stat()
    with contextlib.suppress(PermissionError):
        if os.fstat(fd).st_uid != folder.st_uid:
            os.fchown(fd, folder.st_uid, folder.st_gid)
    os.close(fd)


async def secret(connection: aiosqlite.Connection, name: str) -> bytes:
    """The server's own secret of that name, made at first use; it stays as long as the database."""
    await connection.execute(
        "INSERT OR IGNORE INTO secret (name, value) VALUES (?, ?)", (name, secrets.token_bytes(32))
    )
    rows = await connection.execute_fetchall("SELECT value FROM secret WHERE name = ?", (name,))
    return bytes(next(iter(rows))[0])


async def _version(connection: aiosqlite.Connection) -> int:
    rows = await connection.execute_fetchall("PRAGMA user_version")
    return int(next(iter(rows))[0])


async def _migrate(connection: aiosqlite.Connection, path: Path) -> None:
    version = await _version(connection)
    if version > VERSION:
        raise TooNew(
            f"{path} is of version {version}, written by a newer Postil; this one knows up to {VERSION}."
            " Use the newer program."
        )
    if version == VERSION:
        return
    await connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have migrated while we waited for the lock.
        for number in range(await _version(connection), VERSION):
            for statement in _statements(STEPS[number]):
                await connection.execute(statement)
            await connection.execute(f"PRAGMA user_version = {number + 1}")
        await connection.execute("COMMIT")
    except BaseException:
        await undo(connection)
        raise


async def undo(connection: aiosqlite.Connection) -> None:
    """The end of a transaction that failed, which SQLite may have ended itself: a full disk is such a case."""
    if connection.in_transaction:
        await connection.execute("ROLLBACK")


def _statements(script: str) -> list[str]:
    # executescript() would commit first and so leave the transaction.
    bare = "\n".join(line.partition("--")[0] for line in script.splitlines())
    return [statement for statement in bare.split(";") if statement.strip()]
