"""The directory as the protocols ask it (`ports.accounts.Accounts`), over the control database.

Commands change the same file from another process, so nothing is remembered here beyond a second, and never that
something does not exist: an address added a moment ago works at once.
"""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
import unicodedata
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiosqlite

from postil.accounts import apppasswords, names, schema, scramkeys
from postil.accounts.passwords import Passwords
from postil.accounts.routing import ACCOUNT, COLUMNS, KEY, Routes, compared
from postil.base.clock import Clock
from postil.ports.accounts import (
    Account,
    AccountDisabled,
    AccountsUnavailable,
    Delivery,
    Incoming,
    NotExpandable,
    Proved,
    Salted,
)
from postil.ports.ids import AccountId
from postil.sasl.scram import ITERATIONS, Hash, mac, proves

REMEMBER_SECONDS = (
    1.0  # how long a found address is trusted: reception asks thousands of times a second
)
REMEMBER_ENTRIES = 10_000

_PASSWORD, _SALT, _ITERATIONS = range(COLUMNS, COLUMNS + 3)  # behind the account in `_find`

Prepare = Callable[[Account], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Challenge:
    """Implements `ports.accounts.Salted`."""

    _database: AccountsDatabase
    login: str
    hash: Hash
    protocol: str
    salt: bytes
    iterations: int

    async def prove(self, auth_message: bytes, proof: bytes) -> Proved | None:
        return await self._database.prove(self, auth_message, proof)


class AccountsDatabase:
    """Implements `ports.accounts.Accounts`; use `open`."""

    def __init__(
        self,
        connection: aiosqlite.Connection,
        clock: Clock,
        domains: Mapping[str, str],
        prepare: Prepare | None,
        secret: bytes,
        app_secret: bytes,
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._domains = dict(domains)
        self._prepare = prepare
        self._prepared: dict[AccountId, tuple[int | None, ...]] = {}
        self._found: dict[tuple[str, str], tuple[float, tuple[Delivery, ...]]] = {}
        self.passwords = Passwords(clock)
        self._secret = secret
        self._app_secret = app_secret
        self._nobody = secrets.token_bytes(32)
        self._writing = asyncio.Lock()
        self._routes = Routes(self._rows, self._account, self._domains, clock.now)

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        clock: Clock,
        domains: Mapping[str, str],
        prepare: Prepare | None = None,
    ) -> AccountsDatabase:
        """Open or create the database file.

        `domains`: local domains in A-labels to the login name of their postmaster ("": the oldest account).
        `prepare`: awaited before an account is first handed out, and again when its quota changed (the store provisions it).
        """
        connection = await schema.open_database(path)
        try:
            secret = await schema.secret(connection, "scram")
            app_secret = await schema.secret(connection, "app")
        except BaseException:
            await connection.close()
            raise
        return cls(connection, clock, domains, prepare, secret, app_secret)

    def set_domains(self, domains: Mapping[str, str]) -> None:
        """From now on these are the local domains; as in `open`. Sessions that are open ask for them anew each time."""
        self._domains = dict(domains)
        self._routes = Routes(self._rows, self._account, self._domains, self._clock.now)
        self._found.clear()

    async def close(self) -> None:
        """Close the file and end the threads."""
        self.passwords.close()
        await self._connection.close()

    async def _rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        try:
            rows: Iterable[sqlite3.Row] = await self._connection.execute_fetchall(sql, values)
        except (
            sqlite3.Error,
            ValueError,
        ) as error:  # ValueError: aiosqlite's "no active connection"
            raise AccountsUnavailable(f"the accounts cannot be read: {error}") from error
        return [tuple(row) for row in rows]

    async def _account(self, row: tuple[object, ...]) -> Account:
        number, name, display_name, quota, disabled, messages, mailboxes, free, *more = row[
            :COLUMNS
        ]
        marks, until, mail, off = more
        assert isinstance(number, int)
        if isinstance(until, int) and until <= self._clock.now():
            disabled = None
        account = Account(
            id=AccountId(number),
            name=str(name),
            display_name=str(display_name),
            quota=quota if isinstance(quota, int) else None,
            quota_messages=messages if isinstance(messages, int) else None,
            quota_mailboxes=mailboxes if isinstance(mailboxes, int) else None,
            shows_free_space=bool(free),
            marks_important=bool(marks),
            disabled=None if disabled is None else str(disabled),
            disabled_mail=Incoming(mail),
            switched_off=frozenset(str(off or "").split()),
        )
        limits = (account.quota, account.quota_messages, account.quota_mailboxes)
        if self._prepare is not None and self._prepared.get(account.id) != limits:
            await self._prepare(account)
            self._prepared[account.id] = limits
        return account

    async def _find(self, login: str) -> tuple[object, ...] | None:
        """The row of the account a login name or address leads to: ACCOUNT, password, salt, iterations.

        One question, whether or not there is such an account: how long it takes tells nothing.
        """
        try:
            local, domain = names.split_address(login)
        except names.BadAddress:
            local = domain = ""
        rows = await self._rows(
            f"SELECT {ACCOUNT}, password, salt, iterations FROM account WHERE id = coalesce("
            "(SELECT id FROM account WHERE key = ?),"
            f" (SELECT account FROM address WHERE domain = ? AND key = {KEY}), -1)",
            (names.login_key(login), domain, *compared(local, domain)),
        )
        return rows[0] if rows else None

    async def authenticate(
        self, login: str, password: str, *, protocol: str, peer: str
    ) -> Account | None:
        row = await self._find(login)
        if await self._is_app_password(row, password, protocol):
            return await self._enabled(row) if row is not None else None
        kept = row[_PASSWORD] if row is not None else None
        stored = kept if isinstance(kept, str) else None
        right = await self.passwords.verify(password, stored)
        if not right or row is None:
            return None
        account = await self._enabled(row)
        if row[_SALT] is None:
            await self._add_keys(row, password)
        return account

    async def _enabled(self, row: tuple[object, ...]) -> Account:
        """The account whose login was right. Only now may anybody hear that it is disabled."""
        account = await self._account(row)
        if account.disabled is not None:
            raise AccountDisabled(account.disabled)
        return account

    async def _is_app_password(
        self, row: tuple[object, ...] | None, password: str, protocol: str
    ) -> bool:
        """Asked of the database whatever the password looks like; its digest is keyed, so time tells nothing of others."""
        word = apppasswords.normal(password)
        if word is None:
            return False
        rows = await self._rows(
            "SELECT protocols FROM app_password WHERE digest = ? AND account = ?",
            (apppasswords.digest(self._app_secret, word), row[0] if row is not None else -1),
        )
        return bool(rows) and protocol in str(rows[0][0]).split()

    async def _add_keys(self, row: tuple[object, ...], password: str) -> None:
        """Keys for SCRAM for a password that was set before there were any."""
        made = await self.passwords.scram_keys(password)
        async with self._writing:
            try:
                await self._connection.execute("BEGIN IMMEDIATE")
            except sqlite3.Error:
                return  # busy or read only: the login was right, and the next one tries again
            try:
                cursor = await self._connection.execute(
                    "UPDATE account SET salt = ?, iterations = ?"
                    " WHERE id = ? AND password = ? AND salt IS NULL",
                    (made.salt, made.iterations, row[0], row[_PASSWORD]),
                )
                if cursor.rowcount and isinstance(row[0], int):
                    await scramkeys.store(self._connection, row[0], made)
                await self._connection.execute("COMMIT")
            except BaseException:
                await self._connection.execute("ROLLBACK")
                raise

    async def scram(self, login: str, hash_name: str, *, protocol: str) -> Salted:
        row = await self._find(login)
        salt, iterations = (row[_SALT], row[_ITERATIONS]) if row is not None else (None, None)
        if isinstance(salt, bytes) and isinstance(iterations, int):
            return _Challenge(self, login, Hash(hash_name), protocol, salt, iterations)
        salt = scramkeys.invented(self._secret, names.login_key(login))
        return _Challenge(self, login, Hash(hash_name), protocol, salt, ITERATIONS)

    async def prove(self, asked: _Challenge, auth_message: bytes, proof: bytes) -> Proved | None:
        """Whose proof it is. Everything is read again: since the salt was asked for, the password may have changed."""
        row = await self._find(asked.login)
        rows = await self._rows(
            "SELECT stored, server, protocols FROM scram_key"
            " LEFT JOIN app_password ON app_password.id = scram_key.app_password"
            " WHERE scram_key.account = ? AND hash = ?",
            (row[0] if row is not None else -1, asked.hash.value),
        )
        found: bytes | None = None
        for stored, server, protocols in rows or [(self._nobody, self._nobody, "")]:
            assert isinstance(stored, bytes) and isinstance(server, bytes)
            # Every key is tried: which of them it was, and whether it was one, costs the same.
            right = proves(stored, auth_message, proof, asked.hash)
            if right and rows and (protocols is None or asked.protocol in str(protocols).split()):
                found = server
        if found is None or row is None or row[_SALT] != asked.salt:
            return None
        return Proved(await self._enabled(row), mac(found, auth_message, asked.hash))

    async def _by_address(self, login: str) -> list[tuple[object, ...]]:
        try:
            local, domain = names.split_address(login)
        except names.BadAddress:
            return []
        return await self._rows(
            f"SELECT {ACCOUNT} FROM address JOIN account ON account.id = address.account"
            f" WHERE address.domain = ? AND address.key = {KEY}",
            (domain, *compared(local, domain)),
        )

    async def authorize(self, account: Account, identity: str) -> Account | None:
        if not identity or names.login_key(identity) == names.login_key(account.name):
            return account
        rows = await self._by_address(identity)
        return account if rows and rows[0][0] == account.id else None

    async def resolve(self, local_part: str, domain: str) -> Sequence[Delivery]:
        try:
            key = (domain and names.domain_key(domain), unicodedata.normalize("NFC", local_part))
        except names.BadAddress:
            return ()
        now = self._clock.monotonic()
        known = self._found.get(key)
        if known is not None and known[0] > now:
            return known[1]
        domains = self._domains
        found = await self._routes.find(key[1], key[0])
        if found and self._domains is domains:  # an answer by other settings is not kept
            if len(self._found) >= REMEMBER_ENTRIES:
                self._found.clear()
            self._found[key] = (now + REMEMBER_SECONDS, found)
        return found

    async def is_local(self, domain: str) -> bool:
        try:
            return names.domain_key(domain) in self._domains
        except names.BadAddress:
            return False

    async def may_send_as(self, account: Account, local_part: str, domain: str) -> bool:
        try:
            found = await self.resolve(local_part, domain)
        except NotExpandable:
            return False
        return any(one.account.id == account.id and one.sends for one in found)

    async def capabilities_off(self, account: AccountId) -> frozenset[str]:
        rows = await self._rows("SELECT capability FROM switched_off WHERE account = ?", (account,))
        return frozenset(str(row[0]) for row in rows)

    async def count(self) -> int:
        """How many accounts there are; for readiness and metrics."""
        rows = await self._rows("SELECT count(*) FROM account")
        return int(str(rows[0][0]))

    async def first(self, most: int) -> Sequence[Account]:
        """The first accounts by name, for the start page and to see whether mail can be read."""
        rows = await self._rows(f"SELECT {ACCOUNT} FROM account ORDER BY key LIMIT ?", (most,))
        return [await self._account(row) for row in rows]

    async def removed(self) -> Sequence[AccountId]:
        """Accounts whose mail is still to be erased."""
        rows = await self._rows("SELECT account FROM removed ORDER BY account")
        return [AccountId(int(str(row[0]))) for row in rows]

    async def erased(self, account: AccountId) -> None:
        """The mail of a removed account is gone."""
        await self._rows("DELETE FROM removed WHERE account = ?", (account,))
