"""`rfclinks lsp`: the language server, for editors to start."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import click

from postil_site.commands.common import configuration, root_option


@click.command()
@root_option()
def command(root: Path) -> None:
    """Serve an editor over standard input and output (Language Server Protocol).

    Hover shows the paragraph of the RFC, definition opens the text at the line, references lead from a line of an RFC to the code, sections complete with
    their titles, and what `rfclinks check` would say stands in the margin while one types.
    """
    configuration(
        root
    )  # a broken one ends here, with a sentence, not in the middle of a conversation
    from postil_site.lsp.server import make

    make(root, version("postil")).start_io()
