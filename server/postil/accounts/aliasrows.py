"""Aliases and lists as lists and the log of changes show them."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from postil.accounts import names
from postil.accounts.changes import Changes
from postil.accounts.roles import Kind, Thing
from postil.ports.accounts import Posts
from postil.smtp.paths import mailbox


class Sees(enum.Enum):
    """Who is told the members of a list; whoever may administer it sees them anyway."""

    NOBODY = "nobody"
    MEMBERS = "members"
    ACCOUNTS = "accounts"


@dataclass(frozen=True, slots=True)
class AliasRow:
    """An alias or a list as lists show it."""

    id: int
    address: str
    is_list: bool
    members: tuple[
        str, ...
    ]  # accounts by name, the others by address; in the order in which they came
    members_send: bool
    posts: Posts
    posters: tuple[str, ...]
    sees: Sees
    owner: str | None  # address; None: postmaster of the domain
    created: int
    touched: frozenset[str]  # domains of the address, its members and its owner

    def state(self) -> dict[str, object]:
        """As JSON shows it."""
        shown: dict[str, object] = {
            "address": self.address,
            "kind": "list" if self.is_list else "alias",
            "members": list(self.members),
            "members_send": self.members_send,
        }
        if self.is_list:
            shown |= {
                "posts": self.posts.value,
                "posters": list(self.posters),
                "sees": self.sees.value,
                "owner": self.owner,
            }
        return shown


async def read(changes: Changes, alias: int, local: str, domain: str) -> AliasRow:
    """One by its number and its address."""
    [plain] = await changes.rows(
        "SELECT kind, posts, sees, members_send, alias.created, address.local, address.domain"
        " FROM alias LEFT JOIN address ON address.id = alias.owner WHERE alias.id = ?",
        (alias,),
    )
    members = await changes.rows(
        "SELECT account.name, address.local, address.domain FROM member"
        " LEFT JOIN account ON account.id = member.account"
        " LEFT JOIN address ON address.id = member.address WHERE member.alias = ? ORDER BY member.id",
        (alias,),
    )
    posters = await changes.rows(
        "SELECT local, domain FROM poster WHERE alias = ? ORDER BY domain, key", (alias,)
    )
    kind, posts, sees, sends, created, owner, owner_domain = plain
    shown = [str(name) if name is not None else mailbox(str(l_), str(d)) for name, l_, d in members]
    touched = {domain} | {_domain_of(member) for member in shown}
    if owner is not None:
        touched.add(str(owner_domain))
    return AliasRow(
        id=alias,
        address=mailbox(local, domain),
        is_list=kind == "list",
        members=tuple(shown),
        members_send=bool(sends),
        posts=Posts(posts),
        posters=tuple(mailbox(str(l_), str(d)) for l_, d in posters),
        sees=Sees(sees),
        owner=None if owner is None else mailbox(str(owner), str(owner_domain)),
        created=int(str(created)),
        touched=frozenset(touched - {""}),
    )


def _domain_of(member: str) -> str:
    try:
        return names.domain_key(member.rpartition("@")[2]) if "@" in member else ""
    except names.BadAddress:
        return ""


def seen(row: AliasRow) -> Thing:
    """To read one, the domain of its address is enough."""
    return Thing(Kind.ALIAS, row.address, frozenset({row.address.rpartition("@")[2]}))


def thing(*states: AliasRow) -> Thing:
    """One before and after, as `roles.may` asks for it."""
    touched = frozenset[str]().union(*(row.touched for row in states))
    return Thing(Kind.ALIAS, states[-1].address, touched)
