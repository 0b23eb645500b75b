"""The session around the commands: refusals as octets, patience, farewells, faults of our own."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.imap import Client, logged_in, message, world
from tests.support.streams import MemoryStream

from postil.imap import limits, replies
from postil.imap.errors import Bad, No
from postil.imap.serving import serve
from postil.imap.session import Session
from postil.imap.settings import Limits
from postil.ports import store as ports
from postil.ports.accounts import AccountsUnavailable
from postil.ports.stream import StreamTimeout


@pytest.mark.rfc(
    "9051",
    "5.4",
    "If a server has an inactivity autologout timer that applies to sessions after authentication, the duration of that timer MUST be at least 30 minutes.",
)
@pytest.mark.rfc(
    "3501",
    "5.4",
    "If a server has an inactivity autologout timer, the duration of that timer MUST be at least 30 minutes.",
)
def test_autologout_is_long_enough() -> None:
    """Nobody who is logged in is sent away before 30 minutes."""
    assert Limits().autologout >= 30 * 60
    assert Limits().login_time < Limits().autologout


class Impatient(MemoryStream):
    """A stream on which nothing comes in the time given, and which remembers that time."""

    waited: list[float]

    async def read(self, timeout: float) -> bytes:
        if not self._in:
            self.waited.append(timeout)
            raise StreamTimeout
        return await super().read(timeout)


@pytest.mark.rfc(
    "9051",
    "3.4",
    "A server SHOULD NOT unilaterally close the connection without first sending an untagged BYE response that contains the reason for doing so.",
)
@pytest.mark.rfc(
    "3501",
    "3.4",
    "A server MUST NOT unilaterally close the connection without sending an untagged BYE response that contains the reason for having done so.",
)
async def test_autologout_says_bye() -> None:
    """Who is silent for too long hears BYE before the end, after a time that depends on the login."""
    async with world() as made:
        for login, expected in (
            (b"", limits.LOGIN_TIME),
            (b"a LOGIN user secret\r\n", limits.AUTOLOGOUT),
        ):
            stream = Impatient(replace((await made.connect()).peer, tls="TLSv1.3"))
            stream.waited = []
            stream.client_write(login)
            await serve(Session(stream, made.store, made.directory, made.clock, made.settings()))
            lines = stream.client_output().splitlines()
            assert lines[-1].startswith(b"* BYE Autologout")
            assert stream.waited == [expected]
            assert stream.closed


@pytest.mark.rfc(
    "9051",
    "3.4",
    "the server MUST send an untagged BYE response and a tagged OK response to the LOGOUT command before the server closes the connection",
)
@pytest.mark.rfc(
    "3501",
    "3.4",
    "If the client requests the logout state, the server MUST send an untagged BYE response and a tagged OK response to the LOGOUT command before the server closes the connection;",
)
async def test_logout() -> None:
    """BYE, OK, and the connection is closed."""
    async with world() as made:
        client = await logged_in(made)
        assert [line.split()[1] for line in await client.command("LOGOUT")] == [b"BYE", b"OK"]
        assert await client.stream.client_line() == b""
        assert client.stream.closed


async def test_our_own_fault_is_reported_and_survived(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in a command is NO [SERVERBUG] for the client and a report for us; the session goes on."""
    async with world() as made:
        client = await logged_in(made)

        async def broken(*_: object) -> None:
            raise ZeroDivisionError("a bug")

        monkeypatch.setattr(made.store, "create", broken)
        assert (await client.command("CREATE x"))[-1].startswith(b"t NO [SERVERBUG]")
        assert (await client.command("NOOP"))[-1].startswith(b"t OK")
        assert [type(error) for error in made.failures] == [ZeroDivisionError]
        made.failures.clear()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ports.NoSuchMailbox("x"), "NONEXISTENT"),
        (ports.MailboxExists("x"), "ALREADYEXISTS"),
        (ports.NotPermitted("x"), "CANNOT"),
        (ports.OverQuota("x"), "OVERQUOTA"),
        (ports.LimitReached("x"), "LIMIT"),
        (ports.StoreUnavailable("x"), "UNAVAILABLE"),
        (ports.Corrupt("x"), "CORRUPTION"),
        (AccountsUnavailable("x"), "UNAVAILABLE"),
        (ValueError("x"), "SERVERBUG"),
        (No("x", "TRYCREATE"), "TRYCREATE"),
    ],
)
def test_every_refusal_has_its_code(error: Exception, code: str) -> None:
    """What the store refuses reaches the client with the code of RFC 5530."""
    assert replies.refusal(error).code == code


