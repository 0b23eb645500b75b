"""ESEARCH: every combination of result options."""

from __future__ import annotations

import itertools

import pytest
from tests.imap.answers import answer
from tests.support.imap import logged_in, message, world

CASES = {"MIN": b" MIN 2", "MAX": b" MAX 4", "COUNT": b" COUNT 3", "ALL": b" ALL 2:4"}


@pytest.mark.rfc("4731", "3.1", "extended SEARCH command MUST return a single ESEARCH response")
@pytest.mark.rfc(
    "4731",
    "3.1",
    "An extended UID SEARCH command MUST cause an ESEARCH response with the UID indicator present.",
)
@pytest.mark.rfc(
    "9051", "6.4.4", "This result option MUST always be included in the ESEARCH response."
)
@pytest.mark.rfc(
    "9051", "6.4.9", "the corresponding ESEARCH response MUST include the UID indicator."
)
@pytest.mark.rfc(
    "9051",
    "6.4.4",
    "all options specified above MUST result in a single ESEARCH response if used by themselves or in combination.",
)
async def test_combinations() -> None:
    """Each option adds its item, in one response with the tag; the UID form says UID."""
    async with world() as made:
        for number in range(1, 6):
            await made.deliver("INBOX", message(number))
        client = await logged_in(made, "INBOX")
        for size in range(1, 5):
            for options in itertools.permutations(CASES, size):
                want = b"".join(text for name, text in CASES.items() if name in options)
                for command, mark in (("SEARCH", b""), ("UID SEARCH", b" UID")):
                    said = await answer(client, f"{command} RETURN ({' '.join(options)}) 2:4")
                    line, tagged, rest = said.split(b"\r\n")
                    assert line == b'* ESEARCH (TAG "q")' + mark + want
                    assert tagged.startswith(b"q OK")
                    assert rest == b""


