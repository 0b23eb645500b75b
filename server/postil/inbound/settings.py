"""What local delivery is told about its machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from postil.inbound import limits


def _no_offset(epoch: float) -> int:
    """UTC."""
    return 0


@dataclass(frozen=True, slots=True)
class Settings:
    """Given once; the reasons of the numbers stand in `inbound/limits.py`."""

    host: str = "localhost"  # our name in Received and in the Message-ID we add
    messages_per_minute: int = limits.MESSAGES_PER_MINUTE
    recipients_per_minute: int = limits.RECIPIENTS_PER_MINUTE
    trust_loopback: bool = True  # no rates for this machine itself
    # Our zone at that moment, in minutes east of UTC: RFC 5321 §4.4 prefers local time in trace fields.
    offset: Callable[[float], int] = _no_offset
