"""What IMAP announces is whole: a dialogue, every MUST of its RFC proved or decided, and NO or BAD for an account without it.

`make check` runs this by itself, beside `make test`: a capability cannot be announced before all of it is there.
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support import dialogue
from tests.support.dialogue import Dialogue, Mismatch
from tests.support.imap import play, world

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
# What can be switched off and then has no command to refuse. ENABLE passes over what it does not know (RFC 5161 §3.1).
NOTHING_TO_REFUSE = {
    "IMAP4rev2": "off-enable.dlg",
    "UIDONLY": "off-enable.dlg",
    "UTF8=ACCEPT": "off-enable.dlg",
    "INPROGRESS": "",  # lines of ours in the middle of a long command: tests/imap/extensions/test_inprogress.py
}
# MUSTs that are neither proved by a test nor decided, in RFCs that were announced before this was asked for. A number here only ever gets
# smaller, and an RFC that is not here has none.
OPEN = {
    "3501": 1,
    "5802": 1,
    "9051": 2,
}
SETTLED = {"passing", "tested", "failing", "not-applicable", "not-planned", "exception"}

capabilities = pytest.mark.parametrize("capability", CAPABILITIES, ids=lambda one: one.name)
refusing = pytest.mark.parametrize(
    "capability",
    [one for one in CAPABILITIES if one.name not in {*ALWAYS, *NOTHING_TO_REFUSE}],
    ids=lambda one: one.name,
)


@capabilities
def test_shown(capability: Capability, repo_root: Path) -> None:
    """A dialogue, and a test that quotes its RFC."""
    folder = repo_root / DIALOGUES
    named = SHOWN_IN.get(capability.name)
    shown = [folder / named] if named else sorted(folder.glob(f"{capability.source}-*.dlg"))
    assert shown, f"no dialogue shows {capability.name}"
    assert all(file.is_file() for file in shown)
    marker = re.compile(rf'mark\.rfc\(\s*"{capability.source}"')
    assert any(
        marker.search(file.read_text("utf-8")) for file in (repo_root / "tests").rglob("test_*.py")
    ), f"no test quotes RFC {capability.source}"


@pytest.mark.rfc(
    "3501",
    "7.2.1",
    'Capability names MUST either begin with "X" or be standard or standards-track IMAP4rev1 extensions, revisions, or amendments registered with IANA.',
)
@pytest.mark.rfc(
    "3501",
    "7.2.1",
    'A server MUST NOT offer unregistered or non-standard capability names, unless such names are prefixed with an "X".',
)
@capabilities
def test_named_by_its_rfc(capability: Capability, shared_dir: Path) -> None:
    """No name is our own: each stands, spelled so, in the RFC that it is of."""
    text = (shared_dir / f"rfc/txt/rfc{capability.source}.txt").read_text("utf-8", "replace")
    assert re.search(rf"\b{re.escape(capability.name.removeprefix('AUTH='))}(?![\w=])", text)


@pytest.fixture(scope="module")
def unsettled(repo_root: Path, shared_dir: Path) -> Mapping[str, Mapping[str, str]]:
    """RFC: id and words of each MUST that no test proves and nobody has decided."""
    done = subprocess.run(
        [sys.executable, "tools/rfclinks.py", "matrix", "--json"],
        cwd=repo_root,
        env={"RFC_MIRROR": str(shared_dir / "rfc/txt"), **os.environ},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    rows = json.loads(done.stdout)
    assert rows, "there is no text of any RFC to look at"
    found: dict[str, dict[str, str]] = {str(row["rfc"]): {} for row in rows}
    for row in rows:
        if row["level"] in ("MUST", "MUST NOT") and row["status"] not in SETTLED:
            found[str(row["rfc"])][row["id"]] = f"§{row['section']}: {row['clause'][:100]}"
    return found


@pytest.mark.parametrize("rfc", sorted({one.source for one in CAPABILITIES}, key=int))
def test_every_must(rfc: str, unsettled: Mapping[str, Mapping[str, str]]) -> None:
    """Each MUST of the RFC is quoted by a test or decided with a reason in rfc/requirements."""
    assert rfc in unsettled, f"the text of RFC {rfc} is not there"
    still = unsettled[rfc]
    allowed = OPEN.get(rfc, 0)
    assert len(still) <= allowed, "\n".join([f"{len(still)}, not {allowed}:", *still.values()])
    assert still or rfc not in OPEN, f"RFC {rfc} has no open MUST any more: take it off the list"


@functools.cache
def _refusals() -> Mapping[str, Counter[str]]:
    """Capability: in which dialogues a NO or BAD is due to its being switched off, and the first such lines."""
    return asyncio.run(_all_refusals())


async def _all_refusals() -> Mapping[str, Counter[str]]:
    folder = Path(__file__).parents[2] / DIALOGUES
    found: dict[str, Counter[str]] = {}
    for path in sorted(folder.glob("off*.dlg")):
        played = dialogue.parse(path)
        for name in played.value("off").split():
            step = await _deviates(_with(_without_list(played), name))
            if step is not None:
                found.setdefault(name, Counter())[f"{path.name}: {step}"] += 1
    return found


def _without_list(played: Dialogue) -> Dialogue:
    """Without CAPABILITY, which of course differs, and without what must not come."""
    steps = [step for step in played.steps if step.mark != "!"]
    at = next((at for at, step in enumerate(steps) if step.text.endswith(" CAPABILITY")), None)
    if at is not None:
        del steps[at : at + 3]  # the command, the list, the result
    return replace(played, steps=tuple(steps))


def _with(played: Dialogue, name: str) -> Dialogue:
    """The same, for an account that has this one."""
    rest = " ".join(one for one in played.value("off").split() if one != name)
    return replace(
        played,
        scene=tuple((key, rest if key == "off" else value) for key, value in played.scene),
    )


async def _deviates(played: Dialogue) -> str | None:
    """The line of the dialogue that the server does not say."""
    async with world() as made:
        try:
            await play(played, made)
        except Mismatch as error:
            return str(error).splitlines()[0]
    return None


@capabilities
def test_can_be_switched_off(capability: Capability) -> None:
    """Unless it stands on the list with a reason, a dialogue plays without it, and goes another way with it."""
    shown = _refusals().get(capability.name)
    if capability.name in ALWAYS or NOTHING_TO_REFUSE.get(capability.name) == "":
        assert shown is None, "it can be switched off: take it off the list"
        return
    assert shown, f"no off*.dlg shows an account without {capability.name}"


@refusing
def test_refused_when_off(capability: Capability) -> None:
    """The first thing that differs is a NO or BAD that somebody who has it does not hear."""
    shown = _refusals()[capability.name]
    line = re.compile(r"expected S\d*~?: \S+ (NO|BAD) ")
    assert any(line.search(step) for step in shown), "\n".join(shown)
