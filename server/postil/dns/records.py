"""dnspython's records as those of the port."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any, Final

from dns.rdata import GenericRdata
from dns.rdatatype import RdataType

from postil.dns.names import to_text
from postil.ports.resolver import A, Aaaa, Caa, Cname, Mx, Ns, Ptr, Record, Tlsa, Txt

TYPES: Final[dict[type[Record], RdataType]] = {
    A: RdataType.A,
    Aaaa: RdataType.AAAA,
    Mx: RdataType.MX,
    Txt: RdataType.TXT,
    Ptr: RdataType.PTR,
    Cname: RdataType.CNAME,
    Ns: RdataType.NS,
    Tlsa: RdataType.TLSA,
    Caa: RdataType.CAA,
}

# dnspython gives the classes of its records no common typed shape.
_MADE: Final[dict[type[Record], Callable[[Any], Record]]] = {
    A: lambda data: A(ipaddress.IPv4Address(data.address)),
    Aaaa: lambda data: Aaaa(ipaddress.IPv6Address(data.address)),
    Mx: lambda data: Mx(data.preference, to_text(data.exchange)),
    Txt: lambda data: Txt(tuple(data.strings)),
    Ptr: lambda data: Ptr(to_text(data.target)),
    Cname: lambda data: Cname(to_text(data.target)),
    Ns: lambda data: Ns(to_text(data.target)),
    Tlsa: lambda data: Tlsa(data.usage, data.selector, data.mtype, data.cert),
    Caa: lambda data: Caa(data.flags, data.tag.decode("ascii"), data.value),
}


def record(kind: type[Record], data: object) -> Record:
    """One record of an answer."""
    if not isinstance(data, GenericRdata):
        return _MADE[kind](data)
    octets = data.data  # `mending` has seen that all fields are there
    if kind is Tlsa:
        return Tlsa(octets[0], octets[1], octets[2], octets[3:])
    assert kind is Caa
    tag, value = octets[2 : 2 + octets[1]], octets[2 + octets[1] :]
    return Caa(octets[0], tag.decode("latin-1"), value)
