"""Time grows with the size of the input, not with its square: hostile shapes at n and 4n.

Linear work takes 4 times as long, quadratic 16; the bound of 9 leaves room for a busy machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from postil.message import content, fields, threading, words
from postil.message.addresses import parse_addresses
from postil.message.dates import parse_date
from postil.message.markup import strip_html
from postil.message.params import content_type
from postil.message.parse import parse, parse_steps
from postil.message.structure import render
from postil.message.transfer import decode

BOUND = 9.0


def _whole(data: bytes) -> None:
    root = parse(data)
    render(root)
    content.preview(root, data)
    threading.references(root)


def _header(data: bytes) -> None:
    fields.subset(data, [b"to"])
    fields.first(data, b"nowhere")
    content.header_text(data, parse(data))


def _mixed(body: bytes) -> bytes:
    return b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + body


MESSAGES: dict[str, Callable[[int], bytes]] = {
    "parts": lambda n: _mixed(b"--b\r\n\r\nx\r\n" * (n // 8) + b"--b--"),
    "parts without blank line": lambda n: _mixed(b"--b\r\nX: y\r\n" * (n // 8)),
    "lines like delimiters": lambda n: _mixed(b"--bb\r\n--a\r\n" * (n * 4)),
    "lines of hyphens": lambda n: _mixed(b"--\n" * (n * 8)),
    "hyphens in a header": lambda n: _mixed(b"--b\r\nX: y\r\n" + b"--c\r\n" * (n * 4)),
    "nested multiparts": lambda n: b"".join(
        b"--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n" % (i, i + 1)
        for i in range(n // 2)
    ),
    "nested messages": lambda n: b"Content-Type: message/rfc822\r\n\r\n" * n + b"x\n" * (n * 8),
    "one line": lambda n: b"\r\n" + b"x" * (n * 400),
    "one header line": lambda n: b"X: " + b"x" * (n * 400),
    "blanks in a header": lambda n: b"X:" + b" " * (n * 200) + b"\r\n\r\n",
    "folded blanks": lambda n: b"Subject:" + b"\r\n " * (n * 30) + b"\r\n\r\n",
    "carriage returns": lambda n: b"Subject: " + b"\r" * (n * 30) + b"\r\n\r\n",
    "boundary lines without end": lambda n: _mixed(b"--b " + b"x" * (n * 400)),
}
HEADERS: dict[str, Callable[[int], bytes]] = {
    "short fields": lambda n: b"a:\r\n" * (n * 2) + b"\r\n",
    "no colons": lambda n: b"aaaa\r\n" * (n * 2) + b"\r\n",
    "a long name": lambda n: b"a" * (n * 30) + b"\r\n\r\n",
    "blanks before the colon": lambda n: b"a" + b" " * (n * 30) + b"\r\n\r\n",
}
VALUES: dict[str, tuple[Callable[[bytes], object], Callable[[int], bytes]]] = {
    "addresses": (parse_addresses, lambda n: b"A B <a@b>, " * (n // 8)),
    "obsolete addresses": (parse_addresses, lambda n: b"A. B (c) <a@b>, " * (n // 8)),
    "blanks in a phrase": (parse_addresses, lambda n: b"a" + b" " * (n * 8)),
    "a long phrase": (parse_addresses, lambda n: b"a " * (n * 4)),
    "open brackets": (parse_addresses, lambda n: b"<" * n),
    "quotes": (parse_addresses, lambda n: b'"' * n),
    "open comments": (parse_addresses, lambda n: b"(" * n),
    "dots": (parse_addresses, lambda n: b" . " * n),
    "backslashes": (parse_addresses, lambda n: b"\\" * n),
    "groups": (parse_addresses, lambda n: b"G:a@b;" * (n // 4)),
    "routes": (parse_addresses, lambda n: b"<@a" + b",@a" * n),
    "encoded words": (words.decode, lambda n: b"=?utf-8?q?a?= " * (n // 2)),
    "encoded words without end": (words.decode, lambda n: b"=?utf-8?q?a" * n),
    "question marks": (words.decode, lambda n: b"=?" * (n * 4)),
    "parameters": (content_type, lambda n: b"a/b" + b"; a=b" * n),
    "blanks in parameters": (content_type, lambda n: b"a/b;" + b" " * (n * 8)),
    "semicolons": (content_type, lambda n: b"a/b" + b"; " * (n * 4)),
    "comments": (content_type, lambda n: b"a/b;" + b"(" * (n * 4)),
    "dates": (parse_date, lambda n: b"Mon, " * n + b"1 Jan 2024"),
    "identifiers": (threading.message_ids, lambda n: b"<a" * n),
    "blanks in identifiers": (threading.message_ids, lambda n: b"<" + b" " * (n * 8)),
    "quoted identifiers": (threading.message_ids, lambda n: b'<"' * n),
    "subject leaders": (threading.base_subject, lambda n: b"Re: " * n),
    "subject blobs": (threading.base_subject, lambda n: b"[a]" * n),
    "base64": (lambda v: decode(v, "base64"), lambda n: b"YWJj\r\n" * (n * 20)),
    "blanks in quoted-printable": (
        lambda v: decode(v, "quoted-printable"),
        lambda n: b" " * (n * 60) + b"x \r\n",
    ),
    "equals signs": (lambda v: decode(v, "quoted-printable"), lambda n: b"=" * (n * 40)),
    "tags": (lambda v: strip_html(v.decode()), lambda n: b"<" * n),
    "heads": (lambda v: strip_html(v.decode()), lambda n: b"<head>" * n),
    "scripts": (lambda v: strip_html(v.decode()), lambda n: b"<script></script>" * n),
    "comments in markup": (lambda v: strip_html(v.decode()), lambda n: b"<!--" * n),
}
CASES: dict[str, tuple[Callable[[bytes], object], Callable[[int], bytes]]] = {
    **{name: (_whole, made) for name, made in MESSAGES.items()},
    **{f"header of {name}": (_header, made) for name, made in HEADERS.items()},
    **VALUES,
}


def _fastest(read: Callable[[bytes], object], data: bytes) -> float:
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        read(data)
        best = min(best, time.process_time() - start)
    return best


@pytest.mark.parametrize("name", CASES)
def test_work_grows_with_size(name: str) -> None:
    """Four times the input takes about four times as long, in every hostile shape."""
    read, make = CASES[name]
    n = 1_000
    # Large enough to be measured, on any machine.
    while (small := _fastest(read, make(n))) < 0.002 and n < 64_000:
        n *= 2
    large = _fastest(read, make(4 * n))
    assert large < BOUND * max(small, 0.002), f"{small * 1e3:.1f} ms, then {large * 1e3:.1f} ms"


def test_slices_are_short() -> None:
    """While a hostile 8 MB message is parsed, the loop gets a turn about every 5 ms.

    The bound is twenty times that, the better of two runs: a busy machine and the garbage collector take their share.
    """
    for data in (
        MESSAGES["lines of hyphens"](100_000),
        MESSAGES["hyphens in a header"](100_000),
        MESSAGES["parts"](200_000),
        MESSAGES["one line"](20_000),
        b"a:\r\n" * 1_000_000 + b"\r\nbody",
        b"Content-Type: message/rfc822\r\n\r\n" * 50 + b"x\r\n" * 2_500_000,
    ):
        longest = min(_longest_slice(data) for _ in range(2))
        assert longest < 0.1, f"{data[:20]!r}: {longest * 1e3:.1f} ms"


def _longest_slice(data: bytes) -> float:
    """Seconds of CPU between two turns of the loop, at worst."""
    longest = 0.0
    steps = parse_steps(data)
    while True:
        start = time.process_time()
        try:
            next(steps)
        except StopIteration:
            return longest
        finally:
            longest = max(longest, time.process_time() - start)
