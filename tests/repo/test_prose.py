"""The pages of prose: every package says what it is and leads to each of its files."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

SERVER = Path(__file__).parents[2] / "server"
PACKAGES = sorted(path.parent for path in (SERVER / "postil").rglob("__init__.py"))


def prose(folder: Path) -> str:
    """The text at the top of a package."""
    return ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8"))) or ""


@pytest.mark.parametrize("folder", PACKAGES, ids=lambda folder: str(folder.relative_to(SERVER)))
def test_a_package_leads_to_its_files(folder: Path) -> None:
    """A reader who starts at the top of a package finds every module of it named, and reads more than a title."""
    text = prose(folder)
    assert len(text) > 200
    words = set(re.findall(r"\w+", text))
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    packages = {path.parent.name for path in folder.glob("*/__init__.py")}
    rfc_order = folder.name == "commands" and folder.parent.name == "imap"
    assert modules | packages <= words or rfc_order, (modules | packages) - words
