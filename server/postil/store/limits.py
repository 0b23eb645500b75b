"""Limits of the store, each with its reason."""

from __future__ import annotations

# --- the picture in memory

FLAG_SETS_MAX = 1 << 16
"""Numbers of flag sets a mailbox can use: a message keeps its set in two octets."""

CHANGE_LOG_UIDS = 8192
"""How many recent changes of a mailbox are kept ready for `changed_since`; beyond it one pass over an
array of 100,000 takes 4 ms, so the log only has to cover what sessions tell between two commands."""

SURRENDER_DEAD_MAX = 32
"""Up to so many dead are cut out of the arrays in place (0.1 ms each at 100,000) when one view holds them."""

# --- bodies on disk

OWN_FILE_FROM = 256 * 1024
"""A message of this size gets a file of its own, written while it arrives: it never lies in memory whole,
and one file serves all its recipients."""

SEGMENT_OCTETS = 64 * 1024 * 1024
"""A log segment is full from here: small enough that compaction moves at most half of it."""

BLOCK_OCTETS = 64 * 1024
"""Unit of the checksums of a message in its own file, so that a slice is verified without reading the rest."""

NUMBERS_RESERVED = 1024
"""Segment numbers set aside per commit; a number is durably taken before its file is made."""

READ_MAX = 1024 * 1024
"""`Body.read` gives at most this much a call: 0.3 ms from the page cache, inline in the loop."""

OPEN_SEGMENTS = 128
"""Segment files kept open for reading; opening one costs 5 us, a descriptor is a scarce thing."""

FREE_SPACE_FLOOR = 128 * 1024 * 1024
"""Below this no message is taken any more: room for the WAL, for flags and for expunging stays."""

# --- the writer

BATCH_INTENTS = 256
"""So many requests share a commit at most: 256 appends take about 15 ms, which is what a request behind them waits."""

BATCH_OCTETS = 16 * 1024 * 1024
"""Bodies of one batch: 16 MiB are synced in some tens of milliseconds."""

CHORE_EVERY = 64
"""Under constant load a background chore still runs after so many batches."""

WAL_PASSIVE_OCTETS = 4 * 1024 * 1024
WAL_TRUNCATE_OCTETS = 64 * 1024 * 1024
"""When idle and above the first, the WAL is copied back; at the second everybody waits for it."""

RECLAIM_BODIES = 500
PURGE_MESSAGES = 2000
"""Slices of background work, each a transaction of about 10 ms."""

COMPACT_OCTETS = 4 * 1024 * 1024
COMPACT_RECORDS = 200
"""One slice of compaction: octets and records copied per commit."""

# --- reading

CHUNK_UIDS = 8192
"""Uids per packed chunk of a snapshot: a change rewrites 370 KB at most."""

LOAD_ROWS = 2000
"""Rows turned into arrays before the loop gets its turn: 3 ms."""

SNAPSHOT_FROM = 2000
"""Mailboxes below this load from their rows in 3 ms and need no snapshot."""

SNAPSHOT_CHANGES = 2000
"""A snapshot is written again when so many changes would have to be added to it."""

PICTURES_MESSAGES = 4_000_000
"""Messages in pictures kept in memory though nobody looks at them: 46 octets each."""

FLAG_TABLES_KEPT = 2000
"""Mailboxes whose flag sets the writer keeps in memory, 2 KB each."""

OWNERS_KEPT = 100_000
"""Mailboxes of which the writer remembers the account, 100 octets each."""

# --- what is kept of a message

PLACES_AHEAD = 64
PLACES_KEPT = 4096
"""Places of bodies looked up at once when messages are read one after the other (14 us a look-up), and kept, 200 octets each."""

HEADER_CACHE_OCTETS = 8 * 1024
"""A header of at most this size is handed out with `Details`: nine of ten are; a longer one is read from the body."""

DETAILS_MAX = 256
"""Positions per `details`: what a FETCH formats between two turns of the loop."""

GONE_PAGE = 2048
"""Expunged uids read between two turns of the loop, 4 ms: a mailbox remembers every one it ever had."""

# --- accounts and mailboxes

KEYWORDS_PER_MAILBOX_MAX = 1000
"""Different keywords in a mailbox: each is sent with every SELECT. Clients use some dozens."""

MAILBOXES_PER_ACCOUNT_MAX = 10_000
"""LIST of so many takes 30 ms; people with more have a program that runs wild."""

NAME_OCTETS_MAX = 1000
"""Octets of a mailbox name in UTF-8: what still fits into a line with its modified UTF-7 spelling."""

NAME_LEVELS_MAX = 64
"""Levels of a mailbox name: CREATE makes the superiors, so each level can cost a mailbox."""

UID_MAX = (1 << 32) - 1
"""RFC 9051 §2.3.1.1: unique identifiers are 32-bit values; the last is not given, so that UIDNEXT is one too."""

# --- search

INDEX_BATCH_MESSAGES = 100
INDEX_BATCH_CHARACTERS = 256 * 1024
"""What the search index takes in one transaction: about 30 ms in its own thread."""

INDEX_GATHER_SECONDS = 1.0
"""The index follows that much later: a transaction for one message costs ten times its share of one for many.
Until then a search scans what came last."""

INDEX_GATHER_ROUNDS = 10
"""How many such seconds a burst may put it off: the index is behind by seconds, never by minutes."""

SEARCH_PENDING_CHARACTERS = 16 * 1024 * 1024
"""Texts of the newest messages kept for searches until the index has them: ten seconds of 400 messages of 4 KiB."""

INDEX_RETRY_SECONDS = 30.0
"""After disk trouble the index waits so long; meanwhile the messages it lacks are scanned."""

INDEX_RECONCILE_BODIES = 10_000
"""Ids compared in one go when a start looks for messages that left while the index was closed."""

SEARCH_DIRECT_KEYS = 200
"""Up to so many messages are compared one by one in the database: faster than asking for trigrams."""

SEARCH_TRIGRAMS_MAX = 32
"""Trigrams of a needle that are asked for; more narrow the candidates no further."""

SEARCH_VERIFY_KEYS = 20_000
"""Messages compared in one statement: 40 ms in a thread that holds no lock of Python's."""

ACQUAINTANCES_KEPT = 20_000
"""People and threads kept of an account (RFC 8457), of each the newest: about 2 MB, and more than a year of fifty messages a day."""

CORRESPONDENTS_MAX = 100
"""A sent message to more addresses is a mailing, and makes nobody an acquaintance."""

MARKED_MAX = 5
"""So often $Important set (or cleared) more than cleared (or set) counts, no more: somebody who changes his mind needs few messages to be understood."""

MARKED_AT_ONCE_MAX = 256
"""A command that sets or clears $Important on more messages than this says nothing about who wrote them."""

ENTRIES_MAX = 1000
"""Annotations (RFC 5464) of one account, all mailboxes and its server entries together."""

ENTRY_OCTETS_MAX = 1_000_000
"""Octets of their values."""

ENTRIES_GRANTED = 10
"""RFC 5464 §4.1: "and an annotation count per server or mailbox of at least 10." So many a mailbox may have in any case."""

ENTRY_OCTETS_GRANTED = 1024
"""RFC 5464 §4.1: "the server MUST accept an annotation data size of at least 1024 bytes". Each of those may be so long."""
