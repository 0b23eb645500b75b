"""Sentences of the RFCs that no other file proves, one by one, against a session."""

from __future__ import annotations

import pytest
from tests.support.smtp import short, world

from postil.smtp import Limits

BODY = b"Subject: x\r\n\r\nbody\r\n.\r\n"


@pytest.mark.rfc(
    "5321",
    "2.2.1",
    "servers MUST support the EHLO command even if they do not implement any specific extensions",
)
@pytest.mark.rfc(
    "5321",
    "2.2.1",
    "SMTP clients and servers MUST support the original HELO mechanisms as a fallback",
)
@pytest.mark.parametrize("hello", ["EHLO", "HELO"])
async def test_both_greetings_lead_to_mail(hello: str) -> None:
    """A transaction works after either."""
    async with world() as w:
        client = await w.client(f"{hello} client.example")
        await client.envelope()
        assert short(await client.message(BODY)) == "250 2.0.0"


@pytest.mark.rfc("5321", "4.2", "Every command MUST generate exactly one reply")
async def test_one_reply_each() -> None:
    """As many replies as commands, good, bad and ugly, in one piece."""
    lines = [
        "NOOP",
        "",
        "XYZZY",
        "MAIL FROM:<>",
        "MAIL",
        "RCPT TO:<refused@a.example>",
        "RCPT",
        "DATA",
        "HELP",
        "VRFY a",
    ]
    async with world() as w:
        client = await w.client()
        client.send(*lines, "RSET")
        replies = [await client.reply() for _ in range(len(lines) + 1)]
        assert "forgotten" in replies[-1]
        assert not client.stream.client_output()


@pytest.mark.rfc(
    "5321", "4.5.1", "The following commands MUST be supported to conform to this specification"
)
async def test_minimum() -> None:
    """Each of the nine is understood."""
    async with world() as w:
        client = await w.client(hello=None)
        for line in (
            "EHLO a.example",
            "HELO a.example",
            "MAIL FROM:<>",
            "RCPT TO:<a@b.example>",
            "RSET",
            "NOOP",
            "VRFY a",
        ):
            assert (await client.ask(line))[0] == "2"
        await client.envelope()
        assert short(await client.message(BODY)) == "250 2.0.0"
        assert (await client.ask("QUIT"))[:3] == "221"


@pytest.mark.rfc(
    "5321",
    "4.1.1.5",
    "An SMTP server MUST NOT close the connection as the result of receiving a RSET",
)
@pytest.mark.rfc(
    "5321", "4.1.1.5", 'The receiver MUST send a "250 OK" reply to a RSET command with no arguments'
)
async def test_rset_any_number_of_times() -> None:
    """RSET is always 250 and never the end."""
    async with world() as w:
        client = await w.client(hello=None)
        assert await client.codes(*["RSET"] * 50) == ["250 2.0.0"] * 50


@pytest.mark.rfc(
    "5321", "2.4", "SMTP implementations MUST take care to preserve the case of mailbox local-parts"
)
async def test_case_of_local_parts() -> None:
    """The pipeline hears the local part as it was written, the domain in lower case."""
    async with world() as w:
        client = await w.client()
        await client.codes("MAIL FROM:<SmiTh@CLIENT.example>", "RCPT TO:<JoNes@EXAMPLE.org>")
        message = w.recorder.messages[0]
        assert (message.transaction.mail_from.local, message.transaction.mail_from.domain) == (
            "SmiTh",
            "client.example",
        )
        assert (message.recipients[0].local, message.recipients[0].domain) == (
            "JoNes",
            "example.org",
        )


@pytest.mark.rfc("5321", "2.3.5", "MUST be accepted if so used")
async def test_bare_postmaster() -> None:
    """The only recipient without a domain."""
    async with world() as w:
        client = await w.client()
        assert await client.codes("MAIL FROM:<>", "RCPT TO:<PostMaster>", "RCPT TO:<root>") == [
            "250 2.1.0",
            "250 2.1.5",
            "501 5.1.3",
        ]


