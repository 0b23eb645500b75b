"""The seams of the server: Protocols and frozen records, nothing that does work.

Above this package stand pure protocol code (imap, smtp) that reaches the world only through
these shapes, and adapters (store, accounts, net) that fill them. A test hands the protocol code an
in-memory adapter; the application hands it SQLite. Nothing changes in between.

Files in reading order: `ids` (the kinds of numbers), `store` (mailboxes, messages, changes),
`picture` (a mailbox in memory, as sessions read it), `accounts` (who may log in, what may they do),
`logins` (attempts to log in), `delivery` (a received message looks for its mailboxes), `peer` (what is known of a connection),
`channel` (what a login may be bound to), `certs` (certificates that were issued, and
where proofs for their authority are shown), `stream` (a connection as a protocol core sees it),
`sessions` (who is logged in, and must perhaps go), `resolver` (questions to the DNS).

Rules: no I/O, no clock, no defaults that decide policy. An error here is a class that says
what a client may be told; the protocols turn it into their own codes.
"""
