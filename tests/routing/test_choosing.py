"""The decision which transport takes a message, and which rules never decide anything."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postil.routing import Choice, Facts, Passed, choose, hidden


@dataclass(frozen=True)
class Rule:
    """As the configuration has it."""

    name: str = "r"
    from_domain: tuple[str, ...] = ()
    from_account: tuple[str, ...] = ()
    to_domain: tuple[str, ...] = ()
    minimum_attempts: int = 0
    transport: str = "relay"


FACTS = Facts("a.example", "b.c.example", "Ann@a.example", 2)


@pytest.mark.parametrize(
    ("rule", "misses"),
    [
        (Rule(), None),
        (Rule(from_domain=("x.example", "a.example")), None),
        (Rule(from_domain=("x.example",)), "from_domain"),
        (Rule(from_domain=(".a.example",)), "from_domain"),
        (Rule(from_domain=(".example",)), None),
        (Rule(from_domain=("<>",)), "from_domain"),
        (Rule(from_account=("aNN@a.example",)), None),
        (Rule(from_account=("bob@a.example",)), "from_account"),
        (Rule(to_domain=("b.c.example",)), None),
        (Rule(to_domain=("c.example",)), "to_domain"),
        (Rule(to_domain=(".c.example",)), None),
        (Rule(to_domain=(".b.c.example",)), "to_domain"),
        (Rule(to_domain=("xb.c.example", ".xc.example")), "to_domain"),
        (Rule(minimum_attempts=2), None),
        (Rule(minimum_attempts=3), "minimum_attempts"),
        (Rule(from_domain=("a.example",), to_domain=("no.example",)), "to_domain"),
    ],
)
def test_conditions(rule: Rule, misses: str | None) -> None:
    """All must hold; the first that does not is named."""
    passed = (Passed("r", misses),) if misses else ()
    expected = Choice("direct", None, passed) if misses else Choice("relay", "r", ())
    assert choose([rule], FACTS) == expected


def test_nobody() -> None:
    """Notices have no sender and no account: only a rule for them, or one without such conditions, fits."""
    notice = Facts("", "b.example")
    rules = [
        Rule("sender", from_domain=("a.example", ".example")),
        Rule("account", from_account=("ann@a.example",)),
        Rule("notices", from_domain=("<>",), transport="quiet"),
    ]
    assert choose(rules, notice).rule == "notices"
    assert choose(rules[:2], notice) == Choice(
        "direct", None, (Passed("sender", "from_domain"), Passed("account", "from_account"))
    )


def test_the_first_decides() -> None:
    """Whatever comes behind; none of them is direct."""
    rules = [
        Rule("later", minimum_attempts=9),
        Rule("one", to_domain=("b.c.example",), transport="x"),
        Rule("two"),
    ]
    assert choose(rules, FACTS) == Choice("x", "one", (Passed("later", "minimum_attempts"),))
    assert choose([], FACTS) == Choice("direct", None, ())


domains = st.sampled_from(["a.example", "b.a.example", "c.b.a.example", "xa.example", "other"])
patterns = st.lists(domains | domains.map(".{}".format), max_size=2).map(tuple)
accounts = st.sampled_from(["ann", "Ann", "bob"])
attempts = st.integers(0, 2)
rules = st.builds(
    Rule,
    from_domain=patterns | st.just(("<>",)),
    from_account=st.lists(accounts, max_size=2).map(tuple),
    to_domain=patterns,
    minimum_attempts=attempts,
)
facts = st.builds(Facts, domains | st.just(""), domains, accounts | st.just(""), attempts)


@given(st.lists(rules, min_size=2, max_size=5), st.lists(facts, min_size=1, max_size=30))
def test_what_is_hidden_gets_nothing(given: list[Rule], asked: list[Facts]) -> None:
    """A rule that is called hidden decides about no message, and the one that is named takes what it would."""
    numbered = [Rule(str(n), *list(vars(one).values())[1:]) for n, one in enumerate(given)]
    pairs = dict(hidden(numbered))
    for one in asked:
        chosen = choose(numbered, one).rule
        assert chosen is None or int(chosen) not in pairs
        for later, earlier in pairs.items():
            if choose([numbered[later]], one).rule is not None:
                assert choose([numbered[earlier]], one).rule is not None


@pytest.mark.parametrize(
    ("wide", "narrow", "covers"),
    [
        (Rule(), Rule(), True),
        (Rule(), Rule(to_domain=("a",), minimum_attempts=3), True),
        (Rule(to_domain=("a.b",)), Rule(), False),
        (Rule(to_domain=(".b",)), Rule(to_domain=("a.b", ".a.b", ".b")), True),
        (Rule(to_domain=(".b",)), Rule(to_domain=("b",)), False),
        (Rule(to_domain=("a.b",)), Rule(to_domain=(".a.b",)), False),
        (Rule(minimum_attempts=1), Rule(), False),
        (Rule(from_account=("ann",)), Rule(from_account=("ANN",)), True),
        (Rule(from_account=("ann",)), Rule(), False),
        (Rule(from_domain=("<>",)), Rule(from_domain=("<>",)), True),
    ],
)
def test_hidden(wide: Rule, narrow: Rule, covers: bool) -> None:
    """Found where one rule alone takes everything."""
    assert list(hidden([wide, narrow])) == ([(1, 0)] if covers else [])
