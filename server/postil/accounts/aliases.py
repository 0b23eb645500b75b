"""Aliases and lists: addresses that lead to several accounts or to other addresses. What `postil alias` changes.

RFC 5321 §3.9. An alias only puts other addresses in the place of its own (§3.9.1). A list says besides who may write to it, and its copies bear the
address of its owner as return path (§3.9.2). Header fields are left alone: our lists are of the kind that §3.9.2 calls a continuation
of transit, so signatures stay whole. RFC 2369 §3 and RFC 2919 §3, not planned: a list that adds fields is another kind.

A member is an account, or an address here (an alias may be a member of an alias). It leaves by itself when it is removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from postil.accounts import aliasrows, limits, membership, names
from postil.accounts.aliasrows import AliasRow, Sees, seen, thing
from postil.accounts.changes import AccountError, Change, Changes
from postil.accounts.places import Place, Places, split
from postil.ports.accounts import Posts


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
        every = [
            await aliasrows.read(self._changes, int(str(a)), str(local), str(d))
            for a, local, d in found
        ]
        return [row for row in every if self._changes.sees(seen(row))]

    async def seen_by(self, address: str, account: str) -> Sequence[str] | None:
        """The members of the list as that account may see them; None: it may not."""
        row = await self.show(address)
        target = await self._places.target(account)
        if target.account is None:
            raise AccountError(f"there is no account {account}")
        told = row.is_list and (
            row.sees is Sees.ACCOUNTS
            or (
                row.sees is Sees.MEMBERS
                and await membership.holds(self._changes, row.id, target.account)
            )
        )
        return row.members if told else None

    async def _find(self, address: str) -> Place:
        place = await self._places.find(*split(address))
        if place is None or place.alias is None:
            raise AccountError(f"there is no alias or list {address}")
        return place

    async def _read(self, alias: int, asked: str) -> AliasRow:
        found = await self._changes.rows(
            "SELECT local, domain FROM address WHERE alias = ?", (alias,)
        )
        row = await aliasrows.read(self._changes, alias, str(found[0][0]), str(found[0][1]))
        if not self._changes.sees(seen(row)):
            raise AccountError(f"there is no alias or list {asked}")
        return row

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
        """A new alias, or a list; its address leads nowhere else. The same one again is no error."""
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
            place = await self._places.find(local, domain)
            if place is not None:
                wanted = (is_list, members_send, posts, sees)
                there = await self._already(place)
                if (there.is_list, there.members_send, there.posts, there.sees) == wanted and (
                    await self._leads(there, members, posters, owner)
                ):
                    return there
                raise AccountError(
                    f"{place.text} is {'a list' if there.is_list else 'an alias'} already, with other"
                    " settings or members: postil alias set, join and leave change them"
                )
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
            await membership.join(self._changes, self._places, alias, members)
            await self._allow(alias, posters)
            row = await aliasrows.read(self._changes, alias, local, domain)
            await change.wrote("alias.add", thing(row), None, row.state())
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
            await membership.join(self._changes, self._places, before.id, members)
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
            await change.wrote("alias.remove", thing(before), gone, None)

    # --- within a change

    async def _changed(self, change: Change, action: str, before: AliasRow) -> AliasRow:
        [(local, domain)] = await self._changes.rows(
            "SELECT local, domain FROM address WHERE alias = ?", (before.id,)
        )
        after = await aliasrows.read(self._changes, before.id, str(local), str(domain))
        await change.wrote(action, thing(before, after), before.state(), after.state())
        return after

    async def _already(self, place: Place) -> AliasRow:
        if place.alias is None:
            raise AccountError(f"{place.text} is the address of an account")
        return await self._read(place.alias, place.text)

    async def _leads(
        self, row: AliasRow, members: Sequence[str], posters: Sequence[str], owner: str | None
    ) -> bool:
        """Has it just these members, posters and this owner?"""
        if {(await self._places.target(one)).text for one in members} != set(row.members):
            return False
        if {_compared(one) for one in posters} != {_compared(one) for one in row.posters}:
            return False
        return await self._owner(owner) == await self._owner(row.owner)

    async def _owner(self, owner: str | None) -> int | None:
        if not owner:
            return None
        place = await self._places.find(*split(owner))
        if place is None:
            raise AccountError(f"{owner} is no address here, and a list's owner must be one")
        return place.id

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


def _compared(poster: str) -> tuple[str, str]:
    local, domain = split(poster)
    return names.key(local), domain
