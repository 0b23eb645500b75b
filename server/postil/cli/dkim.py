"""`postil domain dkim`: keys to sign a domain's mail with, and how they are replaced. Nothing signs yet."""

from __future__ import annotations

import contextlib
import datetime
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from postil.cli import running, target
from postil.cli.group import Verbs
from postil.config import ConfigError, Loaded, names, rotation
from postil.config.change import Changed, Domains, Refused
from postil.config.domain import Algorithm, Domain, Selector
from postil.config.edit import Document
from postil.config.locate import Path as Steps

BOTH: tuple[Algorithm, ...] = ("ed25519", "rsa")


@click.group("dkim", cls=Verbs)
def group() -> None:
    """DKIM keys of a domain: add, list, rotate, remove. Mail is not signed yet; keys and records can be ready."""


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0)


def key_file(loaded: Loaded, at: int, domain: Domain, selector: Selector) -> Path:
    """The private key of a selector of the domain with that number."""
    source = loaded.machine if at < loaded.in_machine else loaded.domains
    from postil.config import keys

    folder = Path(source.file).resolve().parent
    return keys.file_of(selector, domain.name, Path(loaded.config.data), folder)


def public(loaded: Loaded, at: int, domain: Domain, selector: Selector) -> bytes:
    """The public key of a selector; BadKey names the file."""
    from postil.config import keys

    return keys.read_public(key_file(loaded, at, domain, selector), selector.algorithm)


class _Maker:
    """Makes keys as a change asks for them: each once, however often the change is tried, and none is left when it fails."""

    def __init__(self, selector: str = "") -> None:
        self.now = _now()
        self._selector = selector
        self._made: dict[str, tuple[Selector, Path]] = {}

    def make(self, algorithm: Algorithm, loaded: Loaded, domain: Domain) -> Selector:
        """A new key in its file, and what stands in domains.toml about it."""
        from postil.config import keys

        if algorithm in self._made:
            return self._made[algorithm][0]
        if self._selector and not names.selector(self._selector):  # before it is a file's name
            raise Refused(
                f"{self._selector!r} is no selector: letters, digits, hyphens, dots between"
            )
        data = Path(loaded.config.data)
        if not data.is_dir():
            data.mkdir(parents=True, mode=0o700)
        pem = keys.generate(algorithm)
        while True:
            name = self._selector or rotation.new_name(algorithm, self.now, secrets.token_bytes(2))
            made = Selector(name=name, algorithm=algorithm, state="next", since=self.now)
            file = keys.file_of(made, domain.name, data, data)
            try:
                keys.write(file, pem, data)
                break
            except FileExistsError:
                if self._selector:
                    raise Refused(f"{file} exists already: choose another selector") from None
            except OSError as error:
                raise Refused(f"{file} cannot be written: {error.strerror}") from error
        self._made[algorithm] = made, file
        return made

    def run(self, domains: Domains, work: Callable[[Document, Loaded], None]) -> Changed:
        """The change. When it fails there are no keys either, but for those that the file names all the same.

        (It can have been written before something failed: the sync of its folder, somebody's Ctrl-C.)
        """
        from postil.config import keys

        try:
            return domains.change(work)
        except BaseException:
            with contextlib.suppress(ConfigError):
                every = domains.read().config.domain
                named = {one.name for domain in every for one in domain.dkim.selector}
                for made, file in self._made.values():
                    if made.name not in named:
                        keys.remove(file)
            raise


def _row(selector: Selector) -> dict[str, Any]:
    return {
        "name": selector.name,
        "algorithm": selector.algorithm,
        "state": selector.state,
        "since": selector.since,
    }


def _find(document: Document, row: Steps, name: str) -> Steps:
    inner: Any = document.data
    for step in (*row, "dkim", "selector"):
        inner = inner[step]
    return (*row, "dkim", "selector", [one["name"] for one in inner].index(name))


def _told(loaded: Loaded, name: str, selector: str) -> dict[str, object]:
    """A key as JSON shows it, with the record to publish."""
    from postil.config.keys import BadKey
    from postil.config.records import dkim

    at, domain = Domains(Path(loaded.machine.file)).find(loaded, name)
    one = next(one for one in domain.dkim.selector if one.name == selector)
    out: dict[str, object] = {
        **_row(one),
        "since": one.since.isoformat(),
        "key": str(key_file(loaded, at, domain, one)),
    }
    try:
        record = dkim.record(one.name, domain.name, one.algorithm, public(loaded, at, domain, one))
        out["record"] = record.as_json()
    except BadKey as error:
        out["problem"] = str(error)
    return out


