"""Where an address leads: to the account it belongs to, through aliases and lists, by its tag, by decree, or to the domain's catch-all.

The order, first come first served: the address itself; postmaster and abuse, which exist at every domain (RFC 5321 §4.5.1, RFC 2142 §4); the
`-request` of a list, which is its owner (RFC 2142 §6); the address without its tag (RFC 5233 §1); the catch-all. So a catch-all never swallows what
exists by decree. Local parts belong to the host that receives (RFC 5321 §2.4): the rules of the domain say how they are read.
"""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from postil.accounts import limits, names
from postil.accounts.expanding import Member, Node, expand, splits
from postil.ports.accounts import (
    Account,
    AccountsUnavailable,
    Delivery,
    NotExpandable,
    Posts,
)
from postil.smtp.paths import mailbox

Row = tuple[object, ...]
Ask = Callable[[str, Sequence[object]], Awaitable[list[Row]]]

ACCOUNT: Final = (
    "account.id, account.name, account.display_name, account.quota, account.disabled,"
    " account.quota_messages, account.quota_mailboxes, account.shows_free_space,"
    " account.marks_important, account.disabled_until, account.disabled_mail,"
    " (SELECT group_concat(capability, ' ') FROM switched_off WHERE switched_off.account = account.id)"
)
COLUMNS: Final = 12

# The local part as the domain of the address compares it: domain, as spelled, folded.
KEY: Final = "CASE WHEN EXISTS (SELECT 1 FROM domain_rule WHERE domain = ? AND case_sensitive) THEN ? ELSE ? END"
_ADDRESS: Final = (
    f"SELECT {ACCOUNT}, address.local, address.mailbox, address.alias, address.domain FROM address"
    " LEFT JOIN account ON account.id = address.account"
)
_REQUEST: Final = "-request"


def compared(local: str, domain: str) -> tuple[str, str, str]:
    """The values for `KEY`."""
    return domain, names.address_key(local, True), names.address_key(local, False)


@dataclass(frozen=True, slots=True)
class _Rules:
    separators: str = "+"
    case_sensitive: bool = False
    tag_mailboxes: bool = False
    account: object = None
    address: object = None


