"""The list of differences as a page of the website: `python -m tests.interop.differential.page` writes it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.interop.differential.rows import Row, Rows

PAGE: Final = Path(__file__).resolve().parents[3] / "website" / "content" / "differential.md"
_HEAD: Final = """\
+++
title = "Beside Dovecot"
description = "Where Postil and Dovecot answer the same IMAP commands differently, and the sentence of the RFC that decides each case."
order = 45
section = "Project"
+++

The tests hold the same dialogues with Postil and with Dovecot 2.3 as Debian ships it: the client's lines of our own dialogues, several hundred commands
written for the purpose over the base protocol and every extension that both announce, and moves by chance over two sessions with messages of many
shapes. Tags, texts for people, UIDVALIDITY, names of quota roots, the order of what has no order, and times of now are not compared; mod-sequences are compared by
their order. Everything else must be the same, or stand below. A difference that is not here fails the test, and a line here that was not needed
fails it as well. The list is `tests/interop/differential/differences.toml`; the counts of a run are printed at its end.

What this comparison found wrong with us is corrected and therefore not here: a FETCH that marked a message as seen and asked for
its flags as well did not tell the new mod-sequence (RFC 7162 §3.2.4), and SEARCH TEXT did not look into the headers of parts (RFC 9051 §6.4.4).
"""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _table(found: list[Row]) -> str:
    lines = ["| difference | decides | why |", "|---|---|---|"]
    for row in found:
        decides = f"RFC {row.rfc} §{row.section}: “{_cell(row.quote)}”"
        lines.append(f"| {_cell(row.id)} | {decides} | {_cell(row.reason)} |")
    return "\n".join(lines)


def text(known: Rows) -> str:
    """The whole page."""
    deviates = [row for row in known.rows if row.deviates == "dovecot"]
    allowed = [row for row in known.rows if row.deviates == "both allowed"]
    left = "\n".join(f"- {one.reason}" for one in known.left_out)
    return (
        f"{_HEAD}\n## Both are allowed\n\n{_table(allowed)}\n\n## Dovecot does otherwise\n\n{_table(deviates)}\n\n"
        f"## Not compared\n\n{left}\n"
    )


if __name__ == "__main__":
    PAGE.write_text(text(Rows.read()), encoding="utf-8")
