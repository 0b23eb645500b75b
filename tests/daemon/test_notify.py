"""What the service manager hears."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from postil.daemon.notify import notify


def test_nobody_listens(tmp_path: Path) -> None:
    """Without a service manager, or with one that has gone, nothing happens."""
    assert notify("READY=1", {}) is False
    assert notify("READY=1", {"NOTIFY_SOCKET": str(tmp_path / "gone")}) is False


@pytest.mark.parametrize("abstract", [False, True])
def test_ready(tmp_path: Path, abstract: bool) -> None:
    """One datagram with the message, to a path or a name in the abstract namespace."""
    name = f"@postil-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name[1:] if abstract else name)
        assert notify("READY=1", {"NOTIFY_SOCKET": name}) is True
        assert manager.recv(100) == b"READY=1"
