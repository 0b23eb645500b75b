"""`postil docs`: what the reference pages are made of, asked of the program itself."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from typing import Any

import click

Row = dict[str, Any]


@click.group()
def command() -> None:
    """Every command and every setting, for the pages of the reference."""


@command.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def export(as_json: bool) -> None:
    """Print every command with its options, and every table of the configuration file with its fields.

    JSON: {program, file, commands: [{name, help, usage, options: [{names, value, default, required, repeated, help}]}],
    settings: [{table, file, help, fields: [{name, type, choices, default, required, live, help}]}]}.
    """
    from postil.cli.group import main

    table = exported(main, "postil", "postil.toml", settings())
    if as_json:
        click.echo(json.dumps(table, indent=1, ensure_ascii=False))
        return
    for row in table["commands"]:
        click.echo(f"{row['usage']}\n    {row['help'].splitlines()[0]}")
        for option in row["options"]:
            click.echo(f"    {', '.join(option['names'])}: {option['help']}")
    for group in table["settings"]:
        click.echo(f"{group['table'] or 'top of the file'}: {group['help']}")
        for field in group["fields"]:
            click.echo(f"    {field['name']}: {field['help']}")


def exported(group: click.Command, name: str, file: str, tables: list[Row]) -> Row:
    """One program's commands and the settings of its file."""
    rows = list(commands(group, click.Context(group, info_name=name)))
    return {"program": name, "file": file, "commands": rows, "settings": tables}


def commands(group: click.Command, context: click.Context) -> Iterator[Row]:
    """A command, then those below it; hidden ones are left out."""
    pieces = " ".join(group.collect_usage_pieces(context))
    yield {
        "name": context.command_path,
        "help": inspect.cleandoc(group.help or ""),
        "usage": f"{context.command_path} {pieces}",
        "options": [
            _option(one) for one in group.params if isinstance(one, click.Option) and not one.hidden
        ],
    }
    if isinstance(group, click.Group):
        for name in group.list_commands(context):
            one = group.get_command(context, name)
            if one is not None and not one.hidden:
                yield from commands(one, click.Context(one, context, info_name=name))


def _option(option: click.Option) -> Row:
    plain = option.default is None or isinstance(option.default, (str, int, float))
    unset = not plain or option.is_flag or str(option.default).startswith("Sentinel")
    return {
        "names": [*option.opts, *option.secondary_opts],
        "value": ""
        if option.is_flag
        else option.metavar or option.make_metavar(click.Context(click.Command(""))),
        "default": None if unset else option.default,
        "required": option.required,
        "repeated": option.multiple,
        "help": option.help or "",
    }


def settings() -> list[Row]:
    """The tables of the configuration files, the top of postil.toml first."""
    from postil.config import reference

    return [
        {
            "table": table.header,
            "file": table.file,
            "help": table.help,
            "fields": [
                {
                    "name": field.name,
                    "type": field.type,
                    "choices": list(field.choices),
                    "default": field.default,
                    "required": field.required,
                    "live": field.live,
                    "help": field.help,
                }
                for field in table.fields
            ],
        }
        for table in reference.tables()
    ]
