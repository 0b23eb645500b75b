"""Ways for outgoing mail: the tables `[[transport]]` and `[[route]]` of `domains.toml`.

Live settings, as domains are. There is no queue yet: they are checked and shown (`postil route explain`), and nothing is sent by them.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from postil.config.secrets import Secret

TransportKind = Literal["direct", "smtp", "submission", "lmtp", "fail"]

_SOCKET: Final = ("host", "port", "socket")
_RELAY: Final = (
    "host",
    "port",
    "tls",
    "verify",
    "user",
    "password",
    "ip",
    "from_ips",
    "socks",
    "helo",
)
# Which fields a kind has beside `name` and `kind`.
FIELDS: Final = {
    "direct": ("ip", "from_ips", "socks", "helo"),
    "smtp": _RELAY,
    "submission": _RELAY,
    "lmtp": (*_SOCKET, "helo"),
    "fail": ("code", "status", "text"),
}  # fmt: skip


class Transport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A way for outgoing mail, which routes name. Nothing is sent yet: transports are checked and shown."""

    name: Annotated[
        str,
        Meta(
            description="What routes call it: letters, digits, hyphens. One called direct has kind direct, and takes what no route does."
        ),
    ]
    kind: Annotated[
        TransportKind,
        Meta(
            description="direct: to the MX hosts of the recipient's domain; smtp: to a relay; submission: to a provider's relay with a login; lmtp: to a mail store; fail: to nobody, the sender is told."
        ),
    ]
    host: Annotated[
        str, Meta(description="smtp, submission, lmtp: name or IP address of the host.")
    ] = ""
    port: Annotated[
        int,
        Meta(
            description="Its port; 0: 25 for smtp; 465, or 587 with starttls, for submission; 24 for lmtp."
        ),
    ] = 0
    socket: Annotated[
        str,
        Meta(description="lmtp: a Unix socket instead of host and port, relative to this file."),
    ] = ""
    tls: Annotated[
        Literal["", "none", "starttls", "implicit"],
        Meta(
            description="smtp, submission: how the connection is protected. starttls and implicit are demanded: without TLS nothing is sent. Empty: implicit for submission, starttls for smtp."
        ),
    ] = ""
    verify: Annotated[
        bool,
        Meta(
            description="smtp, submission: whether the certificate must be valid for `host`. A login needs it."
        ),
    ] = True
    user: Annotated[str, Meta(description="smtp, submission: name to log in with.")] = ""
    password: Annotated[
        Secret | None,
        Meta(description="Password of `user`; in this file, or kept in a file or the environment."),
    ] = None
    ip: Annotated[
        Literal["any", "4", "6"],
        Meta(description="Which addresses of the other hosts are used: all, IPv4 only, IPv6 only."),
    ] = "any"
    from_ips: Annotated[
        tuple[str, ...],
        Meta(
            description="Addresses of this machine to send from, at most one for IPv4 and one for IPv6; empty: the system chooses."
        ),
    ] = ()
    socks: Annotated[
        str,
        Meta(description="A SOCKS5 proxy to go through, ADDRESS:PORT; port 1080 when not given."),
    ] = ""
    helo: Annotated[
        str, Meta(description="The name to greet with; the machine's `hostname` when empty.")
    ] = ""
    code: Annotated[
        int,
        Meta(
            description="fail: the code of the refusal; 5yz: given up at once, 4yz: tried again as after a failure."
        ),
    ] = 550
    status: Annotated[
        str,
        Meta(description="fail: the enhanced status code (RFC 3463) of the same class as `code`."),
    ] = ""
    text: Annotated[str, Meta(description="fail: what the sender is told, printable ASCII.")] = ""


class Route(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which mail takes which transport. Routes are asked in the order of the file; the first whose conditions all hold decides."""

    name: Annotated[
        str, Meta(description="What commands and logs call it: letters, digits, hyphens.")
    ]
    from_domain: Annotated[
        tuple[str, ...],
        Meta(
            description="Domains of the sender: example.org, or .example.org for all below it; <> for notices, which have no sender. Empty: any."
        ),
    ] = ()
    from_account: Annotated[
        tuple[str, ...],
        Meta(description="Login names of accounts that submitted the mail. Empty: any."),
    ] = ()
    to_domain: Annotated[
        tuple[str, ...],
        Meta(description="Domains of the recipient, written as in `from_domain`. Empty: any."),
    ] = ()
    minimum_attempts: Annotated[
        int,
        Meta(description="Only after so many attempts at the recipient have failed; 0: at once."),
    ] = 0
    transport: Annotated[str, Meta(description="The name of a transport, or direct.")]
