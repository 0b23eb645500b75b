"""Who may do what to the control database: roles, and one pure function that decides.

An `admin` may do everything, an `auditor` read everything, a `domain admin` read and change what lies wholly in domains of theirs.
Commands on the machine are its owner's: whoever can write the file needs no permission from what stands in it.

A domain admin must not become more than that. So accounts that hold a role are out of reach (a new password for an admin would be a role),
roles are given by admins only, and something that touches two domains needs both.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from postil.ports.ids import AccountId


class Power(enum.Enum):
    """What a role is called; the value stands in the database."""

    ADMIN = "admin"
    DOMAIN_ADMIN = "domain admin"
    AUDITOR = "auditor"


@dataclass(frozen=True, slots=True)
class Role:
    """A power; `domain` (A-labels) of a domain admin only, else ""."""

    power: Power
    domain: str = ""

    def __str__(self) -> str:
        return f"{self.power.value} of {self.domain}" if self.domain else self.power.value


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts. Without an account: the machine's owner, `name` being the user of the system ("": not known)."""

    name: str
    account: AccountId | None = None
    roles: frozenset[Role] = frozenset()

    def __str__(self) -> str:
        if self.account is not None:
            return self.name
        return f"machine owner ({self.name})" if self.name else "machine owner"


MACHINE_OWNER = Actor("")


class Action(enum.Enum):
    """The two ways of touching something."""

    READ = enum.auto()
    CHANGE = enum.auto()


class Kind(enum.Enum):
    """What there is to touch; the value stands in the log of changes."""

    ACCOUNT = "account"  # with its addresses and passwords
    ALIAS = "alias"  # and lists
    RULES = "domain"  # separators, case, catch-all
    TRANSPORT = "transport"
    ROUTE = "route"
    ROLE = "role"
    CERTIFICATE = "certificate"  # and accounts at authorities; no domain's admin orders any
    LOG = "log"  # one row of it: its domains are those of what the row tells of


@dataclass(frozen=True, slots=True)
class Thing:
    """Something to be touched: `domains` are all it lies in, before and after; `holds` the roles of that account."""

    kind: Kind
    name: str
    domains: frozenset[str] = frozenset()
    holds: frozenset[Role] = frozenset()


def may(actor: Actor, action: Action, thing: Thing) -> bool:
    """Asked by `accounts.changes` for everything, whoever calls."""
    if actor.account is None:
        return True
    powers = {role.power for role in actor.roles}
    if Power.ADMIN in powers:
        return True
    if Power.AUDITOR in powers and action is Action.READ:
        return True
    own = {role.domain for role in actor.roles if role.power is Power.DOMAIN_ADMIN}
    if not thing.domains or not thing.domains <= own:
        return False
    if action is Action.READ:
        return True
    return thing.kind in (Kind.ACCOUNT, Kind.ALIAS, Kind.RULES) and not thing.holds
