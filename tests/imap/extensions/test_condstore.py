"""CONDSTORE: what a client may rely on."""

from __future__ import annotations

import re

import pytest
from tests.support.imap import Client, World, logged_in, message, world


async def _furnished(made: World, count: int = 3) -> None:
    for number in range(1, count + 1):
        await made.deliver("INBOX", message(number))


def _modseqs(lines: list[bytes]) -> list[int]:
    return [int(found) for line in lines for found in re.findall(rb"MODSEQ \((\d+)\)", line)]


async def _highest(client: Client) -> int:
    answer = b"\n".join(await client.command("STATUS INBOX (HIGHESTMODSEQ)"))
    found = re.search(rb"STATUS INBOX \(HIGHESTMODSEQ (\d+)\)", answer)
    assert found is not None
    return int(found.group(1))


@pytest.mark.parametrize(
    "command",
    [
        "STATUS INBOX (HIGHESTMODSEQ)",
        "FETCH 1 (MODSEQ)",
        "FETCH 1 (FLAGS) (CHANGEDSINCE 1)",
        "SEARCH MODSEQ 1",
        "STORE 3 (UNCHANGEDSINCE 99999) +FLAGS (x)",
        "ENABLE CONDSTORE",
        "ENABLE QRESYNC",
        'LIST "" INBOX RETURN (STATUS (HIGHESTMODSEQ))',
    ],
)
@pytest.mark.rfc(
    "7162",
    "3.1",
    "A first CONDSTORE enabling command executed in the session with a mailbox selected MUST cause the server to return HIGHESTMODSEQ",
)
@pytest.mark.rfc(
    "7162",
    "3.1",
    "The server MUST then include mod-sequence data in all subsequent untagged FETCH responses",
)
@pytest.mark.rfc(
    "7162",
    "3.1.3",
    "The server is REQUIRED to include the mod-sequence value whenever it decides to send the unsolicited FETCH response to all CONDSTORE-aware clients that have opened the mailbox containing the message.",
)
@pytest.mark.rfc(
    "7162",
    "3.2.4",
    "Once a CONDSTORE enabling command is issued by the client, the server MUST automatically include both UID and mod-sequence data in all subsequent untagged FETCH responses (until the connection is closed), whether they were caused by a regular STORE/UID STORE, a STORE/UID STORE with an UNCHANGEDSINCE modifier, a FETCH/UID FETCH that implicitly set the \\Seen flag, or an external agent.",
)
async def test_enabling_commands(command: str) -> None:
    """Each tells HIGHESTMODSEQ once, and from then on FETCH has UID and MODSEQ."""
    async with world() as made:
        await _furnished(made)
        client, other = await logged_in(made, "INBOX"), await logged_in(made, "INBOX")
        first = await client.command(command)
        assert sum(line.startswith(b"* OK [HIGHESTMODSEQ ") for line in first) == 1
        second = await client.command(command)
        assert not any(line.startswith(b"* OK [HIGHESTMODSEQ ") for line in second)
        await other.command("STORE 2 +FLAGS (\\Flagged)")
        (told, _) = await client.command("NOOP")
        assert re.fullmatch(rb"\* 2 FETCH \(UID 2 FLAGS \(.*\) MODSEQ \(\d+\)\)", told)


async def test_not_enabled() -> None:
    """Who never asks is told nothing of it but the code at SELECT."""
    async with world() as made:
        await _furnished(made)
        client, other = await logged_in(made), await logged_in(made, "INBOX")
        assert any(b"[HIGHESTMODSEQ " in line for line in await client.command("SELECT INBOX"))
        await other.command("STORE 2 +FLAGS (\\Flagged)")
        assert (await client.command("NOOP"))[0] == b"* 2 FETCH (FLAGS (\\Flagged))"


