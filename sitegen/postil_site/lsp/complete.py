"""What may stand next: numbers of RFCs, and sections of one with their titles, in the forms that references have."""

from __future__ import annotations

import re
from dataclasses import dataclass

from postil_site.lsp.desk import Desk

# Behind these words a section number is being typed: `RFC 9051 §`, `RFC 9051, section 6.`, `rfc("9051", "6`.
_SECTION = re.compile(
    r"RFC[ -]?(\d{1,6})\s*,?\s*(?:§\s*|[Ss]ection\s+|[Ss]ec\.?\s+)([0-9A-Za-z.]*)\Z"
    r"|rfc\(\s*[\"']?(\d{1,6})[\"']?\s*,\s*[\"']([0-9A-Za-z.]*)\Z"
)
_RFC = re.compile(r"(?:\bRFC[ -]?|\brfc\(\s*[\"'])(\d{0,6})\Z")


@dataclass(frozen=True, slots=True)
class Item:
    """One proposal: it replaces the `typed` characters before the cursor."""

    text: str
    detail: str
    typed: int
    documentation: str = ""


def items(desk: Desk, before: str) -> list[Item]:
    """Proposals for the text of the line up to the cursor."""
    match = _SECTION.search(before)
    if match is not None:
        rfc, typed = int(match[1] or match[3]), match[2] if match[1] else match[4]
        return _sections(desk, rfc, typed or "")
    match = _RFC.search(before)
    if match is not None:
        return _rfcs(desk, match[1])
    return []


def _sections(desk: Desk, rfc: int, typed: str) -> list[Item]:
    document = desk.document(rfc)
    if document is None:
        return []
    return [
        Item(one.number, one.title, len(typed), f"RFC {rfc} {document.title}")
        for one in document.sections
        if one.number.lower().startswith(typed.lower()) and one.number
    ]


def _rfcs(desk: Desk, typed: str) -> list[Item]:
    """Those the project cites or lists first; it may have hundreds of texts."""
    entries = desk.project.library.index.entries
    listed = [row.rfc for row in desk.project.index.rows]
    found = []
    for rfc in dict.fromkeys([*desk.project.rfcs, *listed, *desk.project.library.available()]):
        if str(rfc).startswith(typed):
            entry = entries.get(rfc)
            found.append(Item(str(rfc), entry.title if entry else "", len(typed)))
    return found
