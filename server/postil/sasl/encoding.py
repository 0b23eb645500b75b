"""Base64 as an exchange of SASL uses it: strict, since what is ignored on one side may mean something on the other.

RFC 4648 §3.2, §3.3 and §4. The protocol says what a line that is no base64 is answered with.
"""

from __future__ import annotations

import base64
import binascii

from postil.sasl.plain import Malformed


def decode(line: bytes) -> bytes:
    """The octets a line of base64 stands for; Malformed for anything else."""
    # RFC 4648 §3.3: "Implementations MUST reject the encoded data if it contains characters outside the base alphabet when
    # interpreting base-encoded data, unless the specification referring to this document explicitly states otherwise."
    try:
        octets = base64.b64decode(line, validate=True)
    except binascii.Error:
        raise Malformed("not base64") from None
    # Python takes padding beyond what the length asks for.
    if len(line) != (len(octets) + 2) // 3 * 4:
        raise Malformed("not base64")
    return octets
