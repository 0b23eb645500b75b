"""Plays a dialogue against both servers, command by command, and collects in what their answers differ."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from tests.interop.differential.connection import Answer, Connection
from tests.interop.differential.facts import Facts, differing, facts
from tests.interop.differential.rows import Difference, Rows
from tests.interop.differential.script import Line, Script
from tests.support.imap import message

# What a command needs beyond the base protocol: it is sent only where both announce that.
NEEDS: Final = (
    (r"ENABLE .*IMAP4REV2", "IMAP4rev2"), (r"ENABLE .*UIDONLY|UIDFETCH", "UIDONLY"), (r"ENABLE .*UTF8=ACCEPT", "UTF8=ACCEPT"),
    (r"(UID )?REPLACE ", "REPLACE"), (r"UIDBATCHES", "UIDBATCHES"), (r"ESEARCH", "MULTISEARCH"),
    (r"UNAUTHENTICATE", "UNAUTHENTICATE"), (r".*\bPARTIAL \d", "PARTIAL"), (r".*\bPARTIAL -\d", "PARTIAL"),
    (r".*\b(EMAILID|THREADID|MAILBOXID)\b", "OBJECTID"), (r".*\bSAVED(BEFORE|ON|SINCE|ATE)", "SAVEDATE"),
    (r".*\bPREVIEW\b", "PREVIEW"), (r"(GET|SET)METADATA", "METADATA"), (r"LIST .*METADATA", "LIST-METADATA"),
    (r"(GET|SET)QUOTA", "QUOTA"), (r"NOTIFY", "NOTIFY"), (r"COMPRESS", "COMPRESS=DEFLATE"),
    (r".*\bBINARY(\.|\[)", "BINARY"), (r".*\bSTATUS .*DELETED", "IMAP4rev2"), (r"STATUS .*DELETED", "IMAP4rev2"),
    (r"(UID )?SORT", "SORT"), (r"(UID )?THREAD REFERENCES", "THREAD=REFERENCES"), (r"(UID )?THREAD", "THREAD=ORDEREDSUBJECT"),
    (r"CREATE .*\(USE", "CREATE-SPECIAL-USE"), (r"APPEND .*UTF8 ", "UTF8=ACCEPT"), (r"STATUS .*APPENDLIMIT", "APPENDLIMIT"),
)  # fmt: skip


@dataclass
class Peer:
    """One of the two servers as one account sees it."""

    name: str
    port: int
    login: str
    password: str
    connections: dict[int, Connection] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)  # of the script
    came: dict[int, list[bytes]] = field(default_factory=dict)
    modseq: dict[int, int] = field(default_factory=dict)  # last HIGHESTMODSEQ of a connection
    uidvalidity: dict[int, int] = field(default_factory=dict)

    def at(self, number: int) -> Connection:
        if number not in self.connections:
            self.connections[number] = Connection(self.port, self.login, self.password)
        return self.connections[number]

    def send(self, number: int, octets: bytes) -> Answer:
        """What came by itself and was waited for belongs to the next answer."""
        answer = self.at(number).command(octets)
        answer.untagged[:0] = self.came.pop(number, [])
        return answer

    def wait(self, number: int, pattern: bytes) -> None:
        self.came.setdefault(number, []).extend(self.at(number).wait(pattern))

    def do(self, text: str) -> Answer:
        """Something of the scene."""
        return self.send(0, text.encode())

    def fill(self, line: Line) -> bytes | None:
        """The command with this server's values; None when one is not known."""
        known = {
            **self.words,
            "modseq": str(self.modseq.get(line.connection, 1)),
            "uidvalidity": str(self.uidvalidity.get(line.connection, 1)),
        }
        filled = line.text
        for name in set(re.findall(rb"\{([a-z_][a-z_0-9]*)\}", line.text)):
            value = known.get(name.decode())
            if value is None:
                return None
            filled = filled.replace(b"{" + name + b"}", value.encode())
        return filled

    def close(self) -> None:
        for connection in self.connections.values():
            connection.close()
        self.connections.clear()


