"""SEARCHRES: what `$` holds after which command, and where it may stand."""

from __future__ import annotations

import pytest
from tests.support.imap import Client, World, logged_in, message, world

from postil.imap.extensions.esearch import Return, Wanted
from postil.imap.extensions.searchres import to_save
from postil.ports.ids import Uid
from postil.ports.store import StoreUnavailable


async def five(made: World) -> Client:
    """A client in a mailbox whose uids differ from its numbers."""
    for number in range(1, 7):
        await made.deliver("INBOX", message(number))
    await made.store.expunge((await made.mailbox("INBOX")).id, [Uid(1)], marked_only=False)
    return await logged_in(made, "INBOX")


async def saved(client: Client) -> list[int]:
    """The uids `$` stands for now."""
    lines = await client.command("UID FETCH $ UID")
    assert lines[-1].startswith(b"t OK")
    return [int(line.split(b"UID ")[1].rstrip(b")")) for line in lines[:-1]]


@pytest.mark.parametrize(
    ("options", "want"),
    [
        ("SAVE", [2, 3, 4]), ("SAVE MIN", [2]), ("SAVE MAX", [4]), ("MAX SAVE MIN", [2, 4]), ("SAVE ALL", [2, 3, 4]), ("SAVE COUNT", [2, 3, 4]),
        ("SAVE MIN COUNT", [2, 3, 4]), ("ALL SAVE MAX", [2, 3, 4]), ("SAVE MIN MAX COUNT ALL", [2, 3, 4]),
    ],
)  # fmt: skip
async def test_combinations(options: str, want: list[int]) -> None:
    """The table of RFC 9051 §6.4.4.1: alone with MIN or MAX only these are saved."""
    async with world() as made:
        client = await five(made)
        lines = await client.command(f"SEARCH RETURN ({options}) 1:3")
        assert lines[-1].startswith(b"t OK")
        assert (lines[0].startswith(b"* ESEARCH")) is (options != "SAVE")
        assert await saved(client) == want


def test_one_message_is_both_ends() -> None:
    """MIN and MAX of a single message save it once."""
    assert to_save(Return(Wanted.SAVE | Wanted.MIN | Wanted.MAX), [7]) == [7]
    assert to_save(Return(Wanted.SAVE | Wanted.MIN), []) == []


async def test_in_every_context() -> None:
    """`$` from numbers serves as uids and the other way round, in FETCH, SEARCH, STORE and COPY."""
    async with world() as made:
        client = await five(made)
        await client.command("UID SEARCH RETURN (SAVE) UID 3:4")
        assert (await client.command("FETCH $ UID"))[0] == b"* 2 FETCH (UID 3)"
        assert (await client.command("UID SEARCH UID $ SMALLER 100000"))[0] == b"* SEARCH 3 4"
        assert (await client.command("SEARCH OR $ 5"))[0] == b"* SEARCH 2 3 5"
        assert (await client.command("SEARCH NOT $"))[0] == b"* SEARCH 1 4 5"
        assert len(await client.command("STORE $ +FLAGS (\\Flagged)")) == 3


@pytest.mark.rfc(
    "9051",
    "6.4.4.1",
    "it must be treated by all commands accepting message sets as parameters as a valid, but non-matching, list of messages.",
)
async def test_empty_is_no_error() -> None:
    """An empty `$` matches nothing and is OK, from the start and in an empty mailbox."""
    async with world() as made:
        client = await logged_in(made, "INBOX")
        for command in ("FETCH $ FLAGS", "UID FETCH $ FLAGS", "STORE $ FLAGS ()"):
            assert len(await client.command(command)) == 1
        assert (await client.command("SEARCH $"))[0] == b"* SEARCH"


