"""MULTISEARCH: over several mailboxes it finds what UID SEARCH finds in each."""

from __future__ import annotations

import re

import pytest
from tests.support.imap import Client, World, logged_in, message, world

BOXES = {"INBOX": 3, "a": 2, "a/b": 1, "a/b/c": 1, "Grüße": 1}


async def _furnished(made: World) -> None:
    for name, count in BOXES.items():
        for number in range(1, count + 1):
            await made.deliver(name, message(number), frozenset({"\\Seen"} if number == 2 else ()))
    await made.mailbox("empty")


async def _found(client: Client, command: str) -> dict[bytes, bytes]:
    """Mailbox to what was returned."""
    lines = await client.command(command)
    assert lines[-1].startswith(b"t OK"), lines
    found = {}
    for line in lines[:-1]:
        match = re.fullmatch(
            rb'\* ESEARCH \(TAG "t\d+" MAILBOX (\S+) UIDVALIDITY [1-9]\d*\) UID (.*)', line
        )
        assert match is not None, line
        assert match.group(1) not in found
        found[match.group(1)] = match.group(2)
    return found


@pytest.mark.rfc(
    "7377",
    "2.1",
    "the server MUST return ESEARCH responses [RFC4731] (that is, not SEARCH responses).",
)
@pytest.mark.rfc(
    "7377",
    "2.1",
    "the responses MUST contain information about UIDs, not message numbers.",
)
@pytest.mark.rfc(
    "7377",
    "2.1",
    "a single ESEARCH response MUST be returned if any messages in that mailbox match the search criteria.",
)
@pytest.mark.rfc(
    "7377",
    "2.1",
    "An ESEARCH response MUST NOT be returned for mailboxes that contain no matching messages.",
)
@pytest.mark.rfc(
    "7377",
    "2.1",
    "Each ESEARCH response MUST contain the MAILBOX, TAG, and UIDVALIDITY correlators.",
)
@pytest.mark.rfc("7377", "2", "REQUIRED untagged response: ESEARCH")
@pytest.mark.parametrize(
    "criteria",
    [
        "ALL",
        "SEEN",
        "NOT SEEN",
        'SUBJECT "message 2"',
        "TEXT 1",
        "LARGER 1",
        "SINCE 1-Jan-2000 UNSEEN",
        "SENTSINCE 1-Jan-1990",
    ],
)
@pytest.mark.parametrize("rev2", [False, True])
async def test_as_in_each(criteria: str, rev2: bool) -> None:
    """Whatever the criteria; what is selected stays selected."""
    async with world() as made:
        await _furnished(made)
        client, other = await logged_in(made, "a"), await logged_in(made)
        if rev2:
            await client.command("ENABLE IMAP4rev2")
        expected = {}
        for name in BOXES:
            wire = name if name.isascii() else "Gr&APwA3w-e"
            await other.command(f"SELECT {wire}")
            line = (await other.command(f"UID SEARCH RETURN (ALL) {criteria}"))[0]
            if b" ALL " in line:
                shown = f'"{name}"' if rev2 and not name.isascii() else wire
                expected[shown.encode()] = line.split(b" UID ")[1]
        assert await _found(client, f"ESEARCH IN (personal) {criteria}") == expected
        assert (await client.command("FETCH 2 UID"))[0] == b"* 2 FETCH (UID 2)"


@pytest.mark.rfc("7377", "2.2", 'The "selected-delayed" specifier is not valid here.')
@pytest.mark.rfc("7377", "2.2", 'A "subtree-one" specifier is added.')
@pytest.mark.rfc(
    "7377",
    "2.2",
    "keeping track of the mailboxes that have been searched and by terminating the hierarchy traversal when a repeat is found.",
)
async def test_sources() -> None:
    """Each way to name mailboxes, each mailbox once."""
    async with world() as made:
        await _furnished(made)
        client = await logged_in(made)
        await client.command("SUBSCRIBE a/b")
        for sources, names in {
            "mailboxes a": {b"a"},
            "mailboxes (a a/b a)": {b"a", b"a/b"},
            "subtree a": {b"a", b"a/b", b"a/b/c"},
            "SUBTREE (a/b)": {b"a/b", b"a/b/c"},
            "subtree-one a": {b"a", b"a/b"},
            "subtree a subtree-one a mailboxes a/b": {b"a", b"a/b", b"a/b/c"},
            "personal": {b"INBOX", b"a", b"a/b", b"a/b/c", b"Gr&APwA3w-e"},
            "inboxes": {b"INBOX", b"a", b"a/b", b"a/b/c", b"Gr&APwA3w-e"},
            "subscribed": {b"INBOX", b"a/b"},
            "mailboxes (nowhere &x)": set(),
        }.items():
            assert set(await _found(client, f"ESEARCH IN ({sources}) ALL")) == names, sources
        (only,) = await client.command("ESEARCH IN (selected-delayed) ALL")
        assert only.startswith(b"t BAD")


