"""SAVEDATE: when a message came into the mailbox it is in.

RFC 8514. Every row of the store has it from the first schema on, so it is never NIL, and RFC 8514 §4.3 needs no fallback.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from postil.imap import encode
from postil.imap.fetch.items import Attribute, Needs, Parser

if TYPE_CHECKING:
    from postil.imap.fetch.message import Message

NAME: Final = "SAVEDATE"


async def _save_date(message: Message) -> bytes:
    return encode.date_time(message.generation.save_dates[message.position]).encode("ascii")


SAVEDATE: Final = Attribute(b"SAVEDATE", Needs.PICTURE, _save_date)
FETCH_ITEMS: Final[Mapping[str, Parser]] = {"SAVEDATE": lambda name, tokens: SAVEDATE}
