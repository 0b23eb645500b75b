"""Load generators and comparisons: `make bench` prints every mark beside the peer it is measured against.

Files in reading order: `meter` (CPU of a process tree, medians, ratios), `generate` (the messages, the same for every server),
`imapload` and `smtpload` (clients that cost little), `peers` (Dovecot and aiosmtpd on loopback), `ours` (this server), and the
marks: `smtp_reception`, `imap_fetch`, `mime`.

Discipline: servers alternate (A B A B A B), the server runs on one core and the client on another, medians and ratios of
the same minutes are what counts; an answer of another size than the peer's voids the run. Absolute figures of shared machines mean little.
"""
