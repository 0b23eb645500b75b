"""Ports for programs that cannot take port 0 and tell us which they got.

A port from `bind(0)` belongs to nobody once the probe is closed: the kernel gives it to the next connection that
anybody opens, in the half second until the program listens. So these come from outside the range that the kernel
gives away, and each stays ours until this process ends (a lock on a file of its number).
"""

import contextlib
import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
# Below are the ports of known services; those above are given away on every system (RFC 6335 §6).
_LOWEST, _HIGHEST = 20_000, 49_151
_HELD: list[int] = []  # descriptors of the locks: open until the process ends


def free_port(host: str = "127.0.0.1") -> int:
    """A port free for TCP and UDP on the address, and nobody else's who asks here while this process lives."""
    ephemeral = given_away()
    folder = Path(tempfile.gettempdir()) / f"ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    candidates = [port for port in range(_LOWEST, _HIGHEST + 1) if port not in ephemeral]
    random.shuffle(candidates)
    for port in candidates:
        if _lock(folder / str(port)):
            if is_free(host, port):
                return port
            os.close(_HELD.pop())
    raise OSError(f"no free port on {host} between {_LOWEST} and {_HIGHEST}")


def given_away() -> range:
    """The ports that the kernel takes for connections and for `bind(0)`; empty where it is not Linux."""
    with contextlib.suppress(OSError, ValueError):
        first, last = map(int, _EPHEMERAL.read_text().split())
        if first > _LOWEST:
            return range(first, last + 1)
    return range(0)


def _lock(file: Path) -> bool:
    descriptor = os.open(file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return False
    _HELD.append(descriptor)
    return True


def is_free(host: str, port: int) -> bool:
    """Whether both a TCP and a UDP server could bind it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(family, kind) as probe:
            # as servers bind: a connection of the last run that still waits in TIME_WAIT is no hindrance
            probe.setsockopt(
                socket.SOL_SOCKET, socket.SO_REUSEADDR, int(kind == socket.SOCK_STREAM)
            )
            try:
                probe.bind((host, port))
            except OSError:
                return False
    return True
