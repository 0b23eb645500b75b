"""SEARCHRES: the result of a SEARCH as a variable, `$`.

RFC 5182; RFC 9051 §6.4.4.1. The session keeps uids: they need no adjusting when messages are expunged, and `$` stands for sequence
numbers and for uids alike. SELECT and EXAMINE empty it (`session.deselect`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from postil.imap.extensions import esearch
from postil.imap.extensions.esearch import Return

N = TypeVar("N", bound=int)


def to_save(asked: Return, found: Sequence[N]) -> list[N]:
    """Which of the messages found become `$` (RFC 9051 §6.4.4.1, table 4; RFC 9394 §3.2, table 1)."""
    # RFC 9051 §6.4.4.1: "If the SAVE result option is combined with the ALL and/or COUNT result
    # option(s), the '$' marker would always contain all messages found by the SEARCH or UID
    # SEARCH command."
    # RFC 9394 §3.2: "If the SAVE and PARTIAL result options are combined with the COUNT result option, the PARTIAL and COUNT
    # result options are returned, and the "$" marker would always contain references to all messages found by the SEARCH or
    # UID SEARCH command."
    # RFC 9051 §6.4.4.1: "If the SAVE result option is combined with both MIN and MAX result options,
    # and both ALL and COUNT result options are absent, the '$' marker would contain zero messages,
    # one message, or two messages as returned in the MIN/MAX return items."
    # RFC 9394 §3.2: "the "$" marker would contain references to all messages returned by the PARTIAL result option together
    # with the MIN and MAX messages." So `$` is in every case what the response is about
    return [found[place] for place in esearch.returned(asked, len(found))]
