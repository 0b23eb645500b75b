"""Accounts as lists and the log of changes show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from postil.accounts.changes import AccountError, Changes, NotAllowed
from postil.accounts.names import BadAddress, domain_key, login_key
from postil.accounts.roles import Kind, Power, Role, Thing
from postil.ports.accounts import Incoming
from postil.smtp.paths import mailbox

_BETWEEN = "\x1f"  # in no local part: accounts.names refuses what cannot be seen


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account, and all that is asked of it most often."""

    id: int
    name: str
    display_name: str
    quota: int | None  # octets
    quota_messages: int | None
    quota_mailboxes: int | None
    shows_free_space: bool
    marks_important: bool  # mail may arrive with $Important, RFC 8457
    disabled: str | None  # the reason; None as soon as the time has passed
    disabled_until: int | None  # seconds since the epoch
    disabled_mail: str  # what becomes of mail while it is disabled: ports.accounts.Incoming
    password_set: bool
    created: int  # seconds since the epoch
    addresses: tuple[str, ...]
    switched_off: tuple[str, ...]
    roles: tuple[Role, ...]

    def state(self) -> dict[str, object]:
        """As JSON shows it; no secrets."""
        shown: dict[str, object] = {name: getattr(self, name) for name in self.__slots__}
        for name in ("addresses", "switched_off"):
            shown[name] = list(getattr(self, name))
        shown["roles"] = [str(role) for role in self.roles]
        return shown

    def domains(self) -> frozenset[str]:
        """All it lies in."""
        found = {address.rpartition("@")[2] for address in self.addresses}
        if "@" in self.name:
            found.add(_domain(self.name))
        return frozenset(found)


def _domain(name: str) -> str:
    # Names are kept as spelled, and a role names its domain in A-labels.
    try:
        return domain_key(name.rpartition("@")[2])
    except BadAddress:
        return ""


def thing(*states: AccountRow) -> Thing:
    """The account before and after, as `roles.may` asks for it."""
    return Thing(
        Kind.ACCOUNT,
        states[-1].name,
        frozenset().union(*(row.domains() for row in states)),
        frozenset(role for row in states for role in row.roles),
    )


async def read(
    changes: Changes, where: str = "", values: Sequence[object] = ()
) -> list[AccountRow]:
    """The accounts of a condition on `account`, by name, as far as the actor may see them."""
    rows = await changes.rows(
        "SELECT id, name, display_name, quota, quota_messages, quota_mailboxes, shows_free_space, marks_important,"
        " iif(disabled_until <= ?, NULL, disabled), disabled_until, disabled_mail, password IS NOT NULL, created,"
        " (SELECT group_concat(local || char(31) || domain, char(10)) FROM address WHERE address.account = account.id),"
        " (SELECT group_concat(capability, char(10)) FROM switched_off WHERE switched_off.account = account.id),"
        " (SELECT group_concat(role || char(31) || domain, char(10)) FROM role WHERE role.account = account.id)"
        f" FROM account {where} ORDER BY account.key",
        (int(changes.clock.now()), *values),
    )
    found = [_row(row) for row in rows]
    return [row for row in found if changes.sees(thing(row))]


async def named(changes: Changes, name: str) -> AccountRow:
    """One account by login name; AccountError when there is none."""
    found = await read(changes, "WHERE account.key = ?", (login_key(name),))
    if not found:
        raise AccountError(f"there is no account {name}")
    return found[0]


async def numbered(changes: Changes, number: int) -> AccountRow:
    """One that is there, by its number."""
    found = await read(changes, "WHERE account.id = ?", (number,))
    if not found:  # only the actor's rights can hide what is there
        raise NotAllowed(f"{changes.actor} may not change that account")
    return found[0]


def _row(row: Sequence[object]) -> AccountRow:
    disabled = _text(row[8])
    roles = (Role(Power(role), domain) for role, domain in map(_pair, _items(row[15])))
    return AccountRow(
        id=int(str(row[0])),
        name=str(row[1]),
        display_name=str(row[2]),
        quota=_number(row[3]),
        quota_messages=_number(row[4]),
        quota_mailboxes=_number(row[5]),
        shows_free_space=bool(row[6]),
        marks_important=bool(row[7]),
        disabled=disabled,
        disabled_until=None if disabled is None else _number(row[9]),
        disabled_mail=Incoming.REFUSE.value if disabled is None else str(row[10]),
        password_set=bool(row[11]),
        created=int(str(row[12])),
        addresses=tuple(sorted(mailbox(*_pair(item)) for item in _items(row[13]))),
        switched_off=tuple(sorted(_items(row[14]))),
        roles=tuple(sorted(roles, key=str)),
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _items(value: object) -> list[str]:
    return str(value).split("\n") if value else []


def _pair(item: str) -> tuple[str, str]:
    first, _, second = item.partition(_BETWEEN)
    return first, second
