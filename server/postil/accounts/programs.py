"""The passwords for single programs that an account has: what `postil account app-password` changes (`apppasswords` says what one is)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from postil.accounts import apppasswords, schema, scramkeys
from postil.accounts.changes import AccountError, Changes
from postil.accounts.labels import checked_label, protocol_words
from postil.accounts.rows import named, thing
from postil.accounts.sealed import seal
from postil.sasl import cram


@dataclass(frozen=True, slots=True)
class AppPasswordRow:
    """A password for one program, as lists show it; never the password."""

    label: str
    protocols: tuple[str, ...]
    created: int  # seconds since the epoch
    cram_md5: bool = False  # good for CRAM-MD5 and nothing else


class Programs:
    """Makes, lists and revokes them."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes

    async def add(
        self, name: str, label: str, protocols: Sequence[str], *, cram_md5: bool = False
    ) -> str:
        """A password for one program of the account, for these protocols; it is shown this once.

        With `cram_md5` it is good for that mechanism and for no other.
        """
        label = checked_label(label)
        words = protocol_words(protocols)
        password = apppasswords.generate()
        async with self._changes.change() as change:
            row = await named(self._changes, name)
            number = await self._changes.insert(
                "INSERT INTO app_password (account, label, digest, protocols, created) VALUES (?, ?, ?, ?, ?)",
                (
                    row.id,
                    label,
                    apppasswords.digest(
                        await schema.secret(self._changes.connection, "app"), password
                    ),
                    words,
                    int(self._changes.clock.now()),
                ),
                f"{row.name} has a password called {label} already: remove it first",
            )
            if cram_md5:
                await self._put_contexts(number, password)
            else:
                await self._put_app_keys(row.id, number, password)
            made: dict[str, object] = {"app password": label, "protocols": sorted(protocols)}
            if cram_md5:
                made["CRAM-MD5 only"] = True
            await change.wrote("account.app-password.add", thing(row), None, made)
        return password

    async def _put_contexts(self, number: int, password: str) -> None:
        """What CRAM-MD5 needs of a password; in the caller's transaction."""
        key = await schema.secret(self._changes.connection, "seal")
        contexts = seal(key, f"cram {number}", cram.contexts(password.encode("ascii")))
        await self._changes.connection.execute(
            "INSERT INTO cram_key (app_password, contexts) VALUES (?, ?)", (number, contexts)
        )

    async def _put_app_keys(self, account: int, number: int, password: str) -> None:
        """SCRAM's keys under the account's salt, which is made here where there is none; in the caller's transaction."""
        rows = await self._changes.connection.execute_fetchall(
            "SELECT salt, iterations, password FROM account WHERE id = ?", (account,)
        )
        salt, iterations, own = next(iter(rows))
        if salt is not None:
            made = scramkeys.derive(password, bytes(salt), int(iterations))
        elif own is None:
            made = scramkeys.fresh(password)
            await self._changes.connection.execute(
                "UPDATE account SET salt = ?, iterations = ? WHERE id = ?",
                (made.salt, made.iterations, account),
            )
        else:
            # A salt would be taken for a sign that the account's own password has its keys.
            raise AccountError(
                "log in once by password, or set a new one, before the first of these"
            )
        await scramkeys.store(self._changes.connection, account, made, number)

    async def of(self, name: str) -> Sequence[AppPasswordRow]:
        """The account's passwords for single programs, by label."""
        row = await named(self._changes, name)
        rows = await self._changes.connection.execute_fetchall(
            "SELECT label, protocols, created, id IN (SELECT app_password FROM cram_key)"
            " FROM app_password WHERE account = ? ORDER BY label",
            (row.id,),
        )
        return [
            AppPasswordRow(label, tuple(protocols.split()), created, bool(cram_md5))
            for label, protocols, created, cram_md5 in rows
        ]

    async def remove(self, name: str, label: str) -> None:
        """It no longer works, and the sessions it opened end."""
        async with self._changes.change() as change:
            row = await named(self._changes, name)
            known = {one.label: one for one in await self.of(name)}
            if label not in known:
                raise AccountError(f"{row.name} has no password called {label}")
            await self._changes.connection.execute(
                "DELETE FROM app_password WHERE account = ? AND label = ?", (row.id, label)
            )
            gone = {"app password": label, "protocols": sorted(known[label].protocols)}
            await change.wrote("account.app-password.remove", thing(row), gone, None)
