"""Mail for other hosts: refused, except from those who logged in.

RFC 5321 §3.6.2 and §7.9 (relaying), §3.3 (servers MAY decline); RFC 6409 §3, §4.2.
"""

from __future__ import annotations

from postil.ports.accounts import Accounts, AccountsUnavailable
from postil.ports.delivery import Path, Transaction, Verdict


async def relaying(accounts: Accounts, transaction: Transaction, path: Path) -> Verdict | None:
    """Lets mail for our own domains pass."""
    if not path.domain:
        # RFC 5321 §4.5.1: bare <Postmaster>; the grammar lets nothing else be without a domain.
        return None
    try:
        if await accounts.is_local(path.domain):
            return None
    except AccountsUnavailable:
        return Verdict(451, "4.3.0", "the directory does not answer, try again", "relay")
    if transaction.account is not None:
        if "." not in path.domain and not path.domain.startswith("["):
            # RFC 6409 §4.2: "The MSA MUST ensure that all domains in the SMTP envelope are fully qualified."
            return Verdict(554, "5.1.2", "the domain is not fully qualified", "relay")
        # TODO(RFC 6409 §3.1): there is no outgoing queue yet; a client keeps the message and says so.
        return Verdict(
            451, "4.3.0", "sending to other domains is not possible yet: no outgoing queue", "relay"
        )
    # RFC 5321 §3.6.2: "If it declines to relay mail to a particular address for policy reasons, a 550 response SHOULD
    # be returned."
    return Verdict(550, "5.7.1", "relaying denied: that domain's mail does not end here", "relay")
