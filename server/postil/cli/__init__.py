"""The command line `postil`: one module per command, imported only when it is called.

Start here: `COMMANDS` names each command, its module and the line `postil --help` shows. A module exports a click
command called `command`. Nothing heavy is imported at the top of this file, and the modules import what they need,
so that `postil --help` answers in the time Python takes to start.

Files in reading order: `group` (finds a command, `__main__` is the same for `python -m`), `failing` (what is wrong, as one
sentence), `target` (which machine's data, and who acts), `running` (telling the server); then the commands: `localserve`, `serve`, `config`, `domain` with `dkim`, `account` (with `sizes`, `quota`, `disabling`, `switching`, `importing`,
`programs`, `closing`), `address`, `alias`, `admin`, `transport`, `route`, `acme`, `tlskey`, `logins`, `caa`, `verify`, `version`, `docs`, `completion` (with `completing`, which finds names for the shell).

Rules: every command that reads has `--json`; an error is one sentence that says what is wrong, where, and what to do;
status 0 is success, 1 a refusal, 2 a wrong call.
"""

from __future__ import annotations

from postil.cli.group import main

__all__ = ["main"]