@pytest.mark.rfc(
    "7162",
    "3.1",
    "The server MUST guarantee that each STORE command performed on the same mailbox (including simultaneous stores to different metadata items from different connections) will get a different mod-sequence value.",
)
@pytest.mark.rfc(
    "7162",
    "3.1",
    "the mod-sequence of the second completed operation MUST be greater than the mod-sequence of the first completed operation.",
)
@pytest.mark.rfc(
    "7162", "3.1", "the value of the modification sequence for the message MUST be updated."
)
@pytest.mark.rfc(
    "7162",
    "3.1",
    "Setting a flag that is already set, or clearing a flag that is not set, SHOULD NOT change the mod-sequence.",
)
@pytest.mark.rfc(
    "7162",
    "3.1",
    "An IMAP server that supports CONDSTORE MUST associate a positive unsigned 63-bit (*) value, called a mod-sequence, with every IMAP message.",
)
@pytest.mark.rfc(
    "7162",
    "3.1.3",
    "If the operation is successful for a message, the server MUST update the mod-sequence attribute of the message.",
)
@pytest.mark.rfc(
    "7162",
    "3.1.11",
    "Adding the flag when it is already present or removing it when it is not present SHOULD NOT change the mod-sequence.",
)
async def test_rising() -> None:
    """Every change gets a higher one; what changes nothing gets none."""
    async with world() as made:
        await _furnished(made)
        client, other = await logged_in(made, "INBOX"), await logged_in(made, "INBOX")
        await client.command("ENABLE CONDSTORE")
        await other.command("ENABLE CONDSTORE")
        seen = [await _highest(client)]
        for one, command in (
            (client, "STORE 1 +FLAGS (\\Seen)"),
            (other, "STORE 2 +FLAGS (\\Flagged)"),
            (client, "STORE 2 -FLAGS (\\Flagged)"),
            (other, "STORE 1:3 FLAGS (x)"),
        ):
            assert max(_modseqs(await one.command(command))) > seen[-1]
            seen.append(await _highest(client))
        assert seen == sorted(set(seen))
        for command in ("STORE 1:3 +FLAGS (x)", "STORE 1:3 -FLAGS (y)", "STORE 1 FLAGS (X)"):
            await client.command(command)
        assert await _highest(client) == seen[-1]


@pytest.mark.rfc(
    "7162",
    "3.1.3",
    "then the requested operation MUST NOT be performed.",
)
@pytest.mark.rfc(
    "7162", "3.1.3", "the server MUST return in the tagged response a MODIFIED response code."
)
@pytest.mark.rfc(
    "7162",
    "3.1.3",
    "If the operation is successful, the server MUST update the mod-sequence attribute of the message.",
)
@pytest.mark.rfc(
    "7162",
    "3.1.3",
    "An untagged FETCH response MUST be sent, even if the .SILENT suffix is specified,",
)
@pytest.mark.rfc("7162", "3.1.3", "and the response MUST include the MODSEQ message data item.")
@pytest.mark.rfc(
    "7162", "3.1.3", "A system flag MUST always be considered existent, whether it was set or not."
)
async def test_unchanged_since() -> None:
    """Only what nobody touched is changed; the others are named, by number or uid."""
    async with world() as made:
        await _furnished(made, 4)
        client, other = await logged_in(made, "INBOX"), await logged_in(made, "INBOX")
        known = await _highest(client)
        await other.command("STORE 2,4 +FLAGS (\\Flagged)")
        answer = await client.command(
            f"STORE 1:4 (UNCHANGEDSINCE {known}) +FLAGS.SILENT (\\Deleted)"
        )
        assert answer[-1].startswith(b"t OK [MODIFIED 2,4] ")
        silent = [line for line in answer if re.search(rb"FETCH \(UID [13] MODSEQ", line)]
        assert min(_modseqs(silent)) > known
        assert len(silent) == 2
        flags = await client.command("FETCH 1:4 FLAGS")
        assert [b"\\Deleted" in line for line in flags[:4]] == [True, False, True, False]
        answer = await client.command(f"UID STORE 1:4 (UNCHANGEDSINCE {known}) FLAGS (x)")
        assert answer[-1].startswith(b"t OK [MODIFIED 1:4] ")
        # Refused, though it changes nothing: told once, with its flags.
        answer = await client.command("STORE 1 (UNCHANGEDSINCE 0) +FLAGS.SILENT (\\Deleted)")
        assert [line.split()[2] for line in answer[:-1]] == [b"FETCH"]
        answer = await client.command("STORE 1 (UNCHANGEDSINCE 0) +FLAGS ($MDNSent)")
        assert answer[-1].startswith(b"t OK [MODIFIED 1] ")


