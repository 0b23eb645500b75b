"""The members of an alias or a list, which may be aliases and lists again: never in a circle, never too deep."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from postil.accounts import limits
from postil.accounts.changes import AccountError, Changes
from postil.accounts.places import Places, Target

# The alias ?1 and all that lie in it, each once, so that a circle ends.
_INSIDE: Final = (
    "WITH RECURSIVE inside (alias) AS (VALUES (?1) UNION SELECT address.alias FROM inside"
    " JOIN member ON member.alias = inside.alias JOIN address ON address.id = member.address"
    " WHERE address.alias IS NOT NULL)"
)


async def join(changes: Changes, places: Places, alias: int, members: Iterable[str]) -> None:
    """More members, in the caller's transaction; AccountError for one that would lead back, or for too many."""
    for member in members:
        target = await places.target(member)
        if target.alias is not None:
            await _round(changes, alias, target)
        await changes.connection.execute(
            "INSERT OR IGNORE INTO member (alias, account, address) VALUES (?, ?, ?)",
            (alias, target.account, target.address),
        )
    [(count,)] = await changes.rows("SELECT count(*) FROM member WHERE alias = ?", (alias,))
    if int(str(count)) > limits.MEMBERS:
        raise AccountError(f"an alias or a list has at most {limits.MEMBERS} members")
    if (
        await _height(changes, alias, down=True) + await _height(changes, alias, down=False)
        > limits.DEPTH
    ):
        raise AccountError(f"aliases and lists may lie at most {limits.DEPTH} deep in each other")


async def _round(changes: Changes, alias: int, target: Target) -> None:
    """Refuses a member through which mail would come back."""
    found = await changes.rows(
        f"{_INSIDE} SELECT 1 FROM inside WHERE alias = ?2",
        (target.alias, alias),
    )
    if found:
        raise AccountError(f"{target.text} leads back here: mail would go round in circles")


async def _height(changes: Changes, alias: int, *, down: bool) -> int:
    """How many aliases lie below this one, one inside the other, or above it."""
    step = (
        "SELECT address.alias, depth + 1 FROM way JOIN member ON member.alias = way.alias"
        " JOIN address ON address.id = member.address WHERE address.alias IS NOT NULL"
        if down
        else "SELECT member.alias, depth + 1 FROM way JOIN address ON address.alias = way.alias"
        " JOIN member ON member.address = address.id WHERE true"
    )
    [(height,)] = await changes.rows(
        f"WITH RECURSIVE way (alias, depth) AS (VALUES (?, 0) UNION {step} AND depth <= {limits.DEPTH})"
        " SELECT max(depth) FROM way",
        (alias,),
    )
    return int(str(height))


async def holds(changes: Changes, alias: int, account: int) -> bool:
    """Is the account a member, or in an alias or list that is one?"""
    found = await changes.rows(
        f"{_INSIDE} SELECT 1 FROM inside JOIN member ON member.alias = inside.alias"
        " LEFT JOIN address ON address.id = member.address"
        " WHERE coalesce(member.account, address.account) = ?2 LIMIT 1",
        (alias, account),
    )
    return bool(found)
