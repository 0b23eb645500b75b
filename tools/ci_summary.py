"""Sums up the JUnit files of a CI run: what was skipped and why, and how many tests there were.

A skipped test is a failure unless `.ci/allowed-skips.txt` names it: a test that never runs proves
nothing, and nobody notices. So is an allowed skip that no longer happens, and a run without tests. The
last line is `tests: N passed, N failed, N skipped`.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ALLOWED = ROOT / ".ci" / "allowed-skips.txt"


def allowed_skips(path: Path) -> dict[str, str]:
    """Name of the test -> reason."""
    rows = [line.split("\t") for line in path.read_text("utf-8").splitlines()]
    return {row[0]: row[1] for row in rows if len(row) == 2 and not row[0].startswith("#")}


def main(arguments: list[str]) -> int:
    """Reads the files, prints, judges."""
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    skipped: dict[str, str] = {}
    for name in arguments:
        for case in ElementTree.parse(name).iter("testcase"):
            test = f"{case.get('classname', '')}::{case.get('name', '')}"
            skip = case.find("skipped")
            if case.find("failure") is not None or case.find("error") is not None:
                counts["failed"] += 1
            elif skip is not None and skip.get("type") == "pytest.skip":
                counts["skipped"] += 1
                skipped[test] = (skip.get("message") or "").strip()
            else:  # an expected failure that failed is as expected
                counts["passed"] += 1
    allowed = allowed_skips(ALLOWED)
    wrong = 0
    for test, reason in sorted(skipped.items()):
        verdict = "allowed" if test in allowed else "NOT ALLOWED"
        wrong += test not in allowed
        print(f"skipped ({verdict}): {test}: {reason}")
    for test in sorted(allowed.keys() - skipped.keys()):
        wrong += 1
        print(f"no longer skipped, remove it from {ALLOWED.relative_to(ROOT)}: {test}")
    print(
        f"\ntests: {', '.join(f'{number} {what}' for what, number in counts.items())}", flush=True
    )
    return 1 if wrong or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
