"""The tables and fields of `postil.toml`, the machine's settings; a field's description is its entry in the reference.

Sizes are octets, times seconds. Frozen: a configuration that changes is another object.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from postil.config import acme as acme_tables
from postil.config.domain import Domain
from postil.config.routes import Route, Transport

MIB = 1024 * 1024
DOMAINS_FILE = "domains.toml"
# Fields of `Config` that a running server takes over; the others need a restart.
LIVE = frozenset({"domain", "domains_file", "transport", "route"})
# Those that stand in the second file only.
SECOND = ("transport", "route")


class Listener(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A port we listen on."""

    protocol: Annotated[
        Literal["smtp", "submission", "imap", "http"],
        Meta(
            description="What is spoken: smtp takes mail from other servers, submission takes mail from your users, imap lets them read, http has the start page, /healthz, /readyz and /metrics."
        ),
    ]
    port: Annotated[int, Meta(description="The TCP port.")]
    tls: Annotated[
        Literal["none", "starttls", "implicit"],
        Meta(
            description="Whether connections begin in clear, in clear with STARTTLS offered, or inside TLS."
        ),
    ] = "none"
    ips: Annotated[tuple[str, ...], Meta(description="Addresses to listen on.")] = ("0.0.0.0", "::")
    name: Annotated[
        str, Meta(description="The name in logs and metrics; protocol and port when empty.")
    ] = ""

    sni: Annotated[
        Literal["", "fallback", "named", "strict"],
        Meta(
            description="What a TLS client gets for the name it asks for. fallback: always a certificate, the first one for a name we do not have. named: a name we do not have, or an IP address, ends the handshake; no name gets the first certificate. strict: no name ends it, too. Empty: fallback for smtp (RFC 7672 section 8.1 demands it there), named for the others."
        ),
    ] = ""
    min_tls: Annotated[
        Literal["1.2", "1.3"], Meta(description="The oldest version of TLS spoken.")
    ] = "1.2"
    tickets: Annotated[
        bool,
        Meta(
            description="Whether TLS sessions can be resumed by tickets. Their keys change once a day."
        ),
    ] = False
    also: Annotated[
        tuple[Literal["imap", "submission"], ...],
        Meta(
            description="For protocol http with implicit TLS: mail on the same port for clients that ask for it by ALPN, as imap and smtp."
        ),
    ] = ()
    proxies: Annotated[
        tuple[str, ...],
        Meta(
            description="Addresses and networks of load balancers. Connections from there must begin with a PROXY header (version 1 or 2), which names the client; nobody else may send one."
        ),
    ] = ()

    client_keys: Annotated[
        Literal["no", "external", "preauth"],
        Meta(
            description="For imap and submission with TLS: whether clients are asked for a TLS key (`postil tlskey`). external: one that shows a key may log in by it (AUTH EXTERNAL). preauth: for imap with implicit TLS: one whose key is registered is logged in before the greeting, too. TLS sessions are not resumed there, whatever `tickets` says."
        ),
    ] = "no"

    @property
    def label(self) -> str:
        """The name in logs and metrics."""
        return self.name or f"{self.protocol}-{self.port}"


