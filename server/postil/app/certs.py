"""Certificates by ACME in a running server: the task that orders them, where their proofs are shown, what is logged and counted."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from postil.acme.files import Kept
from postil.acme.issue import FOLDER, Issuer, Plan, Surroundings, plans
from postil.acme.renew import Renewal
from postil.acme.schedule import Due
from postil.app.caa import checking
from postil.app.identities import Watch, chains
from postil.base.clock import Clock
from postil.config import Config
from postil.config.acme import Provider
from postil.dns import Server, StubResolver, of_system
from postil.http.client import connect
from postil.http.exchange import Http
from postil.net.identities import Chain, Identities
from postil.ports.certs import Challenges

# What an operator should look at; the rest is what happens all the time.
_WARNINGS: Final = frozenset({"caa", "failed", "left-behind", "lost", "trouble", "unreadable"})
_ERRORS: Final = frozenset({"put-aside"})

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("postil.acme")


def surroundings(
    config: Config,
    clock: Clock,
    challenges: Challenges | None,
    tell: Callable[[str, Mapping[str, object]], None],
) -> Surroundings:
    """The real world, for the server and for commands."""

    def resolver() -> StubResolver:
        return StubResolver(servers(config))

    return Surroundings(
        root=Path(config.data) / FOLDER,
        connect=_connect,
        clock=clock,
        sleep=asyncio.sleep,
        random=random.random,
        tell=tell,
        challenges=challenges,
        caa=checking(resolver, tell),
        environment=os.environ,
    )


def servers(config: Config) -> tuple[Server, ...]:
    """The resolvers to ask; BadServer when there are none."""
    return tuple(map(Server.parse, config.dns.resolvers)) or of_system()


def _connect(provider: Provider) -> AbstractAsyncContextManager[Http]:
    return connect(provider.ca_file)


class _Proofs:
    """Implements `ports.certs.Challenges` with the server's TLS listeners and its web pages."""

    def __init__(self, identities: Identities, texts: dict[str, str]) -> None:
        self._identities = identities
        self._texts = texts

    def show_tls(self, name: str, certificate_pem: bytes, key_pem: bytes) -> None:
        self._identities.show_tls(name, certificate_pem, key_pem)

    def hide_tls(self, name: str) -> None:
        self._identities.hide_tls(name)

    def show_http(self, token: str, text: str) -> None:
        self._texts[token] = text

    def hide_http(self, token: str) -> None:
        self._texts.pop(token, None)


class _Numbers:
    """What /metrics shows."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.orders = Counter(
            "postil_acme_orders",
            "Orders of certificates",
            ["certificate", "result"],
            registry=registry,
        )
        self.ends = Gauge(
            "postil_acme_certificate_ends_seconds",
            "When the certificate ends, seconds since the epoch; 0: there is none",
            ["certificate"],
            registry=registry,
        )
        self.next = Gauge(
            "postil_acme_next_order_seconds",
            "When it is ordered next, seconds since the epoch",
            ["certificate"],
            registry=registry,
        )
        self.failures = Gauge(
            "postil_acme_failures",
            "Orders that failed since the last success",
            ["certificate"],
            registry=registry,
        )

    def observe(self, plan: Plan, kept: Kept | None, due: Due) -> None:
        """One certificate."""
        self.ends.labels(plan.label).set(kept.not_after if kept and kept.chain else 0)
        self.next.labels(plan.label).set(due.at)
        self.failures.labels(plan.label).set(kept.failed if kept else 0)


class Orders:
    """The certificates of a configuration that come by ACME; without any it does nothing."""

    def __init__(self, config: Config, clock: Clock) -> None:
        self.texts: dict[str, str] = {}  # token to answer, for the web pages
        self._config = config
        self._clock = clock
        self._plans = plans(config.acme, config.acme_certificate)
        self._numbers: _Numbers | None = None

    def beside(self, data: Path, names: Sequence[str]) -> Callable[[], Sequence[Chain]]:
        """All that is to be shown: the pair that somebody named, these, further ones; a self-signed pair (for `names`) after these."""

        def all_of_them() -> Sequence[Chain]:
            first, *rest = chains(self._config, data, self._clock, names)
            ours = self._chains()
            if self._config.tls.certificate:
                return [first, *ours, *rest]
            return [*ours, first, *rest]

        return all_of_them

    def _chains(self) -> list[Chain]:
        around = surroundings(self._config, self._clock, None, self._tell)
        found = []
        for plan in self._plans:
            issuer = Issuer(plan, around)
            kept = issuer.kept()
            if kept is not None and issuer.issued(kept) is not None:
                folder = issuer.folder.path
                found.append(Chain(folder / kept.chain, folder / kept.key))
        return found

    async def run(self, identities: Identities, watch: Watch, registry: CollectorRegistry) -> None:
        """Order what is due, for ever; what is new is shown at once."""
        if not self._plans:
            return
        self._numbers = _Numbers(registry)
        proofs = _Proofs(identities, self.texts)
        around = surroundings(self._config, self._clock, proofs, self._tell)
        renewal = Renewal(
            self._plans, around, lambda issued: watch.look(anyway=True), self._numbers.observe
        )
        await renewal.run()

    def _tell(self, what: str, facts: Mapping[str, object]) -> None:
        if self._numbers is not None and what in ("issued", "failed"):
            self._numbers.orders.labels(str(facts["certificate"]), what).inc()
        if what == "fault":
            shown = {name: value for name, value in facts.items() if name != "error"}
            _log.error("fault", exc_info=facts["error"], **shown)
        elif what in _ERRORS:
            _log.error(what, **facts)
        elif what in _WARNINGS:
            _log.warning(what, **facts)
        else:
            _log.info(what, **facts)
