"""REPLACE: one step, or nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.imap import World, logged_in, message, world

from postil.ports.accounts import Account
from postil.ports.store import Status, Usage

OCTETS = b"Subject: new\r\n\r\nThe new one.\r\n"


async def _state(made: World) -> tuple[Status, Usage]:
    box = await made.mailbox("INBOX")
    return await made.store.status(box.id), await made.store.usage(made.account.id)


def _limit(made: World, octets: int) -> None:
    account: Account = replace(made.account, quota=octets)
    made.directory.accounts["user"] = account


@pytest.mark.rfc(
    "8508",
    "1",
    "servers supporting the REPLACE command MUST NOT infer any inheritance of content, flags, or annotations from the message being replaced.",
)
@pytest.mark.rfc(
    "8508",
    "4.6",
    "Servers implementing both REPLACE and OBJECTID [RFC8474] MUST return different EMAILIDs for both the replaced and replacing messages.",
)
async def test_nothing_is_taken_over() -> None:
    """Flags, keywords, dates and ids are the new message's own; counters follow."""
    async with world() as made:
        await made.deliver("INBOX", message(1), frozenset({"\\Seen", "\\Flagged", "kept"}))
        client = await logged_in(made, "INBOX")
        view = await made.store.open((await made.mailbox("INBOX")).id)
        (old,) = await made.store.details(view, [0])
        answer = await client.command(b"UID REPLACE 1 INBOX {%d+}\r\n%b" % (len(OCTETS), OCTETS))
        assert answer[-1].startswith(b"t OK")
        answer = await client.command("FETCH 1 (UID FLAGS INTERNALDATE BODY.PEEK[])")
        assert b"UID 2 FLAGS (\\Recent)" in answer[0]
        assert b'INTERNALDATE "13-Sep-2020' not in answer[0]
        (new,) = await made.store.details(view, [1])
        view.close()
        assert new.object_id != old.object_id
        status, usage = await _state(made)
        assert (status.messages, status.unseen, status.size) == (1, 1, len(OCTETS))
        assert (usage.messages, usage.octets) == (1, len(OCTETS))


@pytest.mark.rfc(
    "8508",
    "3.4",
    "the response codes for APPEND and EXPUNGE will be returned while those for the STORE operation MUST NOT be generated.",
)
@pytest.mark.rfc(
    "8508",
    "4.3",
    "Servers supporting both REPLACE and UIDPLUS [RFC4315] SHOULD send APPENDUID in response to a UID REPLACE command.",
)
@pytest.mark.rfc(
    "8508",
    "1",
    "A server MUST NOT generate a response code for the STORE +flags \\DELETED portion of the sequence.",
)
async def test_answers() -> None:
    """APPENDUID, EXISTS, EXPUNGE, OK: no FETCH, no flags."""
    async with world() as made:
        await made.deliver("INBOX", message(1))
        client = await logged_in(made, "INBOX")
        answer = await client.command(b"UID REPLACE 1 INBOX {%d+}\r\n%b" % (len(OCTETS), OCTETS))
        kinds = [line.split()[1 if number == 0 else -1] for number, line in enumerate(answer[:-1])]
        assert kinds == [b"OK", b"EXISTS", b"RECENT", b"EXPUNGE"]
        assert answer[0].startswith(b"* OK [APPENDUID ")
        assert answer[-1] == b"t OK UID REPLACE completed"


async def test_quota_sees_the_difference() -> None:
    """A full account may replace a message by one of its size, not by a bigger one: refused before the octets."""
    async with world() as made:
        await made.deliver("INBOX", message(1))
        size = len(message(1))
        _limit(made, size)
        client = await logged_in(made, "INBOX")
        assert (await client.command(f"APPEND INBOX {{{size}}}"))[-1].startswith(
            b"t NO [OVERQUOTA]"
        )
        answer = await client.command(f"REPLACE 1 INBOX {{{size + 1}}}")
        assert answer[-1].startswith(b"t NO [OVERQUOTA]")
        new = b"Subject: n\r\n\r\n".ljust(size, b"x")
        answer = await client.command(b"REPLACE 1 INBOX {%d+}\r\n%b" % (size, new))
        assert answer[-1].startswith(b"t OK")


