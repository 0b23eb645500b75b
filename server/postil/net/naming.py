"""Which certificate a client is shown, or which alert it gets, by the name it asks for (RFC 6066 §3).

A pure decision: names known, what the client asked, the rules of the listener. Nothing here loads or orders a certificate.

The order of the questions. A pending order of our own certificate authority comes first (RFC 8737 §3: the name and the protocol
`acme-tls/1` together; RFC 8738 §6 for addresses), then names that we have, then whether it is an address at all.
"""

from __future__ import annotations

import enum
import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from postil.net.hello import ODD, Hello

ACME: Final = b"acme-tls/1"


class Asked(enum.Enum):
    """What the client's name is to us; the value is the label in metrics and logs."""

    ORDER = "order"  # a certificate authority looks for the proof of a pending order
    KNOWN = "known"
    MISSING = "missing"
    ADDRESS = "address"  # an IP address, or what only looks like one
    UNKNOWN = "unknown"
    ODD = "odd"  # nobody can tell: what came is no hello, or none that we can read, or its name cannot be one


class Alert(enum.IntEnum):
    """RFC 8446 §6.2 and RFC 7301: fatal alerts that we send instead of a handshake."""

    MISSING_EXTENSION = 109
    UNRECOGNIZED_NAME = 112
    NO_APPLICATION_PROTOCOL = 120


class Rule(enum.Enum):
    """How strict a listener is."""

    FALLBACK = "fallback"  # every name gets a certificate, the fallback if need be: mail from other servers
    NAMED = "named"  # a name we do not have ends the handshake; none gets the fallback
    STRICT = "strict"  # none ends it, too


@dataclass(frozen=True, slots=True)
class Decision:
    """A name whose certificate is shown (None: the fallback), or an alert."""

    asked: Asked
    name: str | None = None
    alert: Alert | None = None


_ADDRESS_LIKE: Final = re.compile(r"(?=.*[0-9])[0-9.:]+")
_LABEL: Final = re.compile(r"[a-z0-9_-]+")
_LONGEST: Final = (
    255  # octets; a DNS name has no more (RFC 1035 §2.3.4), and a log line shows no more
)


def spelled(name: bytes) -> str:
    """The name as we compare and show it: lower case, without a dot at its end; foreign octets escaped."""
    shown = name[:_LONGEST].decode("ascii", "backslashreplace").lower()
    return shown[:-1] if shown.endswith(".") and len(shown) > 1 else shown


def is_address(name: str) -> bool:
    """Is it an IP address, or digits, dots and colons only?

    RFC 6066 §3: "Literal IPv4 and IPv6 addresses are not permitted in "HostName"." Clients send them all the same.
    """
    if _ADDRESS_LIKE.fullmatch(name):
        return True
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def known(name: str, names: Collection[str]) -> str | None:
    """The entry of `names` that covers the name: itself, or a wildcard for its first label (RFC 9525 §6.3)."""
    if name in names:
        return name
    label, _, parent = name.partition(".")
    wildcard = "*." + parent
    # Octets of other kinds are no host's name, and OpenSSL would end the handshake over them as if that were our fault.
    return wildcard if wildcard in names and _LABEL.fullmatch(label) else None


def decide(hello: Hello, names: Collection[str], orders: Collection[str], rule: Rule) -> Decision:
    """What a client gets that asks like that."""
    if hello is ODD:
        return Decision(Asked.ODD)
    if hello.name is None:
        # RFC 8446 §9.2: "Servers MAY require clients to send a valid "server_name" extension."
        alert = Alert.MISSING_EXTENSION if rule is Rule.STRICT else None
        return Decision(Asked.MISSING, alert=alert)
    if len(hello.name) > _LONGEST or b"\0" in hello.name:
        # What cannot be a domain's name ends the handshake on port 25, too, where RFC 7672 §8.1 (below) has a certificate for every
        # domain: OpenSSL answers such a name with this alert before it asks anybody, and only another hello would keep it from that.
        # No mail server sends one. Said here, it is nobody's failed handshake.
        return Decision(Asked.ODD, alert=Alert.UNRECOGNIZED_NAME)
    name = spelled(hello.name)
    # RFC 8737 §3: "The ACME server MUST provide an ALPN extension with the single protocol name "acme-tls/1" and an SNI extension
    # containing only the domain name being validated" so users of that name see no proof.
    if name in orders and hello.protocols == (ACME,):
        return Decision(Asked.ORDER, name)
    if (found := known(name, names)) is not None:
        return Decision(Asked.KNOWN, found)
    asked = Asked.ADDRESS if is_address(name) else Asked.UNKNOWN
    if rule is Rule.FALLBACK:
        # RFC 7672 §8.1: "If the client sends no SNI extension or sends an SNI extension for an unsupported domain, the
        # server MUST simply send some fallback certificate chain of its choice."
        return Decision(asked)
    # RFC 6066 §3: "either abort the handshake by sending a fatal-level unrecognized_name(112) alert or continue"
    return Decision(asked, alert=Alert.UNRECOGNIZED_NAME)
