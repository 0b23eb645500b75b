"""Dialogues by chance over two sessions: what a client could do next, as a function of what it has been told.

An example is a list of moves drawn by hypothesis; `Table` turns each into a command that makes sense now. Sequence numbers are used behind a
NOOP only: until then the two servers may have told different things.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from hypothesis import strategies as st
from tests.interop.differential.rows import Difference
from tests.interop.differential.script import Line
from tests.interop.differential.shapes import MESSAGE
from tests.interop.differential.steps import Play

_WHO = st.integers(1, 2)
_BOX = st.sampled_from(["a", "b", "c"])
_FLAGS = st.lists(
    st.sampled_from(["\\Seen", "\\Deleted", "\\Flagged", "\\Answered", "\\Draft", "work", "$x"]),
    max_size=3,
    unique=True,
)
_PICKS = st.lists(st.integers(0, 9), min_size=1, max_size=4)
_DATES = st.sampled_from([
    "07-Feb-2022 21:52:25 -0800", " 8-Feb-2022 09:00:00 +0100", "09-Feb-2022 23:59:59 +0000", "10-Feb-2022 00:00:00 +1400",
])  # fmt: skip
_SECTIONS = st.sampled_from([
    "", "HEADER", "TEXT", "1", "2", "1.1", "1.2", "2.1", "1.MIME", "2.MIME", "1.HEADER", "1.TEXT", "2.HEADER", "1.1.1",
    "HEADER.FIELDS (Subject From)", "HEADER.FIELDS.NOT (Subject)", "1.HEADER.FIELDS (To)",
])  # fmt: skip
_PARTIAL = st.sampled_from(["", "", "<0.10>", "<5.40>", "<1000.5>"])
_ITEM = st.one_of(
    st.sampled_from([
        "FLAGS", "UID", "ENVELOPE", "BODY", "BODYSTRUCTURE", "INTERNALDATE", "RFC822.SIZE", "RFC822.HEADER", "MODSEQ",
    ]),
    st.builds(lambda section, partial: f"BODY.PEEK[{section}]{partial}", _SECTIONS, _PARTIAL),
    st.sampled_from(["BINARY.PEEK[1]", "BINARY.PEEK[1.1]", "BODY[TEXT]", "RFC822.TEXT"]),
)  # fmt: skip
_KEY = st.recursive(
    st.sampled_from([
        "ALL", "SEEN", "UNSEEN", "DELETED", "FLAGGED", "UNANSWERED", "DRAFT", "KEYWORD work", "UNKEYWORD $x",
        "SINCE 9-Feb-2022", "BEFORE 9-Feb-2022", "ON 8-Feb-2022", "SENTSINCE 8-Feb-2022", "SENTON 10-Feb-2022",
        "LARGER 300", "SMALLER 300", "FROM ann", "TO bob", "CC example", "SUBJECT lunch", 'SUBJECT ""', 'BODY "noon"',
        "TEXT alpha", "TEXT example.org", "HEADER Message-ID m@", 'HEADER References ""', "UID 1:3", "1:2", "*",
        "CHARSETBODY", "OLDER 10", "YOUNGER 100000",
    ]),
    lambda inner: st.one_of(
        inner.map(lambda one: f"NOT {one}"),
        st.tuples(inner, inner).map(lambda two: f"OR {two[0]} {two[1]}"),
        st.tuples(inner, inner).map(lambda two: f"({two[0]} {two[1]})"),
    ),
    max_leaves=3,
)  # fmt: skip
_RETURN = st.sampled_from(
    ["", "", "RETURN () ", "RETURN (MIN MAX COUNT) ", "RETURN (ALL COUNT) ", "RETURN (SAVE) "]
)

MOVE = st.one_of(
    st.tuples(st.just("append"), _WHO, _BOX, MESSAGE, _FLAGS, _DATES),
    st.tuples(st.just("append"), _WHO, _BOX, MESSAGE, _FLAGS, _DATES),
    st.tuples(st.just("fetch"), _WHO, _PICKS, st.lists(_ITEM, min_size=1, max_size=4), st.booleans()),
    st.tuples(st.just("fetch"), _WHO, _PICKS, st.lists(_ITEM, min_size=1, max_size=4), st.booleans()),
    st.tuples(st.just("store"), _WHO, _PICKS, _FLAGS, st.sampled_from(["", "+", "-"]), st.booleans(), st.booleans()),
    st.tuples(st.just("search"), _WHO, _KEY, _RETURN, st.booleans()),
    st.tuples(st.just("search"), _WHO, _KEY, _RETURN, st.booleans()),
    st.tuples(st.just("expunge"), _WHO, _PICKS, st.booleans()),
    st.tuples(st.just("copy"), _WHO, _PICKS, _BOX, st.sampled_from(["COPY", "MOVE"]), st.booleans()),
    st.tuples(st.just("select"), _WHO, _BOX, st.sampled_from(["SELECT", "SELECT", "EXAMINE"])),
    st.tuples(st.just("leave"), _WHO, st.sampled_from(["CLOSE", "UNSELECT"])),
    st.tuples(st.just("boxes"), _WHO, _BOX, _BOX, st.sampled_from(["CREATE", "DELETE", "RENAME"])),
    st.tuples(st.just("status"), _WHO, _BOX),
    st.tuples(st.just("saved"), _WHO, st.booleans()),
    st.tuples(st.just("noop"), _WHO),
)  # fmt: skip
MOVES = st.lists(MOVE, min_size=10, max_size=40)
_EXAMPLES = itertools.count()


@dataclass
class Table:
    """An example in progress."""

    play: Play
    prefix: str = ""
    selected: dict[int, str] = field(default_factory=dict)
    read_only: dict[int, bool] = field(default_factory=dict)
    uids: dict[int, list[int]] = field(default_factory=dict)
    steps: int = 0

    def run(self, moves: list[tuple[object, ...]]) -> Iterator[Difference]:
        self.prefix = f"x{next(_EXAMPLES)}"
        for name in "ab":
            yield from self.say(1, f"CREATE {self.prefix}{name}")
        for who in (1, 2):
            yield from self.select(who, "a", "SELECT")
        for move in moves:
            name, *rest = move
            yield from getattr(self, str(name))(*rest)
        for who in (1, 2):
            yield from self.leave(who, "UNSELECT")

    def say(self, who: int, text: str | bytes) -> Iterator[Difference]:
        self.steps += 1
        octets = text.encode() if isinstance(text, str) else text
        yield from self.play.one(Line(who, octets, f"chance:{self.steps}"))

    def look(self, who: int) -> Iterator[Difference]:
        """NOOP, and which messages there are: from here on the two agree on numbers."""
        if who in self.selected:
            yield from self.say(who, "NOOP")
            yield from self.say(who, "UID SEARCH RETURN (ALL) ALL")
            shown = self.play.last.values.get("ESEARCH (TAG) UID ALL", [""])[0]
            self.uids[who] = [int(one) for one in shown.split()]

    def pick(self, who: int, picks: list[int], uid: bool) -> str:
        count = len(self.uids[who])
        numbers = sorted({one % count + 1 for one in picks})
        return ",".join(str(self.uids[who][one - 1] if uid else one) for one in numbers)

    def some(self, who: int) -> bool:
        return bool(self.uids.get(who)) and who in self.selected

    # --- moves

    def append(self, who: int, box: str, octets: bytes, flags: list[str], date: str) -> Iterator[Difference]:  # fmt: skip
        yield from self.look(who)
        head = f'APPEND {self.prefix}{box} ({" ".join(flags)}) "{date}" '.encode()
        yield from self.say(who, head + b"{%d+}\r\n" % len(octets) + octets)

    def fetch(self, who: int, picks: list[int], items: list[str], uid: bool) -> Iterator[Difference]:  # fmt: skip
        yield from self.look(who)
        if self.some(who):
            words = " ".join(dict.fromkeys(items))
            yield from self.say(who, f"{'UID ' * uid}FETCH {self.pick(who, picks, uid)} ({words})")

    def store(self, who: int, picks: list[int], flags: list[str], change: str, silent: bool, uid: bool) -> Iterator[Difference]:  # fmt: skip
        yield from self.look(who)
        if self.some(who) and not self.read_only[who] and flags:
            item = f"{change}FLAGS{'.SILENT' * silent} ({' '.join(flags)})"
            yield from self.say(who, f"{'UID ' * uid}STORE {self.pick(who, picks, uid)} {item}")

    def search(self, who: int, key: str, returns: str, uid: bool) -> Iterator[Difference]:
        yield from self.look(who)
        if self.some(who):
            charset = ""
            if "CHARSETBODY" in key:
                key = key.replace("CHARSETBODY", "BODY {6+}\r\nGrüß".strip())
                charset = "CHARSET UTF-8 "
            yield from self.say(who, f"{'UID ' * uid}SEARCH {returns}{charset}{key}")

    def saved(self, who: int, uid: bool) -> Iterator[Difference]:
        yield from self.look(who)
        if self.some(who):
            yield from self.say(who, f"{'UID ' * uid}SEARCH RETURN (SAVE) UNDELETED")
            yield from self.say(who, f"{'UID ' * uid}FETCH $ (UID)")

    def expunge(self, who: int, picks: list[int], uid: bool) -> Iterator[Difference]:
        yield from self.look(who)
        if self.some(who) and not self.read_only[who]:
            command = f"UID EXPUNGE {self.pick(who, picks, True)}" if uid else "EXPUNGE"
            yield from self.say(who, command)
            yield from self.look(who)

    def copy(self, who: int, picks: list[int], box: str, verb: str, uid: bool) -> Iterator[Difference]:  # fmt: skip
        yield from self.look(who)
        if self.some(who) and not (verb == "MOVE" and self.read_only[who]):
            chosen = self.pick(who, picks, uid)
            yield from self.say(who, f"{'UID ' * uid}{verb} {chosen} {self.prefix}{box}")
            yield from self.look(who)

    def select(self, who: int, box: str, verb: str) -> Iterator[Difference]:
        yield from self.look(who)
        yield from self.say(who, f"{verb} {self.prefix}{box}")
        self.selected.pop(who, None)
        if self.play.last.values["tagged"][0].startswith("OK"):
            self.selected[who], self.read_only[who] = box, verb == "EXAMINE"
        yield from self.look(who)

    def leave(self, who: int, verb: str) -> Iterator[Difference]:
        yield from self.look(who)
        if self.selected.pop(who, None) is not None:
            yield from self.say(who, verb)

    def boxes(self, who: int, box: str, other: str, verb: str) -> Iterator[Difference]:
        yield from self.look(who)
        # What happens to who has it selected is a dialogue of its own.
        if verb == "CREATE" or box not in self.selected.values():
            more = f" {self.prefix}{other}" if verb == "RENAME" else ""
            yield from self.say(who, f"{verb} {self.prefix}{box}{more}")
        yield from self.say(who, f'LIST "" {self.prefix}*')

    def status(self, who: int, box: str) -> Iterator[Difference]:
        yield from self.look(who)
        items = "(MESSAGES UIDNEXT UIDVALIDITY UNSEEN SIZE HIGHESTMODSEQ)"
        yield from self.say(who, f"STATUS {self.prefix}{box} {items}")

    def noop(self, who: int) -> Iterator[Difference]:
        yield from self.look(who)
