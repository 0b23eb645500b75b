"""`make site`: fetches the texts of RFCs that are missing, then builds the pages of this repository in build/site.

Without a network it builds with the texts that are here. Options go to `sitegen build`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from postil_site.commands.rfclinks import main as rfclinks
from postil_site.commands.sitegen import main as sitegen

ROOT = Path(__file__).resolve().parent.parent


def main(options: list[str]) -> None:
    """One process for both, so that ending it ends everything."""
    try:
        rfclinks(["fetch", "--root", str(ROOT)], standalone_mode=False)
    except SystemExit as ended:  # a refused file is said by name, and the pages stay away
        if ended.code:
            raise
    sitegen(["build", "--root", str(ROOT), "--out", str(ROOT / "build/site"), *options])


if __name__ == "__main__":
    main(sys.argv[1:])
