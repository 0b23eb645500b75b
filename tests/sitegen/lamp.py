"""A small repository that implements a small RFC, made for tests: one file of each kind of reference."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

TEXT = """\



Network Working Group                                          A. Author
Request for Comments: 7777                                  January 2026
Category: Standards Track


                       The Lamp Switching Protocol

1.  Introduction

   A lamp is on or off.

2.  Commands

   A server MUST answer within a second.  It SHOULD NOT blink.  A client
   MAY wait for the answer.

2.1.  Light It

   The lamp MUST give light, and it MUST NOT smoke.

   Lamps SHOULD be dusted every year.

3.  Errors

   Lamps that are broken MUST be replaced within a day by somebody who
   knows how.



Author                      Standards Track                     [Page 1]
\f
RFC 7777               Lamp Switching Protocol             January 2026


3.1.  Doors

   The door MUST be shut.  The window is open.

   The door MUST be shut.

4.  Summary

   Servers MUST be quick with their answer.

   A lamp MUST NOT be lit by:

   o  children,

   o  cats that have not been taught.
"""

ERRATA = [
    {
        "errata_id": "501",
        "errata_status_code": "Verified",
        "errata_type_code": "Technical",
        "section": "2.1",
        "orig_text": "Lamps SHOULD be dusted every year.",
        "correct_text": "Lamps SHOULD be dusted every month.",
        "notes": "",
    }
]

INDEX = """\
0001 Host Software. S. Crocker. April 1969. (Format: TXT) (Status: UNKNOWN)

7000 The Old Lamp Protocol. A. Author. January 2020. (Format: TXT)
     (Obsoleted by RFC7777) (Status: PROPOSED STANDARD)

7777 The Lamp Switching Protocol. A. Author. January 2026. (Format: TXT)
     (Obsoletes RFC7000) (Status: PROPOSED STANDARD)

7778 Lamps at Night. A. Author. January 2026. (Format: TXT) (Status: INFORMATIONAL)
"""

OLD = TEXT.replace("7777", "7000")


def make(root: Path, files: dict[str, str]) -> Path:
    """A git repository with the texts, and `files` committed."""
    base = {
        "rfc/txt/rfc7777.txt": TEXT,
        "rfc/txt/rfc7000.txt": OLD,
        "rfc/rfc-index.txt": INDEX,
        "rfc/errata/rfc7777.json": json.dumps(ERRATA),
        ".gitignore": "build/\nrfc/txt/\nrfc/errata/\nrfc/rfc-index.txt\n",
    }
    write(root, {**base, **files})
    git(root, "init", "-q")
    commit(root)
    return root


def write(root: Path, files: dict[str, str]) -> None:
    """Write files below a folder."""
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")


def git(root: Path, *arguments: str) -> str:
    """One git command, without anybody's settings."""
    quiet = {
        "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@example.org",
        "GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@example.org",
    }  # fmt: skip
    command = ["git", "-C", str(root), *arguments]
    done = subprocess.run(command, check=True, capture_output=True, env={**os.environ, **quiet})
    return done.stdout.decode()


def commit(root: Path) -> None:
    """Everything as it is now."""
    git(root, "add", "-A")
    git(root, "commit", "-q", "--allow-empty", "-m", "as it is")


def results(
    root: Path, rows: list[tuple[str, str, str | None, str]], *, fresh: bool = True
) -> Path:
    """A results file: (test, section, quote, outcome) of RFC 7777, of the commit that is checked out."""
    head = git(root, "rev-parse", "HEAD").strip() if fresh else "0" * 40
    lines: list[dict[str, object]] = [
        {"schema": 1, "commit": head, "dirty": None, "complete": True}
    ]
    for test, section, quote, outcome in rows:
        lines.append(
            {
                "test": test,
                "rfc": "7777",
                "section": section,
                "quote": quote,
                "outcome": outcome,
                "duration": 0.1,
                "commit": head,
            }
        )
    file = root / "build" / "rfc-results.jsonl"
    file.parent.mkdir(exist_ok=True)
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return file
