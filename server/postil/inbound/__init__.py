"""Local delivery: a message that SMTP received on its way into mailboxes, as a row of small steps.

RFC 5321 §4.2.1 (what a reply promises), §6.1 (once 250 is said the message is ours). It implements `ports.delivery.Inbound`. Each step is a file with one question; its answer is a `Verdict` with code, enhanced code, a
text for the sender and the step's name for the log, or None: no objection. The first objection decides.

Files in reading order:
`limits`, `settings`; `pipeline` which step is asked when;
at MAIL `rates` (how much from there), `sender` (may the account use this address);
at RCPT `rates`, `relay` (is the domain ours), `recipient` (does it exist), `posting` (does the list take mail from that sender), `quota` (is there room);
at the end of DATA `header` (what streamed by), `loops` (too many hops), `originate` (Date and Message-ID of submissions), `important` (whether it matters to the recipient),
`deliver` (all copies in one transaction).
For localserve: `simulate` (errors on request).

RFCs: 5321 §3.3, §3.9, §4.4, §4.5.1, §6.1, §6.3, §7.8; 6409 §6, §8; 1870 §6.4; 3463; 2142 §4; 9228; 8457.

Rules: a step changes nothing; only `deliver` writes. What was received is stored octet for octet, our fields stand in front.
"I cannot tell now" is a temporary answer, never "unknown". 250 at the end means on disk.
"""

from postil.inbound.pipeline import Pipeline
from postil.inbound.settings import Settings
from postil.inbound.simulate import Simulation

__all__ = ["Pipeline", "Settings", "Simulation"]