@pytest.mark.rfc(
    "8508",
    "3.4",
    "When an error occurs while processing REPLACE or UID REPLACE, the server MUST NOT leave the selected mailbox in an inconsistent state;",
)
@pytest.mark.rfc(
    "8508",
    "3.4",
    "any untagged EXPUNGE response MUST NOT be sent until all actions are successfully completed.",
)
@pytest.mark.parametrize(
    "command",
    [
        b"REPLACE 1 INBOX {5+}\r\na\0b\r\n",
        b"REPLACE 1 INBOX {5+}\r\nabc\r\n x",
        b"REPLACE 1 INBOX {5+}\r\nabc\r\n {5+}\r\nabc\r\n",
        b"REPLACE 1 Nowhere {5+}\r\nabc\r\n",
        b"REPLACE 1 INBOX {0+}\r\n",
        b"UID REPLACE 7 INBOX {5+}\r\nabc\r\n",
    ],
)
async def test_nothing_is_left_of_a_failure(command: bytes) -> None:
    """After a refusal everything is as before, and the next command is understood."""
    async with world() as made:
        await made.deliver("INBOX", message(1))
        client = await logged_in(made, "INBOX")
        before = await _state(made)
        answer = await client.command(command)
        assert len(answer) == 1
        assert not answer[0].startswith(b"t OK")
        assert await _state(made) == before
        assert await client.command("NOOP") == [b"t OK NOOP completed"]


async def test_gone_while_the_octets_come() -> None:
    """Another session expunges the old message meanwhile: nothing is appended."""
    async with world() as made:
        await made.deliver("INBOX", message(1))
        client, other = await logged_in(made, "INBOX"), await logged_in(made, "INBOX")
        client.stream.client_write(b"a REPLACE 1 INBOX {%d}\r\n" % len(OCTETS))
        assert (await client.stream.client_line()).startswith(b"+ ")
        await other.command("STORE 1 +FLAGS (\\Deleted)")
        await other.command("EXPUNGE")
        client.stream.client_write(OCTETS + b"\r\n")
        answer = await client.until(b"a")
        assert answer[-1].startswith(b"t NO [EXPUNGEISSUED]")
        status, usage = await _state(made)
        assert (status.messages, status.uidnext, usage.octets) == (0, 2, 0)


@pytest.mark.rfc(
    "8508",
    "4.5",
    "Servers implementing both REPLACE and CONDSTORE/QRESYNC [RFC7162] MUST treat the message being replaced as if it were being removed with a UID EXPUNGE command.",
)
async def test_with_qresync() -> None:
    """VANISHED in place of EXPUNGE and the mod-sequence in the tagged OK, wherever the new message goes."""
    async with world() as made:
        for number in (1, 2):
            await made.deliver("INBOX", message(number))
        await made.mailbox("Other")
        client = await logged_in(made, "INBOX")
        await client.command("ENABLE QRESYNC")
        said = await client.command(b"REPLACE 1 INBOX {%d+}\r\n%b" % (len(OCTETS), OCTETS))
        assert said[0].startswith(b"* OK [APPENDUID ")
        assert said[1] == b"* 3 EXISTS"
        assert said[-2:-1] == [b"* VANISHED 1"]
        assert said[-1].startswith(b"t OK [HIGHESTMODSEQ ")
        told = said[-1]
        said = await client.command(b"UID REPLACE 2 Other {%d+}\r\n%b" % (len(OCTETS), OCTETS))
        assert said[1] == b"* VANISHED 2"
        assert said[-1].startswith(b"t OK [HIGHESTMODSEQ ")
        assert said[-1] != told


async def test_gone_before() -> None:
    """Expunged by another session and not told yet: refused before the octets are asked for."""
    async with world() as made:
        await made.deliver("INBOX", message(1))
        client, other = await logged_in(made, "INBOX"), await logged_in(made, "INBOX")
        await other.command("STORE 1 +FLAGS (\\Deleted)")
        await other.command("EXPUNGE")
        client.stream.client_write(b"a REPLACE 1 INBOX {%d}\r\n" % len(OCTETS))
        said = await client.until(b"a")
        assert said[0] == b"* 1 EXPUNGE"
        assert said[-1].startswith(b"t NO [EXPUNGEISSUED]")


