"""Is there room for the message, as far as its size is known?

RFC 1870 §6.4 (per recipient); RFC 3463 §3.3 (X.2.2, mailbox full). The store decides for good at delivery.
"""

from __future__ import annotations

from collections.abc import Sequence

from postil.ports.accounts import Delivery
from postil.ports.delivery import Verdict
from postil.ports.store import Store, StoreError


async def room_for(
    store: Store, found: Sequence[Delivery], declared_size: int | None
) -> Verdict | None:
    """Refuses for now when an account's quota is used up or would be."""
    for delivery in found:
        quota, messages = delivery.account.quota, delivery.account.quota_messages
        if quota is None and messages is None:
            continue
        try:
            used = await store.usage(delivery.account.id)
        except StoreError:
            return Verdict(451, "4.3.0", "the mailbox cannot be read, try again", "quota")
        octets = used.octets + max(declared_size or 0, 1)
        full = quota is not None and octets > quota
        if full or (messages is not None and used.messages >= messages):
            # RFC 1870 §6.4: "If a 452 code is returned, the client may requeue the message for later delivery
            # to the same recipient." Mailboxes get emptied.
            return Verdict(452, "4.2.2", "the mailbox is full", "quota")
    return None
