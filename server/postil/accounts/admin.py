"""What `postil account` does to the control database, beside a running server or without one.

Everything is one transaction with its row in the log of changes (`changes`); what is refused says why in one sentence and changes
nothing. What is there already, or gone already, is no error where that cannot be a mistake. The other nouns are attributes: `addresses`,
`programs`, `aliases`, `rules`, `roles`, `log`, `bulk`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import aiosqlite

from postil.accounts import labels, limits, names, rows, schema, scramkeys
from postil.accounts.addresses import Addresses
from postil.accounts.aliases import Aliases
from postil.accounts.audit import Log
from postil.accounts.bulk import Bulk
from postil.accounts.changes import AccountError, Changes, acting
from postil.accounts.granting import Roles
from postil.accounts.passwords import BadPassword, check_password, hash_password, prepared
from postil.accounts.places import Places, split
from postil.accounts.programs import Programs
from postil.accounts.roles import MACHINE_OWNER, Actor
from postil.accounts.rows import AccountRow, thing
from postil.accounts.rules import Rules
from postil.base.clock import Clock
from postil.ports.accounts import Incoming
from postil.ports.ids import AccountId


class Administration:
    """Changes to accounts; use `open`, and `close` it."""

    def __init__(
        self, connection: aiosqlite.Connection, clock: Clock, actor: Actor = MACHINE_OWNER
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._changes = Changes(connection, clock, actor)
        self.places = Places(self._changes)
        self.addresses = Addresses(self._changes, self.places)
        self.programs = Programs(self._changes)
        self.aliases = Aliases(self._changes, self.places)
        self.rules = Rules(self._changes, self.places)
        self.roles = Roles(self._changes)
        self.log = Log(self._changes)
        self.bulk = Bulk(self, self._changes)

    @classmethod
    async def open(
        cls, path: Path, *, clock: Clock, actor: Actor = MACHINE_OWNER
    ) -> Administration:
        """Open or create the control database, to change it on behalf of `actor`."""
        return cls(await schema.open_database(path), clock, actor)

    async def acting_as(self, name: str) -> Actor:
        """The account as somebody who acts, with the roles it has now."""
        return await acting(self._changes, AccountId((await self.show(name)).id))

    async def close(self) -> None:
        """Close the file."""
        await self._connection.close()

    @property
    def changes(self) -> Changes:
        """For the modules beside this one."""
        return self._changes

    @property
    def connection(self) -> aiosqlite.Connection:
        """Where they read."""
        return self._connection

    @property
    def clock(self) -> Clock:
        """What time it is."""
        return self._clock

    # --- accounts

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
        display_name = labels.checked_display_name(display_name)
        word = None if password is None else _password(password)
        local = domain = ""
        if address and "@" in name:
            local, domain = split(name)
        secrets = None if word is None else (hash_password(prepared(word)), scramkeys.fresh(word))
        async with self._changes.change() as change:
            number = await self.insert(name, display_name, quota)
            if secrets is not None:
                await self.store_password(number, *secrets)
            if domain:
                await self.addresses.insert(number, local, domain)
            row = await self.numbered(number)
            await change.wrote("account.add", thing(row), None, row.state())
        return row

    async def insert(self, name: str, display_name: str, quota: int | None) -> int:
        """An account without password and addresses, in the caller's transaction; its number."""
        return await self._changes.insert(
            "INSERT INTO account (name, key, display_name, quota, created) VALUES (?, ?, ?, ?, ?)",
            (name, names.login_key(name), display_name, quota, int(self._clock.now())),
            f"an account {name} exists already",
        )

    async def set_display_name(self, name: str, display_name: str) -> AccountRow:
        """The person's name."""
        return await self._set(
            name,
            "account.display-name",
            {"display_name": labels.checked_display_name(display_name)},
        )

    async def set_quota(self, name: str, **given: int | bool | None) -> AccountRow:
        """Change what is named: `quota` (octets), `quota_messages`, `quota_mailboxes` (None: no limit), `shows_free_space`."""
        assert set(given) <= {"quota", "quota_messages", "quota_mailboxes", "shows_free_space"}
        return await self._set(name, "account.quota", given) if given else await self.show(name)

    async def set_marks_important(self, name: str, wanted: bool) -> AccountRow:
        """Whether mail that arrives from now on may get $Important (RFC 8457)."""
        return await self._set(name, "account.important", {"marks_important": wanted})

    async def disable(
        self,
        name: str,
        reason: str,
        *,
        mail: Incoming = Incoming.REFUSE,
        until: int | None = None,
    ) -> AccountRow:
        """Nobody logs in, until `until` (seconds since the epoch; None: until enabled); `mail`: what senders are told."""
        reason = reason.strip()
        if not 1 <= len(reason) <= limits.REASON or not reason.isprintable():
            raise AccountError(
                f"say why in 1 to {limits.REASON} characters that can be seen; the account's owner is shown it"
            )
        if until is not None and until <= self._clock.now():
            raise AccountError("the time until which it is disabled has passed")
        if until is not None and until > limits.LAST_TIME:
            raise AccountError("the time until which it is disabled is after the year 9999")
        values = {"disabled": reason, "disabled_until": until, "disabled_mail": mail.value}
        return await self._set(name, "account.disable", values, ends_sessions=True)

    async def enable(self, name: str) -> AccountRow:
        """It can log in and gets mail again; one that was not disabled stays as it is."""
        values = {"disabled": None, "disabled_until": None, "disabled_mail": "refuse"}
        return await self._set(name, "account.enable", values)

    async def _set(
        self,
        name: str,
        action: str,
        values: Mapping[str, object],
        *,
        ends_sessions: bool = False,
    ) -> AccountRow:
        async with self._changes.change() as change:
            before = await self.show(name)
            columns = ", ".join(f"{column} = ?" for column in values)
            epoch = ", epoch = epoch + 1" if ends_sessions else ""
            current = await self._changes.rows(
                f"SELECT {', '.join(values)} FROM account WHERE id = ?", (before.id,)
            )
            if list(current[0]) == [int(v) if isinstance(v, bool) else v for v in values.values()]:
                return before
            await self._connection.execute(
                f"UPDATE account SET {columns}{epoch} WHERE id = ?", (*values.values(), before.id)
            )
            after = await self.numbered(before.id)
            await change.wrote(action, thing(before, after), before.state(), after.state())
        return after

    async def switch(self, name: str, off: Sequence[str], on: Sequence[str]) -> AccountRow:
        """Hide capabilities from the account, or show them again; each spelled as in CAPABILITY."""
        off, on = [one.upper() for one in off], [one.upper() for one in on]
        known = switches()
        for one in (*off, *on):
            if one not in known:
                names_ = ", ".join(sorted(known))
                raise AccountError(f"{one} cannot be switched: name some of {names_}")
        if both := sorted(set(off) & set(on)):
            raise AccountError(f"{both[0]} cannot be switched off and on at once")
        async with self._changes.change() as change:
            before = await self.show(name)
            for one in off:
                await self._connection.execute(
                    "INSERT OR IGNORE INTO switched_off (account, capability) VALUES (?, ?)",
                    (before.id, one),
                )
            for one in on:
                await self._connection.execute(
                    "DELETE FROM switched_off WHERE account = ? AND capability = ?",
                    (before.id, one),
                )
            after = await self.numbered(before.id)
            await change.wrote(
                "account.capability", thing(before, after), before.state(), after.state()
            )
        return after

    async def remove(self, name: str) -> None:
        """The account, its addresses, and (by the server, at once or at its next start) its mail."""
        async with self._changes.change() as change:
            row = await self.show(name)
            before = {
                **row.state(),
                "member of": await self.places.memberships(row.id),
                "catch-all of": await self.places.catch_alls(row.id),
            }
            await self._connection.execute("DELETE FROM account WHERE id = ?", (row.id,))
            await self._connection.execute("INSERT INTO removed (account) VALUES (?)", (row.id,))
            await change.wrote("account.remove", thing(row), before, None)

    # --- passwords

    async def set_password(self, name: str, password: str) -> None:
        """From now on only this password works."""
        await self.show(name)
        word = _password(password)
        async with self._changes.change() as change:
            row = await self.show(name)
            await self._put_password(row.id, word)
            was = "set" if row.password_set else "none"
            await change.wrote(
                "account.password", thing(row), {"password": was}, {"password": "new"}
            )

    async def _put_password(self, account: int, password: str) -> None:
        """Hash, keys for SCRAM, and the end of the sessions that the old one opened; in the caller's transaction.

        Passwords for programs and TLS keys stay, and the sessions they opened: who fears for them ends them all (`closing.logout`).
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
        await self.store_password(account, hash_password(prepared(password)), made)

    async def store_password(self, account: int, hashed: str, made: scramkeys.Salt) -> None:
        await self._connection.execute(
            "UPDATE account SET password = ?, salt = ?, iterations = ?,"
            " password_epoch = password_epoch + 1 WHERE id = ?",
            (hashed, made.salt, made.iterations, account),
        )
        await scramkeys.store(self._connection, account, made)

    # --- reading

    async def show(self, name: str) -> AccountRow:
        """One account by login name; AccountError when there is none."""
        return await rows.named(self._changes, name)

    async def numbered(self, number: int) -> AccountRow:
        """The same by its number; NotAllowed when the actor may not see it."""
        return await rows.numbered(self._changes, number)

    async def every(self) -> Sequence[AccountRow]:
        """All accounts by name."""
        return await rows.read(self._changes)

    async def whole(self, name: str) -> dict[str, object]:
        """Everything about one account, as JSON shows it; no secrets."""
        row = await self.show(name)
        programs = [
            {"label": one.label, "protocols": list(one.protocols), "created": one.created}
            for one in await self.programs.of(name)
        ]
        return {
            **row.state(),
            "app_passwords": programs,
            "member_of": await self.places.memberships(row.id),
            "catch_all_of": await self.places.catch_alls(row.id),
        }


def _name(name: str) -> str:
    try:
        return names.check_login(name)
    except names.BadAddress as error:
        raise AccountError(str(error)) from error


def _password(password: str) -> str:
    try:
        return check_password(password)
    except BadPassword as error:
        raise AccountError(str(error)) from error


def switches() -> frozenset[str]:
    """The capabilities that can be hidden from an account: all that mean something after the login."""
    # Here, because the whole of IMAP is read for it, and most commands need none.
    from postil.imap.capabilities import CAPABILITIES, When

    after = (When.LOGGED_IN, When.ALWAYS)
    # RFC 3501 §7.2.1 has every server list the revision it speaks, so one of them stays
    return frozenset(item.name.upper() for item in CAPABILITIES if item.when in after) - {
        "IMAP4REV1"
    }
