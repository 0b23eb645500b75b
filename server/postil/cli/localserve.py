"""`postil localserve`: what `make run` starts."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("localserve"),
    show_default="./localserve",
    help="Where mail and certificate are kept between runs.",
)
@click.option(
    "--port-offset",
    type=click.IntRange(0, 63542),
    default=0,
    show_default=True,
    help="Added to every port, for a second server beside the first.",
)
@click.option(
    "--ip", default="127.0.0.1", show_default=True, help="The loopback address to listen on."
)
@click.option(
    "--log-level",
    "levels",
    multiple=True,
    default=("warning",),
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
@click.option(
    "--docs",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("build/site"),
    show_default=True,
    help="Website and pages that `make site` builds, shown under /docs/ as soon as they are there.",
)
@click.option("--free-ports", is_flag=True, hidden=True, help="Let the kernel choose the ports.")
@click.option("--ready-fd", type=int, hidden=True, help="Write the ports there once ready.")
def command(
    folder: Path,
    port_offset: int,
    ip: str,
    levels: tuple[str, ...],
    log_format: str,
    docs: Path,
    free_ports: bool,
    ready_fd: int | None,
) -> None:
    """A mail server on this machine, for developers of mail software.

    Any recipient is accepted; all mail lands in one account. Ports: SMTP 1025, submission 1587 and 1465 (TLS), IMAP
    1143 and 1993 (TLS), HTTP 1080, HTTPS 1443.
    """
    from postil.app import localserve, logs, process
    from postil.app.server import Server
    from postil.cli.failing import refusals

    with refusals():
        logs.configure(
            logs.parse_levels(levels, "warning"), "json" if log_format == "json" else "logfmt"
        )
        options = localserve.Options(
            folder=folder,
            port_offset=port_offset,
            ip=localserve.check_ip(ip),
            any_port=free_ports,
            docs=docs,
        )

        def started(server: Server) -> None:
            said = localserve.welcome(options, server.ports, server.certificate)
            click.echo(localserve.text(said))
            if ready_fd is not None:
                process.announce(ready_fd, server)

        process.run(lambda: localserve.localserving(options), started)