@pytest.mark.rfc(
    "5321",
    "4.5.3.2.7",
    "An SMTP server SHOULD have a timeout of at least 5 minutes while it is awaiting the next command from the sender",
)
@pytest.mark.rfc(
    "5321",
    "4.5.3.1.7",
    "The maximum total length of a message content (including any message header section as well as the message body) MUST BE at least 64K octets",
)
async def test_defaults() -> None:
    """Patience and size as the RFC asks, without configuration; 64K really go through."""
    assert Limits().idle >= 300
    assert Limits().data_block >= 300
    async with world() as w:
        client = await w.client()
        await client.envelope()
        assert short(await client.message(b"x" * 65_536 + b"\r\n.\r\n")) == "250 2.0.0"


@pytest.mark.rfc(
    "5321", "4.1.1.4", "If the processing fails, the receiver MUST send a failure reply"
)
async def test_failure_is_told() -> None:
    """An exception at the end of the message is a failure reply, and the buffers are clear."""
    async with world() as w:
        w.recorder.finish_fails = RuntimeError("x")
        client = await w.client()
        await client.envelope()
        assert short(await client.message(BODY)) == "451 4.3.0"
        assert short(await client.ask("MAIL FROM:<>")) == "250 2.1.0"


@pytest.mark.rfc(
    "5321",
    "4.2",
    "SMTP servers MUST NOT send reply codes whose first digits are other than 2, 3, 4, or 5",
)
@pytest.mark.rfc(
    "6531",
    "3.7.4.2",
    "SMTPUTF8-aware SMTP servers MUST NOT include non-ASCII characters in replies except in the limited cases",
)
async def test_replies_are_ascii() -> None:
    """Whatever UTF-8 the client writes, replies are printable ASCII with a proper code."""
    async with world() as w:
        client = await w.client()
        client.send(
            "MAIL FROM:<ü@b.example>",
            "MAIL FROM:<ü@b.example> SMTPUTF8 ü",
            "MAIL FROM:<ü@ü> SMTPUTF8",
            "RCPT TO:<ü@b.example> ü=ü",
            "RCPT TO:<refusedü@b.example>",
            "VRFY ü SMTPUTF8",
            "HELP ü",
            "EHLO ü",
            "ü",
            "QUIT",
        )
        said = await client.stream.client_read_until(b"closing the connection\r\n")
        for line in said.removesuffix(b"\r\n").split(b"\r\n"):
            assert line[:1] in b"2345"
            assert all(32 <= octet < 127 for octet in line)


@pytest.mark.rfc(
    "6531",
    "3.2",
    "MUST be prepared to accept a UTF-8 string [RFC3629] in any position in which RFC 5321 specifies that a <mailbox> can appear",
)
async def test_utf8_mailboxes() -> None:
    """MAIL, RCPT, VRFY, quoted or not, local part or domain."""
    async with world() as w:
        client = await w.client()
        assert await client.codes(
            'MAIL FROM:<"ü ü"@bücher.example> SMTPUTF8',
            "RCPT TO:<δοκιμή@παράδειγμα.example>",
            "VRFY ü SMTPUTF8",
        ) == ["250 2.1.0", "250 2.1.5", "252 2.5.0"]


@pytest.mark.rfc(
    "1870",
    "6",
    "Servers MUST NOT use the SIZE parameter to determine end of content in the DATA command",
)
@pytest.mark.parametrize("declared", [1, 1000])
async def test_size_is_no_end(declared: int) -> None:
    """More or less than declared: the dot ends the message."""
    async with world() as w:
        client = await w.client()
        await client.codes(f"MAIL FROM:<> SIZE={declared}", "RCPT TO:<a@b.example>")
        assert short(await client.message(b"x" * 100 + b"\r\n.\r\n")) == "250 2.0.0"
        assert w.recorder.kept == [b"x" * 100 + b"\r\n"]


