"""What is allowed and probably not meant, for `postil config check` and the log of a start; and secrets that cannot be had."""

from __future__ import annotations

import ipaddress
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from postil.config import secrets
from postil.config.domain import DAY, Domain
from postil.config.load import Loaded
from postil.config.locate import Path as Steps
from postil.config.model import SECOND, Chain, Config, Listener, Tls
from postil.config.problems import ConfigError, Finding, Problem
from postil.routing import hidden


def check_secrets(loaded: Loaded, environment: Mapping[str, str] = os.environ) -> None:
    """ConfigError with every secret of the machine that cannot be read; the server asks before it starts.

    Those of transports are only doubted: mail comes in, and can be read, whatever is wrong with a relay.
    """
    problems = []
    for path, secret in secrets.every(loaded.config):
        if path[0] in SECOND:
            continue
        try:
            secret.read(environment)
        except secrets.SecretError as error:
            problems.append(loaded.problem(Finding(path, str(error))))
    if problems:
        raise ConfigError(problems)


def doubts(loaded: Loaded, environment: Mapping[str, str] = os.environ) -> list[Problem]:
    """Warnings with their places, in the order of the fields."""
    config = loaded.config
    found: list[Finding] = [*_listeners(config), *_files(config), *_secrets(loaded, environment)]
    if _others_enter(config.data):
        what = f"every user of this machine can look into {config.data}, where mail and passwords lie: chmod o-rwx"
        found.append(Finding(("data",), what))
    if config.limits.connections_per_ip > config.limits.connections:
        what = f"more than `connections` allows in all ({config.limits.connections})"
        found.append(Finding(("limits", "connections_per_ip"), what))
    for at, domain in enumerate(config.domain):
        source = loaded.machine if at < loaded.in_machine else loaded.domains
        folder = Path(source.file).resolve().parent
        found += _domain(domain, ("domain", at), Path(config.data), folder)
    found += _routes(config)
    return [loaded.problem(one) for one in found]


def _routes(config: Config) -> Iterator[Finding]:
    for later, earlier in hidden(config.route):
        what = f"never gets anything: {config.route[earlier].name} before it takes all that would"
        yield Finding(("route", later), what)
    for at, one in enumerate(config.transport):
        if one.tls in ("starttls", "implicit") and not one.verify:
            what = "whoever stands between can read and change the mail"
            yield Finding(("transport", at, "verify"), what)


def _listeners(config: Config) -> Iterator[Finding]:
    for at, one in enumerate(config.listener):
        if one.tls == "none" and one.protocol in ("imap", "submission") and not _loopback(one):
            what = "without TLS no password is taken, so nobody can log in here"
            yield Finding(("listener", at, "tls"), what)
        if one.tls == "none" and one.protocol == "smtp" and not _loopback(one):
            yield Finding(("listener", at, "tls"), "other servers send in clear here; starttls costs nothing")  # fmt: skip
        if one.protocol == "http" and not _loopback(one) and one.tls == "none":
            what = "pages and metrics can be read by everybody on the way: use implicit, or loopback addresses"
            yield Finding(("listener", at, "tls"), what)
    if not any(one.protocol == "smtp" for one in config.listener):
        yield Finding(("listener",), "no port takes mail from other servers (protocol smtp)")


def _loopback(listener: Listener) -> bool:
    return all(ipaddress.ip_address(ip).is_loopback for ip in listener.ips)


def _files(config: Config) -> Iterator[Finding]:
    pairs: list[tuple[Steps, Tls | Chain]] = [(("tls",), config.tls)]
    pairs += [(("tls", "chain", at), one) for at, one in enumerate(config.tls.chain)]
    for path, pair in pairs:
        for field, name in (("certificate", pair.certificate), ("key", pair.key)):
            if not name:
                continue
            try:
                mode = os.stat(name).st_mode
            except OSError as error:
                yield Finding((*path, field), f"{name} cannot be read: {error.strerror}")
                continue
            if field == "key" and mode & stat.S_IROTH:
                what = f"{name} can be read by every user of this machine: chmod o-rw"
                yield Finding((*path, field), what)
            elif mode & stat.S_IWOTH:
                what = f"{name} can be changed by every user of this machine: chmod o-w"
                yield Finding((*path, field), what)


def _secrets(loaded: Loaded, environment: Mapping[str, str]) -> Iterator[Finding]:
    for path, secret in secrets.every(loaded.config):
        try:
            secret.read(environment)
        except secrets.SecretError as error:
            yield Finding(path, str(error))
            continue
        if (words := secret.warning()) is not None:
            yield Finding(path, words)
        file = loaded.place(path).file
        if secret.written_out and _others_read(file):
            what = f'a secret in a file that every user of this machine can read ({file}): use {{ file = "…" }}'
            yield Finding(path, what)


def _others_enter(folder: str) -> bool:
    try:
        return bool(os.stat(folder).st_mode & stat.S_IRWXO)
    except OSError:
        return False


def _others_read(file: str) -> bool:
    try:
        return bool(os.stat(file).st_mode & stat.S_IROTH)
    except OSError:
        return False


def _domain(domain: Domain, path: Steps, data: Path, folder: Path) -> Iterator[Finding]:
    if domain.dkim.selector:
        # Only here: asking for keys loads what commands without any need not.
        from postil.config import keys

        for at, one in enumerate(domain.dkim.selector):
            file = keys.file_of(one, domain.name, data, folder)
            if (words := keys.doubt(file, one.algorithm)) is not None:
                yield Finding((*path, "dkim", "selector", at), words)
    dmarc = domain.dmarc
    if dmarc is not None:
        if not dmarc.rua:
            yield Finding((*path, "dmarc"), "without `rua` nobody tells you what the policy does")
        strict = dmarc.p != "none" and not dmarc.t
        if strict and not any(one.state == "signing" for one in domain.dkim.selector):
            what = "no DKIM key signs, so others will treat honest mail from here as forged"
            yield Finding((*path, "dmarc", "p"), what)
        for at, uri in enumerate((*dmarc.rua, *dmarc.ruf)):
            if not uri.lower().startswith("mailto:"):
                # RFC 9989 §4.7: receivers must know mailto and ignore what they do not know.
                field = ("rua", at) if at < len(dmarc.rua) else ("ruf", at - len(dmarc.rua))
                yield Finding((*path, "dmarc", *field), "most senders of reports know mailto: only")
    sts = domain.mta_sts
    # RFC 8461 §3.2: "it is expected that this value typically be in the range of weeks or greater"
    if sts is not None and sts.mode == "enforce" and sts.max_age < DAY:
        what = "less than a day: whoever can suppress the policy that long need not break TLS"
        yield Finding((*path, "mta_sts", "max_age"), what)
