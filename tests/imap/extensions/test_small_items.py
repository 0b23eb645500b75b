"""SAVEDATE, OBJECTID, PREVIEW, WITHIN, CREATE-SPECIAL-USE and APPENDLIMIT: what each promises."""

from __future__ import annotations

import re

import pytest
from tests.support.imap import Client, World, logged_in, message, world

from postil.imap import encode
from postil.ports.ids import Uid

DAY = 86400


async def _save_date(client: Client, number: int = 1) -> bytes:
    answer = await client.command(f"FETCH {number} SAVEDATE")
    found = re.search(rb'SAVEDATE ("[^"]*")', answer[0])
    assert found is not None
    return found.group(1)


def _now(made: World) -> bytes:
    return encode.date_time(int(made.store.clock.now())).encode()  # type: ignore[attr-defined]


# --- SAVEDATE


@pytest.mark.rfc(
    "8514",
    "3",
    "the current date and time at which the message is delivered to a mailbox MUST be used to set the save date attribute.",
)
@pytest.mark.rfc(
    "8514",
    "3",
    "Once calculated, the save date attribute MUST NOT change as long as the message is contained within the same mailbox.",
)
@pytest.mark.parametrize("command", ["COPY 1 Other", "MOVE 1 Other"])
async def test_save_date_is_when_it_came(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the internal date is; a copy has its own, the source keeps its own."""
    async with world() as made:
        times = iter([1_700_000_000.0])
        now = [next(times)]
        monkeypatch.setattr(made.store.clock, "now", lambda: now[0])  # type: ignore[attr-defined]
        await made.deliver("INBOX", message(1), date=1_000_000)
        await made.mailbox("Other")
        client = await logged_in(made, "INBOX")
        first = _now(made)
        assert await _save_date(client) == first
        now[0] += 3 * DAY
        await client.command("STORE 1 +FLAGS (x)")
        assert await _save_date(client) == first
        await client.command(command)
        if command.startswith("COPY"):
            assert await _save_date(client) == first
        await client.command("SELECT Other")
        assert await _save_date(client) == _now(made)
        assert b'"12-Jan-1970' in (await client.command("FETCH 1 INTERNALDATE"))[0]


@pytest.mark.rfc(
    "8514",
    "4.1",
    'IMAP servers that support this extension MUST include "SAVEDATE" in the response list to the CAPABILITY command.',
)
async def test_saved_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the day it was saved, not by its internal date."""
    async with world() as made:
        monkeypatch.setattr(made.store.clock, "now", lambda: 1_700_000_000.0)  # type: ignore[attr-defined]
        await made.deliver("INBOX", message(1), date=1_000_000)
        client = await logged_in(made, "INBOX")
        assert b" SAVEDATE" in (await client.command("CAPABILITY"))[0]
        for key, found in (
            ("SAVEDON 14-Nov-2023", b"* SEARCH 1"),
            ("SAVEDBEFORE 14-Nov-2023", b"* SEARCH"),
            ("SAVEDBEFORE 15-Nov-2023", b"* SEARCH 1"),
            ("SAVEDSINCE 15-Nov-2023", b"* SEARCH"),
            ("SAVEDSINCE 14-Nov-2023 BEFORE 1-Jan-1971", b"* SEARCH 1"),
        ):
            assert (await client.command(f"SEARCH {key}"))[0] == found, key


# --- WITHIN


@pytest.mark.rfc("5032", "2", 'MUST return "WITHIN" as one of the server supported capabilities')
async def test_within() -> None:
    """To the second, both ends included."""
    async with world() as made:
        now = int(made.clock.now())
        for age in (10, 100, 1000):
            await made.deliver("INBOX", message(age), date=now - age)
        client = await logged_in(made, "INBOX")
        assert b" WITHIN" in (await client.command("CAPABILITY"))[0]
        for key, found in (
            ("OLDER 100", b"* SEARCH 2 3"),
            ("OLDER 101", b"* SEARCH 3"),
            ("YOUNGER 100", b"* SEARCH 1 2"),
            ("YOUNGER 99", b"* SEARCH 1"),
            ("NOT YOUNGER 4294967295", b"* SEARCH"),
        ):
            assert (await client.command(f"SEARCH {key}"))[0] == found, key
        for wrong in ("OLDER 0", "OLDER -1", "YOUNGER", "OLDER x"):
            assert (await client.command(f"SEARCH {wrong}"))[-1].startswith(b"t BAD"), wrong


# --- OBJECTID


def _ids(lines: list[bytes], name: bytes) -> list[bytes]:
    return re.findall(name + rb" \(([A-Za-z0-9_-]{1,255})\)", b"\n".join(lines))


@pytest.mark.rfc(
    "8474",
    "4",
    "The server MUST keep the same MAILBOXID for the source and destination when renaming a mailbox in a way that keeps the same messages",
)
@pytest.mark.rfc(
    "8474", "4", "The server MUST NOT report the same MAILBOXID for two mailboxes at the same time."
)
@pytest.mark.rfc(
    "8474",
    "4",
    "The server MUST return the same MAILBOXID for a mailbox with the same name and UIDVALIDITY.",
)
@pytest.mark.rfc(
    "8474",
    "4.1",
    "A server advertising the OBJECTID capability MUST include the MAILBOXID response code in the tagged OK response to all successful CREATE commands.",
)
@pytest.mark.rfc(
    "8474",
    "4.2",
    "A server advertising the OBJECTID capability MUST return an untagged OK response with the MAILBOXID response code on all successful SELECT and EXAMINE commands.",
)
@pytest.mark.rfc(
    "8474",
    "4.3",
    "A server that advertises the OBJECTID capability MUST support the MAILBOXID status attribute.",
)
@pytest.mark.rfc(
    "8474",
    "4",
    "The server MUST NOT reuse the same MAILBOXID for a mailbox that does not obey all the invariants that [RFC3501] defines for a mailbox that does not change name or UIDVALIDITY.",
)
async def test_mailbox_ids() -> None:
    """One for each mailbox, kept by RENAME, another for a name that is used again."""
    async with world() as made:
        client = await logged_in(made)
        (one,) = _ids(await client.command("CREATE one"), b"MAILBOXID")
        (two,) = _ids(await client.command("CREATE two"), b"MAILBOXID")
        await client.command("RENAME one three")
        for verb in ("SELECT", "EXAMINE"):
            assert _ids(await client.command(f"{verb} three"), b"MAILBOXID") == [one]
        assert _ids(await client.command("STATUS three (MAILBOXID)"), b"MAILBOXID") == [one]
        (again,) = _ids(await client.command("CREATE one"), b"MAILBOXID")
        await client.command("DELETE two")
        (new,) = _ids(await client.command("CREATE two"), b"MAILBOXID")
        assert len({one, two, again, new}) == 4


@pytest.mark.rfc(
    "8474",
    "5.1",
    "The server MUST return the same EMAILID as the source message for the matching destination message in the COPYUID pairing after a COPY or MOVE command",
)
@pytest.mark.rfc("8474", "5.1", "The server MUST return the same EMAILID for the same triple;")
@pytest.mark.rfc(
    "8474",
    "5.2",
    "The server MUST return the same THREADID for all messages with the same EMAILID.",
)
@pytest.mark.rfc(
    "8474",
    "5.2",
    "The server MUST NOT use the same ObjectID value for both EMAILIDs and THREADIDs.",
)
@pytest.mark.rfc(
    "8474", "5.2", "The server MUST NOT change the THREADID of a message once reported."
)
@pytest.mark.rfc(
    "8474",
    "3",
    'IMAP servers that support this extension MUST include "OBJECTID" in the response list to the CAPABILITY command.',
)
@pytest.mark.rfc(
    "8474", "7", "Implementations MUST accept these strings in a case-insensitive fashion."
)
async def test_message_ids() -> None:
    """Copies share both ids, an answer shares the thread, and neither changes."""
    async with world() as made:
        await made.deliver("INBOX", message(1))
        answer = message(2).replace(b"\r\n\r\n", b"\r\nIn-Reply-To: <1@example.org>\r\n\r\n", 1)
        await made.deliver("INBOX", answer)
        await made.deliver("INBOX", message(3))
        await made.mailbox("Other")
        client = await logged_in(made, "INBOX")
        lines = await client.command("FETCH 1:3 (EMAILID THREADID)")
        emails, threads = _ids(lines, b"EMAILID"), _ids(lines, b"THREADID")
        assert len(set(emails)) == 3
        assert b" OBJECTID" in (await client.command("CAPABILITY"))[0]
        assert await client.command("fetch 1:3 (emailid ThreadId)") == lines
        assert threads[0] == threads[1] != threads[2]
        assert not set(emails) & set(threads)
        assert await client.command("FETCH 1:3 (EMAILID THREADID)") == lines
        await client.command("COPY 1 Other")
        await client.command("MOVE 3 Other")
        assert (await client.command(f"SEARCH THREADID {threads[0].decode()}"))[
            0
        ] == b"* SEARCH 1 2"
        # Case matters.
        swapped = emails[0].decode().swapcase()
        assert (await client.command(f"SEARCH EMAILID {swapped}"))[0] == b"* SEARCH"
        await client.command("SELECT Other")
        lines = await client.command("FETCH 1:2 (EMAILID THREADID)")
        assert _ids(lines, b"EMAILID") == [emails[0], emails[2]]
        assert _ids(lines, b"THREADID") == [threads[0], threads[2]]


# --- PREVIEW


@pytest.mark.rfc("8970", "3.2", "the server MUST return a zero-length string.")
@pytest.mark.rfc("8970", "3.3", "and MUST be encoded in UTF-8 [RFC3629].")
@pytest.mark.rfc("8970", "3.3", "The generated string MUST NOT be content transfer encoded")
@pytest.mark.rfc(
    "8970", "3.3", "The server MUST NOT output preview text longer than 256 preview characters."
)
@pytest.mark.rfc(
    "8970",
    "3.2",
    "A server MUST NOT return NIL to a FETCH PREVIEW request made without the LAZY modifier.",
)
@pytest.mark.rfc(
    "8970",
    "4.1",
    "The LAZY modifier MUST be implemented by any server that supports the PREVIEW extension.",
)
async def test_previews() -> None:
    """Decoded, short, a literal where a quoted string may not hold it; empty where there are no words."""
    async with world() as made:
        head = (
            b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        )
        await made.deliver("INBOX", head + b"R3LDvMOfZSAi4oKsIg==")
        await made.deliver("INBOX", b"Content-Type: image/png\r\n\r\n\x89PNG")
        await made.deliver("INBOX", b"Subject: x\r\n\r\n" + b"word " * 500)
        client = await logged_in(made, "INBOX")
        text = 'Gr\u00fc\u00dfe "\u20ac"'.encode()
        answer = b"\r\n".join(await client.command("FETCH 1 PREVIEW"))
        assert b"PREVIEW {%d}\r\n%b)" % (len(text), text) in answer
        for form in ("PREVIEW", "PREVIEW (LAZY)"):
            assert (await client.command(f"FETCH 2 ({form})"))[0] == b'* 2 FETCH (PREVIEW "")'
        found = re.search(rb'PREVIEW "(.*)"', (await client.command("FETCH 3 PREVIEW"))[0])
        assert found is not None
        assert 100 < len(found.group(1)) <= 256
        await client.command("ENABLE IMAP4rev2")
        quoted = text.replace(b'"', b'\\"')
        assert b'PREVIEW "%b"' % quoted in (await client.command("FETCH 1 PREVIEW"))[0]


# --- CREATE-SPECIAL-USE


@pytest.mark.rfc(
    "6154",
    "3",
    "If the server cannot create a mailbox with the designated special use defined, for whatever reason, it MUST NOT create the mailbox,",
)
@pytest.mark.rfc("6154", "3", "and MUST respond to the CREATE command with a tagged NO response.")
@pytest.mark.rfc(
    "6154",
    "3",
    'the server SHOULD include the new "USEATTR" response code in the tagged response',
)
@pytest.mark.parametrize("use", ["\\All", "\\Flagged", "\\Junk \\Nonsense"])
async def test_failed_use_creates_nothing(use: str) -> None:
    """Neither the mailbox nor the levels above it."""
    async with world() as made:
        client = await logged_in(made)
        before = await made.store.mailboxes(made.account.id)
        answer = await client.command(f"CREATE a/b/c (USE ({use}))")
        assert answer[-1].startswith(b"t NO [USEATTR]")
        assert await made.store.mailboxes(made.account.id) == before


# --- APPENDLIMIT


@pytest.mark.rfc(
    "7889",
    "4",
    "then the server SHALL reject the APPEND command with a tagged TOOBIG response code.",
)
@pytest.mark.rfc(
    "7889",
    "3.2",
    "The IMAP server MUST recognize the APPENDLIMIT attribute and include an appropriate STATUS response for each matching mailbox.",
)
@pytest.mark.rfc(
    "7889", "5", "Implementations MUST accept these strings in a case-insensitive fashion."
)
async def test_append_limit() -> None:
    """One octet more is too much, and LIST tells the limit of each."""
    async with world() as made:
        most = made.limits.largest_message
        client = await logged_in(made)
        assert b" APPENDLIMIT=%d" % most in (await client.command("CAPABILITY"))[0]
        assert (await client.command(f"APPEND INBOX {{{most + 1}}}"))[-1].startswith(
            b"t NO [TOOBIG]"
        )
        lines = await client.command('LIST "" * RETURN (STATUS (appendLimit))')
        listed = sum(line.startswith(b"* LIST") for line in lines)
        assert sum(line.endswith(b"(APPENDLIMIT %d)" % most) for line in lines) == listed > 0


async def test_expunged_while_searched_by_id() -> None:
    """What is gone matches nothing."""
    async with world() as made:
        await made.deliver("INBOX", message(1))
        client = await logged_in(made, "INBOX")
        (identity,) = _ids(await client.command("FETCH 1 EMAILID"), b"EMAILID")
        await made.store.expunge((await made.mailbox("INBOX")).id, [Uid(1)], marked_only=False)
        assert (await client.command(f"SEARCH EMAILID {identity.decode()}"))[0] == b"* SEARCH"
