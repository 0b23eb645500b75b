"""A blocking IMAP client that believes nothing: every line is taken apart, and its picture of the mailbox follows from what it was told alone."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass, field

SECONDS = 30
_LITERAL = re.compile(rb"\{(\d+)\}\Z")
_FETCH = re.compile(rb"\* (\d+) FETCH \((.*)\)\Z", re.DOTALL)
_UIDFETCH = re.compile(rb"\* (\d+) UIDFETCH \((.*)\)\Z", re.DOTALL)
_UID = re.compile(rb"(?:\A| )UID (\d+)")
_FLAGS = re.compile(rb"(?:\A| )FLAGS \(([^)]*)\)")
_MODSEQ = re.compile(rb"(?:\A| )MODSEQ \((\d+)\)")
_VANISHED = re.compile(rb"\* VANISHED (\(EARLIER\) )?([0-9,:]+)\Z")
_HIGHEST = re.compile(rb"\* OK \[HIGHESTMODSEQ (\d+)\]")
_STATUS = re.compile(rb"\* STATUS (\S+) \((.*)\)\Z")
_LIST = re.compile(rb'\* LIST \(([^)]*)\) "/" (\S+)(?: \("OLDNAME" \((\S+)\)\))?\Z')
_NUMBER = re.compile(rb"\* (\d+) (EXISTS|RECENT|EXPUNGE)\Z")


@dataclass
class Seen:
    """A message as this client knows it."""

    uid: int | None = None
    flags: frozenset[str] | None = None
    modseq: int | None = None


@dataclass
class Answer:
    """What a command brought."""

    untagged: list[bytes]
    status: str  # OK, NO, BAD
    code: str  # what stands in brackets, "" without
    text: str

    def codes(self) -> list[str]:
        """Codes of untagged OKs and of the tagged line."""
        found = [re.match(rb"\* OK \[([^\]]*)\]", line) for line in self.untagged]
        return [one.group(1).decode() for one in found if one] + ([self.code] if self.code else [])


@dataclass
class Client:
    """One connection; `messages` is its picture of the selected mailbox."""

    port: int
    login: str
    password: str
    name: str
    rev2: bool = False
    qresync: bool = False
    uidonly: bool = False
    notify: str = ""  # what stands behind NOTIFY SET
    messages: list[Seen] = field(default_factory=list)
    selected: str | None = None
    read_only: bool = False
    closed: bool = False  # the server said BYE
    expunges_allowed: bool = True
    known: set[str] = field(default_factory=set)  # keywords that FLAGS has announced
    highest: int = 0  # the mod-sequence to come back with
    earlier: set[int] = field(default_factory=set)  # uids that VANISHED (EARLIER) named
    # What SELECT (QRESYNC …) shows, while it runs: number (0 with UIDONLY), message.
    resync: list[tuple[int, Seen]] | None = None
    # Other mailboxes, as LIST and STATUS have told them.
    others: dict[str, dict[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._tags = 0
        self._held = b""
        self._seen_modseqs: list[int] = []
        self._told_highest: int | None = None
        self._socket = socket.create_connection(("127.0.0.1", self.port), timeout=SECONDS)
        assert self._line().startswith(b"* OK ")
        self.ok(f"LOGIN {self.login} {self.password}")
        if self.rev2:
            self.ok("ENABLE IMAP4rev2")
        if self.qresync:
            self.ok("ENABLE QRESYNC")
        if self.uidonly:
            self.ok("ENABLE UIDONLY")
        if self.notify:
            self.ok(f"NOTIFY SET {self.notify}")

    @property
    def by_uid(self) -> bool:
        """May it not, or had it better not, count messages?"""
        return self.uidonly or bool(self.notify)

    def close(self) -> None:
        self._socket.close()

    # --- lines

    def _octets(self, count: int) -> bytes:
        while len(self._held) < count:
            piece = self._socket.recv(65536)
            assert piece, "the server closed in the middle of a literal"
            self._held += piece
        octets, self._held = self._held[:count], self._held[count:]
        return octets

    def _line(self) -> bytes:
        """A line with the literals in it, without the last CRLF; b"" when the server has closed."""
        whole = b""
        while True:
            while b"\r\n" not in self._held:
                piece = self._socket.recv(65536)
                if not piece:
                    assert not self._held, "the server closed in the middle of a line"
                    return b""
                self._held += piece
            line, _, self._held = self._held.partition(b"\r\n")
            assert b"\r" not in line
            assert b"\n" not in line
            whole += line
            literal = _LITERAL.search(line)
            if literal is None:
                return whole
            whole += b"\r\n" + self._octets(int(literal.group(1)))

    def send(self, octets: bytes) -> None:
        self._socket.sendall(octets)

    # --- commands

    def ok(self, text: str | bytes) -> Answer:
        """A command that must succeed."""
        answer = self.command(text)
        assert answer.status == "OK", (self.name, text, answer)
        return answer

    def command(self, text: str | bytes) -> Answer:
        """Send it, and believe what comes."""
        octets = text.encode() if isinstance(text, str) else text
        self._tags += 1
        tag = b"%s%d" % (self.name.encode(), self._tags)
        word = octets.split(b" ", 1)[0].upper()
        # RFC 9051 §7.5.1: no EXPUNGE while responding to FETCH, STORE or SEARCH.
        # RFC 5465 §6.1.1: with NOTIFY SELECTED they come at any time between commands.
        # RFC 5465 §6.1.2: with SELECTED-DELAYED they do not.
        at_any_time = bool(self.notify) and "selected-delayed" not in self.notify
        self.expunges_allowed = at_any_time or word not in (b"FETCH", b"STORE", b"SEARCH")
        self.send(tag + b" " + octets + b"\r\n")
        return self.until(tag)

    def until(self, tag: bytes) -> Answer:
        untagged: list[bytes] = []
        while True:
            line = self._line()
            if not line:
                assert self.closed, f"{self.name}: closed without BYE"
                return Answer(untagged, "BYE", "", "")
            if line.startswith(tag + b" "):
                match = re.match(rb"(OK|NO|BAD) (?:\[([^\]]*)\] )?(.+)\Z", line[len(tag) + 1 :])
                assert match is not None, line
                status, code, words = match.groups()
                if found := re.match(rb"HIGHESTMODSEQ (\d+)", code or b""):
                    self._told_highest = int(found.group(1))
                self._conclude()
                return Answer(untagged, status.decode(), (code or b"").decode(), words.decode())
            assert line.startswith(b"* "), line
            untagged.append(line)
            self.hear(line)

    def _conclude(self) -> None:
        """RFC 7162 §6: the code counts even if higher mod-sequences were seen, else the highest of those."""
        if self._told_highest is not None:
            self.highest = self._told_highest
        elif self._seen_modseqs:
            self.highest = max(self.highest, *self._seen_modseqs)
        self._told_highest, self._seen_modseqs = None, []

    # --- IDLE

    def idle(self) -> bytes:
        """Begin; gives the tag."""
        self._tags += 1
        tag = b"%s%d" % (self.name.encode(), self._tags)
        self.expunges_allowed = True
        self.send(tag + b" IDLE\r\n")
        while not (line := self._line()).startswith(b"+"):
            assert line.startswith(b"* "), line
            self.hear(line)
        return tag

    def done(self, tag: bytes) -> None:
        """End it."""
        if not self.closed:
            self.send(b"DONE\r\n")
        answer = self.until(tag)
        assert answer.status in ("OK", "BYE"), answer

    # --- what a client concludes

    def hear(self, line: bytes) -> None:
        """One untagged line."""
        if line.startswith(b"* BYE "):
            self.closed = True
            self.selected, self.messages = None, []
        elif line.startswith(b"* OK [CLOSED]"):
            self.selected, self.messages = None, []
        elif match := _NUMBER.match(line):
            self._number(int(match.group(1)), match.group(2))
        elif match := _VANISHED.match(line):
            self._vanished(bool(match.group(1)), match.group(2))
        elif match := _UIDFETCH.match(line):
            self._uid_fetched(int(match.group(1)), match.group(2))
        elif match := _FETCH.match(line):
            assert not self.uidonly, f"{self.name}: FETCH after ENABLE UIDONLY"
            self._fetched(int(match.group(1)), match.group(2))
        elif line.startswith(b"* FLAGS ("):
            self.known = set(line[9:-1].decode().split())
        elif match := _HIGHEST.match(line):
            self._told_highest = int(match.group(1))
        elif match := _STATUS.match(line):
            words = match.group(2).decode().split()
            about = self.others.setdefault(match.group(1).decode(), {})
            about.update(zip(words[::2], map(int, words[1::2]), strict=True))
        elif match := _LIST.match(line):
            self._listed(match.group(1), match.group(2).decode(), (match.group(3) or b"").decode())
        assert not (self.uidonly and line.startswith(b"* OK [UNSEEN")), "a number after UIDONLY"

    def _listed(self, attributes: bytes, name: str, old: str) -> None:
        if b"\\NonExistent" in attributes or b"\\Noselect" in attributes:
            self.others.pop(name, None)
        elif old in self.others:
            self.others[name] = self.others.pop(old)
        else:
            # A new one is empty until STATUS says something else.
            self.others.setdefault(name, {"MESSAGES": 0, "UIDNEXT": 1})

    def _number(self, number: int, what: bytes) -> None:
        if what == b"EXISTS":
            # RFC 9051 §7.4.1: the count never falls but by EXPUNGE.
            assert number >= len(self.messages), (self.name, number, len(self.messages))
            self.messages += [Seen() for _ in range(number - len(self.messages))]
        elif what == b"EXPUNGE":
            assert self.expunges_allowed, f"{self.name}: EXPUNGE where numbers may not change"
            assert not self.qresync and not self.uidonly, f"{self.name}: EXPUNGE after ENABLE"
            assert 1 <= number <= len(self.messages), (self.name, number, len(self.messages))
            del self.messages[number - 1]
        else:
            assert not self.rev2, f"{self.name}: RECENT after ENABLE IMAP4rev2"

    def _vanished(self, earlier: bool, numbers: bytes) -> None:
        assert self.qresync or self.uidonly, f"{self.name}: VANISHED without ENABLE"
        gone = set(expand(numbers.decode()))
        if earlier:
            self.earlier |= gone
            assert not gone & {one.uid for one in self.messages}, "EARLIER names what is counted"
            return
        assert self.expunges_allowed, f"{self.name}: VANISHED where numbers may not change"
        # Messages told by EXISTS whose uid was not asked for yet may be among them: they are the highest.
        known = {one.uid for one in self.messages if one.uid is not None}
        unknown = gone - known
        blank = [one for one in self.messages if one.uid is None]
        assert len(unknown) <= len(blank), (self.name, gone, known)
        self.messages = [one for one in self.messages if one.uid not in gone]
        if unknown:
            # Which of the blank ones went cannot be known: forget what is known of them, they have no uid yet.
            for _ in unknown:
                self.messages.remove(next(one for one in self.messages if one.uid is None))

    def _uid_fetched(self, uid: int, items: bytes) -> None:
        """A message that is known by its uid, or the first of those told by EXISTS alone: FETCH brings them in ascending order.

        What others change in one of the latter is told without being asked, and which of them it is only its FETCH will say.
        """
        assert self.uidonly, f"{self.name}: UIDFETCH without UIDONLY"
        if self.resync is not None:
            self._resynced(0, uid, items)
            return
        known = [one.uid for one in self.messages]
        if uid in known:
            number = known.index(uid) + 1
        elif _UID.search(items) is None:
            assert None in known, (self.name, uid, known)
            return
        else:
            assert None in known, (self.name, uid, known)
            number = known.index(None) + 1
            assert all(other is not None and other < uid for other in known[: number - 1])
            self.messages[number - 1].uid = uid
        self._fetched(number, items)

    def _fetched(self, number: int, items: bytes) -> None:
        assert 1 <= number <= len(self.messages), (self.name, number, len(self.messages))
        seen = self.messages[number - 1]
        if self.resync is not None:
            found = _UID.search(items)
            assert found is not None, "RFC 7162 §3.2.5.1: FETCH responses that MUST contain UIDs"
            self._resynced(number, int(found.group(1)), items)
            return
        if modseq := _MODSEQ.search(items):
            seen.modseq = int(modseq.group(1))
            self._seen_modseqs.append(seen.modseq)
        if uid := _UID.search(items):
            value = int(uid.group(1))
            assert seen.uid in (None, value), (self.name, number, seen, items)
            seen.uid = value
        if flags := _FLAGS.search(items):
            words = set(flags.group(1).decode().split())
            # RFC 9051 §7.3.5: every keyword in use has been told by FLAGS before.
            assert words - {"\\Recent"} <= self.known, (self.name, words, self.known)
            seen.flags = frozenset(words - {"\\Recent"})

    def _resynced(self, number: int, uid: int, items: bytes) -> None:
        flags, modseq = _FLAGS.search(items), _MODSEQ.search(items)
        assert self.resync is not None and flags is not None and modseq is not None, items
        words = frozenset(flags.group(1).decode().split()) - {"\\Recent"}
        self.resync.append((number, Seen(uid, words, int(modseq.group(1)))))


def expand(numbers: str) -> list[int]:
    """`2:4,7` as numbers, in the order written."""
    out: list[int] = []
    for part in numbers.split(","):
        low, _, high = part.partition(":")
        out.extend(range(int(low), int(high or low) + 1))
    return out


def compact(numbers: list[int]) -> str:
    """Numbers as a set, in the order given."""
    return ",".join(map(str, numbers))
