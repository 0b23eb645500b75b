"""Many accounts at once from a file of comma-separated values (RFC 4180): all of them, or none and every error with line and field.

The first line names the columns: `name`, and any of `display_name`, `password`, `password_hash`, `quota`, `quota_messages`,
`quota_mailboxes`, `addresses`. A field without a value is as if the column were not there. `password_hash` is Argon2id in PHC form, as other
servers keep it; programs can use SCRAM for such an account after its first login by password.
"""

from __future__ import annotations

import asyncio
import csv
import io
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from postil.accounts import limits, names, scramkeys
from postil.accounts.changes import AccountError, Changes
from postil.accounts.labels import checked_display_name
from postil.accounts.passwords import BadPassword, check_password, hash_password, prepared
from postil.accounts.rows import thing

if TYPE_CHECKING:
    from postil.accounts.admin import Administration

COLUMNS: Final = (
    *("name", "display_name", "password", "password_hash"),
    *("quota", "quota_messages", "quota_mailboxes", "addresses"),
)
_PHC = re.compile(
    r"\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,3})\$[A-Za-z0-9+/]{11,}\$[A-Za-z0-9+/]{22,}"
)
# A login must not cost more than this, whatever the file says: KiB, passes, lanes.
_MOST: Final = (256 * 1024, 20, 16)
_SIZE = re.compile(r"(\d{1,18})\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)
_UNITS: Final = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one field of the file."""

    line: int
    field: str  # "" where it is the line
    text: str

    def __str__(self) -> str:
        where = f"line {self.line}" + (f", {self.field}" if self.field else "")
        return f"{where}: {self.text}"


class BadFile(AccountError):
    """Nothing was added; `problems` says why."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        shown = problems[: limits.IMPORT_ERRORS]
        more = f"\nand {len(problems) - len(shown)} more" if len(problems) > len(shown) else ""
        super().__init__("nothing was added\n" + "\n".join(map(str, shown)) + more)
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Planned:
    """An account that a line of the file asks for."""

    line: int
    name: str
    display_name: str = ""
    password: str = field(default="", repr=False)
    password_hash: str = field(default="", repr=False)
    limits: Mapping[str, int] = field(default_factory=dict)
    addresses: tuple[tuple[str, str], ...] = ()  # local part and domain, the name's own first
    keys: scramkeys.Salt | None = field(default=None, repr=False)


def read(text: str) -> list[Planned]:
    """The accounts of the file; BadFile."""
    reader = _Reader()
    planned = [one for one in reader.lines(text) if one is not None]
    if reader.problems:
        raise BadFile(reader.problems)
    return planned


class _Reader:
    """Reads lines and gathers what is wrong with them."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._names: dict[str, int] = {}
        self._addresses: dict[tuple[str, str], int] = {}
        self._line = 1

    def _wrong(self, column: str, text: str) -> None:
        self.problems.append(Problem(self._line, column, text))

    def lines(self, text: str) -> Iterator[Planned | None]:
        rows = csv.reader(io.StringIO(text, newline=""), strict=True)
        header: list[str] | None = None
        count = 0
        try:
            for row in rows:
                if header is None:
                    header = [column.strip() for column in row]
                    if not self._columns(header):
                        return
                elif row:  # an empty line is none
                    count += 1
                    if count > limits.IMPORT_ROWS:
                        self._wrong(
                            "", f"more than {limits.IMPORT_ROWS} accounts: use several files"
                        )
                        return
                    yield self._account(header, row)
                self._line = rows.line_num + 1
        except csv.Error as error:
            self._line = rows.line_num
            self._wrong("", f"not comma-separated values: {error}")
            return
        if header is None:
            self._wrong(
                "", f"the file is empty: its first line names columns, such as {','.join(COLUMNS)}"
            )

    def _columns(self, header: list[str]) -> bool:
        for column in header:
            if column not in COLUMNS:
                self._wrong(column, f"no such column: there are {', '.join(COLUMNS)}")
            elif header.count(column) > 1:
                self._wrong(column, "stands there twice")
        if "name" not in header:
            self._wrong("name", "the column is missing")
        return not self.problems

    def _account(self, header: list[str], row: list[str]) -> Planned | None:
        before = len(self.problems)
        if len(row) != len(header):
            self._wrong("", f"has {len(row)} fields, and the first line names {len(header)}")
            return None
        cells = {column: cell.strip() for column, cell in zip(header, row, strict=True)}
        cells["password"] = row[header.index("password")] if "password" in header else ""
        name = self._name(cells["name"])
        self._secret(cells)
        display_name = cells.get("display_name", "")
        try:
            checked_display_name(display_name)
        except AccountError as error:
            self._wrong("display_name", str(error))
        planned = Planned(
            line=self._line,
            name=name,
            display_name=display_name,
            password=cells["password"],
            password_hash=cells.get("password_hash", ""),
            limits=dict(self._limits(cells)),
            addresses=tuple(self._all_addresses(name, cells.get("addresses", ""))),
        )
        return planned if len(self.problems) == before else None

    def _name(self, name: str) -> str:
        try:
            name = names.check_login(name)
        except names.BadAddress as error:
            self._wrong("name", str(error))
            return ""
        first = self._names.setdefault(names.login_key(name), self._line)
        if first != self._line:
            self._wrong("name", f"{name} stands in line {first} already")
        return name

    def _secret(self, cells: Mapping[str, str]) -> None:
        hashed = cells.get("password_hash", "")
        if cells["password"] and hashed:
            self._wrong("password_hash", "there is a password as well: give one of the two")
        if cells["password"]:
            try:
                check_password(cells["password"])
            except BadPassword as error:
                self._wrong("password", str(error))
        if hashed:
            match = _PHC.fullmatch(hashed)
            if match is None:
                self._wrong(
                    "password_hash", "not Argon2id in PHC form ($argon2id$v=19$m=…,t=…,p=…$…$…)"
                )
            elif any(int(n) > most for n, most in zip(match.groups(), _MOST, strict=True)):
                self._wrong(
                    "password_hash", f"costs more than m={_MOST[0]},t={_MOST[1]},p={_MOST[2]}"
                )

    def _limits(self, cells: Mapping[str, str]) -> Iterator[tuple[str, int]]:
        for column in ("quota", "quota_messages", "quota_mailboxes"):
            if value := cells.get(column, ""):
                match = _SIZE.fullmatch(value)
                if match is None or (match[2] and column != "quota"):
                    form = (
                        "write 500M, 2G or a number of octets"
                        if column == "quota"
                        else "write a number"
                    )
                    self._wrong(column, f"{value!r} is none: {form}")
                elif (number := int(match[1]) * _UNITS[match[2].lower()]) > limits.QUOTA:
                    self._wrong(column, f"{value!r} is too large: at most {limits.QUOTA}")
                else:
                    yield column, number

    def _all_addresses(self, name: str, others: str) -> Iterator[tuple[str, str]]:
        for column, address in [("name", name)] * ("@" in name) + [
            ("addresses", one) for one in others.split()
        ]:
            try:
                local, domain = names.split_address(address)
            except names.BadAddress as error:
                self._wrong(column, str(error))
                continue
            # The rules of the domain are asked of the database; here only what is the same letter for letter.
            first = self._addresses.setdefault((local, domain), self._line)
            if first != self._line:
                self._wrong(column, f"{address} stands in line {first} already")
            yield local, domain


class Bulk:
    """Adds what a file asks for."""

    def __init__(self, administration: Administration, changes: Changes) -> None:
        self._administration = administration
        self._changes = changes

    async def add(
        self,
        planned: Sequence[Planned],
        *,
        dry: bool = False,
        hashed: Callable[[int], None] = lambda count: None,
    ) -> int:
        """All of them in one transaction, or BadFile; `dry`: only look. `hashed` hears how many passwords are done."""
        if not dry:
            planned = await _hash(planned, hashed)
        try:
            async with self._changes.change() as change:
                problems: list[Problem] = []
                keys = await self._rules()
                for one in planned:
                    problems += await self._taken(one, keys)
                    if not problems:
                        number = await self._insert(one, keys)
                        row = await self._administration.numbered(number)
                        await change.wrote("account.import", thing(row), None, row.state())
                if problems:
                    raise BadFile(problems)
                if dry:
                    raise _Dry
        except _Dry:
            pass
        return len(planned)

    async def _rules(self) -> Callable[[str, str], str]:
        """How each domain compares local parts; read once, since nobody else changes it meanwhile."""
        rows = await self._changes.rows("SELECT domain FROM domain_rule WHERE case_sensitive")
        sensitive = {str(row[0]) for row in rows}
        return lambda local, domain: names.address_key(local, domain in sensitive)

    async def _taken(self, one: Planned, key: Callable[[str, str], str]) -> list[Problem]:
        found = []
        if await self._changes.rows(
            "SELECT 1 FROM account WHERE key = ?", (names.login_key(one.name),)
        ):
            found.append(Problem(one.line, "name", f"an account {one.name} exists already"))
        for local, domain in dict.fromkeys(one.addresses):
            if await self._changes.rows(
                "SELECT 1 FROM address WHERE domain = ? AND key = ?", (domain, key(local, domain))
            ):
                found.append(Problem(one.line, "addresses", f"{local}@{domain} is taken"))
        return found

    async def _insert(self, one: Planned, key: Callable[[str, str], str]) -> int:
        admin = self._administration
        number = await admin.insert(one.name, one.display_name, one.limits.get("quota"))
        execute = self._changes.connection.execute
        for column, value in one.limits.items():
            await execute(f"UPDATE account SET {column} = ? WHERE id = ?", (value, number))
        if one.keys is not None:
            await admin.store_password(number, one.password_hash, one.keys)
        elif one.password_hash:
            await execute(
                "UPDATE account SET password = ? WHERE id = ?", (one.password_hash, number)
            )
        # A@ and a@ in one line are one address where the domain says so; the first spelling is kept.
        wanted = {(domain, key(local, domain)): local for local, domain in one.addresses[::-1]}
        for (domain, compared), local in reversed(wanted.items()):
            await execute(
                "INSERT INTO address (key, domain, local, account) VALUES (?, ?, ?, ?)",
                (compared, domain, local, number),
            )
        return number


class _Dry(Exception):
    """The transaction was only to see whether it would do."""


async def _hash(planned: Sequence[Planned], hashed: Callable[[int], None]) -> list[Planned]:
    """The passwords' hashes and keys: 0.1 s each on one core, before anything is locked."""

    def secret(one: Planned) -> Planned:
        if not one.password:
            return one
        made = hash_password(prepared(one.password))
        return replace(one, password="", password_hash=made, keys=scramkeys.fresh(one.password))

    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="password") as pool:
        work = [loop.run_in_executor(pool, secret, one) for one in planned]
        found = []
        for count, one in enumerate(work, 1):
            found.append(await one)
            hashed(count)
    return found
