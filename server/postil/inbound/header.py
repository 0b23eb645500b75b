"""The beginning of a message as it streams by: enough to count and to see what is missing.

RFC 5322 §2.2. The octets are kept up to `limits.HEADER_OCTETS`; nothing is changed.
"""

from __future__ import annotations

import re

from postil.inbound import limits


class HeaderWatch:
    """Feed it the message; ask it afterwards."""

    def __init__(self) -> None:
        self._octets = bytearray()
        self._complete = False

    def feed(self, piece: bytes | memoryview) -> None:
        """The next octets of the message."""
        if self._complete:
            return
        seen = max(0, len(self._octets) - 3)
        self._octets += piece[: limits.HEADER_OCTETS - len(self._octets)]
        if self._octets.startswith(b"\r\n"):
            self._octets.clear()
            self._complete = True
            return
        end = self._octets.find(b"\r\n\r\n", seen)
        if end >= 0:
            del self._octets[end + 2 :]
        self._complete = end >= 0 or len(self._octets) >= limits.HEADER_OCTETS

    @property
    def octets(self) -> bytes:
        """The header, without its blank line."""
        return bytes(self._octets)

    def count(self, name: bytes) -> int:
        """How many fields of that name there are; the name in any case."""
        return len(re.findall(rb"(?im)^" + re.escape(name) + rb"[ \t]*:", self._octets))

    def more_than(self, count: int, name: bytes) -> bool:
        """Whether there are more than `count` such fields; quick where the name occurs less often than that."""
        return self._octets.lower().count(name.lower()) > count and self.count(name) > count
