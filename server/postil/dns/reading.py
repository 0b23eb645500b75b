"""What an answer means: found, not there, or nothing that can be used; with aliases followed.

RFC 1034 §4.3.2 (aliases), RFC 2308 §2, §5 (negative answers, their TTL), RFC 6604 §3 (the code is that of the last name), RFC 8914 §4 (extended errors).

Pure: a message in, a `Reading` out. A resolver puts the whole chain of aliases and the records behind it into one answer. When the chain ends
without records and without a word on why, the last name has to be asked for: `Reading.ask`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType

from postil.dns import limits
from postil.dns.names import to_text
from postil.dns.records import TYPES, record
from postil.ports.resolver import Cname, Outcome, Record

# RFC 8914 §4: DNSSEC Bogus, Signature Expired, Signature Not Yet Valid, DNSKEY Missing, RRSIGs Missing, No Zone Key Bit Set, NSEC Missing
BOGUS_CODES: Final = frozenset({6, 7, 8, 9, 10, 11, 12})


@dataclass(frozen=True, slots=True)
class Reading:
    """One answer's meaning."""

    outcome: Outcome
    records: tuple[Record, ...] = ()
    chain: tuple[dns.name.Name, ...] = ()
    authenticated: bool = False
    ttl: int = 0
    why: str = ""
    ask: bool = False  # the chain goes on behind its last name

    @property
    def failed(self) -> bool:
        """SERVFAIL: the one answer worth a second question, without validation."""
        return self.outcome is Outcome.TEMPORARY and self.why.startswith("SERVFAIL")


def read(
    message: dns.message.Message, name: dns.name.Name, kind: type[Record], *, trusted: bool
) -> Reading:
    """The meaning of `message` as answer to `name` and `kind`; `trusted` is whether its AD bit counts."""
    rcode = message.rcode()
    if rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return _failure(message)
    found = {
        (rrset.name, rrset.rdtype): rrset
        for rrset in message.answer
        if rrset.rdclass == RdataClass.IN
    }
    chain, ttl, wanted = [name], limits.CACHE_TTL, TYPES[kind]
    while (here := found.get((chain[-1], wanted))) is None and kind is not Cname:
        alias = found.get((chain[-1], RdataType.CNAME))
        if alias is None:
            break
        target = alias[0].target
        if target in chain:
            return Reading(Outcome.TEMPORARY, why=f"the alias {to_text(target)} leads to itself")
        chain.append(target)
        ttl = min(ttl, alias.ttl)
    authenticated = trusted and bool(message.flags & dns.flags.AD)
    if here is not None:
        if rcode == dns.rcode.NXDOMAIN:
            return Reading(
                Outcome.TEMPORARY, why="the answer says that the name does not exist, and has it"
            )
        records = tuple(record(kind, data) for data in here)
        return Reading(Outcome.FOUND, records, tuple(chain), authenticated, min(ttl, here.ttl))
    return _absent(message, tuple(chain), authenticated, ttl)


def _absent(
    message: dns.message.Message, chain: tuple[dns.name.Name, ...], authenticated: bool, ttl: int
) -> Reading:
    """There are no records at the end of the chain."""
    soa = next((rrset for rrset in message.authority if rrset.rdtype == RdataType.SOA), None)
    refers = any(rrset.rdtype == RdataType.NS for rrset in message.authority)
    # RFC 2308 §3: "The TTL of this record is set from the minimum of the MINIMUM field of the SOA record and the TTL of the SOA itself"
    most = min(soa.ttl, soa[0].minimum, limits.CACHE_NEGATIVE_TTL) if soa is not None else 0
    if message.rcode() == dns.rcode.NXDOMAIN:
        # RFC 6604 §3: of aliases, the code is about the last name
        return Reading(Outcome.NO_SUCH_NAME, (), chain, authenticated, min(ttl, most))
    if soa is None and len(chain) > 1:
        return Reading(Outcome.NO_DATA, (), chain, authenticated, ttl, ask=True)
    if soa is None and refers:
        # RFC 2308 §2.2: name servers without SOA are a referral, which only a resolver of its own could follow
        return Reading(
            Outcome.TEMPORARY, why="it refers to other servers: it is no recursive resolver"
        )
    return Reading(Outcome.NO_DATA, (), chain, authenticated, min(ttl, most))


def _failure(message: dns.message.Message) -> Reading:
    """A code that is no answer."""
    why = dns.rcode.to_text(message.rcode())
    outcome = Outcome.TEMPORARY
    for option in message.options:
        if isinstance(option, dns.edns.EDEOption):
            if message.rcode() == dns.rcode.SERVFAIL and option.code in BOGUS_CODES:
                outcome = Outcome.BOGUS
            why += f" ({_explained(option)})"
    return Reading(outcome, why=why)


def _explained(option: dns.edns.EDEOption) -> str:
    """An extended error in words: whoever sent it chose them, and they go to logs and terminals."""
    said = "".join(one for one in option.text or "" if one.isprintable())[:100]
    name = getattr(option.code, "name", f"extended error {int(option.code)}")
    return said or name.replace("_", " ").lower()
