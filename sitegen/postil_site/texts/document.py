"""One RFC put together from its octets, its errata and the index."""

from __future__ import annotations

import dataclasses
import re

from postil_site.model import Document, Erratum
from postil_site.texts import abnf, crossrefs, decode, requirements, sections
from postil_site.texts.rfcindex import RfcIndex

_HEADER = re.compile(r"^(Obsoletes|Updates):\s*(.*?)(?:\s{3,}.*)?$")
_NUMBERS = re.compile(r"\d{1,6}")
HEADER_LINES = 40  # the fields of the first page stand within these


class NotAnRfc(ValueError):
    """The octets are not a text of this RFC; the text says why."""


def read(octets: bytes, rfc: int) -> Document:
    """A document without errata and without what only the index knows; NotAnRfc for what cannot be one."""
    if not octets.strip():
        raise NotAnRfc("is empty")
    start = octets[:1000].lstrip(b"\xef\xbb\xbf \r\n\t\f").lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"%pdf")):
        raise NotAnRfc("is HTML, XML or PDF, not the plain text")
    if b"\0" in octets[:4096]:
        raise NotAnRfc("is binary, not the plain text")
    text = decode.decode(octets)
    found = sections.find(text)
    obsoletes, updates = _header(text)
    return Document(
        rfc=rfc,
        title=_title(text),
        lines=text.lines,
        furniture=text.furniture,
        pages=text.pages,
        sections=found,
        requirements=requirements.find(text, found, rfc),
        abnf=abnf.find(text),
        crossrefs=crossrefs.find(text, found, rfc),
        obsoletes=obsoletes,
        updates=updates,
        obsoleted_by=(),
        updated_by=(),
    )


def complete(document: Document, index: RfcIndex, errata: tuple[Erratum, ...]) -> Document:
    """Add what the index and the errata say."""
    entry = index.entries.get(document.rfc)
    return dataclasses.replace(
        document,
        title=entry.title if entry else document.title,
        obsoletes=entry.obsoletes if entry and entry.obsoletes else document.obsoletes,
        updates=entry.updates if entry and entry.updates else document.updates,
        obsoleted_by=entry.obsoleted_by if entry else (),
        updated_by=entry.updated_by if entry else (),
        errata=errata,
    )


def _header(text: decode.Text) -> tuple[tuple[int, ...], tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    current = ""
    for line in text.lines[:HEADER_LINES]:
        match = _HEADER.match(line)
        if match:
            current = match[1]
            found[current] = tuple(int(number) for number in _NUMBERS.findall(match[2]))
        elif current and line[:1].isspace() and _NUMBERS.match(line.strip()):
            more = re.split(r"\s{3,}", line.strip())[0]
            found[current] += tuple(int(number) for number in _NUMBERS.findall(more))
        else:
            current = ""
    return found.get("Obsoletes", ()), found.get("Updates", ())


def _title(text: decode.Text) -> str:
    """The first centred line below the header block; for texts the index does not know."""
    seen_fields = False
    title: list[str] = []
    for line in text.lines[:80]:
        if line and not line[:1].isspace():
            if title:
                break
            seen_fields = True
        elif line.strip() and seen_fields and len(line) - len(line.lstrip()) > 4:
            title.append(line.strip())
        elif title and not line.strip():
            break
    return " ".join(title)