@pytest.mark.rfc(
    "9051",
    "6.4.4",
    "If the SEARCH results in no matches, the server MUST NOT include the MIN result option in the ESEARCH response;",
)
@pytest.mark.rfc(
    "9051",
    "6.4.4",
    "If the SEARCH results in no matches, the server MUST NOT include the MAX result option in the ESEARCH response;",
)
@pytest.mark.rfc(
    "9051",
    "6.4.4",
    "If the SEARCH results in no matches, the server MUST NOT include the ALL result option in the ESEARCH response;",
)
@pytest.mark.rfc(
    "9051",
    "6.4.4",
    "include the ALL result option in the ESEARCH response; however, it still MUST send the ESEARCH response.",
)
@pytest.mark.rfc(
    "4731",
    "3.1",
    "include the ALL result option in the ESEARCH response; however, it still MUST send the ESEARCH response.",
)
@pytest.mark.rfc(
    "4731",
    "3.1",
    "If the SEARCH results in no matches, the server MUST NOT include the MIN result option in the ESEARCH response;",
)
@pytest.mark.rfc(
    "4731",
    "3.1",
    "include the MIN result option in the ESEARCH response; however, it still MUST send the ESEARCH response.",
)
@pytest.mark.rfc(
    "4731",
    "3.1",
    "If the SEARCH results in no matches, the server MUST NOT include the MAX result option in the ESEARCH response;",
)
@pytest.mark.rfc(
    "4731",
    "3.1",
    "include the MAX result option in the ESEARCH response; however, it still MUST send the ESEARCH response.",
)
@pytest.mark.rfc(
    "4731",
    "3.1",
    "If the SEARCH results in no matches, the server MUST NOT include the ALL result option in the ESEARCH response;",
)
@pytest.mark.rfc(
    "4731", "3.1", "This result option MUST always be included in the ESEARCH response."
)
@pytest.mark.rfc(
    "4731", "4", "Implementations MUST accept these strings in a case-insensitive fashion."
)
@pytest.mark.rfc(
    "9051",
    "7.3.4",
    "If the SEARCH results in no matches, the server MUST NOT include the MIN return item in the ESEARCH response;",
)
@pytest.mark.rfc(
    "9051",
    "7.3.4",
    "include the MIN return item in the ESEARCH response; however, it still MUST send the ESEARCH response.",
)
@pytest.mark.rfc(
    "9051",
    "6.4.4",
    "include the MIN result option in the ESEARCH response; however, it still MUST send the ESEARCH response.",
)
@pytest.mark.rfc(
    "9051",
    "7.3.4",
    "If the SEARCH results in no matches, the server MUST NOT include the MAX return item in the ESEARCH response;",
)
@pytest.mark.rfc(
    "9051",
    "7.3.4",
    "include the MAX return item in the ESEARCH response; however, it still MUST send the ESEARCH response.",
)
@pytest.mark.rfc(
    "9051",
    "6.4.4",
    "include the MAX result option in the ESEARCH response; however, it still MUST send the ESEARCH response.",
)
@pytest.mark.rfc(
    "9051",
    "7.3.4",
    "If the SEARCH results in no matches, the server MUST NOT include the ALL return item in the ESEARCH response;",
)
@pytest.mark.rfc(
    "9051",
    "7.3.4",
    "include the ALL return item in the ESEARCH response; however, it still MUST send the ESEARCH response.",
)
@pytest.mark.rfc(
    "9051", "7.3.4", "This return item MUST always be included in the ESEARCH response."
)
async def test_no_matches() -> None:
    """Without matches only COUNT says something, but the response comes."""
    async with world() as made:
        client = await logged_in(made, "INBOX")
        for option in ("MIN", "MAX", "ALL", ""):
            said = await answer(client, f"SEARCH RETURN ({option}) ALL")
            assert said.startswith(b'* ESEARCH (TAG "q")\r\n')
        said = await answer(client, "uid search return (min Max aLL coUNT) all")
        assert said.startswith(b'* ESEARCH (TAG "q") UID COUNT 0\r\n')
        await made.deliver("INBOX", message(1))
        await client.command("NOOP")
        said = await answer(client, "SEARCH RETURN (MIN MAX ALL COUNT) ALL")
        assert b'* ESEARCH (TAG "q") MIN 1 MAX 1 COUNT 1 ALL 1\r\n' in said


async def test_empty_options_mean_all() -> None:
    """RETURN () is RETURN (ALL)."""
    async with world() as made:
        await made.deliver("INBOX", message(1))
        client = await logged_in(made, "INBOX")
        said = await answer(client, "SEARCH RETURN () ALL")
        assert said.startswith(b'* ESEARCH (TAG "q") ALL 1\r\n')


@pytest.mark.rfc(
    "9051",
    "6.4.4",
    "Any options not defined by extensions that the server supports MUST be rejected with a BAD response.",
)
async def test_unknown_option() -> None:
    """An option nobody defined is BAD."""
    async with world() as made:
        client = await logged_in(made, "INBOX")
        assert (await answer(client, "SEARCH RETURN (MIN UPDATE) ALL")).startswith(b"q BAD")


@pytest.mark.rfc(
    "9051",
    "7.3.4",
    "Each set MUST be complete; in particular, a UID set is returned in an ESEARCH response only when each number in the range corresponds to an existing (matching) message.",
)
async def test_no_range_spans_a_gap() -> None:
    """Uids that are expunged, or do not match, are in no range."""
    async with world() as made:
        for number in range(1, 8):
            await made.deliver("INBOX", message(number, "odd" if number % 2 else "even"))
        client = await logged_in(made, "INBOX")
        await client.command("UID STORE 3 +FLAGS.SILENT (\\Deleted)")
        await client.command("EXPUNGE")
        said = await answer(client, "UID SEARCH RETURN (ALL) ALL")
        assert said.startswith(b'* ESEARCH (TAG "q") UID ALL 1:2,4:7\r\n')
        said = await answer(client, "UID SEARCH RETURN (ALL) SUBJECT odd")
        assert said.startswith(b'* ESEARCH (TAG "q") UID ALL 1,5,7\r\n')
