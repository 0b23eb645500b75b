"""When a file last changed, by the commits that are here: one call of git for all of them."""

from __future__ import annotations

import subprocess
from pathlib import Path


def last_changes(root: Path, folder: str) -> dict[str, str]:
    """Path relative to the repository -> date (YYYY-MM-DD) of the newest commit that touched it; empty outside git."""
    command = ["git", "-C", str(root), "-c", "core.quotePath=false", "log", "--format=%x00%cs"]
    try:
        done = subprocess.run(
            [*command, "--name-only", "--relative", "--", folder],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return {}
    out: dict[str, str] = {}
    for block in done.stdout.split("\0")[1:]:
        date, *names = block.split("\n")
        for name in filter(None, names):
            out.setdefault(name, date)
    return out
