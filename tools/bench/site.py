"""`python -m tools.bench.site`: the marks of the pages: cold build, nothing changed, check, sizes, memory.

The corpus is the first 150,000 lines of the running Python's standard library and 250 RFCs of a mirror (`RFC_MIRROR`), named in an
`rfc/index.txt`; every run has an empty cache of its own. Memory is the sum over the processes of the build, looked at every 100 ms.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LINES = 150_000
RFCS = 250
MARKS = {"cold": 12.0, "unchanged": 0.6, "check": 1.0, "ratio": 2.5, "memory": 1024.0}


@dataclass(frozen=True, slots=True)
class Ran:
    """One command: wall seconds, CPU seconds of all its processes, MiB at its highest."""

    wall: float
    cpu: float
    memory: float
    output: str


def standard_library() -> Iterator[Path]:
    """Its modules in order of their paths, without tests and what was installed."""
    top = Path(sysconfig.get_path("stdlib"))
    for path in sorted(top.rglob("*.py")):
        parts = path.relative_to(top).parts
        if not {"test", "tests", "site-packages", "dist-packages", "idle_test"}.intersection(parts):
            yield path


def corpus(folder: Path, mirror: Path, lines: int = LINES, rfcs: int = RFCS) -> tuple[int, int]:
    """Make the repository; how many lines and RFCs it has."""
    top = Path(sysconfig.get_path("stdlib"))
    taken = 0
    for path in standard_library():
        if taken >= lines:
            break
        target = folder / path.relative_to(top)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        taken += target.read_bytes().count(b"\n")
    numbers = sorted(
        int(file.stem.removeprefix("rfc"))
        for file in mirror.glob("rfc*.txt")
        if file.stem.removeprefix("rfc").isdecimal()
    )
    # Spread over the years, so that old layouts and new ones are there.
    step = max(1, len(numbers) // rfcs)
    chosen = numbers[::step][:rfcs]
    (folder / "rfc").mkdir()
    rows = "".join(f"{number}\tRoadmap\tUnknown\tRFC {number}\n" for number in chosen)
    (folder / "rfc" / "index.txt").write_text(f"# Corpus\n{rows}", "utf-8")
    return taken, len(chosen)


def run(
    command: list[str], folder: Path, environment: dict[str, str], *, watched: bool = False
) -> Ran:
    """Run a command to its end; `watched`: look at its memory, which takes time of its own."""
    before = os.times()
    begun = time.monotonic()
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    highest = 0.0
    ended = threading.Event()

    def watch() -> None:
        nonlocal highest
        while not ended.wait(0.1):
            highest = max(highest, memory(process.pid))

    watcher = threading.Thread(target=watch)
    if watched:
        watcher.start()
    output, _ = process.communicate()
    wall = time.monotonic() - begun
    ended.set()
    if watched:
        watcher.join()
    after = os.times()
    cpu = (
        after.children_user + after.children_system - before.children_user - before.children_system
    )
    if process.returncode not in (0, 10, 11):
        raise SystemExit(f"{command} failed:\n{output}")
    return Ran(wall, cpu, highest, output)


def memory(pid: int) -> float:
    """MiB that a process and its children have to themselves (pages they share are divided)."""
    total = 0.0
    for one in family(pid):
        try:
            for line in Path(f"/proc/{one}/smaps_rollup").read_text("ascii").splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) / 1024
        except OSError:
            continue
    return total


def family(pid: int) -> list[int]:
    """A process and those it started."""
    found = [pid]
    for one in found:
        try:
            for task in Path(f"/proc/{one}/task").iterdir():
                found.extend(map(int, (task / "children").read_text("ascii").split()))
        except OSError:
            continue
    return found


def octets(folder: Path, pattern: str) -> int:
    """Of all files that match."""
    return sum(file.stat().st_size for file in folder.rglob(pattern) if file.is_file())


def ratio(folder: Path, out: Path, mirror: Path) -> float:
    """Code and RFC pages over the sources they show."""
    sources = octets(folder, "*.py")
    for page in (out / "rfc").glob("rfc*.html"):
        sources += (mirror / f"{page.stem}.txt").stat().st_size
    return (octets(out / "code", "*.html") + octets(out / "rfc", "*.html")) / sources


def measure(runs: int, mirror: Path, repository: Path) -> dict[str, float]:
    """All marks."""
    figures: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="postil-site-") as name:
        place = Path(name)
        folder = place / "corpus"
        folder.mkdir()
        lines, rfcs = corpus(folder, mirror)
        print(
            f"corpus: {lines} lines of {sysconfig.get_python_version()}'s standard library, {rfcs} RFCs"
        )
        tool = [sys.executable, "-m", "postil_site.commands.sitegen", "build"]
        for number in range(runs):
            cache, out = place / f"cache{number}", place / f"out{number}"
            environment = {**os.environ, "RFC_MIRROR": str(mirror), "XDG_CACHE_HOME": str(cache)}
            command = [*tool, "--root", str(folder), "--out", str(out)]
            # Never in the corpus itself: Python would import its copies of the standard library.
            cold = run(command, place, environment, watched=True)
            again = run(command, place, environment)
            assert "nothing changed" in again.output, again.output
            figures.setdefault("cold", []).append(cold.wall)
            figures.setdefault("cold CPU", []).append(cold.cpu)
            figures.setdefault("memory", []).append(cold.memory)
            figures.setdefault("unchanged", []).append(again.wall)
            figures.setdefault("ratio", []).append(ratio(folder, out, mirror))
            print(f"  {cold.output.strip().splitlines()[-1]}")
            shutil.rmtree(out)
        check = [sys.executable, "-m", "postil_site.commands.rfclinks", "check"]
        environment = {
            **os.environ,
            "RFC_MIRROR": str(mirror),
            "XDG_CACHE_HOME": str(place / "cache"),
        }
        run(check, repository, environment)
        for _ in range(runs):
            figures.setdefault("check", []).append(run(check, repository, environment).wall)
    return {what: statistics.median(values) for what, values in figures.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    repository = Path(__file__).resolve().parents[2]
    places = [
        Path(os.environ.get("RFC_MIRROR") or repository / "rfc" / "txt"),
        repository / "rfc" / "txt",
    ]
    mirror = next((one for one in places if any(one.glob("rfc*.txt"))), None)
    if mirror is None:
        print(
            "not measured: there are no RFC texts here; `rfclinks fetch` gets them, or RFC_MIRROR names a folder"
        )
        return
    figures = measure(arguments.runs, mirror.resolve(), repository)
    units = {"ratio": "times", "memory": "MiB"}
    for what, value in figures.items():
        mark = MARKS.get(what)
        verdict = "" if mark is None else f"  mark {mark:g}: {'met' if value <= mark else 'MISSED'}"
        print(f"{what:10} {value:8.2f} {units.get(what, 's'):6}{verdict}")


if __name__ == "__main__":
    main()
