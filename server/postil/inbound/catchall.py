"""A directory in which every address exists and leads to one account: what localserve receives with.

It asks the real directory for logins and for that account.
"""

from __future__ import annotations

from collections.abc import Sequence

from postil.ports.accounts import Account, Accounts, AccountsUnavailable, Delivery
from postil.ports.ids import AccountId


class CatchAll:
    """`ports.accounts.Accounts` over another one."""

    def __init__(self, accounts: Accounts, local_part: str, domain: str) -> None:
        self._accounts = accounts
        self._local_part = local_part
        self._domain = domain

    async def authenticate(
        self, login: str, password: str, *, protocol: str, peer: str
    ) -> Account | None:
        return await self._accounts.authenticate(login, password, protocol=protocol, peer=peer)

    async def authorize(self, account: Account, identity: str) -> Account | None:
        return await self._accounts.authorize(account, identity)

    async def resolve(self, local_part: str, domain: str) -> Sequence[Delivery]:
        """The one account, under the address that was asked for."""
        found = await self._accounts.resolve(self._local_part, self._domain)
        if not found:
            raise AccountsUnavailable("the account that receives everything does not exist")
        address = f"{local_part}@{domain}" if domain else local_part
        return (Delivery(found[0].account, address, found[0].mailbox),)

    async def is_local(self, domain: str) -> bool:
        return True

    async def may_send_as(self, account: Account, local_part: str, domain: str) -> bool:
        """Developers try out senders."""
        return True

    async def capabilities_off(self, account: AccountId) -> frozenset[str]:
        return await self._accounts.capabilities_off(account)
