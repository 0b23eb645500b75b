"""The certificates that a configuration means, and the watch over their files.

The files of a certificate change under us (whatever renews it writes them anew). Once a minute they are looked at; a change is taken
over when the files make certificates, and otherwise reported while the ones before are shown on. Once a day the contexts are made anew in any
case, and with them the keys of session tickets; certificates that clients refuse or soon will (`validity`) are then told again.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

import structlog

from postil.base.clock import Clock
from postil.config import Config
from postil.config.model import Listener
from postil.config.problems import Finding
from postil.daemon.metrics import Metrics
from postil.net import clientkeys
from postil.net.certificates import BadCertificate, lasts, self_signed
from postil.net.identities import Chain, Chooser, Identities, Manner
from postil.net.naming import Asked, Rule

LOOK_EVERY: Final = 60.0  # seconds
FRESH_KEYS: Final = 24 * 3600.0  # RFC 9325 §3.4 names a week as the most; a day costs nothing

# ALPN's names (IANA's registry); a submission client that offers one is refused by other than its own
_PROTOCOLS: Final = {"imap": ("imap",), "submission": ("smtp",), "smtp": (), "http": ("http/1.1",)}
ALSO: Final = {"imap": "imap", "submission": "smtp"}  # what `also` in the configuration means
_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("postil.tls")


def chains(config: Config, data: Path, clock: Clock, names: Sequence[str] = ()) -> list[Chain]:
    """The certificates configured, the first one the fallback; `names` are a self-signed pair's. BadCertificate."""
    tls = config.tls
    if tls.certificate:
        first = Chain(Path(tls.certificate), Path(tls.key), tls.names)
    else:
        # every name that is configured, once
        held = tuple(dict.fromkeys((*(names or (config.hostname,)), *tls.names)))
        first = Chain(*self_signed(data, held, clock))
    further = [Chain(Path(one.certificate), Path(one.key), one.names) for one in tls.chain]
    return [first, *further]


def manner(listener: Listener) -> Manner:
    """How that listener speaks TLS."""
    rule = listener.sni or ("fallback" if listener.protocol == "smtp" else "named")
    # Behind STARTTLS no other protocol can be meant, so nothing is refused for what it offers.
    protocols = _PROTOCOLS[listener.protocol] if listener.tls == "implicit" else ()
    return Manner(
        (*protocols, *(ALSO[other] for other in listener.also)),
        Rule(rule),
        _VERSIONS[listener.min_tls],
        listener.tickets,
        asks_for_keys(listener),
    )


def asks_for_keys(listener: Listener) -> bool:
    """Are its clients asked for a TLS key, and can they be?"""
    return listener.client_keys != "no" and clientkeys.self_test() is None


def chooser(identities: Identities, listener: Listener, name: str, metrics: Metrics) -> Chooser:
    """The choice of a certificate on one port, counted."""

    def told(asked: Asked, refused: bool) -> None:
        metrics.names.labels(name, asked.value, "refused" if refused else "shown").inc()

    return identities.chooser(manner(listener), told)


def _stamps(paths: Sequence[Path]) -> tuple[object, ...]:
    found: list[object] = []
    for path in paths:
        try:
            status = path.stat()
        except OSError as error:
            found.append((str(path), error.errno))
            continue
        found.append((str(path), status.st_mtime_ns, status.st_size, status.st_ino))
    return tuple(found)


def _state(chains: Sequence[Chain]) -> tuple[object, ...]:
    return _stamps([path for chain in chains for path in (chain.certificate, chain.key)])


class Watch:
    """Keeps the identities like their files."""

    def __init__(
        self,
        identities: Identities,
        wanted: Callable[[], Sequence[Chain]],
        metrics: Metrics,
        doubts: Callable[[], Iterable[Finding]] = tuple,
    ) -> None:
        self._identities = identities
        self._wanted = wanted
        self._metrics = metrics
        self._doubts = doubts
        self._seen = self._now()

    def _now(self) -> tuple[object, ...]:
        return _state(self._identities.chains)

    def look(self, *, anyway: bool = False) -> None:
        """Take over what has changed; nothing that cannot be used."""
        now = self._now()
        if now == self._seen and not anyway:
            return
        try:
            wanted = self._wanted()
            before = _state(wanted)  # what is written while we read is found at the next look
            self._identities.replace(wanted)
        except BadCertificate as error:
            self._metrics.certificate_trouble.set(1)
            # A file may be half written: it is looked at again, and what is shown stays.
            _log.error("certificates not changed", reason=str(error))
            return
        if now != self._seen:
            _log.info("certificates changed")
        self._seen = before
        self._metrics.certificate_trouble.set(0)
        self.tell()

    def tell(self) -> None:
        """Until when each is valid, and which of them clients will refuse."""
        ends = self._metrics.certificate_ends
        ends.clear()
        for chain in self._identities.chains:
            try:
                until = lasts(chain.certificate)[1]
            except BadCertificate:  # taken away since; the next look says so
                continue
            ends.labels(str(chain.certificate)).set(until.timestamp())
        for one in self._doubts():
            _log.warning("doubtful certificate", reason=one.what)

    async def run(self) -> None:
        """Look every minute, for ever."""
        self.tell()
        passed = 0.0
        while True:
            await asyncio.sleep(LOOK_EVERY)
            passed += LOOK_EVERY
            self.look(anyway=passed >= FRESH_KEYS)
            passed %= FRESH_KEYS
