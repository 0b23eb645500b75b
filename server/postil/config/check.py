"""What the machine's settings must fulfil beyond their types. Every fault is added to `found`; what comes back is only used without faults."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path

import msgspec

from postil.config import names, secrets
from postil.config.model import Config, Listener
from postil.config.problems import Finding

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")
_VENDOR = re.compile(r"/shared/vendor(?:/[!-$&-).+-.0-~]+){2,}", re.IGNORECASE)


def machine(config: Config, folder: Path, found: list[Finding]) -> Config:
    """The settings with names as A-labels and files absolute; `folder` anchors relative paths."""
    for index, listener in enumerate(config.listener):
        _listener(index, listener, found)
    _distinct(config.listener, found)
    if bool(config.tls.certificate) != bool(config.tls.key):
        found.append(Finding(("tls",), "certificate and key belong together: give both or neither"))
    _numbers(config, found)
    _logins(config, found)
    _metadata(config, found)
    for field in ("data", "domains_file"):
        if not getattr(config, field):
            found.append(Finding((field,), f"names no {'folder' if field == 'data' else 'file'}"))
    tls = config.tls
    if tls.certificate:
        tls = msgspec.structs.replace(
            tls, certificate=str(folder / tls.certificate), key=str(folder / tls.key)
        )
    config = secrets.anchored(config, folder)
    return msgspec.structs.replace(
        config,
        hostname=names.domain(config.hostname, ("hostname",), found),
        data=str(folder / config.data),
        domains_file=str(folder / config.domains_file),
        tls=tls,
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
            if isinstance(value, int) and value <= 0:
                found.append(Finding((table, field), f"must be above zero, not {value}"))
    if 0 < config.limits.recipients < 100:
        # RFC 5321 §4.5.3.1.8: "The minimum total number of recipients that MUST be buffered is 100 recipients."
        found.append(
            Finding(("limits", "recipients"), "RFC 5321 section 4.5.3.1.8 demands at least 100")
        )


def _logins(config: Config, found: list[Finding]) -> None:
    for index, network in enumerate(config.logins.allow):
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError:
            what = f"{network!r} is no IP address or network"
            found.append(Finding(("logins", "allow", index), what))


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
