"""What we send, take and wait for, with the reason of each number. Seconds and octets."""

from __future__ import annotations

from typing import Final

KIB: Final = 1024
HOUR: Final = 3600.0
DAY: Final = 86400.0

# --- what an authority may send

BODY: Final = 256 * KIB  # the longest directory, order or chain of the field is under 20 KiB
LIST: Final = 1000  # authorizations of an order; authorities stop at 100 names
NONCE: Final = 512  # characters of a nonce; the field's are under 100
NONCES: Final = 16  # kept; an authority forgets old ones
URL: Final = 2048
TOKEN: Final = 512
DETAIL: Final = 1000  # characters of a problem's text that are kept and shown
SUBPROBLEMS: Final = 100
CHAIN: Final = 20  # certificates

# --- one request

REQUEST: Final = 60.0  # from the first octet to the last; issuing authorities answer in seconds
TRIES: Final = 3  # of a request that met no server, or a server in trouble
PAUSE: Final = 2.0  # before the second try; doubled for the third
PATIENCE: Final = (
    60.0  # a Retry-After up to here is waited for on the spot, a longer one ends the order for now
)
# A nonce may have been used up, or belong to another of the authority's machines; each refusal brings a fresh one. An
# authority that refuses half of them makes ten in a row fail once in a thousand.
NONCE_TRIES: Final = 10

# --- one order

POLL: Final = 0.5  # before the second look at what the authority is still at; doubled each time
POLL_SLOW: Final = 8.0  # the longest of these
POLL_MOST: Final = 30.0  # whatever Retry-After asks for: a mail server waits for its certificate
VALIDATION: Final = 300.0  # an authority tries several times, 5 to 10 seconds apart (RFC 8555 §8.2)
ISSUANCE: Final = (
    600.0  # some authorities have people or slow machines between finalize and certificate
)
HOOK: Final = 300.0  # a program that changes a zone and waits for its name servers
HOOK_STOPPING: Final = 10.0  # for removing a record while the server stops
HOOK_OUTPUT: Final = 4 * KIB  # kept of what it prints, for the error

# --- when to renew

THIRD: Final = (
    1 / 3
)  # of the lifetime is left when a certificate is renewed, unless ARI says something else
JITTER: Final = 1 / 24  # of the lifetime, so that machines set up on one day do not come on one day
# An ARI window that begins later than this share of the lifetime before the end is not waited for.
LAST_CALL: Final = 1 / 10
# No order for the same certificate sooner after the last success: an authority whose windows lie in the past would
# otherwise be asked for certificates without end.
SPACING: Final = 1 / 6  # of the lifetime
SPACING_MOST: Final = DAY

# --- after a failure

# Authorities allow 5 failed validations of a name in an hour: 10, 20, 40 minutes make 4 attempts.
BACKOFF: Final = 600.0
BACKOFF_MOST: Final = DAY
BACKOFF_JITTER: Final = 0.2
RETRY_AFTER_MOST: Final = 8 * DAY  # "too many certificates" of the field asks for up to 7 days

# --- ARI (RFC 9773 §4.3)

ARI_LEAST: Final = 60.0
ARI_MOST: Final = DAY
ARI_AGAIN: Final = 6 * HOUR  # after what will not go away by itself
ARI_TRIES: Final = 4
ARI_PAUSE: Final = 60.0  # doubled with each try

# --- the task

LOOK: Final = 5.0  # between looks for what a command has asked for
BUSY: Final = 30.0  # before another try when another process is ordering
