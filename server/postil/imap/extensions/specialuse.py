"""SPECIAL-USE: what a mailbox may be for, as CREATE and METADATA set it.

RFC 6154 §2, §3, §4; RFC 8457 §3. LIST shows it (`commands/list.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from postil.imap.errors import No
from postil.imap.extensions import important

# RFC 6154 §2: \All and \Flagged are virtual mailboxes, which there are none of here.
USES: Final = {
    use.lower(): use
    for use in ("\\Archive", "\\Drafts", important.USE, "\\Junk", "\\Sent", "\\Trash")
}


def uses_of(asked: Iterable[str]) -> frozenset[str]:
    """The attributes in the RFC's spelling; `NO [USEATTR]` for one that a mailbox cannot have here."""
    # RFC 6154 §3: "If the server cannot create a mailbox with the designated special use defined, for whatever reason, it MUST
    # NOT create the mailbox, and MUST respond to the CREATE command with a tagged NO response."
    uses = set()
    for attribute in asked:
        known = USES.get(attribute.lower())
        if known is None:
            raise No(f"No mailbox can be {attribute[:40]} here", "USEATTR")
        uses.add(known)
    return frozenset(uses)
