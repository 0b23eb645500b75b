"""`postil caa`: may our CA issue for a name, and which records keep others from it."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from postil.accounts.names import BadAddress, domain_key
from postil.acme.files import ProviderFolder
from postil.acme.issue import FOLDER
from postil.acme.problem import AcmeError
from postil.caa import suggest as suggestion
from postil.caa.advice import Advice, advise
from postil.caa.orders import Orders
from postil.caa.properties import Property
from postil.caa.relevant import BadDomain, Relevant, Signing, Subject, find
from postil.caa.suggest import PROTECTS, Place
from postil.caa.verdict import May, Verdict, judge
from postil.caa.zonefile import data, line
from postil.cli import target
from postil.dns import BadServer, Server, StubResolver, of_system
from postil.ports.resolver import A, Aaaa, Answer, Caa, Mx, Resolver

_CONFIG: Final = Path("postil.toml")
_USUAL: Final = "letsencrypt.org"  # whose names are asked for where nothing says another

STATUS = {May.YES: 0, May.NO: 1, May.UNKNOWN: 2}
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


def _options(command: _Command) -> _Command:
    for decorate in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON for programs."),
        click.option(
            "--resolver",
            "server",
            type=Address(),
            help="The resolver to ask, such as 127.0.0.1 or [::1]:5353; default: those of the configuration, else of the system. "
            "Only one on this machine is believed on signatures.",
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
            help="The name of our CA in CAA records; repeatable for a CA with several names, the first is published. Default, as of the account and the "
            "methods: those of the [[acme]] in the configuration that orders the name, or of the first; without a configuration letsencrypt.org.",
        ),
        click.option(
            "--config",
            type=click.Path(path_type=Path, dir_okay=False),
            envvar="POSTIL_CONFIG",
            help="The configuration file; default ./postil.toml if there is one, else none is needed.",
        ),
        click.argument("subject", metavar="DOMAIN", type=Domain()),
    ):
        command = decorate(command)
    return command


@click.group()
def command() -> None:
    """CAA records: may our CA issue for a name, which records keep others from it."""


@command.command()
@click.option("--wildcard", is_flag=True, help="For *.DOMAIN instead of DOMAIN.")
@_options
def check(
    subject: Subject,
    wildcard: bool,
    issuers: tuple[str, ...],
    account_uris: tuple[str, ...],
    methods: tuple[str, ...],
    server: Server | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """May our CA issue for DOMAIN, why, by which record; and who else could get a certificate.

    Status 0: it may; 1: it may not; 2: cannot tell, because the DNS does not answer, because a record demands an account or a method and
    neither --account-uri or --method nor the configuration names ours, or because the call is wrong.
    """
    ours = _ours(config, subject)
    orders = _orders(ours, issuers, account_uris, methods)
    resolver = _resolver(server, ours)
    subject = Subject(subject.name, subject.wildcard or wildcard)
    relevant, above = asyncio.run(_search(subject, resolver))
    verdict = judge(relevant, orders, wildcard=subject.wildcard)
    warnings = advise(relevant, orders, wildcard=subject.wildcard, above=above)
    value = _as_dict(subject, relevant, verdict, warnings, orders)
    target.show(value, as_json, lambda: _as_text(subject, relevant, verdict, warnings, orders))
    raise SystemExit(STATUS[verdict.may])


async def _search(subject: Subject, resolver: Resolver) -> tuple[Relevant, Relevant | None]:
    """What is relevant for the name, and for its parent, whose wildcard certificate would do as well."""
    relevant = await find(subject.name, resolver)
    parent = subject.name.partition(".")[2]
    if subject.wildcard or "." not in parent:
        return relevant, None
    return relevant, await find(parent, resolver)


@dataclass(frozen=True, slots=True)
class _Ours:
    """What the configuration of this machine says; every field empty without one."""

    issuers: tuple[str, ...] = ()
    account_uris: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    resolvers: tuple[Server, ...] = ()


def _ours(path: Path | None, subject: Subject) -> _Ours:
    """The authority that orders the name, or the first one, and our account there as far as it is known."""
    if path is None:
        path = _CONFIG
        if not path.exists():
            return _Ours()
    config = target.read_config(path)
    resolvers = tuple(map(Server.parse, config.dns.resolvers))
    if not config.acme:
        return _Ours(resolvers=resolvers)
    providers = {one.name: one for one in config.acme}
    wanted = [one.provider for one in config.acme_certificate if str(subject) in one.names]
    provider = providers[wanted[0]] if wanted else config.acme[0]
    try:
        kept = ProviderFolder(Path(config.data) / FOLDER, provider.name).account()
    except (AcmeError, OSError) as error:
        raise click.ClickException(str(error)) from error
    if kept is None or kept.directory != provider.directory:
        return _Ours(methods=provider.challenges, resolvers=resolvers)
    uris = (kept.url,) if kept.url else ()
    return _Ours(tuple(kept.caa), uris, provider.challenges, resolvers)


def _orders(
    ours: _Ours, issuers: tuple[str, ...], account_uris: tuple[str, ...], methods: tuple[str, ...]
) -> Orders:
    # An account belongs to an authority: with another issuer it is not ours any more.
    known = ours if not issuers or set(issuers) <= set(ours.issuers) else _Ours()
    try:
        return Orders(
            issuers or known.issuers or (_USUAL,),
            account_uris or known.account_uris,
            methods or known.methods,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _resolver(server: Server | None, ours: _Ours) -> StubResolver:
    try:
        return StubResolver((server,) if server is not None else ours.resolvers or of_system())
    except BadServer as error:
        raise click.UsageError(f"{error}: --resolver ADDRESS[:PORT]") from error


def _signed(answer: Answer[Caa]) -> str:
    return "signed" if answer.authenticated else "not known to be signed"


def _as_text(
    subject: Subject,
    relevant: Relevant,
    verdict: Verdict,
    warnings: list[Advice],
    orders: Orders,
) -> str:
    said = {May.YES: "may issue", May.NO: "may not issue", May.UNKNOWN: "cannot tell"}
    lines = [f"{subject}: {orders.issuers[0]}: {said[verdict.may]}: {verdict.why}"]
    if verdict.property is not None:
        lines.append(f"  record: {line(relevant.at, verdict.property.record)}")
    for step in relevant.steps:
        alias = f", an alias of {step.canonical}" if len(step.chain) > 1 else ""
        lines.append(f"  asked: {step.chain[0]}{alias}: {step.outcome.value}, {_signed(step)}")
    if verdict.methods:
        lines.append(f"  methods: {', '.join(verdict.methods)}")
    lines += [f"warning: {one.text}" for one in warnings]
    return "\n".join(lines)


def _record(at: str, one: Property | None) -> dict[str, object] | None:
    if one is None:
        return None
    return {"name": at, **_caa(one.record)}


def _caa(record: Caa) -> dict[str, object]:
    # What no grammar bounds is shown as in a zone file, since JSON knows no octets.
    return {
        "flags": record.flags,
        "tag": record.tag,
        "value": data(record).split('"', 1)[1].removesuffix('"'),
    }


def _as_dict(
    subject: Subject,
    relevant: Relevant,
    verdict: Verdict,
    warnings: list[Advice],
    orders: Orders,
) -> dict[str, object]:
    return {
        "subject": str(subject),
        "may_issue": {May.YES: True, May.NO: False, May.UNKNOWN: None}[verdict.may],
        "why": verdict.why,
        "record": _record(relevant.at, verdict.property),
        "methods": list(verdict.methods),
        "issuers": list(orders.issuers),
        "account_uris": list(orders.account_uris),
        "found_at": relevant.at or None,
        "alias_of": relevant.alias_of or None,
        "records": [_caa(one.record) for one in relevant.properties],
        "signing": relevant.signing.name.lower(),
        "asked": [
            {
                "name": step.chain[0],
                "outcome": step.outcome.name.lower(),
                "authenticated": step.authenticated,
                "why": step.why,
            }
            for step in relevant.steps
        ],
        "warnings": [{"code": one.code, "text": one.text} for one in warnings],
    }


@command.command()
@click.option(
    "--host",
    "hosts",
    multiple=True,
    type=Domain(),
    metavar="NAME",
    help="The mail host, the name in clients' settings; repeatable. Default: the mail hosts (MX) below DOMAIN.",
)
@_options
def suggest(
    subject: Subject,
    hosts: tuple[Subject, ...],
    issuers: tuple[str, ...],
    account_uris: tuple[str, ...],
    methods: tuple[str, ...],
    server: Server | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Records that let only our account at our CA get certificates, for DOMAIN and its mail names.

    Printed as lines of a zone, with what they do not do and what is in their way as comments.
    """
    if subject.wildcard or any(one.wildcard for one in hosts):
        raise click.UsageError("records stand at a name itself: leave out the *.")
    ours = _ours(config, subject)
    orders = _orders(ours, issuers, account_uris, methods)
    resolver = _resolver(server, ours)
    try:
        wanted = suggestion.records(orders)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    places, signing, notes = asyncio.run(_look(subject.name, hosts, wanted, resolver))
    gaps = suggestion.gaps(orders, signing)
    value = {
        "domain": subject.name,
        "records": [
            {"name": one.name, **_caa(record), "line": line(one.name, record)}
            for one in places
            for record in one.records
        ],
        "signing": signing.name.lower(),
        "gaps": gaps,
        "notes": notes,
    }
    target.show(value, as_json, lambda: _zone(places, gaps, notes))


