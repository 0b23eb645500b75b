"""`postil account import`: many accounts from a file."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, NoReturn

import click

from postil.accounts import bulk, limits
from postil.cli import target


@click.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--check", "dry", is_flag=True, help="Only say whether it would do.")
@target.options
def import_(
    file: BinaryIO, dry: bool, config: Path | None, folder: Path | None, as_json: bool
) -> None:
    """Add the accounts of FILE (- is standard input): all of them, or none and every error with line and field.

    \b
    Comma-separated values; the first line names the columns:
    name,display_name,password,password_hash,quota,quota_messages,quota_mailboxes,addresses
    Only name is needed. password_hash is Argon2id in PHC form; addresses have blanks between them.
    """
    octets = file.read()
    try:
        text = octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        _refused([bulk.Problem(line, "", "the file is not UTF-8")], as_json)
    try:
        planned = bulk.read(text)
        secrets = sum(bool(one.password) for one in planned)
        with click.progressbar(
            length=len(planned),
            label="hashing passwords",
            file=sys.stderr,
            hidden=not (secrets and not dry and sys.stderr.isatty()),
        ) as bar:
            count = target.administer(
                config,
                folder,
                lambda database: database.bulk.add(
                    planned, dry=dry, hashed=lambda _: bar.update(1)
                ),
            )
    except bulk.BadFile as error:
        _refused(error.problems, as_json)
    shown = {"checked" if dry else "added": count, "accounts": [one.name for one in planned]}
    said = f"{count} accounts can be added" if dry else f"added {count} accounts"
    target.show(shown, as_json, lambda: said)


def _refused(problems: Sequence[bulk.Problem], as_json: bool) -> NoReturn:
    if not as_json:
        raise click.ClickException(str(bulk.BadFile(problems)))
    shown = [dataclasses.asdict(one) for one in problems[: limits.IMPORT_ERRORS]]
    wrong = {"error": str(bulk.BadFile(problems)), "status": 1}
    target.show({**wrong, "added": 0, "problems": shown, "count": len(problems)}, True, str)
    raise SystemExit(1)
