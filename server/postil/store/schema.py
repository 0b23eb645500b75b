"""The tables of a shard's `index.db`, whole from the first version.

RFC 9051 §2.3 (uid, flags, dates, size), RFC 7162 §3.1 (modseq, expunged uids), RFC 8514 (save
date), RFC 8474 (object ids), RFC 6154 (special use), RFC 4314 (rights), RFC 5464 (annotations), RFC 9208 (quota).

Reading guide. `msg` is narrow and without rowid: a mailbox is one run of the tree in uid order. What is true of the octets and not of their place in
a mailbox lives in `body` (where they are; narrow, because copying touches it) and `shape` (ready IMAP octets; wide, written once).
Several `msg` rows share a body: `body.refs` counts them. A body with `refs = 0` is dead; it stays until no session's view shows
it, then it is reclaimed. Counters are columns (`mailbox`, `account`, `segment.live`), never `count(*)`.

A mailbox that was deleted keeps its row with `doomed = 1` and no name until its messages are purged in slices; the counters of a
doomed mailbox promise nothing, and the account's counters no longer include it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zlib import crc32

APPLICATION_ID = 0x506F7374  # "Post": what `file index.db` shows

VERSION_1 = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID, STRICT;

CREATE TABLE account (
  id INTEGER PRIMARY KEY,
  octets INTEGER NOT NULL DEFAULT 0,      -- sum of RFC822.SIZE of all its messages
  messages INTEGER NOT NULL DEFAULT 0,
  mailboxes INTEGER NOT NULL DEFAULT 0,
  limit_octets INTEGER,                   -- NULL: no limit
  modseq INTEGER NOT NULL DEFAULT 1       -- raised when the list, a subscription or a server annotation changes
) STRICT;

CREATE TABLE mailbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,   -- never reused: a view of a deleted mailbox stays its own
  account INTEGER NOT NULL,
  name TEXT,                              -- NULL when doomed
  doomed INTEGER NOT NULL DEFAULT 0,
  object_id TEXT NOT NULL,
  uidvalidity INTEGER NOT NULL,
  uidnext INTEGER NOT NULL DEFAULT 1,
  highest_modseq INTEGER NOT NULL DEFAULT 1,
  messages INTEGER NOT NULL DEFAULT 0,
  unseen INTEGER NOT NULL DEFAULT 0,
  deleted INTEGER NOT NULL DEFAULT 0,
  size INTEGER NOT NULL DEFAULT 0,
  deleted_size INTEGER NOT NULL DEFAULT 0,
  recent INTEGER NOT NULL DEFAULT 0,      -- messages with uid >= recent_from
  recent_from INTEGER NOT NULL DEFAULT 1,
  snapshot_modseq INTEGER NOT NULL DEFAULT 0,  -- the chunks in `snapshot` are the mailbox as of this modseq; 0: none
  UNIQUE (account, name)
) STRICT;

CREATE TABLE special_use (
  mailbox INTEGER NOT NULL, attribute TEXT NOT NULL, account INTEGER NOT NULL,
  PRIMARY KEY (mailbox, attribute, account)
) WITHOUT ROWID, STRICT;

CREATE TABLE subscription (
  account INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (account, name)
) WITHOUT ROWID, STRICT;

CREATE TABLE rights (
  mailbox INTEGER NOT NULL, identifier TEXT NOT NULL, rights TEXT NOT NULL,
  PRIMARY KEY (mailbox, identifier)
) WITHOUT ROWID, STRICT;

CREATE TABLE flagset (
  mailbox INTEGER NOT NULL, number INTEGER NOT NULL, names TEXT NOT NULL,  -- names apart by a blank
  PRIMARY KEY (mailbox, number)
) WITHOUT ROWID, STRICT;

CREATE TABLE msg (
  mailbox INTEGER NOT NULL, uid INTEGER NOT NULL,
  modseq INTEGER NOT NULL,
  flags INTEGER NOT NULL,                 -- flagset.number
  size INTEGER NOT NULL,                  -- RFC822.SIZE
  date INTEGER NOT NULL,                  -- INTERNALDATE, seconds since the epoch
  save_date INTEGER NOT NULL,
  body INTEGER NOT NULL,
  PRIMARY KEY (mailbox, uid)
) WITHOUT ROWID, STRICT;
CREATE INDEX msg_modseq ON msg (mailbox, modseq);

CREATE TABLE gone (
  mailbox INTEGER NOT NULL, modseq INTEGER NOT NULL, uid INTEGER NOT NULL,
  PRIMARY KEY (mailbox, modseq, uid)
) WITHOUT ROWID, STRICT;

-- For mailboxes that others may read: their own \\Seen and keywords (RFC 4314 §5.1.1).
CREATE TABLE seen (
  mailbox INTEGER NOT NULL, account INTEGER NOT NULL, uid INTEGER NOT NULL, modseq INTEGER NOT NULL,
  PRIMARY KEY (mailbox, account, uid)
) WITHOUT ROWID, STRICT;
CREATE TABLE private_keyword (
  mailbox INTEGER NOT NULL, account INTEGER NOT NULL, uid INTEGER NOT NULL, keyword TEXT NOT NULL, modseq INTEGER NOT NULL,
  PRIMARY KEY (mailbox, account, uid, keyword)
) WITHOUT ROWID, STRICT;

CREATE TABLE segment (
  number INTEGER PRIMARY KEY,             -- names the file
  kind INTEGER NOT NULL,                  -- 0: log of records; 1: one message in a file of its own
  size INTEGER NOT NULL,                  -- octets that count; what lies behind is a torn tail
  live INTEGER NOT NULL,                  -- kind 0: octets of records that a body uses; kind 1: how many bodies use it
  crc INTEGER NOT NULL DEFAULT 0,         -- kind 1: CRC-32 of the whole payload
  blocks BLOB,                            -- kind 1: CRC-32 (little endian) of each 64 KiB of payload
  corrupt INTEGER NOT NULL DEFAULT 0      -- compaction met a broken record and leaves it for a person
) STRICT;

CREATE TABLE body (
  id INTEGER PRIMARY KEY AUTOINCREMENT,   -- ascending in commit order: the search index follows it
  account INTEGER NOT NULL,
  segment INTEGER NOT NULL,
  offset INTEGER NOT NULL,                -- of the payload, behind the record's header
  length INTEGER NOT NULL,                -- of the payload in the segment
  crc INTEGER NOT NULL,                   -- CRC-32 of the payload
  header_size INTEGER NOT NULL,           -- message header with its blank line, prefix included
  header_crc INTEGER NOT NULL,
  refs INTEGER NOT NULL,                  -- msg rows that use it
  prefix BLOB                             -- kind 1 only: this recipient's fields before the shared payload
) STRICT;
CREATE INDEX body_dead ON body (id) WHERE refs = 0;
CREATE INDEX body_segment ON body (segment);

CREATE TABLE shape (
  body INTEGER PRIMARY KEY,
  plain INTEGER NOT NULL,
  object_id TEXT NOT NULL,
  thread TEXT NOT NULL,
  message_id TEXT NOT NULL,
  preview TEXT NOT NULL,
  envelope BLOB NOT NULL,
  bodystructure BLOB NOT NULL
) STRICT;

-- Message ids an account has seen or heard of, hashed to 64 bits, and the thread they belong to.
CREATE TABLE threading (
  account INTEGER NOT NULL, reference INTEGER NOT NULL, thread TEXT NOT NULL,
  PRIMARY KEY (account, reference)
) WITHOUT ROWID, STRICT;

CREATE TABLE annotation (
  account INTEGER NOT NULL,
  mailbox INTEGER NOT NULL,               -- 0: the server entries of the account
  user INTEGER NOT NULL DEFAULT 0,        -- whose, for /private on a shared mailbox; 0: the owner's or /shared
  entry TEXT NOT NULL, value BLOB NOT NULL,
  PRIMARY KEY (account, mailbox, user, entry)
) WITHOUT ROWID, STRICT;

CREATE TABLE queue (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account INTEGER, body INTEGER NOT NULL, mail_from TEXT NOT NULL, rcpt_to TEXT NOT NULL,
  created INTEGER NOT NULL, next_attempt INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
  state TEXT NOT NULL
) STRICT;

CREATE TABLE snapshot (
  mailbox INTEGER NOT NULL, chunk INTEGER NOT NULL, data BLOB NOT NULL,
  PRIMARY KEY (mailbox, chunk)
) STRICT;
"""

