"""`rfc/lock.tsv`: what each text must be, so that a truncated or changed download is an error that names the file.

One row a text: number, sha256 of its octets, and `section=hash` for each section (16 digits of the sha256 of its words in normal form), by which
a refused text can be told in what it differs. Rows are in order of their numbers, so that a difference between two commits can be read.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from postil_site.model import Document
from postil_site.texts import document as reading
from postil_site.texts.normal import normal

HEADER = "# RFC, sha256 of rfcN.txt, sha256 of its sections. Written by `rfclinks fetch --lock`; a text that differs is refused.\n"
DIGITS = 16  # of a section's hash: they tell what differs, the text's own hash decides


class BadLock(ValueError):
    """The file cannot be understood; the text says in which line."""


@dataclass(frozen=True, slots=True)
class Row:
    """What one text must be."""

    digest: str
    sections: dict[str, str]


def read(file: Path) -> dict[int, Row]:
    """All rows; none without a file."""
    try:
        text = file.read_text("utf-8")
    except FileNotFoundError:
        return {}
    rows: dict[int, Row] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.split("\t")
        if len(fields) < 2 or not fields[0].isdigit() or len(fields[1]) != 64:
            raise BadLock(f"{file}:{number}: not `number, sha256, sections` with tabs between")
        pairs = (pair.partition("=") for pair in " ".join(fields[2:]).split())
        rows[int(fields[0])] = Row(fields[1], {name: digest for name, _, digest in pairs})
    return rows


def write(file: Path, rows: dict[int, Row]) -> None:
    """Write all rows, whole or not at all."""
    lines = [
        "\t".join(
            (str(rfc), row.digest, " ".join(f"{name}={h}" for name, h in row.sections.items()))
        )
        for rfc, row in sorted(rows.items())
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(file.name + ".part")
    part.write_text(HEADER + "\n".join(lines) + "\n", "utf-8")
    part.replace(file)


def row(octets: bytes, document: Document) -> Row:
    """The row of a text."""
    return Row(hashlib.sha256(octets).hexdigest(), _sections(document))


def refusal(octets: bytes, rfc: int, wanted: Row | None) -> str | None:
    """Why octets are not this RFC's text, or None when nothing speaks against them."""
    if wanted is not None and hashlib.sha256(octets).hexdigest() == wanted.digest:
        return None
    try:
        document = reading.read(octets, rfc)
    except reading.NotAnRfc as error:
        return str(error)
    if wanted is None:
        return None
    found = _sections(document)
    gone = [name for name in wanted.sections if name not in found]
    other = [name for name, digest in found.items() if wanted.sections.get(name, digest) != digest]
    parts = [
        f"{what} {', '.join('§' + name for name in names[:5])}{' …' if len(names) > 5 else ''}"
        for what, names in (("without", gone), ("changed in", other))
        if names
    ]
    return "differs from rfc/lock.tsv" + (": " + "; ".join(parts) if parts else "")


def _sections(document: Document) -> dict[str, str]:
    out = {}
    for section in document.sections:
        if section.number and section.number not in out:
            words = normal(
                "\n".join(
                    document.lines[line - 1]
                    for line in range(section.line, section.own_end_line + 1)
                    if line not in document.furniture
                )
            )
            out[section.number] = hashlib.sha256(words.encode()).hexdigest()[:DIGITS]
    return out
