"""`make site` and `make publish`: the website and, beside it, the pages that show code and RFCs side by side, in one folder.

    python -m tools.build_site [--to FOLDER] [--name dev|v1.2] [options of `sitegen publish`]

The texts of RFCs that are missing are fetched first; without a network it builds with those that are here. build/site is what the server shows under /docs/.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from tools import reference

from postil_site.commands.rfclinks import main as rfclinks
from postil_site.commands.sitegen import main as sitegen

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str]) -> None:
    """One process for all, so that ending it ends everything."""
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--to", type=Path, default=ROOT / "build/site")
    given.add_argument("--name", default="dev")
    known, options = given.parse_known_args(arguments)
    try:
        rfclinks(["fetch", "--root", str(ROOT)], standalone_mode=False)
    except SystemExit as ended:  # a refused file is said by name, and the pages stay away
        if ended.code:
            raise
    reference.write()
    if (known.to / ".sitegen.json").is_file():  # of a time when one version stood alone here
        shutil.rmtree(known.to)
    command = ["publish", "--root", str(ROOT), "--to", str(known.to), "--name", known.name]
    sitegen([*command, *options])


if __name__ == "__main__":
    main(sys.argv[1:])
