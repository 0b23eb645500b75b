"""The commands that are compared, each with its mark: a ratio to Dovecot (Maildir), of wall or CPU, whichever is worse for us.

A task works in one of two mailboxes: `big` (short messages, 100,000 by default) and `small` (10,000 by default, 2 KiB each), or brings its own. `before`
and `after` are not measured. What `work` returns must be equal for all servers, or the figures are void.
"""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from tools.bench import generate
from tools.bench.imapload import Client

BODY = 10 * 1024
MAILDIR, SDBOX = "dovecot maildir", "dovecot sdbox"
_HEADERS = "BODY.PEEK[HEADER.FIELDS (From To Cc Subject Date Message-ID)]"
_APPENDED = re.compile(rb"\[APPENDUID \d+ (\d+):(\d+)\]")
_HITS = re.compile(rb"\* (?:SEARCH|ESEARCH[^\r\n]*? COUNT) ?([\d ]*)\r\n")


def nothing(client: Client) -> None:
    """Needs no preparation."""


@dataclass(frozen=True, slots=True)
class Task:
    """One line of the table."""

    name: str
    box: str
    mark: float  # at most this times Dovecot's
    work: Callable[[Client], int]
    messages: int = 1  # that one go of it changes, for syncs a message
    times: int = 1  # how often within a run, so that a run is longer than a tick of the CPU clock
    before: Callable[[Client], None] = nothing
    after: Callable[[Client], None] = nothing
    syncs: bool = False  # count fsyncs too
    peer: str = MAILDIR


def _fetch(what: str, sequence: str = "1:*") -> Callable[[Client], int]:
    def work(client: Client) -> int:
        return client.command(f"FETCH {sequence} {what}").count(b" FETCH (")

    return work


def _newest(client: Client) -> int:
    last = client.exists
    return client.command(f"FETCH {last - 49}:{last} (UID FLAGS {_HEADERS})").count(b" FETCH (")


def _newest_of_another_field() -> Callable[[Client], int]:
    # A field nobody has asked for, so that nobody has it ready: for us the header is read and cut.
    numbers = itertools.count(time.time_ns())

    def work(client: Client) -> int:
        last = client.exists
        what = f"(UID FLAGS BODY.PEEK[HEADER.FIELDS (From Subject X-{next(numbers)})])"
        return client.command(f"FETCH {last - 49}:{last} {what}").count(b" FETCH (")

    return work


def _bodies(client: Client) -> int:
    # Octets count; what stands around the literals differs from server to server.
    answer = client.command("FETCH 1:1000 BODY.PEEK[]")
    return sum(int(size) for size in re.findall(rb"BODY\[\] \{(\d+)\}", answer))


def _select(box: str) -> Callable[[Client], int]:
    def work(client: Client) -> int:
        client.command("UNSELECT")
        return client.select(box)

    return work


def _store(sequence: str) -> Callable[[Client], int]:
    def work(client: Client) -> int:
        there = client.command(f"STORE {sequence} +FLAGS (\\Flagged)").count(b" FETCH (")
        return there + client.command(f"STORE {sequence} -FLAGS (\\Flagged)").count(b" FETCH (")

    return work


def _search(key: str) -> Callable[[Client], int]:
    def work(client: Client) -> int:
        return sum(len(found.split()) for found in _HITS.findall(client.command(f"SEARCH {key}")))

    return work


def _fresh(client: Client) -> None:
    client.drop("target")
    client.command("CREATE target")


def _gone(client: Client) -> None:
    client.command("DELETE target")


def _thousand_to_move(client: Client) -> None:
    client.drop("source")
    client.command("CREATE source")
    client.command("COPY 1:1000 source")
    client.select("source")
    _fresh(client)


def _thousand_to_expunge(client: Client) -> None:
    _fresh(client)
    client.command("COPY 1:1000 target")
    client.select("target")
    client.command("STORE 1:* +FLAGS.SILENT (\\Deleted)")


def _moved(client: Client) -> None:
    client.select("small")
    client.command("DELETE source")
    _gone(client)


def _expunged(client: Client) -> None:
    client.select("small")
    _gone(client)


def _copy(client: Client) -> int:
    client.command("COPY 1:1000 target")
    return 1000


def _move(client: Client) -> int:
    return client.command("MOVE 1:* target").count(b" EXPUNGE\r\n")


def _expunge(client: Client) -> int:
    return client.command("EXPUNGE").count(b" EXPUNGE\r\n")


def _append(window: int, count: int) -> Callable[[Client], int]:
    bodies = [generate.message(number, BODY) for number in range(count)]
    return lambda client: client.fill("target", bodies, window)


