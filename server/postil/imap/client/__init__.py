"""The client's half of IMAP: octets of a server in, typed responses out, and commands as octets. No I/O.

RFC 9051 and RFC 3501 with the extensions of `imap.capabilities`, some more that other servers have (SORT and THREAD: RFC 5256), and a
way for what is not known: an unknown response, response code or FETCH item is kept as it came, never an error.
The driver that has a socket is `net.imapclient`.

The way of a response: octets -> `framer` (a line with its literals) -> `parse` (which kind?) -> a frozen dataclass of `responses`, `mailboxes`,
`found`, `fetched`, `structure` or `codes` -> `conversation`, which knows the command that it answers.
The way of a command: `commands` (one function each) -> `Command` of `compose` -> `conversation`, which says when it may be sent -> `compose.render`,
which chooses quotes, literals and the spelling of names by what the server offers and what was enabled.

Files in reading order:
`errors`, `limits`, `framer`, `words` (typed reading of one response), `numbers` (sets), `values` (dates, lists, names), `codes`, `responses`, `mailboxes`, `found`,
`structure`, `fetched`, `parse`; `compose`, `commands`, `messages` (commands of a selected mailbox), `uploads` (commands that carry messages), `watch` (NOTIFY, METADATA, QUOTA); `conversation`, `selected` (what SELECT told), `trace` (what a log may show).

Rules of the package. A server is read liberally where other servers of the field err (spaces, 8-bit octets in quoted strings) and strictly where guessing would
put data in the wrong place; what cannot be read is a `ProtocolViolation` that says what was expected, and nothing else is ever raised for
what a server sent. How much is taken in memory, the caller says. Secrets are marked where a command is made, so that no
later step has to know which they are.
"""
