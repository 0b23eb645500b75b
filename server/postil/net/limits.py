"""Every number of the network layer, with its reason."""

from __future__ import annotations

from typing import Final

KIB: Final = 1024

# --- memory of one connection

# Plaintext that waits for the session before we stop reading from the peer. One arrival brings at most
# 256 KiB (the loop's buffer), so at most READ_HIGH + 256 KiB wait.
READ_HIGH: Final = 64 * KIB
READ_LOW: Final = 16 * KIB
READ_MOST: Final = 256 * KIB  # `Stream.read` promises no more at once

# Octets the peer has not taken before `drain` waits. A session writes about 48 KiB at a time.
WRITE_HIGH: Final = 64 * KIB
WRITE_LOW: Final = 16 * KIB

# A session that writes without draining, or a peer that makes TLS answer without reading (key updates): here
# we stop reading until it has taken something.
WRITE_STOP: Final = 1024 * KIB

# OpenSSL's memory buffers keep the size they once had. Fed and emptied in pieces of one TLS record they stay small.
PIECE: Final = 16 * KIB

# RFC 8446 §5.1: plaintext of one record. A client hello with keys of every kind takes about 2 KiB; what is longer than
# HELLO is left to OpenSSL unread.
RECORD: Final = 16 * KIB
HELLO: Final = 32 * KIB

# Octets behind the fixed part of a PROXY header: addresses take 36, a proxy's extra fields some hundred.
PROXY_HEADER: Final = 4 * KIB

# A peer that always takes what we write never makes `drain` wait; after so many octets we let others run.
TURN: Final = 256 * KIB

# --- seconds

HANDSHAKE: Final = 30.0  # RFC 8446 names none; a phone on a bad network needs 10
PROXY: Final = 5.0  # a proxy sends its header at once, over a network of ours
WRITE_STALL: Final = (
    300.0  # RFC 5321 §4.5.3.2 gives the peer minutes for a block; 48 KiB in 5 minutes
)
# What is queued at the end is at most one answer; who stalls now has had its minutes.
FLUSH: Final = 30.0
# After our last octet the peer may still send; closing earlier resets the connection and loses our answer.
LINGER: Final = 2.0
LINGER_OCTETS: Final = 1024 * KIB  # what is thrown away meanwhile
HTTP_IDLE: Final = 75.0  # a browser keeps connections for about a minute

# --- admission

BACKLOG: Final = 511  # connections the kernel keeps while we are busy
ADDRESS_CLASSES: Final = (  # prefix of IPv4, of IPv6, connections at once as a share of `per_ip`
    (32, 64, 1),  # one customer
    (26, 48, 3),  # one small network
    (21, 32, 9),  # one provider's pool
)
PER_IP: Final = 100  # a phone opens 2 to 5, a big office behind one address tens
TOTAL: Final = 5000  # 18 KiB each: under 100 MiB
# New connections per address; each costs a handshake of half a millisecond.
OPENED_PER_MINUTE: Final = 600
