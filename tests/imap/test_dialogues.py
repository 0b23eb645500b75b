"""Every dialogue of tests/dialogs/imap, played to a real session over a store in memory."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support import dialogue
from tests.support.imap import play, world

FOLDER = Path(__file__).parent.parent / "dialogs" / "imap"
FILES = sorted(FOLDER.rglob("*.dlg"))


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(FOLDER)) for path in FILES])
async def test_dialogue(path: Path) -> None:
    """The server says what the dialogue says."""
    async with world() as made:
        await play(dialogue.parse(path), made)
