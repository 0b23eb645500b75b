"""CPU time of a server's processes, and what to print of several runs."""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
SERVER_CPU = 0
CLIENT_CPU = max(os.cpu_count() or 1, 2) - 1


def tree(pid: int) -> list[int]:
    """The process and all below it."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = Path(f"/proc/{entry}/stat").read_text()
            except OSError:
                continue
            children.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry))
    found = [pid]
    for parent in found:
        found.extend(children.get(parent, []))
    return found


def cpu(*pids: int) -> float:
    """Seconds of CPU used by the process trees, and by their children that have ended.

    Live threads by the scheduler's clock, which counts nanoseconds; what has ended by the one that ticks at 0.01 s.
    """
    total = 0.0
    for member in [member for pid in pids for member in tree(pid)]:
        try:
            fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
            threads = list(Path(f"/proc/{member}/task").iterdir())
            ran = [int((thread / "schedstat").read_text().split()[0]) for thread in threads]
        except OSError:
            continue
        total += sum(map(int, fields[13:15])) / _TICK + sum(ran) / 1e9
    return total


def settle(*pids: int, seconds: float = 600) -> None:
    """Wait until the servers have nothing left to do, such as to index what arrived."""
    quiet, end = 0, time.monotonic() + seconds
    while quiet < 3 and time.monotonic() < end:
        before = cpu(*pids)
        time.sleep(0.7)
        quiet = quiet + 1 if cpu(*pids) - before < 0.02 else 0


def memory(pid: int) -> int:
    """Resident octets of the process tree that are not shared."""
    total = 0
    for member in tree(pid):
        try:
            rollup = Path(f"/proc/{member}/smaps_rollup").read_text()
        except OSError:
            continue
        total += sum(int(row.split()[1]) for row in rollup.splitlines() if "Private_" in row) * 1024
    return total


@dataclass(slots=True)
class Run:
    """One measured run."""

    wall: float
    cpu: float
    answer: int  # size or count of what came back; equal for all servers or the figures are void
    count: int = 1


def measured(pid: int | Sequence[int], work: Callable[[], int], count: int = 1) -> Run:
    """Run `work`, which returns the size of its answer."""
    pids = (pid,) if isinstance(pid, int) else pid
    before, start = cpu(*pids), time.perf_counter()
    answer = work()
    wall = time.perf_counter() - start
    return Run(wall, cpu(*pids) - before, answer, count)


@dataclass(slots=True)
class Comparison:
    """Runs of two servers at the same work."""

    name: str
    mark: str
    ours: list[Run] = field(default_factory=list)
    peer: list[Run] = field(default_factory=list)

    def void(self) -> str | None:
        """Why the figures may not be used."""
        answers = {run.answer for run in self.ours} | {run.answer for run in self.peer}
        return None if len(answers) == 1 else f"unequal answers: {sorted(answers)}"

    def ratio(self, of: str) -> float:
        """Median of ours by median of the peer's, `wall` or `cpu`."""
        return _median(self.ours, of) / max(_median(self.peer, of), 1e-9)

    def show(self) -> dict[str, object]:
        """Print the figures and return them."""
        print(f"\n{self.name}   mark: {self.mark}")
        for who, runs in (("ours", self.ours), ("peer", self.peer)):
            walls = [run.wall * 1e3 / run.count for run in runs]
            cpus = [run.cpu * 1e3 / run.count for run in runs]
            print(
                f"  {who}: wall {_spread(walls)} ms  cpu {_spread(cpus)} ms  answer {runs[0].answer}"
            )
        row: dict[str, object] = {
            "name": self.name,
            "mark": self.mark,
            "wall": {"ours": _median(self.ours, "wall"), "peer": _median(self.peer, "wall")},
            "cpu": {"ours": _median(self.ours, "cpu"), "peer": _median(self.peer, "cpu")},
            "wall_ratio": self.ratio("wall"),
            "cpu_ratio": self.ratio("cpu"),
            "void": self.void(),
        }
        if self.void():
            print(f"  VOID: {self.void()}")
        else:
            print(f"  ours / peer: wall {self.ratio('wall'):.2f}  cpu {self.ratio('cpu'):.2f}")
        return row


def _median(runs: Sequence[Run], of: str) -> float:
    return statistics.median(float(getattr(run, of)) / run.count for run in runs)


def _spread(values: Sequence[float]) -> str:
    return f"{min(values):.3f} / {statistics.median(values):.3f} / {max(values):.3f}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A line of the table at the end."""

    name: str
    mark: str
    figure: str
    met: bool | None  # None: the figure says why there is no verdict

    def __str__(self) -> str:
        verdict = {True: "met", False: "MISSED", None: "-"}[self.met]
        return f"{self.name:40} {self.mark:>22} {self.figure:>22}  {verdict}"


def pin_client() -> None:
    """Keep this process off the server's core."""
    os.sched_setaffinity(0, {CLIENT_CPU})


def save(path: str | None, rows: Sequence[dict[str, object]]) -> None:
    """Append the rows as JSON lines."""
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
