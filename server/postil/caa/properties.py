"""A CAA record with its meaning: tag, critical or not, value taken apart.

RFC 8659 §4.1 (flags and tags), §4.4 (iodef), RFC 9495 §3 (issuemail).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from postil.caa.values import Issuance, read, shown, write
from postil.ports.resolver import Caa

CRITICAL: Final = 128  # RFC 8659 §4.1: bit 0 is the most significant

ISSUE: Final = "issue"
ISSUEWILD: Final = "issuewild"
ISSUEMAIL: Final = "issuemail"
IODEF: Final = "iodef"
KNOWN: Final = frozenset({ISSUE, ISSUEWILD, ISSUEMAIL, IODEF})
_SCHEMES: Final = ("mailto:", "http://", "https://")


@dataclass(frozen=True, slots=True)
class Property:
    """One record; `record` is as published, `tag` in lower case."""

    record: Caa
    tag: str
    issuance: Issuance | None = None  # of issue, issuewild and issuemail

    @property
    def critical(self) -> bool:
        """Must a CA that does not know the tag refuse?"""
        # RFC 8659 §4.1: "Applications that interpret CAA records MUST ignore the value of all reserved flag bits."
        return bool(self.record.flags & CRITICAL)

    @property
    def known(self) -> bool:
        """Do we know what the tag means?"""
        return self.tag in KNOWN

    @property
    def names(self) -> str:
        """The CA that it names, in lower case; "" when it names none."""
        return self.issuance.issuer if self.issuance is not None else ""

    @property
    def problem(self) -> str:
        """What is wrong with the value; "" when nothing is."""
        if self.issuance is not None:
            return self.issuance.malformed
        if self.tag == IODEF:
            url = self.record.value.decode("ascii", "replace")
            if not url.lower().startswith(_SCHEMES):
                return f"{shown(url)} is no mailto, http or https URL"
        return ""


def parse(record: Caa) -> Property:
    """The meaning of a record; never fails."""
    # RFC 8659 §4.1: "Matching of tags is case insensitive."
    tag = record.tag.lower()
    issuance = read(record.value) if tag in (ISSUE, ISSUEWILD, ISSUEMAIL) else None
    return Property(record, tag, issuance)


def make(tag: str, issuance: Issuance, *, critical: bool = False) -> Caa:
    """A record to publish; ValueError when the value cannot be written."""
    assert tag in (ISSUE, ISSUEWILD, ISSUEMAIL)
    # RFC 8659 §4.1: "MUST clear (set to "0") all reserved flag bits"
    return Caa(CRITICAL if critical else 0, tag, write(issuance))


def report_to(url: str) -> Caa:
    """An iodef record: where CAs report what they refused; ValueError for another kind of URL."""
    if not url.isascii() or not url.isprintable() or not url.lower().startswith(_SCHEMES):
        raise ValueError(f"{url!r} cannot take reports: a mailto, http or https URL in ASCII can")
    return Caa(0, IODEF, url.encode("ascii"))
