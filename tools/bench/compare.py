"""Every mark beside Dovecot (Maildir and sdbox) and Postfix: `python -m tools.bench.compare`.

Servers take turns (A B A B A B), each on one core, the client on another. For a task the figure is our median by that of Dovecot with
Maildir, of wall or CPU, whichever is worse for us; sdbox stands beside it. Unequal answers void a row. `--only` takes a
pattern of names, `--json` writes all runs. The marks that have no peer, or another one, are in `reception` and `crowd`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tools.bench import crowd, generate, imapload, meter, ours, peers, reception, syncs, tasks

LEAST_CPU = 0.03  # seconds: the clock of CPU time ticks at 0.01, and less would be noise


@dataclass(slots=True)
class Row:
    """A task and its runs by server; the first server is ours, the second the one to compare with."""

    name: str
    mark: float
    runs: dict[str, list[meter.Run]] = field(default_factory=dict)
    syncs: dict[str, float] = field(default_factory=dict)  # for each message

    def median(self, server: str, of: str) -> float:
        return statistics.median(float(getattr(run, of)) / run.count for run in self.runs[server])

    @property
    def void(self) -> bool:
        return len({run.answer for runs in self.runs.values() for run in runs}) > 1

    def ratio(self, peer: str) -> float:
        """The worse of wall and CPU; of wall alone where a run is too short for the clock of CPU time."""
        mine = next(iter(self.runs))
        clocks = ["wall"]
        if self.median(peer, "cpu") * self.runs[peer][0].count >= LEAST_CPU:
            clocks.append("cpu")
        return max(self.median(mine, of) / self.median(peer, of) for of in clocks)

    def show(self) -> str:
        """A line for people."""
        _, *others = self.runs
        figures = [
            f"{name} {self.median(name, 'wall') * 1e3:.2f}/{self.median(name, 'cpu') * 1e3:.2f} ms"
            for name in self.runs
        ]
        text = f"{self.name:36} " + "  ".join(figures)
        if self.void:
            answers = {name: sorted({run.answer for run in self.runs[name]}) for name in self.runs}
            return f"{text}  VOID: unequal answers {answers}"
        if others:
            ratio = self.ratio(others[0])
            text += f"  ratio {ratio:.2f}, mark {self.mark:g}: {'met' if ratio <= self.mark else 'MISSED'}"
            text += "".join(f"; to {peer} {self.ratio(peer):.2f}" for peer in others[1:])
        if self.syncs:
            text += "  syncs a message: " + ", ".join(f"{n} {v:.2f}" for n, v in self.syncs.items())
        return text


@contextlib.contextmanager
def servers(folder: Path) -> Iterator[list[tuple[peers.Server, imapload.Client]]]:
    """Ours and the peers that are installed, logged in."""
    with contextlib.ExitStack() as stack:
        we = stack.enter_context(ours.postil(folder / "ours"))
        found = [(we, imapload.Client(we.imap).login(ours.USER, ours.PASSWORD))]
        for mail_format in ("maildir", "sdbox"):
            try:
                they = stack.enter_context(peers.dovecot(folder / mail_format, mail_format))
            except peers.MissingPeer as missing:
                print(f"without Dovecot {mail_format}: {missing}")
                continue
            found.append((they, imapload.Client(they.imap).login(peers.USER, peers.PASSWORD)))
        for server, _ in found:
            print(f"{server.name}: {server.about}")
        yield found
        for _, client in found:
            client.close()


def fill(client: imapload.Client, given: argparse.Namespace, wanted: set[str]) -> None:
    """The mailboxes that the chosen tasks work in."""
    short = [generate.message(number, 600) for number in range(500)]
    boxes = {
        "big": (short[number % 500] for number in range(given.big)),
        "small": (generate.message(number, 2048) for number in range(given.small)),
        "bodies": (generate.message(number, tasks.BODY) for number in range(1000)),
    }
    for name in sorted(wanted):
        client.command(f"CREATE {name}")
        client.fill_fast(name, boxes[name])


def run(
    given: argparse.Namespace,
    task: tasks.Task,
    found: Sequence[tuple[peers.Server, imapload.Client]],
) -> Row:
    """All runs of one task, in turns; one more at the beginning warms, one at the end is traced."""
    row = Row(task.name, task.mark)
    for number in range(-1, given.runs + task.syncs):
        for server, client in found:
            client.select(task.box)
            task.before(client)

            def work(client: imapload.Client = client) -> int:
                return [task.work(client) for _ in range(task.times)][-1]

            if number == given.runs:
                calls, answer = syncs.count(server.pids, work)
                row.syncs[server.name] = sum(calls.values()) / answer
            else:
                measured = meter.measured(server.pids, work, task.times)
                if number >= 0:
                    row.runs.setdefault(server.name, []).append(measured)
            task.after(client)
    return row


def compare(given: argparse.Namespace, folder: Path) -> list[Row]:
    """The marks over IMAP."""
    needles = tasks.words_for([generate.message(number, 2048) for number in range(500)])
    chosen = [t for t in tasks.tasks(*needles, given.appends) if re.search(given.only, t.name)]
    rows: list[Row] = []
    if not chosen:
        return rows
    with servers(folder) as found:
        for server, client in found:
            fill(client, given, {task.box for task in chosen})
            print(f"{server.name}: filled", flush=True)
        for task in chosen:
            rows.append(run(given, task, found))
            print(rows[-1].show(), flush=True)
    return rows


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
    arguments.add_argument("--huge", type=int, default=100_000, help="the mark says a million")
    arguments.add_argument("--json", help="write everything there")
    given = arguments.parse_args()
    meter.pin_client()
    with tempfile.TemporaryDirectory(prefix="postil-bench") as name:
        folder = Path(name)
        folder.chmod(0o755)
        rows: list[dict[str, object]] = [asdict(row) for row in compare(given, folder / "imap")]
        rows += crowd.compare(given, folder / "crowd")
        rows += reception.compare(given, folder / "smtp")
    if given.json:
        Path(given.json).write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
