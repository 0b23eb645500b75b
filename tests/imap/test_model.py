"""Several clients over real sockets against a naive model: whatever happens under their feet, each one's picture is the server's.

A mailbox of the model is a dict of uids. Each client draws its picture from what it is told alone (`tests.support.strictimap`); after NOOP, and after
IDLE, picture and model must be equal. One client speaks IMAP4rev1, one IMAP4rev2, one has enabled QRESYNC, one UIDONLY, and one is told everything
by NOTIFY. Every example works in mailboxes of its own and ends with
`postil verify`.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from tests.support.localserve import LOGIN, PASSWORD, Localserve, running
from tests.support.strictimap import Answer, Client, compact, expand

from postil.store.verify import verify

_EXAMPLES = itertools.count()
CLIENTS = 5
WHO = st.integers(0, CLIENTS - 1)
NAME = st.sampled_from(["a", "b", "c"])
FLAGS = st.lists(
    st.sampled_from(["\\Seen", "\\Deleted", "\\Flagged", "work", "$x"]), max_size=3, unique=True
)
PICKS = st.lists(st.integers(0, 7), min_size=1, max_size=4)
SYSTEM = frozenset({"\\Seen", "\\Deleted", "\\Flagged"})


@dataclass
class Box:
    """A mailbox of the model."""

    uidvalidity: int
    uidnext: int = 1
    messages: dict[int, frozenset[str]] = field(default_factory=dict)

    def add(self, flags: frozenset[str]) -> int:
        uid = self.uidnext
        self.uidnext += 1
        self.messages[uid] = flags
        return uid


class Sessions(RuleBasedStateMachine):
    """Clients of one account."""

    server: ClassVar[Localserve]

    def __init__(self) -> None:
        super().__init__()
        self.prefix = f"m{next(_EXAMPLES)}-"
        self.boxes: dict[str, Box] = {}
        self.clients = [self._client(number) for number in range(CLIENTS)]
        self.open: list[Box | None] = [None] * CLIENTS
        self.idling: list[bytes | None] = [None] * CLIENTS
        self.create(0, "a")
        self.create(0, "b")
        self.append(0, "a", ["\\Seen"], 3)
        for who in range(CLIENTS):
            self.select(who, "a", False)

    def _client(self, number: int) -> Client:
        return Client(
            self.server.imap,
            LOGIN,
            PASSWORD,
            "xyzun"[number],
            rev2=number in (1, 4),
            qresync=number == 2,
            uidonly=number == 3,
            notify="(selected (MessageNew (UID FLAGS) MessageExpunge FlagChange))" * (number == 4),
        )

    # --- helpers

    def path(self, name: str) -> str:
        return self.prefix + name

    def command(self, who: int, text: str | bytes) -> Answer:
        """Say it; learn of new messages at once; begin again where the server said BYE."""
        self.wake(who)
        client = self.clients[who]
        answer = client.command(text)
        self._after(who)
        return answer

    def _after(self, who: int) -> None:
        client, box = self.clients[who], self.open[who]
        if client.closed:
            # RFC 2180 §3.3: who knows no CLOSED is sent away when its mailbox is deleted.
            assert box is not None
            assert box not in self.boxes.values()
            assert not client.rev2
            client.close()
            self.clients[who] = self._client(who)
            self.open[who] = None
            return
        if box is not None and client.selected is None:
            assert box not in self.boxes.values(), "CLOSED, and the mailbox is there"
            self.open[who] = None
            return
        self._fill(client)

    def _fill(self, client: Client) -> None:
        blank = [number for number, one in enumerate(client.messages, 1) if one.uid is None]
        items = "(UID FLAGS MODSEQ)" if client.qresync else "(UID FLAGS)"
        if blank:
            if client.by_uid:
                last = max((one.uid or 0 for one in client.messages), default=0)
                answer = client.command(f"UID FETCH {last + 1}:* {items}")
            else:
                answer = client.command(f"FETCH {compact(blank)} {items}")
            if not client.closed and client.selected is not None:
                assert answer.status == "OK", answer
                assert all(one.uid is not None for one in client.messages)

    def wake(self, who: int) -> None:
        """End IDLE: what happened meanwhile has been told by then."""
        tag, self.idling[who] = self.idling[who], None
        if tag is not None:
            self.clients[who].done(tag)
            self._after(who)
            self.agree(who)
        box = self.open[who]
        if box is not None and box not in self.boxes.values() and not self.clients[who].rev2:
            # It will hear BYE in place of a tagged answer, and could not know whether its command was done.
            assert self.clients[who].command("NOOP").status == "BYE"
            self._after(who)

    def agree(self, who: int) -> None:
        """The client's picture is the model's mailbox."""
        client, box = self.clients[who], self.open[who]
        if box is None:
            return
        assert [one.uid for one in client.messages] == list(box.messages), client.name
        flags = {one.uid: one.flags for one in client.messages}
        assert flags == box.messages, client.name

    def chosen(self, who: int, picks: Sequence[int]) -> tuple[list[int], list[int], list[int]]:
        """Numbers and uids of messages in the client's picture, and which of the uids are still there."""
        client, box = self.clients[who], self.open[who]
        assert box is not None
        numbers = sorted({pick % len(client.messages) + 1 for pick in picks})
        uids = [client.messages[number - 1].uid for number in numbers]
        known = [uid for uid in uids if uid is not None]
        assert len(known) == len(uids)
        return numbers, known, [uid for uid in known if uid in box.messages]

    def ready(self, who: int) -> bool:
        """Wake the client up; has it a mailbox with messages selected?"""
        self.wake(who)
        if self.clients[who].notify:
            # What came by itself is read now; from here on nothing happens but what this client does.
            self.clients[who].command("NOOP")
            self._after(who)
            self.agree(who)
        return self.open[who] is not None and bool(self.clients[who].messages)

    # --- rules: the list of mailboxes

    @rule(who=WHO, name=NAME)
    def create(self, who: int, name: str) -> None:
        answer = self.command(who, f"CREATE {self.path(name)}")
        if name in self.boxes:
            assert (answer.status, answer.code) == ("NO", "ALREADYEXISTS")
            return
        assert answer.status == "OK", answer
        status = self.command(who, f"STATUS {self.path(name)} (UIDVALIDITY)")
        found = re.search(rb"UIDVALIDITY (\d+)", b" ".join(status.untagged))
        assert found is not None
        uidvalidity = int(found.group(1))
        assert uidvalidity not in {box.uidvalidity for box in self.boxes.values()}
        self.boxes[name] = Box(uidvalidity)

    @rule(who=WHO, name=NAME)
    def delete(self, who: int, name: str) -> None:
        self.wake(who)
        box = self.boxes.pop(name, None)
        client, selected = self.clients[who], self.open[who]
        # It may stand in it itself; whoever deletes a mailbox is not thrown out for it.
        status = client.command(f"DELETE {self.path(name)}").status
        assert status == ("NO" if box is None else "OK")
        self._after(who)
        if box is not None and selected is box:
            assert self.open[who] is None

    @rule(who=WHO, name=NAME, new=NAME)
    def rename(self, who: int, name: str, new: str) -> None:
        answer = self.command(who, f"RENAME {self.path(name)} {self.path(new)}")
        if name in self.boxes and new not in self.boxes:
            assert answer.status == "OK", answer
            self.boxes[new] = self.boxes.pop(name)
        else:
            assert answer.status == "NO", answer

    @rule(who=WHO, name=NAME, read_only=st.booleans())
    def select(self, who: int, name: str, read_only: bool) -> None:
        self.ready(who)
        client, box = self.clients[who], self.boxes.get(name)
        before = self.open[who]
        answer = client.command(f"{'EXAMINE' if read_only else 'SELECT'} {self.path(name)}")
        if before is not None:
            # RFC 7162 §3.2.11: the boundary between the old mailbox and the new one.
            assert answer.untagged[0].startswith(b"* OK [CLOSED]"), answer
            client.messages = []
            for line in answer.untagged:
                client.hear(line)
        if box is None:
            assert answer.status == "NO", answer
            self.open[who] = None
            client.messages = []
            return
        assert answer.status == "OK", answer
        assert answer.code == ("READ-ONLY" if read_only else "READ-WRITE")
        assert f"UIDVALIDITY {box.uidvalidity}" in answer.codes()
        assert f"UIDNEXT {box.uidnext}" in answer.codes()
        assert len(client.messages) == len(box.messages)
        client.selected, client.read_only = name, read_only
        self.open[who] = box
        self._after(who)
        self.agree(who)

    @rule(who=WHO, how=st.sampled_from(["CLOSE", "UNSELECT"]))
    def leave(self, who: int, how: str) -> None:
        if not self.ready(who):
            return
        client, box = self.clients[who], self.open[who]
        assert box is not None
        answer = client.command(how)
        assert answer.status == "OK", answer
        if how == "CLOSE" and not client.read_only and box in self.boxes.values():
            for uid in [uid for uid, flags in box.messages.items() if "\\Deleted" in flags]:
                del box.messages[uid]
        client.selected, client.messages, self.open[who] = None, [], None

    # --- rules: messages

    @rule(who=WHO, name=NAME, flags=FLAGS, count=st.integers(1, 3))
    def append(self, who: int, name: str, flags: list[str], count: int) -> None:
        octets = b"Subject: x\r\n\r\ny\r\n"
        one = b" (%s) {%d+}\r\n%s" % (" ".join(flags).encode(), len(octets), octets)
        answer = self.command(who, b"APPEND %s%s" % (self.path(name).encode(), one * count))
        box = self.boxes.get(name)
        if box is None:
            assert (answer.status, answer.code) == ("NO", "TRYCREATE")
            return
        uids = [box.add(frozenset(flags)) for _ in range(count)]
        assert answer.status == "OK", answer
        match = re.fullmatch(r"APPENDUID (\d+) ([0-9,:]+)", answer.code)
        assert match is not None, answer
        assert int(match.group(1)) == box.uidvalidity
        assert expand(match.group(2)) == uids

    @rule(
        who=WHO, picks=PICKS, flags=FLAGS, change=st.sampled_from(["", "+", "-"]),
        silent=st.booleans(), uid=st.booleans(),
    )  # fmt: skip
    def store(
        self, who: int, picks: list[int], flags: list[str], change: str, silent: bool, uid: bool
    ) -> None:
        if not self.ready(who):
            return
        client, box = self.clients[who], self.open[who]
        assert box is not None
        numbers, uids, there = self.chosen(who, picks)
        uid = uid or client.by_uid
        given = frozenset(flags)

        def changed(before: frozenset[str]) -> frozenset[str]:
            return given if not change else before | given if change == "+" else before - given

        gone = box not in self.boxes.values()
        if silent and not client.read_only and not gone:
            for number in numbers:
                seen = client.messages[number - 1]
                assert seen.flags is not None
                seen.flags = changed(seen.flags)
        item = f"{change}FLAGS{'.SILENT' if silent else ''} ({' '.join(flags)})"
        words = f"UID STORE {compact(uids)}" if uid else f"STORE {compact(numbers)}"
        answer = self.command(who, f"{words} {item}")
        if client.read_only:
            assert answer.status in ("NO", "BYE"), answer
            return
        if gone:
            return
        for one in there:
            box.messages[one] = changed(box.messages[one])
        # RFC 2180 §4.2: some are gone, and the client could not know.
        missing = not uid and not silent and len(there) < len(uids)
        assert answer.status == ("NO" if missing else "OK"), answer

    @rule(who=WHO, picks=PICKS, uid=st.booleans())
    def expunge(self, who: int, picks: list[int], uid: bool) -> None:
        if not self.ready(who):
            return
        client, box = self.clients[who], self.open[who]
        assert box is not None
        _, uids, _ = self.chosen(who, picks)
        read_only, living = client.read_only, box in self.boxes.values()
        answer = self.command(who, f"UID EXPUNGE {compact(uids)}" if uid else "EXPUNGE")
        if read_only or not living:
            assert answer.status in ("NO", "BYE", "OK"), answer
            assert not (read_only and answer.status == "OK")
            return
        assert answer.status == "OK", answer
        for one, flags in list(box.messages.items()):
            if "\\Deleted" in flags and (not uid or one in uids):
                del box.messages[one]
        # Its own expunge a client sees at once, and everybody else's too.
        self.agree_on_uids(who)

    def agree_on_uids(self, who: int) -> None:
        """Who may be told of expunges has been."""
        box = self.open[who]
        if box is not None:
            assert [one.uid for one in self.clients[who].messages] == list(box.messages)

    @rule(
        who=WHO, picks=PICKS, name=NAME, move=st.booleans(), uid=st.booleans()
    )  # fmt: skip
    def copy(self, who: int, picks: list[int], name: str, move: bool, uid: bool) -> None:
        if not self.ready(who):
            return
        client, box = self.clients[who], self.open[who]
        assert box is not None
        numbers, uids, there = self.chosen(who, picks)
        uid = uid or client.by_uid
        read_only, living = client.read_only, box in self.boxes.values()
        verb = "MOVE" if move else "COPY"
        words = f"UID {verb} {compact(uids)}" if uid else f"{verb} {compact(numbers)}"
        answer = self.command(who, f"{words} {self.path(name)}")
        target = self.boxes.get(name)
        if not living:
            return
        if (move and read_only) or (not uid and len(there) < len(uids)) or target is None:
            assert answer.status == "NO", answer
            return
        assert answer.status == "OK", answer
        added = [target.add(box.messages[one]) for one in there]
        if move:
            for one in there:
                del box.messages[one]
        codes = [code for code in answer.codes() if code.startswith("COPYUID ")]
        if not there:
            assert codes == []
            return
        (code,) = codes
        _, uidvalidity, sources, targets = code.split(" ")
        assert int(uidvalidity) == target.uidvalidity
        assert (expand(sources), expand(targets)) == (there, added)
        if move:
            self.agree_on_uids(who)

    @rule(who=WHO, pick=st.integers(0, 7), name=NAME, flags=FLAGS)
    def replace(self, who: int, pick: int, name: str, flags: list[str]) -> None:
        if not self.ready(who):
            return
        client, box = self.clients[who], self.open[who]
        assert box is not None
        numbers, uids, there = self.chosen(who, [pick])
        read_only, living = client.read_only, box in self.boxes.values()
        which = f"UID REPLACE {uids[0]}" if client.by_uid else f"REPLACE {numbers[0]}"
        words = f"{which} {self.path(name)} ({' '.join(flags)})"
        answer = self.command(who, words.encode() + b" {8+}\r\nA: b\r\n\r\n")
        target = self.boxes.get(name)
        if not living:
            return
        if read_only or not there or target is None:
            assert answer.status == "NO", answer
            return
        assert answer.status == "OK", answer
        del box.messages[there[0]]
        new = target.add(frozenset(flags))
        assert f"APPENDUID {target.uidvalidity} {new}" in answer.codes()
        self.agree_on_uids(who)

    @rule(
        who=WHO, uid=st.booleans(), save=st.booleans(),
        what=st.sampled_from([("SEEN", "\\Seen"), ("DELETED", "\\Deleted"), ("KEYWORD work", "work")]),
        without=st.booleans(),
    )  # fmt: skip
    def search(self, who: int, uid: bool, save: bool, what: tuple[str, str], without: bool) -> None:
        if not self.ready(who):
            return
        client, box = self.clients[who], self.open[who]
        assert box is not None
        if box not in self.boxes.values():
            return
        uid = uid or client.by_uid
        picture = [one.uid for one in client.messages]
        hits = [
            (number, one)
            for number, one in enumerate(picture, 1)
            if one in box.messages and (what[1] in box.messages[one]) != without
        ]
        options = f"RETURN ({'SAVE ALL' if save else 'ALL'}) "
        key = f"{'NOT ' if without else ''}{what[0]}"
        answer = self.command(who, f"{'UID ' if uid else ''}SEARCH {options}{key}")
        assert answer.status == "OK", answer
        (line,) = [one for one in answer.untagged if one.startswith(b"* ESEARCH ")]
        found = re.search(rb" ALL ([0-9,:]+)", line)
        numbers = expand(found.group(1).decode()) if found else []
        assert numbers == [one if uid else number for number, one in hits]
        if save and not uid:
            # `$` means those messages, whatever their numbers are now.
            answer = client.command("UID FETCH $ (UID)")
            shown = [re.search(rb"FETCH \(UID (\d+)\)", line) for line in answer.untagged]
            assert [int(one.group(1)) for one in shown if one] == [one for _, one in hits]
            self._after(who)

    # --- rules: looking

    @rule(who=WHO)
    def noop(self, who: int) -> None:
        answer = self.command(who, "NOOP")
        assert answer.status in ("OK", "BYE")
        self.agree(who)

    @precondition(lambda self: None in self.idling)
    @rule(who=WHO)
    def idle(self, who: int) -> None:
        """From now on, until its next command, it is told what happens."""
        self.wake(who)
        if self.open[who] in self.boxes.values():
            self.idling[who] = self.clients[who].idle()

    @rule(who=WHO, name=NAME)
    def status(self, who: int, name: str) -> None:
        box = self.boxes.get(name)
        answer = self.command(who, f"STATUS {self.path(name)} (MESSAGES UIDNEXT UNSEEN DELETED)")
        if box is None:
            assert answer.status in ("NO", "BYE"), answer
            return
        if answer.status == "BYE":
            return
        lines = [one for one in answer.untagged if one.startswith(b"* STATUS ")]
        assert len(lines) == 1 or self.clients[who].notify, lines
        flags = list(box.messages.values())
        unseen = sum("\\Seen" not in one for one in flags)
        deleted = sum("\\Deleted" in one for one in flags)
        wanted = f"(MESSAGES {len(flags)} UIDNEXT {box.uidnext} UNSEEN {unseen} DELETED {deleted})"
        assert any(line.endswith(wanted.encode()) for line in lines), (lines, wanted)

    def teardown(self) -> None:
        """Everybody agrees in the end, and the store is whole."""
        try:
            for who in range(CLIENTS):
                self.noop(who)
            assert verify(self.server.folder) == []
            for name in list(self.boxes):
                self.delete(0, name)
        finally:
            for client in self.clients:
                client.close()


@pytest.fixture(scope="module", autouse=True)
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A server of their own, since its data are verified while it runs."""
    with running(tmp_path_factory.mktemp("model") / "data") as one:
        Sessions.server = one
        yield


_CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


class LongSessions(Sessions):
    """The same for minutes."""


TestSessions = Sessions.TestCase
TestSessions.settings = settings(
    max_examples=80, stateful_step_count=40, deadline=None, suppress_health_check=_CHECKS
)
TestLongSessions = pytest.mark.proof(LongSessions.TestCase)
TestLongSessions.settings = settings(
    max_examples=int(os.environ.get("POSTIL_MODEL_EXAMPLES", "300")),
    stateful_step_count=80,
    deadline=None,
    suppress_health_check=_CHECKS,
)