async def test_not_told_yet() -> None:
    """What has come and was not told by EXISTS is not there for this client: its EXPUNGE would have no number."""
    async with world() as made:
        await made.deliver("INBOX", message(1))
        client = await logged_in(made, "INBOX")
        await made.deliver("INBOX", message(2))
        client.stream.client_write(b"a UID REPLACE 2 INBOX {%d}\r\n" % len(OCTETS))
        said = await client.until(b"a")
        assert said[0] == b"* 2 EXISTS"
        assert said[-1].startswith(b"t NO [NONEXISTENT]")


async def test_selected_deleted_while_the_octets_come() -> None:
    """The mailbox of the old message is deleted meanwhile: CREATE would not help, and nothing goes into the other."""
    async with world() as made:
        await made.deliver("Old", message(1))
        client = await logged_in(made, "Old")
        client.stream.client_write(b"a REPLACE 1 INBOX {%d}\r\n" % len(OCTETS))
        assert (await client.stream.client_line()).startswith(b"+ ")
        await made.store.delete(made.account.id, "Old")
        client.stream.client_write(OCTETS + b"\r\n")
        assert (await client.stream.client_line()).startswith(b"* BYE ")
        assert (await _state(made))[0].messages == 0


async def test_target_deleted_while_the_octets_come() -> None:
    """The mailbox it should go to is deleted meanwhile: the old message stays."""
    async with world() as made:
        await made.deliver("INBOX", message(1))
        await made.mailbox("Other")
        client = await logged_in(made, "INBOX")
        client.stream.client_write(b"a REPLACE 1 Other {%d}\r\n" % len(OCTETS))
        assert (await client.stream.client_line()).startswith(b"+ ")
        await made.store.delete(made.account.id, "Other")
        client.stream.client_write(OCTETS + b"\r\n")
        assert (await client.until(b"a"))[-1].startswith(b"t NO [TRYCREATE]")
        assert (await _state(made))[0].messages == 1


@pytest.mark.parametrize(("size", "lives"), [(900_000, True), (1_100_000, False)])
async def test_refused_literal_is_dropped(size: int, lives: bool) -> None:
    """A literal that does not wait is thrown away up to 1 MiB, and the answer keeps its code; above, BYE."""
    async with world() as made:
        await made.deliver("INBOX", message(1))
        client = await logged_in(made, "INBOX")
        client.stream.client_write(b"a REPLACE 1 Nowhere {%d+}\r\n" % size + b"x" * size + b"\r\n")
        assert (await client.until(b"a"))[-1].startswith(b"t NO [TRYCREATE]")
        if lives:
            assert await client.command("NOOP") == [b"t OK NOOP completed"]
        else:
            assert (await client.stream.client_line()).startswith(b"* BYE [TOOBIG]")
            assert await client.stream.client_line() == b""


async def test_too_big() -> None:
    """Only the size itself is BAD [TOOBIG]."""
    async with world() as made:
        made.limits = replace(made.limits, largest_message=1000)
        await made.deliver("INBOX", message(1))
        client = await logged_in(made, "INBOX")
        assert (await client.command("REPLACE 1 INBOX {1001}"))[-1].startswith(b"t NO [TOOBIG]")
        answer = await client.command(b"REPLACE 1 INBOX {1001+}\r\n" + b"x" * 1001)
        assert answer[-1].startswith(b"t BAD [TOOBIG]")


@pytest.mark.rfc(
    "8508",
    "3.5",
    "the REPLACE and UID REPLACE commands MUST only be valid in the selected state.",
)
@pytest.mark.rfc(
    "8508", "5", "Implementations MUST accept these strings in a case-insensitive fashion."
)
async def test_states_and_case() -> None:
    """Selected only; in any case of letters."""
    async with world() as made:
        await made.deliver("INBOX", message(1))
        client = await logged_in(made)
        for form in ("REPLACE", "UID REPLACE"):
            assert (await client.command(f"{form} 1 INBOX {{5}}"))[-1].startswith(b"t BAD")
        await client.command("SELECT INBOX")
        answer = await client.command(b"uid rePlace 1 inbox {%d+}\r\n%b" % (len(OCTETS), OCTETS))
        assert answer[-1].startswith(b"t OK")


async def test_empty_mailbox() -> None:
    """`*` of nothing is no message."""
    async with world() as made:
        client = await logged_in(made, "INBOX")
        assert (await client.command("REPLACE * INBOX {5}"))[-1].startswith(b"t BAD")
