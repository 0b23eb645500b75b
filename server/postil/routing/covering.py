"""Rules that never get anything, because an earlier one takes all that would fit them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from postil.routing.choosing import Rule, within


def hidden(rules: Sequence[Rule]) -> Iterator[tuple[int, int]]:
    """Pairs of a rule that never gets anything and the one that takes it, as places in `rules`.

    Only what one rule alone takes away is found: two that do so together are not.
    """
    for later, rule in enumerate(rules):
        for earlier in range(later):
            if _covers(rules[earlier], rule):
                yield later, earlier
                break


def _covers(wide: Rule, narrow: Rule) -> bool:
    """Does everything that fits `narrow` fit `wide`?"""
    return (
        wide.minimum_attempts <= narrow.minimum_attempts
        and _all(narrow.from_domain, wide.from_domain, _inside)
        and _all(narrow.to_domain, wide.to_domain, _inside)
        and _all(narrow.from_account, wide.from_account, _same)
    )


def _all(
    narrow: Sequence[str], wide: Sequence[str], fits: Callable[[str, Sequence[str]], bool]
) -> bool:
    """An empty condition holds for everything."""
    return not wide or (bool(narrow) and all(fits(one, wide) for one in narrow))


def _inside(pattern: str, wide: Sequence[str]) -> bool:
    if pattern.startswith("."):
        return any(one.startswith(".") and pattern.endswith(one) for one in wide)
    return within(pattern, wide)


def _same(account: str, wide: Sequence[str]) -> bool:
    return account.casefold() in map(str.casefold, wide)
