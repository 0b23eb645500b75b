"""Base64 as an exchange of SASL uses it: strict, since what is ignored on one side may mean something on the other.

RFC 4648 §3.2, §3.3 and §4. The protocol says what a line that is no base64 is answered with.
"""

from __future__ import annotations

import base64
import re

from postil.sasl.plain import Malformed

_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


def decode(line: bytes) -> bytes:
    """The octets a line of base64 stands for; Malformed for anything else, too little or too much padding included."""
    # RFC 4648 §3.3: "Implementations MUST reject the encoded data if it contains characters outside the base alphabet when
    # interpreting base-encoded data, unless the specification referring to this document explicitly states otherwise."
    if _BASE64.fullmatch(line) is None:
        raise Malformed("not base64")
    return base64.b64decode(line)
