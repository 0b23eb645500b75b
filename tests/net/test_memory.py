"""What an idle connection costs; `python -m tools.bench.idle_memory` prints it beside the loops' own TLS."""

from __future__ import annotations

from pathlib import Path

from tools.bench.idle_memory import measure

# Measured: 20.1 KiB, 16.7 of them OpenSSL's own state. asyncio's TLS takes 278, so a step back shows.
MOST_KIB = 24


def test_an_idle_tls_connection(tmp_path: Path) -> None:
    """An idle connection with TLS stays under its bound, in a process of its own."""
    assert measure("pump", 400, tmp_path) / 1024 < MOST_KIB
