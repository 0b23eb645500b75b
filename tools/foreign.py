"""The platform over other people's code: references, findings and (with --build) pages of any checkout, with counts and times.

    python tools/foreign.py FOLDER…             # any repository or folder
    python tools/foreign.py --installed         # packages of this environment that cite RFCs
    python tools/foreign.py --installed --write # keep their counts as the regression test's expectation

Nothing may crash, whatever the folder holds; a count that changed means that the grammar of references changed.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

EXPECTED = Path(__file__).resolve().parents[1] / "tests" / "sitegen" / "foreign.json"
# Packages of the lock files only: pip itself is in some environments and not in others (uv makes none).
PACKAGES = {
    "h11": "h11",
    "aiosmtpd": "aiosmtpd",
    "imapclient": "IMAPClient",
    "cryptography": "cryptography",
    "idna": "idna",
    "httpcore2": "httpcore2",
    "uvicorn": "uvicorn",
    "httpx2": "httpx2",
}


@dataclass(frozen=True, slots=True)
class Counts:
    """What was found in a folder."""

    references: int
    sections: int
    weak: int
    todo: int


def refs(folder: Path) -> tuple[Counts, float]:
    """Run `rfclinks refs --json` as a user would, without any RFC text, so that the counts depend on nothing else."""
    start = time.perf_counter()
    command = [
        sys.executable,
        "-m",
        "postil_site.commands.rfclinks",
        "refs",
        "--root",
        str(folder),
        "--json",
    ]
    with tempfile.TemporaryDirectory(prefix="postil-foreign") as cache:
        environment = {**os.environ, "RFC_MIRROR": "", "XDG_CACHE_HOME": cache}
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=600, env=environment
        )
    if done.returncode:
        raise RuntimeError(f"refs over {folder} ended with {done.returncode}: {done.stderr[-800:]}")
    rows = json.loads(done.stdout)
    kinds = Counter(row["target"]["kind"] for row in rows)
    counts = Counts(
        references=len(rows),
        sections=kinds["section"] + kinds["quote"],
        weak=sum(row["weak"] for row in rows),
        todo=sum(row["role"] == "todo" for row in rows),
    )
    return counts, time.perf_counter() - start


def installed() -> dict[str, tuple[Path, str]]:
    """The packages that are here, with their versions."""
    found = {}
    for module, distribution in PACKAGES.items():
        spec = importlib.util.find_spec(module)
        if spec is not None and spec.origin:
            found[module] = (Path(spec.origin).parent, importlib.metadata.version(distribution))
    return found


def build(folder: Path) -> str:
    """Build the pages and check them; one line of what happened."""
    with tempfile.TemporaryDirectory(prefix="postil-foreign") as name:
        start = time.perf_counter()
        base = [sys.executable, "-m", "postil_site.commands.sitegen"]
        for step in (
            ["build", "--root", str(folder), "--out", f"{name}/site"],
            ["check", f"{name}/site"],
        ):
            done = subprocess.run(
                [*base, *step], capture_output=True, text=True, check=False, timeout=900
            )
            if done.returncode:
                raise RuntimeError(f"sitegen {step[0]}: {done.returncode}: {done.stderr[-800:]}")
        size = sum(file.stat().st_size for file in Path(name).rglob("*") if file.is_file())
        return f"built and checked in {time.perf_counter() - start:.1f} s, {size / 1e6:.1f} MB"


def main() -> int:
    """Print a line per folder; 1 when something crashed."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    arguments.add_argument("folders", nargs="*", type=Path)
    arguments.add_argument("--installed", action="store_true")
    arguments.add_argument("--write", action="store_true")
    arguments.add_argument("--build", action="store_true")
    given = arguments.parse_args()
    rows: dict[str, dict[str, object]] = {}
    folders = [(folder.name, folder, "") for folder in given.folders]
    if given.installed:
        folders += [(name, *place) for name, place in installed().items()]
    failed = False
    for name, folder, version in folders:
        try:
            counts, seconds = refs(folder)
            more = f"  {build(folder)}" if given.build else ""
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            failed = True
            print(f"{name}: {error}", file=sys.stderr)
            continue
        rows[name] = {"version": version, **asdict(counts)}
        print(f"{name:<14} {version:<12} {asdict(counts)}  refs in {seconds:.2f} s{more}")
    if given.write:
        EXPECTED.write_text(json.dumps(rows, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
