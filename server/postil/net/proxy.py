"""Who is behind a proxy: the PROXY protocol, versions 1 and 2 (HAProxy's proxy-protocol.txt; there is no RFC).

A load balancer opens a connection of its own and says in front, before any TLS, whose connection it carries. It is believed only from
addresses that the configuration lists, and from those it is demanded: a listener that guessed would let anybody name an address for himself.

`ProxyReader` takes octets until the header is whole. What stands behind the header belongs to the client (a client's hello may come in
the same packet) and is in `rest`. Version 2's extra fields (TLVs) are skipped: what a proxy says of the client's TLS we do not use.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

from postil.net import limits

_SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
_FIXED: Final = 16  # signature, version and command, family, length
_MOST_V1: Final = 107  # its specification's longest line, CRLF included
_V1: Final = re.compile(
    r"PROXY (?P<family>TCP4|TCP6) (?P<from>\S+) (?P<to>\S+) (?P<port>\d{1,5}) (?P<local>\d{1,5})\r\n"
)
_LOCAL, _PROXIED = 0, 1
_TCP4, _TCP6 = 0x11, 0x21


class BadProxyHeader(Exception):
    """What came in front is no header of the PROXY protocol."""


@dataclass(frozen=True, slots=True)
class Proxied:
    """Whose connection it is; `ip` is "" where the proxy speaks for itself (health checks)."""

    ip: str = ""
    port: int = 0
    local_ip: str = ""
    local_port: int = 0


def _shown(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """As the connection itself would show it: a proxy that listens on both families at once writes IPv4 as ::ffff:192.0.2.1."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            raise ValueError(f"{address} has a zone")
        return str(address.ipv4_mapped or address)
    return str(address)


class ProxyReader:
    """Collects the octets of a header."""

    def __init__(self) -> None:
        self._octets = bytearray()

    @property
    def rest(self) -> bytes:
        """What came behind the header."""
        return bytes(self._octets)

    def feed(self, data: bytes) -> Proxied | None:
        """The header, once it is whole; None: more is needed; BadProxyHeader."""
        self._octets += data
        got = self._octets
        if got[: len(_SIGNATURE)] == _SIGNATURE[: len(got)]:
            return self._second() if len(got) >= _FIXED else None
        if got[:6] == b"PROXY "[: len(got)]:
            return self._first()
        raise BadProxyHeader("it begins with neither version's words")

    def _first(self) -> Proxied | None:
        end = self._octets.find(b"\r\n", 0, _MOST_V1)
        if end < 0:
            if len(self._octets) >= _MOST_V1:
                raise BadProxyHeader("the line of version 1 does not end")
            return None
        line = bytes(self._octets[: end + 2]).decode("ascii", "replace")
        del self._octets[: end + 2]
        if line.startswith("PROXY UNKNOWN") and line[13] in " \r":
            return Proxied()
        if (match := _V1.fullmatch(line)) is None:
            raise BadProxyHeader(f"{line.strip()!r} is no header of version 1")
        try:
            made = ipaddress.IPv4Address if match["family"] == "TCP4" else ipaddress.IPv6Address
            ip, local_ip = _shown(made(match["from"])), _shown(made(match["to"]))
        except ValueError as error:
            raise BadProxyHeader(str(error)) from None
        port, local_port = int(match["port"]), int(match["local"])
        if max(port, local_port) > 65535:
            raise BadProxyHeader(f"{max(port, local_port)} is no port")
        return Proxied(ip, port, local_ip, local_port)

    def _second(self) -> Proxied | None:
        got = self._octets
        version, command = got[12] >> 4, got[12] & 15
        length = int.from_bytes(got[14:16], "big")
        if version != 2 or command not in (_LOCAL, _PROXIED):
            raise BadProxyHeader(f"version {version}, command {command}")
        if length > limits.PROXY_HEADER:
            raise BadProxyHeader(f"a header of {length} octets")
        if len(got) < _FIXED + length:
            return None
        family, body = got[13], bytes(got[_FIXED : _FIXED + length])
        del got[: _FIXED + length]
        if command == _LOCAL:
            return Proxied()
        wide = {_TCP4: 4, _TCP6: 16}.get(family)
        if wide is None:
            return Proxied()  # a pipe, or a kind we do not know: the connection's own ends count
        if length < 2 * wide + 4:
            raise BadProxyHeader("its addresses are cut short")
        ports = body[2 * wide :]
        return Proxied(
            _shown(ipaddress.ip_address(body[:wide])),
            int.from_bytes(ports[:2], "big"),
            _shown(ipaddress.ip_address(body[wide : 2 * wide])),
            int.from_bytes(ports[2:4], "big"),
        )
