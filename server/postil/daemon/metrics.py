"""What is counted, for /metrics: one registry per server, so that two servers in one process do not mix."""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

from postil.ports.logins import Attempt

# Facts of a session's event that become labels; each has few values. Anything else would let a client make new
# time series without end.
_LABELS: Final = ("mechanism", "result", "code")


class Metrics:
    """The counters of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        build = Gauge("postil_build_info", "Version", ["version"], registry=self.registry)
        build.labels(version("postil")).set(1)
        self.connections = Counter(
            "postil_connections", "Connections let in", ["listener"], registry=self.registry
        )
        self.refused = Counter(
            "postil_connections_refused",
            "Connections turned away at once",
            ["listener"],
            registry=self.registry,
        )
        self.open = Gauge(
            "postil_connections_open", "Connections now", ["listener"], registry=self.registry
        )
        self.octets = Counter(
            "postil_octets",
            "Octets on the wire, counted when a connection ends",
            ["listener", "direction"],
            registry=self.registry,
        )
        self._about_tls()
        self.faults = Counter(
            "postil_faults", "Errors of ours", ["protocol"], registry=self.registry
        )
        self.wal = Gauge(
            "postil_store_wal_octets",
            "Size of the mail index's write-ahead log; what stays high is not checkpointed",
            registry=self.registry,
        )
        self.logins = Counter(
            "postil_logins",
            "Attempts to log in",
            ["protocol", "mechanism", "result"],
            registry=self.registry,
        )
        self.attempts_lost = Gauge(
            "postil_login_attempts_lost",
            "Attempts that could not be written down since the start",
            registry=self.registry,
        )
        self.config = ConfigMetrics(self.registry)
        self.events = Counter(
            "postil_events",
            "What sessions reported: login, login-failed, received, …",
            ["protocol", "event"],
            registry=self.registry,
        )

    def _about_tls(self) -> None:
        self.handshake_failures = Counter(
            "postil_tls_handshake_failures",
            "TLS that did not come about",
            ["listener"],
            registry=self.registry,
        )
        self.names = Counter(
            "postil_tls_names",
            "TLS handshakes begun, by what the name asked for was to us (known, missing, unknown, address, order, odd) and what came of it",
            ["listener", "asked", "outcome"],
            registry=self.registry,
        )
        self.proxy_failures = Counter(
            "postil_proxy_failures",
            "Connections from a proxy's address without a PROXY header",
            ["listener"],
            registry=self.registry,
        )
        self.certificate_trouble = Gauge(
            "postil_tls_certificate_trouble",
            "1 while the files of the certificates cannot be used and the ones before are shown",
            registry=self.registry,
        )
        self.certificate_ends = Gauge(
            "postil_tls_certificate_ends_seconds",
            "When the certificate in that file ends, seconds since the epoch",
            ["file"],
            registry=self.registry,
        )

    def login(self, attempt: Attempt) -> None:
        """Count an attempt to log in."""
        self.logins.labels(attempt.protocol, attempt.mechanism, attempt.result.name.lower()).inc()


class ConfigMetrics:
    """Settings that are read again while the server runs."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.reloads = Counter(
            "postil_config_reloads",
            "Times the configuration was read again, by a command, SIGHUP or because a file changed",
            ["result"],
            registry=registry,
        )
        self.loaded = Gauge(
            "postil_config_loaded_seconds",
            "When the settings that count were read, in seconds since the epoch",
            registry=registry,
        )
        # Labels that a person writes: at most one file's mistakes, and cleared with the next reload.
        self.error = Gauge(
            "postil_config_error",
            "A mistake that keeps the newest settings from being used",
            ["file", "line", "field"],
            registry=registry,
        )
        self.waiting = Gauge(
            "postil_config_waiting",
            "Fields that were changed and wait for a restart",
            registry=registry,
        )
