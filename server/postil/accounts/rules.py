"""What a domain does with local parts: case, what separates a tag, and where mail for unknown addresses goes.

RFC 5321 §2.4 (the local part belongs to the receiving host), §4.5.1; RFC 2142 §4. A domain without rules compares without case, takes `+` as
separator, puts tagged mail into the mailbox of the address, and refuses what is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TypeVar

from postil.accounts import limits, names
from postil.accounts.changes import AccountError, Changes
from postil.accounts.places import Places, Target
from postil.accounts.roles import Kind, Thing
from postil.smtp.paths import mailbox


@dataclass(frozen=True, slots=True)
class DomainRules:
    """The rules of one domain (A-labels)."""

    domain: str
    separators: str = "+"
    case_sensitive: bool = False
    tag_mailboxes: bool = False
    catch_all: str | None = None  # an account or an address
    catch_all_domains: frozenset[str] = field(default_factory=frozenset)

    def state(self) -> dict[str, object]:
        """As JSON shows it."""
        return {
            "domain": self.domain,
            "separators": self.separators,
            "case_sensitive": self.case_sensitive,
            "tag_mailboxes": self.tag_mailboxes,
            "catch_all": self.catch_all,
        }


class Rules:
    """Shows and changes the rules of domains."""

    def __init__(self, changes: Changes, places: Places) -> None:
        self._changes = changes
        self._places = places

    async def show(self, domain: str) -> DomainRules:
        """The rules in force, whether or not they were ever set."""
        domain = _domain(domain)
        rules = await self._read(domain)
        if not self._changes.sees(Thing(Kind.RULES, domain, frozenset({domain}))):
            raise AccountError(f"{self._changes.actor} may not see the rules of {domain}")
        return rules

    async def _read(self, domain: str) -> DomainRules:
        found = await self._changes.rows(
            "SELECT separators, case_sensitive, tag_mailboxes, account.name, address.local, address.domain"
            " FROM domain_rule LEFT JOIN account ON account.id = catch_all_account"
            " LEFT JOIN address ON address.id = catch_all_address WHERE domain_rule.domain = ?",
            (domain,),
        )
        if not found:
            return DomainRules(domain)
        separators, sensitive, tags, name, local, other = found[0]
        catch_all = None
        domains: frozenset[str] = frozenset()
        if name is not None:
            catch_all = str(name)
            domains = (await self._places.target(catch_all)).domains
        elif local is not None:
            catch_all, domains = mailbox(str(local), str(other)), frozenset({str(other)})
        return DomainRules(domain, str(separators), bool(sensitive), bool(tags), catch_all, domains)

    async def set(
        self,
        domain: str,
        *,
        separators: str | None = None,
        case_sensitive: bool | None = None,
        tag_mailboxes: bool | None = None,
        catch_all: str | None = None,
    ) -> DomainRules:
        """Change what is given; `separators` "" and `catch_all` "" mean none."""
        domain = _domain(domain)
        if separators is not None and (unknown := set(separators) - set(limits.SEPARATORS)):
            raise AccountError(
                f"{min(unknown)!r} cannot separate a tag: choose from {limits.SEPARATORS}"
            )
        async with self._changes.change() as change:
            before = await self._read(domain)
            target = await self._places.target(catch_all) if catch_all else None
            wanted = replace(
                before,
                separators=_or(
                    separators and "".join(dict.fromkeys(separators)), before.separators
                ),
                case_sensitive=_or(case_sensitive, before.case_sensitive),
                tag_mailboxes=_or(tag_mailboxes, before.tag_mailboxes),
                catch_all=before.catch_all if catch_all is None else _text(target),
            )
            if wanted.state() == before.state():
                return before
            await self._changes.connection.execute(
                "INSERT OR IGNORE INTO domain_rule (domain) VALUES (?)", (domain,)
            )
            await self._changes.connection.execute(
                "UPDATE domain_rule SET separators = ?, tag_mailboxes = ? WHERE domain = ?",
                (wanted.separators, wanted.tag_mailboxes, domain),
            )
            if wanted.case_sensitive != before.case_sensitive:
                await self._compare(domain, wanted.case_sensitive)
            if catch_all is not None:
                await self._catch(domain, target)
            after = await self._read(domain)
            await change.wrote("domain.rules", _thing(before, after), before.state(), after.state())
        return after

    async def _catch(self, domain: str, target: Target | None) -> None:
        await self._changes.connection.execute(
            "UPDATE domain_rule SET catch_all_account = ?, catch_all_address = ? WHERE domain = ?",
            (target and target.account, target and target.address, domain),
        )

    async def _compare(self, domain: str, sensitive: bool) -> None:
        """Every address of the domain gets the key that the rule asks for; two that become one are refused."""
        taken: dict[str, str] = {}
        found = await self._changes.rows(
            "SELECT id, local FROM address WHERE domain = ? ORDER BY id", (domain,)
        )
        for _, local in found:
            key = names.address_key(str(local), sensitive)
            if key in taken:
                raise AccountError(
                    f"{mailbox(taken[key], domain)} and {mailbox(str(local), domain)} would be one address: remove one first"
                )
            taken[key] = str(local)
        execute = self._changes.connection.execute
        # Out of the way first: a new key of one may be the old key of another.
        await execute("UPDATE address SET key = char(0) || id WHERE domain = ?", (domain,))
        for number, local in found:
            await execute(
                "UPDATE address SET key = ? WHERE id = ?",
                (names.address_key(str(local), sensitive), number),
            )
        await execute(
            "UPDATE domain_rule SET case_sensitive = ? WHERE domain = ?", (sensitive, domain)
        )


def _text(target: Target | None) -> str | None:
    return None if target is None else target.text


_Value = TypeVar("_Value")


def _or(value: _Value | None, default: _Value) -> _Value:
    return default if value is None else value


def _domain(domain: str) -> str:
    try:
        return names.domain_key(domain)
    except names.BadAddress as error:
        raise AccountError(str(error)) from error


def _thing(*states: DomainRules) -> Thing:
    touched = frozenset({states[0].domain}).union(*(one.catch_all_domains for one in states))
    return Thing(Kind.RULES, states[0].domain, touched)
