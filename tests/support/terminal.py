"""A terminal for a program that draws on one: keys go in, what it draws is kept."""

from __future__ import annotations

import os
import pty
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

PATIENCE = 60.0  # seconds on a busy machine
ROWS, COLUMNS = 40, 120


class Terminal:
    """A running program."""

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self._process = process
        self._master = master
        self._news = threading.Condition()
        self.drawn = b""
        self._reader = threading.Thread(target=self._read, name="terminal", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                piece = os.read(self._master, 65536)
            except OSError:  # the program was the last one that had the other side open
                piece = b""
            with self._news:
                self.drawn += piece
                self._news.notify_all()
            if not piece:
                return

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def wait(self, holds: Callable[[], bool]) -> None:
        """Until it holds, looked at whenever something is drawn, and now and then."""
        end = time.monotonic() + PATIENCE
        with self._news:
            while not holds():
                assert time.monotonic() < end and self._process.poll() is None, self.drawn[-3000:]
                self._news.wait(0.1)

    def end(self) -> None:
        """It comes to an end by itself, and a good one."""
        try:
            status = self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it does not end: {self.drawn[-3000:]!r}") from None
        self._reader.join(PATIENCE)
        assert status == 0, self.drawn[-3000:]


@contextmanager
def terminal(command: list[str], environment: Mapping[str, str]) -> Iterator[Terminal]:
    """The program until the block ends."""
    import fcntl
    import termios

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    try:
        process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            env=os.environ | {"TERM": "xterm", "LC_ALL": "C.UTF-8"} | dict(environment),
        )  # fmt: skip
    finally:
        os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(master)
