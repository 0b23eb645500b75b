"""Clients that keep what they know: whatever happens, a cache made from answers alone is the mailbox, and one that was away is brought up to date.

The sessions of `test_model` again, of other kinds and all at once: QRESYNC, QRESYNC with UIDONLY, NOTIFY with QRESYNC and NOTIFY (delayed) with UIDONLY, beside
one that has enabled nothing. They lose their connection at any moment and come back with SELECT (QRESYNC …), with what they know, with less, with an older
mod-sequence, or with a UIDVALIDITY that was never there. What NOTIFY has promised of the other mailboxes must have been told by the end of a NOOP.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from tests.imap.test_model import _CHECKS, CLIENTS, FLAGS, NAME, PICKS, WHO, Box, Sessions
from tests.support.localserve import LOGIN, PASSWORD, running
from tests.support.strictimap import Client, Seen, compact

_OTHERS = "(personal (MessageNew MessageExpunge FlagChange MailboxName))"
_NEW = "(MessageNew (UID FLAGS MODSEQ) MessageExpunge FlagChange)"
_HOW = st.sampled_from(
    [
        "plain",
        "plain",
        "uids",
        "some",
        "pairs",
        "false pairs",
        "stale",
        "first",
        "other uidvalidity",
    ]
)
ENDS = st.sampled_from(["cut", "cut", "LOGOUT", "UNSELECT", "CLOSE"])


@dataclass(frozen=True)
class Known:
    """What a client has kept of a mailbox: where it was, and every message with the modseq it heard of."""

    box: Box
    highest: int
    messages: tuple[Seen, ...]


class Caches(Sessions):
    """Number 0 has enabled nothing, 1 QRESYNC, 2 QRESYNC and UIDONLY, 3 QRESYNC and NOTIFY, 4 UIDONLY and NOTIFY."""

    def __init__(self) -> None:
        self.known: list[Known | None] = [None] * CLIENTS
        self.judge = Client(self.server.imap, LOGIN, PASSWORD, "j")
        super().__init__()

    def _client(self, number: int) -> Client:
        notify = {3: f"STATUS (selected {_NEW}) {_OTHERS}", 4: f"STATUS (selected-delayed {_NEW.replace(' MODSEQ', '')}) {_OTHERS}"}  # fmt: skip
        return Client(
            self.server.imap,
            LOGIN,
            PASSWORD,
            "wqutd"[number],
            rev2=number in (1, 4),
            qresync=number in (1, 2, 3),
            uidonly=number in (2, 4),
            notify=notify.get(number, ""),
        )

    # --- what must hold

    def agree(self, who: int) -> None:
        super().agree(who)
        client = self.clients[who]
        if client.notify:
            self.agree_on_others(who)
        if client.qresync and self.open[who] is not None:
            assert all(one.modseq is not None for one in client.messages), client.name

    def agree_on_others(self, who: int) -> None:
        """RFC 5465 §5.2, §5.4: names, and counts of every mailbox that is not selected."""
        client, here = self.clients[who], self.open[who]
        mine = {name for name in client.others if name.startswith(self.prefix)}
        assert mine == {self.path(name) for name in self.boxes}, client.name
        for name, box in self.boxes.items():
            if box is here:
                continue
            told = client.others[self.path(name)]
            assert told["MESSAGES"] == len(box.messages), (client.name, name, told)
            assert told.get("UIDNEXT", box.uidnext) == box.uidnext, (client.name, name, told)
            if client.qresync and "HIGHESTMODSEQ" in told:
                asked = self.judge.ok(f"STATUS {self.path(name)} (HIGHESTMODSEQ)").untagged
                assert b"(HIGHESTMODSEQ %d)" % told["HIGHESTMODSEQ"] in asked[-1], (told, asked)

    def look_around(self, who: int) -> None:
        """What a client did itself it is not told (RFC 5465 §5): it asks."""
        client = self.clients[who]
        if client.notify and not client.closed:
            mine = [name for name in client.others if name.startswith(self.prefix)]
            for name in mine:
                del client.others[name]
            for name in self.boxes:
                items = "MESSAGES UIDNEXT HIGHESTMODSEQ"
                client.command(f"STATUS {self.path(name)} ({items})")
                self._after(who)

    @rule(who=WHO)
    def fresh(self, who: int) -> None:
        """A cache is what a fresh FETCH gives, mod-sequences too; what it would come back with is not beyond the truth."""
        if not self.ready(who):
            return
        self.command(who, "NOOP")
        client, box = self.clients[who], self.open[who]
        if box is None or box not in self.boxes.values():
            return
        (name,) = [name for name, one in self.boxes.items() if one is box]
        answer = self.judge.ok(f"EXAMINE {self.path(name)}")
        self.judge.messages = [Seen() for _ in box.messages]
        (highest,) = [int(one[14:]) for one in answer.codes() if one.startswith("HIGHESTMODSEQ ")]
        if box.messages:
            self.judge.ok("UID FETCH 1:* (FLAGS MODSEQ)")
        cached, true = client.messages, self.judge.messages
        assert [(one.uid, one.flags) for one in cached] == [(one.uid, one.flags) for one in true]
        if client.qresync:
            assert [one.modseq for one in cached] == [one.modseq for one in true], client.name
            assert client.highest <= highest
        self.judge.ok("UNSELECT")
        self.judge.messages = []

    # --- away and back

    def keep(self, who: int) -> None:
        client, box = self.clients[who], self.open[who]
        if client.qresync and box is not None and box in self.boxes.values():
            messages = tuple(replace(one) for one in client.messages)
            self.known[who] = Known(box, client.highest, messages)

    @rule(who=st.sampled_from([1, 2, 3]), how=ENDS)
    def go(self, who: int, how: str) -> None:
        """Away, whatever is still to be told; what it knows it keeps."""
        if how in ("CLOSE", "UNSELECT"):
            self.ready(who)  # what NOTIFY has sent is read, so that it is known what it knows
        elif how == "cut" and self.open[who] in self.boxes.values():
            self.idling[who] = None  # in the middle of IDLE, too
        else:
            self.wake(who)
        client, box = self.clients[who], self.open[who]
        if box is None or box not in self.boxes.values():
            return
        self.keep(who)
        if how in ("CLOSE", "UNSELECT"):
            self.left(who, how)
            assert client.ok(how).code == "", "RFC 7162 §3.2.8: no HIGHESTMODSEQ with CLOSE"
            if how == "CLOSE" and not client.read_only:
                for uid in [uid for uid, flags in box.messages.items() if "\\Deleted" in flags]:
                    del box.messages[uid]
            client.selected, client.messages = None, []
        else:
            if how == "LOGOUT":
                client.command("LOGOUT")
            client.close()
            self.clients[who] = self._client(who)
        self.open[who] = None

    @rule(other=st.sampled_from([0, 2, 3, 4]), picks=PICKS, mine=PICKS, change=st.booleans())
    def cut_short(self, other: int, picks: list[int], mine: list[int], change: bool) -> None:
        """Flags are told while expunges are held back, and the connection is lost then: RFC 7162 §3.2."""
        if not self.ready(1) or not self.ready(other) or self.open[1] is not self.open[other]:
            return
        self.store(other, picks, ["\\Deleted"], "+", True, True)
        if not self.ready(other):
            return
        self.expunge(other, picks, True)
        if change and self.ready(other):
            self.store(other, mine, ["$x"], "+", True, True)
        if self.ready(1):
            self.store(1, mine, ["\\Flagged"], "+", False, False)
        self.go(1, "cut")
        self.back(1, "plain", False)

    @precondition(lambda self: any(self.known))
    @rule(who=st.sampled_from([1, 2, 3]), how=_HOW, read_only=st.booleans())
    def back(self, who: int, how: str, read_only: bool) -> None:
        """SELECT (QRESYNC …): afterwards what it kept, and what it was told, is the mailbox."""
        known = self.known[who]
        names = [name for name, box in self.boxes.items() if known and box is known.box]
        if known is None or not names:
            return
        if self.ready(who) or self.open[who] is not None:
            self.leave(who, "UNSELECT")
        client, box = self.clients[who], known.box
        if self.open[who] is not None or client.closed:
            return
        cached = {one.uid: one for one in known.messages}
        uids = [uid for uid in cached if uid is not None]
        asked = set(uids[::2]) if how == "some" else set(uids)
        modseq = {"stale": max(1, known.highest - 3), "first": 1, "other uidvalidity": 1}.get(
            how, known.highest
        )
        uidvalidity = box.uidvalidity + 1000 * (how == "other uidvalidity")
        words = f"{uidvalidity} {modseq}"
        if how in ("uids", "some", "pairs", "false pairs") and asked:
            words += f" {compact(sorted(asked))}"
        if how == "pairs" and uids:
            words += f" (1:{len(uids)} {compact(uids)})"
        if how == "false pairs" and uids:
            words += f" (1:{len(uids)} {box.uidnext + 5}:{box.uidnext + 4 + len(uids)})"
        refused = client.uidonly and "pairs" in how and bool(uids)
        verb = "EXAMINE" if read_only else "SELECT"
        client.resync, client.earlier, client.messages = [], set(), []
        answer = client.command(f"{verb} {self.path(names[0])} (QRESYNC ({words}))")
        told, client.resync = client.resync, None
        if refused:
            # RFC 9586 §3.7
            assert (answer.status, answer.code) == ("BAD", "UIDREQUIRED"), answer
            return
        assert answer.status == "OK", answer
        assert len(client.messages) == len(box.messages)
        client.selected, client.read_only, self.open[who] = names[0], read_only, box
        if how == "other uidvalidity":
            assert not told and not client.earlier, "RFC 7162 §3.2.5: the rest is ignored"
            cached = {}
        limited = how in ("uids", "some", "pairs", "false pairs") and bool(asked)
        self.believe(who, cached, told, asked if limited else None)
        self._after(who)
        self.agree(who)

    def believe(
        self,
        who: int,
        cached: dict[int | None, Seen],
        told: list[tuple[int, Seen]],
        asked: set[int] | None,
    ) -> None:
        """Put what was kept and what was told together, and compare: all of it, or of what was asked for."""
        client, box = self.clients[who], self.open[who]
        assert box is not None
        order = list(box.messages)
        for number, one in told:
            assert one.uid is not None and (asked is None or one.uid in asked), one
            assert number in (0, order.index(one.uid) + 1), (number, one, order)
            cached[one.uid] = one
        assert asked is None or client.earlier <= asked
        assert not client.earlier & set(order), "VANISHED (EARLIER) names what is there"
        for uid in client.earlier:
            cached.pop(uid, None)
        mine = {uid: one.flags for uid, one in cached.items() if asked is None or uid in asked}
        true = {uid: f for uid, f in box.messages.items() if asked is None or uid in asked}
        if asked is not None or cached:
            assert mine == true, client.name
        kept = [cached[uid] for uid in order if uid in cached and (asked is None or uid in asked)]
        if kept != [cached.get(uid) for uid in order[: len(kept)]]:
            kept = []  # with holes: it fetches again
        client.messages = kept + [Seen() for _ in order[len(kept) :]]

    # --- what others must not do

    @rule(who=st.sampled_from([2, 4]), words=st.sampled_from(["FETCH 1 FLAGS", "STORE 1 +FLAGS (x)", "COPY 1 INBOX", "SEARCH 1", "UID SEARCH 1:2"]))  # fmt: skip
    def count_messages(self, who: int, words: str) -> None:
        """RFC 9586 §3: numbers are refused, and nothing is done."""
        if self.ready(who):
            answer = self.command(who, words)
            assert answer.status == "BYE" or (answer.status, answer.code) == ("BAD", "UIDREQUIRED")

    @rule(who=WHO, picks=PICKS, flags=st.booleans())
    def read(self, who: int, picks: list[int], flags: bool) -> None:
        """A FETCH that sets \\Seen tells so, with the new modseq, whether flags were asked for or not."""
        # RFC 7162 §3.2.4 leaves MODSEQ out of what FETCH (FLAGS) shows of a change by others: that is heard before.
        self.command(who, "NOOP")
        if not self.ready(who):
            return
        client, box = self.clients[who], self.open[who]
        assert box is not None
        _, uids, there = self.chosen(who, picks)
        read_only = client.read_only
        self.command(who, f"UID FETCH {compact(uids)} ({'FLAGS ' * flags}BODY[TEXT])")
        if not read_only and box in self.boxes.values():
            for one in there:
                box.messages[one] |= {"\\Seen"}

    def left(self, who: int, how: str) -> None:
        """What a client with NOTIFY knows of the mailbox that it leaves now."""
        client, box = self.clients[who], self.open[who]
        names = [self.path(name) for name, one in self.boxes.items() if one is box]
        if client.notify and names:
            gone = sum("\\Deleted" in (one.flags or ()) for one in client.messages)
            closing = how == "CLOSE" and not client.read_only
            client.others[names[0]] = {"MESSAGES": len(client.messages) - gone * closing}

    # --- the rules of before, with what clients do beside them

    @rule(who=WHO, name=NAME, read_only=st.booleans())
    def select(self, who: int, name: str, read_only: bool) -> None:
        self.ready(who)
        self.keep(who)
        self.left(who, "UNSELECT")
        super().select(who, name, read_only)

    @rule(who=WHO, how=st.sampled_from(["CLOSE", "UNSELECT"]))
    def leave(self, who: int, how: str) -> None:
        if self.ready(who):
            self.keep(who)
            self.left(who, how)
            super().leave(who, how)

    @rule(who=WHO, name=NAME)
    def create(self, who: int, name: str) -> None:
        super().create(who, name)
        self.look_around(who)

    @rule(who=WHO, name=NAME)
    def delete(self, who: int, name: str) -> None:
        super().delete(who, name)
        self.look_around(who)

    @rule(who=WHO, name=NAME, new=NAME)
    def rename(self, who: int, name: str, new: str) -> None:
        super().rename(who, name, new)
        self.look_around(who)

    @rule(who=WHO, name=NAME, flags=FLAGS, count=st.integers(1, 3))
    def append(self, who: int, name: str, flags: list[str], count: int) -> None:
        super().append(who, name, flags, count)
        self.look_around(who)

    @rule(who=WHO, picks=PICKS, name=NAME, move=st.booleans(), uid=st.booleans())
    def copy(self, who: int, picks: list[int], name: str, move: bool, uid: bool) -> None:
        super().copy(who, picks, name, move, uid)
        self.look_around(who)

    @rule(who=WHO, pick=st.integers(0, 7), name=NAME, flags=FLAGS)
    def replace(self, who: int, pick: int, name: str, flags: list[str]) -> None:
        super().replace(who, pick, name, flags)
        self.look_around(who)

    def teardown(self) -> None:
        try:
            for who in (1, 2, 3):
                self.fresh(who)
                self.go(who, "cut")
                self.back(who, "plain", False)
        finally:
            super().teardown()
            self.judge.close()


@pytest.fixture(scope="module", autouse=True)
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A server of their own, since its data are verified while it runs."""
    with running(tmp_path_factory.mktemp("caches") / "data") as one:
        Caches.server = one
        yield


class LongCaches(Caches):
    """The same for minutes."""


TestCaches = Caches.TestCase
TestCaches.settings = settings(
    max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=_CHECKS
)
TestLongCaches = pytest.mark.proof(LongCaches.TestCase)
TestLongCaches.settings = settings(
    max_examples=int(os.environ.get("POSTIL_MODEL_EXAMPLES", "300")),
    stateful_step_count=80,
    deadline=None,
    suppress_health_check=_CHECKS,
)
