"""When to order: at once, in its turn, or after a failure. Pure: times in, a decision out.

Without ARI a certificate is renewed when a third of its life is left, at a moment chosen once. With ARI it is a moment within
the authority's window, which may lie earlier or later, never so late that a failure would leave no time. After a failure
the next try waits longer each time, and at least as long as the authority asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

from postil.acme import limits


@dataclass(frozen=True, slots=True)
class Due:
    """When the next order is, and why. Seconds since the epoch."""

    at: float
    why: str


def turn(not_before: float, not_after: float, share: float) -> float:
    """The moment for a certificate without ARI; `share` is random, 0 to 1, and kept with the certificate."""
    life = not_after - not_before
    return not_after - life * (limits.THIRD + limits.JITTER * share)


def due(
    *,
    issued: float | None,
    not_before: float,
    not_after: float,
    turn_at: float,
    ari_at: float | None,
    wrong: str = "",
    failed: int,
    again: float,
) -> Due:
    """When to order next.

    `issued`: when the certificate was, None for none. `wrong`: why the one that is there will not do ("other names",
    "revoked"), "" when it will. `failed`: failures in a row, `again`: not before, after those.
    """
    if issued is None:
        wanted = Due(0.0, "there is none")
    elif wrong:
        wanted = Due(0.0, wrong)
    else:
        life = not_after - not_before
        wanted = Due(turn_at, "a third of its life is left")
        if ari_at is not None:
            wanted = Due(min(ari_at, not_after - life * limits.LAST_CALL), "the authority's window")
        earliest = issued + min(life * limits.SPACING, limits.SPACING_MOST)
        wanted = Due(max(wanted.at, earliest), wanted.why)
    if failed and again > wanted.at:
        return Due(again, f"{wanted.why}; the last {failed} tries failed")
    return wanted


def after_failure(
    failed: int, share: float, retry_after: float | None, most: float = limits.BACKOFF_MOST
) -> float:
    """Seconds until the next try after `failed` failures in a row; `share` is random, 0 to 1."""
    wait = min(limits.BACKOFF * 2.0 ** min(failed - 1, 20), most)
    wait *= 1 + limits.BACKOFF_JITTER * share
    # RFC 8555 §6.6: "Additionally, the server SHOULD send a Retry-After header field [RFC7231] indicating when the current
    # request may succeed again."
    return max(wait, min(retry_after or 0.0, limits.RETRY_AFTER_MOST))
