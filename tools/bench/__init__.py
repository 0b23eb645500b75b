"""Load generators and comparisons: `make bench` prints every mark beside the peer it is measured against.

Files in reading order: `meter` (CPU of a process tree, medians, ratios), `generate` (the messages, the same for every server),
`imapload` and `smtpload` (clients that cost little), `syncs` (how often a server syncs), `peers` and `postfix` (Dovecot, aiosmtpd, Postfix on
loopback), `ours` (this server), `prepared` (mailboxes that are filled once), `agree` (the servers say the same of the same messages, asked through our own client). Then the marks: `compare`, which runs `tasks` (one IMAP command each), `crowd`
(many clients), `reception` (SMTP, flatness) and `huge` (a million messages), and prints the table; and by themselves `site` (the pages), `smtp_reception`, `imap_fetch`, `logins`, `idle_memory`, `mime`, `parse`.

Discipline: servers alternate (A B A B A B), the server runs on one core and the client on another, medians and ratios of
the same minutes are what counts; an answer of another size than the peer's voids the run. Absolute figures of shared machines mean little.
"""
