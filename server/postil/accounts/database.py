"""The directory as the protocols ask it (`ports.accounts.Accounts`), over the control database.

Commands change the same file from another process, so nothing is remembered here beyond a second, and never that
something does not exist: an address added a moment ago works at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import unicodedata
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import aiosqlite

from postil.accounts import credentials, names, schema, scramkeys
from postil.accounts.credentials import Login
from postil.accounts.passwords import Passwords
from postil.accounts.revocations import Revocations
from postil.accounts.routing import ACCOUNT, COLUMNS, KEY, Routes, compared
from postil.base.clock import Clock
from postil.ports.accounts import (
    Account,
    AccountDisabled,
    AccountsUnavailable,
    Credential,
    Delivery,
    Incoming,
    Means,
    NotExpandable,
    Proved,
    Salted,
    SecondFactorOn,
)
from postil.ports.ids import AccountId
from postil.sasl.scram import ITERATIONS, Hash, mac

REMEMBER_SECONDS = (
    1.0  # how long a found address is trusted: reception asks thousands of times a second
)
REMEMBER_ENTRIES = 10_000

USED_SECONDS = 300  # how exactly is known when a key was last used: each time costs a write

SECRETS = ("scram", "app", "seal")  # the fields of `_Keys`

Prepare = Callable[[Account], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Keys:
    """The server's own secrets."""

    scram: bytes = field(repr=False)  # salts of names that nobody has
    app: bytes = field(repr=False)  # digests of passwords for programs
    seal: bytes = field(repr=False)  # what must be read again


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
        keys: _Keys,
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._domains = dict(domains)
        self._prepare = prepare
        self._prepared: dict[AccountId, tuple[int | None, ...]] = {}
        self._found: dict[tuple[str, str], tuple[float, tuple[Delivery, ...]]] = {}
        self.passwords = Passwords(clock)
        self._keys = keys
        self.revocations = Revocations(connection, clock)
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
            keys = _Keys(*[await schema.secret(connection, name) for name in SECRETS])
        except BaseException:
            await connection.close()
            raise
        return cls(connection, clock, domains, prepare, keys)

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

    async def _find(self, login: str) -> Login | None:
        """What is kept of the account a login name or address leads to.

        One question, whether or not there is such an account, and one row: for a name that leads nowhere it is somebody else's, and put
        away again. So how long it takes tells nothing. `names.nobody` takes the same spellings for one name, or the salts of SCRAM would tell.
        """
        name = names.login_key(login)
        try:
            local, domain = names.split_address(login)
            narrow, _ = names.split_address(name)
        except names.BadAddress:
            local = domain = narrow = ""
        rows = await self._rows(
            f"SELECT {ACCOUNT}, {credentials.WANTED}, asked.number FROM (SELECT coalesce("
            "(SELECT id FROM account WHERE key = ?),"
            f" (SELECT account FROM address WHERE domain = ? AND key = {KEY})) AS number) AS asked"
            " JOIN account ON account.id = coalesce(asked.number, (SELECT min(id) FROM account))",
            (
                name,
                domain,
                domain,
                names.address_key(local, True),
                names.address_key(narrow, False),
            ),
        )
        if not rows:
            return None  # there are no accounts at all
        found = credentials.login(rows[0][:-1], COLUMNS)
        return found if rows[0][-1] is not None else None

    async def _logged_in(self, found: Login, credential: Credential) -> Account:
        """The account whose login was right. SecondFactorOn where its own password alone is not enough; only then may anybody hear that it is disabled."""
        if credential.means is Means.PASSWORD and found.second_factor:
            raise SecondFactorOn
        account = await self._account(found.account)
        if account.disabled is not None:
            raise AccountDisabled(account.disabled)
        return replace(account, credential=credential)

    async def authenticate(
        self, login: str, password: str, *, protocol: str, peer: str
    ) -> Account | None:
        found = await self._find(login)
        number = await credentials.app_password(
            self._rows, self._keys.app, found, password, protocol
        )
        if number is not None and found is not None:
            return await self._logged_in(found, found.rests_on(Means.APP_PASSWORD, number))
        right = await self.passwords.verify(
            password,
            found.password if found is not None else None,
            remember=found is not None and not found.second_factor,
        )
        if not right or found is None:
            return None
        account = await self._logged_in(found, found.own_password)
        if found.salt is None:
            await self._add_keys(found, password)
        return account

    async def _add_keys(self, found: Login, password: str) -> None:
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
                    (made.salt, made.iterations, found.number, found.password),
                )
                if cursor.rowcount:
                    await scramkeys.store(self._connection, found.number, made)
                await self._connection.execute("COMMIT")
            except BaseException:
                await schema.undo(self._connection)
                raise

    async def scram(self, login: str, hash_name: str, *, protocol: str) -> Salted:
        found = await self._find(login)
        # Made for everybody, so that time tells nothing.
        salt, iterations = scramkeys.invented(self._keys.scram, names.nobody(login)), ITERATIONS
        if found is not None and found.salt is not None:
            salt, iterations = found.salt, found.iterations
        return _Challenge(self, login, Hash(hash_name), protocol, salt, iterations)

    async def prove(self, asked: _Challenge, auth_message: bytes, proof: bytes) -> Proved | None:
        """Whose proof it is. Everything is read again: since the salt was asked for, the password may have changed."""
        found = await self._find(asked.login)
        right = await credentials.scram_key(
            self._rows, found, asked.hash, auth_message, proof, asked.protocol
        )
        if right is None or found is None or found.salt != asked.salt:
            return None
        key, credential = right
        account = await self._logged_in(found, credential)
        return Proved(account, mac(key, auth_message, asked.hash))

    async def cram_md5(
        self, login: str, challenge: bytes, digest: bytes, *, protocol: str
    ) -> Account | None:
        found = await self._find(login)
        number = await credentials.cram_key(
            self._rows, self._keys.seal, found, challenge, digest, protocol
        )
        if number is None or found is None:
            return None
        return await self._logged_in(found, found.rests_on(Means.APP_PASSWORD, number))

    async def by_key(self, key: str, *, protocol: str) -> Account | None:
        rows = await self._rows(
            f"SELECT {ACCOUNT}, {credentials.WANTED}, tls_key.id, protocols, last_used FROM tls_key"
            " JOIN account ON account.id = tls_key.account WHERE digest = ?",
            (key,),
        )
        if not rows or protocol not in str(rows[0][-2]).split():
            return None
        found = credentials.login(rows[0][:-3], COLUMNS)
        number, last_used = int(str(rows[0][-3])), rows[0][-1]
        account = await self._logged_in(found, found.rests_on(Means.TLS_KEY, number))
        now = int(self._clock.now())
        if not isinstance(last_used, int) or last_used < now - USED_SECONDS:
            await self._used(number, now)
        return account

    async def _used(self, key: int, now: int) -> None:
        """Write down when a key was used; what cannot be written keeps nobody out."""
        async with self._writing:
            with contextlib.suppress(sqlite3.Error):
                await self._connection.execute(
                    "UPDATE tls_key SET last_used = ? WHERE id = ?", (now, key)
                )

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
