"""A small repository with a text, made for these tests: code in two languages, tests, a TODO, a file that is no text."""

from __future__ import annotations

import json
from pathlib import Path

from tests.sitegen.texts.sample import SAMPLE

LAMP = '''"""Lamps, RFC 99999.

Strings over
  several lines.
"""


def light(lamp: int = 0x1F) -> str:
    # RFC 99999 §1.1: "A server MUST answer within a second" so nothing waits here
    if lamp < 3 and lamp > 1:
        return "on & <off>"
    # TODO(RFC 99999 §2.1): dimming is missing, a client sees full light
    return f"{lamp}"
'''
GO = """package lamp

// Light follows RFC 99999 section 2.1, see also RFC 99998.
func Light() string { return "<&>" }
"""
TEST = '''import pytest


@pytest.mark.rfc("99999", "1.1", "A client MAY wait")
def test_wait():
    """Waiting is allowed."""
'''


def repository(folder: Path) -> Path:
    """Write it."""
    root = folder / "lamps"
    files: dict[str, bytes] = {
        "lamp.py": LAMP.encode(),
        "go/lamp #1.go": GO.encode(),
        "tests/test_lamp.py": TEST.encode(),
        "latin.py": b"# caf\xe9, RFC 99999\n",
        "binary.py": b"\0\1\2",
        "empty.py": b"",
        "rfc/index.txt": b"# Lamps\n99999\tPartial\tProposed Standard\tThe Lamp Switching Protocol\n99998\tNo\tExperimental\tGone\nwhat is this\n",
        "rfc/txt/rfc99999.txt": SAMPLE.encode(),
        "rfc/errata/rfc99999.json": json.dumps(
            [
                {
                    "errata_id": "7", "doc-id": "RFC99999", "errata_status_code": "Verified", "errata_type_code": "Technical",
                    "section": "1.1", "orig_text": "A server MUST answer within a second", "correct_text": "A server MUST answer within two seconds", "notes": "<b>slow</b>",
                }
            ]
        ).encode(),
    }  # fmt: skip
    for name, octets in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(octets)
    return root