@pytest.mark.rfc(
    "7162",
    "3.1.3",
    "Note: If a message is specified multiple times in the message set, and the server doesn't internally eliminate duplicates from the message set, it MUST NOT fail the conditional STORE operation for the second (or subsequent) occurrence of the message if the operation completed successfully for the first occurrence.",
)
async def test_same_message_twice() -> None:
    """A message named twice does not fail because of itself."""
    async with world() as made:
        await _furnished(made, 4)
        client = await logged_in(made, "INBOX")
        known = await _highest(client)
        answer = await client.command(f"STORE 3,1:4,3 (UNCHANGEDSINCE {known}) +FLAGS (x)")
        assert answer[-1] == b"t OK STORE completed"


async def test_some_are_gone() -> None:
    """Expunged and modified in one STORE: NO with MODIFIED, as in example 11."""
    async with world() as made:
        await _furnished(made, 4)
        client, other = await logged_in(made, "INBOX"), await logged_in(made, "INBOX")
        known = await _highest(client)
        await other.command("STORE 2 +FLAGS (\\Answered)")
        await other.command("STORE 4 +FLAGS (\\Deleted)")
        await other.command("EXPUNGE")
        answer = await client.command(f"STORE 1:4 (UNCHANGEDSINCE {known}) +FLAGS (\\Seen)")
        assert answer[-1].startswith(b"t NO [MODIFIED 2] ")


async def test_pipelined_conditional_stores() -> None:
    """Sent together they see each other's changes."""
    async with world() as made:
        await _furnished(made)
        client = await logged_in(made, "INBOX")
        known = await _highest(client)
        client.stream.client_write(
            f"a STORE 1 (UNCHANGEDSINCE {known}) +FLAGS (x)\r\n"
            f"b STORE 1 (UNCHANGEDSINCE {known}) +FLAGS (y)\r\n".encode()
        )
        assert (await client.until(b"a"))[-1] == b"t OK STORE completed"
        assert (await client.until(b"b"))[-1].startswith(b"t OK [MODIFIED 1] ")


@pytest.mark.rfc(
    "7162",
    "3.1.5",
    "the server MUST also append (to the end of the untagged SEARCH response) the highest mod-sequence for all messages being returned.",
)
@pytest.mark.rfc("7162", "3.1.5", "it MUST ignore <entry-name> and <entry-type-req>.")
@pytest.mark.rfc(
    "7162",
    "3.1.10",
    "the server MUST return the ESEARCH response containing the MODSEQ result option as defined in Section 3.2 of [RFC4731].",
)
@pytest.mark.rfc(
    "4731",
    "3.2",
    "the server MUST return the ESEARCH response containing the MODSEQ result option",
)
@pytest.mark.rfc(
    "7162",
    "3.1.6",
    "If a client specifies a MODSEQ criterion in a SEARCH (or UID SEARCH) command and the server returns a non-empty SEARCH result, the server MUST also append (to the end of the untagged SEARCH response) the highest mod-sequence for all messages being returned.",
)
async def test_search() -> None:
    """MODSEQ at the end, not when nothing is found, in ESEARCH for what is returned."""
    async with world() as made:
        await _furnished(made)
        client = await logged_in(made, "INBOX")
        one, two, three = _modseqs(await client.command("FETCH 1:3 MODSEQ"))
        assert (await client.command(f"SEARCH MODSEQ {two}"))[
            0
        ] == b"* SEARCH 2 3 (MODSEQ %d)" % three
        entry = '"/flags/\\\\draft" priv'
        assert (await client.command(f"SEARCH NOT MODSEQ {entry} {two}"))[0] == (
            b"* SEARCH 1 (MODSEQ %d)" % one
        )
        assert (await client.command(f"SEARCH MODSEQ {three + 1}"))[0] == b"* SEARCH"
        answer = await client.command(f"SEARCH RETURN (MIN MAX) MODSEQ {one}")
        assert answer[0].endswith(b" MIN 1 MAX 3 MODSEQ %d" % three)
        answer = await client.command(f"SEARCH RETURN (MIN) MODSEQ {one}")
        assert answer[0].endswith(b" MIN 1 MODSEQ %d" % one)
        answer = await client.command(f"SEARCH RETURN () MODSEQ {three + 1}")
        assert answer[0].endswith(b")")
        await client.command("ENABLE IMAP4rev2")
        answer = await client.command(f"SEARCH MODSEQ {one} 1:2")
        assert answer[0].endswith(b" ALL 1:2 MODSEQ %d" % two)


