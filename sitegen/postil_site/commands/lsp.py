"""`rfclinks lsp`: the language server, over standard input and output."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from postil_site.commands.common import USAGE


@click.command()
@click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=None,
    show_default="around each file that is opened",
    help="The repository.",
)
@click.option(
    "--stdio", is_flag=True, help="Understood, since editors say it; there is no other way."
)
def command(root: Path | None, stdio: bool) -> None:
    """Serve an editor: RFC texts on hover, definitions, references, completion, findings while typing, quotes.

    It speaks the Language Server Protocol; how to set it up is in website/content/editors.md.
    """
    try:
        from postil_site.lsp import handlers
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("pygls", "lsprotocol"):
            raise
        click.echo("rfclinks: lsp needs pygls: pip install 'postil[lsp]'", err=True)
        sys.exit(USAGE)
    handlers.make(root).start_io()
