"""Where mail is kept: the implementations of `ports.store`.

RFC 9051 §2.3 (uids, flags, sizes), RFC 7162 (modseqs, expunged uids), RFC 8474 (object ids), RFC 9208 (quota).

Files in reading order. Memory: `flagsets`, `generation`, `picture` (a mailbox as all its
sessions see it), `ingest` (from octets to the record that FETCH answers from), `memory` (the whole port without a
disk: the reference that the contract tests hold the other against).

Rules: the event loop is the lock of everything in memory; whatever is acknowledged is on disk; bodies are never
rewritten; nothing above this package sees SQL.
"""
