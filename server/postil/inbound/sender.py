"""May this sender send from here? A question only for those who logged in.

RFC 6409 §6.1. Without a login the sender's address proves nothing and is not asked.
TODO(RFC 6409 §6.1): the From field is not compared with the login yet, only MAIL FROM is.
"""

from __future__ import annotations

from postil.ports.accounts import Accounts, AccountsUnavailable
from postil.ports.delivery import Transaction, Verdict


async def may_send(accounts: Accounts, transaction: Transaction) -> Verdict | None:
    """Refuses a MAIL FROM that does not belong to the account."""
    account, path = transaction.account, transaction.mail_from
    if account is None or path.is_null:
        # The null path is for notifications, which clients send too (RFC 8098 §3).
        return None
    try:
        if await accounts.may_send_as(account, path.local, path.domain):
            return None
    except AccountsUnavailable:
        return Verdict(451, "4.3.0", "the directory does not answer, try again", "sender")
    # RFC 6409 §6.1: "Reply code 550 with an appropriate enhanced status code per [SMTP-CODES], such as 5.7.1,
    # is used for this purpose."
    return Verdict(550, "5.7.1", "this login may not send under that address", "sender")
