"""Where mail is kept: the implementations of `ports.store`.

RFC 9051 §2.3 (uids, flags, sizes), RFC 7162 (modseqs, expunged uids), RFC 8474 (object ids), RFC 9208 (quota).

Two implementations of one port. `memory` keeps everything in objects: the reference that the contract tests hold the other
against. `sqlite` is the product: a *shard*, one folder that one process owns, with `index.db` (rows, by apsw), `search.db` (an index that can be
made anew) and `segments/` (the octets of messages, append-only).

The way of a message. `staging` takes its pieces; `ingest` describes it once; `intents.appending` is the wish to have it in a mailbox. The
`writer` thread collects all wishes that wait, writes their bodies to the log segment, syncs it, runs one transaction with a savepoint each, and commits: two syncs, however
many wait. Then, in the event loop, `shard` changes the pictures, resolves the futures and tells the change feed. Only now does anybody say OK or 250.

Files in reading order. Shared: `limits`, `names`, `entries` (room for annotations), `flagsets`, `generation`, `picture` (a mailbox as all its sessions
see it), `feed`, `ingest` (from octets to the record that FETCH answers from). Without a disk: `memory`. On disk: `schema`, `migrations`,
`lock`, `files` (the port to the file system that the crash recorder stands in for), `segments`, `readers`, `places`, `shapes`, `database`; `events`,
`transaction`, `requests`, `connection`, `writer`, `intents`; `staging`, `incoming`, `snapshots`, `pictures`, `compaction`, `shard`, `acquaintances`, and last `sqlite`, which speaks the port. `bodies` and
`search` find text; `verify` and `verify_index` check every promise of a shard from its files.

Rules: the event loop is the lock of everything in memory; whatever is acknowledged is on disk; bodies are never
rewritten; nothing above this package sees SQL. The writer thread runs SQL and file calls and no loop over messages; a read in the loop finishes its
statement before it returns. A failed sync is never tried again: what is doubtful is left, opened anew and compared. Whatever a
crash leaves half done has no row, or no view, and is removed by the next start.
"""
