"""May this sender write to the list?

RFC 5321 §3.9.2, §4.5.5 (null paths); RFC 3463 §3.8 (X.7.2). Asked at RCPT: who sends is known by then, and a refusal after DATA would be one for
every recipient of the message.

A sender's address proves nothing without a login. So an address of ours counts only from its account: `members` (all members are accounts
here) means "logged in as a member". An address elsewhere that a list names is believed as it stands, until senders are verified.
"""

from __future__ import annotations

from collections.abc import Sequence

from postil.accounts import names
from postil.ports.accounts import Accounts, AccountsUnavailable, Delivery, MailingList, Posts
from postil.ports.delivery import Path, Transaction, Verdict


async def may_post(
    accounts: Accounts, transaction: Transaction, found: Sequence[Delivery]
) -> Verdict | None:
    """Refuses a sender whom one of the lists on the way does not take mail from."""
    lists = dict.fromkeys(one for delivery in found for one in delivery.lists)
    if not lists:
        return None
    if transaction.mail_from.is_null:
        # RFC 5321 §4.5.5: null paths are of notifications, which are for the one who sent the message, not for a list; and
        # §3.9 would have us put an owner's address in place of a path that says "do not answer"
        return _refused("notifications are not sent to lists")
    for one in lists:
        try:
            reason = await _reason(accounts, transaction, one)
        except AccountsUnavailable:
            return Verdict(451, "4.3.0", "the directory does not answer, try again", "posting")
        if reason:
            return _refused(reason)
    return None


def _refused(reason: str) -> Verdict:
    # RFC 3463 §3.8: "The sender is not authorized to send a message to the intended mailing list."
    return Verdict(550, "5.7.2", reason, "posting")


async def _reason(accounts: Accounts, transaction: Transaction, one: MailingList) -> str:
    """Why not; "" when the sender may."""
    account = transaction.account
    match one.posts:
        case Posts.ANYONE:
            return ""
        case Posts.MEMBERS:
            if account is None:
                return "only members write to this list: send it through the submission port, logged in"
            return "" if account.id in one.members else "only members write to this list"
        case Posts.NAMED:
            sender = transaction.mail_from
            if key(sender) not in one.named:
                return "this list does not take mail from that sender"
            if account is None and await accounts.is_local(sender.domain):
                return "send it through the submission port, logged in"
            return ""  # what a login sends is under its own address: `sender` saw to that


def key(path: Path) -> str:
    """The address as lists compare it: without case, whatever its domain does."""
    return f"{names.key(path.local)}@{path.domain}"