@pytest.mark.rfc(
    "7377",
    "2",
    "it MUST NOT be considered an error if the search terms include a range of message numbers that extends (or, in fact, starts) beyond the end of the mailbox.",
)
@pytest.mark.rfc(
    "7377",
    "2.2",
    'the IMAP session MUST be in "selected" state.',
)
@pytest.mark.rfc(
    "7377",
    "2.2",
    'If the source options specify other mailboxes and NOT "selected", then the IMAP session MUST be in either "selected" or "authenticated" state.',
)
@pytest.mark.rfc(
    "7377",
    "2.2",
    'If the session is not in a correct state, the ESEARCH command MUST return a "BAD" result.',
)
@pytest.mark.rfc(
    "7377",
    "2.2",
    'If any source option other than "selected" is specified, the ESEARCH command MUST return a "BAD" result.',
)
@pytest.mark.rfc(
    "7377",
    "2.1",
    "that ESEARCH command MUST be executed by the server after all previous SEARCH/ESEARCH commands have completed",
)
async def test_states_and_saved_results() -> None:
    """Before login never, without a mailbox not for `selected`; SAVE only for the selected one, in the order of the commands."""
    async with world() as made:
        await _furnished(made)
        stranger = Client(await made.connect())
        await stranger.greeting()
        assert (await stranger.command("ESEARCH IN (personal) ALL"))[-1].startswith(b"t BAD")
        client = await logged_in(made)
        for command in (
            "ESEARCH ALL",
            "ESEARCH IN (selected) ALL",
            "ESEARCH IN (personal selected) ALL",
        ):
            assert (await client.command(command))[-1].startswith(b"t BAD")
        await client.command("SELECT INBOX")
        assert await _found(client, "ESEARCH 2:100") == {b"INBOX": b"ALL 2:3"}
        assert await _found(client, "ESEARCH 101:200") == {}
        client.stream.client_write(
            b"x SEARCH RETURN (SAVE) 1:3\r\ny ESEARCH RETURN (SAVE) UID 2\r\nz ESEARCH $\r\n"
        )
        said = await client.until(b"z")
        assert [line for line in said if b"ESEARCH" in line][-2].endswith(b" UID ALL 2")
        for command in (
            "ESEARCH IN (mailboxes a) RETURN (SAVE) ALL",
            "ESEARCH IN (selected mailboxes a) RETURN (SAVE COUNT) ALL",
        ):
            assert (await client.command(command))[-1].startswith(b"t BAD")
        await client.command("ENABLE UIDONLY")
        (only,) = await client.command("ESEARCH IN (mailboxes a) 1:2")
        assert only.startswith(b"t BAD [UIDREQUIRED]")


async def test_mod_sequences_and_a_mailbox_that_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    """MODSEQ as with SEARCH, for each mailbox; one that is deleted meanwhile is passed over."""
    async with world() as made:
        await _furnished(made)
        client, other = await logged_in(made), await logged_in(made, "a")
        await other.command("STORE 1 +FLAGS.SILENT (x)")
        found = await _found(client, "ESEARCH IN (mailboxes (a a/b)) RETURN (COUNT) MODSEQ 1")
        assert re.fullmatch(rb"COUNT 2 MODSEQ \d+", found[b"a"])
        boxes = await made.store.mailboxes(made.account.id)

        async def before(account: object) -> object:
            return boxes

        await other.command("DELETE a/b/c")
        monkeypatch.setattr(made.store, "mailboxes", before)
        assert set(await _found(client, "ESEARCH IN (subtree a) ALL")) == {b"a", b"a/b"}


async def test_each_mailbox_once_and_no_neighbour() -> None:
    """The selected one first, and not again where another way names it; a subtree ends at the level, not at the letter."""
    async with world() as made:
        for name in ("Lists", "Lists/x", "Lists2", "Other"):
            await made.deliver(name, message(1))
        client = await logged_in(made, "Lists/x")

        async def found(sources: str) -> list[bytes]:
            lines = (await client.command(f"ESEARCH IN ({sources}) ALL"))[:-1]
            return [line.split(b"MAILBOX ")[1].split(b" ")[0] for line in lines]

        assert await found("selected personal") == [b"Lists/x", b"Lists", b"Lists2", b"Other"]
        assert await found("personal selected mailboxes Lists/x") == [
            b"Lists/x",
            b"Lists",
            b"Lists2",
            b"Other",
        ]
        assert await found("subtree Lists") == [b"Lists", b"Lists/x"]
        assert await found("subtree-one Lists") == [b"Lists", b"Lists/x"]


async def test_a_search_that_fails_saves_nothing() -> None:
    """`$` is empty behind NO, whatever it was before."""
    async with world() as made:
        await made.deliver("INBOX", message(1))
        client = await logged_in(made, "INBOX")
        await client.command("ESEARCH RETURN (SAVE) ALL")
        assert (await client.command("SEARCH $"))[0] == b"* SEARCH 1"
        said = await client.command("ESEARCH RETURN (SAVE) CHARSET X-NONE SUBJECT x")
        assert said[-1].startswith(b"t NO [BADCHARSET")
        assert (await client.command("SEARCH $"))[0] == b"* SEARCH"
