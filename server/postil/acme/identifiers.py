"""Names and addresses as ACME spells them: identifiers of orders, names of validation (RFC 8555 §7.1.4, RFC 8738)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

WILDCARD = "*."


@dataclass(frozen=True, slots=True, order=True)
class Identifier:
    """A type, "dns" or "ip" (an authority may know more), and its value."""

    type: str
    value: str

    @property
    def base(self) -> str:
        """The value without "*."."""
        return self.value.removeprefix(WILDCARD)


def identifier(name: str) -> Identifier:
    """Of a name in A-labels, with or without "*.", or of an address as text."""
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        # RFC 8555 §7.1.4: "The domain name MUST be encoded in the form in which it would appear in a certificate."
        return Identifier("dns", name.lower())
    # RFC 8738 §3: "The value field of the identifier MUST contain the textual form of the address as defined in
    # Section 2.1 of [RFC1123] for IPv4 and in Section 4 of [RFC5952] for IPv6."
    return Identifier("ip", _text(address))


def _text(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """As RFC 5952 §4 has it; the standard library's `str` agrees, without a zone."""
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Address(int(address)))
    return str(address)


def server_name(name: Identifier) -> str:
    """What an authority asks for by SNI when it validates with tls-alpn-01."""
    if name.type == "ip":
        # RFC 8738 §6: "the server MUST instead use the IN-ADDR.ARPA [RFC1034] or IP6.ARPA [RFC3596] reverse mapping of the IP
        # address as the HostName field value"
        return ipaddress.ip_address(name.value).reverse_pointer
    return name.base


def record_name(name: Identifier) -> str:
    """Where the TXT record of dns-01 stands."""
    # RFC 8555 §8.4: "The client constructs the validation domain name by prepending the label "_acme-challenge" to the domain
    # name being validated"
    return f"_acme-challenge.{name.base}"
