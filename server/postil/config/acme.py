"""The tables for certificates by ACME: `[[acme]]` names authorities, `[[acme_certificate]]` what is ordered from them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

import idna
import msgspec
from msgspec import Meta

Method = Literal["http-01", "tls-alpn-01", "dns-01"]
KeyType = Literal["ecdsa", "rsa"]

# A provider's name is a folder, and part of nothing else.
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
# RFC 8555 §7.3: "Clients MUST NOT provide a "mailto" URL in the "contact" field that contains "hfields" [RFC6068] or more
# than one "addr-spec" in the "to" component."
_MAILTO: Final = re.compile(r"mailto:[!-~]+@[!-~]+")
_TWO: Final = re.compile(r"[?,]")


class Provider(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An authority that issues certificates by ACME (RFC 8555); without any, certificates are files, or self-signed."""

    name: Annotated[
        str,
        Meta(
            description="A short name in lower case: of its folder under data/acme, in logs and commands."
        ),
    ]
    directory: Annotated[
        str, Meta(description="The https URL of its directory, as the authority documents it.")
    ]
    agree_terms: Annotated[
        bool,
        Meta(
            description="Whether you agree to the authority's terms of service; nothing is ordered without it where there are terms."
        ),
    ] = False
    contact: Annotated[
        tuple[str, ...],
        Meta(
            description="Where the authority may reach you, such as mailto:admin@example.org; may be empty."
        ),
    ] = ()
    challenges: Annotated[
        tuple[Method, ...],
        Meta(
            description="How names are proved, the preferred way first: http-01 (port 80), tls-alpn-01 (port 443), dns-01 (through dns_hook)."
        ),
    ] = ("tls-alpn-01", "http-01")
    dns_hook: Annotated[
        tuple[str, ...],
        Meta(
            description="For dns-01: a program and its first arguments; it is called with `add` or `remove`, the record's name and its value."
        ),
    ] = ()
    dns_wait: Annotated[
        int,
        Meta(
            description="Seconds between the hook's end and the moment the authority is asked to look, for name servers that take a while."
        ),
    ] = 0
    key_type: Annotated[
        KeyType,
        Meta(
            description="Keys of certificates: ecdsa (P-256, small and fast) or rsa (2048 bits, for very old clients)."
        ),
    ] = "ecdsa"
    profile: Annotated[
        str,
        Meta(
            description="The kind of certificate, where the authority offers several (such as shortlived); its own choice when empty."
        ),
    ] = ""
    eab_kid: Annotated[
        str,
        Meta(
            description="External account binding: the key identifier from the authority's pages; empty where it asks for none."
        ),
    ] = ""
    eab_key_file: Annotated[
        str,
        Meta(
            description="File with the key that belongs to eab_kid, base64url as the authority gave it."
        ),
    ] = ""
    eab_key_env: Annotated[
        str, Meta(description="Environment variable with that key, instead of a file.")
    ] = ""
    ca_file: Annotated[
        str,
        Meta(
            description="PEM file of the root that the authority's own https certificate comes from, for a private one; the system's roots when empty."
        ),
    ] = ""


