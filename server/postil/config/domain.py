"""A domain whose mail ends here: the table `[[domain]]`, in `domains.toml` or in `postil.toml`.

These are the live settings: a running server takes them over. The fields of DMARC, MTA-STS and TLSRPT are called as in their
RFCs. What a table means for the DNS is in `postil.config.records`.
"""

from __future__ import annotations

import datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from postil.config.routes import Route, Transport

DAY: Final = 86400  # seconds

Algorithm = Literal["ed25519", "rsa"]
State = Literal["next", "signing", "retiring"]
Policy = Literal["none", "quarantine", "reject"]
Alignment = Literal["r", "s"]


class Selector(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A DKIM key and where it is in its life (RFC 6376 §3.1); `postil domain dkim` writes these."""

    name: Annotated[
        str,
        Meta(description="The selector: the record is published at NAME._domainkey.DOMAIN."),
    ]
    algorithm: Annotated[Algorithm, Meta(description="What kind of key it is.")]
    state: Annotated[
        State,
        Meta(
            description="next: published and waiting; signing: in use; retiring: no longer used, still published."
        ),
    ]
    since: Annotated[
        datetime.datetime, Meta(description="When this state began, with time and zone.")
    ]
    key: Annotated[
        str,
        Meta(
            description="File of the private key, PEM; when empty, `dkim/DOMAIN/NAME.pem` in the data folder."
        ),
    ] = ""


class Dkim(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys to sign mail with. Nothing signs yet: the keys can be made, published and rotated."""

    publish_wait: Annotated[
        int,
        Meta(
            description="Seconds that a new key is published before it may sign: longer than DNS servers keep an answer, or the lack of one."
        ),
    ] = 2 * DAY
    retire_wait: Annotated[
        int,
        Meta(
            description="Seconds that a key stays published after its last signature: as long as mail may be under way."
        ),
    ] = 7 * DAY
    selector: Annotated[tuple[Selector, ...], Meta(description="The keys.")] = ()


class Dmarc(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What others shall do with mail that only claims to be from this domain (RFC 9989 §4.7); the record to publish."""

    p: Annotated[Policy, Meta(description="What to do with mail that fails.")] = "none"
    sp: Annotated[
        Policy | None,
        Meta(description="The same for subdomains that exist; when not given, as `p`."),
    ] = None
    np: Annotated[
        Policy | None,
        Meta(
            description="The same for subdomains that do not exist; when not given, as `sp`, or `p`."
        ),
    ] = None
    adkim: Annotated[
        Alignment,
        Meta(
            description="Must the signing domain be the same (s, strict) or only belong together (r, relaxed)?"
        ),
    ] = "r"
    aspf: Annotated[Alignment, Meta(description="The same for the envelope's domain.")] = "r"
    t: Annotated[
        bool, Meta(description="Testing: others shall act one step milder than the policy says.")
    ] = False
    psd: Annotated[
        Literal["y", "n", "u"],
        Meta(
            description="n: this domain is the organization's own; y: a public suffix; u: receivers find out."
        ),
    ] = "u"
    rua: Annotated[
        tuple[str, ...],
        Meta(description="URIs that get the daily reports, such as mailto:dmarc@example.org."),
    ] = ()
    ruf: Annotated[
        tuple[str, ...], Meta(description="URIs that get a report for each message that fails.")
    ] = ()
    fo: Annotated[
        tuple[str, ...],
        Meta(
            description="Which failures to report to `ruf`: 0 (nothing passed) or 1 (something failed); d (a DKIM signature), s (SPF)."
        ),
    ] = ("0",)


class MtaSts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How others shall deliver to this domain (RFC 8461 §3). The policy and its id are made from these; serve the policy by a web server of yours, for now."""

    mode: Annotated[
        Literal["enforce", "testing", "none"],
        Meta(
            description="enforce: never without verified TLS; testing: report only; none: the policy ends."
        ),
    ] = "testing"
    mx: Annotated[
        tuple[str, ...],
        Meta(
            description="Names, or *.NAME, that the domain's MX hosts have; the machine's `hostname` when empty."
        ),
    ] = ()
    max_age: Annotated[
        int,
        Meta(description="Seconds that others may keep the policy; at most 31557600, a year."),
    ] = 14 * DAY


class TlsRpt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who gets reports of TLS that failed (RFC 8460 §3); the record to publish."""

    rua: Annotated[
        tuple[str, ...],
        Meta(description="URIs that get the reports: mailto: or https:; at least one."),
    ]


class Domain(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A domain whose mail ends here; a running server takes changes over."""

    name: Annotated[
        str, Meta(description="The domain, in Unicode or as A-labels (xn--).")
    ]  # A-labels in lower case once loaded
    postmaster: Annotated[
        str,
        Meta(
            description="Login name of the account that gets postmaster@ and abuse@; the oldest account when empty."
        ),
    ] = ""
    dkim: Annotated[Dkim, Meta(description="Keys to sign mail with.")] = Dkim()
    dmarc: Annotated[Dmarc | None, Meta(description="The DMARC record; none when not given.")] = (
        None
    )
    mta_sts: Annotated[
        MtaSts | None, Meta(description="The MTA-STS policy; none when not given.")
    ] = None
    tlsrpt: Annotated[
        TlsRpt | None, Meta(description="The TLSRPT record; none when not given.")
    ] = None


class Domains(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file `domains.toml`, which `postil domain`, `postil transport` and `postil route` write."""

    domain: Annotated[tuple[Domain, ...], Meta(description="The domains.")] = ()
    transport: Annotated[tuple[Transport, ...], Meta(description="Ways for outgoing mail.")] = ()
    route: Annotated[tuple[Route, ...], Meta(description="Which mail takes which.")] = ()
