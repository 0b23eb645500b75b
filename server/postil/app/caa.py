"""CAA records looked at before a certificate is ordered: what the authority will find, said by us first.

RFC 8659 §3, RFC 8657. The order goes on whatever is found: the authority decides, and it may see another side of the DNS than we do. But the
log then has the record that forbids it, and not only a refusal; and it says where somebody else could get a certificate for the name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from postil.acme.issue import CaaCheck, Plan
from postil.caa.advice import advise
from postil.caa.orders import Orders
from postil.caa.relevant import BadDomain, Subject, find
from postil.caa.verdict import May, judge
from postil.config.acme import is_ip
from postil.dns import BadServer
from postil.ports.resolver import Resolver

Tell = Callable[[str, Mapping[str, object]], None]

# What makes the binding worth something; the rest of the advice is for `postil caa check`.
_WORTH_TELLING = ("no-caa", "not-restricted", "account-not-bound", "methods-not-bound")


def checking(resolver: Callable[[], Resolver], tell: Tell) -> CaaCheck:
    """The look before an order; `resolver` is called for each order, since the machine's may change."""

    async def check(plan: Plan, issuers: Sequence[str], account: str) -> None:
        orders = orders_of(issuers, account, plan.provider.challenges)
        if orders is None:
            return  # an authority without a name in CAA records: nothing can be said
        try:
            asked = resolver()
        except BadServer as error:
            tell("caa", {"certificate": plan.label, "reason": f"nobody to ask: {error}"})
            return
        for name in plan.certificate.names:
            if not is_ip(name):  # CAA is about domain names only
                await _look(plan, name, orders, asked, tell)

    return check


def orders_of(issuers: Sequence[str], account: str, methods: Sequence[str]) -> Orders | None:
    """What CAA records may forbid of our orders; None where the authority says nothing that could stand in one."""
    try:
        return Orders(tuple(issuers), (account,) if account else (), tuple(methods))
    except ValueError:
        return None


async def _look(plan: Plan, name: str, orders: Orders, resolver: Resolver, tell: Tell) -> None:
    facts: dict[str, object] = {"certificate": plan.label, "name": name}
    try:
        subject = Subject.parse(name)
    except BadDomain:
        return  # the authority says so better
    relevant = await find(subject.name, resolver)
    verdict = judge(relevant, orders, wildcard=subject.wildcard)
    if verdict.may is not May.YES:
        tell("caa", {**facts, "may_issue": verdict.may.value, "reason": verdict.why})
        return
    open_ones = [
        advice.code
        for advice in advise(relevant, orders, wildcard=subject.wildcard)
        if advice.code in _WORTH_TELLING
    ]
    if open_ones:
        why = "somebody else may get a certificate for it: postil caa check, postil caa suggest"
        tell("caa-open", {**facts, "advice": ", ".join(dict.fromkeys(open_ones)), "reason": why})
