"""Every mark beside Dovecot (Maildir and sdbox) and Postfix: `python -m tools.bench.compare`.

Servers take turns (A B A B A B), each on one core, the client on another. For a task the figure is our median by that of Dovecot with
Maildir, of wall or CPU, whichever is worse for us; sdbox stands beside it. Unequal answers void a row. `--only` takes a
pattern of names, `--json` writes all runs, `--data` names the folder in which filled mailboxes are kept between runs. The marks that
have no peer, or another one, are in `crowd`, `reception` and `huge`. A table of all marks ends the run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import signal
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tools.bench import (
    agree,
    crowd,
    huge,
    imapload,
    meter,
    peers,
    prepared,
    reception,
    syncs,
    tasks,
)

LEAST_CPU = 0.002  # seconds a run: with less, what the processes do behind the scenes decides
DATA = Path("/var/tmp/postil-bench")  # a disk: a file system in memory has no syncs to wait for


@dataclass(slots=True)
class Row:
    """A task and its runs by server; the first server is ours."""

    name: str
    mark: float
    peer: str  # whom the mark is about
    runs: dict[str, list[meter.Run]] = field(default_factory=dict)
    syncs: dict[str, float] = field(default_factory=dict)  # for each message

    def median(self, server: str, of: str) -> float:
        return statistics.median(float(getattr(run, of)) / run.count for run in self.runs[server])

    @property
    def void(self) -> bool:
        return len({run.answer for runs in self.runs.values() for run in runs}) > 1

    def ratio(self, peer: str) -> float:
        """The worse of wall and CPU; of wall alone where the peer's CPU is too little to compare with."""
        mine = next(iter(self.runs))
        clocks = ["wall"]
        if self.median(peer, "cpu") * self.runs[peer][0].count >= LEAST_CPU:
            clocks.append("cpu")
        return max(self.median(mine, of) / self.median(peer, of) for of in clocks)

    def verdict(self) -> meter.Verdict:
        """The line of the table."""
        mark = f"<= {self.mark:g} x {self.peer}"
        if self.void:
            return meter.Verdict(self.name, mark, "unequal answers", None)
        if self.peer not in self.runs:
            return meter.Verdict(self.name, mark, "peer not installed", None)
        ratio = self.ratio(self.peer)
        return meter.Verdict(self.name, mark, f"{ratio:.2f}", ratio <= self.mark)

    def show(self) -> str:
        """Everything about it for people: medians of wall and CPU, ratios, answers, syncs."""
        lines = [self.name]
        mine = next(iter(self.runs))
        for name, runs in self.runs.items():
            answers = sorted({run.answer for run in runs})
            line = (
                f"  {name:16} wall {self.median(name, 'wall') * 1e3:9.2f} ms  CPU {self.median(name, 'cpu') * 1e3:9.2f}"
                f" ms  answer {answers}"
            )
            if name in self.syncs:
                line += f"  syncs a message {self.syncs[name]:.3f}"
            if name != mine:
                line += f"  ours/theirs {self.ratio(name):.2f}"
            lines.append(line)
        return "\n".join([*lines, f"  {self.verdict()}"])


def run(
    given: argparse.Namespace,
    task: tasks.Task,
    found: Sequence[tuple[peers.Server, imapload.Client]],
) -> Row:
    """All runs of one task, in turns; one more at the beginning warms, one at the end is traced."""
    row = Row(task.name, task.mark, task.peer)
    for number in range(-1, given.runs + task.syncs):
        for server, client in found:
            client.select(task.box)
            task.before(client)

            def work(client: imapload.Client = client) -> int:
                return [task.work(client) for _ in range(task.times)][-1]

            if number == given.runs:
                calls, _ = syncs.count(server.pids, work)
                row.syncs[server.name] = sum(calls.values()) / task.messages / task.times
            else:
                measured = meter.measured(server.pids, work, task.times)
                if number >= 0:
                    row.runs.setdefault(server.name, []).append(measured)
            task.after(client)
    return row


def compare(given: argparse.Namespace) -> list[Row]:
    """The marks over IMAP."""
    chosen = [t for t in tasks.tasks(given.appends) if re.search(given.only, t.name)]
    rows: list[Row] = []
    if not chosen:
        return rows
    wanted = {task.box for task in chosen}
    folder = prepared.folder_for(given.data, f"imap-{given.big}-{given.small}")
    boxes = prepared.boxes(given.big, given.small, tasks.BODY)
    prepared.fill(folder, [box for box in boxes if box.name in wanted])
    if given.prepare:
        return rows
    with prepared.servers(folder) as found:
        agree.check([server for server, _ in found], [box for box in boxes if box.name in wanted])
        for task in chosen:
            rows.append(run(given, task, found))
            print(rows[-1].show(), flush=True)
    return rows


def machine() -> dict[str, object]:
    """What the figures were made on."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    return {
        "cpu": model[1] if model else platform.processor(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load": os.getloadavg(),
    }


def main() -> None:
    """Run what was asked for and print it."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--only", default="", help="a pattern of the names of marks")
    arguments.add_argument("--runs", type=int, default=3)
    arguments.add_argument("--big", type=int, default=100_000, help="messages in the big mailbox")
    arguments.add_argument("--small", type=int, default=10_000, help="messages in the small one")
    arguments.add_argument("--appends", type=int, default=2000)
    arguments.add_argument("--receive", type=int, default=2000, help="messages a run of reception")
    arguments.add_argument("--flat", type=int, default=20_000, help="messages of the flatness run")
    arguments.add_argument("--huge", type=int, default=1_000_000, help="messages of the huge one")
    arguments.add_argument("--data", type=Path, default=DATA, help="filled mailboxes are kept here")
    arguments.add_argument("--prepare", action="store_true", help="only fill mailboxes")
    arguments.add_argument("--json", help="write everything there")
    given = arguments.parse_args()
    # Servers are ended by the blocks that started them, also when somebody ends us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    given.data.mkdir(parents=True, exist_ok=True)
    meter.pin_client()
    about = machine()
    print("  ".join(f"{name} {value}" for name, value in about.items()))
    rows = compare(given)
    verdicts = [row.verdict() for row in rows]
    others: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory(prefix="postil-bench", dir=given.data) as name:
        folder = Path(name)
        folder.chmod(0o755)
        if not given.prepare:
            others += crowd.compare(given, folder / "crowd")
            others += reception.compare(given, folder / "smtp")
        others += huge.compare(given)
    verdicts += [
        verdict for row in others if isinstance(verdict := row.get("verdict"), meter.Verdict)
    ]
    print(f"\n{'mark':40} {'at most / at least':>22} {'figure':>22}")
    for verdict in verdicts:
        print(verdict)
    if given.json:
        everything = {
            "machine": about,
            "verdicts": [asdict(verdict) for verdict in verdicts],
            "rows": [
                {**asdict(row), "ratios": {name: row.ratio(name) for name in list(row.runs)[1:]}}
                for row in rows
            ],
            "others": [{k: v for k, v in row.items() if k != "verdict"} for row in others],
        }
        Path(given.json).write_text(json.dumps(everything, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
