"""`python -m postil.cli` is `postil`, also where no script was installed."""

from __future__ import annotations

from postil.cli import main

if __name__ == "__main__":
    main(prog_name="postil")
