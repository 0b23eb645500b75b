"""May our CA issue for a name? Which record says so?

RFC 8659 §3, §4.2, §4.3, §4.5; RFC 8657 §3, §4. The rules are those of a CA, applied before it does.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from postil.caa import binding
from postil.caa.orders import Orders
from postil.caa.properties import ISSUE, ISSUEWILD, Property
from postil.caa.relevant import Relevant
from postil.caa.values import shown


class May(enum.Enum):
    """The verdict."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "cannot tell"


@dataclass(frozen=True, slots=True)
class Verdict:
    """May the CA issue, and why."""

    may: May
    why: str
    property: Property | None = None  # the record that decides, if it is one
    methods: tuple[str, ...] = ()  # of ours, those by which it may validate


def restricting(relevant: Relevant, *, wildcard: bool) -> tuple[Property, ...]:
    """The properties that say who may issue for the name, or for everything one label below it."""
    issuewild = tuple(one for one in relevant.properties if one.tag == ISSUEWILD)
    # RFC 8659 §4.3: "If at least one issuewild Property is specified in the Relevant RRset for a Wildcard Domain Name, each issue Property MUST be ignored when processing a request for that Wildcard Domain Name."
    if wildcard and issuewild:
        return issuewild
    # RFC 8659 §4.3: "Each issuewild Property MUST be ignored when processing a request for an FQDN that is not a Wildcard Domain Name."
    return tuple(one for one in relevant.properties if one.tag == ISSUE)


def judge(relevant: Relevant, orders: Orders, *, wildcard: bool = False) -> Verdict:
    """What the CA of `orders` will find."""
    failed = relevant.failed
    if failed is not None:
        # RFC 8659 §3: it "MUST check for publication of a Relevant RRset" first, and so does not issue when it cannot
        return Verdict(
            May.UNKNOWN,
            f"the records of {failed.chain[0]} cannot be read: {failed.outcome.value}: {failed.why}; "
            "a CA that cannot read them does not issue",
        )
    if not relevant.properties:
        return Verdict(
            May.YES,
            f"neither {relevant.name} nor a domain above it has CAA records",
            methods=orders.methods,
        )
    for one in relevant.properties:
        # RFC 8659 §4.1: "A CA MUST NOT issue certificates for any FQDN if the Relevant RRset for that FQDN contains a CAA critical Property for an unknown or unsupported Property Tag."
        if one.critical and not one.known:
            return Verdict(
                May.NO, f"the property {shown(one.tag)} is critical, and its meaning not known", one
            )
    asked = restricting(relevant, wildcard=wildcard)
    if not asked:
        # RFC 8659 §3: "CAA does not restrict issuance."
        return Verdict(May.YES, "no record there says who may issue", methods=orders.methods)
    return _best([_grants(one, orders) for one in asked], orders)


def _best(verdicts: list[Verdict], orders: Orders) -> Verdict:
    """RFC 8659 §4.2: "CAA authorizations are additive": one record that grants is enough."""
    granted = [one for one in verdicts if one.may is May.YES]
    if granted:
        usable = {method for one in granted for method in one.methods}
        methods = tuple(one for one in orders.methods if one in usable)
        return Verdict(May.YES, granted[0].why, granted[0].property, methods)
    for one in verdicts:
        if one.may is May.UNKNOWN:
            return one
    # A record that names our CA and does not suit says more than those that name others.
    telling = [one for one in verdicts if _names_us(one.property, orders)] or verdicts
    why = "; ".join(dict.fromkeys(one.why for one in telling))
    return Verdict(May.NO, why, telling[0].property)


def _names_us(one: Property | None, orders: Orders) -> bool:
    return one is not None and one.issuance is not None and one.issuance.issuer in orders.names


def _grants(one: Property, orders: Orders) -> Verdict:
    """What a single record means for us."""
    issuance = one.issuance
    assert issuance is not None, "issue and issuewild have a value that names a CA"
    if issuance.malformed:
        return Verdict(
            May.NO, f"its value is malformed and so names no CA: {issuance.malformed}", one
        )
    if not issuance.issuer:
        return Verdict(May.NO, "it names no CA", one)
    if issuance.issuer not in orders.names:
        return Verdict(May.NO, f"it names {issuance.issuer}", one)
    demands = binding.of(issuance)
    if demands.unsatisfiable:
        return Verdict(May.NO, f"nobody can satisfy it: {demands.unsatisfiable}", one)
    # RFC 8657 §3: "a CA MUST only consider that Property to authorize issuance in the context of a given certificate issuance request if the CA recognizes the URI"
    account = demands.account
    if account is not None and orders.account_uris and account not in orders.account_uris:
        return Verdict(May.NO, f"it is for the account {account}, which is not ours", one)
    # RFC 8657 §4: "where the validation method being used is identified by one of the validation method labels listed"
    methods = orders.methods
    if demands.methods is not None and methods:
        methods = tuple(label for label in methods if label in demands.methods)
        if not methods:
            labels = ", ".join(sorted(demands.methods))
            return Verdict(May.NO, f"it allows only {labels}, which we do not use", one)
    if account is not None and not orders.account_uris:
        return Verdict(May.UNKNOWN, f"it is for the account {account}: is that ours?", one)
    if demands.methods is not None and not orders.methods:
        labels = ", ".join(sorted(demands.methods))
        return Verdict(May.UNKNOWN, f"it allows only {labels}: is that what we use?", one)
    return Verdict(May.YES, f"it names {issuance.issuer}", one, methods)
