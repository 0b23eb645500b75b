"""The rules of who may import whom, by breaking each in a copy."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

PLANTED = {
    "server/postil/message/planted.py": "import socket",
    "server/postil/imap/planted.py": "from postil import net",
    "server/postil/base/planted.py": "import click",
    "server/postil/unplaced/__init__.py": "",
    "sitegen/postil_site/planted.py": "import postil.base",
}


def test_each_contract_can_break(tmp_path: Path, repo_root: Path) -> None:
    """A sideways import, I/O in a pure package, an unplaced package and a joined product are found."""
    for name in ("server", "sitegen"):
        shutil.copytree(repo_root / name, tmp_path / name, ignore=shutil.ignore_patterns("__py*"))
    shutil.copy(repo_root / "pyproject.toml", tmp_path)
    for name, text in PLANTED.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text + "\n")
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": f"{tmp_path}/server:{tmp_path}/sitegen", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "0 kept, 4 broken" in done.stdout
    for found in (
        "postil.message.planted -> socket",
        "postil.imap.planted -> postil.net",
        "postil.base.planted -> click",
        "postil_site.planted -> postil.base",
        "unplaced",
    ):
        assert found in done.stdout
