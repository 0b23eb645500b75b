"""Print what real clients did in the last test run (`build/interop.jsonl`), and how often the explained differences from Dovecot were met
(`build/differences.json`); fail when one of them did nothing."""

from __future__ import annotations

import json
import sys
from pathlib import Path

REPORT = Path(__file__).resolve().parents[1] / "build" / "interop.jsonl"
DIFFERENCES = REPORT.with_name("differences.json")
EXPECTED = (
    *(
        "curl",
        "swaks",
        "mbsync",
        "imaplib",
        "smtplib",
        "IMAPClient",
        "Mail::IMAPClient",
        "offlineimap3",
    ),
    *("imapflow", "Thunderbird", "Thunderbird sending", "neomutt", "neomutt sending"),
)


def main() -> int:
    """The exit code: 0 when every expected client exchanged something."""
    rows = []
    if REPORT.exists():
        rows = [json.loads(line) for line in REPORT.read_text(encoding="utf-8").splitlines()]
    for row in sorted(rows, key=lambda row: str(row["client"])):
        commands = " ".join(f"{name}={count}" for name, count in sorted(row["commands"].items()))
        print(
            f"{row['client']:<12} {row['version'][:40]:<40} connections {row['connections']:<3}"
            f" sent {row['sent']:<9} received {row['received']:<9} {commands or '(encrypted)'}"
        )
    missing = []
    if DIFFERENCES.exists():
        found = json.loads(DIFFERENCES.read_text(encoding="utf-8"))
        commands = ", ".join(f"{count} {name}" for name, count in found["commands"].items())
        print(f"the same commands to Dovecot: {commands}")
        for name, count in sorted(found["met"].items(), key=lambda one: (-one[1], one[0])):
            print(f"{count:>6}  {name}")
    else:
        missing.append("Dovecot")
    missing += [
        name for name in EXPECTED if not any(row["client"].startswith(name) for row in rows)
    ]
    if missing:
        print(f"no evidence of: {', '.join(missing)}")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
