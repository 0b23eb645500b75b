"""What `postil caa` is asked about: a name, our CA and our account, by options or from the configuration.

Whatever is wrong here ends with status 2, since 1 is the verdict "may not".
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from postil.accounts.names import BadAddress, domain_key
from postil.caa.authorities import behind
from postil.caa.orders import Orders
from postil.caa.relevant import BadDomain, Subject
from postil.config import ConfigError, load
from postil.dns import BadServer, Server, StubResolver, of_system

DEFAULT: Final = "letsencrypt.org"
_Command = TypeVar("_Command", bound=Callable[..., Any])


class Domain(click.ParamType[Subject]):
    """A domain name, in Unicode or as A-labels."""

    name = "domain"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Subject:
        text = str(value)
        star = "*." if text.startswith("*.") else ""
        try:
            rest = text.removeprefix("*.")
            return Subject.parse(star + (rest if rest.isascii() else domain_key(rest)))
        except (BadDomain, BadAddress) as error:
            self.fail(str(error), param, ctx)


class Address(click.ParamType[Server]):
    """The address of a resolver."""

    name = "address[:port]"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Server:
        try:
            return Server.parse(str(value))
        except BadServer as error:
            self.fail(str(error), param, ctx)


def options(command: _Command) -> _Command:
    """Add what `check` and `suggest` share."""
    for decorate in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON for programs."),
        click.option(
            "--resolver",
            "server",
            type=Address(),
            help="The resolver to ask, such as 127.0.0.1 or [::1]:5353; default: those of the system. "
            "Only one on this machine is believed on signatures.",
        ),
        click.option(
            "--config",
            type=click.Path(path_type=Path, dir_okay=False),
            default=Path("postil.toml"),
            envvar="POSTIL_CONFIG",
            show_default=True,
            help="The configuration file that --provider is about; also from the environment variable POSTIL_CONFIG.",
        ),
        click.option(
            "--provider",
            metavar="NAME",
            help="An [[acme]] of the configuration: its account and its challenges are ours.",
        ),
        click.option(
            "--method",
            "methods",
            multiple=True,
            metavar="LABEL",
            help="How our CA validates: http-01, dns-01, tls-alpn-01 …; repeatable.",
        ),
        click.option(
            "--account-uri",
            "account_uris",
            multiple=True,
            metavar="URI",
            help="Our account at the CA, as ACME names it; repeatable.",
        ),
        click.option(
            "--issuer",
            "issuers",
            multiple=True,
            metavar="DOMAIN",
            help="The name of our CA in CAA records; repeatable for a CA with several names, the first is published. "
            f"Default: that of --provider, else {DEFAULT}.",
        ),
        click.argument("subject", metavar="DOMAIN", type=Domain()),
    ):
        command = decorate(command)
    return command


def orders(
    issuers: tuple[str, ...],
    account_uris: tuple[str, ...],
    methods: tuple[str, ...],
    provider: str | None,
    config: Path,
) -> Orders:
    """What the options say, and for what they leave out the account that the server orders with."""
    try:
        if provider is not None:
            ours = _provider(provider, config, issuers)
            issuers = ours.issuers
            account_uris += ours.account_uris
            methods = methods or ours.methods
        return Orders(issuers or (DEFAULT,), tuple(dict.fromkeys(account_uris)), methods)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _provider(name: str, path: Path, issuers: tuple[str, ...]) -> Orders:
    """The account and the methods of an [[acme]]; UsageError, since status 1 has a meaning here."""
    from postil.acme.files import ProviderFolder
    from postil.acme.issue import FOLDER
    from postil.acme.problem import AcmeError

    try:
        config = load(path)
        table = {one.name: one for one in config.acme}
        if name not in table:
            known = f"there is {', '.join(table)}" if table else "there is none"
            raise click.UsageError(f"{path} has no [[acme]] with the name {name}: {known}")
        directory = table[name].directory
        account = ProviderFolder(Path(config.data) / FOLDER, name).account()
    except (ConfigError, AcmeError) as error:
        raise click.UsageError(str(error)) from error
    except OSError as error:
        raise click.UsageError(f"{error.filename}: {error.strerror}") from error
    if account is None or not account.url or account.directory != directory:
        raise click.UsageError(
            f"there is no account at {name} yet: it is made with the first order, or name one with --account-uri instead"
        )
    if not issuers:
        authority = behind(directory)
        if authority is None:
            raise click.UsageError(
                f"the CA of {directory} is not known here: --issuer is the name that it wants in CAA records"
            )
        issuers = tuple(authority.issuers)
    return Orders(issuers, (account.url,), table[name].challenges)


def resolver(server: Server | None) -> StubResolver:
    """The resolver named, or those of the system."""
    try:
        return StubResolver((server,) if server is not None else of_system())
    except BadServer as error:
        raise click.UsageError(f"{error}: --resolver ADDRESS[:PORT]") from error
