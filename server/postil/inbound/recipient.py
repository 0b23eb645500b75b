"""Does the recipient exist, and does anybody read it?

RFC 5321 §3.3 (550), §4.5.1 (postmaster); RFC 2142 §4 (abuse): those exist by decree, see `ports.accounts.Accounts.resolve`.
"""

from __future__ import annotations

from collections.abc import Sequence

from postil.ports.accounts import Accounts, AccountsUnavailable, Delivery
from postil.ports.delivery import Path, Verdict


async def recipient_exists(accounts: Accounts, path: Path) -> Sequence[Delivery] | Verdict:
    """Where the mail goes, or why it does not."""
    try:
        found = await accounts.resolve(path.local, path.domain)
    except AccountsUnavailable:
        # Never "unknown" for want of an answer: the sender would give up.
        return Verdict(451, "4.3.0", "the directory does not answer, try again", "recipient")
    if not found:
        # RFC 5321 §3.3: "If the recipient is known not to be a deliverable address, the SMTP server
        # returns a 550 reply"
        return Verdict(550, "5.1.1", "no such user here", "recipient")
    usable = [delivery for delivery in found if delivery.account.disabled is None]
    if not usable:
        return Verdict(550, "5.2.1", "this mailbox is disabled", "recipient")
    return usable
