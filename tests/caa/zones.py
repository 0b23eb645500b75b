"""CAA records in real zones, found through the real resolver."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from tests.support.dns import Nameserver, Rule

from postil.caa.relevant import Relevant, find
from postil.dns import Server, StubResolver
from postil.ports.resolver import Resolver


@contextlib.asynccontextmanager
async def zones(
    text: dict[str, str], signed: tuple[str, ...] = (), rules: dict[str, Rule] | None = None
) -> AsyncIterator[tuple[Nameserver, Resolver]]:
    """A name server for zones, and a resolver that asks it."""
    with Nameserver(text, signed=signed, rules=rules or {}) as server:
        yield server, StubResolver([Server(server.ip, server.port)], attempt=20.0, question=60.0)


async def relevant(
    name: str, *lines: str, signed: tuple[str, ...] = (".", "example.com")
) -> Relevant:
    """What is relevant for a name when example.com has these lines."""
    async with zones({"example.com": "\n".join(lines)}, signed) as (_, resolver):
        return await find(name, resolver)
