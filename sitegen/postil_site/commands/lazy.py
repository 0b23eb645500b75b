"""A click group that imports a command's module only when it is called: `--help` costs nothing but click."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

import click


class LazyGroup(click.Group):
    """`commands` maps a name to (module, one line of help); the module has the command as `command`."""

    def __init__(self, name: str, lazy: Mapping[str, tuple[str, str]], help: str) -> None:
        super().__init__(name, help=help)
        self._lazy = dict(lazy)

    def list_commands(self, context: click.Context) -> list[str]:
        """All names, in the order given."""
        return list(self._lazy)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """The command, imported now."""
        if name not in self._lazy:
            return None
        command = importlib.import_module(self._lazy[name][0]).command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self._lazy.items()])
