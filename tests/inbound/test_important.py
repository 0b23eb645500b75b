"""Which mail gets $Important on its way in: the rules, what they are told, and what a recipient finds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from tests.support.delivery import Post, post

from postil.inbound.important import Facts, Reason, comparable, facts_of, judge
from postil.ports.store import (
    IMPORTANT,
    Acquaintance,
    FlagChange,
    LimitReached,
    NewMessage,
    StoreUnavailable,
)

KNOWN = Acquaintance(written_to=True)
THREAD = Acquaintance(in_thread=True)
SET, CLEARED = Acquaintance(marked=1), Acquaintance(marked=-1)
ALL = Acquaintance(True, True, 5)


@pytest.mark.parametrize(
    ("facts", "important", "reason"),
    [
        (Facts(), False, Reason.STRANGER),
        (Facts(in_to=True), False, Reason.STRANGER),
        (Facts(KNOWN, in_to=True), True, Reason.CORRESPONDENT),
        (Facts(KNOWN, in_cc=True), False, Reason.STRANGER),
        (Facts(KNOWN), False, Reason.STRANGER),
        (Facts(KNOWN, in_to=True, mailing=True), False, Reason.MAILING),
        (Facts(KNOWN, in_to=True, automatic=True), False, Reason.AUTOMATIC),
        (Facts(THREAD, in_to=True), True, Reason.THREAD),
        (Facts(THREAD, in_cc=True), True, Reason.THREAD),
        (Facts(THREAD), False, Reason.STRANGER),
        (Facts(THREAD, in_cc=True, mailing=True), False, Reason.MAILING),
        (Facts(THREAD, in_cc=True, automatic=True), False, Reason.AUTOMATIC),
        (Facts(SET), True, Reason.MARKED),
        (Facts(SET, mailing=True, automatic=True), True, Reason.MARKED),
        (Facts(CLEARED, in_to=True), False, Reason.CLEARED),
        (Facts(Acquaintance(True, True, -1), in_to=True), False, Reason.CLEARED),
        (Facts(ALL, in_to=True, own=True), False, Reason.OWN),
    ],
)
def test_rules(facts: Facts, important: bool, reason: Reason) -> None:
    """Each rule, and which of two comes first."""
    judgement = judge(facts)
    assert (judgement.important, judgement.reason) == (important, reason)


def test_nothing_a_stranger_writes_is_enough() -> None:
    """Without something the recipient did, no message is important."""
    for number in range(32):
        bits = [bool(number >> bit & 1) for bit in range(5)]
        assert not judge(Facts(Acquaintance(), *bits)).important


OWN = frozenset({"me@example.org"})


def facts(header: bytes, *, bounce: bool = False) -> Facts:
    return facts_of(header, bounce=bounce, own_addresses=OWN, acquaintance=Acquaintance())


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"To: me@example.org\r\n", Facts(in_to=True)),
        (b"to : Me <ME@Example.ORG>, x@y\r\n", Facts(in_to=True)),
        (b"To: all: x@y, me@example.org;\r\n", Facts(in_to=True)),
        (b"To: x@y,\r\n me@example.org\r\n", Facts(in_to=True)),
        (b'To: "me@example.org" <x@y>\r\n', Facts()),
        (b"X-To: me@example.org\r\nTo: notme@example.org\r\n", Facts()),
        (b'To: "Me"@example.org\r\n', Facts(in_to=True)),
        (b"To: me\r\nTo: me@example.org\r\n", Facts()),
        (b"To: <>\r\n", Facts()),
        (b"Cc: me@example.org\r\n", Facts(in_cc=True)),
        (b"Bcc: me@example.org\r\n", Facts()),
        (b"From: Me <me@EXAMPLE.org>\r\n", Facts(own=True)),
        (b"From: a@b, me@example.org\r\n", Facts(own=True)),
        (b"List-Id: <l.example.org>\r\n", Facts(mailing=True)),
        (b"LIST-UNSUBSCRIBE: <mailto:x@y>\r\n", Facts(mailing=True)),
        (b"List-Post: NO\r\n", Facts(mailing=True)),
        (b"Precedence: Bulk\r\n", Facts(mailing=True)),
        (b"Precedence: first-class\r\n", Facts()),
        (b"Subject: x\r\n List-Id: folded\r\n", Facts()),
        (b"Auto-Submitted: auto-replied\r\n", Facts(automatic=True)),
        (b"Auto-Submitted: no\r\n", Facts()),
        (b"", Facts()),
    ],
)
def test_facts(header: bytes, expected: Facts) -> None:
    """What stands in the fields, folded, grouped, in any case; not what only looks like it."""
    assert facts(header) == expected
    assert facts(header, bounce=True) == replace(expected, automatic=True)


def test_one_of_thousands_is_not_addressed() -> None:
    """Of a long list the beginning is read, in groups as well, and the rest costs nothing."""
    many = b", ".join(b"p%d@\xc3\xbc.example" % number for number in range(5000))
    for count, expected in ((99, True), (100, False)):
        before = b"".join(b"p%d@x.example, " % number for number in range(count))
        assert facts(b"To: " + before + b"me@example.org\r\n").in_to is expected
    assert facts(b"To: me@example.org, " + many + b"\r\n").in_to
    assert facts(b"To: us: me@example.org;, " + many + b"\r\n").in_to
    assert not facts(b"To: " + many + b", me@example.org\r\n").in_to
    assert not facts(b"To: us: " + many + b", me@example.org;\r\n").in_to


def test_addresses_are_compared_as_the_directory_does() -> None:
    """Case, quotes and the two spellings of a domain do not matter."""
    assert comparable('"Me"@B\u00fccher.example') == comparable("me@xn--bcher-kva.example") != ""
    assert comparable("me") == comparable("") == comparable("@") == ""


@given(st.binary(max_size=300), st.booleans())
def test_any_octets(octets: bytes, bounce: bool) -> None:
    """No header makes it fail, and none makes a stranger's message important."""
    for header in (octets, b"To: " + octets, b"From: " + octets + b"\r\nCc:" + octets):
        assert not judge(facts(header, bounce=bounce)).important


