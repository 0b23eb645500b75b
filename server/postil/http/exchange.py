"""A request, its answer, and what can go wrong between them."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Final, Protocol

_SECONDS: Final = re.compile(r"[0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status."""

    status: int
    fields: Mapping[str, str] = field(default_factory=dict)  # names in lower case
    links: tuple[tuple[str, str], ...] = ()  # (relation, URL) of the Link fields
    body: bytes = b""

    def retry_after(self, now: float) -> float | None:
        """Seconds that the other side asks to wait; None when it does not, or nothing that can be read.

        RFC 9110 §10.2.3: a date or a number of seconds.
        """
        value = self.fields.get("retry-after", "").strip()
        if _SECONDS.fullmatch(value):
            return float(value)
        try:
            at = parsedate_to_datetime(value)
        except ValueError:
            return None
        if at.tzinfo is None:
            at = at.replace(tzinfo=datetime.UTC)
        return max(0.0, at.timestamp() - now)


class HttpError(Exception):
    """No answer came of it; the text says why, for people."""


class Unreachable(HttpError):
    """Nobody there, or not in time: worth another try."""


class TimedOut(Unreachable):
    """Somebody may be there, but did not answer in time."""


class Untrusted(HttpError):
    """The other side's certificate is not one that we trust."""


class TooBig(HttpError):
    """The body is longer than whoever asked wants to read."""


class Misused(HttpError):
    """The request itself is wrong: not https, no host."""


class Http(Protocol):
    """Asks."""

    async def send(
        self,
        method: str,
        url: str,
        *,
        fields: Mapping[str, str] = {},
        body: bytes = b"",
        most: int,
        seconds: float,
    ) -> Answer:
        """The answer, its body at most `most` octets, after at most `seconds`; HttpError when there is none."""
        ...
