"""The decision itself, and why each rule before it did not fit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

DIRECT: Final = (
    "direct"  # the transport of whatever no rule fits: to the MX hosts of the recipient's domain
)
NULL_SENDER: Final = (
    "<>"  # in `from_domain`: notices of failure, which have no sender (RFC 5321 §4.5.5)
)


class Rule(Protocol):
    """What a rule asks for; a condition that is empty is none. All of them must hold."""

    @property
    def name(self) -> str: ...
    @property
    def from_domain(self) -> Sequence[str]: ...
    @property
    def from_account(self) -> Sequence[str]: ...
    @property
    def to_domain(self) -> Sequence[str]: ...
    @property
    def minimum_attempts(self) -> int: ...
    @property
    def transport(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one recipient of a message."""

    from_domain: str  # of the envelope's sender; "" for the null sender
    to_domain: str
    account: str = ""  # login name of who submitted it; "" when nobody did: a notice of ours, or forwarded mail
    attempts: int = 0  # that have failed so far


@dataclass(frozen=True, slots=True)
class Passed:
    """A rule that did not fit."""

    rule: str
    field: str  # the first condition that failed


@dataclass(frozen=True, slots=True)
class Choice:
    """Who takes it."""

    transport: str
    rule: str | None  # None: no rule fits
    passed: tuple[Passed, ...]


def choose(rules: Iterable[Rule], facts: Facts) -> Choice:
    """The transport of the first rule whose conditions all hold, else DIRECT."""
    passed: list[Passed] = []
    for rule in rules:
        field = _misses(rule, facts)
        if field is None:
            return Choice(rule.transport, rule.name, tuple(passed))
        passed.append(Passed(rule.name, field))
    return Choice(DIRECT, None, tuple(passed))


def within(domain: str, patterns: Sequence[str]) -> bool:
    """Is a domain one of those: itself (`example.org`), or below (`.example.org`)?"""
    return any(
        domain.endswith(one) and domain != one if one.startswith(".") else domain == one
        for one in patterns
    )


def _misses(rule: Rule, facts: Facts) -> str | None:
    """The first condition of a rule that does not hold."""
    if rule.from_domain and not within(facts.from_domain or NULL_SENDER, rule.from_domain):
        return "from_domain"
    if rule.from_account and facts.account.casefold() not in map(str.casefold, rule.from_account):
        return "from_account"
    if rule.to_domain and not within(facts.to_domain, rule.to_domain):
        return "to_domain"
    return "minimum_attempts" if facts.attempts < rule.minimum_attempts else None