async def _look(
    domain: str, hosts: tuple[Subject, ...], wanted: tuple[Caa, ...], resolver: Resolver
) -> tuple[list[Place], Signing, list[str]]:
    """The places, whether the domain is signed, and what to know."""
    notes = []
    machines = [one.name for one in hosts]
    if not hosts:
        answer = await resolver.query(domain, Mx)
        exchanges = [one.exchange for one in answer.records]
        machines = [name for name in exchanges if name.endswith(f".{domain}")]
        outside = [name for name in exchanges if name not in machines and name not in (".", domain)]
        notes += [
            f"The mail host {name} is not below {domain}: if it is your machine, add --host {name}."
            for name in outside
        ]
        if not exchanges:
            why = f"{answer.outcome.value}: {answer.why}" if answer.why else answer.outcome.value
            notes.append(f"No mail host (MX) of {domain} was found ({why}): name it with --host.")
    if await _wildcard(domain, resolver):
        notes.append(
            f"The zone has records at *.{domain}. They do not count for a name that has a record of its own: at a name that has its address from "
            "them, publish the address as well."
        )
    found = await asyncio.gather(
        *(find(name, resolver) for name in suggestion.names(domain, machines))
    )
    places = [suggestion.place(one, wanted) for one in found]
    notes += [note for one in places for note in one.notes]
    return places, found[0].signing, notes


async def _wildcard(domain: str, resolver: Resolver) -> bool:
    """Would a new record at a name hide others? RFC 4592 §2.2.1."""
    v4, v6 = await asyncio.gather(
        resolver.query(f"*.{domain}", A), resolver.query(f"*.{domain}", Aaaa)
    )
    return bool(v4.records or v6.records or len(v4.chain) > 1)


def _zone(places: list[Place], gaps: list[str], notes: list[str]) -> str:
    def comment(text: str) -> list[str]:
        return textwrap.wrap(
            text, 100, initial_indent="; ", subsequent_indent="; ", break_long_words=False
        )

    lines = comment(PROTECTS)
    lines += [line(one.name, record) for one in places for record in one.records]
    for text in (*gaps, *notes):
        lines += comment(text)
    return "\n".join(lines)
