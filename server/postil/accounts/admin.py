"""What `postil account` and `postil address` do to the control database, beside a running server or without one.

Everything is one transaction; what is refused says why in one sentence and changes nothing.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiosqlite

from postil.accounts import apppasswords, names, schema, scramkeys
from postil.accounts.passwords import MAX_PASSWORD, hash_password, prepared
from postil.accounts.sealed import seal
from postil.base.clock import Clock
from postil.sasl import cram, precis

MIN_PASSWORD = 8  # NIST SP 800-63B: the least length for a password a person chose

MAX_LABEL = 100  # characters


class AccountError(Exception):
    """Refused; the text is for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account as lists show it."""

    id: int
    name: str
    display_name: str
    quota: int | None
    quota_messages: int | None
    quota_mailboxes: int | None
    shows_free_space: bool
    marks_important: bool
    disabled: str | None
    password_set: bool
    created: int
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AppPasswordRow:
    """A password for one program, as lists show it; never the password."""

    label: str
    protocols: tuple[str, ...]
    created: int  # seconds since the epoch
    cram_md5: bool = False  # good for CRAM-MD5 and nothing else


class Administration:
    """Changes to accounts and addresses; use `open`, and `close` it."""

    def __init__(self, connection: aiosqlite.Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    @classmethod
    async def open(cls, path: Path, *, clock: Clock) -> Administration:
        """Open or create the control database."""
        return cls(await schema.open_database(path), clock)

    async def close(self) -> None:
        """Close the file."""
        await self._connection.close()

    @property
    def connection(self) -> aiosqlite.Connection:
        """For the modules beside this one."""
        return self._connection

    @property
    def clock(self) -> Clock:
        """What time it is."""
        return self._clock

    @contextlib.asynccontextmanager
    async def changing(self) -> AsyncIterator[aiosqlite.Connection]:
        """A transaction; what is raised in it undoes it."""
        await self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
            await self._connection.execute("COMMIT")
        except BaseException:
            await self._connection.execute("ROLLBACK")
            raise

    async def add(
        self,
        name: str,
        password: str | None,
        *,
        display_name: str = "",
        quota: int | None = None,
        address: bool = True,
    ) -> AccountRow:
        """A new account; a name with @ also becomes its first address unless `address` is false."""
        name = _name(name)
        word = None if password is None else _password(password)
        local = domain = ""
        if address and "@" in name:
            local, domain = _split(name)
        await self._connection.execute("BEGIN IMMEDIATE")
        try:
            number = await self.insert(
                "INSERT INTO account (name, key, display_name, quota, created)"
                " VALUES (?, ?, ?, ?, ?)",
                (name, names.login_key(name), display_name, quota, int(self._clock.now())),
                f"an account {name} exists already",
            )
            if word is not None:
                await self._put_password(number, word)
            if domain:
                await self._add_address(number, local, domain, "INBOX")
            await self._connection.execute("COMMIT")
        except BaseException:
            await self._connection.execute("ROLLBACK")
            raise
        return await self.show(name)

    async def set_quota(self, name: str, **limits: int | bool | None) -> AccountRow:
        """Change what is named: `quota` (octets), `quota_messages`, `quota_mailboxes` (None: no limit), `shows_free_space`."""
        found = await self.show(name)
        for column, value in limits.items():
            assert column in ("quota", "quota_messages", "quota_mailboxes", "shows_free_space")
            await self._connection.execute(
                f"UPDATE account SET {column}=? WHERE id=?", (value, found.id)
            )
        return await self.show(name)

    async def set_marks_important(self, name: str, wanted: bool) -> AccountRow:
        """Whether mail that arrives from now on may get $Important (RFC 8457)."""
        found = await self.show(name)
        await self._connection.execute(
            "UPDATE account SET marks_important=? WHERE id=?", (wanted, found.id)
        )
        return await self.show(name)

    async def insert(self, sql: str, values: Sequence[object], taken: str) -> int:
        """The number of the new row; AccountError with `taken` where there is one like it."""
        try:
            cursor = await self._connection.execute(sql, values)
        except sqlite3.IntegrityError as error:
            raise AccountError(taken) from error
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    async def _add_address(self, account: int, local: str, domain: str, mailbox: str) -> None:
        await self.insert(
            "INSERT INTO address (key, domain, local, account, mailbox) VALUES (?, ?, ?, ?, ?)",
            (names.key(local), domain, local, account, mailbox),
            f"the address {local}@{domain} is taken",
        )

    async def add_address(self, name: str, address: str, mailbox: str = "INBOX") -> AccountRow:
        """One more address for an account; the same one again is no error."""
        row = await self.show(name)
        local, domain = _split(address)
        owner = await self._connection.execute_fetchall(
            "SELECT account FROM address WHERE key = ? AND domain = ?", (names.key(local), domain)
        )
        if [int(found[0]) for found in owner] != [row.id]:
            await self._add_address(row.id, local, domain, mailbox)
        return await self.show(name)

    async def remove_address(self, address: str) -> None:
        """The address no longer exists; its account and mail stay."""
        local, domain = _split(address)
        cursor = await self._connection.execute(
            "DELETE FROM address WHERE key = ? AND domain = ?", (names.key(local), domain)
        )
        if cursor.rowcount == 0:
            raise AccountError(f"there is no address {address}")

    async def set_password(self, name: str, password: str) -> None:
        """From now on only this password works."""
        row = await self.show(name)
        word = _password(password)
        await self._connection.execute("BEGIN IMMEDIATE")
        try:
            await self._put_password(row.id, word)
            await self._connection.execute("COMMIT")
        except BaseException:
            await self._connection.execute("ROLLBACK")
            raise

    async def _put_password(self, account: int, password: str) -> None:
        """Hash, keys for SCRAM, and the end of the sessions that the old one opened; in the caller's transaction.

        Passwords for programs and TLS keys stay, and the sessions they opened: who fears for them ends them all (`logout`).
        """
        rows = await self._connection.execute_fetchall(
            "SELECT salt, iterations FROM account"
            " WHERE id = ? AND EXISTS (SELECT 1 FROM app_password WHERE account = account.id)",
            (account,),
        )
        kept = next(iter(rows), None)
        made = (
            scramkeys.fresh(password)
            if kept is None or kept[0] is None
            else scramkeys.derive(password, bytes(kept[0]), int(kept[1]))
        )
        await self._connection.execute(
            "UPDATE account SET password = ?, salt = ?, iterations = ?,"
            " password_epoch = password_epoch + 1 WHERE id = ?",
            (hash_password(prepared(password)), made.salt, made.iterations, account),
        )
        await scramkeys.store(self._connection, account, made)

    async def add_app_password(
        self, name: str, label: str, protocols: Sequence[str], *, cram_md5: bool = False
    ) -> str:
        """A password for one program of the account, for these protocols; it is shown this once.

        With `cram_md5` it is good for that mechanism and for no other.
        """
        row = await self.show(name)
        label = checked_label(label)
        words = protocol_words(protocols)
        password = apppasswords.generate()
        await self._connection.execute("BEGIN IMMEDIATE")
        try:
            number = await self.insert(
                "INSERT INTO app_password (account, label, digest, protocols, created) VALUES (?, ?, ?, ?, ?)",
                (
                    row.id,
                    label,
                    apppasswords.digest(await schema.secret(self._connection, "app"), password),
                    words,
                    int(self._clock.now()),
                ),
                f"{row.name} has a password called {label} already: remove it first",
            )
            if cram_md5:
                await self._put_contexts(number, password)
            else:
                await self._put_app_keys(row.id, number, password)
            await self._connection.execute("COMMIT")
        except BaseException:
            await self._connection.execute("ROLLBACK")
            raise
        return password

    async def _put_contexts(self, number: int, password: str) -> None:
        """What CRAM-MD5 needs of a password; in the caller's transaction."""
        key = await schema.secret(self._connection, "seal")
        contexts = seal(key, f"cram {number}", cram.contexts(password.encode("ascii")))
        await self._connection.execute(
            "INSERT INTO cram_key (app_password, contexts) VALUES (?, ?)", (number, contexts)
        )

    async def _put_app_keys(self, account: int, number: int, password: str) -> None:
        """SCRAM's keys under the account's salt, which is made here where there is none; in the caller's transaction."""
        rows = await self._connection.execute_fetchall(
            "SELECT salt, iterations, password FROM account WHERE id = ?", (account,)
        )
        salt, iterations, own = next(iter(rows))
        if salt is not None:
            made = scramkeys.derive(password, bytes(salt), int(iterations))
        elif own is None:
            made = scramkeys.fresh(password)
            await self._connection.execute(
                "UPDATE account SET salt = ?, iterations = ? WHERE id = ?",
                (made.salt, made.iterations, account),
            )
        else:
            # A salt would be taken for a sign that the account's own password has its keys.
            raise AccountError(
                "log in once by password, or set a new one, before the first of these"
            )
        await scramkeys.store(self._connection, account, made, number)

    async def app_passwords(self, name: str) -> Sequence[AppPasswordRow]:
        """The account's passwords for single programs, by label."""
        row = await self.show(name)
        rows = await self._connection.execute_fetchall(
            "SELECT label, protocols, created, id IN (SELECT app_password FROM cram_key)"
            " FROM app_password WHERE account = ? ORDER BY label",
            (row.id,),
        )
        return [
            AppPasswordRow(label, tuple(protocols.split()), created, bool(cram_md5))
            for label, protocols, created, cram_md5 in rows
        ]

    async def remove_app_password(self, name: str, label: str) -> None:
        """It no longer works, and the sessions it opened end."""
        row = await self.show(name)
        await self._connection.execute("BEGIN IMMEDIATE")
        try:
            cursor = await self._connection.execute(
                "DELETE FROM app_password WHERE account = ? AND label = ?", (row.id, label)
            )
            if cursor.rowcount == 0:
                raise AccountError(f"{row.name} has no password called {label}")
            await self._connection.execute("COMMIT")
        except BaseException:
            await self._connection.execute("ROLLBACK")
            raise

    async def remove(self, name: str) -> None:
        """The account, its addresses, and (by the server, at once or at its next start) its mail."""
        row = await self.show(name)
        await self._connection.execute("BEGIN IMMEDIATE")
        try:
            await self._connection.execute("DELETE FROM account WHERE id = ?", (row.id,))
            await self._connection.execute("INSERT INTO removed (account) VALUES (?)", (row.id,))
            await self._connection.execute("COMMIT")
        except BaseException:
            await self._connection.execute("ROLLBACK")
            raise

    async def show(self, name: str) -> AccountRow:
        """One account by login name; AccountError when there is none."""
        found = await self._rows("WHERE account.key = ?", (names.login_key(name),))
        if not found:
            raise AccountError(f"there is no account {name}")
        return found[0]

    async def every(self) -> Sequence[AccountRow]:
        """All accounts by name."""
        return await self._rows("", ())

    async def _rows(self, where: str, values: Sequence[object]) -> list[AccountRow]:
        rows = await self._connection.execute_fetchall(
            "SELECT account.id, account.name, display_name, quota, quota_messages, quota_mailboxes,"
            " shows_free_space, marks_important, disabled, password IS NOT NULL, created,"
            " (SELECT group_concat(local || '@' || domain, char(10)) FROM address"
            "   WHERE address.account = account.id)"
            f" FROM account {where} ORDER BY account.key",
            values,
        )
        return [
            AccountRow(
                id=row[0],
                name=row[1],
                display_name=row[2],
                quota=row[3],
                quota_messages=row[4],
                quota_mailboxes=row[5],
                shows_free_space=bool(row[6]),
                marks_important=bool(row[7]),
                disabled=row[8],
                password_set=bool(row[9]),
                created=row[10],
                addresses=tuple(sorted((row[11] or "").splitlines())),
            )
            for row in rows
        ]


