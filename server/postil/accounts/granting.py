"""Who has which role: what `postil admin` changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from postil.accounts import names, rows
from postil.accounts.changes import AccountError, Changes
from postil.accounts.roles import Kind, Power, Role, Thing
from postil.accounts.rows import AccountRow


@dataclass(frozen=True, slots=True)
class Holder:
    """An account that holds roles."""

    name: str
    roles: tuple[Role, ...]

    def state(self) -> dict[str, object]:
        """As JSON shows it."""
        return {
            "name": self.name,
            "roles": [{"role": role.power.value, "domain": role.domain} for role in self.roles],
        }


class Roles:
    """Gives and takes roles."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes

    async def every(self) -> Sequence[Holder]:
        """Accounts with a role, by name."""
        found = await rows.read(self._changes, "WHERE id IN (SELECT account FROM role)")
        return [Holder(row.name, row.roles) for row in found]

    async def give(self, name: str, wanted: Sequence[Role]) -> Holder:
        """These roles too; one that the account holds already is no error."""
        return await self._change(
            name,
            wanted,
            "role.give",
            "INSERT OR IGNORE INTO role (account, role, domain) VALUES (?, ?, ?)",
        )

    async def take(self, name: str, unwanted: Sequence[Role] | None = None) -> Holder:
        """These roles no longer, None: no role at all; one that it does not hold is no error."""
        statement = "DELETE FROM role WHERE account = ? AND role = ? AND domain = ?"
        return await self._change(name, unwanted, "role.take", statement)

    async def _change(
        self, name: str, roles: Sequence[Role] | None, action: str, statement: str
    ) -> Holder:
        async with self._changes.change() as change:
            before = await self._one(name)
            for role in before.roles if roles is None else map(_checked, roles):
                await self._changes.connection.execute(
                    statement, (before.id, role.power.value, role.domain)
                )
            after = await self._one(name)
            thing = Thing(
                Kind.ROLE, after.name, before.domains(), frozenset(before.roles + after.roles)
            )
            old, new = (
                Holder(after.name, before.roles).state(),
                Holder(after.name, after.roles).state(),
            )
            await change.wrote(action, thing, old, new)
        return Holder(after.name, after.roles)

    async def _one(self, name: str) -> AccountRow:
        found = await rows.read(self._changes, "WHERE account.key = ?", (names.login_key(name),))
        if not found:
            raise AccountError(f"there is no account {name}")
        return found[0]


def _checked(role: Role) -> Role:
    if (role.power is Power.DOMAIN_ADMIN) != bool(role.domain):
        raise AccountError("a domain admin is one of a domain, and nobody else is")
    try:
        return Role(role.power, names.domain_key(role.domain) if role.domain else "")
    except names.BadAddress as error:
        raise AccountError(str(error)) from error
