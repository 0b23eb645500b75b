"""`postil completion`: the shell asks `postil` itself what may come next; this prints the lines that make it do so."""

from __future__ import annotations

from typing import Final

import click
from click.shell_completion import get_completion_class

VARIABLE: Final = "_POSTIL_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the script that completes commands and names in a shell.

    \b
    bash: postil completion bash > ~/.local/share/bash-completion/completions/postil
    zsh:  postil completion zsh > "${fpath[1]}/_postil"
    fish: postil completion fish > ~/.config/fish/completions/postil.fish
    """
    from postil.cli.group import main

    found = get_completion_class(shell)
    assert found is not None
    completion = found(main, {}, "postil", VARIABLE)
    # Not `source()`: it runs bash to see which one is there, and the script may be for another machine.
    click.echo(completion.source_template % completion.source_vars())