class Chain(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A further certificate, for clients that ask for one of its names."""

    certificate: Annotated[str, Meta(description="File of the certificate chain, PEM.")]
    key: Annotated[str, Meta(description="File of the private key, PEM.")]
    names: Annotated[
        tuple[str, ...],
        Meta(
            description="Names to show it for beside those it holds; one without a dot is fine. An IP address: to who connects to it and names nothing."
        ),
    ] = ()


class Tls(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Certificates. Changed files are read again within a minute; ones that cannot be used change nothing.

    `certificate` and `key` are the first pair, shown where no other fits; both empty: a self-signed pair is made and kept in `data`.
    """

    certificate: Annotated[str, Meta(description="File of the certificate chain, PEM.")] = ""
    key: Annotated[str, Meta(description="File of the private key, PEM.")] = ""
    names: Annotated[
        tuple[str, ...],
        Meta(
            description="Names to show the first pair for beside those it holds, such as localhost. A self-signed pair holds them and the host's name."
        ),
    ] = ()
    chain: tuple[Chain, ...] = ()


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one client may ask for."""

    message_size: Annotated[
        int,
        Meta(
            description="Largest message in octets; larger ones are refused with 552 (SMTP) and TOOBIG (IMAP)."
        ),
    ] = 100 * MIB
    # RFC 5321 §4.5.3.1.8 demands at least 100
    recipients: Annotated[int, Meta(description="Recipients of one message; at least 100.")] = 1000
    connections: Annotated[int, Meta(description="Open connections in all.")] = 5000
    connections_per_ip: Annotated[
        int, Meta(description="Open connections from one address (IPv6: one /64).")
    ] = 100
    free_space: Annotated[
        int, Meta(description="Octets: below this much free disk new mail is refused for now.")
    ] = 256 * MIB


class Logins(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Attempts to log in: how many may fail, over all protocols, before an address must wait.

    Networks around an address (IPv4 /26 and /21; IPv6 /48 and /32 around a /64) get 3 and 9 times as much.
    """

    failures_per_minute: Annotated[
        int,
        Meta(
            description="Wrong logins from one address (IPv6: one /64) in a minute before it must wait."
        ),
    ] = 10
    failures_per_hour: Annotated[int, Meta(description="The same for an hour.")] = 60
    failures_per_day: Annotated[int, Meta(description="The same for a day.")] = 300
    allow: Annotated[
        tuple[str, ...],
        Meta(
            description="Addresses and networks that never have to wait; what they do is written down all the same."
        ),
    ] = ("127.0.0.1", "::1")
    cram_md5: Annotated[
        bool,
        Meta(
            description="Whether CRAM-MD5 is offered, for programs that know nothing better: it takes passwords made by `postil account app-password add --cram-md5` and no others. Some programs then try it first with other passwords, and fail once each time."
        ),
    ] = False


class Dns(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom the server asks for names."""

    resolvers: Annotated[
        tuple[str, ...],
        Meta(
            description="Addresses of resolvers in the order they are asked, such as 127.0.0.1 or [::1]:5353; empty: those of the system. What one says of signatures (DNSSEC) is believed only when it is on this machine."
        ),
    ] = ()


class Metadata(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What IMAP clients read about the server (RFC 5464 §3.2.1.1), and cannot change; "": no entry."""

    admin: Annotated[
        str,
        Meta(
            description="How to reach whoever runs the server: a URI such as mailto:admin@example.org."
        ),
    ] = ""
    comment: Annotated[str, Meta(description="A note for people.")] = ""
    vendor: Annotated[
        dict[str, str],
        Meta(description="Entries of other products, /shared/vendor/NAME/… to value."),
    ] = {}

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
    """The machine; a change needs a restart, except where it says otherwise."""

    hostname: Annotated[
        str,
        Meta(
            description="The machine's name: in greetings, in EHLO, in Received fields. It should resolve to this machine."
        ),
    ]
    data: Annotated[
        str,
        Meta(
            description="The folder that holds mail and the control database, relative to this file. One server at a time uses it."
        ),
    ]
    domains_file: Annotated[
        str,
        Meta(
            description="The file with the domains, relative to this file; `postil domain` writes it."
        ),
    ] = DOMAINS_FILE
    domain: tuple[Domain, ...] = ()  # of both files, once loaded
    transport: tuple[Transport, ...] = ()  # of the second file
    route: tuple[Route, ...] = ()  # of the second file
    listener: tuple[Listener, ...] = DEFAULT_LISTENERS
    tls: Tls = Tls()
    limits: Limits = Limits()
    logins: Logins = Logins()
    dns: Dns = Dns()
    metadata: Metadata = Metadata()
    acme: tuple[acme_tables.Provider, ...] = ()
    acme_certificate: tuple[acme_tables.Certificate, ...] = ()

    def local_domains(self) -> frozenset[str]:
        """All domains whose mail ends here, A-labels in lower case."""
        return frozenset(domain.name for domain in self.domain)
