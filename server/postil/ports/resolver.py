"""Questions to the DNS and their answers, without anything of its wire format.

RFC 1034 §3.6 (names and records), RFC 2308 §2 (no such name, no such data), RFC 4035 §3.2.3 and §4.3 (authenticated, bogus).

A question is a name and the class of the records wanted: `await resolver.query("example.org", Txt)` is an `Answer[Txt]`. It never
raises: what went wrong is an outcome, since "there is no record" and "nobody could tell" lead to different verdicts everywhere
above (SPF, DMARC, DANE, CAA). Names are text in ASCII: A-labels in lower case without the dot at the end, the root is ".", octets that are no
printable ASCII are written \\DDD.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Generic, Protocol, TypeVar


@dataclass(frozen=True, slots=True)
class A:
    """RFC 1035 §3.4.1."""

    address: IPv4Address


@dataclass(frozen=True, slots=True)
class Aaaa:
    """RFC 3596 §2.2."""

    address: IPv6Address


@dataclass(frozen=True, slots=True)
class Mx:
    """RFC 1035 §3.3.9; the exchange of a null MX (RFC 7505) is "."."""

    preference: int
    exchange: str


@dataclass(frozen=True, slots=True)
class Txt:
    """RFC 1035 §3.3.14: one or more strings of at most 255 octets."""

    strings: tuple[bytes, ...]

    @property
    def joined(self) -> bytes:
        """The strings as one, without spaces between: what SPF, DKIM and DMARC read (RFC 7208 §3.3, RFC 6376 §3.6.2.2)."""
        return b"".join(self.strings)


@dataclass(frozen=True, slots=True)
class Ptr:
    """RFC 1035 §3.3.12."""

    name: str


@dataclass(frozen=True, slots=True)
class Cname:
    """RFC 1035 §3.3.1; asked for by itself it is not followed."""

    target: str


@dataclass(frozen=True, slots=True)
class Ns:
    """RFC 1035 §3.3.11."""

    name: str


@dataclass(frozen=True, slots=True)
class Tlsa:
    """RFC 6698 §2.1; the digest may be too long or too short."""

    usage: int
    selector: int
    matching: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Caa:
    """RFC 8659 §4.1; the tag is as published (whatever octets, as Latin-1), the value octets of its own format."""

    flags: int
    tag: str
    value: bytes


Record = A | Aaaa | Mx | Txt | Ptr | Cname | Ns | Tlsa | Caa
R = TypeVar("R", A, Aaaa, Mx, Txt, Ptr, Cname, Ns, Tlsa, Caa)
Kept = TypeVar("Kept", bound=Record, covariant=True)


class Outcome(enum.Enum):
    """What became of a question; the value is what a person is told."""

    FOUND = "found"
    NO_DATA = "no such record"  # the name exists, or at least something below it
    NO_SUCH_NAME = "no such name"  # nor anything below it
    TEMPORARY = "no answer"  # silence, refusal, nonsense: `why` says it
    BOGUS = "bogus"  # there is an answer, but its signatures do not hold

    @property
    def known(self) -> bool:
        """Does somebody who knows say that it is so, there or not there?"""
        return self in (Outcome.FOUND, Outcome.NO_DATA, Outcome.NO_SUCH_NAME)


@dataclass(frozen=True, slots=True)
class Answer(Generic[Kept]):
    """The answer to one question."""

    outcome: Outcome
    records: tuple[Kept, ...] = ()  # in the order of the wire; none but with FOUND
    chain: tuple[
        str, ...
    ] = ()  # the name asked for, then each alias's target; the last has the records
    authenticated: bool = (
        False  # every part of it, said by a resolver on this machine; also of "not there"
    )
    ttl: int = 0  # seconds for which it may be kept
    why: str = ""  # what went wrong, for people

    @property
    def canonical(self) -> str:
        """The name at which the records are."""
        return self.chain[-1] if self.chain else ""


class Resolver(Protocol):
    """Whoever answers."""

    @property
    def believed(self) -> bool:
        """May an answer be authenticated at all? Only where the way to the resolver cannot be tampered with."""
        ...

    async def query(self, name: str, kind: type[R]) -> Answer[R]:
        """The records of a kind at a name, aliases followed; a name that cannot exist is NO_SUCH_NAME."""
        ...
