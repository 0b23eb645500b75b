"""A message that has been through a hundred hosts is going in circles.

RFC 5321 §6.3; RFC 3463 §3.5 (X.4.6, routing loop detected).
"""

from __future__ import annotations

from postil.inbound import limits
from postil.inbound.header import HeaderWatch
from postil.ports.delivery import Verdict


def too_many_hops(header: HeaderWatch) -> Verdict | None:
    """Refuses a message with more Received fields than any honest way has hosts."""
    # RFC 5321 §6.3: "Whatever mechanisms are used, servers MUST contain provisions for detecting and stopping
    # trivial loops."
    if header.more_than(limits.RECEIVED_FIELDS, b"Received"):
        return Verdict(554, "5.4.6", "mail loop: more than 100 Received fields", "loops")
    return None