@dataclass
class Play:
    """One script, both servers."""

    ours: Peer
    theirs: Peer
    rows: Rows
    capabilities: frozenset[str]
    recent: bool = False  # one session only, so that \\Recent can be compared
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    sent: int = 0
    not_announced: Counter[str] = field(default_factory=Counter)
    unknown: int = 0
    modseqs: list[tuple[str, str, str, int, int]] = field(default_factory=list)
    last: Facts = field(default_factory=Facts)  # our last answer
    _selected: dict[int, str] = field(default_factory=dict)

    def run(self, script: Script) -> Iterator[Difference]:
        """Every difference of the script."""
        self.recent = len({line.connection for line in script.lines}) == 1
        for peer in (self.ours, self.theirs):
            _furnish(peer, script)
        for line in script.lines:
            if line.save:
                for peer in (self.ours, self.theirs):
                    peer.words[line.save] = str(peer.modseq[line.connection])
                continue
            if line.text.startswith(b"wait "):
                for peer in (self.ours, self.theirs):
                    peer.wait(line.connection, line.text[5:])
            elif self._wanted(line):
                yield from self.one(line)
        yield from self.order()

    def _wanted(self, line: Line) -> bool:
        command = line.text.decode("utf-8", "replace")
        need = next((name for pattern, name in NEEDS if re.match(pattern, command.upper())), None)
        if need is not None and need.upper() not in self.capabilities:
            self.not_announced[need] += 1
            return False
        return not self.rows.leaves_out(line.place, command)

    def one(self, line: Line) -> Iterator[Difference]:
        """One command."""
        texts = [peer.fill(line) for peer in (self.ours, self.theirs)]
        command = line.text.decode("utf-8", "replace")
        found: list[Facts] = []
        if None in texts:
            self.unknown += 1
            return
        for peer, text in zip((self.ours, self.theirs), texts, strict=True):
            assert text is not None
            if peer.at(line.connection).closed:
                # Begun anew, as a client would.
                peer.connections.pop(line.connection).close()
            answer = peer.send(line.connection, text)
            found.append(facts(answer, self.started, recent=self.recent))
            _remember(peer, line, answer, found[-1])
        self.sent += 1
        left, right = found
        self.last = left
        self._order(line, left, right)
        for key, our, their in differing(left, right):
            yield Difference(line.place, command, key, our, their)

    def _order(self, line: Line, left: Facts, right: Facts) -> None:
        """Remember modseqs that both gave for the same."""
        opened = re.match(rb"(?:SELECT|EXAMINE) (\S+)", line.text, re.IGNORECASE)
        if opened:
            self._selected[line.connection] = opened.group(1).decode("utf-8", "replace").strip('"')
        status = re.match(rb"STATUS (\S+)", line.text, re.IGNORECASE)
        box = (
            status.group(1).decode("utf-8", "replace").strip('"')
            if status
            else self._selected.get(line.connection, "")
        )
        theirs = dict(right.modseqs)
        for key, value in dict(left.modseqs).items():
            if key in theirs:
                self.modseqs.append((box, line.place, key, value, theirs[key]))

    def order(self) -> Iterator[Difference]:
        """RFC 7162 §3.1: values differ, their order does not."""
        for box in sorted({one[0] for one in self.modseqs}):
            mine = sorted(one for one in self.modseqs if one[0] == box)
            mine.sort(key=lambda one: (one[3], one[4]))
            for before, after in itertools.pairwise(mine):
                if after[4] < before[4]:
                    yield Difference(
                        after[1],
                        f"modseqs of {box}",
                        "MODSEQ order",
                        f"{before[2]} at {before[1]} {before[3]}, {after[2]} {after[3]}",
                        f"{before[4]}, {after[4]}",
                    )


def _remember(peer: Peer, line: Line, answer: Answer, found: Facts) -> None:
    if found.highest is not None:
        peer.modseq[line.connection] = found.highest
    if found.uidvalidity is not None:
        peer.uidvalidity[line.connection] = found.uidvalidity
    lines = [b"* " + one for one in answer.untagged] + [b"t " + answer.tagged]
    for pattern in line.patterns:
        regex = _pattern(pattern, peer.words)
        for text in lines:
            match = re.fullmatch(regex, text, re.DOTALL)
            if match:
                peer.words.update({k: v.decode() for k, v in match.groupdict().items()})
                break


def _pattern(expected: str, words: dict[str, str]) -> bytes:
    """A line of a dialogue as a pattern in which only what is new is looked for; the tag and texts are anything."""
    out, fresh = b"", set()
    expected = re.sub(r"^(?!\* )\S+ ", "t ", expected)
    for piece in re.split(r"(…|\{[a-z_][a-z_0-9]*\})", expected):
        if piece == "…":
            out += b".*"
        elif piece.startswith("{") and piece.endswith("}"):
            name = piece[1:-1]
            if name in words:
                out += rb"[^ ()\[\]]+"
            elif name in fresh:
                out += b"(?P=%b)" % name.encode()
            else:
                fresh.add(name)
                out += rb"(?P<%b>[^ ()\[\]]+)" % name.encode()
        else:
            out += re.escape(piece.encode())
    return out


def _furnish(peer: Peer, script: Script) -> None:
    """The scene of a dialogue, made by commands."""
    peer.do("SELECT INBOX")  # Dovecot makes it now
    peer.do("UNSELECT")
    for key, value in script.scene:
        match key:
            case "mailbox":
                peer.do(f'CREATE "{value}"')
            case "messages":
                name, count = value.rsplit(" ", 1)
                peer.do(f'CREATE "{name}"')
                for number in range(1, int(count) + 1):
                    _append(peer, name, "", message(number))
            case "message":
                name, _, rest = value.partition(" (")
                flags, _, subject = rest.partition(")")
                peer.do(f'CREATE "{name}"')
                _append(peer, name, flags, message(1, subject.strip()))
            case "subscribe":
                peer.do(f'SUBSCRIBE "{value}"')
            case "delete":
                peer.do(f'DELETE "{value}"')
            case "seen-before":
                peer.do(f'SELECT "{value}"')
                peer.do("UNSELECT")
            case "bare":
                for name in USUAL:
                    peer.do(f"UNSUBSCRIBE {name}")
                    peer.do(f"DELETE {name}")
            case _:
                pass
    peer.connections.pop(0).close()
    # `enable` is not for Dovecot, which has no rev2: the dialogue is held in rev1 with both.
    if dict(script.scene).get("state") == "selected":
        for number in sorted({line.connection for line in script.lines}):
            peer.send(number, b"SELECT INBOX")


USUAL: Final = ("Archive", "Drafts", "Junk", "Sent", "Trash")


def _append(peer: Peer, name: str, flags: str, octets: bytes) -> None:
    date = "13-Sep-2020 12:26:40 +0000"
    head = f'APPEND "{name}" ({flags}) "{date}" '.encode()
    answer = peer.send(0, head + b"{%d+}\r\n" % len(octets) + octets)
    assert answer.tagged.startswith(b"OK"), answer