def _name(name: str) -> str:
    try:
        return names.check_login(name)
    except names.BadAddress as error:
        raise AccountError(str(error)) from error


def _split(address: str) -> tuple[str, str]:
    try:
        return names.split_address(address)
    except names.BadAddress as error:
        raise AccountError(str(error)) from error


def checked_label(label: str) -> str:
    """The label as it is kept; AccountError."""
    label = label.strip()
    if not 1 <= len(label) <= MAX_LABEL or not label.isprintable():
        raise AccountError(f"a label has 1 to {MAX_LABEL} characters that can be seen")
    return label


def protocol_words(protocols: Sequence[str]) -> str:
    """Protocols as a row keeps them; AccountError unless there are some, and all known."""
    unknown = sorted(set(protocols) - set(apppasswords.PROTOCOLS))
    if unknown or not protocols:
        known = ", ".join(apppasswords.PROTOCOLS)
        raise AccountError(
            f"{unknown[0] if unknown else 'nothing'} is no protocol: name some of {known}"
        )
    return " ".join(one for one in apppasswords.PROTOCOLS if one in protocols)


def _password(password: str) -> str:
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise AccountError(f"a password has {MIN_PASSWORD} to {MAX_PASSWORD} characters")
    try:
        precis.opaque(password)
    except precis.Unacceptable as error:
        raise AccountError(f"this cannot be a password: {error}") from error
    return password