def _line(told: dict[str, object]) -> str:
    record = told.get("record")
    return str(record["line"]) if isinstance(record, dict) else f"; {told['problem']}"


@group.command()
@click.argument("name", metavar="DOMAIN")
@click.option(
    "--algorithm",
    "algorithms",
    type=click.Choice(BOTH),
    multiple=True,
    help="Make a key of this kind only; default one of each.",
)
@click.option(
    "--selector", default="", help="The selector's name; default made of the day and chance."
)
@target.config_options
def add(
    name: str, algorithms: tuple[Algorithm, ...], selector: str, config: Path, as_json: bool
) -> None:
    """Make the first keys of DOMAIN and print the records to publish; a kind that has a key gets none."""
    if selector and len(algorithms) != 1:
        raise click.UsageError("--selector names one key: say which with --algorithm")
    domains, maker = Domains(config), _Maker(selector)
    new: list[str] = []

    def work(document: Document, loaded: Loaded) -> None:
        new.clear()
        row, domain = domains.row(loaded, name)
        for algorithm in algorithms or BOTH:
            if algorithm not in rotation.algorithms(domain.dkim):
                made = maker.make(algorithm, loaded, domain)
                document.add((*row, "dkim", "selector"), _row(made))
                new.append(made.name)

    changed = _refusing(lambda: maker.run(domains, work))
    told = [_told(changed.loaded, name, one) for one in new]
    said = "\n".join(["; publish this, then: postil domain dkim rotate " + name, *map(_line, told)])
    running.finish(
        changed,
        {"name": name, "keys": told},
        said if told else f"{name} has these keys already: postil domain dkim ls {name}",
        as_json=as_json,
    )


def _refusing(work: Callable[[], Changed]) -> Changed:
    try:
        return work()
    except (Refused, ConfigError) as error:
        raise click.ClickException(str(error)) from error


@group.command()
@click.argument("name", metavar="DOMAIN")
@click.option(
    "--now", "early", is_flag=True, help="Do not wait for the DNS and for mail under way."
)
@target.config_options
def rotate(name: str, early: bool, config: Path, as_json: bool) -> None:
    """Take the next step with the keys of DOMAIN: make new ones, switch to them, remove the old; each when it is time.

    Run it again when it says so. Nothing is done too early, and running it too often does no harm, except that it
    begins a new round when the last one is over.
    """
    domains, maker = Domains(config), _Maker()
    done: list[tuple[rotation.Step, str]] = []
    waiting: list[rotation.Step] = []
    gone: list[Path] = []

    def work(document: Document, loaded: Loaded) -> None:
        for one in (done, waiting, gone):
            one.clear()
        row, domain = domains.row(loaded, name)
        at, _ = domains.find(loaded, name)
        if not domain.dkim.selector:
            raise Refused(f"{name} has no keys: postil domain dkim add {name}")
        for algorithm in rotation.algorithms(domain.dkim):
            for step in rotation.steps(domain.dkim, algorithm, maker.now):
                if not (early or step.is_due(maker.now)):
                    waiting.append(step)
                    continue
                done.append((step, _take(step, document, row, domain, maker, loaded)))
                if step.selector is not None and step.what == "remove" and not step.selector.key:
                    gone.append(key_file(loaded, at, domain, step.selector))

    changed = _refusing(lambda: maker.run(domains, work))
    from postil.config import keys

    for file in gone:
        keys.remove(file)
    _report(changed, name, done, waiting, as_json)


def _take(
    step: rotation.Step,
    document: Document,
    row: Steps,
    domain: Domain,
    maker: _Maker,
    loaded: Loaded,
) -> str:
    """Do a step in the text; the selector it is about."""
    if step.selector is None:
        made = maker.make(step.algorithm, loaded, domain)
        document.add((*row, "dkim", "selector"), _row(made))
        return made.name
    if step.what == "remove":
        document.drop(_find(document, row, step.selector.name))
        return step.selector.name
    for one in domain.dkim.selector:
        if one.algorithm == step.algorithm and one.state == "signing":
            place = _find(document, row, one.name)
            document.put((*place, "state"), "retiring")
            document.put((*place, "since"), maker.now)
    place = _find(document, row, step.selector.name)
    document.put((*place, "state"), "signing")
    document.put((*place, "since"), maker.now)
    return step.selector.name


