"""How much of a server's answer is taken in memory; the caller may say otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB


@dataclass(frozen=True, slots=True)
class ReplyLimits:
    """Of one response, and of all that answer one command."""

    # A SEARCH in a mailbox of a million messages answers 8 MiB of numbers in one line.
    line: int = 16 * MIB  # octets of all its lines, without literals
    literal: int = 128 * MIB  # octets of one literal: a message
    literals: int = 192 * MIB  # octets of all of them
    count: int = 10_000  # literals: an ENVELOPE of a message with thousands of addresses has some
    # Octets of all responses kept for one command: FETCH of a million messages answers some 100 MiB of ENVELOPE and FLAGS.
    answer: int = 512 * MIB


# Lists in lists: BODYSTRUCTURE of a message that quotes and quotes; each level costs stack.
DEPTH: Final = 100

# Octets of a quoted string we send; longer ones are literals, for servers with small line buffers (RFC 7162 §4: 8192 a line).
LONGEST_QUOTED: Final = 1000

# RFC 9051 §4.3: "Any literal larger than 4096 bytes MUST be sent as a synchronizing literal."
LITERAL_MINUS: Final = 4096

# RFC 10022 §3.1.3.1, §3.1.5: messages in a batch, and in all batches of a range.
SMALLEST_BATCH: Final = 500
WIDEST_BATCHES: Final = 100_000
