"""Does the recipient exist, and does anybody read it?

RFC 5321 §3.3 (550), §3.9 (aliases and lists), §4.5.1 (postmaster); RFC 3463 §3.3 (X.2.1, X.2.4); RFC 2142 §4 (abuse): those exist by decree, see
`ports.accounts.Accounts.resolve`.

An address has one answer, however many accounts are behind it. Behind an alias everybody or nobody gets the message: one account that shall
get its mail later has the sender try again. A list goes on without a member who cannot take the message now; only when nobody can is it refused.
"""

from __future__ import annotations

from collections.abc import Sequence

from postil.ports.accounts import Accounts, AccountsUnavailable, Delivery, Incoming, NotExpandable
from postil.ports.delivery import Path, Verdict


async def recipient_exists(accounts: Accounts, path: Path) -> Sequence[Delivery] | Verdict:
    """Where the mail goes, or why it does not."""
    try:
        found = await accounts.resolve(path.local, path.domain)
    except AccountsUnavailable:
        # Never "unknown" for want of an answer: the sender would give up.
        return Verdict(451, "4.3.0", "the directory does not answer, try again", "recipient")
    except NotExpandable as error:
        # RFC 3463 §3.3: "The mailbox is a mailing list address and the mailing list was unable to be expanded."
        if error.later:
            return Verdict(451, "4.2.4", str(error), "recipient")
        return Verdict(550, "5.2.4", str(error), "recipient")
    if not found:
        # RFC 5321 §3.3: "If the recipient is known not to be a deliverable address, the SMTP server
        # returns a 550 reply"
        return Verdict(550, "5.1.1", "no such user here", "recipient")
    return found


def enabled(found: Sequence[Delivery]) -> Sequence[Delivery] | Verdict:
    """Those whose accounts take mail; why nobody does."""
    usable = [one for one in found if _incoming(one) is Incoming.ACCEPT]
    later = [one for one in found if _incoming(one) is Incoming.LATER]
    # RFC 3463 §3.3: "This may be a permanent error if the mailbox will never be re-enabled or a transient error if the
    # mailbox is only temporarily disabled."
    if any(not one.lists for one in later) or (later and not usable):
        return Verdict(
            451, "4.2.1", "this mailbox takes no mail for now, try again later", "recipient"
        )
    if not usable:
        return Verdict(550, "5.2.1", "this mailbox is disabled", "recipient")
    return usable


def _incoming(delivery: Delivery) -> Incoming:
    account = delivery.account
    return Incoming.ACCEPT if account.disabled is None else account.disabled_mail
