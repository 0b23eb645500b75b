"""Every number of the SMTP server, with its reason; the configuration reference shows them."""

from __future__ import annotations

# RFC 5321 §4.5.3.1.4: 512 octets, RFC 1870 §3 adds 26, RFC 6152 §3 and RFC 6531 §3.1 a few more, RFC 4954 §3 adds 500
# to MAIL and lets AUTH carry a whole response. A password manager's PLAIN response of 3 KiB still fits.
COMMAND_LINE = 4096

# RFC 4954 §4: "At the time of writing of this document, 12288 octets is considered to be a sufficient line length
# limit for handling of deployed authentication mechanisms."
AUTH_LINE = 12288

# What an over-long line may still bring until its CRLF: beyond it nobody means to speak SMTP.
LINE_ABANDONED = 64 * 1024

# RFC 5321 §4.5.3.1.5: a reply line has at most 512 octets with code and CRLF.
REPLY_LINE = 512

# RFC 5321 §4.5.3.1.3: path with punctuation. Local parts may fill it: mailing lists put whole addresses into theirs, and
# RFC 5321 §4.5.3.1 asks for "implementation techniques that impose no limits" beyond the minimum of 64.
PATH = 256

# RFC 5321 §4.5.3.1.2 for domains; a label has 63 octets in the DNS (RFC 1035 §2.3.4).
DOMAIN = 255
LABEL = 63

# RFC 5321 §4.5.3.1.8 asks for 100; mailing-list software sends more at a time, and a path costs 300 octets of memory.
RECIPIENTS = 1000

# The usual limit of large providers is 25 to 50 MB of mail, a third more once base64 has been through it.
MESSAGE_SIZE = 100 * 1024 * 1024

# Octets of a message already refused that are read and dropped so that the refusal can be heard (a client reads
# only after it has sent all). Beyond it the connection ends.
REFUSED_DATA = 256 * 1024 * 1024

# RFC 5321 §4.5.3.2.7: "An SMTP server SHOULD have a timeout of at least 5 minutes while it is awaiting
# the next command from the sender."
IDLE = 300.0

# RFC 5321 §4.5.3.2.5 gives the client 3 minutes for a block; the server waits as long as for a command.
DATA_BLOCK = 300.0

# Commands that were no commands or came at the wrong time, failed logins: RFC 5321 §7.8 lets a server "take action
# to defend" itself. People who type by hand make fewer.
ERRORS = 20

# Recipients that do not exist, in one connection: address harvesting. A mailing list with a hundred dead
# members here in one session is told 421 and tries the rest again.
UNKNOWN_RECIPIENTS = 100

# Failed logins in one connection, and the pause after each: guessing gets slow before it gets far.
FAILED_LOGINS = 5
FAILED_LOGIN_WAIT = 1.0

# Octets of replies collected for pipelined commands before they are sent anyway.
REPLIES_HELD = 16 * 1024
