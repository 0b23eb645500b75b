"""`rfclinks` from a checkout that is not installed: a thin door to `postil_site.commands.rfclinks`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "sitegen"))

from postil_site.commands.rfclinks import main

if __name__ == "__main__":
    main()
