"""\\Important: the special use of a mailbox for mail that matters.

RFC 8457 §3. It adds one attribute to those of `specialuse`, and no capability. A person may have such a mailbox and sort into it; the server does not,
and there is no virtual mailbox of all marked messages. The keyword `$Important` is one like any other here: `inbound.important` sets it on mail that arrives,
and the store counts when it is set or cleared (`ports.store.Store.acquaintance`).
"""

from __future__ import annotations

from typing import Final

# RFC 8457 §3: "The "\Important" mailbox attribute is a signal that the mailbox contains messages that are likely important to the
# user."
USE: Final = "\\Important"
