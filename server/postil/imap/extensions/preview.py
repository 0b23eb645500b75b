"""PREVIEW: the first words of a message, for lists of mail.

RFC 8970. They are made when the message arrives and stand in the index, so LAZY is never a reason for NIL.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from postil.imap import encode
from postil.imap.fetch.items import Attribute, Needs, Parser
from postil.imap.tokens import Tokens

if TYPE_CHECKING:
    from postil.imap.fetch.message import Message

NAME: Final = "PREVIEW"


async def _preview(message: Message) -> bytes:
    # RFC 8970 §3.3: "The generated string MUST NOT be content transfer encoded and MUST be encoded in UTF-8 [RFC3629]."
    # RFC 8970 §3.2: "In such cases, the server MUST return a zero-length string."
    text = (await message.details()).preview.replace("\0", "")
    return encode.string(text.encode("utf-8"), utf8=message.utf8)


PREVIEW: Final = Attribute(b"PREVIEW", Needs.DETAILS, _preview)


def _parse(name: str, tokens: Tokens) -> Attribute:
    """RFC 8970 §6: "PREVIEW" [SP "(" preview-mod *(SP preview-mod) ")"]"""

    def modifier() -> None:
        if tokens.word("LAZY") != "LAZY":
            tokens.fail("LAZY")

    # RFC 8970 §4.1: "The LAZY modifier MUST be implemented by any server that supports the PREVIEW extension."
    if (
        tokens.text.startswith(b" (", tokens.at)
        and tokens.text[tokens.at + 2 :][:4].upper() == b"LAZY"
    ):
        tokens.sp()
        tokens.list_of(modifier)
    return PREVIEW


FETCH_ITEMS: Final[Mapping[str, Parser]] = {"PREVIEW": _parse}
