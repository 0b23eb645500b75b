"""What an answer states, in a form in which two servers can be compared: a key says about what, a value says what.

`FETCH 3 FLAGS`, `STATUS "a" MESSAGES`, `LIST "a"`, `OK UIDNEXT`, `tagged`. Normalised is what the RFCs leave to the server, and each
place says why. Numbers of EXPUNGE become numbers before the command, so that their order does not matter but their meaning does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from tests.interop.differential.connection import Answer
from tests.interop.differential.words import Node, Text, parse, show
from tests.support.strictimap import expand

_STATUS = re.compile(
    rb"(OK|NO|BAD|BYE|PREAUTH)(?: \[((?:[^\]\"]|\"(?:[^\"\\]|\\.)*\")*)\])?", re.IGNORECASE
)
_DATE = re.compile(r"([ \d]\d)-(\w{3})-(\d{4}) (\d\d:\d\d:\d\d) ([+-]\d{4})")
_SET = re.compile(r"[0-9]+(:[0-9]+)?(,[0-9]+(:[0-9]+)?)*")
# Texts for people, or lists that are as long as the server likes.
_DROPPED_CODES: Final = {"ALERT", "CAPABILITY", "MAILBOXID"}
_UNORDERED: Final = {"FLAGS", "PERMANENTFLAGS", "BADCHARSET"}


@dataclass
class Facts:
    """Of one answer."""

    values: dict[str, list[str]] = field(default_factory=dict)
    modseqs: list[tuple[str, int]] = field(default_factory=list)  # about what, and the value
    highest: int | None = None  # the last HIGHESTMODSEQ
    uidvalidity: int | None = None
    recent: bool = True
    _gone: list[int] = field(default_factory=list)

    def add(self, key: str, value: str) -> None:
        self.values.setdefault(key, []).append(value)

    def last(self, key: str, value: str) -> None:
        """Only the last one of an answer counts: EXISTS may be told as often as a server likes."""
        self.values[key] = [value]

    def original(self, number: int) -> int:
        """The sequence number that the message had before this answer."""
        for gone in sorted(self._gone):
            number += gone <= number
        return number

    def modseq(self, key: str, value: int) -> str:
        self.modseqs.append((key, value))
        return "#"


def facts(answer: Answer, started: datetime, *, recent: bool = True) -> Facts:
    """Of an answer to a command; `started`: dates from here on are `now`.

    Without `recent` it is left open what is \\Recent: which of two sessions hears of a message first is a matter of moments.
    """
    found = Facts(recent=recent)
    for line in answer.untagged:
        _untagged(found, line, started)
    if found._gone:
        found.add("EXPUNGE", _numbers(sorted(found._gone)))
    if answer.asked:
        found.add("continuation", str(answer.asked))
    if not answer.tagged:
        found.add("tagged", "(none)")
    else:
        status, code = _status(found, answer.tagged)
        found.add("tagged", status + (f" [{code}]" if code else ""))
    return found


def _status(found: Facts, line: bytes) -> tuple[str, str]:
    """OK, NO, BAD … and the code as it is compared."""
    match = _STATUS.match(line)
    assert match is not None, line
    status = match.group(1).decode().upper()
    if match.group(2) is None:
        return status, ""
    name, _, rest = match.group(2).decode("latin-1").partition(" ")
    name = name.upper()
    if name in _DROPPED_CODES:
        return status, ""
    return status, (name + " " + _code(found, name, rest)).strip()


def _code(found: Facts, name: str, rest: str) -> str:
    if name == "UIDVALIDITY":
        found.uidvalidity = int(rest)
        return "V"
    if name == "HIGHESTMODSEQ":
        found.highest = int(rest)
        return found.modseq("HIGHESTMODSEQ", int(rest))
    if name in ("APPENDUID", "COPYUID"):
        validity, *sets = rest.split(" ")
        assert validity.isdigit(), rest
        return " ".join(["V", *map(_spread, sets)])
    if name == "MODIFIED":
        return _spread(rest)
    if name in _UNORDERED and rest:
        return _sorted(parse(rest.encode("latin-1"))[0])
    return rest


def _untagged(found: Facts, line: bytes, started: datetime) -> None:
    word = line.split(b" ", 1)[0].upper()
    if word in (b"OK", b"NO", b"BAD", b"BYE", b"PREAUTH"):
        status, code = _status(found, line)
        name, _, rest = code.partition(" ")
        # Text alone says nothing that a program could compare.
        if code or status in ("BYE", "BAD", "NO"):
            found.add(f"{status} {name}".strip(), rest)
        return
    nodes = parse(line)
    if word.isdigit():
        _numbered(found, int(word), nodes, started)
        return
    kind = word.decode()
    if kind == "CAPABILITY":
        return
    _KINDS.get(kind, _other)(found, kind, nodes[1:])


def _numbered(found: Facts, number: int, nodes: Sequence[Node], started: datetime) -> None:
    kind = _word(nodes[1])
    if kind in ("EXISTS", "RECENT"):
        if kind == "EXISTS" or found.recent:
            found.last(kind, str(number))
    elif kind == "EXPUNGE":
        found._gone.append(found.original(number))
    elif kind in ("FETCH", "UIDFETCH"):
        items = nodes[2]
        assert isinstance(items, list) and len(items) % 2 == 0, nodes
        about = number if kind == "UIDFETCH" else found.original(number)
        for name, value in zip(items[::2], items[1::2], strict=True):
            _item(found, f"{kind} {about}", show(name).upper(), value, started)
    else:
        found.add(f"{kind} {number}", " ".join(map(show, nodes[2:])))


def _item(found: Facts, about: str, name: str, value: Node, started: datetime) -> None:
    key = f"{about} {name}"
    if name == "FLAGS":
        assert isinstance(value, list)
        found.last(key, _sorted([one for one in value if found.recent or one != b"\\Recent"]))
    elif name == "MODSEQ":
        assert isinstance(value, list) and len(value) == 1
        found.last(key, found.modseq(key, int(_word(value[0]))))
    elif name in ("INTERNALDATE", "SAVEDATE") and isinstance(value, Text):
        found.last(key, _date(value, started))
    elif name in ("EMAILID", "THREADID"):
        found.last(key, "object")
    else:
        found.last(key, show(value))


def _date(value: bytes, started: datetime) -> str:
    """As a moment: RFC 9051 §2.3.3 leaves the zone to the server. What is not in the past of the dialogue is `now`."""
    match = _DATE.fullmatch(value.decode())
    assert match is not None, value
    moment = datetime.strptime(
        f"{match[1].strip()} {match[2]} {match[3]} {match[4]} {match[5]}", "%d %b %Y %H:%M:%S %z"
    )
    if moment >= started - timedelta(seconds=2):
        return "now"
    return moment.astimezone(UTC).isoformat()


def _search(found: Facts, kind: str, nodes: Sequence[Node]) -> None:
    """RFC 9051 §6.4.4 leaves the order of SEARCH open; that of SORT is the answer."""
    numbers = [_word(node) for node in nodes if not isinstance(node, list)]
    if kind == "SEARCH":
        numbers.sort(key=int)
    more = [node for node in nodes if isinstance(node, list)]
    text = " ".join(numbers)
    for node in more:
        assert _word(node[0]) == "MODSEQ", nodes
        text += " (MODSEQ " + found.modseq("SEARCH", int(_word(node[1]))) + ")"
    found.add(kind, text)


def _esearch(found: Facts, kind: str, nodes: Sequence[Node]) -> None:
    rest = list(nodes)
    about = kind
    if rest and isinstance(rest[0], list):
        correlator = rest.pop(0)
        assert isinstance(correlator, list)
        names = [show(one) for one in correlator if not isinstance(one, Text)]
        about += f" ({' '.join(sorted(names))})"
    if rest and _word(rest[0]) == "UID":
        rest.pop(0)
        about += " UID"
    if not rest:
        found.add(about, "")
    for name, value in zip(rest[::2], rest[1::2], strict=True):
        key = f"{about} {_word(name)}"
        if _word(name) == "MODSEQ":
            found.add(key, found.modseq("SEARCH", int(_word(value))))
        else:
            found.add(key, _spread(show(value)))


def _list(found: Facts, kind: str, nodes: Sequence[Node]) -> None:
    """Attributes are a set without case, a name is the same as an atom, quoted and as a literal, extended data are a set."""
    attributes, delimiter, name, *more = nodes
    assert isinstance(attributes, list)
    words = sorted(show(one).lower() for one in attributes)
    extended = ""
    if more:
        assert isinstance(more[0], list)
        pairs = zip(more[0][::2], more[0][1::2], strict=True)
        extended = " " + " ".join(
            sorted(f"{_astring(key)}={_unordered(value)}" for key, value in pairs)
        )
    found.add(f"{kind} {_astring(name)}", f"({' '.join(words)}) {show(delimiter)}{extended}")


def _status_line(found: Facts, kind: str, nodes: Sequence[Node]) -> None:
    name, items = nodes
    assert isinstance(items, list)
    for item, value in zip(items[::2], items[1::2], strict=True):
        key = f"STATUS {_astring(name)} {_word(item)}"
        if _word(item) == "UIDVALIDITY":
            found.uidvalidity = int(show(value))
            found.last(key, "V")
        elif _word(item) == "HIGHESTMODSEQ":
            found.highest = int(show(value))
            found.last(key, found.modseq("HIGHESTMODSEQ", int(show(value))))
        elif _word(item) == "MAILBOXID":
            found.last(key, "object")
        elif _word(item) != "RECENT" or found.recent:
            found.last(key, show(value))


def _vanished(found: Facts, kind: str, nodes: Sequence[Node]) -> None:
    earlier = isinstance(nodes[0], list)
    key = "VANISHED (EARLIER)" if earlier else "VANISHED"
    before = found.values.get(key, [""])[0].split()
    uids = sorted({*map(int, before), *expand(show(nodes[-1]))})
    found.last(key, _numbers(uids))


def _metadata(found: Facts, kind: str, nodes: Sequence[Node]) -> None:
    name, items = nodes[0], nodes[1]
    if not isinstance(items, list):  # an unsolicited list of entries
        found.add(f"METADATA {_astring(name)}", " ".join(sorted(map(show, nodes[1:]))))
        return
    for entry, value in zip(items[::2], items[1::2], strict=True):
        found.add(f"METADATA {_astring(name)} {_astring(entry)}", show(value))


def _quota(found: Facts, kind: str, nodes: Sequence[Node]) -> None:
    """Roots have names of the server's choice."""
    if kind == "QUOTAROOT":
        found.add(f"QUOTAROOT {_astring(nodes[0])}", f"{len(nodes) - 1} roots")
        return
    assert isinstance(nodes[1], list)
    for at in range(0, len(nodes[1]), 3):
        found.add(f"QUOTA {show(nodes[1][at])}", " ".join(map(show, nodes[1][at + 1 : at + 3])))


