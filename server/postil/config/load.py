"""From a TOML file to a checked `Config`, or one error that names file, line and field."""

from __future__ import annotations

import ipaddress
import re
import tomllib
from pathlib import Path

import idna
import msgspec

from postil.config import acme, locate
from postil.config.model import Config, Domain, Listener, Tls

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")
_VENDOR = re.compile(r"/shared/vendor(?:/[!-$&-).+-.0-~]+){2,}", re.IGNORECASE)
_AT = re.compile(r"^(?P<what>.*?)(?: - at `(?P<path>[^`]+)`)?$", re.DOTALL)
_TOML_LINE = re.compile(r" \(at line (\d+), column \d+\)$")
_UNKNOWN = re.compile(r"unknown field `(?P<field>[^`]+)`")


class ConfigError(Exception):
    """What is wrong, and where: `postil.toml:12: listener[0].port: …`."""

    def __init__(self, file: str, line: int, field: str, what: str) -> None:
        place = f"{file}:{line}" if line else file  # line 0: the file as a whole
        super().__init__(f"{place}: {field + ': ' if field else ''}{what}")
        self.file = file
        self.line = line
        self.field = field
        self.what = what


class _Wrong(Exception):
    def __init__(self, path: tuple[str | int, ...], what: str) -> None:
        super().__init__(what)
        self.path = path
        self.what = what


def load(path: Path) -> Config:
    """Read and check a configuration file; paths in the result are absolute."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigError(str(path), 0, "", f"cannot be read: {error.strerror}") from error
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(str(path), line, "", "is not UTF-8") from error
    return parse(text, str(path), path.resolve().parent)


def parse(text: str, file: str, folder: Path) -> Config:
    """Check a configuration's text; `file` names it in errors, `folder` anchors relative paths."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        said = str(error)
        at = _TOML_LINE.search(said)
        line = int(at.group(1)) if at else text.count("\n") + 1
        raise ConfigError(file, line, "", _TOML_LINE.sub("", said)) from error
    try:
        config = msgspec.convert(table, Config)
    except msgspec.ValidationError as error:
        match = _AT.match(str(error))
        assert match is not None  # the pattern matches any text
        steps = locate.path_of(match.group("path") or "$")
        if unknown := _UNKNOWN.search(match.group("what")):
            steps = (*steps, unknown.group("field"))
        raise _at(text, file, steps, match.group("what")) from error
    try:
        return _checked(config, folder)
    except (_Wrong, acme.Unfit) as wrong:
        raise _at(text, file, wrong.path, wrong.what) from wrong


def _at(text: str, file: str, path: tuple[str | int, ...], what: str) -> ConfigError:
    return ConfigError(file, locate.line_of(text, path), locate.spelled(path), what)


def _checked(config: Config, folder: Path) -> Config:
    domains = tuple(_domain(index, domain) for index, domain in enumerate(config.domain))
    if not domains:
        raise _Wrong(("domain",), "at least one domain is needed")
    names = [domain.name for domain in domains]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise _Wrong(("domain", index, "name"), f"{name} is listed twice")
    for index, listener in enumerate(config.listener):
        _check_listener(index, listener)
    _check_distinct(config.listener)
    if bool(config.tls.certificate) != bool(config.tls.key):
        raise _Wrong(("tls",), "certificate and key belong together: give both or neither")
    for table in ("limits", "logins"):
        for field, value in msgspec.structs.asdict(getattr(config, table)).items():
            if type(value) is int and value <= 0:
                raise _Wrong((table, field), f"must be above zero, not {value}")
    for index, network in enumerate(config.logins.allow):
        _network(("logins", "allow", index), network)
    if config.metadata.admin and not _URI.fullmatch(config.metadata.admin):
        # RFC 5464 §3.2.1.1: "The value MUST be a URI (e.g., a mailto: or tel: URL)."
        raise _Wrong(
            ("metadata", "admin"), f"{config.metadata.admin!r} is no URI such as mailto:you@example"
        )
    for name in config.metadata.vendor:
        if not _VENDOR.fullmatch(name):
            raise _Wrong(
                ("metadata", "vendor", name), f"{name!r} is not of the form /shared/vendor/NAME/…"
            )
    if config.limits.recipients < 100:
        # RFC 5321 §4.5.3.1.8: "The minimum total number of recipients that MUST be buffered is 100 recipients."
        raise _Wrong(("limits", "recipients"), "RFC 5321 section 4.5.3.1.8 demands at least 100")
    if not config.data:
        raise _Wrong(("data",), "names no folder")
    hostname = _name(("hostname",), config.hostname)
    return msgspec.structs.replace(
        config,
        hostname=hostname,
        data=str(folder / config.data),
        domain=domains,
        tls=_tls(config.tls, folder),
        **acme.checked(config.acme, config.acme_certificate, hostname, folder),
    )


