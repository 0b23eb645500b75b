"""A small repository with a website."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SITE = """\
title = "Lamps & Co"
description = "All about <lamps>."
address = "https://lamps.example.org/docs/"
edit = "https://git.example.org/edit/{path}"
sections = ["Start", "More"]
static = ["website/static", "media"]
reference = ["commands.json"]
"""
INDEX = """\
+++
title = "Lamps"
section = "Start"
order = 1
+++
Text with `code` and a [link](more/light.md#on--off) and [code](../../lamp.py).
"""
LIGHT = """\
+++
title = "Light"
section = "More"
description = "How light is made."
redirects = ["old/light", "lights.html"]
+++
## On & off

| A | B |
|---|---|
| 1 | 2 |

```python
def light():  # on
    return "<b>"
```

```console
$ lamp on
lit
$ lamp off
```

> [!WARNING]
> Hot **glass**.

> Only a quotation.

A note.[^1] ~~Gone~~.

[^1]: The note.

- [ ] open
- [x] done

### On & off

<script>alert(1)</script> and ![picture](../lamp.svg)

[to itself](#on--off-1)
"""
COMMANDS = """\
{"program": "lamp", "file": "lamp.toml", "commands": [{"name": "lamp", "help": "Make `light`.", "usage": "lamp [OPTIONS]",
"options": [{"names": ["-w", "--watts"], "value": "N", "default": 60, "required": false, "repeated": true, "help": "How <bright>."}]}],
"settings": [{"table": "[bulb]", "help": "The bulb.", "fields": [
{"name": "watts", "type": "number", "choices": [], "default": 60, "required": false, "help": "How bright."}]}]}
"""


def git(root: Path, *arguments: str, date: str = "2026-01-02T03:04:05+00:00") -> str:
    """A command of git at a known time."""
    environment = {**os.environ, "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
    return subprocess.run(
        ["git", "-C", str(root), *who, *arguments], check=True, capture_output=True, text=True, env=environment
    ).stdout.strip()  # fmt: skip


def write(root: Path, name: str, text: str) -> Path:
    """A file, with its folders."""
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The repository; its one commit is of 2026-01-02."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("RFC_MIRROR", raising=False)
    root = tmp_path / "repo"
    for name, text in {
        "website/site.toml": SITE,
        "website/content/index.md": INDEX,
        "website/content/more/light.md": LIGHT,
        "website/content/draft.md": '+++\ntitle = "Secret plans"\ndraft = true\n+++\nNot yet.\n',
        "website/static/lamp.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>",
        "website/static/both.txt": "first",
        "media/both.txt": "second",
        "media/deep/film.bin": "x" * 100_000,
        "lamp.py": "# RFC 99999 §2.1: light\nx = 1\n",
        "commands.json": COMMANDS,
        "rfc/index.txt": "# Light\n99999\tYes\tProposed Standard\tLamps & <more>\n821\t-Yes\tStandard\tOld lamps\n",
        "CHANGELOG.md": "# Changelog\n\n## Unreleased\n\nNothing has been released yet.\n\n## 1.0 - 2025-12-24\n\n- First & best.\n",
        "changelog.d/dim.added.md": "Lamps can be dimmed: by hand. More words.\n",
    }.items():
        write(root, name, text)
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "all")
    return root
