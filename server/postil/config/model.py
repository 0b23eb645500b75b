"""The tables and fields of `postil.toml`; a field's docstring-like comment is its entry in the reference.

Sizes are octets, times seconds. Frozen: a configuration that changes is another object.
"""

from __future__ import annotations

from typing import Literal

import msgspec

MIB = 1024 * 1024


class Listener(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A port we listen on."""

    protocol: Literal["smtp", "submission", "imap", "http"]
    port: int
    tls: Literal["none", "starttls", "implicit"] = "none"
    ips: tuple[str, ...] = ("0.0.0.0", "::")
    name: str = ""

    @property
    def label(self) -> str:
        """The name in logs and metrics."""
        return self.name or f"{self.protocol}-{self.port}"


class Domain(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A domain whose mail ends here."""

    name: str  # U-labels or A-labels; A-labels in lower case once loaded
    postmaster: str = (
        ""  # login name of the account that gets postmaster@ and abuse@; "": the oldest account
    )


class Tls(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Certificate chain and key, PEM files; both empty: a self-signed pair is made and kept in `data`."""

    certificate: str = ""
    key: str = ""


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one client may ask for."""

    message_size: int = 100 * MIB
    recipients: int = 1000  # RFC 5321 §4.5.3.1.8 demands at least 100
    connections: int = 5000
    connections_per_ip: int = 100
    free_space: int = 256 * MIB  # below this much free disk new mail is refused for now


class Logins(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Attempts to log in: how many may fail, over all protocols, before an address must wait.

    Networks around an address (IPv4 /26 and /21; IPv6 /48 and /32 around a /64) get 3 and 9 times as much.
    """

    failures_per_minute: int = 10
    failures_per_hour: int = 60
    failures_per_day: int = 300
    allow: tuple[str, ...] = ("127.0.0.1", "::1")  # addresses and networks that never have to wait


class Metadata(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What IMAP clients read about the server (RFC 5464 §3.2.1.1), and cannot change; "": no entry."""

    admin: str = ""  # how to reach whoever runs the server: a URI such as mailto:admin@example.org
    comment: str = ""
    vendor: dict[str, str] = {}  # "/shared/vendor/NAME/…" to value

    def entries(self) -> dict[str, bytes]:
        """Entry name in lower case to value."""
        named = {"/shared/admin": self.admin, "/shared/comment": self.comment, **self.vendor}
        return {name.lower(): value.encode() for name, value in named.items() if value}


DEFAULT_LISTENERS = (
    Listener(protocol="smtp", port=25, tls="starttls", name="smtp"),
    Listener(protocol="submission", port=587, tls="starttls", name="submission"),
    Listener(protocol="submission", port=465, tls="implicit", name="submissions"),
    Listener(protocol="imap", port=143, tls="starttls", name="imap"),
    Listener(protocol="imap", port=993, tls="implicit", name="imaps"),
    Listener(protocol="http", port=8080, ips=("127.0.0.1", "::1"), name="http"),
)


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    hostname: str  # the machine's name in greetings, EHLO and Received
    data: str  # the folder that holds mail and the control database
    domain: tuple[Domain, ...]
    listener: tuple[Listener, ...] = DEFAULT_LISTENERS
    tls: Tls = Tls()
    limits: Limits = Limits()
    logins: Logins = Logins()
    metadata: Metadata = Metadata()

    def local_domains(self) -> frozenset[str]:
        """All domains whose mail ends here, A-labels in lower case."""
        return frozenset(domain.name for domain in self.domain)