def _tls(tls: Tls, folder: Path) -> Tls:
    chains = []
    for index, chain in enumerate(tls.chain):
        place = ("tls", "chain", index)
        if not chain.certificate or not chain.key:
            raise _Wrong(place, "certificate and key name the files: give both")
        chains.append(
            msgspec.structs.replace(
                chain,
                certificate=str(folder / chain.certificate),
                key=str(folder / chain.key),
                names=_names((*place, "names"), chain.names),
            )
        )
    return msgspec.structs.replace(
        tls,
        certificate=str(folder / tls.certificate) if tls.certificate else "",
        key=str(folder / tls.key) if tls.key else "",
        names=_names(("tls", "names"), tls.names),
        chain=tuple(chains),
    )


def _names(path: tuple[str | int, ...], names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_name((*path, place), name) for place, name in enumerate(names))


def _domain(index: int, domain: Domain) -> Domain:
    return msgspec.structs.replace(domain, name=_name(("domain", index, "name"), domain.name))


def _network(path: tuple[str | int, ...], network: str) -> None:
    try:
        ipaddress.ip_network(network, strict=False)
    except ValueError:
        raise _Wrong(path, f"{network!r} is no IP address or network") from None


def _name(path: tuple[str | int, ...], name: str) -> str:
    if name == "localhost":
        return name
    try:
        return idna.encode(name, uts46=True).decode("ascii").lower()
    except idna.IDNAError as error:
        raise _Wrong(path, f"{name!r} is not a domain name: {error}") from error


def _check_listener(index: int, listener: Listener) -> None:
    if not 1 <= listener.port <= 65535:
        raise _Wrong(("listener", index, "port"), f"{listener.port} is no port (1 to 65535)")
    if not listener.ips:
        raise _Wrong(("listener", index, "ips"), "names no address")
    for place, ip in enumerate(listener.ips):
        try:
            ipaddress.ip_address(ip)
        except ValueError:
            raise _Wrong(("listener", index, "ips", place), f"{ip!r} is no IP address") from None
    if (why := _no_keys(listener)) is not None:
        raise _Wrong(("listener", index, "client_keys"), why)
    if listener.protocol == "http" and listener.tls == "starttls":
        raise _Wrong(("listener", index, "tls"), "HTTP has no STARTTLS: use none or implicit")
    if listener.protocol == "smtp" and listener.sni not in ("", "fallback"):
        # RFC 7672 §8.1: "Servers MUST NOT enforce the use of SNI by clients"
        raise _Wrong(
            ("listener", index, "sni"), "mail from other servers gets a certificate for every name"
        )
    if listener.also and (listener.protocol != "http" or listener.tls != "implicit"):
        raise _Wrong(("listener", index, "also"), "needs protocol http with implicit TLS")
    for place, network in enumerate(listener.proxies):
        _network(("listener", index, "proxies", place), network)


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


def _check_distinct(listeners: tuple[Listener, ...]) -> None:
    seen: dict[tuple[str, int], str] = {}
    for index, listener in enumerate(listeners):
        for ip in listener.ips:
            if (other := seen.setdefault((ip, listener.port), listener.label)) != listener.label:
                raise _Wrong(("listener", index, "port"), f"{ip} port {listener.port} is {other}'s")
