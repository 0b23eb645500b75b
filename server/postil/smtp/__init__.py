"""SMTP, the server's side: from octets to envelopes and messages, and replies back. Pure: no sockets, no files.

RFC 5321 is the protocol; RFC 6409 and RFC 8314 its use for submission; the extensions are RFC 2920 (PIPELINING), 1870 (SIZE),
6152 (8BITMIME), 6531 (SMTPUTF8), 2034 with 3463 and 5248 (ENHANCEDSTATUSCODES), 3207 (STARTTLS), 4954 (AUTH), and HELP. DSN
(RFC 3461) and CHUNKING (RFC 3030) are not offered and not announced.

Who speaks to whom. A `Session` reads a `ports.stream.Stream`, asks `ports.accounts` about logins and gives envelope and message
to `ports.delivery.Inbound`, which says what is acceptable. Policy lives there; here lives what is well-formed, in
order, and answered with which code. The same session serves port 25 and submission; `Settings` makes the difference.

Files in reading order:
`limits` every number with its reason; `settings` what a listener is told;
`wire` octets to lines and message pieces; `replies` codes and text to octets; `paths` addresses and parameters;
`states` the one table of what may come when; `conversation` the memory of a session;
`extension` what an extension consists of; `commands/` and `extensions/` one file for each; `registry` the lists of them;
`received` the trace field; `session` the loop.

Rules: every command has exactly one reply (RFC 5321 §4.2). Nothing but STARTTLS throws input away (RFC 2920 §3.2). Nothing
waits for the peer while replies are held. A refusal is an exception `SmtpReply`, turned into octets in one place; any other
exception is our fault and becomes 451. Secrets and message text are never handed to `Settings.event`.
"""

from postil.smtp.session import Session
from postil.smtp.settings import Limits, Settings

__all__ = ["Limits", "Session", "Settings"]
