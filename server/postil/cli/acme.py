"""`postil acme`: the certificates that come by ACME, and the accounts they are ordered with."""

from __future__ import annotations

import asyncio
import secrets
import sys
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from postil.acme import keys
from postil.acme.account import Accounts
from postil.acme.files import Ask, Corrupt, Kept, ProviderFolder
from postil.acme.issue import Issuer, Plan, Surroundings, connected, plans
from postil.acme.problem import AcmeError
from postil.acme.revoke import REASONS
from postil.acme.revoke import revoke as revoke_certificate
from postil.app.certs import surroundings
from postil.base.clock import SystemClock
from postil.cli import running, target
from postil.config import Config
from postil.config.acme import Provider, is_ip
from postil.ports.store import StoreUnavailable
from postil.store.lock import FolderLock

_LOOK: Final = 0.2  # seconds between looks whether the server has done what was asked
_WAIT: Final = 300  # an order takes seconds; validation that an authority tries again takes minutes

_Result = TypeVar("_Result")
_Command = TypeVar("_Command", bound=Callable[..., Any])


@click.group()
def command() -> None:
    """Certificates by ACME: show, renew, revoke; accounts at authorities."""


def _read(path: Path) -> Config:
    config = target.read_config(path)
    if not config.acme:
        raise click.ClickException(f"{path} has no [[acme]]: no authority to ask for certificates")
    return config


def _around(config: Config) -> Surroundings:
    return surroundings(config, SystemClock(), None, _say)


def _say(what: str, facts: Mapping[str, object]) -> None:
    """What happened on the way that is not the result."""
    if what == "put-aside":
        click.echo(f"{facts['reason']}; it is now {facts['file']}", err=True)
    elif what in ("left-behind", "lost"):
        click.echo(f"{what}: {facts.get('reason') or facts.get('file')}", err=True)


def _chosen(config: Config, names: Sequence[str]) -> list[Plan]:
    """The certificates that the words mean, by one of their names or by their label; all without words."""
    every = plans(config.acme, config.acme_certificate)
    if not names:
        return every
    chosen: list[Plan] = []
    for name in names:
        found = [
            plan
            for plan in every
            if name in (plan.label, plan.certificate.label, *plan.certificate.names)
        ]
        if not found:
            known = ", ".join(plan.label for plan in every)
            raise click.ClickException(f"no certificate is for {name}: there is {known}")
        chosen += [plan for plan in found if plan not in chosen]
    return chosen


def _note(config: Config, name: str, action: str, done: dict[str, object]) -> None:
    """What cannot be seen in a file of ours is in the log of changes."""
    data = Path(config.data)
    running.noted(data, lambda database: database.log.note_certificate(name, action, done))


def _run(work: Coroutine[Any, Any, _Result]) -> _Result:
    try:
        return asyncio.run(work)
    except AcmeError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise click.ClickException(f"{where}{error.strerror or error}") from error


def _time(seconds: float | None) -> str | None:
    if not seconds:
        return None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# --- status


@command.command()
@click.argument("names", nargs=-1)
@target.config_options
def status(names: tuple[str, ...], config: Path, as_json: bool) -> None:
    """Show the certificates for NAMES, or all: until when, when the next, what failed, TLSA data of the keys."""
    settings = _read(config)
    around = _around(settings)
    rows = [_row(plan, around) for plan in _chosen(settings, names)]
    target.show(rows, as_json, lambda: "\n\n".join(map(_text, rows)))
    if any(row["error"] for row in rows):
        raise SystemExit(1)


def _row(plan: Plan, around: Surroundings) -> dict[str, Any]:
    """One certificate as JSON shows it; nothing on disk changes."""
    issuer = Issuer(plan, around)
    row: dict[str, Any] = {
        "certificate": plan.label,
        "provider": plan.provider.name,
        "names": list(plan.certificate.names),
        "key_type": plan.certificate.key_type,
        "error": None,
    }
    try:
        kept = issuer.folder.state()
    except (AcmeError, OSError) as error:
        return {**row, "error": str(error)}
    due = issuer.due(kept)
    row |= {"next_order": _time(due.at) or "now", "why": due.why, "certificate_file": None}
    if kept is None:
        return row
    folder = issuer.folder.path
    window = kept.window
    return {
        **row,
        "certificate_file": str(folder / kept.chain) if kept.chain else None,
        "key_file": str(folder / kept.key),
        "issuer": kept.issuer,
        "issued": _time(kept.issued),
        "not_after": _time(kept.not_after),
        "revoked": kept.revoked,
        "failures": kept.failed,
        "last": None
        if kept.last is None
        else {
            "at": _time(kept.last.at),
            "ok": kept.last.ok,
            "what": kept.last.what,
            "problem": kept.last.problem,
        },
        "window": None
        if window.chosen is None
        else {
            "start": _time(window.start),
            "end": _time(window.end),
            "chosen": _time(window.chosen),
            "explanation": window.explanation,
        },
        "tlsa": {
            which: _tlsa(issuer, name)
            for which, name in (
                ("current", kept.key),
                ("next", kept.next_key),
                ("previous", kept.previous_key),
            )
            if name
        },
    }


