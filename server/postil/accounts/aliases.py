"""Aliases and lists: addresses that lead to several accounts or to other addresses. What `postil alias` changes.

RFC 5321 §3.9. An alias only puts other addresses in the place of its own (§3.9.1). A list says besides who may write to it, and its copies bear the
address of its owner as return path (§3.9.2). Header fields are left alone: our lists are of the kind that §3.9.2 calls a continuation
of transit, so signatures stay whole. RFC 2369 §3 and RFC 2919 §3, not planned: a list that adds fields is another kind.

A member is an account, or an address here (an alias may be a member of an alias). It leaves by itself when it is removed.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from postil.accounts import limits, names
from postil.accounts.changes import AccountError, Change, Changes
from postil.accounts.places import Place, Places, Target, split
from postil.accounts.roles import Kind, Thing
from postil.ports.accounts import Posts
from postil.smtp.paths import mailbox

# The alias ?1 and all that lie in it, each once, so that a circle ends.
_INSIDE: Final = (
    "WITH RECURSIVE inside (alias) AS (VALUES (?1) UNION SELECT address.alias FROM inside"
    " JOIN member ON member.alias = inside.alias JOIN address ON address.id = member.address"
    " WHERE address.alias IS NOT NULL)"
)


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


class Aliases:
    """Shows and changes aliases and lists."""

    def __init__(self, changes: Changes, places: Places) -> None:
        self._changes = changes
        self._places = places

    # --- reading

    async def show(self, address: str) -> AliasRow:
        """One by its address; AccountError when it is none."""
        return await self._read((await self._find(address)).alias or 0, address)

    async def every(self) -> Sequence[AliasRow]:
        """All by address."""
        found = await self._changes.rows(
            "SELECT alias, local, domain FROM address WHERE alias IS NOT NULL ORDER BY domain, key"
        )
        read = [await self._row(int(str(a)), str(local), str(d)) for a, local, d in found]
        return [row for row in read if self._changes.sees(_seen(row))]

    async def seen_by(self, address: str, account: str) -> Sequence[str] | None:
        """The members of the list as that account may see them; None: it may not."""
        row = await self.show(address)
        target = await self._places.target(account)
        if target.account is None:
            raise AccountError(f"there is no account {account}")
        told = row.is_list and (
            row.sees is Sees.ACCOUNTS
            or (row.sees is Sees.MEMBERS and await self._holds(row.id, target.account))
        )
        return row.members if told else None

    async def _holds(self, alias: int, account: int) -> bool:
        """Is the account a member, or in an alias or list that is one?"""
        found = await self._changes.rows(
            f"{_INSIDE} SELECT 1 FROM inside JOIN member ON member.alias = inside.alias"
            " LEFT JOIN address ON address.id = member.address"
            " WHERE coalesce(member.account, address.account) = ?2 LIMIT 1",
            (alias, account),
        )
        return bool(found)

    async def _find(self, address: str) -> Place:
        place = await self._places.find(*split(address))
        if place is None or place.alias is None:
            raise AccountError(f"there is no alias or list {address}")
        return place

    async def _read(self, alias: int, asked: str) -> AliasRow:
        found = await self._changes.rows(
            "SELECT local, domain FROM address WHERE alias = ?", (alias,)
        )
        row = await self._row(alias, str(found[0][0]), str(found[0][1]))
        if not self._changes.sees(_seen(row)):
            raise AccountError(f"there is no alias or list {asked}")
        return row

    async def _row(self, alias: int, local: str, domain: str) -> AliasRow:
        [plain] = await self._changes.rows(
            "SELECT kind, posts, sees, members_send, alias.created, address.local, address.domain"
            " FROM alias LEFT JOIN address ON address.id = alias.owner WHERE alias.id = ?",
            (alias,),
        )
        members = await self._changes.rows(
            "SELECT account.name, address.local, address.domain FROM member"
            " LEFT JOIN account ON account.id = member.account"
            " LEFT JOIN address ON address.id = member.address WHERE member.alias = ? ORDER BY member.id",
            (alias,),
        )
        posters = await self._changes.rows(
            "SELECT local, domain FROM poster WHERE alias = ? ORDER BY domain, key", (alias,)
        )
        kind, posts, sees, sends, created, owner, owner_domain = plain
        shown = [
            str(name) if name is not None else mailbox(str(l_), str(d)) for name, l_, d in members
        ]
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

    # --- changing

    async def add(
        self,
        address: str,
        members: Sequence[str],
        *,
        is_list: bool = False,
        members_send: bool = False,
        posts: Posts = Posts.ANYONE,
        posters: Sequence[str] = (),
        sees: Sees = Sees.NOBODY,
        owner: str | None = None,
    ) -> AliasRow:
        """A new alias, or a list; its address leads nowhere else."""
        local, domain = split(address)
        if not is_list and (
            posts is not Posts.ANYONE or posters or owner or sees is not Sees.NOBODY
        ):
            raise AccountError(
                "who may post, who sees the members and the owner are set for lists only"
            )
        if is_list and members_send:
            raise AccountError("members of a list do not send under its address: make it an alias")
        async with self._changes.change() as change:
            await self._free(local, domain)
            execute = self._changes.connection.execute
            cursor = await execute(
                "INSERT INTO alias (kind, posts, sees, owner, members_send, created) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    "list" if is_list else "alias",
                    posts.value,
                    sees.value,
                    await self._owner(owner),
                    members_send,
                    int(self._changes.clock.now()),
                ),
            )
            assert cursor.lastrowid is not None
            alias = cursor.lastrowid
            await execute(
                "INSERT INTO address (key, domain, local, alias) VALUES (?, ?, ?, ?)",
                (await self._places.key(local, domain), domain, local, alias),
            )
            await self._join(alias, members)
            await self._allow(alias, posters)
            row = await self._row(alias, local, domain)
            await change.wrote("alias.add", _thing(row), None, row.state())
        return row

    async def set(
        self,
        address: str,
        *,
        members_send: bool | None = None,
        posts: Posts | None = None,
        sees: Sees | None = None,
        owner: str | None = None,
    ) -> AliasRow:
        """Change what is given; `owner` "" means postmaster of the domain."""
        async with self._changes.change() as change:
            before = await self.show(address)
            if not before.is_list and (posts or sees or owner is not None):
                raise AccountError(
                    f"{before.address} is an alias: only a list has posters and an owner"
                )
            if before.is_list and members_send:
                raise AccountError(
                    "members of a list do not send under its address: make it an alias"
                )
            number = await self._owner(owner) if owner is not None else None
            values: dict[str, object] = {
                column: value
                for column, given, value in (
                    ("members_send", members_send is not None, members_send),
                    ("posts", posts is not None, posts and posts.value),
                    ("sees", sees is not None, sees and sees.value),
                    ("owner", owner is not None, number),
                )
                if given
            }
            for column, value in values.items():
                await self._changes.connection.execute(
                    f"UPDATE alias SET {column} = ?1 WHERE id = ?2 AND {column} IS NOT ?1",
                    (value, before.id),
                )
            return await self._changed(change, "alias.set", before)

    async def join(self, address: str, members: Sequence[str]) -> AliasRow:
        """More members; one that is in already is no error."""
        async with self._changes.change() as change:
            before = await self.show(address)
            await self._join(before.id, members)
            return await self._changed(change, "alias.join", before)

    async def leave(self, address: str, members: Sequence[str]) -> AliasRow:
        """These members no longer; one that is not in is no error, one that does not exist is."""
        async with self._changes.change() as change:
            before = await self.show(address)
            for member in members:
                target = await self._places.target(member)
                await self._changes.connection.execute(
                    "DELETE FROM member WHERE alias = ? AND account IS ? AND address IS ?",
                    (before.id, target.account, target.address),
                )
            return await self._changed(change, "alias.leave", before)

    async def allow(self, address: str, posters: Sequence[str]) -> AliasRow:
        """More addresses that may write to a list which names them."""
        async with self._changes.change() as change:
            before = await self.show(address)
            if not before.is_list:
                raise AccountError(f"{before.address} is an alias: anyone writes to it")
            await self._allow(before.id, posters)
            return await self._changed(change, "alias.allow", before)

    async def disallow(self, address: str, posters: Sequence[str]) -> AliasRow:
        """These addresses no longer; one that was not named is no error."""
        async with self._changes.change() as change:
            before = await self.show(address)
            for poster in posters:
                local, domain = split(poster)
                await self._changes.connection.execute(
                    "DELETE FROM poster WHERE alias = ? AND domain = ? AND key = ?",
                    (before.id, domain, names.key(local)),
                )
            return await self._changed(change, "alias.disallow", before)

    async def remove(self, address: str) -> None:
        """The address no longer exists; its members stay."""
        async with self._changes.change() as change:
            place = await self._find(address)
            before = await self.show(address)
            gone = {
                **before.state(),
                "member of": await self._places.memberships_of_address(place.id),
            }
            await self._changes.connection.execute("DELETE FROM alias WHERE id = ?", (before.id,))
            await change.wrote("alias.remove", _thing(before), gone, None)

    # --- within a change

    async def _changed(self, change: Change, action: str, before: AliasRow) -> AliasRow:
        [(local, domain)] = await self._changes.rows(
            "SELECT local, domain FROM address WHERE alias = ?", (before.id,)
        )
        after = await self._row(before.id, str(local), str(domain))
        await change.wrote(action, _thing(before, after), before.state(), after.state())
        return after

    async def _free(self, local: str, domain: str) -> None:
        place = await self._places.find(local, domain)
        if place is not None:
            what = "an alias or a list already" if place.alias else "the address of an account"
            raise AccountError(f"{place.text} is {what}")

    async def _owner(self, owner: str | None) -> int | None:
        if not owner:
            return None
        place = await self._places.find(*split(owner))
        if place is None:
            raise AccountError(f"{owner} is no address here, and a list's owner must be one")
        return place.id

    async def _join(self, alias: int, members: Iterable[str]) -> None:
        for member in members:
            target = await self._places.target(member)
            if target.alias is not None:
                await self._round(alias, target)
            await self._changes.connection.execute(
                "INSERT OR IGNORE INTO member (alias, account, address) VALUES (?, ?, ?)",
                (alias, target.account, target.address),
            )
        [(count,)] = await self._changes.rows(
            "SELECT count(*) FROM member WHERE alias = ?", (alias,)
        )
        if int(str(count)) > limits.MEMBERS:
            raise AccountError(f"an alias or a list has at most {limits.MEMBERS} members")
        if (
            await self._height(alias, down=True) + await self._height(alias, down=False)
            > limits.DEPTH
        ):
            raise AccountError(
                f"aliases and lists may lie at most {limits.DEPTH} deep in each other"
            )

    async def _round(self, alias: int, target: Target) -> None:
        """Refuses a member through which mail would come back."""
        found = await self._changes.rows(
            f"{_INSIDE} SELECT 1 FROM inside WHERE alias = ?2",
            (target.alias, alias),
        )
        if found:
            raise AccountError(f"{target.text} leads back here: mail would go round in circles")

    async def _height(self, alias: int, *, down: bool) -> int:
        """How many aliases lie below this one, one inside the other, or above it."""
        step = (
            "SELECT address.alias, depth + 1 FROM way JOIN member ON member.alias = way.alias"
            " JOIN address ON address.id = member.address WHERE address.alias IS NOT NULL"
            if down
            else "SELECT member.alias, depth + 1 FROM way JOIN address ON address.alias = way.alias"
            " JOIN member ON member.address = address.id WHERE true"
        )
        [(height,)] = await self._changes.rows(
            f"WITH RECURSIVE way (alias, depth) AS (VALUES (?, 0) UNION {step} AND depth <= {limits.DEPTH})"
            " SELECT max(depth) FROM way",
            (alias,),
        )
        return int(str(height))

    async def _allow(self, alias: int, posters: Iterable[str]) -> None:
        for poster in posters:
            local, domain = split(poster)
            await self._changes.connection.execute(
                "INSERT OR IGNORE INTO poster (alias, key, domain, local) VALUES (?, ?, ?, ?)",
                (alias, names.key(local), domain, local),
            )
        [(count,)] = await self._changes.rows(
            "SELECT count(*) FROM poster WHERE alias = ?", (alias,)
        )
        if int(str(count)) > limits.POSTERS:
            raise AccountError(f"a list names at most {limits.POSTERS} addresses")


def _domain_of(member: str) -> str:
    try:
        return names.domain_key(member.rpartition("@")[2]) if "@" in member else ""
    except names.BadAddress:
        return ""


def _seen(row: AliasRow) -> Thing:
    """To read one, the domain of its address is enough."""
    return Thing(Kind.ALIAS, row.address, frozenset({row.address.rpartition("@")[2]}))


def _thing(*states: AliasRow) -> Thing:
    touched = frozenset[str]().union(*(row.touched for row in states))
    return Thing(Kind.ALIAS, states[-1].address, touched)
