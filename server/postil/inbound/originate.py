"""What a submitted message lacks and a mail server may add: Date and Message-ID.

RFC 6409 §8.2 and §8.3; RFC 5322 §3.6.1, §3.6.4. Only for messages of accounts that logged in, and only in front of what they sent.
"""

from __future__ import annotations

from postil.base.ids import object_id
from postil.inbound.header import HeaderWatch
from postil.message.compose import fold_field
from postil.message.dates import format_date


def missing_fields(header: HeaderWatch, host: str, epoch: float, offset: int) -> bytes:
    """The fields to add, ready to stand before the message."""
    added = b""
    if not header.count(b"Date"):
        added += fold_field("Date", format_date(int(epoch), offset))
    if not header.count(b"Message-ID"):
        # RFC 6409 §8.3: "The MSA SHOULD add or replace the 'Message-ID' field, if it lacks it"
        added += fold_field("Message-ID", f"<{object_id('m')}@{host}>")
    return added
