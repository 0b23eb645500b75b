"""The command `sitegen`: build the pages of a repository, check what was built, or show any checkout at once."""

from __future__ import annotations

import contextlib
import functools
import http.server
import os
import signal
import sys
import tempfile
from pathlib import Path

import click

from postil_site.config import ConfigError
from postil_site.model import Problems
from postil_site.pages import build as building
from postil_site.pages import check as checking
from postil_site.pages.output import NotOurs
from postil_site.texts import fetch as fetching
from postil_site.texts.lock import BadLock

SHOWN = 20  # problems that are listed; the rest is counted

_ROOT = click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="The repository; the folder you are in by default.",
)

_OUT = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Where the pages go: a folder that is empty, new, or of an earlier build.",
)
_RESULTS = click.option(
    "--results",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="Results of `pytest --rfc-results FILE`; else those the configuration names.",
)
_JOBS = click.option(
    "--jobs", type=click.IntRange(1, 64), help="Processes for a cold start; one a processor."
)
_ADDRESS = click.option(
    "--address", default="", help="Where the website will stand; instead of site.toml's."
)
_QUIET = click.option("--quiet", is_flag=True, help="Say nothing but errors.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """Show code and RFCs side by side."""


def _built(
    root: Path,
    out: Path,
    results: tuple[Path, ...],
    quiet: bool,
    again: bool = False,
    jobs: int | None = None,
) -> building.Report:
    def say(line: str) -> None:
        if not quiet and sys.stderr.isatty():
            click.echo(line, err=True)

    try:
        return building.build(root, out, results=results or None, say=say, again=again, jobs=jobs)
    except (ConfigError, NotOurs) as error:
        raise click.ClickException(str(error)) from error


def _problems(rows: list[tuple[str, str]]) -> None:
    for path, reason in rows[:SHOWN]:
        click.echo(f"{path}: {reason}", err=True)
    if len(rows) > SHOWN:
        click.echo(f"… and {len(rows) - SHOWN} more; all are on index.html", err=True)


@main.command()
@_ROOT
@_OUT
@_RESULTS
@click.option("--strict", is_flag=True, help="Exit 1 when a file could not be read.")
@click.option("--again", is_flag=True, help="Write every page, changed or not.")
@_JOBS
@_QUIET
def build(
    root: Path,
    out: Path,
    results: tuple[Path, ...],
    strict: bool,
    again: bool,
    jobs: int | None,
    quiet: bool,
) -> None:
    """Build the pages of a repository.

    Texts of RFCs are those in rfc/txt, in the folder RFC_MIRROR, and in the cache of this user; `rfclinks fetch` gets them. Without a text,
    references lead to the RFC Editor. A file that cannot be read is reported, and the build goes on.
    """
    report = _built(root, out, results, quiet, again, jobs)
    _problems(report.problems)
    if not quiet:
        click.echo(f"{out / 'index.html'}: {report.summary()}")
    if strict and report.problems:
        sys.exit(1)


@main.command()
@_ROOT
@_OUT
@_ADDRESS
@click.option("--drafts", is_flag=True, help="Show pages that are drafts, too.")
@click.option("--strict", is_flag=True, help="Exit 1 for a broken link or a page with a mistake.")
@_QUIET
def website(root: Path, out: Path, address: str, drafts: bool, strict: bool, quiet: bool) -> None:
    """Build the website of a repository from its Markdown.

    Settings are in website/site.toml, pages in website/content. Pages of code and RFCs are linked when they are in the folder that
    `pages` names, beside the website's own (`sitegen publish` puts them there). A page with a mistake is reported, and the build goes on.
    """
    problems = _website(root, out, address, drafts, quiet)
    if strict and problems:
        sys.exit(1)


@main.command()
@_ROOT
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The folder of all versions, which a web server serves.",
)
@click.option("--name", help="dev, or the name of a release such as v1.2.")
@click.option("--remove", help="Take this version away instead.")
@_RESULTS
@click.option("--dirty", is_flag=True, help="A release of changes that are not committed.")
@click.option(
    "--website/--no-website",
    default=None,
    help="Renew the website beside the versions; with --name dev this is so.",
)
@_ADDRESS
@_JOBS
@_QUIET
def publish(
    root: Path,
    folder: Path,
    name: str | None,
    remove: str | None,
    results: tuple[Path, ...],
    dirty: bool,
    website: bool | None,
    address: str,
    jobs: int | None,
    quiet: bool,
) -> None:
    """Add a version of the pages beside the others, or renew it: FOLDER/NAME, and the list FOLDER/versions.json.

    Each version links to the others, to the same file and line. Equal files of versions are one file on the disk. The same commit published twice
    changes nothing.
    """
    from postil_site.publish import publish as publishing
    from postil_site.publish.staging import Busy
    from postil_site.website import settings

    if (name is None) == (remove is None):
        raise click.UsageError("give either --name or --remove")
    try:
        if remove is not None:
            left = publishing.remove(root, folder, remove)
            click.echo(f"{folder}: {', '.join(one.name for one in left) or 'no version is left'}")
            return
        assert name is not None  # checked above
        done = publishing.publish(
            root, folder, name, results=results or None, dirty=dirty, jobs=jobs
        )
    except (ConfigError, NotOurs, publishing.BadName, publishing.Refused, Busy) as error:
        raise click.ClickException(str(error)) from error
    _problems(done.report.problems)
    if not quiet:
        told = ", ".join(one.name for one in done.versions)
        click.echo(f"{folder / name}: {done.report.summary()}; {done.shared} files shared; {told}")
    if settings.there(root) and (name == "dev" if website is None else website):
        _website(root, folder, address, False, quiet)


def _website(root: Path, out: Path, address: str, drafts: bool, quiet: bool) -> int:
    """Build the website; how many problems there were."""
    from postil_site.website import build as websites

    try:
        report = websites.build(root, out, address=address, drafts=drafts)
    except (ConfigError, NotOurs) as error:
        raise click.ClickException(str(error)) from error
    for place, reason in report.problems:
        click.echo(f"{place}: {reason}", err=True)
    if not quiet:
        click.echo(f"{out / 'index.html'}: {report.summary()}")
    return len(report.problems)


@main.command()
@click.argument("out", type=click.Path(exists=True, file_okay=False, path_type=Path))
def check(out: Path) -> None:
    """Check every link, anchor and asset of a built folder; exit 1 for a broken one."""
    report = checking.check(out)
    for page, link, reason in report.broken:
        click.echo(f"{page}: {link}: {reason}")
    click.echo(report.summary(), err=bool(report.broken))
    if report.broken or not report.pages:
        sys.exit(1)


@main.command()
@_ROOT
@click.option("--port", type=int, default=8730, show_default=True, help="0 for any that is free.")
@click.option("--mirror", help="A folder or address with rfcN.txt; the RFC Editor by default.")
@click.option("--no-fetch", is_flag=True, help="Use the texts that are here.")
def serve(root: Path, port: int, mirror: str | None, no_fetch: bool) -> None:
    """Show any checkout: find its references, fetch the RFCs they name, build, and serve on this machine.

    A file that is saved is shown at once in every browser that looks at it, where it was scrolled to; what is wrong with one
    is said in its page. Nothing is written into the checkout: texts go to the cache of this user, pages to a temporary folder.
    """
    from postil_site.live import serving
    from postil_site.project import Project
    from postil_site.texts.library import cache_folder

    problems = Problems()
    try:
        project = Project.open(root, problems)
        cited = sorted({ref.rfc for ref in project.references if not ref.weak})
    except ConfigError as error:
        raise click.ClickException(str(error)) from error
    # Asked to end, it ends as with Ctrl-C: the pages it made go with it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    lacking = [rfc for rfc in cited if project.library.path(rfc) is None]
    click.echo(f"{len(project.files)} files name {len(cited)} RFCs", err=True)
    if lacking and not no_fetch:
        try:
            report = fetching.fetch(cache_folder(), lacking, texts="txt", mirror=mirror)
        except BadLock as error:
            raise click.ClickException(str(error)) from error
        for line in report.lines():
            click.echo(line, err=True)
    with tempfile.TemporaryDirectory(prefix="sitegen-") as folder:
        done = _built(root, Path(folder), (), False)
        _problems(done.problems)
        board = serving.Board()
        handler = functools.partial(serving.handler(board), directory=folder)
        try:
            server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
        except OSError as error:
            raise click.ClickException(
                f"port {port}: {os.strerror(error.errno or 0)}; another: --port N"
            ) from error
        with server:
            here = f"http://127.0.0.1:{server.server_port}/"
            website = serving.website(root, Path(folder), lambda line: click.echo(line, err=True))
            click.echo(f"{here} ({done.summary()}); Ctrl-C ends it")
            if website is not None:
                click.echo(f"{here}website/")
            sys.stdout.flush()  # whoever reads it through a pipe waits for this line
            with (
                contextlib.suppress(KeyboardInterrupt),
                serving.watching(
                    root, Path(folder), board, lambda line: click.echo(line, err=True), website
                ),
            ):
                server.serve_forever()


if __name__ == "__main__":
    main()