class Routes:
    """Asks the database; `account` makes an account of the first columns of a row."""

    def __init__(
        self,
        ask: Ask,
        account: Callable[[Row], Awaitable[Account]],
        domains: Mapping[str, str],
        now: Callable[[], float],
    ) -> None:
        self._ask = ask
        self._account = account
        self._domains = domains
        self._now = now

    async def find(self, local: str, domain: str) -> tuple[Delivery, ...]:
        """Where mail goes; none when there is no such address. `domain` as compared, "" for bare postmaster."""
        folded = names.key(local)
        if not domain:
            # RFC 5321 §4.5.1: "SMTP systems are expected to make every reasonable effort to accept mail directed to
            # Postmaster from any other system on the Internet." Without a domain too.
            return await self._role(folded, domain) if folded == "postmaster" else ()
        rows = await self._ask(
            f"{_ADDRESS} WHERE address.domain = ? AND address.key = {KEY}",
            (domain, *compared(local, domain)),
        )
        if rows:
            return await self._lead(rows[0], ())
        # RFC 5321 §4.5.1: "Any system that includes an SMTP server supporting mail relaying or delivery
        # MUST support the reserved mailbox 'postmaster' as a case-insensitive local name."
        if folded in names.ROLES and domain in self._domains:
            return await self._role(folded, domain)
        rules = await self._rules(domain)
        return (
            await self._request(local, domain, rules)
            or await self._tagged(local, domain, rules)
            or await self._caught(local, domain, rules)
        )

    async def _lead(self, row: Row, via: tuple[str, ...]) -> tuple[Delivery, ...]:
        """An address of the table to the accounts behind it."""
        local, box, alias, domain = row[COLUMNS : COLUMNS + 4]
        if isinstance(alias, int):
            return expand(await self._nodes(alias), alias, via)
        address = mailbox(str(local), str(domain))
        passed = tuple(one for one in via if one != address)
        return (Delivery(await self._account(row), address, str(box), via=passed),)

    async def _rules(self, domain: str) -> _Rules:
        rows = await self._ask(
            "SELECT separators, case_sensitive, tag_mailboxes, catch_all_account, catch_all_address"
            " FROM domain_rule WHERE domain = ?",
            (domain,),
        )
        if not rows:
            return _Rules()
        separators, sensitive, tags, account, address = rows[0]
        return _Rules(str(separators), bool(sensitive), bool(tags), account, address)

    async def _request(self, local: str, domain: str, rules: _Rules) -> tuple[Delivery, ...]:
        # RFC 2142 §6: "there MUST be the administrative mailbox name:" LIST-REQUEST, whatever the list is kept with
        base = local[: -len(_REQUEST)]
        if names.key(local) != names.key(base) + _REQUEST or not base:
            return ()
        rows = await self._ask(
            "SELECT alias.owner FROM address JOIN alias ON alias.id = address.alias"
            " WHERE address.domain = ? AND address.key = ? AND alias.kind = 'list'",
            (domain, names.address_key(base, rules.case_sensitive)),
        )
        if not rows:
            return ()
        address = mailbox(local, domain)
        if rows[0][0] is not None:
            owner = await self._ask(f"{_ADDRESS} WHERE address.id = ?", (rows[0][0],))
            return tuple(replace(one, lists=()) for one in await self._lead(owner[0], (address,)))
        return await self.find("postmaster", domain)

    async def _tagged(self, local: str, domain: str, rules: _Rules) -> tuple[Delivery, ...]:
        # Composed first: a separator with an accent upon it is another character, and separates nothing.
        whole = unicodedata.normalize("NFC", local)
        ways = splits(whole, rules.separators)
        if not ways:
            return ()
        keys = [names.address_key(base, rules.case_sensitive) for base, _ in ways]
        rows = await self._ask(
            f"{_ADDRESS} WHERE address.domain = ? AND address.key IN ({', '.join('?' * len(keys))})",
            (domain, *keys),
        )
        known = {names.address_key(str(row[COLUMNS]), rules.case_sensitive): row for row in rows}
        for (base, tag), key in zip(ways, keys, strict=True):
            if key in known:
                found = await self._lead(known[key], (mailbox(whole, domain),))
                if known[key][COLUMNS + 2] is not None:
                    return found  # an alias: the mailboxes of its members are not the sender's to choose
                own = replace(found[0], address=mailbox(whole, domain), via=())
                return (replace(own, tag=tag) if rules.tag_mailboxes else own,)
            if names.key(base) in names.ROLES and domain in self._domains:
                return await self._role(names.key(base), domain)
        return ()

    async def _caught(self, local: str, domain: str, rules: _Rules) -> tuple[Delivery, ...]:
        via = (mailbox(local, domain),)
        if rules.account is not None:
            rows = await self._ask(f"SELECT {ACCOUNT} FROM account WHERE id = ?", (rules.account,))
            account = await self._account(rows[0])
            # The address stands for itself: it is all there is to say where the mail was sent.
            return (Delivery(account, via[0]),)
        if rules.address is not None:
            rows = await self._ask(f"{_ADDRESS} WHERE address.id = ?", (rules.address,))
            return await self._lead(rows[0], via)
        return ()

    async def _role(self, key: str, domain: str) -> tuple[Delivery, ...]:
        # RFC 5321 §4.5.1: bare <Postmaster> names no domain; the first that names a person decides.
        named = self._domains[domain] if domain else next(filter(None, self._domains.values()), "")
        enabled = "(disabled IS NULL OR disabled_until <= ?)"
        now = int(self._now())
        rows = await self._ask(
            f"SELECT {ACCOUNT} FROM account WHERE key = ? AND {enabled}",
            (names.login_key(named), now),
        ) or await self._ask(
            f"SELECT {ACCOUNT} FROM account WHERE {enabled} ORDER BY id LIMIT 1", (now,)
        )
        if not rows:
            # The address exists by decree; until somebody reads it the sender shall try again.
            raise AccountsUnavailable("no account exists yet that could receive it")
        return (Delivery(await self._account(rows[0]), f"{key}@{domain}" if domain else key),)

    # --- aliases and lists

    async def _nodes(self, start: int) -> dict[int, Node]:
        """The alias and all that lie in it."""
        nodes: dict[int, Node] = {}
        todo = [start]
        copies = 0
        while todo:
            number = todo.pop()
            if number in nodes:
                continue
            nodes[number] = node = await self._node(number)
            copies += len(node.members)
            if copies > limits.COPIES:
                raise NotExpandable("the address leads to too many accounts", later=True)
            todo += [member.alias for member in node.members if member.alias is not None]
        return nodes

    async def _node(self, number: int) -> Node:
        rows = await self._ask(
            "SELECT kind, posts, members_send, own.local, own.domain, owner.local, owner.domain"
            " FROM alias JOIN address AS own ON own.alias = alias.id"
            " LEFT JOIN address AS owner ON owner.id = alias.owner WHERE alias.id = ?",
            (number,),
        )
        if not rows:  # removed between two questions
            raise AccountsUnavailable("the alias is just being changed")
        kind, posts, sends, local, domain, owner, owner_domain = rows[0]
        address = mailbox(str(local), str(domain))
        members = await self._members(number, address)
        if kind == "alias":
            return Node(address, members, sends=bool(sends))
        named = await self._ask("SELECT key, domain FROM poster WHERE alias = ?", (number,))
        return Node(
            address,
            members,
            # RFC 5321 §3.9: "the return address in the envelope ("MAIL FROM:") MUST be changed to be the address of a
            # person or other entity who administers the list."
            owner=mailbox(str(owner), str(owner_domain)) if owner else f"postmaster@{domain}",
            posts=Posts(posts),
            named=frozenset(f"{key}@{place}" for key, place in named),
        )

    async def _members(self, number: int, alias: str) -> tuple[Member, ...]:
        rows = await self._ask(
            f"SELECT {ACCOUNT}, address.local, address.mailbox, address.alias, address.domain,"
            " (SELECT own.local || char(31) || own.domain FROM address AS own WHERE own.account = member.account"
            "  ORDER BY own.id LIMIT 1)"
            " FROM member LEFT JOIN address ON address.id = member.address"
            " LEFT JOIN account ON account.id = coalesce(member.account, address.account)"
            " WHERE member.alias = ? ORDER BY member.id",
            (number,),
        )
        # At once, so that the store prepares those it does not know yet with one sync of the disk and not one each.
        direct = [row for row in rows if not isinstance(row[COLUMNS + 2], int)]
        accounts = iter(await asyncio.gather(*map(self._account, direct)))
        members = []
        for row in rows:
            local, box, other, domain, own = row[COLUMNS : COLUMNS + 5]
            if isinstance(other, int):
                members.append(Member(mailbox(str(local), str(domain)), None, other))
                continue
            if local is not None:
                address = mailbox(str(local), str(domain))
            else:
                # An account without an address of its own was reached by the alias's.
                spelled, _, place = str(own or "").partition("\x1f")
                address = mailbox(spelled, place) if place else alias
            members.append(Member(address, next(accounts), None, str(box or "INBOX")))
        return tuple(members)
