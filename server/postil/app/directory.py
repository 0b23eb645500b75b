"""Localserve's accounts: what the control database says, and one account for every address it does not know."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from postil.accounts import AccountError, AccountsDatabase, Administration
from postil.ports.accounts import Account, Delivery, Salted

LOGIN = "postil@localhost"
PASSWORD = "postilpostil"
ADMIN_PASSWORD = "postiladmin"
DOMAIN = "localhost"


class EveryAddress:
    """Implements `ports.accounts.Accounts`: no address is unknown, every domain is ours, anybody may be the sender."""

    def __init__(self, known: AccountsDatabase, everybody: Account) -> None:
        self._known = known
        self._everybody = everybody

    async def authenticate(
        self, login: str, password: str, *, protocol: str, peer: str
    ) -> Account | None:
        return await self._known.authenticate(login, password, protocol=protocol, peer=peer)

    async def scram(self, login: str, hash_name: str, *, protocol: str) -> Salted:
        return await self._known.scram(login, hash_name, protocol=protocol)

    async def cram_md5(
        self, login: str, challenge: bytes, digest: bytes, *, protocol: str
    ) -> Account | None:
        return await self._known.cram_md5(login, challenge, digest, protocol=protocol)

    async def by_key(self, key: str, *, protocol: str) -> Account | None:
        return await self._known.by_key(key, protocol=protocol)

    async def authorize(self, account: Account, identity: str) -> Account | None:
        return await self._known.authorize(account, identity)

    async def resolve(self, local_part: str, domain: str) -> Sequence[Delivery]:
        found = await self._known.resolve(local_part, domain)
        if found:
            return found
        address = f"{local_part}@{domain}" if domain else local_part
        return (Delivery(await self._as_it_is_now(), address),)

    async def _as_it_is_now(self) -> Account:
        """The one account: a command may have changed its limits meanwhile."""
        now = await self._known.resolve(*LOGIN.split("@"))
        return next(
            (one.account for one in now if one.account.id == self._everybody.id), self._everybody
        )

    async def is_local(self, domain: str) -> bool:
        return True

    async def may_send_as(self, account: Account, local_part: str, domain: str) -> bool:
        return True


async def everybody(known: AccountsDatabase, administration: Administration) -> Account:
    """The account that gets what nobody else gets; its published password works, whatever was done to it before."""
    with contextlib.suppress(AccountError):  # not there yet
        await administration.enable(LOGIN)
    account = await known.authenticate(LOGIN, PASSWORD, protocol="start", peer="")
    if account is None:
        try:
            await administration.set_password(LOGIN, PASSWORD)
        except AccountError:
            await administration.add(LOGIN, PASSWORD, display_name="Postil")
        account = await known.authenticate(LOGIN, PASSWORD, protocol="start", peer="")
    assert account is not None, "nobody can disable it between two lines"
    return account