async def test_changed_since_of_a_big_mailbox() -> None:
    """The numbers of the set and those that changed are intersected, whichever is long."""
    async with world() as made:
        await _furnished(made, 300)
        client = await logged_in(made, "INBOX")
        known = await _highest(client)
        await client.command("STORE 5,50:52,299 +FLAGS (x)")
        for numbers, wanted in (
            ("1:*", [5, 50, 51, 52, 299]),
            ("50:51", [50, 51]),
            ("5,7,299:300", [5, 299]),
            ("6", []),
        ):
            answer = await client.command(f"FETCH {numbers} (UID) (CHANGEDSINCE {known})")
            assert [int(line.split()[1]) for line in answer[:-1]] == wanted


async def test_fetch_that_marks_as_seen() -> None:
    """Implicit \\Seen is told with UID and MODSEQ once mod-sequences are known to the client."""
    async with world() as made:
        await _furnished(made)
        client = await logged_in(made, "INBOX")
        known = await _highest(client)
        answer = await client.command("FETCH 1 BODY[TEXT]")
        assert b" UID 1 MODSEQ (" in answer[-2]
        assert _modseqs(answer)[0] > known


@pytest.mark.rfc(
    "7162",
    "3.1.2",
    "One of these two response codes MUST be returned in an OK untagged response for any successful SELECT/EXAMINE command issued after a CONDSTORE enabling command.",
)
@pytest.mark.rfc(
    "7162",
    "3.1.2",
    "If the mailbox supports the persistent storage of mod-sequences and the mailbox open operation succeeds, the server MUST send an OK untagged response, including the HIGHESTMODSEQ response code.",
)
@pytest.mark.rfc(
    "7162",
    "3.1.2.1",
    "Once a CONDSTORE enabling command is issued, a server supporting the persistent storage of mod-sequences for the mailbox MUST send an OK untagged response, including the HIGHESTMODSEQ response code with every successful SELECT or EXAMINE command:",
)
async def test_select_tells() -> None:
    """HIGHESTMODSEQ with every SELECT and EXAMINE, before and after it is enabled."""
    async with world() as made:
        await _furnished(made)
        client = await logged_in(made)
        for _ in range(2):
            for verb in ("SELECT", "EXAMINE"):
                lines = await client.command(f"{verb} INBOX")
                highest = [line for line in lines if b"[HIGHESTMODSEQ " in line]
                assert len(highest) == 1
                assert int(re.findall(rb"\d+", highest[0])[0]) == await _highest(client)


@pytest.mark.rfc(
    "7162",
    "3.1.8",
    'The CONDSTORE extension defines a single optional select parameter, "CONDSTORE", which tells the server that it MUST include the MODSEQ FETCH response data items in all subsequent unsolicited FETCH responses.',
)
async def test_select_parameter() -> None:
    """(CONDSTORE) enables with the mailbox it opens, so nothing falls between."""
    async with world() as made:
        await _furnished(made)
        client, other = await logged_in(made), await logged_in(made, "INBOX")
        lines = await client.command("SELECT INBOX (CONDSTORE)")
        assert sum(b"[HIGHESTMODSEQ " in line for line in lines) == 1
        await other.command("STORE 1 +FLAGS (x)")
        (flags, told, _) = await client.command("NOOP")
        assert flags.startswith(b"* FLAGS (")
        assert re.fullmatch(rb"\* 1 FETCH \(UID 1 FLAGS \(x.*\) MODSEQ \(\d+\)\)", told)