def _multiappend(count: int) -> Callable[[Client], int]:
    bodies = [generate.message(number, BODY) for number in range(count)]
    literals = b" ".join(b"{%d+}\r\n%b" % (len(body), body) for body in bodies)

    def work(client: Client) -> int:
        said = _APPENDED.search(client.command(b"APPEND target " + literals))
        assert said is not None
        return int(said[2]) - int(said[1]) + 1

    return work


class _ComesBack:
    """A client that was here before: since then ten messages got other flags. ENABLE QRESYNC stays on, so these tasks are the last."""

    def __init__(self) -> None:
        self._known: dict[Client, tuple[int, int]] = {}  # uidvalidity, mod-sequence

    def before(self, client: Client) -> None:
        """Learn where the mailbox stands, then change ten messages."""
        client.command("ENABLE QRESYNC")
        said = client.command("SELECT big")
        found = [
            re.search(rb"%b (\d+)" % what, said) for what in (b"UIDVALIDITY", b"HIGHESTMODSEQ")
        ]
        first, second = (int(one[1]) for one in found if one)
        self._known[client] = (first, second)
        numbers = ",".join(str(number) for number in range(5000, 15_000, 1000))
        client.command(f"STORE {numbers} +FLAGS.SILENT (\\Flagged)")
        client.command(f"STORE {numbers} -FLAGS.SILENT (\\Flagged)")

    def select(self, client: Client) -> int:
        """All in one round trip."""
        client.command("UNSELECT")
        validity, modseq = self._known[client]
        return client.command(f"SELECT big (QRESYNC ({validity} {modseq}))").count(b" FETCH (")

    def fetch(self, client: Client) -> int:
        """What changed, of a mailbox that is selected."""
        modseq = self._known[client][1]
        return client.command(f"FETCH 1:* (FLAGS) (CHANGEDSINCE {modseq})").count(b" FETCH (")


def tasks(appends: int) -> tuple[Task, ...]:
    """All of them."""
    back = _ComesBack()
    return (
        Task("FETCH 1:* (UID FLAGS)", "big", 0.8, _fetch("(UID FLAGS)")),
        Task("FETCH 1:* ENVELOPE, warm", "big", 0.5, _fetch("ENVELOPE")),
        Task("FETCH 1:* BODYSTRUCTURE, warm", "small", 1.3, _fetch("BODYSTRUCTURE")),
        Task("FETCH newest 50, header fields", "small", 1.0, _newest, times=20),
        Task(
            "FETCH newest 50, fields never asked for", "bodies", 1.0, _newest_of_another_field(),
            times=20,
        ),
        Task("FETCH 1,000 x 10 KiB BODY.PEEK[]", "bodies", 1.2, _bodies, times=3),
        Task("SELECT of 100,000, warm", "big", 0.1, _select("big"), times=10),
        Task("SELECT of 10,000, warm", "small", 3.0, _select("small"), times=50, peer=SDBOX),
        Task("STORE of one flag, twice", "big", 0.1, _store("500"), 2, 20, syncs=True),
        Task("STORE of 1,000, twice", "big", 0.5, _store("1001:2000"), 2000, 2, syncs=True),
        Task("COPY of 1,000", "small", 0.6, _copy, 1000, 1, _fresh, _gone, syncs=True),
        Task("MOVE of 1,000", "small", 0.6, _move, 1000, 1, _thousand_to_move, _moved, syncs=True),
        Task(
            "EXPUNGE of 1,000", "small", 2.0, _expunge, 1000, 1, _thousand_to_expunge, _expunged,
            syncs=True,
        ),
        Task("SEARCH FROM", "small", 0.7, _search('FROM "alice@rare"')),
        Task("SEARCH TEXT, a rare word", "small", 0.05, _search(f'TEXT "{generate.RARE}"')),
        Task("SEARCH TEXT, in two thirds", "small", 0.5, _search(f'TEXT "{generate.COMMON}"')),
        Task(
            f"APPEND {appends} x 10 KiB one by one", "small", 1.0, _append(1, appends), appends, 1,
            _fresh, _gone, syncs=True,
        ),
        Task(
            f"APPEND {appends} x 10 KiB, 20 in flight", "small", 0.25, _append(20, appends), appends, 1,
            _fresh, _gone, syncs=True,
        ),
        Task(
            "MULTIAPPEND of 100 x 10 KiB", "small", 0.3, _multiappend(100), 100, 1, _fresh, _gone,
            syncs=True,
        ),
        Task("QRESYNC, 10 changes of 100,000", "big", 0.1, back.select, 1, 20, back.before),
        Task("FETCH CHANGEDSINCE, 10 of 100,000", "big", 0.5, back.fetch, 1, 20, back.before),
    )  # fmt: skip