def _tlsa(issuer: Issuer, name: str) -> str | None:
    """The data of a TLSA record for the key (RFC 7671 §5.1): DANE-EE, the key alone, SHA-256."""
    try:
        pem = issuer.folder.octets(name)
        return f"3 1 1 {keys.digest(keys.load(pem))}" if pem is not None else None
    except (AcmeError, keys.BadKey):
        return None


def _text(row: Mapping[str, Any]) -> str:
    lines = [f"{row['certificate']}: {', '.join(row['names'])} ({row['key_type']})"]
    if row["error"]:
        return "\n".join([*lines, f"  {row['error']}"])
    if row["certificate_file"]:
        revoked = ", revoked" if row["revoked"] else ""
        lines.append(f"  until {row['not_after']}, from {row['issuer']}{revoked}")
        lines.append(f"  {row['certificate_file']}")
    else:
        lines.append("  not there yet")
    lines.append(f"  next order {row['next_order']}: {row['why']}")
    if row.get("window"):
        why = f" ({row['window']['explanation']})" if row["window"]["explanation"] else ""
        lines.append(
            f"  the authority suggests {row['window']['start']} to {row['window']['end']}{why}"
        )
    if row.get("last") and not row["last"]["ok"]:
        lines.append(f"  last try {row['last']['at']} failed: {row['last']['what']}")
    lines += [f"  TLSA {which}: {data}" for which, data in row.get("tlsa", {}).items() if data]
    return "\n".join(lines)


# --- renew


@command.command()
@click.argument("names", nargs=-1)
@click.option(
    "--new-key", is_flag=True, help="Take the next key, whose TLSA record `status` shows."
)
@click.option(
    "--wait",
    type=click.IntRange(1, 3600),
    default=_WAIT,
    show_default=True,
    help="Seconds to wait for a running server's answer.",
)
@target.config_options
def renew(names: tuple[str, ...], new_key: bool, wait: int, config: Path, as_json: bool) -> None:
    """Order the certificates for NAMES, or all, anew and now, whatever is due.

    A running server does it, since it has the ports where authorities look. Where none runs, only dns-01 can be done.
    """
    settings = _read(config)
    chosen = _chosen(settings, names)
    around = _around(settings)
    serving = _serving(Path(settings.data))
    if not serving:
        for plan in chosen:
            _check_alone(plan)
    results = []
    for plan in chosen:
        issuer = Issuer(plan, around)
        error = _ask(issuer, new_key, wait) if serving else _order(issuer, new_key)
        if error is None:
            _note(settings, plan.label, "renew", {"new_key": new_key})
        results.append({**_row(plan, around), "ok": error is None, "failure": error})

    def text() -> str:
        return "\n\n".join(
            _text(row) if row["ok"] else f"{row['certificate']}: {row['failure']}"
            for row in results
        )

    target.show(results, as_json, text)
    if not all(row["ok"] for row in results):
        raise SystemExit(1)


def _serving(data: Path) -> bool:
    """Does a server work on the folder?"""
    if not data.is_dir():
        return False
    try:
        FolderLock(data).release()
    except StoreUnavailable:
        return True
    return False


def _check_alone(plan: Plan) -> None:
    addresses = [name for name in plan.certificate.names if is_ip(name)]
    if "dns-01" not in plan.provider.challenges or addresses:
        raise click.ClickException(
            f"{plan.label} is proved at the server's ports, and no server runs: start it, it orders by itself"
        )


def _order(issuer: Issuer, new_key: bool) -> str | None:
    """Here and now; why not, if not."""
    try:
        asyncio.run(issuer.order(new_key=new_key))
    except AcmeError as error:
        return str(error)
    return None


