"""SEARCHRES: the result of a SEARCH as a variable, `$`.

RFC 5182; RFC 9051 §6.4.4.1. The session keeps uids: they need no adjusting when messages are expunged, and `$` stands for sequence
numbers and for uids alike. SELECT and EXAMINE empty it (`session.deselect`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from postil.imap.extensions.esearch import Wanted

N = TypeVar("N", bound=int)


def to_save(wanted: Wanted, found: Sequence[N]) -> list[N]:
    """Which of the messages found become `$` (RFC 9051 §6.4.4.1, table 4)."""
    if wanted & (Wanted.ALL | Wanted.COUNT) or not wanted & (Wanted.MIN | Wanted.MAX):
        # RFC 9051 §6.4.4.1: "If the SAVE result option is combined with the ALL and/or COUNT result
        # option(s), the '$' marker would always contain all messages found by the SEARCH or UID
        # SEARCH command."
        return list(found)
    if not found:
        return []
    # RFC 9051 §6.4.4.1: "If the SAVE result option is combined with both MIN and MAX result options,
    # and both ALL and COUNT result options are absent, the '$' marker would contain zero messages,
    # one message, or two messages as returned in the MIN/MAX return items."
    ends = [found[0]] if Wanted.MIN in wanted else []
    if Wanted.MAX in wanted and found[-1] not in ends:
        ends.append(found[-1])
    return ends
