"""The records to publish, so that only our account at our CA gets certificates, by the methods that we use.

RFC 8659 §4.2, RFC 8657 §3, §4 and appendix A (several accounts: a record for each). What is published already is looked at: records add up, so that a
new one beside an old one closes nothing, and none can stand beside a CNAME.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from postil.caa import binding
from postil.caa.authorities import documents
from postil.caa.orders import Orders
from postil.caa.properties import ISSUE, ISSUEWILD, make
from postil.caa.relevant import Relevant, Signing
from postil.caa.values import Issuance
from postil.caa.zonefile import data
from postil.ports.resolver import Caa, Outcome

# Names below a mail domain for which its server needs certificates: settings of mail programs, and RFC 8461 §3.3
BELOW: Final = ("autoconfig", "mta-sts")

PROTECTS: Final = (
    "So that someone who intercepts traffic near the machine cannot get a certificate, as long as the CA documents both parameters and "
    "he cannot alter DNS (zone signed; the check says so)."
)


@dataclass(frozen=True, slots=True)
class Place:
    """What to publish at a name, and what to know about it."""

    name: str
    records: tuple[Caa, ...]
    notes: tuple[str, ...] = ()


def names(domain: str, hosts: Iterable[str]) -> list[str]:
    """The names that need records: the domain, those below it, the machines (the mail host, the name in clients' settings)."""
    return list(dict.fromkeys((domain, *(f"{label}.{domain}" for label in BELOW), *hosts)))


def records(orders: Orders) -> tuple[Caa, ...]:
    """What stands at each of the names. One name of the CA is enough: a second would be a second door."""
    accounts: tuple[str | None, ...] = orders.account_uris or (None,)
    return tuple(
        make(ISSUE, Issuance(orders.issuers[0], binding.parameters(account, orders.methods)))
        for account in accounts
    )


def place(relevant: Relevant, wanted: tuple[Caa, ...]) -> Place:
    """The records for a name, seen beside what is there now."""
    name, own = relevant.name, relevant.steps[0]
    if not own.outcome.known:
        return Place(
            name,
            wanted,
            (f"{name}: what is there now cannot be read: {own.outcome.value}: {own.why}",),
        )
    if len(own.chain) > 1:
        # RFC 1034 §3.6.2: nothing stands beside a CNAME
        return Place(
            name,
            (),
            (
                f"{name} is an alias of {own.canonical}: no CAA record can stand beside it, those of {own.canonical} count. Publish them there, or make "
                f"{name} no alias.",
            ),
        )
    there = relevant.properties if own.outcome is Outcome.FOUND else ()
    notes = [
        f"{name} has {data(one.record)}: records add up, so these protect only once it is gone."
        for one in there
        if one.tag in (ISSUE, ISSUEWILD) and one.record not in wanted and one.names
    ]
    return Place(name, wanted, tuple(notes))


def gaps(orders: Orders, signing: Signing) -> list[str]:
    """What these records do not do, a sentence each."""
    issuer = orders.issuers[0]
    found = []
    if not orders.account_uris:
        by_dns = orders.methods and binding.BY_DNS.issuperset(orders.methods)
        who = "can write into the zone" if by_dns else "intercepts traffic near the machine"
        found.append(
            f"No account was named: any account of {issuer} gets a certificate once it passes the validation: somebody who {who} gets one."
        )
    if not orders.methods:
        found.append(f"No method was named: {issuer} may validate in any way it knows.")
    if (orders.account_uris or orders.methods) and documents(issuer) is None:
        found.append(
            f"{issuer} is not known here to document accounturi and validationmethods (RFC 8657 section 5.2). Until it says so, take it that any account "
            "and any method will do: then the records keep out other CAs and nobody else."
        )
    altered = "somebody who can alter the DNS answers that the CA gets can get a certificate, whatever the records say."
    if signing is Signing.UNSIGNED:
        found.append(f"The zone is not signed (DNSSEC): {altered}")
    elif signing is not Signing.SIGNED:
        found.append(
            f"Whether the zone is signed (DNSSEC) cannot be told, as {signing.value}. If it is not, {altered}"
        )
    return found
