"""OBJECTID: names of mailboxes, messages and threads that stay what they are.

RFC 8474. Given by the store: a letter (F, M, T) and random characters; a copy has the EMAILID of its source. Here is how a client sees them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from postil.imap.fetch.items import Attribute, Needs, Parser
from postil.imap.tokens import Tokens
from postil.ports.store import Mailbox

if TYPE_CHECKING:
    from postil.imap.fetch.message import Message

NAME: Final = "OBJECTID"
# RFC 8474 §7: objectid = 1*255(ALPHA / DIGIT / "_" / "-")
_OBJECTID = re.compile(r"[A-Za-z0-9_-]{1,255}")


def code(mailbox: Mailbox) -> str:
    """The response code of CREATE, SELECT and EXAMINE."""
    return f"MAILBOXID ({mailbox.object_id})"


async def _email(message: Message) -> bytes:
    return f"({(await message.details()).object_id})".encode("ascii")


async def _thread(message: Message) -> bytes:
    return f"({(await message.details()).thread_id})".encode("ascii")


EMAILID: Final = Attribute(b"EMAILID", Needs.DETAILS, _email)
THREADID: Final = Attribute(b"THREADID", Needs.DETAILS, _thread)
FETCH_ITEMS: Final[Mapping[str, Parser]] = {
    "EMAILID": lambda name, tokens: EMAILID,
    "THREADID": lambda name, tokens: THREADID,
}


def parse_objectid(tokens: Tokens) -> str:
    """What stands behind EMAILID and THREADID in SEARCH."""
    start = tokens.at
    found = tokens.atom().decode("ascii")
    if _OBJECTID.fullmatch(found) is None:
        tokens.at = start
        tokens.fail("an object id of letters, digits, _ and -")
    return found
