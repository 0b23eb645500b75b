"""The block function of MD5, for one purpose: to go on from a state that was kept (RFC 2195 §2, "contexts").

RFC 1321 §3.3, §3.4. Libraries hash whole messages and give no states out; CRAM-MD5 without them would have to keep passwords. What is
computed here is compared with hashlib's results in the tests. MD5 is broken for signatures; nothing but CRAM-MD5 may use this.
"""

from __future__ import annotations

import math
import struct
from typing import Final

BLOCK: Final = 64  # octets
State = tuple[int, int, int, int]
START: Final[State] = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)  # RFC 1321 §3.3
_WORD: Final = 0xFFFFFFFF
# RFC 1321 §3.4: the integer part of 4294967296 times abs(sin(i)).
_SINES: Final = tuple(int(abs(math.sin(step + 1)) * 2**32) & _WORD for step in range(64))
_SHIFTS: Final = ((7, 12, 17, 22), (5, 9, 14, 20), (4, 11, 16, 23), (6, 10, 15, 21))


def compress(state: State, block: bytes) -> State:
    """The state after one more block of 64 octets."""
    words = struct.unpack("<16I", block)
    a, b, c, d = state
    for step in range(64):
        if step < 16:
            mixed, at = (b & c) | (~b & d), step
        elif step < 32:
            mixed, at = (d & b) | (~d & c), (5 * step + 1) % 16
        elif step < 48:
            mixed, at = b ^ c ^ d, (3 * step + 5) % 16
        else:
            mixed, at = c ^ (b | (~d & _WORD)), (7 * step) % 16
        total = (a + mixed + _SINES[step] + words[at]) & _WORD
        shift = _SHIFTS[step // 16][step % 4]
        a, d, c, b = d, c, b, (b + (total << shift | total >> 32 - shift)) & _WORD
    return (
        (state[0] + a) & _WORD,
        (state[1] + b) & _WORD,
        (state[2] + c) & _WORD,
        (state[3] + d) & _WORD,
    )


def finish(state: State, blocks: int, rest: bytes) -> bytes:
    """The digest of a message whose first `blocks` blocks led to the state, and which ends with `rest`."""
    length = (blocks * BLOCK + len(rest)) * 8
    # RFC 1321 §3.1, §3.2: a one bit, zeros, and the length in bits.
    padded = rest + b"\x80" + bytes((55 - len(rest)) % BLOCK) + struct.pack("<Q", length)
    for at in range(0, len(padded), BLOCK):
        state = compress(state, padded[at : at + BLOCK])
    return pack(state)


def pack(state: State) -> bytes:
    """A state as 16 octets."""
    return struct.pack("<4I", *state)


def unpack(octets: bytes) -> State:
    """The state that 16 octets stand for."""
    a, b, c, d = struct.unpack("<4I", octets)
    return a, b, c, d
