"""The DNS as seen from here: a stub resolver that asks the machine's resolver and fills `ports.resolver`.

RFCs: 1034 §5.3.1 and 1035 §4 (a stub resolver, messages) through dnspython, which has the wire format; 2308 (what "not there" looks
like, how long it may be kept), 4035 §4.9 (the AD and CD bits), 6604 §3 (what the code of an answer is about when there are aliases),
6891 (EDNS), 7766 (TCP), 8914 (extended errors).

Theory of operation. A question goes to the first resolver by UDP, then to the next, then by TCP to each; what cannot be asked or read is
an outcome with a reason, never an exception. Signatures are not checked here: a resolver on this machine does that and says so with the AD
bit. From any other address the bit is worth nothing, since whoever can change the answer can set it. Why a resolver gave up
(signatures that do not hold, or silence further on) is found out by asking once more without validation; what is answered then is thrown away.

Files in reading order: `limits` every number with its reason; `servers` which resolvers, and whether theirs is a word to trust;
`names` and `records` dnspython's objects as those of the port, and back; `reading` what an answer means; `mending` what dnspython refuses whole;
`exchange` one message to one server and its answer; `cache` what was asked before; `stub` the resolver.

Rules: nothing outside imports dnspython to ask a question, and none of its exceptions leaves the package. An answer that was not understood
whole counts as none: a record left out is a policy not followed.
"""

from __future__ import annotations

from postil.dns.servers import BadServer, Server, of_system
from postil.dns.stub import StubResolver

__all__ = ["BadServer", "Server", "StubResolver", "of_system"]
