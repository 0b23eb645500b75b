"""The cache is bounded, in answers and in the size of each."""

from __future__ import annotations

from postil.base.clock import FixedClock
from postil.dns import limits
from postil.dns.cache import Cache
from postil.ports.resolver import Answer, Outcome, Record, Txt

FOUND: Answer[Record] = Answer(Outcome.FOUND, (Txt((b"x",)),), ("x",), ttl=60)


def test_the_least_recently_used_goes_first() -> None:
    """A full cache loses what nobody asked for the longest."""
    cache = Cache(FixedClock(), most=3)
    for name in "abc":
        cache.put((name, Txt), FOUND, 100)
    assert cache.get(("a", Txt)) is FOUND
    cache.put(("d", Txt), FOUND, 100)
    assert [cache.get((name, Txt)) is not None for name in "abcd"] == [True, False, True, True]
    assert len(cache) == 3


def test_what_is_not_kept() -> None:
    """Answers that are too large, that say "do not keep", and failures."""
    cache = Cache(FixedClock())
    cache.put(("large", Txt), FOUND, limits.CACHE_OCTETS + 1)
    cache.put(("zero", Txt), Answer(Outcome.FOUND, (), ("zero",), ttl=0), 100)
    cache.put(("bogus", Txt), Answer(Outcome.BOGUS, (), ("bogus",), ttl=60), 100)
    cache.put(("failed", Txt), Answer(Outcome.TEMPORARY, (), ("failed",), ttl=60), 100)
    assert len(cache) == 0
    cache.put(("fits", Txt), FOUND, limits.CACHE_OCTETS)
    assert len(cache) == 1


def test_what_has_expired_goes() -> None:
    """It makes room as soon as somebody looks."""
    clock = FixedClock()
    cache = Cache(clock)
    cache.put(("a", Txt), FOUND, 100)
    clock.advance(60)
    assert cache.get(("a", Txt)) is None and len(cache) == 0
