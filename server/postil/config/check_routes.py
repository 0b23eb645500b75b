"""What transports and routes must fulfil beyond their types. What comes back has ports and TLS filled in, and names as A-labels."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from pathlib import Path as FilePath
from typing import Final

import msgspec

from postil.base import endpoints
from postil.config import names
from postil.config.decode import guess
from postil.config.locate import Path
from postil.config.problems import Finding
from postil.config.routes import FIELDS, Route, Transport
from postil.routing import DIRECT, NULL_SENDER

LONGEST: Final = 64  # characters of a name: it stands in logs and in labels of metrics
MOST_ATTEMPTS: Final = 100  # more than any queue makes in the days it keeps a message

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?")
_DEFAULTS: Final = {field.name: field.default for field in msgspec.structs.fields(Transport)}
_PORTS: Final = {
    ("smtp", "none"): 25, ("smtp", "starttls"): 25, ("smtp", "implicit"): 465,
    # RFC 8314 §3.3: port 465 for Implicit TLS, RFC 6409 §3.1: port 587 for submission
    ("submission", "starttls"): 587, ("submission", "implicit"): 465, ("submission", "none"): 587,
    ("lmtp", ""): 24,
}  # fmt: skip
# RFC 3463 §2: status-code = class "." subject "." detail, subject and detail of one to three digits
_STATUS = re.compile(r"([245])\.(?:0|[1-9]\d{0,2})\.(?:0|[1-9]\d{0,2})")
# RFC 5321 §4.2: textstring = 1*(%d09 / %d32-126), and a line of a reply has at most 512 octets (§4.5.3.1.5)
_TEXT = re.compile(r"[\t -~]{0,400}")


def transports(
    given: Sequence[Transport], folder: FilePath, found: list[Finding]
) -> tuple[Transport, ...]:
    """All transports; `folder` anchors sockets."""
    _distinct([one.name for one in given], "transport", found)
    return tuple(_transport(one, ("transport", at), folder, found) for at, one in enumerate(given))


def routes(
    given: Sequence[Route], known: Sequence[Transport], found: list[Finding]
) -> tuple[Route, ...]:
    """All routes; each names one of the transports."""
    _distinct([one.name for one in given], "route", found)
    there = {DIRECT, *(one.name for one in known)}
    return tuple(_route(one, ("route", at), there, found) for at, one in enumerate(given))


def _distinct(given: Sequence[str], what: str, found: list[Finding]) -> None:
    seen: set[str] = set()
    for at, name in enumerate(given):
        path = (what, at, "name")
        if not _NAME.fullmatch(name) or len(name) > LONGEST:
            words = f"{name!r} is no name: letters, digits and hyphens, at most {LONGEST}"
            found.append(Finding(path, words))
        if name.lower() in seen:
            found.append(Finding(path, f"the {what} {name} is there twice"))
        seen.add(name.lower())


def _transport(one: Transport, path: Path, folder: FilePath, found: list[Finding]) -> Transport:
    if one.name == DIRECT and one.kind != DIRECT:
        what = "the transport of what no route takes must be of kind direct"
        found.append(Finding((*path, "kind"), what))
    for field in one.__struct_fields__:
        if field in ("name", "kind") or field in FIELDS[one.kind]:
            continue
        if getattr(one, field) != _DEFAULTS[field]:
            has = ", ".join(sorted(FIELDS[one.kind]))
            what = f"a transport of kind {one.kind} has no such field; it has {has}"
            found.append(Finding((*path, field), what))
    if one.kind == "fail":
        _failure(one, path, found)
        return one
    one = _addresses(one, path, found)
    if one.kind == DIRECT:
        return one
    one = _host(one, path, folder, found)
    _login(one, path, found)
    return one


def _addresses(one: Transport, path: Path, found: list[Finding]) -> Transport:
    """Where it sends from, and through what."""
    versions: list[int] = []
    for at, ip in enumerate(one.from_ips):
        try:
            versions.append(ipaddress.ip_address(ip).version)
        except ValueError:
            found.append(Finding((*path, "from_ips", at), f"{ip!r} is no IP address"))
            continue
        if versions.count(versions[-1]) > 1:
            what = f"a second address of IPv{versions[-1]}: at most one of each"
            found.append(Finding((*path, "from_ips", at), what))
        elif one.ip not in ("any", str(versions[-1])):
            what = f"is of IPv{versions[-1]}, but `ip` has only IPv{one.ip} used"
            found.append(Finding((*path, "from_ips", at), what))
    if one.socks:
        try:
            endpoints.parse(one.socks, 1080)
        except ValueError as error:
            found.append(Finding((*path, "socks"), str(error)))
        if one.from_ips:
            what = "the proxy decides from where it sends: take from_ips away, or socks"
            found.append(Finding((*path, "from_ips"), what))
    helo = names.domain(one.helo, (*path, "helo"), found) if one.helo else ""
    return msgspec.structs.replace(one, helo=helo)


def _host(one: Transport, path: Path, folder: FilePath, found: list[Finding]) -> Transport:
    """Whom it sends to, with port and TLS filled in."""
    if one.kind == "lmtp" and bool(one.host) == bool(one.socket):
        found.append(Finding(path, "name a host or a socket, one of the two"))
    elif one.kind != "lmtp" and not one.host:
        found.append(Finding(path, f"a transport of kind {one.kind} needs a `host`"))
    if one.socket:
        if one.port:
            found.append(Finding((*path, "port"), "a socket has no port"))
        return msgspec.structs.replace(one, socket=str(folder / one.socket))
    tls = one.tls or {"smtp": "starttls", "submission": "implicit"}.get(one.kind, "")
    port = one.port or _PORTS[one.kind, tls]
    if not 1 <= port <= 65535:
        found.append(Finding((*path, "port"), f"{port} is no port (1 to 65535)"))
    if one.kind == "lmtp" and port == 25:
        # RFC 2033 §5: "As LMTP is a different protocol than SMTP, it MUST NOT be used on the TCP service port 25."
        found.append(Finding((*path, "port"), "LMTP must not be used on port 25 (RFC 2033)"))
    host = one.host
    if host and not _is_ip(host):
        host = names.domain(host, (*path, "host"), found)
    return msgspec.structs.replace(one, host=host, port=port, tls=tls)


def _login(one: Transport, path: Path, found: list[Finding]) -> None:
    if bool(one.user) != (one.password is not None):
        found.append(Finding(path, "user and password belong together: give both or neither"))
    if one.password is None or _is_loopback(one.host):
        return
    # RFC 8314 §3: a login goes through TLS; and TLS with whoever answers protects it from nobody who stands between.
    if one.tls == "none":
        what = "a password is never sent in clear: use implicit or starttls"
        found.append(Finding((*path, "tls"), what))
    elif not one.verify:
        what = "a password is only sent to a host whose certificate was verified"
        found.append(Finding((*path, "verify"), what))


def _failure(one: Transport, path: Path, found: list[Finding]) -> None:
    if not 400 <= one.code <= 599:
        found.append(Finding((*path, "code"), f"must be from 400 to 599, not {one.code}"))
    if one.status:
        match = _STATUS.fullmatch(one.status)
        if match is None:
            what = f"{one.status!r} is no enhanced status code such as 5.7.1"
            found.append(Finding((*path, "status"), what))
        elif match[1] != str(one.code)[:1]:
            what = f"{one.status} and the code {one.code} are of different classes"
            found.append(Finding((*path, "status"), what))
    if not _TEXT.fullmatch(one.text):
        what = "is sent to others: printable ASCII on one line, at most 400 characters"
        found.append(Finding((*path, "text"), what))


def _route(one: Route, path: Path, known: set[str], found: list[Finding]) -> Route:
    if one.transport not in known:
        what = f"there is no transport {one.transport!r}{guess(one.transport, known)}"
        found.append(Finding((*path, "transport"), what))
    if not 0 <= one.minimum_attempts <= MOST_ATTEMPTS:
        what = f"must be from 0 to {MOST_ATTEMPTS}, not {one.minimum_attempts}"
        found.append(Finding((*path, "minimum_attempts"), what))
    for at, account in enumerate(one.from_account):
        if not account.strip():
            found.append(Finding((*path, "from_account", at), "names no account"))
    return msgspec.structs.replace(
        one,
        from_domain=_patterns(one.from_domain, (*path, "from_domain"), found, null=True),
        to_domain=_patterns(one.to_domain, (*path, "to_domain"), found, null=False),
    )


def _patterns(
    given: Sequence[str], path: Path, found: list[Finding], *, null: bool
) -> tuple[str, ...]:
    made = []
    for at, one in enumerate(given):
        if one == NULL_SENDER and null:
            made.append(one)
            continue
        if "*" in one or "@" in one:
            what = f"{one!r}: write example.org, or .example.org for all below it"
            found.append(Finding((*path, at), what))
            continue
        dot = "." if one.startswith(".") else ""
        made.append(dot + names.domain(one.removeprefix(dot), (*path, at), found))
    return tuple(made)


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return host == "localhost" or (_is_ip(host) and ipaddress.ip_address(host).is_loopback)
