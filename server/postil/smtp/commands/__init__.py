"""The commands of RFC 5321 §4.1.1, one file each, and with it the verb the session looks up.

In the order of a conversation: `hello` (EHLO, HELO), `mail`, `rcpt`, `data`, then `plain`: RSET, NOOP, QUIT and the questions
VRFY and EXPN. HELP, STARTTLS and AUTH are extensions and live in `extensions/`.

Rule: a handler returns exactly one reply (RFC 5321 §4.2), or raises `SmtpReply` with it. It never writes to the stream
itself, except where a dialogue of its own begins (DATA, AUTH, STARTTLS).
"""
