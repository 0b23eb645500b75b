"""ID (RFC 2971), LIST-EXTENDED (RFC 5258) and CHILDREN (RFC 3348): sentences of theirs that a client relies on."""

from __future__ import annotations

import pytest
from tests.support.imap import logged_in, world


@pytest.mark.rfc("2971", "3.2", "A server MUST send a tagged ID response to an ID command.")
@pytest.mark.rfc(
    "2971",
    "3",
    "Servers MUST NOT deny access to or refuse service for a client based on information from the ID command.",
)
@pytest.mark.rfc("2971", "3.3", "Implementations MUST NOT send the same field name more than once.")
@pytest.mark.rfc(
    "2971",
    "3",
    "Implementations MUST NOT make operational changes based on the data sent as part of the ID command or response.",
)
@pytest.mark.rfc(
    "2971",
    "3",
    "Servers MUST NOT attempt to work around client bugs by using information from the ID command.",
)
@pytest.mark.rfc(
    "2971",
    "3",
    "Servers MUST NOT provide features to a client or otherwise optimize for a particular client by using information from the ID command.",
)
async def test_id() -> None:
    """Whatever a client calls itself, it is answered and served like any other."""
    async with world() as made:
        client = await logged_in(made)
        before = await client.command("CAPABILITY")
        for words in ("NIL", "()", '("name" "a client with a history" "version" NIL)'):
            answer = await client.command(f"ID {words}")
            assert answer[0].startswith(b"* ID ")
            assert answer[-1].startswith(b"t OK")
            names = answer[0].split(b'"')[1::4]
            assert len(names) == len(set(names))
        assert await client.command("CAPABILITY") == before


@pytest.mark.rfc("2971", "3.3", "Implementations MUST NOT send more than 30 field-value pairs.")
@pytest.mark.rfc("2971", "3.3", "Field strings MUST NOT be longer than 30 octets.")
@pytest.mark.rfc("2971", "3.3", "Value strings MUST NOT be longer than 1024 octets.")
async def test_limits_of_id() -> None:
    """What keeps within the limits is taken, what does not is BAD."""
    async with world() as made:
        client = await logged_in(made)

        async def taken(pairs: int, name: int, value: int) -> bool:
            words = " ".join(f'"{number:0{name}d}" "{"v" * value}"' for number in range(pairs))
            return (await client.command(f"ID ({words})"))[-1].startswith(b"t OK")

        assert await taken(30, 30, 1024)
        assert not await taken(31, 30, 10)
        assert not await taken(1, 31, 10)
        assert not await taken(1, 30, 1025)


@pytest.mark.rfc(
    "5258", "3", "A server MUST respond to options it does not recognize with a BAD response."
)
@pytest.mark.rfc("5258", "3", "the server MUST act as if it received the option only once.")
@pytest.mark.rfc("5258", "3.1", "The server MUST return BAD tagged response in such case.")
@pytest.mark.rfc(
    "5258",
    "3.1",
    "In any case, the list MUST include exactly those mailbox names that match the canonical list pattern and are subscribed to.",
)
async def test_options_of_list() -> None:
    """Unknown ones are BAD, repeated ones are one, RECURSIVEMATCH needs company, SUBSCRIBED is exact."""
    async with world() as made:
        for name in ("a", "a/b", "c"):
            await made.mailbox(name)
        client = await logged_in(made)
        for options in ("(WHATEVER)", "(RECURSIVEMATCH)", "(REMOTE RECURSIVEMATCH)"):
            assert (await client.command(f'LIST {options} "" *'))[-1].startswith(b"t BAD"), options
        assert (await client.command('LIST "" * RETURN (WHATEVER)'))[-1].startswith(b"t BAD")
        for line in (await client.command('LIST (SUBSCRIBED) "" *'))[:-1]:
            await client.command(b"UNSUBSCRIBE " + line.rpartition(b" ")[2])
        await client.command("SUBSCRIBE a/b")
        await client.command("SUBSCRIBE gone")
        once = await client.command('LIST (SUBSCRIBED) "" *')
        assert await client.command('LIST (SUBSCRIBED SUBSCRIBED) "" *') == once
        assert sorted(line.rpartition(b" ")[2] for line in once[:-1]) == [b"a/b", b"gone"]


@pytest.mark.rfc(
    "3348",
    "3",
    "IMAP4 servers that support this extension MUST list the keyword",
)
async def test_children() -> None:
    """Each of the two attributes where it is true."""
    async with world() as made:
        await made.mailbox("a/b")
        client = await logged_in(made)
        lines = await client.command('LIST "" a*')
        assert b'* LIST (\\HasChildren) "/" a' in lines
        assert b'* LIST (\\HasNoChildren) "/" a/b' in lines
