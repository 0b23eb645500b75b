"""Changes as values: what somebody wants, evaluated in the writer thread inside a savepoint.

RFC 9051 §6.3.12 (APPEND), §6.4.6 (STORE), §6.4.7 (COPY), §6.4.8 (MOVE), RFC 7162 §3.1.3 (UNCHANGEDSINCE).

An intent is a dataclass with an `execute(tx)`: it looks at the database as it is at that moment, so it needs no locks and no
retries. It changes rows, counters included, tells the loop by events what it did, and raises a `StoreError` to change nothing.

In reading order, by noun: `counters` (sums kept in step), `acquainting` (whom the account writes to, and whose mail it marks), `appending` (new messages), `picking` (the messages an intent works on), `flagging`, `copying` (copy and move), `expunging`, `replacing`, `mailboxes`
(create, delete, rename, provision), `sharing` (annotations, rights, attributes, subscriptions, \\\\Recent), `upkeep`
(reclaiming, purging, snapshots).

Rules. Only SQL here: no loop over messages where a statement can do it (the GIL rule); messages an intent works on lie in the temporary
table `picked`, and flag sets are mapped by the temporary table `flagmap`. Joins with an array are CROSS JOINs: the array outside, the
tree inside. A mailbox spends exactly one modseq per intent that changes it.
"""