def _report(
    changed: Changed,
    name: str,
    done: list[tuple[rotation.Step, str]],
    waiting: list[rotation.Step],
    as_json: bool,
) -> None:
    rows: list[dict[str, object]] = []
    lines = []
    for step, selector in done:
        row: dict[str, object] = {"step": step.what, "selector": selector}
        if step.what == "make":
            row["key"] = told = _told(changed.loaded, name, selector)
            lines += [
                f"; {selector} is new; publish this, and run rotate again in time",
                _line(told),
            ]
        elif step.what == "switch":
            lines.append(f"; {selector} is the {step.algorithm} key to sign with from now on")
        else:
            lines.append(f"; {selector} is removed; take its record out of the DNS")
        rows.append(row)
    later = []
    for step in waiting:
        selector = step.selector.name if step.selector else ""
        later.append({"step": step.what, "selector": selector, "due": step.due.isoformat()})
        lines.append(f"; {selector} waits to {_verb(step)} until {step.due:%Y-%m-%d %H:%M} UTC")
    shown: dict[str, object] = {"name": name, "done": rows, "waiting": later}
    running.finish(changed, shown, "\n".join(lines), as_json=as_json)


def _verb(step: rotation.Step) -> str:
    return "be switched to" if step.what == "switch" else "be removed"


@group.command()
@click.argument("name", metavar="DOMAIN")
@target.config_options
def ls(name: str, config: Path, as_json: bool) -> None:
    """List the keys of DOMAIN with their states, what comes next, and when."""
    try:
        loaded = Domains(config).read()
        _, domain = Domains(config).find(loaded, name)
    except (Refused, ConfigError) as error:
        raise click.ClickException(str(error)) from error
    rows = []
    for one in domain.dkim.selector:
        told = _told(loaded, name, one.name)
        for step in rotation.steps(domain.dkim, one.algorithm, _now()):
            if step.selector == one:
                told["next"] = {"step": step.what, "due": step.due.isoformat()}
        rows.append(told)

    def text() -> str:
        lines = [f"{row['name']}  {row['algorithm']}  {row['state']} since {row['since']}" + _next(row) for row in rows]  # fmt: skip
        return "\n".join(lines) or f"{name} has no keys; make them with: postil domain dkim add {name}"  # fmt: skip

    target.show(rows, as_json, text)


def _next(row: dict[str, object]) -> str:
    step = row.get("next")
    out = f"  {step['step']} from {step['due']}" if isinstance(step, dict) else ""
    return out + (f"  PROBLEM: {row['problem']}" if "problem" in row else "")


@group.command()
@click.argument("name", metavar="DOMAIN")
@click.argument("selector")
@click.option("--force", is_flag=True, help="Also a key that signs, or that mail under way needs.")
@target.config_options
def rm(name: str, selector: str, force: bool, config: Path, as_json: bool) -> None:
    """Remove the key SELECTOR of DOMAIN at once, its private key included."""
    domains, now = Domains(config), _now()
    gone: list[Path] = []

    def work(document: Document, loaded: Loaded) -> None:
        gone.clear()
        row, domain = domains.row(loaded, name)
        at, _ = domains.find(loaded, name)
        one = next((one for one in domain.dkim.selector if one.name == selector), None)
        if one is None:
            raise Refused(f"{name} has no key {selector}")
        steps = rotation.steps(domain.dkim, one.algorithm, now)
        early = any(step.selector == one and not step.is_due(now) for step in steps)
        if not force and (one.state == "signing" or (one.state == "retiring" and early)):
            why = "signs" if one.state == "signing" else "may be needed for mail under way"
            raise Refused(f"{selector} {why}: postil domain dkim rotate {name}, or --force")
        document.drop(_find(document, row, selector))
        if not one.key:
            gone.append(key_file(loaded, at, domain, one))

    changed = _refusing(lambda: domains.change(work))
    from postil.config import keys

    for file in gone:
        keys.remove(file)
    said = f"removed {selector}; take its record out of the DNS"
    fields: dict[str, object] = {"name": name, "selector": selector, "removed": True}
    running.finish(changed, fields, said, as_json=as_json)
