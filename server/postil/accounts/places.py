"""Where an address or a name leads, as the commands ask it: for members of lists, owners and catch-alls.

Only what is here can be named. TODO(RFC 5321 §3.9): an address of another server cannot be a member, because there is no outgoing queue;
the command says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from postil.accounts import names, rows
from postil.accounts.changes import AccountError, Changes
from postil.smtp.paths import mailbox

ELSEWHERE: Final = (
    "{name} is no address here, and mail cannot be sent to other servers yet (there is no outgoing queue): name an"
    " account or an address of this server"
)


@dataclass(frozen=True, slots=True)
class Place:
    """An address that exists; it leads to an account or is an alias."""

    id: int
    text: str
    domain: str
    account: int | None
    alias: int | None


@dataclass(frozen=True, slots=True)
class Target:
    """Something that mail can be led to: an account, or an address; one of the numbers is None."""

    text: str
    account: int | None
    address: int | None
    alias: int | None  # where the address is one
    domains: frozenset[str]


def split(address: str) -> tuple[str, str]:
    """Local part and domain; AccountError."""
    try:
        return names.split_address(address)
    except names.BadAddress as error:
        raise AccountError(str(error)) from error


class Places:
    """Questions about addresses, within whatever transaction is open."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes

    async def key(self, local: str, domain: str) -> str:
        """The local part as the domain compares it."""
        rule = await self._changes.rows(
            "SELECT case_sensitive FROM domain_rule WHERE domain = ?", (domain,)
        )
        return names.address_key(local, bool(rule and rule[0][0]))

    async def find(self, local: str, domain: str) -> Place | None:
        """The address, exactly: no tags, no catch-all."""
        found = await self._changes.rows(
            "SELECT id, local, account, alias FROM address WHERE domain = ? AND key = ?",
            (domain, await self.key(local, domain)),
        )
        if not found:
            return None
        number, spelled, account, alias = found[0]
        text = mailbox(str(spelled), domain)
        return Place(int(str(number)), text, domain, _number(account), _number(alias))

    async def target(self, name: str) -> Target:
        """An account by its login name, or else an address here; AccountError that says which of the two it is not."""
        found = await rows.read(self._changes, "WHERE account.key = ?", (names.login_key(name),))
        if found:
            return Target(found[0].name, found[0].id, None, None, found[0].domains())
        if "@" not in name:
            raise AccountError(f"there is no account {name}")
        local, domain = split(name)
        place = await self.find(local, domain)
        if place is None:
            raise AccountError(ELSEWHERE.format(name=name))
        return Target(place.text, None, place.id, place.alias, frozenset({domain}))

    async def memberships(self, account: int) -> list[str]:
        """The aliases and lists that name the account or one of its addresses."""
        return await self._texts(
            "SELECT local, domain FROM address WHERE alias IN (SELECT alias FROM member WHERE account = ?1"
            " OR address IN (SELECT id FROM address WHERE account = ?1)) ORDER BY domain, key",
            account,
        )

    async def memberships_of_address(self, address: int) -> list[str]:
        """The aliases and lists that name the address."""
        return await self._texts(
            "SELECT local, domain FROM address WHERE alias IN (SELECT alias FROM member WHERE address = ?)"
            " ORDER BY domain, key",
            address,
        )

    async def catch_alls(self, account: int) -> list[str]:
        """The domains whose unknown addresses lead straight to the account."""
        found = await self._changes.rows(
            "SELECT domain FROM domain_rule WHERE catch_all_account = ?1"
            " OR catch_all_address IN (SELECT id FROM address WHERE account = ?1) ORDER BY domain",
            (account,),
        )
        return [str(row[0]) for row in found]

    async def _texts(self, sql: str, value: int) -> list[str]:
        return [
            mailbox(str(local), str(domain))
            for local, domain in await self._changes.rows(sql, (value,))
        ]


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None
