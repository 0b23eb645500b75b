"""How often a server syncs, counted by strace: a run of its own, since a traced server is a slow one."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence

from tools.bench import meter

CALLS = ("fsync", "fdatasync", "msync", "sync_file_range", "syncfs")
_CALLS = 3  # column of `strace -c`: share of time, seconds, microseconds a call, calls, errors if any, name


def count(pids: Sequence[int], work: Callable[[], int]) -> tuple[dict[str, int], int]:
    """Calls by name while `work` ran, and what it returned; no calls known where there is no strace."""
    strace = shutil.which("strace")
    if strace is None:
        return {}, work()
    members = [member for pid in pids for member in meter.tree(pid)]
    with tempfile.NamedTemporaryFile("r", prefix="postil-strace") as out:
        command = [strace, "-c", "-f", "-e", f"trace={','.join(CALLS)}", "-o", out.name]
        for member in members:
            command += ["-p", str(member)]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        for _ in members:  # a line for each process that it has hold of
            process.stderr.readline()
        try:
            answer = work()
            time.sleep(0.2)  # what the answer did not wait for
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
        rows = [line.split() for line in out.read().splitlines()]
        return {row[-1]: int(row[_CALLS]) for row in rows if row and row[-1] in CALLS}, answer
