"""How aliases and lists become accounts: pure, over what was read of them.

RFC 5321 §3.9. Each account comes out once, by the first way that leads to it, in the order in which members came. An alias that is met a second
time adds nothing, so a circle (which the commands refuse to make) delivers to everybody in it once and ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from postil.accounts import limits
from postil.ports.accounts import Account, Delivery, MailingList, NotExpandable, Posts
from postil.ports.ids import AccountId


@dataclass(frozen=True, slots=True)
class Member:
    """An account, or another alias by its number."""

    address: str
    account: Account | None
    alias: int | None
    mailbox: str = "INBOX"


@dataclass(frozen=True, slots=True)
class Node:
    """An alias or a list; `owner` is empty for an alias."""

    address: str
    members: tuple[Member, ...]
    sends: bool = False
    owner: str = ""
    posts: Posts = Posts.ANYONE
    named: frozenset[str] = frozenset()


def expand(
    nodes: Mapping[int, Node], start: int, before: tuple[str, ...] = ()
) -> tuple[Delivery, ...]:
    """Where mail for the alias goes; `before`: addresses it passed already. NotExpandable."""
    found: dict[AccountId, Delivery] = {}
    met: set[int] = set()

    def walk(
        number: int, via: tuple[str, ...], lists: tuple[MailingList, ...], sends: bool
    ) -> None:
        if number in met:
            return
        met.add(number)
        node = nodes[number]
        if len(via) - len(before) > limits.DEPTH:
            raise NotExpandable("aliases lie too deep in each other", later=True)
        via += (node.address,)
        if node.owner:
            inside = _accounts(nodes, number)
            lists += (MailingList(node.address, node.owner, node.posts, inside, node.named),)
        sends = sends and node.sends and not node.owner
        for member in node.members:
            if member.alias is not None:
                walk(member.alias, via, lists, sends)
            elif member.account is not None and member.account.id not in found:
                passed = via if member.address not in via else via[: via.index(member.address)]
                found[member.account.id] = Delivery(
                    member.account,
                    member.address,
                    member.mailbox,
                    via=passed,
                    lists=lists,
                    sends=sends,
                )
                if len(found) > limits.COPIES:
                    raise NotExpandable("the address leads to too many accounts", later=True)

    walk(start, before, (), True)
    if not found:
        raise NotExpandable("nobody is behind that address", later=False)
    return tuple(found.values())


def _accounts(nodes: Mapping[int, Node], start: int) -> frozenset[AccountId]:
    """All accounts inside a list, however deep."""
    todo, met = [start], {start}
    inside = set()
    while todo:
        for member in nodes[todo.pop()].members:
            if member.account is not None:
                inside.add(member.account.id)
            if member.alias is not None and member.alias not in met:
                met.add(member.alias)
                todo.append(member.alias)
    return frozenset(inside)


def splits(local: str, separators: str) -> list[tuple[str, str]]:
    """Local part and tag, for each place where a separator stands; the longest local part first."""
    return [
        (local[:at], local[at + 1 :])
        for at in range(len(local) - 1, 0, -1)
        if local[at] in separators
    ]
