"""What a sender can make long costs what it is long: at n and 4n (linear 4 times, quadratic 16, the bound 9)."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from postil.smtp.paths import BadParameters, BadPath, parse_parameters, parse_path
from postil.smtp.wire import DataReader, Incoming

BOUND = 9.0
PIECE = 1460  # octets of a TCP segment


def _data(octets: bytes) -> None:
    reader = DataReader()
    for start in range(0, len(octets), PIECE):
        reader.feed(octets[start : start + PIECE])


def _lines(octets: bytes) -> None:
    incoming = Incoming()
    for start in range(0, len(octets), PIECE):
        incoming.feed(octets[start : start + PIECE])
        while incoming.line(1000) is not None:
            pass


def _path(octets: bytes) -> None:
    try:
        parse_path(octets.decode())
    except BadPath:
        return


def _parameters(octets: bytes) -> None:
    try:
        parse_parameters(octets.decode())
    except BadParameters:
        return


CASES: dict[str, tuple[Callable[[bytes], None], Callable[[int], bytes]]] = {
    "short lines of a message": (_data, lambda n: b"x\r\n" * (n * 60)),
    "dots": (_data, lambda n: b"..\r\n" * (n * 60)),
    "carriage returns": (_data, lambda n: b"\r" * (n * 200)),
    "line feeds": (_data, lambda n: b"\n" * (n * 200)),
    "almost the end": (_data, lambda n: b"\r\n.\r" * (n * 60)),
    "one line of a message": (_data, lambda n: b"x" * (n * 2000)),
    "commands": (_lines, lambda n: b"NOOP\r\n" * (n * 20)),
    "a command without end": (_lines, lambda n: b"x" * (n * 500)),
    "a route": (_path, lambda n: b"<" + b"@a," * (n * 8) + b"@a:b@c>"),
    "a quoted local part": (_path, lambda n: b'<"' + b"\\a" * (n * 8) + b'"@c>'),
    "labels": (_path, lambda n: b"<a@" + b"a." * (n * 8) + b"a>"),
    "parameters": (_parameters, lambda n: b"A=b " * (n * 8)),
}


def _fastest(read: Callable[[bytes], None], octets: bytes) -> float:
    best = float("inf")
    for _ in range(3):
        begun = time.process_time()
        read(octets)
        best = min(best, time.process_time() - begun)
    return best


@pytest.mark.parametrize("name", list(CASES))
def test_work_grows_with_size(name: str) -> None:
    """Four times the input takes about four times as long."""
    read, make = CASES[name]
    n = 500
    while (small := _fastest(read, make(n))) < 0.002 and n < 16_000:
        n *= 2
    large = _fastest(read, make(4 * n))
    assert large < BOUND * max(small, 0.002), f"{small * 1e3:.1f} ms, then {large * 1e3:.1f} ms"
