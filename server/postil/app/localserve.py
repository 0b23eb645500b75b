"""Localserve: a whole mail server on this machine, for people who write programs that send or read mail.

Nothing to configure: ports above 1024, one account with a published password, every address exists, certificate of
its own. Because everybody knows the password it serves the loopback addresses and nothing else.
"""

from __future__ import annotations

import contextlib
import ipaddress
import shlex
from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from postil.accounts import AccountsDatabase, Administration
from postil.app import directory
from postil.app.server import DATABASE, FAILED_LOGIN_WAIT, Server, Variant, serving
from postil.base.clock import SystemClock
from postil.config import Config
from postil.config.domain import Domain
from postil.config.model import Limits, Listener
from postil.net.certificates import CERTIFICATE_FILE
from postil.ports.accounts import Accounts
from postil.web.application import Port, Trial, Welcome

FOLDER: Final = Path("localserve")
# Where the documentation is built, in a checkout; nowhere when installed from a wheel.
SITE: Final = Path("build") / "site"  # where `make site` and `make run` build the pages

# name, what for, protocol, port without the offset, TLS
PORTS: Final = (
    ("smtp", "SMTP", "smtp", 1025, "starttls"),
    ("submission", "Submission", "submission", 1587, "starttls"),
    ("submissions", "Submission", "submission", 1465, "implicit"),
    ("imap", "IMAP", "imap", 1143, "starttls"),
    ("imaps", "IMAP", "imap", 1993, "implicit"),
    ("http", "HTTP", "http", 1080, "none"),
    ("https", "HTTPS", "http", 1443, "implicit"),
)
_TLS_WORDS: Final = {"starttls": "STARTTLS", "implicit": "TLS", "none": "plain"}


class NotLoopback(Exception):
    """Somebody wants to offer a published password to a network."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    folder: Path = FOLDER
    port_offset: int = 0
    ip: str = "127.0.0.1"
    any_port: bool = False  # for tests: the kernel chooses
    docs: Path = SITE
    grace: float = 2.0
    login_wait: float = FAILED_LOGIN_WAIT  # seconds before a wrong login is answered


def check_ip(ip: str) -> str:
    """The address as the kernel writes it; NotLoopback for every other than this machine's own."""
    try:
        address = ipaddress.ip_address(ip.strip("[]"))
    except ValueError:
        raise NotLoopback(f"{ip!r} is no IP address: use 127.0.0.1 (the default) or ::1") from None
    if not address.is_loopback:
        raise NotLoopback(
            f"{address} can be reached by others, and localserve has a published password and takes mail for"
            " any address: use 127.0.0.1 or ::1, or `postil serve` with a configuration of your own"
        )
    return str(address)


def config_for(options: Options) -> Config:
    """The configuration that localserve amounts to."""
    return Config(
        hostname="localhost",
        data=str(options.folder),
        domain=(Domain(name=directory.DOMAIN, postmaster=directory.LOGIN),),
        listener=tuple(
            Listener(
                protocol=protocol,  # type: ignore[arg-type]
                port=port + options.port_offset,
                tls=tls,  # type: ignore[arg-type]
                ips=(options.ip,),
                name=name,
                # A program under test may know this machine by a name of its own.
                sni="fallback" if tls != "none" else "",
            )
            for name, _, protocol, port, tls in PORTS
        ),
        limits=Limits(free_space=64 * 1024 * 1024),
    )


def trials(ports: dict[str, int], ip: str, certificate: Path) -> tuple[Trial, ...]:
    """Lines that work when pasted into a shell."""
    host = f"[{ip}]" if ":" in ip else ip
    user = f"--user {directory.LOGIN}:{directory.PASSWORD}"
    trust = f"--cacert {shlex.quote(str(certificate))}"
    swaks = f"swaks --server {shlex.quote(host)}"
    return (
        Trial(
            "Send a message, to any address",
            f"{swaks} --port {ports['smtp']} --from me@example.org --to you@example.net"
            " --header 'Subject: Hello' --body 'It works.'",
        ),
        Trial(
            "Submit with a login, over TLS",
            f"{swaks} --port {ports['submission']} --tls --auth PLAIN --auth-user {directory.LOGIN}"
            f" --auth-password {directory.PASSWORD} --from {directory.LOGIN} --to you@example.net",
        ),
        Trial(
            "Count the messages",
            f"curl {user} 'imap://{host}:{ports['imap']}/' --request 'STATUS INBOX (MESSAGES UNSEEN)'",
        ),
        Trial(
            "Read the newest, over TLS with the certificate checked",
            f"curl {trust} {user} 'imaps://{host}:{ports['imaps']}/INBOX;MAILINDEX=*'",
        ),
        Trial(
            "Search",
            f"curl {user} 'imap://{host}:{ports['imap']}/INBOX?SUBJECT%20Hello'",
        ),
    )


def welcome(options: Options, ports: dict[str, int], certificate: Path) -> Welcome:
    """What the terminal and the start page say."""
    return Welcome(
        version=version("postil"),
        host=options.ip,
        login=directory.LOGIN,
        password=directory.PASSWORD,
        data=options.folder.resolve(),
        certificate=certificate.resolve(),
        ports=tuple(Port(use, ports[name], _TLS_WORDS[tls]) for name, use, _, _, tls in PORTS),
        trials=trials(ports, options.ip, certificate.resolve()),
    )


@contextlib.asynccontextmanager
async def localserving(options: Options) -> AsyncIterator[Server]:
    """A running localserve; leaving the block stops it."""

    async def everyone(known: AccountsDatabase) -> Accounts:
        administration = await Administration.open(options.folder / DATABASE, clock=SystemClock())
        try:
            account = await directory.everybody(known, administration)
        finally:
            await administration.close()
        return directory.EveryAddress(known, account)

    variant = Variant(
        plaintext_login=True,
        directory=everyone,
        welcome=lambda ports, certificate: welcome(options, ports, certificate),
        any_port=options.any_port,
        local=True,
        certificate_names=("localhost", "127.0.0.1", "::1"),
        site=options.docs,
        grace=options.grace,
        login_wait=options.login_wait,
    )
    async with serving(config_for(options), variant) as server:
        yield server


def text(said: Welcome, admin_password: str = directory.ADMIN_PASSWORD) -> str:
    """What `postil localserve` prints once it is ready."""
    ports = {(port.use, port.tls): port.number for port in said.ports}
    host = f"[{said.host}]" if ":" in said.host else said.host
    lines = [
        f"Postil {said.version} is running on {said.host}; mail to any address lands in one account.",
        "",
        f"  Web page    http://{host}:{ports['HTTP', 'plain']}/   https://{host}:{ports['HTTPS', 'TLS']}/",
        f"  SMTP        {ports['SMTP', 'STARTTLS']} (STARTTLS)",
        f"  Submission  {ports['Submission', 'STARTTLS']} (STARTTLS), {ports['Submission', 'TLS']} (TLS)",
        f"  IMAP        {ports['IMAP', 'STARTTLS']} (STARTTLS), {ports['IMAP', 'TLS']} (TLS)",
        f"  Account     {said.login}, password {said.password}; admin password {admin_password}",
        f"  Data        {said.data}",
        f"  Certificate {said.certificate} (self-signed)",
        "",
    ]
    for trial in said.trials:
        lines += [f"{trial.purpose}:", f"  {trial.command}", ""]
    lines.append("Ctrl-C stops it.")
    return "\n".join(lines)


__all__ = ["CERTIFICATE_FILE", "Options", "localserving", "text", "welcome"]
