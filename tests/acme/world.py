"""What the tests of the ACME client share: an issuer on a folder, with everything told written down."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from postil.acme.issue import Issuer, Plan, Surroundings
from postil.base.clock import Clock, SystemClock
from postil.config.acme import Certificate, Provider, checked
from postil.http.client import connect
from postil.http.exchange import Http
from postil.ports.certs import Challenges


async def hurry(seconds: float) -> None:
    """Authorities of the tests are quick: nobody waits longer than a blink."""
    await asyncio.sleep(min(seconds, 0.05))


def over_the_network(provider: Provider) -> AbstractAsyncContextManager[Http]:
    """As the server does it."""
    return connect(provider.ca_file)


@dataclass
class Told:
    """Everything the client said."""

    events: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    def __call__(self, what: str, facts: Mapping[str, object]) -> None:
        self.events.append((what, dict(facts)))

    def of(self, what: str) -> list[dict[str, object]]:
        """The facts of one kind of event."""
        return [facts for kind, facts in self.events if kind == what]


def provider(directory: str, ca_file: Path, **more: Any) -> Provider:
    """With the terms agreed to."""
    settings: dict[str, Any] = {"name": "ca", "agree_terms": True, **more}
    return Provider(directory=directory, ca_file=str(ca_file), **settings)


def plan(one: Provider, *names: str, **more: Any) -> Plan:
    """As the configuration makes it."""
    tables = checked([one], [Certificate(names=names, **more)], "mail.example.org", Path("/"))
    (made,), (wanted,) = tables["acme"], tables["acme_certificate"]
    assert isinstance(made, Provider) and isinstance(wanted, Certificate)
    return Plan(made, wanted)


def around(
    root: Path,
    challenges: Challenges | None,
    told: Told,
    *,
    clock: Clock | None = None,
    sleep: Callable[[float], Awaitable[None]] = hurry,
    **more: Any,
) -> Surroundings:
    """The world, mostly the real one."""
    return Surroundings(
        root=root / "acme",
        connect=more.pop("connect", over_the_network),
        clock=clock or SystemClock(),
        sleep=sleep,
        random=more.pop("random", random.random),
        tell=told,
        challenges=challenges,
        **more,
    )


def issuer(
    root: Path, wanted: Plan, challenges: Challenges | None, told: Told | None = None, **more: Any
) -> Issuer:
    """For one certificate."""
    return Issuer(wanted, around(root, challenges, told or Told(), **more))
