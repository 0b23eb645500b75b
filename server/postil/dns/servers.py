"""Which resolvers are asked, and whether the word of one is to be trusted.

RFC 4035 §4.9.3: a stub that does not validate may use the AD bit only over a secure channel from a resolver that it trusts. On the
machine itself nobody else can send from a loopback address.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from postil.base import endpoints
from postil.dns import limits

PORT: Final = 53
FILE: Final = Path("/etc/resolv.conf")

# On loopback, but they pass on what another machine says: Docker's, and the proxy of systemd-resolved (its stub, .53, clears the
# bit unless it checked itself).
PASS_ON: Final = frozenset(map(ipaddress.ip_address, ("127.0.0.11", "127.0.0.54")))


class BadServer(ValueError):
    """Not the address of a resolver, or there is none; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Server:
    """A resolver's address and port."""

    ip: str
    port: int = PORT

    @property
    def trusted(self) -> bool:
        """Is what it says of signatures worth anything?"""
        address = ipaddress.ip_address(self.ip.partition("%")[0])
        if isinstance(address, ipaddress.IPv6Address):
            address = address.ipv4_mapped or address
        return address.is_loopback and address not in PASS_ON

    def __str__(self) -> str:
        shown = f"[{self.ip}]" if ":" in self.ip and self.port != PORT else self.ip
        return shown if self.port == PORT else f"{shown}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> Server:
        """`127.0.0.1`, `127.0.0.1:5353`, `::1` or `[::1]:5353`; BadServer."""
        try:
            return cls(*endpoints.parse(text, PORT))
        except ValueError as error:
            raise BadServer(str(error)) from None


def of_system(file: Path = FILE) -> tuple[Server, ...]:
    """The resolvers that the machine uses; BadServer when it names none."""
    found = []
    try:
        lines = file.read_text("utf-8", "replace").splitlines()
    except OSError as error:
        raise BadServer(f"{file}: {error.strerror}: name a resolver") from error
    for line in lines:
        words = line.split()
        if len(words) > 1 and words[0] == "nameserver":
            try:
                found.append(Server(str(ipaddress.ip_address(words[1]))))
            except ValueError:
                continue  # as the C library does
    if not found:
        raise BadServer(f"{file} has no line `nameserver ADDRESS`: name a resolver")
    return tuple(found[: limits.SERVERS])