# CRC-32 of what a client is shown of a row of `shape`; NULL for rows made before there was one.
VERSION_2 = "ALTER TABLE shape ADD COLUMN crc INTEGER"

# NULL: no limit; octets have theirs from the first version on.
VERSION_3 = """
ALTER TABLE account ADD COLUMN limit_messages INTEGER;
ALTER TABLE account ADD COLUMN limit_mailboxes INTEGER;
"""

# What a new name of INBOX stands for (RFC 5465 §5.4), and RFC 8457: what an account has to do with whom. Addresses are hashed to 64 bits. `number` counts up per account with each time that a row is
# touched; what falls more than `limits.ACQUAINTANCES_KEPT` behind the newest is forgotten.
VERSION_4 = """
ALTER TABLE shape ADD COLUMN sender INTEGER;  -- hash of the address in From; NULL: none, several, or stored before there was this column

ALTER TABLE mailbox ADD COLUMN from_inbox INTEGER NOT NULL DEFAULT 0;  -- 1: a rename of INBOX made it

CREATE TABLE acquaintance (
  account INTEGER NOT NULL, person INTEGER NOT NULL,
  written_to INTEGER NOT NULL,            -- 1: mail to the address came into a mailbox with \\Sent
  marked INTEGER NOT NULL,                -- $Important set on mail from there, less cleared
  number INTEGER NOT NULL,
  PRIMARY KEY (account, person)
) WITHOUT ROWID, STRICT;
CREATE INDEX acquaintance_age ON acquaintance (account, number);

CREATE TABLE joined (                     -- threads with a message in a mailbox with \\Sent
  account INTEGER NOT NULL, thread TEXT NOT NULL, number INTEGER NOT NULL,
  PRIMARY KEY (account, thread)
) WITHOUT ROWID, STRICT;
CREATE INDEX joined_age ON joined (account, number);
"""


def shape_crc(
    plain: int, envelope: bytes, bodystructure: bytes, object_id: str, thread: str, preview: str
) -> int:
    """The octets of a message have their checksums in the log; what was made of them has this one."""
    return crc32(
        b"%d%b%b%b" % (plain, envelope, bodystructure, (object_id + thread + preview).encode())
    )


def is_whole(row: Sequence[Any]) -> bool:
    """Whether the columns that `shape_crc` takes, and behind them its answer, belong together."""
    *shown, crc = row
    try:
        return crc is None or shape_crc(*shown) == crc
    except (TypeError, AttributeError):  # a value of another kind than was written
        return False
