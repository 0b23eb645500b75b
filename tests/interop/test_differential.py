"""The same dialogues with our server and with Dovecot: what differs must stand in `differential/differences.toml`, with the sentence that decides.

Three sources: the client's lines of our own dialogues (`tests/dialogs/imap`), dialogues written for the purpose (`differential/dialogues`), and moves by
chance over two sessions. Nothing that is not explained may differ, and every explanation must have been needed.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from tests.interop.differential import chance, page, peers, rows, script, steps
from tools.bench.peers import MissingPeer

HERE = Path(__file__).parent / "differential"
ROOT = HERE.parents[2]
REPORT = ROOT / "build" / "differences.json"
# What needs another scene than an account in which one has logged in.
ELSEWHERE = {"tls", "bind", "quota", "largest", "failed-logins", "off"}
EXAMPLES = int(os.environ.get("POSTIL_DIFFERENTIAL_EXAMPLES", "30"))


def scripts() -> list[script.Script]:
    """Every dialogue that can be held with both."""
    ours = [
        script.of_dialogue(path) for path in sorted((ROOT / "tests/dialogs/imap").glob("*.dlg"))
    ]
    found = [
        one
        for one in ours
        if not ELSEWHERE & {key for key, _ in one.scene}
        and dict(one.scene).get("state") not in ("nonauth", "greeting")
    ]
    return found + [script.own(path) for path in sorted((HERE / "dialogues").glob("*.txt"))]


@pytest.fixture(scope="module")
def both(
    tmp_path_factory: pytest.TempPathFactory, require_tool: Callable[[str, str], str]
) -> Iterator[peers.Both]:
    require_tool("dovecot", "dovecot-imapd")
    accounts = len(scripts()) + 2  # one to ask for capabilities, one for chance
    try:
        with peers.both(tmp_path_factory.mktemp("differential"), accounts) as servers:
            yield servers
    except MissingPeer as missing:
        pytest.skip(str(missing))


@pytest.mark.timeout(300)
def test_same_dialogues(both: peers.Both, record_property: Callable[[str, object], None]) -> None:
    """Every difference is explained, and every explanation is needed."""
    known = rows.Rows.read()
    capabilities = both.capabilities()
    sent: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    for one in scripts():
        with both.account() as (ours, theirs):
            play = steps.Play(ours, theirs, known, capabilities)
            known.take(play.run(one))
            sent["our dialogues" if one.name.endswith(".dlg") else "written for this"] += play.sent
            left_out += play.not_announced
            assert not play.unknown or one.name.endswith(".dlg"), one.name
    with both.account() as (ours, theirs):
        sent["by chance"] = _by_chance(ours, theirs, known, capabilities)
    counts = ", ".join(f"{count} {name}" for name, count in sent.items())
    only_one = ", ".join(f"{name} {count}" for name, count in sorted(left_out.items()))
    table = (
        f"commands: {counts}; not sent, since only one announces it: {only_one}\n{known.table()}"
    )
    record_property("table", table)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps({"commands": sent, "met": known.met}), encoding="utf-8")
    assert not known.unexplained, "\n" + "\n".join(map(str, known.unexplained))
    assert known.unused() == [], "explained, but not met"
    assert sum(sent.values()) > 2000


def _by_chance(
    ours: steps.Peer, theirs: steps.Peer, known: rows.Rows, capabilities: frozenset[str]
) -> int:
    """Examples of hypothesis, always the same ones; gives how many commands were sent."""
    sent = 0

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(chance.MOVES)
    def play(moves: list[tuple[object, ...]]) -> None:
        nonlocal sent
        one = steps.Play(ours, theirs, known, capabilities)
        before = len(known.unexplained)
        known.take(chance.Table(one).run(moves))
        known.take(one.order())
        sent += one.sent
        fresh = known.unexplained[before:]
        del known.unexplained[before:]  # only those of the smallest example are shown
        assert not fresh, "\n" + "\n".join(map(str, fresh))

    play()
    return sent


def test_what_decides_stands_in_the_rfc(shared_dir: Path) -> None:
    """Every row quotes its RFC word by word, and the section is there."""
    for row in rows.Rows.read().rows:
        text = _text(shared_dir / "rfc" / "txt" / f"rfc{row.rfc}.txt")
        assert re.sub(r"\s+", " ", row.quote) in text, row.id
        assert re.search(rf"(?<![\d.]){re.escape(row.section)}\.? ", text), row.id
        assert row.reason.endswith("."), row.id


def _text(path: Path) -> str:
    """An RFC as one line, without what stands at the ends of its pages."""
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    kept = [
        line
        for line in lines
        if not re.search(r"\[Page \d+\]\s*$", line) and not re.match(r"RFC \d+ .*\d{4}\s*$", line)
    ]
    return re.sub(r"\s+", " ", " ".join(kept))


def test_the_page_is_up_to_date() -> None:
    """The website shows the list as it is: `python -m tests.interop.differential.page` writes it."""
    assert page.PAGE.read_text(encoding="utf-8") == page.text(rows.Rows.read())


def test_a_new_difference_is_not_explained() -> None:
    """A row explains what it says and nothing else; a row that met nothing is named."""
    known = rows.Rows.read()
    other = rows.Difference(
        "x.txt:1", "FETCH 1 FLAGS", "FETCH 1 FLAGS", "(\\\\Seen)", "(\\\\Draft)"
    )
    swapped = rows.Difference("x.txt:1", "NOOP", "EXPUNGE", "1", "2")
    assert known.take([other, swapped]) == [other, swapped] == known.unexplained
    assert len(known.unused()) == len(known.rows) + len(known.left_out)


def test_facts_differ_where_meaning_does() -> None:
    """Order of EXPUNGE, spelling of strings and sets do not matter; numbers, flags and NIL do."""
    from datetime import UTC, datetime

    from tests.interop.differential.connection import Answer
    from tests.interop.differential.facts import differing, facts

    def said(*lines: bytes, tagged: bytes = b"OK done") -> object:
        return facts(Answer(list(lines), tagged), datetime.now(UTC))

    def same(left: object, right: object) -> bool:
        return not list(differing(left, right))  # type: ignore[arg-type]

    assert same(said(b"4 EXPUNGE", b"2 EXPUNGE"), said(b"2 EXPUNGE", b"3 EXPUNGE"))
    assert not same(said(b"4 EXPUNGE", b"2 EXPUNGE"), said(b"2 EXPUNGE", b"4 EXPUNGE"))
    assert same(said(b'LIST () "/" a'), said(b'LIST () "/" "a"'))
    assert same(said(b'1 FETCH (BODY[1] "x")'), said(b"1 FETCH (BODY[1] {1}\r\nx)"))
    assert not same(said(b"1 FETCH (BODY[1] NIL)"), said(b'1 FETCH (BODY[1] "NIL")'))
    assert same(said(b"1 FETCH (FLAGS (a b))"), said(b"1 FETCH (FLAGS (b a))"))
    assert not same(said(b"1 FETCH (FLAGS (a))"), said(b"2 FETCH (FLAGS (a))"))
    assert same(said(b'ESEARCH (TAG "a") ALL 1:3'), said(b'ESEARCH (TAG "b") ALL 1,2,3'))
    assert not same(said(tagged=b"NO x"), said(tagged=b"NO [TRYCREATE] x"))
    assert same(said(tagged=b"OK [APPENDUID 5 1:2] x"), said(tagged=b"OK [APPENDUID 7 1,2] y"))
