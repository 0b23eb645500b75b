"""UTF8=ACCEPT: 8-bit headers come in only from clients that say what they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.imap.answers import answer
from tests.support.imap import Client, World, logged_in, message, world

from postil.imap.extensions.utf8 import HeaderWatch

UTF8 = "Subject: Grüße\r\n\r\nbody\r\n".encode()
LATIN = b"Subject: Gr\xfc\xdfe\r\n\r\nbody\r\n"
BODY = b"Subject: x\r\n\r\nGr\xfc\xdfe\r\n"


def _literal(octets: bytes) -> bytes:
    return b"{%d+}\r\n%b" % (len(octets), octets)


async def _bring(client: Client, how: str, octets: bytes) -> bytes:
    before = b"" if how != "MULTIAPPEND" else _literal(b"A: b\r\n\r\nfirst") + b" "
    command = {
        "APPEND": b"APPEND INBOX ",
        "MULTIAPPEND": b"APPEND INBOX ",
        "REPLACE": b"REPLACE 1 INBOX ",
        "UID REPLACE": b"UID REPLACE 1 INBOX ",
    }[how]
    return (await answer(client, command + before + _literal(octets))).splitlines()[-1]


async def _count(made: World) -> int:
    status = await made.store.status((await made.mailbox("INBOX")).id)
    return status.messages


@pytest.mark.rfc(
    "9755",
    "4",
    'an "APPEND" command that includes any 8-bit character in message header fields.',
)
@pytest.mark.parametrize("how", ["APPEND", "MULTIAPPEND", "REPLACE", "UID REPLACE"])
@pytest.mark.parametrize("enable", ["", "IMAP4rev2", "UTF8=ACCEPT"])
async def test_who_may_bring_8bit_headers(how: str, enable: str) -> None:
    """Only after ENABLE UTF8=ACCEPT; bodies always; what is refused changes nothing."""
    async with world() as made:
        await made.deliver("INBOX", message(1))
        client = await logged_in(made)
        if enable:
            await client.command(f"ENABLE {enable}")
        await client.command("SELECT INBOX")
        for octets in (UTF8, LATIN):
            tagged = await _bring(client, how, octets)
            assert tagged.startswith(b"q OK" if enable == "UTF8=ACCEPT" else b"q NO [CANNOT]")
            if enable == "UTF8=ACCEPT":
                return
        assert await _count(made) == 1
        assert (await _bring(client, how, BODY)).startswith(b"q OK")


async def test_an_account_without_the_capability() -> None:
    """It takes 8-bit headers from everybody, as before."""
    async with world() as made:
        made.directory.off[made.account.id] = frozenset({"UTF8=ACCEPT"})
        client = await logged_in(made)
        assert (await client.command("ENABLE UTF8=ACCEPT"))[0] == b"* ENABLED"
        assert (await _bring(client, "APPEND", UTF8)).startswith(b"q OK")


@pytest.mark.rfc("6855", "4", "append-data    =/ utf8-literal")
async def test_wrapped_literals() -> None:
    """They go with UTF8=ACCEPT, not with BINARY, which alone allows NUL."""
    wrapped = b"APPEND INBOX UTF8 (~{10+}\r\nA: b\r\n\r\n%bx)"
    async with world() as made:
        client = await logged_in(made)
        assert (await client.command(wrapped % b"\0"))[-1].startswith(b"t OK")
        made.directory.off[made.account.id] = frozenset({"BINARY"})
        client = await logged_in(made)
        assert (await client.command(wrapped % b"y"))[-1].startswith(b"t OK")
        assert (await client.command(wrapped % b"\0"))[-1].startswith(b"t BAD")
        made.directory.off[made.account.id] = frozenset({"UTF8=ACCEPT"})
        client = await logged_in(made)
        assert (await client.command(wrapped % b"y"))[-1].startswith(b"t BAD")
        assert await _count(made) == 2


@given(
    st.lists(st.sampled_from([b"a", b"\r\n", b"\n", b"\xc3\xbc", b"\r", b": "]), max_size=12),
    st.data(),
)
def test_any_cut(parts: list[bytes], data: st.DataObject) -> None:
    """Whatever pieces a message comes in, the header is the same octets up to the first empty line."""
    octets = b"".join(parts)
    *finished, last = octets.split(b"\n")
    head = []
    for line in finished:
        if line in (b"", b"\r"):
            break
        head.append(line)
    else:
        head.append(last)
    expected = not b"\n".join(head).isascii()
    watch = HeaderWatch()
    left = octets
    while left:
        size = data.draw(st.integers(1, len(left)))
        watch.see(left[:size])
        left = left[size:]
    assert watch.has_8bit == expected


@pytest.mark.rfc(
    "9755",
    "3",
    "with the specific exception that they MUST NOT contain control characters",
)
@pytest.mark.rfc("9755", "3", "Mailbox names MUST")
async def test_names_of_mailboxes() -> None:
    """Net-Unicode without control characters and line separators."""
    async with world() as made:
        client = await logged_in(made)
        await client.command("ENABLE UTF8=ACCEPT")
        for bad in ("a\x01b", "a\x7fb", "a\x85b", "a\u2028b", "a\u2029b", "a\ufeffb"):
            (only,) = await client.command(f'CREATE "{bad}"')
            assert only.startswith(b"t NO [CANNOT]"), bad
        await client.command('CREATE "A\u030a"')
        assert '"Å"'.encode() in (await client.command('LIST "" "Å"'))[0]


@pytest.mark.rfc(
    "9755",
    "3",
    'MUST reject, with a "BAD" response, any octet sequences with the high bit set that fail to comply with the formal syntax requirements of UTF-8 [RFC3629].',
)
@pytest.mark.rfc(
    "9755",
    "3",
    'If an IMAP server receives such a "SEARCH" command in that situation, it SHOULD reject the command with a "BAD" response',
)
@pytest.mark.rfc("9755", "3", "SHOULD accept UTF-8 in mailbox names")
@pytest.mark.rfc(
    "9755",
    "3",
    "MUST accept UTF-8 in mailbox names and convert them to the appropriate internal format.",
)
async def test_what_enable_changes() -> None:
    """Names of one mailbox in two spellings; no CHARSET any more; octets that are no UTF-8 are BAD."""
    async with world() as made:
        old, new = await logged_in(made, "INBOX"), await logged_in(made, "INBOX")
        await new.command("ENABLE UTF8=ACCEPT")
        await new.command('CREATE "Grüße"')
        assert (await old.command('LIST "" Gr*'))[0].endswith(b"Gr&APwA3w-e")
        assert (await new.command('LIST "" Gr*'))[0].endswith('"Grüße"'.encode())
        assert (await old.command("SEARCH CHARSET UTF-8 ALL"))[-1].startswith(b"t OK")
        assert (await new.command("SEARCH CHARSET UTF-8 ALL"))[-1].startswith(b"t BAD")
        assert (await new.command("UID SEARCH RETURN () CHARSET US-ASCII ALL"))[-1].startswith(
            b"t BAD"
        )
        for command in (b'SEARCH SUBJECT "\xfc"', b'CREATE "\xc3"', b'LIST "" "\xff"'):
            assert (await new.command(command))[-1].startswith(b"t BAD"), command


@pytest.mark.rfc(
    "9755",
    "3",
    "The IMAP server MUST NOT send UTF-8 in quoted-strings to the client unless the client has indicated support for that syntax",
)
async def test_quoted_strings() -> None:
    """ENVELOPE of a message with UTF-8 in its header: ASCII or a literal before, a quoted string after."""
    async with world() as made:
        await made.deliver("INBOX", UTF8)
        for enable, quoted in (("NOOP", False), ("ENABLE UTF8=ACCEPT", True)):
            client = await logged_in(made)
            await client.command(enable)
            await client.command("SELECT INBOX")
            said = await answer(client, "FETCH 1 (ENVELOPE PREVIEW)")
            assert ('"Grüße"'.encode() in said) == quoted
