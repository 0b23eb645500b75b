"""Every line that the RFCs give as a server's is read, and as what it is."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from postil.imap.client import parse
from postil.imap.client.framer import Framer
from postil.imap.client.parse import Response
from postil.imap.client.responses import Unknown

MIRROR: Final = Path(os.environ.get("RFC_MIRROR", "../shared/rfc/txt"))
# How many examples each has at least: the test must not pass because it found none.
RFCS: Final = {
    9051: 300, 3501: 150, 7162: 150, 5464: 15, 9208: 15, 5465: 20, 7377: 4, 9585: 5, 9586: 10, 9394: 10, 10022: 3, 8508: 8,
    5256: 8, 8474: 30, 8970: 15, 8514: 4, 5258: 60, 5819: 6, 9590: 6, 4731: 10, 2971: 2, 2342: 8, 6154: 10, 4315: 6, 6851: 3, 5182: 15,
    8438: 1, 5161: 2, 2177: 10, 3502: 1,
}  # fmt: skip
# Not responses: elisions, mistakes of the RFCs (as in their errata), and octets of messages that stand behind a literal header that was cut.
LEFT_OUT: Final = re.compile(
    r"\.\.\.|…|<|\[\.|^\S+ STATUS completed|^\* (?:\d+ )?FETCH \($|^\) *$|^S:|\{\d+\}"
    r"|\(TAG \"a00\"\) \(COUNT"  # RFC 5465 §3.1, an option of ESEARCH in a list
)
# XPIG-LATIN is the RFC's example of a response that nobody knows; `* EXISTS 93` is a slip of RFC 5465.
UNKNOWN: Final = ("XPIG-LATIN", "EXISTS")
_BREAK = re.compile(r"^(?:\S.*\[Page \d+\]|RFC \d+ .*|\f.*)$")


def examples(text: str) -> Iterator[str]:
    """`S:` lines with the lines they are continued by, of which the RFCs write no `S:`."""
    lines = [line for line in text.split("\n") if not _BREAK.match(line)]
    current: str | None = None
    indent = 0
    for line in lines:
        match = re.match(r"^( *)S: +(.*)$", line)
        if match:
            if current is not None:
                yield current
            indent, current = len(match.group(1)), match.group(2).rstrip()
            continue
        if current is None:
            continue
        continues = re.match(r"^( +)(\S.*)$", line)
        least = indent + (not current.startswith("* ESEARCH"))  # RFC 7377 does not indent them
        if continues and len(continues.group(1)) >= least and not re.match(r"^ *C: ", line):
            if not continues.group(2).startswith("(Time passes"):
                current = current.removesuffix("\\").rstrip() + " " + continues.group(2).rstrip()
        elif line.strip() or not current.endswith("\\"):
            yield current
            current = None
    if current is not None:
        yield current


def balanced(line: str) -> bool:
    """Is it a whole line of the protocol: brackets closed, outside quotes?"""
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", line)
    return bare.count("(") == bare.count(")") and '"' not in bare


def read(line: str) -> Response:
    framer = Framer()
    framer.feed(line.encode() + b"\r\n")
    frame = framer.next()
    assert frame is not None
    return parse.response(frame)


@pytest.mark.parametrize("rfc", RFCS)
def test_examples(rfc: int) -> None:
    """All of them, but those that are no whole response as printed."""
    path = MIRROR / f"rfc{rfc}.txt"
    if not path.exists():
        pytest.skip(f"no {path}: RFC_MIRROR names a folder of RFC texts")
    count = 0
    unknown: list[str] = []
    failed: list[str] = []
    for example in examples(path.read_text("utf-8", "replace")):
        line = example.partition(" // ")[0]
        if (
            LEFT_OUT.search(line)
            or not balanced(line)
            or not re.match(r"^(\*|\+|[A-Za-z0-9.]+ (OK|NO|BAD)\b)", line)
        ):
            continue
        count += 1
        try:
            response = read(line)
        except Exception as error:  # noqa: BLE001 all of them are shown
            failed.append(f"{line!r}: {error!r}")
            continue
        if isinstance(response, Unknown) and response.name not in UNKNOWN:
            unknown.append(line)
    assert not failed, "\n".join(failed)
    assert not unknown, unknown
    assert count >= RFCS[rfc], f"only {count} examples found"
