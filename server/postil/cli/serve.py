"""`postil serve`: the server of a configuration file."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("postil.toml"),
    envvar="POSTIL_CONFIG",
    show_default=True,
    help="The configuration file; also from the environment variable POSTIL_CONFIG.",
)
@click.option(
    "--log-level",
    "levels",
    multiple=True,
    default=("info",),
    show_default=True,
    help="LEVEL for all, or PACKAGE=LEVEL such as imap=debug; may be given several times.",
)
@click.option(
    "--log-format",
    type=click.Choice(["logfmt", "json"]),
    default="logfmt",
    show_default=True,
    help="How lines of the log are written: for people, or for programs.",
)
@click.option("--ready-fd", type=int, hidden=True, help="Write the ports there once ready.")
def command(path: Path, levels: tuple[str, ...], log_format: str, ready_fd: int | None) -> None:
    """The mail server of a configuration file; SIGTERM stops it in good order, SIGHUP reads the domains again."""
    from postil.app import logs, process
    from postil.app.server import Server, serving
    from postil.cli.failing import refusals
    from postil.config import read
    from postil.config.doubts import check_secrets

    with refusals():
        logs.configure(logs.parse_levels(levels), "json" if log_format == "json" else "logfmt")
        path = path.absolute()
        loaded = read(path)
        check_secrets(loaded)

        def started(server: Server) -> None:
            if ready_fd is not None:
                process.announce(ready_fd, server)

        process.run(lambda: serving(loaded.config, files=(path, loaded)), started, reloads=True)
