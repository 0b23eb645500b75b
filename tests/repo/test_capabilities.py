"""What IMAP announces is whole: a dialogue, tests that quote its RFC, and what an account hears that does without it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from postil.imap.capabilities import CAPABILITIES, Capability
from postil.sasl import scram

DIALOGUES = Path("tests/dialogs/imap")
# The dialogue that shows it, where its name begins with another RFC than the capability's.
SHOWN_IN = {
    "IMAP4rev1": "3501-recent.dlg",  # what rev2 has no more
    "STARTTLS": "9051-starttls-nocert.dlg",
    "LOGINDISABLED": "9051-plaintext.dlg",
    "AUTH=PLAIN": "9051-authenticate.dlg",
    "SASL-IR": "9051-authenticate.dlg",
    "ENABLE": "9051-enable.dlg",
    "IDLE": "9051-idle.dlg",
    "NAMESPACE": "9051-session.dlg",
    "CHILDREN": "9051-list.dlg",
    "UNSELECT": "9051-select.dlg",
    "UIDPLUS": "9051-uid-expunge.dlg",
    "LIST-EXTENDED": "9051-list.dlg",
    "MOVE": "9051-copy-move.dlg",
    "STATUS=SIZE": "9051-status.dlg",
    "WITHIN": "off.dlg",  # two search keys; `tests/imap/extensions/test_small_items.py` has the rest
}
# What cannot be switched off for an account, with the reason.
ALWAYS = {
    "IMAP4rev1": "without a revision there is no protocol",
    "STARTTLS": "before login there is no account",
    "LOGINDISABLED": "before login there is no account",
    **{
        f"AUTH={name}": "before login there is no account"
        for name in (*scram.MECHANISMS, "PLAIN", "EXTERNAL", "CRAM-MD5")
    },
    "SASL-IR": "before login there is no account",
    "LITERAL+": "literals are read before the command, and by then they are there",
    "CHILDREN": "attributes that every client must pass over (RFC 9051 §7.3.1)",
    "ESEARCH": "IMAP4rev2 has no other answer of SEARCH",
    "SEARCHRES": "part of IMAP4rev2",
    "QRESYNC": "goes with CONDSTORE",
    **{f"QUOTA=RES-{name}": "goes with QUOTA" for name in ("STORAGE", "MESSAGE", "MAILBOX")},
}


@pytest.mark.parametrize("capability", CAPABILITIES, ids=lambda one: one.name)
def test_whole(capability: Capability, repo_root: Path) -> None:
    """Dialogue, quoted sentences, and BAD where it is switched off."""
    folder = repo_root / DIALOGUES
    named = SHOWN_IN.get(capability.name)
    shown = [folder / named] if named else sorted(folder.glob(f"{capability.source}-*.dlg"))
    assert shown, f"no dialogue shows {capability.name}"
    assert all(file.is_file() for file in shown)
    marker = re.compile(rf'mark\.rfc\(\s*"{capability.source}"')
    assert any(
        marker.search(file.read_text("utf-8")) for file in (repo_root / "tests").rglob("test_*.py")
    ), f"no test quotes RFC {capability.source}"
    off = (folder / "off.dlg").read_text("utf-8")
    switched = re.search(r"^off: (.*)$", off, re.MULTILINE)
    assert switched is not None
    assert (capability.name in switched.group(1).split()) != (capability.name in ALWAYS)