def test_internal_errors_do_not_leak() -> None:
    """The text of an exception that is not a refusal stays with us."""
    assert "password" not in replies.refusal(RuntimeError("password=x")).text


def test_text_cannot_break_a_line() -> None:
    """A text with a line break or foreign letters is still one line of ASCII."""
    line = replies.refused(b"a", Bad("one\r\n* 1 EXISTS é"), utf8=False)
    assert line == b"a BAD one??* 1 EXISTS ?\r\n"
    assert "é".encode() in replies.refused(b"a", Bad("é"), utf8=True)


async def test_wrong_logins_get_slower() -> None:
    """Each wrong password costs twice the time of the one before."""
    async with world() as made:
        client = Client(await made.connect())
        await client.greeting()
        for _ in range(4):
            assert (await client.command("LOGIN user wrong"))[-1].startswith(
                b"t NO [AUTHENTICATIONFAILED]"
            )
        assert made.slept == [1.0, 2.0, 4.0, 8.0]
        await client.command("LOGIN user wrong")
        assert (await client.stream.client_line()).startswith(b"* BYE")


async def test_passwords_are_not_in_events() -> None:
    """What is logged names the account, never the password."""
    async with world() as made:
        await logged_in(made)
        assert ("login", {"connection": "test", "account": "user"}) in made.events
        assert "secret" not in repr(made.events)


@pytest.mark.rfc("9051", "2.2.1", "a server MUST accept tag reuse.")
async def test_tag_reuse() -> None:
    """The same tag twice is two commands."""
    async with world() as made:
        client = await logged_in(made)
        for _ in range(2):
            client.stream.client_write(b"same NOOP\r\n")
            assert (await client.stream.client_line()).startswith(b"same OK")


@pytest.mark.rfc(
    "9051",
    "2.2.2",
    "Any client command with a protocol syntax error, including (but not limited to) missing or extraneous spaces or arguments, SHOULD be rejected and the client given a BAD server completion response.",
)
@pytest.mark.parametrize(
    "command",
    [
        "NOOP ",
        'LIST  "" *',
        "SELECT",
        "SELECT INBOX ",
        "STORE 1 FLAGS",
        "STATUS INBOX",
        "COPY 1",
        "RENAME a",
        "ENABLE",
    ],
)
async def test_syntax_errors(command: str) -> None:
    """Too many or too few spaces or arguments are BAD."""
    async with world() as made:
        client = await logged_in(made, "INBOX")
        assert (await client.command(command))[-1].startswith(b"t BAD")


@pytest.mark.rfc(
    "9051",
    "5.2",
    "A server MUST send mailbox size updates automatically if a mailbox size change is observed during the processing of a command.",
)
@pytest.mark.parametrize(
    "command",
    ["NOOP", "FETCH 1 FLAGS", "STATUS INBOX (UIDNEXT)", "CREATE x", "STORE 1 +FLAGS (\\Seen)"],
)
@pytest.mark.rfc(
    "3501",
    "5.2",
    "A server MUST send mailbox size updates automatically if a mailbox size change is observed during the processing of a command.",
)
async def test_size_updates_with_any_command(command: str) -> None:
    """A delivery is told of by whatever command comes next, FETCH and STORE included."""
    async with world() as made:
        await made.deliver("INBOX", message(1))
        client = await logged_in(made, "INBOX")
        await made.deliver("INBOX", message(2))
        assert b"* 2 EXISTS" in await client.command(command)


