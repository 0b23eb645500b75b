"""`postil docs export`: the programs' own account of their commands and settings, complete, and the pages made of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from tools import reference

from postil.cli.group import COMMANDS
from postil.config.model import Config
from postil_site.website import generated
from postil_site.website.settings import Settings

EVERYTHING = reference.everything()


def test_export_as_a_user_runs_it() -> None:
    """JSON alone on standard output; every command of --help and every table of the file is in it."""
    command = [sys.executable, "-m", "postil.cli", "docs", "export"]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
    table = json.loads(done.stdout)
    names = {row["name"] for row in table["commands"]}
    assert {f"postil {name}" for name in COMMANDS} < names and "postil account app-password add" in names  # fmt: skip
    groups = {row["table"]: [field["name"] for field in row["fields"]] for row in table["settings"]}
    expected = {field.name for field in msgspec.structs.fields(Config)}
    top = {name.strip("[]") for name in groups if name and "." not in name}
    assert {*groups[""], *top} == expected and {
        "[[tls.chain]]",
        "[[domain.dkim.selector]]",
    } <= groups.keys()
    assert "[[listener]]" in groups and "port" in groups["[[listener]]"]
    plain = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "postil localserve [OPTIONS]" in plain and "[limits]" in plain


@pytest.mark.parametrize("program", sorted(EVERYTHING))
def test_everything_is_described(program: str) -> None:
    """No command, option or field without words: a reference with gaps is worse than none."""
    table = EVERYTHING[program]
    gaps = [row["name"] for row in table["commands"] if not row["help"].strip()]
    gaps += [
        f"{row['name']} {' '.join(option['names'])}"
        for row in table["commands"]
        for option in row["options"]
        if not option["help"].strip()
    ]
    gaps += [
        f"{group['table']} {field['name']}"
        for group in table["settings"]
        for field in group["fields"]
        if not field["help"].strip()
    ]
    assert gaps == []


def test_every_one_has_a_place(tmp_path: Path) -> None:
    """Each command, option and field of the three programs has an anchor of its own on the pages."""
    for name, table in EVERYTHING.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(table))
    problems: list[tuple[str, str]] = []
    made = generated.references(tmp_path, [f"{name}.json" for name in EVERYTHING], problems)
    assert problems == [] and len(made) == 2
    commands, settings = (rendered.html for _, rendered in made)
    wanted = found = 0
    for table in EVERYTHING.values():
        for row in table["commands"]:
            anchor = row["name"].replace(" ", "-")
            names = [anchor, *(f"{anchor}{max(one['names'], key=len)}" for one in row["options"])]
            wanted += len(names)
            found += sum(commands.count(f'id="{name}"') for name in names)
        for group in table["settings"]:
            names = [f'-{field["name"]}">' for field in group["fields"]]
            assert all(name in settings for name in names), names
    assert wanted == found > 150
    ids = [part.split('"')[0] for part in settings.split('id="')[1:]]
    assert len(ids) == len(set(ids)) == sum(1 + len(group["fields"]) for table in EVERYTHING.values() for group in table["settings"])  # fmt: skip


def test_fields_of_the_website_are_all_there() -> None:
    """A field of site.toml without an entry would be missing unseen."""
    rows = EVERYTHING["sitegen"]["settings"][0]["fields"]
    assert {row["name"] for row in rows} == set(Settings.__dataclass_fields__)
