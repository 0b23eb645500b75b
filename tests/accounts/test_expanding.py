"""Aliases and lists to accounts: everybody once, whatever leads where."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postil.accounts import limits
from postil.accounts.expanding import Member, Node, expand, splits
from postil.ports.accounts import Account, NotExpandable, Posts
from postil.ports.ids import AccountId

ACCOUNTS = [Account(AccountId(n), f"u{n}@example.org") for n in range(6)]


def person(number: int) -> Member:
    return Member(f"u{number}@example.org", ACCOUNTS[number], None)


def other(number: int) -> Member:
    return Member(f"a{number}@example.org", None, number)


members = st.lists(
    st.one_of(st.integers(0, 5).map(person), st.integers(0, 5).map(other)), max_size=5
)
nodes = st.lists(st.tuples(members, st.booleans(), st.booleans()), min_size=6, max_size=6).map(
    lambda made: {
        number: Node(f"a{number}@example.org", tuple(m), sends, owner="o@x" if is_list else "")
        for number, (m, is_list, sends) in enumerate(made)
    }
)


@given(nodes)
def test_everybody_once(graph: dict[int, Node]) -> None:
    """Circles and overlaps or not: exactly the accounts that can be reached, each once, and never without end."""
    todo, met = [0], {0}
    reached = set()
    while todo:
        for member in graph[todo.pop()].members:
            if member.account is not None:
                reached.add(member.account.id)
            elif member.alias is not None and member.alias not in met:
                met.add(member.alias)
                todo.append(member.alias)
    if not reached:
        with pytest.raises(NotExpandable):
            expand(graph, 0)
        return
    found = expand(graph, 0)
    assert sorted(one.account.id for one in found) == sorted(reached)
    for one in found:
        assert one.via[0] == "a0@example.org" and len(set(one.via)) == len(one.via)
        lists = [item.address for item in one.lists]
        assert lists == [address for address in one.via if graph[int(address[1])].owner]
        assert one.sends == all(
            graph[int(address[1])].sends and not graph[int(address[1])].owner for address in one.via
        )
        for item in one.lists:
            assert one.account.id in item.members


def test_too_deep() -> None:
    """As deep as the commands allow, and no deeper: then mail waits for somebody to mend it."""
    for depth, fits in ((limits.DEPTH, True), (limits.DEPTH + 1, False)):
        graph = {n: Node(f"a{n}@x", (other(n + 1),)) for n in range(depth)}
        graph[depth] = Node(f"a{depth}@x", (person(1),))
        if fits:
            assert len(expand(graph, 0)[0].via) == depth + 1
        else:
            with pytest.raises(NotExpandable) as told:
                expand(graph, 0)
            assert told.value.later


def test_nobody() -> None:
    """An alias without accounts is nobody's for good."""
    with pytest.raises(NotExpandable) as told:
        expand({0: Node("a0@x", ())}, 0)
    assert not told.value.later


def test_lists_in_lists() -> None:
    """Every list on the way has its say, and knows its own members, those of lists inside included."""
    graph = {
        0: Node("a0@x", (other(1), person(1)), owner="o0@x", posts=Posts.MEMBERS),
        1: Node("a1@x", (person(2), person(3)), owner="o1@x"),
    }
    second, third, first = expand(graph, 0)
    assert [item.address for item in second.lists] == [
        "a0@x",
        "a1@x",
    ] and third.lists == second.lists
    assert first.lists[0].members == {1, 2, 3} and second.lists[1].members == {2, 3}


@given(st.text(max_size=20), st.text("+-_", max_size=3))
def test_splits(local: str, separators: str) -> None:
    """Each way puts a separator between local part and tag; the local part is never empty; the longest comes first."""
    ways = splits(local, separators)
    assert ways == sorted(ways, key=lambda way: -len(way[0]))
    assert len(ways) == sum(c in separators for c in local[1:])
    for base, tag in ways:
        assert base and local == base + local[len(base)] + tag and local[len(base)] in separators
