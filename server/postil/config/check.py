"""What the machine's settings must fulfil beyond their types. Every fault is added to `found`; what comes back is only used without faults."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path as FilePath

import msgspec

from postil.base import endpoints
from postil.config import acme, names, secrets
from postil.config.locate import Path
from postil.config.model import Config, Listener, Tls
from postil.config.problems import Finding

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")
_VENDOR = re.compile(r"/shared/vendor(?:/[!-$&-).+-.0-~]+){2,}", re.IGNORECASE)


def machine(config: Config, folder: FilePath, found: list[Finding]) -> Config:
    """The settings with names as A-labels and files absolute; `folder` anchors relative paths."""
    for index, listener in enumerate(config.listener):
        _listener(index, listener, found)
    _distinct(config.listener, found)
    _numbers(config, found)
    for index, network in enumerate(config.logins.allow):
        _network(("logins", "allow", index), network, found)
    for place, resolver in enumerate(config.dns.resolvers):
        try:
            endpoints.parse(resolver, 53)
        except ValueError as error:
            found.append(Finding(("dns", "resolvers", place), str(error)))
    _metadata(config, found)
    for field in ("data", "domains_file"):
        if not getattr(config, field):
            found.append(Finding((field,), f"names no {'folder' if field == 'data' else 'file'}"))
    config = secrets.anchored(config, folder)
    hostname = names.domain(config.hostname, ("hostname",), found)
    certificates = acme.checked(config.acme, config.acme_certificate, hostname, folder, found)
    return msgspec.structs.replace(
        config,
        hostname=hostname,
        data=str(folder / config.data),
        domains_file=str(folder / config.domains_file),
        tls=_tls(config.tls, folder, found),
        **certificates,
    )


def _listener(index: int, listener: Listener, found: list[Finding]) -> None:
    if not 1 <= listener.port <= 65535:
        found.append(
            Finding(("listener", index, "port"), f"{listener.port} is no port (1 to 65535)")
        )
    if not listener.ips:
        found.append(Finding(("listener", index, "ips"), "names no address"))
    for place, ip in enumerate(listener.ips):
        try:
            ipaddress.ip_address(ip)
        except ValueError:
            found.append(Finding(("listener", index, "ips", place), f"{ip!r} is no IP address"))
    if listener.protocol == "http" and listener.tls == "starttls":
        found.append(
            Finding(("listener", index, "tls"), "HTTP has no STARTTLS: use none or implicit")
        )
    if (why := _no_keys(listener)) is not None:
        found.append(Finding(("listener", index, "client_keys"), why))
    if listener.protocol == "smtp" and listener.sni not in ("", "fallback"):
        # RFC 7672 §8.1: "Servers MUST NOT enforce the use of SNI by clients"
        what = "mail from other servers gets a certificate for every name"
        found.append(Finding(("listener", index, "sni"), what))
    if listener.also and (listener.protocol != "http" or listener.tls != "implicit"):
        found.append(Finding(("listener", index, "also"), "needs protocol http with implicit TLS"))
    for place, network in enumerate(listener.proxies):
        _network(("listener", index, "proxies", place), network, found)


def _no_keys(listener: Listener) -> str | None:
    """Why clients cannot log in by a TLS key in that way there; None where they can, or shall not."""
    if listener.client_keys == "no":
        return None
    if listener.protocol not in ("imap", "submission"):
        return f"nobody logs in on a listener for {listener.protocol}: use no"
    if listener.tls == "none":
        return "a key is shown in TLS: set tls, or use no"
    if listener.client_keys == "preauth":
        if listener.protocol != "imap":
            return "only IMAP has PREAUTH: use external"
        if listener.tls != "implicit":
            # RFC 9051 §7.1.4: after PREAUTH there is no STARTTLS, so TLS has to be there before it.
            return "PREAUTH needs implicit TLS: use external"
    return None


def _distinct(listeners: tuple[Listener, ...], found: list[Finding]) -> None:
    seen: dict[tuple[str, int], str] = {}
    for index, listener in enumerate(listeners):
        for ip in listener.ips:
            if (other := seen.setdefault((ip, listener.port), listener.label)) != listener.label:
                found.append(
                    Finding(("listener", index, "port"), f"{ip} port {listener.port} is {other}'s")
                )


def _numbers(config: Config, found: list[Finding]) -> None:
    for table in ("limits", "logins"):
        for field, value in msgspec.structs.asdict(getattr(config, table)).items():
            if type(value) is int and value <= 0:
                found.append(Finding((table, field), f"must be above zero, not {value}"))
    if 0 < config.limits.recipients < 100:
        # RFC 5321 §4.5.3.1.8: "The minimum total number of recipients that MUST be buffered is 100 recipients."
        found.append(
            Finding(("limits", "recipients"), "RFC 5321 section 4.5.3.1.8 demands at least 100")
        )


def _network(path: Path, network: str, found: list[Finding]) -> None:
    try:
        ipaddress.ip_network(network, strict=False)
    except ValueError:
        found.append(Finding(path, f"{network!r} is no IP address or network"))


def _tls(tls: Tls, folder: FilePath, found: list[Finding]) -> Tls:
    if bool(tls.certificate) != bool(tls.key):
        found.append(Finding(("tls",), "certificate and key belong together: give both or neither"))
    chains = []
    for index, chain in enumerate(tls.chain):
        place = ("tls", "chain", index)
        if not chain.certificate or not chain.key:
            found.append(Finding(place, "certificate and key name the files: give both"))
        chains.append(
            msgspec.structs.replace(
                chain,
                certificate=str(folder / chain.certificate),
                key=str(folder / chain.key),
                names=_names((*place, "names"), chain.names, found),
            )
        )
    return msgspec.structs.replace(
        tls,
        certificate=str(folder / tls.certificate) if tls.certificate else "",
        key=str(folder / tls.key) if tls.key else "",
        names=_names(("tls", "names"), tls.names, found),
        chain=tuple(chains),
    )


def _names(path: Path, given: tuple[str, ...], found: list[Finding]) -> tuple[str, ...]:
    return tuple(_name(name, (*path, at), found) for at, name in enumerate(given))


def _name(name: str, path: Path, found: list[Finding]) -> str:
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return names.domain(name, path, found)
    if "%" in name:
        found.append(Finding(path, f"{name!r} has a zone, which no certificate holds"))
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)  # as a connection to it shows it


def _metadata(config: Config, found: list[Finding]) -> None:
    admin = config.metadata.admin
    if admin and not _URI.fullmatch(admin):
        # RFC 5464 §3.2.1.1: "The value MUST be a URI (e.g., a mailto: or tel: URL)."
        what = f"{admin!r} is no URI such as mailto:you@example"
        found.append(Finding(("metadata", "admin"), what))
    for name in config.metadata.vendor:
        if not _VENDOR.fullmatch(name):
            what = f"{name!r} is not of the form /shared/vendor/NAME/…"
            found.append(Finding(("metadata", "vendor", name), what))
