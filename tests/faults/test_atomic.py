"""REPLACE and MULTIAPPEND, cut off behind each single write and sync: all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from postil.ports.ids import AccountId, Uid
from postil.store.intents import appending, replacing
from postil.store.transaction import Transaction

from .cases import every_crash, record, shrink_limits
from .disk import Mode
from .load import ACCOUNTS, Box, Message, Request

SEEN, IMPORTANT = frozenset({"\\Seen"}), frozenset({"$Important"})


def message(word: bytes, size: int = 0, flags: frozenset[str] = frozenset()) -> Message:
    head = b"Message-ID: <%b@x>\r\nFrom: a@x\r\nTo: b@x\r\nSubject: %b\r\n\r\n" % (word, word)
    return Message(head + word * (size // len(word)), flags)


def multiappend(boxes: Mapping[tuple[AccountId, str], int]) -> Sequence[Request]:
    """Several at once: small ones, one in a file of its own, and as sent mail."""
    inbox, sent = (Box(boxes[ACCOUNTS[0], name]) for name in ("INBOX", "Sent"))
    three = (message(b"one", 100, SEEN), message(b"two", 5000), message(b"three", 900, IMPORTANT))
    return (
        Request("append", (inbox, three)),
        Request("append", (sent, (message(b"four"), message(b"five", 10)))),
    )


def replace(boxes: Mapping[tuple[AccountId, str], int]) -> Sequence[Request]:
    """In one mailbox and into another; small by big, big by small."""
    inbox, sent = (Box(boxes[ACCOUNTS[0], name]) for name in ("INBOX", "Sent"))
    return (
        Request("append", (inbox, (message(b"draft", 300),))),
        Request("replace", (inbox, Uid(1), inbox, message(b"again", 6000, SEEN))),
        Request("replace", (inbox, Uid(2), sent, message(b"sent", 200, IMPORTANT))),
        Request("replace", (inbox, Uid(2), sent, message(b"refused", 200))),
    )


# The first request that the tests are about: before it are the accounts, and a draft to be replaced.
FIRST = {multiappend: len(ACCOUNTS), replace: len(ACCOUNTS) + 1}
SCRIPTS = pytest.mark.parametrize("script", [multiappend, replace], ids=lambda one: one.__name__)


@SCRIPTS
@pytest.mark.rfc(
    "8508", "1", "Server developers are encouraged to implement REPLACE as an atomic operation"
)
@pytest.mark.rfc(
    "3502",
    "6.3.11",
    "the mailbox MUST be restored to its state before the APPEND attempt; no partial appending is permitted.",
)
async def test_all_or_nothing(
    script: Callable[[Mapping[tuple[AccountId, str], int]], Sequence[Request]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every prefix of what was written, in every way a disk can lose the rest: the old state or the whole new one."""
    shrink_limits(monkeypatch)
    run = await record(tmp_path / "disk", 0, script=script)
    await every_crash(run, FIRST[script])
    assert run.points > 300
    assert run.failures == []


def _in_two(tx: Transaction) -> None:
    """What a transaction in pieces would do: the first piece is on disk before the second."""
    tx.db.execute("RELEASE intent")
    tx.db.execute("COMMIT")
    tx.db.execute("BEGIN IMMEDIATE")
    tx.db.execute("SAVEPOINT intent")


@SCRIPTS
async def test_pieces_are_found(
    script: Callable[[Mapping[tuple[AccountId, str], int]], Sequence[Request]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With a commit in the middle of either the test above fails."""
    shrink_limits(monkeypatch)
    body, remove = appending._body, replacing.remove_picked

    def body_in_two(tx: Transaction, account: AccountId, incoming: appending.Incoming) -> int:
        made = body(tx, account, incoming)
        _in_two(tx)
        return made

    def remove_in_two(tx: Transaction, *arguments: object, **named: object) -> object:
        gone = remove(tx, *arguments, **named)  # type: ignore[arg-type]
        _in_two(tx)
        return gone

    if script is multiappend:
        monkeypatch.setattr(appending, "_body", body_in_two)
    else:
        monkeypatch.setattr(replacing, "remove_picked", remove_in_two)
    run = await record(tmp_path / "disk", 0, script=script)
    await every_crash(run, FIRST[script], [Mode.KEPT], enough=1)
    assert run.failures, "a transaction in pieces was not noticed"