def _ask(issuer: Issuer, new_key: bool, wait: int) -> str | None:
    """By the server that runs; why not, if not."""
    ask = Ask(id=secrets.token_hex(8), new_key=new_key)
    issuer.folder.ask(ask)
    until = time.monotonic() + wait
    while time.monotonic() < until:
        try:
            kept = issuer.folder.state()
        except Corrupt:
            kept = None  # the server puts it aside and goes on
        if kept is not None and kept.last is not None and kept.last.ask == ask.id:
            return None if kept.last.ok else kept.last.what
        time.sleep(_LOOK)
    return (
        f"the server has not answered in {wait} seconds; its log and `postil acme status` tell more"
    )


# --- account


@command.command()
@click.argument("provider", required=False)
@click.option("--change-key", is_flag=True, help="Give the account another key.")
@click.option(
    "--new", is_flag=True, help="Make another account; the file of the one before is kept aside."
)
@click.option("--deactivate", is_flag=True, help="End the account at the authority, for good.")
@target.config_options
def account(
    provider: str | None, change_key: bool, new: bool, deactivate: bool, config: Path, as_json: bool
) -> None:
    """Show the account at PROVIDER (the first [[acme]] when left out), change its key, end it, or make another."""
    if change_key + new + deactivate > 1:
        raise click.UsageError("one of --change-key, --new and --deactivate at a time")
    settings = _read(config)
    known = {one.name: one for one in settings.acme}
    if provider is not None and provider not in known:
        raise click.ClickException(f"there is no [[acme]] {provider}: there is {', '.join(known)}")
    chosen = known[provider] if provider is not None else settings.acme[0]
    around = _around(settings)

    async def work(accounts: Accounts, folder: ProviderFolder) -> dict[str, Any]:
        if deactivate:
            aside = await accounts.deactivate()
            return {"provider": chosen.name, "status": "deactivated", "file": str(aside)}
        if new:
            if folder.exists():
                click.echo(f"the account before is now {folder.put_account_aside()}", err=True)
            await accounts.ready()
        elif change_key:
            await accounts.change_key()
        kept, found = await accounts.show()
        return {
            "provider": chosen.name,
            "directory": kept.directory,
            "url": kept.url,
            "status": found.status,
            "contact": found.contact or [],
        }

    row = _run(_with_account(chosen, around, work))
    done = {"deactivate": deactivate, "new": new, "change-key": change_key}
    for what in (name for name, asked in done.items() if asked):
        _note(settings, chosen.name, f"account.{what}", {"status": row["status"]})

    def text() -> str:
        if deactivate:
            return f"{chosen.name}: the account is deactivated; its file is now {row['file']}"
        contact = ", ".join(row["contact"]) or "no contact"
        return f"{chosen.name}: {row['url']}\n  {row['status']}, {contact}"

    target.show(row, as_json, text)


async def _with_account(
    provider: Provider,
    around: Surroundings,
    work: Callable[[Accounts, ProviderFolder], Coroutine[Any, Any, dict[str, Any]]],
) -> dict[str, Any]:
    folder = ProviderFolder(around.root, provider.name)
    with folder.locked():
        async with connected(provider, around) as session:
            accounts = Accounts(provider, folder, session, around.environment, around.tell)
            return await work(accounts, folder)


# --- revoke


@command.command()
@click.argument("name")
@click.option(
    "--reason",
    type=click.Choice(list(REASONS)),
    default="unspecified",
    show_default=True,
    help="What the authority publishes; keyCompromise also retires the key.",
)
@click.option(
    "--by-key", is_flag=True, help="Sign with the certificate's own key, where the account is lost."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@target.config_options
def revoke(name: str, reason: str, by_key: bool, yes: bool, config: Path, as_json: bool) -> None:
    """Revoke the certificate for NAME; a running server orders another one at once."""
    if not yes:
        if not sys.stdin.isatty():
            raise click.ClickException(
                "a revoked certificate cannot be taken back: confirm with --yes"
            )
        click.confirm("A revoked certificate cannot be taken back. Go on?", abort=True, err=True)
    settings = _read(config)
    found = _chosen(settings, [name])
    if len(found) > 1:
        labels = ", ".join(plan.label for plan in found)
        raise click.ClickException(f"{name} is in several certificates, name one: {labels}")
    around = _around(settings)
    kept: Kept = _run(revoke_certificate(Issuer(found[0], around), around, reason, by_key=by_key))
    _note(settings, found[0].label, "revoke", {"reason": reason})
    row = {"certificate": found[0].label, "revoked": True, "file": kept.chain, "reason": reason}
    target.show(row, as_json, lambda: f"{found[0].label} is revoked")
