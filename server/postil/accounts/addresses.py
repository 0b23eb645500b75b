"""The addresses that lead to accounts: what `postil address add` and `rm` change. Those of aliases and lists are made with them (`aliases`)."""

from __future__ import annotations

from collections.abc import Sequence

from postil.accounts.changes import AccountError, Changes
from postil.accounts.places import Places, split
from postil.accounts.roles import Kind, Thing
from postil.accounts.rows import AccountRow, named, numbered, thing
from postil.smtp.paths import mailbox as spelled


class Addresses:
    """Adds, removes and lists them."""

    def __init__(self, changes: Changes, places: Places) -> None:
        self._changes = changes
        self._places = places

    async def insert(self, account: int, local: str, domain: str, mailbox: str = "INBOX") -> None:
        """One more address of an account, in the caller's transaction."""
        await self._changes.insert(
            "INSERT INTO address (key, domain, local, account, mailbox) VALUES (?, ?, ?, ?, ?)",
            (await self._places.key(local, domain), domain, local, account, mailbox),
            f"the address {local}@{domain} is taken",
        )

    async def add(self, name: str, address: str, mailbox: str = "INBOX") -> AccountRow:
        """One more address for an account; the same one again is no error."""
        local, domain = split(address)
        async with self._changes.change() as change:
            before = await named(self._changes, name)
            found = await self._places.find(local, domain)
            if found is not None and found.account == before.id:
                return before
            await self.insert(before.id, local, domain, mailbox)
            after = await numbered(self._changes, before.id)
            await change.wrote("address.add", thing(before, after), before.state(), after.state())
        return after

    async def remove(self, address: str) -> None:
        """The address no longer exists; its account and mail stay."""
        local, domain = split(address)
        async with self._changes.change() as change:
            found = await self._places.find(local, domain)
            if found is None:
                raise AccountError(f"there is no address {address}")
            if found.account is None:
                raise AccountError(f"{address} is an alias or a list: postil alias rm {address}")
            before = await numbered(self._changes, found.account)
            gone = {
                **before.state(),
                "member of": await self._places.memberships_of_address(found.id),
            }
            await self._changes.connection.execute("DELETE FROM address WHERE id = ?", (found.id,))
            after = await numbered(self._changes, found.account)
            await change.wrote("address.remove", thing(before, after), gone, after.state())

    async def at(self, domain: str) -> Sequence[str]:
        """The addresses of a domain (A-labels), those of aliases and lists too, sorted; none where the actor may not see it."""
        if not self._changes.sees(Thing(Kind.RULES, domain, frozenset({domain}))):
            return []
        found = await self._changes.rows(
            "SELECT local FROM address WHERE domain = ? ORDER BY key", (domain,)
        )
        return [spelled(str(local), domain) for (local,) in found]
