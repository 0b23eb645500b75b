"""Answers with a record that dnspython refuses to make: a TLSA whose digest is too short, a CAA with a hyphen in its tag.

RFC 7671 §4 (a TLSA record that is no use has to be seen as such, it is not the same as none), RFC 8659 §4.1 (an unknown tag counts when it is
critical). dnspython would drop the answer as a whole. Here such records come as octets, `GenericRdata`; everything else that is wrong with a message stays
wrong.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

import dns.exception
import dns.message
import dns.name
import dns.rdata
import dns.wire
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType

KINDS: Final = (RdataType.TLSA, RdataType.CAA)
_SHORTEST: Final = {RdataType.TLSA: 3, RdataType.CAA: 2}


def mend(wire: bytes) -> dns.message.Message | None:
    """The message with its refused records as octets; None when something else is wrong with it too.

    Raises DNSException where not even that can be found out.
    """
    message = dns.message.from_wire(wire, ignore_trailing=True, continue_on_error=True)
    refused = list(_refused(wire))
    if not refused or len(message.errors) != len(refused):
        return None
    for name, kind, ttl, data in refused:
        rrset = message.find_rrset(message.answer, name, RdataClass.IN, kind, create=True)
        rrset.add(data, ttl if ttl <= 0x7FFFFFFF else 0)  # RFC 2181 §8
    return message


def _refused(wire: bytes) -> Iterator[tuple[dns.name.Name, RdataType, int, dns.rdata.GenericRdata]]:
    """The records of the answer that dnspython cannot make, though their octets are a record."""
    parser = dns.wire.Parser(wire)
    questions, answers = struct.unpack_from("!HH", wire, 4)
    parser.seek(12)
    for _ in range(questions):
        parser.get_name(decompress=True)
        parser.get_bytes(4)
    for _ in range(answers):
        name = parser.get_name(decompress=True)
        kind, rdclass, ttl, length = parser.get_struct("!HHIH")
        data = parser.get_bytes(length)
        if kind not in KINDS or rdclass != RdataClass.IN:
            continue
        kind = RdataType(kind)
        try:
            dns.rdata.from_wire(rdclass, kind, data, 0, length)
        except dns.exception.DNSException:
            if _whole(kind, data):
                yield name, kind, ttl, dns.rdata.GenericRdata(RdataClass.IN, kind, data)


def _whole(kind: RdataType, data: bytes) -> bool:
    """Are all fields there?"""
    if len(data) < _SHORTEST[kind]:
        return False
    # RFC 8659 §4.1: "The tag length MUST be at least 1."
    return kind != RdataType.CAA or 1 <= data[1] <= len(data) - 2