def _other(found: Facts, kind: str, nodes: Sequence[Node]) -> None:
    if kind == "ID":
        found.add("ID", "a list" if nodes and isinstance(nodes[0], list) else show(nodes[0]))
    elif kind in ("FLAGS", "ENABLED"):
        value: Node = nodes[0] if kind == "FLAGS" else list(nodes)
        found.last(kind, _sorted(value))
    else:
        found.add(kind, " ".join(map(show, nodes)))


_KINDS: Final[dict[str, Callable[[Facts, str, Sequence[Node]], None]]] = {
    "SEARCH": _search, "SORT": _search, "ESEARCH": _esearch, "LIST": _list, "LSUB": _list,
    "STATUS": _status_line, "VANISHED": _vanished, "METADATA": _metadata,
    "QUOTA": _quota, "QUOTAROOT": _quota,
}  # fmt: skip


def _word(node: Node) -> str:
    assert isinstance(node, bytes) and not isinstance(node, Text), node
    return node.decode().upper()


def _astring(node: Node) -> str:
    assert isinstance(node, bytes)
    return show(Text(node))


def _unordered(node: Node) -> str:
    return _sorted(node) if isinstance(node, list) else show(node)


def _sorted(node: Node) -> str:
    assert isinstance(node, list), node
    return f"({' '.join(sorted(map(show, node)))})"


def _spread(text: str) -> str:
    """A set of numbers, each written out; other text as it is."""
    return _numbers(expand(text)) if _SET.fullmatch(text) else text


def _numbers(numbers: Sequence[int]) -> str:
    return " ".join(map(str, numbers))


def differing(ours: Facts, theirs: Facts) -> Iterator[tuple[str, str, str]]:
    """Key, our value, their value; `-` for nothing."""
    for key in sorted({*ours.values, *theirs.values}):
        left, right = ours.values.get(key, []), theirs.values.get(key, [])
        if left != right:
            yield key, " | ".join(left) if left else "-", " | ".join(right) if right else "-"