@pytest.mark.rfc(
    "9051",
    "6.3.1",
    "The server MUST NOT change the CAPABILITY list as a result of executing ENABLE",
)
async def test_enable_leaves_capability_alone() -> None:
    """CAPABILITY is the same before and after ENABLE."""
    async with world() as made:
        client = await logged_in(made)
        before = await client.command("CAPABILITY")
        await client.command("ENABLE IMAP4rev2 CONDSTORE")
        assert await client.command("CAPABILITY") == before


async def test_too_many_errors_before_login() -> None:
    """Who talks nonsense before login is sent away; who is logged in may err for ever."""
    async with world() as made:
        client = Client(await made.connect())
        await client.greeting()
        await client.command("NOOP")
        for _ in range(limits.COMMAND_ERRORS):
            await client.command("NONSENSE")
        assert (await client.stream.client_line()).startswith(b"* BYE")
        client = await logged_in(made)
        for _ in range(limits.COMMAND_ERRORS + 5):
            await client.command("NONSENSE")
        assert (await client.command("NOOP"))[-1].startswith(b"t OK")


async def test_view_is_closed_when_the_client_vanishes() -> None:
    """A lost connection lets go of the mailbox."""
    async with world() as made:
        client = await logged_in(made, "INBOX")
        session = made.sessions[-1]
        client.stream.client_eof()
        assert await client.stream.client_line() == b""
        assert session.view is None


@pytest.mark.rfc("9051", "6.2.1", "Extra data from the TCP buffer is thrown away.")
@pytest.mark.rfc(
    "9051",
    "6.2.1",
    "server implementations MUST do one of the following if any data is received in the same TCP buffer after the CRLF that starts the STARTTLS command:",
)
async def test_commands_behind_starttls_are_dropped() -> None:
    """What was pipelined in plaintext behind STARTTLS is never obeyed."""
    async with world() as made:
        made.tls = False
        client = Client(await made.connect())
        await client.greeting()
        client.stream.client_write(b"a STARTTLS\r\nb LOGIN user secret\r\nc LOGOUT\r\n")
        assert (await client.stream.client_line()).startswith(b"a OK")
        while made.sessions[-1].stream.peer.tls is None:
            await made.sessions[-1].pause()
        assert client.stream.client_output() == b""
        assert (await client.command("NOOP"))[-1].startswith(b"t OK")
        assert made.sessions[-1].account is None


async def test_reading_needs_no_writing() -> None:
    """With a disk that takes nothing, mail is still selected, updated and read."""
    async with world() as made:
        await made.deliver("INBOX", message(1))

        async def full(*_: object) -> None:
            raise ports.StoreUnavailable("disk full")

        made.store.claim_recent = full  # type: ignore[method-assign, assignment]
        client = await logged_in(made, "INBOX")
        await made.deliver("INBOX", message(2))
        answer = await client.command("NOOP")
        assert answer[0] == b"* 2 EXISTS"
        assert (await client.command("FETCH 2 RFC822.SIZE"))[-1].startswith(b"t OK")


async def test_mailboxes_of_other_sessions_are_seen_at_once() -> None:
    """What one session creates, renames or deletes another finds, or misses, with its next command."""
    async with world() as made:
        one, two = await logged_in(made), await logged_in(made)
        assert (await two.command("STATUS New (MESSAGES)"))[-1].startswith(b"t NO")
        await one.command("CREATE New")
        assert (await two.command("STATUS New (MESSAGES)"))[-1].startswith(b"t OK")
        await one.command("RENAME New Newer")
        assert (await two.command("STATUS New (MESSAGES)"))[-1].startswith(b"t NO")
        assert (await two.command("STATUS Newer (MESSAGES)"))[-1].startswith(b"t OK")
        await one.command("DELETE Newer")
        assert (await two.command("STATUS Newer (MESSAGES)"))[-1].startswith(b"t NO [NONEXISTENT]")
