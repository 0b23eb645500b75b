"""Is there room for the message, as far as its size is known?

RFC 1870 §6.4 (per recipient); RFC 3463 §3.3 (X.2.2, mailbox full). The store decides for good at delivery. A member of a list who has no room is left out, so that
one full mailbox does not stop a list; behind an alias, and where nobody has room, the sender is told to try again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from postil.inbound import limits
from postil.ports.accounts import Delivery
from postil.ports.delivery import Verdict
from postil.ports.store import Store, StoreError


async def room_for(
    store: Store, found: Sequence[Delivery], declared_size: int | None
) -> Sequence[Delivery] | Verdict:
    """Those who have room; refuses for now when somebody must have it and has not."""
    fitting = []
    for number, delivery in enumerate(found, 1):
        if number % limits.AT_A_TIME == 0:
            await asyncio.sleep(0)
        try:
            full = await is_full(store, delivery, declared_size)
        except StoreError:
            return Verdict(451, "4.3.0", "the mailbox cannot be read, try again", "quota")
        if not full:
            fitting.append(delivery)
        elif not delivery.lists:
            break
    else:
        if fitting:
            return fitting
    # RFC 1870 §6.4: "If a 452 code is returned, the client may requeue the message for later delivery
    # to the same recipient." Mailboxes get emptied.
    return Verdict(452, "4.2.2", "the mailbox is full", "quota")


async def is_full(store: Store, delivery: Delivery, size: int | None) -> bool:
    """Whether a message of so many octets (None or 0: not known) is too much for the account. StoreError."""
    quota, messages = delivery.account.quota, delivery.account.quota_messages
    if quota is None and messages is None:
        return False
    used = await store.usage(delivery.account.id)
    octets = used.octets + max(size or 0, 1)
    return (quota is not None and octets > quota) or (
        messages is not None and used.messages >= messages
    )
