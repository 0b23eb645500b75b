"""What is open although our CA may issue: who else could get a certificate, and what a record does not do.

RFC 8659 §5, RFC 8657 §5. A verdict says what happens to our order; this says what would happen to somebody else's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from postil.caa import binding
from postil.caa.authorities import documents
from postil.caa.orders import Orders
from postil.caa.properties import CRITICAL, ISSUE, ISSUEMAIL, ISSUEWILD, Property
from postil.caa.relevant import Relevant, Signing
from postil.caa.values import shown
from postil.caa.verdict import restricting
from postil.caa.zonefile import data


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to know; `code` is for programs and stays."""

    code: str
    text: str
    property: Property | None = None


def advise(
    relevant: Relevant, orders: Orders, *, wildcard: bool = False, above: Relevant | None = None
) -> list[Advice]:
    """Everything worth saying, what weighs most first; `above` is what is relevant for the parent of the name."""
    if relevant.failed is not None:
        return []  # the records are not known
    return [
        *_open(relevant, wildcard),
        *_unbound(relevant.properties),
        *_above(relevant, above),
        *_undocumented(relevant),
        *_unsigned(relevant),
        *_others(relevant, orders),
        *_where(relevant),
        *(advice for one in relevant.properties for advice in _spelling(one)),
    ]


def _open(relevant: Relevant, wildcard: bool) -> Iterator[Advice]:
    if not relevant.properties:
        yield Advice(
            "no-caa",
            "there are no CAA records: every CA may issue, to anybody who passes its validation",
        )
    elif not restricting(relevant, wildcard=wildcard):
        yield Advice(
            "not-restricted",
            f"the CAA records of {relevant.at} do not say who may issue: every CA may, to anybody who passes its validation",
        )


def _granting(
    properties: Iterable[Property],
) -> Iterator[tuple[Property, str, binding.Binding]]:
    """The properties by which somebody gets a certificate: each with its CA and its conditions."""
    for one in properties:
        # With a wildcard certificate one answers for the name as well, so that both kinds count.
        if one.tag in (ISSUE, ISSUEWILD) and one.issuance is not None and one.names:
            demands = binding.of(one.issuance)
            if not demands.unsatisfiable:
                yield one, one.names, demands


def _unbound(properties: Iterable[Property]) -> Iterator[Advice]:
    for one, issuer, demands in _granting(properties):
        if demands.account is None:
            by_dns = demands.methods is not None and demands.methods <= binding.BY_DNS
            who = (
                "whoever can write into the zone or alter its answers can"
                if by_dns
                else "whoever intercepts traffic near the machine can"
            )
            yield Advice(
                "account-not-bound",
                f"{data(one.record)}: without accounturi any account of {issuer} gets a certificate once it passes the validation: {who}",
                one,
            )
        if demands.methods is None:
            yield Advice(
                "methods-not-bound",
                f"{data(one.record)}: without validationmethods {issuer} may validate in any way it knows",
                one,
            )


def _above(relevant: Relevant, above: Relevant | None) -> Iterator[Advice]:
    if above is None or above.failed is not None or above.at == relevant.at:
        return
    asked = restricting(above, wildcard=True)
    if not asked or any(demands.account is None for _, _, demands in _granting(asked)):
        why = f"the records of {above.at} bind to no account" if above.at else "no record restricts"
        yield Advice(
            "wildcard-above",
            f"a certificate for *.{above.name}, which {why}, answers for {relevant.name} too",
        )


def _undocumented(relevant: Relevant) -> Iterator[Advice]:
    for one, issuer, demands in _granting(relevant.properties):
        if (demands.account, demands.methods) != (None, None) and documents(issuer) is None:
            # RFC 8657 §5.2: "are not an effective means of control over issuance unless a CA's support for the parameters is established beforehand"
            yield Advice(
                "not-documented",
                f"{data(one.record)}: {issuer} is not known here to document accounturi and validationmethods; "
                "a CA that does not follow them issues as if they were not there",
                one,
            )


def _unsigned(relevant: Relevant) -> Iterator[Advice]:
    names = ", ".join(relevant.unsigned)
    match relevant.signing:
        case Signing.SIGNED:
            return
        case Signing.UNSIGNED:
            # RFC 8657 §5.6: "does not confer additional security against an attacker" where "A domain does not secure its nameservers using DNSSEC"
            text = (
                f"the zone is not signed (DNSSEC), as the answer for {names} shows: "
                "somebody who can alter the DNS answers that the CA gets can get a certificate, whatever the records say"
            )
        case Signing.UNCHECKED:
            text = (
                "the resolver does not check signatures (DNSSEC), so whether the zone is signed cannot be told: if it is not, "
                "somebody who can alter the DNS answers that the CA gets can get a certificate, whatever the records say"
            )
        case Signing.REMOTE:
            text = (
                "the resolver is not on this machine, so that its word on signatures (DNSSEC) cannot be trusted: if the zone is not signed, "
                "somebody who can alter the DNS answers that the CA gets can get a certificate, whatever the records say"
            )
    yield Advice("not-signed" if relevant.signing is Signing.UNSIGNED else "signing-unknown", text)


def _others(relevant: Relevant, orders: Orders) -> Iterator[Advice]:
    issuers = dict.fromkeys(issuer for _, issuer, _ in _granting(relevant.properties))
    others = [issuer for issuer in issuers if issuer not in orders.names]
    if others and len(issuers) > 1:
        yield Advice(
            "several-issuers",
            f"several CAs may issue, {', '.join(others)} too: the weakest of them decides what the records are worth",
        )
    for one, issuer, demands in _granting(relevant.properties):
        account = demands.account if issuer in orders.names and orders.account_uris else None
        if account is not None and account not in orders.account_uris:
            yield Advice(
                "another-account",
                f"{data(one.record)}: this account is not ours, and may get certificates too",
                one,
            )


def _where(relevant: Relevant) -> Iterator[Advice]:
    if target := relevant.alias_of:
        yield Advice(
            "alias",
            f"{relevant.at} is an alias of {target}: the records are those of {target}, and whoever runs that zone decides",
        )


def _spelling(one: Property) -> Iterator[Advice]:
    if one.problem:
        counts = ", and so it names no CA" if one.issuance is not None else ""
        yield Advice("malformed", f"{data(one.record)}: {one.problem}{counts}", one)
    if one.record.flags & ~CRITICAL:
        # RFC 8659 §4.1: "the Flags value 1 means that bit 7 is set, while a value of 128 means that bit 0 is set."
        yield Advice(
            "reserved-flags",
            f"{data(one.record)}: the flags are {one.record.flags}, of which CAs look at {CRITICAL} (critical) only",
            one,
        )
    if not one.known and not one.critical:
        yield Advice(
            "unknown-tag",
            f"{data(one.record)}: the tag {shown(one.tag)} is not known here; as it is not critical it forbids nothing",
            one,
        )
    if one.tag == ISSUEMAIL and one.critical:
        yield Advice(
            "critical-issuemail",
            f"{data(one.record)}: it is about certificates for mail addresses, but a CA that does not know it issues none at all",
            one,
        )
    for parameter in one.issuance.parameters if one.issuance is not None else ():
        known = parameter.tag.lower() in (binding.ACCOUNT, binding.METHODS)
        if known and parameter.tag != parameter.tag.lower():
            yield Advice(
                "parameter-case",
                f"{data(one.record)}: write {parameter.tag.lower()} in lower case: a CA may not know {parameter.tag} and ignore it",
                one,
            )