# --- through the pipeline


@pytest_asyncio.fixture
async def p() -> AsyncIterator[Post]:
    """Local delivery; alice has written to friend@client.example."""
    async with post() as made:
        await _append(made, "Sent", b"Message-ID: <mine@x>\r\nTo: friend@client.example\r\n\r\n")
        yield made


async def _append(p: Post, name: str, octets: bytes) -> None:
    writer = p.store.stage(None, None)
    await writer.write(octets)
    body = await writer.finish()
    await p.store.append(await _box(p, name), [NewMessage(body)])
    await p.store.discard(body)


async def _box(p: Post, name: str = "INBOX", account: str = "alice"):  # type: ignore[no-untyped-def]
    boxes = await p.store.mailboxes(p.account(account).id)
    return next(one.id for one in boxes if one.name == name)


async def marks(p: Post, account: str = "alice") -> list[bool]:
    """Which messages in INBOX have the keyword, and no message has another flag."""
    view = await p.store.open(await _box(p, account=account))
    sets = [view.flagsets.names(number) for number in view.generation.flags]
    view.close()
    assert set().union(*sets) <= {IMPORTANT}
    return [IMPORTANT in names for names in sets]


def letter(
    author: str = "friend@client.example", to: str = "alice@example.org", more: str = ""
) -> bytes:
    return f"From: F <{author}>\r\nTo: {to}\r\n{more}Subject: x\r\n\r\nx\r\n".encode()


async def test_a_correspondent(p: Post) -> None:
    """Mail from somebody one writes to is important when it is addressed to one, whichever address; mail of others is not."""
    for message in (
        letter(),
        letter("stranger@client.example"),
        letter(to="bob@example.org"),
        letter(more="List-Id: <l.x>\r\n"),
        letter("stranger@client.example", more="References: <a@x> <mine@x>\r\n"),
        letter("alice@example.org"),
    ):
        assert (await p.send(message)).ok
    assert (await p.send(letter(), "postmaster@example.org")).ok
    assert (await p.send(letter(), sender="")).ok
    assert await marks(p) == [True, False, False, False, True, False, True, False]


async def test_each_recipient_for_himself(p: Post) -> None:
    """Of one message, the copy of the one who writes to its author is important."""
    both = letter(to="alice@example.org, bob@example.org")
    assert (await p.send(both, "alice@example.org", "bob@example.org")).ok
    assert (await marks(p), await marks(p, "bob")) == ([True], [False])


async def test_trained(p: Post) -> None:
    """Clearing the mark stops it, setting it again brings it back; setting it elsewhere begins it."""
    await p.send(letter())
    inbox = await _box(p)
    await p.store.change_flags(inbox, [1], FlagChange.REMOVE, frozenset({IMPORTANT}))  # type: ignore[list-item]
    await p.send(letter())
    await p.store.change_flags(inbox, [1], FlagChange.ADD, frozenset({IMPORTANT}))  # type: ignore[list-item]
    await p.send(letter())
    assert await marks(p) == [True, False, True]
    news = letter("news@shop.example", more="Precedence: bulk\r\n")
    await p.send(news)
    await p.store.change_flags(inbox, [4], FlagChange.ADD, frozenset({IMPORTANT}))  # type: ignore[list-item]
    await p.send(news)
    assert await marks(p) == [True, False, True, True, True]


async def test_switched_off_and_on(p: Post) -> None:
    """Off: nothing is marked. On again: what came meanwhile stays as it is, what comes now is judged."""
    account = p.account()
    p.directory.accounts["alice"] = replace(account, marks_important=False)
    await p.send(letter())
    p.directory.accounts["alice"] = account
    await p.send(letter())
    assert await marks(p) == [False, True]


async def test_no_room_for_a_keyword(p: Post) -> None:
    """A mailbox that takes no more keywords gets the message without."""
    inbox = await _box(p)
    await p.send(letter("a@b"))
    keywords = frozenset(f"k{number}" for number in range(1000))
    await p.store.change_flags(inbox, [1], FlagChange.ADD, keywords)  # type: ignore[list-item]
    await p.store.change_flags(inbox, [1], FlagChange.REPLACE, frozenset())  # type: ignore[list-item]
    assert (await p.send(letter())).ok
    assert await marks(p) == [False, False]


async def test_a_store_that_cannot_tell(p: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message is delivered all the same, without the mark; a limit that has another cause is still told."""

    async def broken(*_: object) -> Acquaintance:
        raise StoreUnavailable("the disk is slow today")

    monkeypatch.setattr(p.store, "acquaintance", broken)
    assert (await p.send(letter())).ok
    assert await marks(p) == [False]

    async def full(*_: object) -> None:
        raise LimitReached("uids used up")

    monkeypatch.undo()
    monkeypatch.setattr(p.store, "deliver", full)
    assert (await p.send(letter())).code == 451
