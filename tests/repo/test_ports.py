"""The ports that the tests give to programs that cannot choose one."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

from tools import ports

ROOT = Path(__file__).parents[2]


def test_nobody_else_gets_it() -> None:
    """Two processes that ask at once, and the kernel, which gives ports away all the time."""
    asked = "from tools.ports import free_port; print(*(free_port() for _ in range(50)), flush=True); input()"
    others = [
        subprocess.Popen(
            [sys.executable, "-c", asked],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    try:
        given: list[int] = []
        for other in others:
            assert other.stdout is not None
            given += map(int, other.stdout.readline().split())
        given += [ports.free_port() for _ in range(50)]
    finally:
        for other in others:
            other.communicate("\n", timeout=20)
    assert len(given) == len(set(given)) == 150
    assert not set(given) & set(ports.given_away())


def test_one_in_use_is_passed_over() -> None:
    """By TCP or by UDP alone: a name server needs both."""
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as taken:
            taken.bind(("127.0.0.1", 0))
            if kind == socket.SOCK_STREAM:
                taken.listen()
            port = taken.getsockname()[1]
            assert not ports.is_free("127.0.0.1", port)
        assert ports.is_free("127.0.0.1", port)
