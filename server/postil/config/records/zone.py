"""A DNS record, and how it is written in a zone file (RFC 1035 §5.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

STRING: Final = 255  # octets of a character-string: its length is one octet (RFC 1035 §3.3)
TTL: Final = 3600  # seconds; short enough to correct a mistake the same day


@dataclass(frozen=True, slots=True)
class Record:
    """A record to publish."""

    name: str  # absolute, without the last dot
    type: Literal["MX", "TXT"]
    data: str  # MX: preference and host; TXT: the whole text
    purpose: str  # for people

    def strings(self) -> list[str]:
        """A TXT record's text in pieces that fit a character-string; whoever reads joins them."""
        # RFC 6376 §3.6.2.2: "Strings in a TXT RR MUST be concatenated together before use with no intervening whitespace."
        return [self.data[at : at + STRING] for at in range(0, len(self.data), STRING)] or [""]

    def line(self) -> str:
        """The line of a zone file."""
        if self.type == "MX":
            data = f"{self.data}."
        else:
            data = " ".join(f'"{_escaped(one)}"' for one in self.strings())
        return f"{self.name}. {TTL} IN {self.type} {data}"

    def as_json(self) -> dict[str, object]:
        """For programs that publish it."""
        out: dict[str, object] = {
            "name": self.name,
            "type": self.type,
            "ttl": TTL,
            "data": self.data,
            "line": self.line(),
            "purpose": self.purpose,
        }
        if self.type == "TXT":
            out["strings"] = self.strings()
        return out


def _escaped(text: str) -> str:
    r"""Within quotes: RFC 1035 §5.1 has \ before a quote, and before itself."""
    return text.replace("\\", "\\\\").replace('"', '\\"')
