"""IMAP: mail is read, sorted and kept on the server, by several programs at once.

IMAP4rev2 (RFC 9051) and IMAP4rev1 (RFC 3501) with what rev2 took in, and a few extensions beyond. The package is pure: it knows
octets and the ports (`store`, `accounts`, `stream`), not sockets, tasks or databases, so that every rule of the protocol can be tested in
memory, in no time.

The way of a command: octets -> `wire` (lines, literals, getting back in step after an error) -> `tokens` (typed words) -> the `Spec` found in
`registry` -> its `parse`, which gives a frozen dataclass -> the state check in `execution` -> its `handle`, an async generator of responses ->
`execution`, which adds what happened meanwhile (`view`) and the tagged line (`replies`).

Files in reading order:
`command` (what a command is), `errors` (refusals as exceptions), `session` (one connection), `serving` (its life), `execution` (its commands, in order), `view` (sequence numbers and what was told), `annotated` (notes that others changed), `watching` (what NOTIFY tells), `filters` (mailboxes by relation), `news` (when all of it is told),
`pipeline` (commands sent together), `replies` (refusals as octets), `capabilities` (the one list of what is announced), `registry` (the one list of commands), `tokens`,
`sequence`, `request` and `wire` (reading), `encode` (writing), `names` and `listing` (mailbox names), `commands/` and `extensions/` (one file each),
`incoming` (messages as literals), `fetch/` and `search/` (the two big ones), `settings` and `limits`; `client/` is the other end, with a docstring of its own.

Rules of the package. A peer's fault is an exception that is a reply; turned into octets in `execution` and `serving` and nowhere else. A handler never
writes a tagged line and never tells of EXPUNGE itself. A capability is announced when it is whole, errors included. Limits have reasons and stand in
`limits`. Nothing received is logged but names of commands, accounts and sizes.
"""