@pytest.mark.rfc(
    "2920",
    "3.2",
    "MUST NOT, after issuing a positive response to a DATA command with no valid recipients and subsequently receiving an empty message, send any message whatsoever to anybody",
)
async def test_no_recipients_no_message() -> None:
    """All recipients refused, a dot sent all the same: nothing is delivered, and the dot is a bad command."""
    async with world() as w:
        client = await w.client()
        client.send("MAIL FROM:<>", "RCPT TO:<refused@b.example>", "DATA", ".")
        assert [short(await client.reply()) for _ in range(4)] == [
            "250 2.1.0",
            "550 5.1.1",
            "554 5.5.1",
            "500 5.5.1",
        ]
        assert not w.recorder.kept


@pytest.mark.rfc(
    "2920",
    "3.2",
    "MUST send all pending responses immediately whenever the local TCP input buffer is emptied",
)
async def test_half_a_command_does_not_hold_replies() -> None:
    """The reply to MAIL comes though half of RCPT has arrived."""
    async with world() as w:
        client = await w.client()
        client.stream.client_write(b"MAIL FROM:<>\r\nRCPT TO:<a@b.ex")
        assert short(await client.reply()) == "250 2.1.0"
        client.stream.client_write(b"ample>\r\n")
        assert short(await client.reply()) == "250 2.1.5"


@pytest.mark.rfc(
    "2920",
    "3.2",
    "MUST NOT flush or otherwise lose the contents of the TCP input buffer under any circumstances whatsoever",
)
async def test_errors_lose_nothing() -> None:
    """A refused message, an error and a reset keep what is pipelined behind them."""
    async with world() as w:
        w.limits = Limits(message_size=10)
        client = await w.client()
        client.send(
            "MAIL FROM:<>", "RCPT TO:<a@b.example>", "DATA", "x" * 50, ".", "XYZZY", "RSET", "NOOP"
        )
        replies = [short(await client.reply()) for _ in range(7)]
        assert replies[3:] == ["552 5.3.4", "500 5.5.1", "250 2.0.0", "250 2.0.0"]


@pytest.mark.rfc(
    "4954", "8", "Implementations MUST accept these strings in a case-insensitive fashion"
)
@pytest.mark.rfc(
    "4954",
    "4",
    "client and server implementations of this extension MUST implement the [PLAIN] SASL mechanism running over TLS",
)
async def test_auth_in_any_case() -> None:
    """Verb and mechanism in any case, over TLS."""
    async with world() as w:
        w.submission()
        client = await w.client()
        assert short(await client.ask("aUtH pLaIn AGFsaWNlAHNlY3JldA==")) == "235 2.7.0"


@pytest.mark.rfc(
    "4954", "7", 'SHOULD use the "ESMTPA" or the "ESMTPSA" [SMTP-TT] (when appropriate) keyword'
)
@pytest.mark.parametrize(("tls", "word"), [(True, "ESMTPSA"), (False, "ESMTPA")])
async def test_trace_word_of_a_login(tls: bool, word: str) -> None:
    """The pipeline is told how the message came."""
    async with world() as w:
        w.offer_login = w.plaintext_login = True
        w.tls = tls
        client = await w.client()
        await client.login()
        await client.envelope()
        assert w.recorder.messages[0].transaction.protocol == word


@pytest.mark.rfc(
    "6409",
    "5.1",
    "An MSA SHOULD reject messages with illegal syntax in a sender or recipient SMTP envelope address",
)
async def test_submission_checks_addresses() -> None:
    """501 for both."""
    async with world() as w:
        w.submission()
        client = await w.client()
        await client.login()
        assert await client.codes(
            "MAIL FROM:<a..b@c.example>", "MAIL FROM:<>", "RCPT TO:<a b@c.example>"
        ) == [
            "501 5.1.7",
            "250 2.1.0",
            "501 5.1.3",
        ]
