"""How much a client may send, and how much we do in one go; each with its reason."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class ReaderLimits:
    """What `wire.CommandReader` takes in memory for one command."""

    line: int  # octets of text, all lines of the command together, without literals
    literals: int  # octets of all literals that are not a message
    literal_count: int
    patience: float  # seconds to wait for more of a command that has begun


# Before login anyone on the internet talks to us: enough for LOGIN, a SASL response and an ID of 30
# values of 1,024 octets (RFC 2971 §3.3), too little to make many connections expensive, and no time to send it octet by octet.
READER_BEFORE_LOGIN = ReaderLimits(line=40 * KIB, literals=8 * KIB, literal_count=8, patience=30.0)

# RFC 7162 §4: "a client should limit the length of the command lines it generates to
# approximately 8192 octets"; clients that list uids one by one send much more, and the text is
# parsed in place, so 64 KiB cost little.
# Literals: SEARCH needles, mailbox names and metadata values; 1 MiB holds the largest value of
# RFC 5464 that is allowed here, and a session holds one command at a time.
READER_AFTER_LOGIN = ReaderLimits(line=64 * KIB, literals=MIB, literal_count=1000, patience=300.0)

# RFC 7888 §4: a refused non-synchronising literal is either read and thrown away or ends the
# session. Reading 1 MiB costs less than a reconnect (and some clients then repeat for ever);
# above it the client would only learn of the refusal after sending it all.
DROP = MIB

# Atoms that become stored names of flags; long ones would be repeated in every FETCH FLAGS line.
KEYWORD = 128

# SEARCH: nesting costs stack in parse and evaluation; keys cost a pass over the mailbox each.
SEARCH_DEPTH = 32
SEARCH_KEYS = 1000
SEARCH_NEEDLE = 4 * KIB

# FETCH: items of one command; each part specifier is looked up in each message.
FETCH_ITEMS = 200
FETCH_FIELDS = 500  # names in HEADER.FIELDS lists
SECTION_DEPTH = 64  # numbers in one part specifier; messages nested deeper are not parsed anyway

# Lines of hot FETCH formatted between two turns of the loop: about 2 ms, architecture §3.
FETCH_LINES = 1500
# The page of `Store.details`.
FETCH_PAGE = 256
# Header fields kept in memory for the next client that asks for them: the newest 50 of 1,000 mailboxes.
REMEMBERED_OCTETS = 16 * MIB
# Of a command for more messages than this nothing is kept: who asks for all keeps it himself.
REMEMBERED_MESSAGES = 2048
# Octets of a body read, and waiting in the stream, at a time: a slow reader costs no more.
BODY_SLICE = 256 * KIB
# METADATA: octets of an entry name, which is repeated in every answer, and entries that one GETMETADATA or LIST asks for.
ENTRY_NAME = 500
ENTRIES = 1000
# NOTIFY: groups and names of one command, each compared with the name of every change; and mailboxes that may change between
# two answers before the client is told that it gets no more. A client that keeps up never sees that.
NOTIFY_GROUPS = 64
NOTIFY_NAMES = 1000
NOTIFY_CHANGED = 5000
# STATUS lines between two turns of the loop.
STATUS_PAGE = 100
# Octets gathered before a write: architecture §3.
WRITE_SIZE = 48 * KIB
# Numbers, or ranges of them, in a SEARCH or ESEARCH response that are made into text in one go.
NUMBERS_PER_PIECE = 8000


# --- the session

# Seconds without a command after login. RFC 9051 §5.4 asks for at least 30 minutes, and clients
# re-issue IDLE every 29; a minute more forgives a late one.
AUTOLOGOUT = 31 * 60.0
# Seconds a stranger may take for one line before login; RFC 9051 §5.4 sets no floor there.
LOGIN_TIME = 60.0
# Seconds between "* OK Still here" in IDLE: below the shortest NAT timeouts in the field (3 minutes).
STILL_HERE = 120.0
# Seconds between reports of a long command. RFC 9585 §4: "it is RECOMMENDED that these are sent every 10-15 seconds."
PROGRESS_EVERY = 10.0
# Wrong logins on one connection before BYE: a person with a typing error manages in fewer.
FAILED_LOGINS = 5
# Seconds of waiting after the first wrong login; doubles each time, so five cost half a minute.
FAILED_LOGIN_WAIT = 1.0
# BAD answers in a row before login after which it is no mail client that speaks.
COMMAND_ERRORS = 20
# Octets of a message taken by APPEND: what big mail providers let pass, with room. Streamed, not held.
LARGEST_MESSAGE = 64 * MIB

# Messages of one APPEND (RFC 3502): a client in a hurry sends some hundreds; together they may have the octets of one.
APPEND_MESSAGES = 1000

# --- mailbox names

# UTF-8 octets of a whole name: its modified UTF-7 form still fits a command line several times.
NAME_OCTETS = 1000
# UTF-8 octets of one level: what every file system can export later.
LEVEL_OCTETS = 255
# Depth of the hierarchy; the cost of RENAME and LIST grows with it.
LEVELS = 32
# Patterns in one extended LIST (RFC 5258 §3): each is matched against every name.
LIST_PATTERNS = 32
# Wildcards in one pattern: matching is one pass a name, but its constant grows with them.
WILDCARDS = 20

# --- ID

# RFC 2971 §3.3: "Implementations MUST NOT send more than 30 field-value pairs."; names have at most 30 octets,
# values 1024
ID_FIELDS = 30
ID_FIELD_OCTETS = 30
ID_VALUE_OCTETS = 1024