class Certificate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A certificate that is ordered and renewed; without any, one for the hostname from the first `[[acme]]`."""

    names: Annotated[
        tuple[str, ...],
        Meta(
            description="Host names, *.example.org (only with dns-01), or IP addresses (RFC 8738; never with dns-01)."
        ),
    ]
    provider: Annotated[
        str, Meta(description="The name of an [[acme]] table; the first one when empty.")
    ] = ""
    key_type: Annotated[
        Literal["", "ecdsa", "rsa"],
        Meta(description="As in [[acme]], for this one; that when empty."),
    ] = ""
    keep_key: Annotated[
        bool,
        Meta(
            description="Renew with the same key, so that TLSA records (DANE) stay right; false: each renewal takes the next key, made ahead."
        ),
    ] = True

    @property
    def label(self) -> str:
        """Its folder and its name in logs and commands."""
        first = self.names[0].replace("*", "_").replace(":", "-")
        return f"{first}-rsa" if self.key_type == "rsa" else first


class Unfit(Exception):
    """A value that cannot be; `path` leads to it."""

    def __init__(self, path: tuple[str | int, ...], what: str) -> None:
        super().__init__(what)
        self.path = path
        self.what = what


def is_ip(name: str) -> bool:
    """Is it an address and no name?"""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def checked(
    providers: Sequence[Provider], certificates: Sequence[Certificate], hostname: str, folder: Path
) -> dict[str, tuple[Provider, ...] | tuple[Certificate, ...]]:
    """Both tables with absolute paths and every default filled in; Unfit names the first thing that is wrong."""
    known: dict[str, Provider] = {}
    for index, provider in enumerate(providers):
        if provider.name in known:
            raise Unfit(("acme", index, "name"), f"{provider.name} is listed twice")
        known[provider.name] = _provider(index, provider, folder)
    if certificates and not known:
        raise Unfit(("acme_certificate", 0), "there is no [[acme]] to order it from")
    wanted = certificates or ((Certificate(names=(hostname,)),) if known else ())
    done: list[Certificate] = []
    for index, certificate in enumerate(wanted):
        one = _certificate(index, certificate, known)
        if any(one.label == other.label and one.provider == other.provider for other in done):
            raise Unfit(
                ("acme_certificate", index, "names"),
                f"another certificate from {one.provider} begins with {one.names[0]}",
            )
        done.append(one)
    return {"acme": tuple(known.values()), "acme_certificate": tuple(done)}


def _provider(index: int, provider: Provider, folder: Path) -> Provider:
    def wrong(field: str, what: str) -> Unfit:
        return Unfit(("acme", index, field), what)

    if not _NAME.fullmatch(provider.name):
        raise wrong("name", f"{provider.name!r} is no name of letters a-z, digits, - and _")
    try:
        url = urlsplit(provider.directory)
        good = url.scheme == "https" and bool(url.hostname) and url.port != 0
    except ValueError:
        good = False
    if not good or not provider.directory.isascii() or not provider.directory.isprintable():
        # RFC 8555 §6.1: "Use of HTTPS is REQUIRED."
        raise wrong("directory", f"{provider.directory!r} is no https URL")
    for place, contact in enumerate(provider.contact):
        where: tuple[str | int, ...] = ("acme", index, "contact", place)
        if contact.lower().startswith("mailto:"):
            if not _MAILTO.fullmatch(contact) or _TWO.search(contact):
                raise Unfit(where, f"{contact!r} is not mailto: and one address, with no more")
        elif not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+", contact):
            raise Unfit(where, f"{contact!r} is no URL such as mailto:you@example.org")
    if not provider.challenges or len(set(provider.challenges)) != len(provider.challenges):
        raise wrong("challenges", "needs at least one way, each only once")
    if "dns-01" in provider.challenges and not provider.dns_hook:
        raise wrong("dns_hook", "dns-01 needs a program that changes the zone")
    if not 0 <= provider.dns_wait <= 3600:
        raise wrong("dns_wait", f"must be between 0 and 3600, not {provider.dns_wait}")
    if bool(provider.eab_kid) != bool(provider.eab_key_file or provider.eab_key_env):
        raise wrong("eab_kid", "needs eab_key_file or eab_key_env, and they need it")
    if provider.eab_key_file and provider.eab_key_env:
        raise wrong("eab_key_env", "give a file or a variable, not both")
    if not provider.eab_kid.isascii():
        # RFC 8555 §7.3.4: "The key identifier MUST be an ASCII string."
        raise wrong("eab_kid", f"{provider.eab_kid!r} is not ASCII")
    return msgspec.structs.replace(
        provider,
        eab_key_file=str(folder / provider.eab_key_file) if provider.eab_key_file else "",
        ca_file=str(folder / provider.ca_file) if provider.ca_file else "",
        dns_hook=_program(provider.dns_hook, folder),
    )


def _program(hook: tuple[str, ...], folder: Path) -> tuple[str, ...]:
    """A program with a slash is a file beside the configuration; without one it is looked for in PATH."""
    if not hook or "/" not in hook[0]:
        return hook
    return (str(folder / hook[0]), *hook[1:])


def _certificate(index: int, certificate: Certificate, known: dict[str, Provider]) -> Certificate:
    def wrong(field: str, what: str) -> Unfit:
        return Unfit(("acme_certificate", index, field), what)

    provider = known.get(certificate.provider or next(iter(known)))
    if provider is None:
        raise wrong(
            "provider", f"{certificate.provider!r} is no [[acme]]: there is {', '.join(known)}"
        )
    if not certificate.names:
        raise wrong("names", "names nothing")
    names: list[str] = []
    for place, written in enumerate(certificate.names):
        name = _name(("acme_certificate", index, "names", place), written)
        if name in names:
            raise Unfit(("acme_certificate", index, "names", place), f"{name} is listed twice")
        methods = set(provider.challenges)
        if name.startswith("*.") and "dns-01" not in methods:
            raise Unfit(
                ("acme_certificate", index, "names", place),
                f"{name} can be proved by dns-01 only, and {provider.name} does not have it in its challenges",
            )
        # RFC 8738 §7: "The existing "dns-01" challenge MUST NOT be used to validate IP identifiers."
        if is_ip(name) and methods == {"dns-01"}:
            raise Unfit(
                ("acme_certificate", index, "names", place),
                f"an address ({name}) cannot be proved by dns-01",
            )
        names.append(name)
    return msgspec.structs.replace(
        certificate,
        names=tuple(names),
        provider=provider.name,
        key_type=certificate.key_type or provider.key_type,
    )


def _name(path: tuple[str | int, ...], name: str) -> str:
    if "%" not in name and is_ip(name.strip("[]")):
        return str(ipaddress.ip_address(name.strip("[]")))
    star, base = ("*.", name[2:]) if name.startswith("*.") else ("", name)
    try:
        return star + idna.encode(base.rstrip("."), uts46=True).decode("ascii").lower()
    except idna.IDNAError as error:
        raise Unfit(path, f"{name!r} is no domain name and no address: {error}") from error
