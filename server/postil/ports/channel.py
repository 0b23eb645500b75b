"""What a connection offers to bind a login to: RFC 5056's channel, seen from a mechanism.

`net` fills it from TLS; an open line has `OPEN`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

EXPORTER: Final = "tls-exporter"
UNIQUE: Final = "tls-unique"
END_POINT: Final = "tls-server-end-point"


def _none(kind: str) -> bytes | None:
    return None


@dataclass(frozen=True, slots=True)
class Channel:
    """What there is to bind to."""

    tls: bool
    supported: bool  # the listener binds channels, whether or not this connection can
    types: tuple[str, ...] = ()  # usable on this connection, the one for clients to prefer first
    data: Callable[[str], bytes | None] = _none  # of a type; None where there is none after all


OPEN: Final = Channel(tls=False, supported=False)