@pytest.mark.rfc(
    "9051",
    "6.4.4.1",
    "Any of the following SEARCH commands MUST NOT change the search result variable: a SEARCH command that caused the server to return the BAD tagged response,",
)
@pytest.mark.rfc(
    "5182",
    "2.1",
    "Any of the following SEARCH commands MUST NOT change the search result variable: a SEARCH command that caused the server to return the BAD tagged response,",
)
@pytest.mark.rfc(
    "5182",
    "2.1",
    "a SEARCH command with no SAVE result option that caused the server to return NO tagged response,",
)
@pytest.mark.rfc(
    "5182",
    "2.1",
    "a successful SEARCH command with no SAVE result option.",
)
async def test_what_does_not_change_it() -> None:
    """BAD, NO without SAVE, and OK without SAVE leave `$` alone."""
    async with world() as made:
        client = await five(made)
        await client.command("SEARCH RETURN (SAVE) 1:3")
        for command in (
            "SEARCH RETURN (SAVE) NONSENSE",
            "SEARCH RETURN (SAVE FOO) ALL",
            "SEARCH CHARSET KOI8-R TEXT x",
            "SEARCH RETURN (ALL) 5",
            "SEARCH 5",
        ):
            await client.command(command)
            assert await saved(client) == [2, 3, 4], command


@pytest.mark.rfc(
    "9051",
    "6.4.4.1",
    "A SEARCH command with the SAVE result option that caused the server to return the NO tagged response sets the value of the search result variable to the empty sequence.",
)
async def test_no_empties_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO with SAVE leaves `$` empty, whether the charset or the store refused."""
    async with world() as made:
        client = await five(made)
        await client.command("SEARCH RETURN (SAVE) 1:3")
        lines = await client.command("SEARCH RETURN (SAVE) CHARSET KOI8-R TEXT x")
        assert lines[-1].startswith(b"t NO [BADCHARSET")
        assert await saved(client) == []
        await client.command("SEARCH RETURN (SAVE) 1:3")

        async def closed(*arguments: object) -> object:
            raise StoreUnavailable("closed")

        monkeypatch.setattr(made.store, "search", closed)
        assert (await client.command("SEARCH RETURN (SAVE) TEXT x"))[-1].startswith(b"t NO")
        assert await saved(client) == []


@pytest.mark.rfc(
    "5182",
    "2.1",
    "it MUST automatically adjust them when notifying the client about expunged messages,",
)
async def test_expunged_messages_leave_it() -> None:
    """A message that is expunged is no longer in `$`; the others keep their identity."""
    async with world() as made:
        client = await five(made)
        await client.command("SEARCH RETURN (SAVE) 1:3")
        await made.store.expunge((await made.mailbox("INBOX")).id, [Uid(3)], marked_only=False)
        await client.command("NOOP")
        assert await saved(client) == [2, 4]
        assert (await client.command("FETCH $ UID"))[1] == b"* 2 FETCH (UID 4)"


async def test_select_empties_it() -> None:
    """SELECT begins with an empty variable."""
    async with world() as made:
        client = await five(made)
        await client.command("SEARCH RETURN (SAVE) ALL")
        await client.command("SELECT INBOX")
        assert await saved(client) == []


@pytest.mark.rfc(
    "5182", "3", "Implementations MUST accept these strings in a case-insensitive fashion."
)
async def test_in_any_case() -> None:
    """SAVE in any case."""
    async with world() as made:
        client = await five(made)
        assert (await client.command("search return (sAvE) 1:3"))[-1].startswith(b"t OK")
        assert await saved(client) == [2, 3, 4]


@pytest.mark.rfc("5182", "2.1", "Any such server MUST also implement the [ESEARCH] extension.")
@pytest.mark.rfc(
    "5182",
    "2.4",
    "Servers that implement the extension defined in this document MUST implement [ESEARCH]",
)
async def test_esearch_is_there_too() -> None:
    """Both are announced, and ESEARCH answers."""
    async with world() as made:
        client = await five(made)
        announced = (await client.command("CAPABILITY"))[0].split()
        assert {b"ESEARCH", b"SEARCHRES"} <= set(announced)
        assert (await client.command("SEARCH RETURN (COUNT) 1:3"))[0].endswith(b" COUNT 3")


@pytest.mark.rfc(
    "5182", "2.3", "a server MUST execute the two commands in the order they were received."
)
async def test_pipelined() -> None:
    """`$` in a command sent along with its SEARCH is that SEARCH's result."""
    async with world() as made:
        client = await five(made)
        client.stream.client_write(b"a SEARCH RETURN (SAVE) 2\r\nb FETCH $ UID\r\n")
        assert (await client.stream.client_line()).startswith(b"a OK")
        assert await client.stream.client_line() == b"* 2 FETCH (UID 3)\r\n"
