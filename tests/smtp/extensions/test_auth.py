"""AUTH: PLAIN and LOGIN, and every way it can go wrong."""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode

import pytest
from tests.support.smtp import short, world

from postil.accounts.gate import LoginGate
from postil.smtp import Limits


def token(*fields: str) -> str:
    return b64encode("\0".join(fields).encode()).decode()


RIGHT = token("", "alice", "secret")
WRONG = token("", "alice", "guess")


async def test_plain() -> None:
    """With an initial response, or after an empty challenge."""
    async with world() as w:
        w.submission()
        client = await w.client()
        assert short(await client.ask(f"AUTH PLAIN {RIGHT}")) == "235 2.7.0"
        client = await w.client()
        assert await client.ask("AUTH PLAIN") == "334 "
        assert short(await client.ask(RIGHT)) == "235 2.7.0"
        client = await w.client()
        assert short(await client.ask(f"auth plain {RIGHT}")) == "235 2.7.0"


async def test_login() -> None:
    """Two prompts; smtplib sends the name with the command."""
    async with world() as w:
        w.submission()
        client = await w.client()
        assert await client.ask("AUTH LOGIN") == "334 VXNlcm5hbWU6"
        assert await client.ask(token("alice")) == "334 UGFzc3dvcmQ6"
        assert short(await client.ask(token("secret"))) == "235 2.7.0"
        client = await w.client()
        assert await client.ask(f"AUTH LOGIN {token('alice')}") == "334 UGFzc3dvcmQ6"
        assert short(await client.ask(token("guess"))) == "535 5.7.8"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (f"AUTH PLAIN {WRONG}", "535 5.7.8"),
        (f"AUTH PLAIN {token('', 'nobody', 'secret')}", "535 5.7.8"),
        (f"AUTH PLAIN {token('bob@example.org', 'alice', 'secret')}", "535 5.7.8"),
        (f"AUTH PLAIN {token('alice@example.org', 'alice', 'secret')}", "235 2.7.0"),
        (f"AUTH PLAIN {token('alice', 'secret')}", "501 5.5.2"),
        (f"AUTH PLAIN {token('', 'alice', '')}", "501 5.5.2"),
        ("AUTH PLAIN =", "501 5.5.2"),
        ("AUTH PLAIN =AAA", "501 5.5.2"),
        ("AUTH PLAIN AAA=BBB", "501 5.5.2"),
        ("AUTH PLAIN AAA", "501 5.5.2"),
        ("AUTH PLAIN AAAA AAAA", "501 5.5.2"),
        ("AUTH PLAIN A-A_", "501 5.5.2"),
        ("AUTH PLAIN /////w==", "501 5.5.2"),
        ("AUTH", "501 5.5.4"),
        ("AUTH CRAM-MD5", "504 5.5.4"),
        ("AUTH EXTERNAL =", "504 5.5.4"),
    ],
)
async def test_wrong_ways(line: str, code: str) -> None:
    """Each with its code."""
    async with world() as w:
        w.submission()
        client = await w.client()
        assert short(await client.ask(line)) == code


@pytest.mark.rfc(
    "4954",
    "4",
    "servers and clients MUST reject (and not ignore) any character not explicitly allowed by the BASE64 alphabet",
)
@pytest.mark.parametrize("strange", ["!", "-", "\t", " ", "*", "."])
async def test_strange_characters_are_not_ignored(strange: str) -> None:
    """Right credentials with one character too many are 501 5.5.2, not a login."""
    async with world() as w:
        w.submission()
        client = await w.client()
        await client.ask("AUTH PLAIN")
        assert short(await client.ask(RIGHT[:4] + strange + RIGHT[4:])) == "501 5.5.2"
        await client.ask("AUTH PLAIN")
        assert short(await client.ask(RIGHT)) == "235 2.7.0"


@pytest.mark.rfc(
    "4954", "4", "MUST reject any sequence of BASE64 characters that contains the pad character"
)
@pytest.mark.parametrize("response", ["=AAA", "AAA=BBB", "AA==AA==", "A", "====", "AAAA=", "AA=A"])
async def test_misplaced_padding(response: str) -> None:
    """Padding anywhere but at the end, or too much of it, is 501 5.5.2."""
    async with world() as w:
        w.submission()
        client = await w.client()
        await client.ask("AUTH PLAIN")
        assert short(await client.ask(response)) == "501 5.5.2"


@pytest.mark.rfc(
    "4954",
    "4",
    "it MUST reject the AUTH command by sending a 501 reply",
)
@pytest.mark.parametrize("steps", [["AUTH PLAIN"], ["AUTH LOGIN"], ["AUTH LOGIN", "YWxpY2U="]])
async def test_cancel(steps: list[str]) -> None:
    """A lone asterisk ends the exchange with 501, and the session goes on."""
    async with world() as w:
        w.submission()
        client = await w.client()
        for step in steps:
            assert (await client.ask(step)).startswith("334")
        assert short(await client.ask("*")) == "501 5.7.0"
        assert short(await client.login()) == "235 2.7.0"


@pytest.mark.rfc(
    "4954",
    "4",
    "After a successful AUTH command completes, a server MUST reject any further AUTH commands with a 503 reply",
)
async def test_once() -> None:
    """The second login is refused, whatever it says."""
    async with world() as w:
        w.submission()
        client = await w.client()
        await client.login()
        assert (
            await client.codes(f"AUTH PLAIN {RIGHT}", "AUTH PLAIN", "AUTH X") == ["503 5.5.1"] * 3
        )


@pytest.mark.rfc(
    "4954",
    "4",
    "An AUTH command issued during a mail transaction MUST be rejected with a 503 reply",
)
async def test_not_in_a_transaction() -> None:
    """Where login is offered but not required: 503 between MAIL and its end, and not before EHLO."""
    async with world() as w:
        w.tls = w.offer_login = True
        client = await w.client(hello=None)
        assert short(await client.login()) == "503 5.5.1"
        await client.ask("EHLO client.example")
        await client.ask("MAIL FROM:<>")
        assert short(await client.login()) == "503 5.5.1"
        await client.ask("RSET")
        assert short(await client.login()) == "235 2.7.0"


async def test_not_without_tls() -> None:
    """In the clear nothing is announced and a login is refused; localserve's setting allows it."""
    async with world() as w:
        w.offer_login = True
        client = await w.client(hello=None)
        assert "AUTH" not in await client.ask("EHLO client.example")
        assert short(await client.login()) == "538 5.7.11"
        w.plaintext_login = True
        client = await w.client(hello=None)
        assert "250-AUTH SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN" in await client.ask(
            "EHLO client.example"
        )
        assert short(await client.login()) == "235 2.7.0"


async def test_not_on_port_25() -> None:
    """Where no login is offered AUTH is 502, over TLS too."""
    async with world() as w:
        w.tls = True
        client = await w.client(hello=None)
        assert "AUTH" not in await client.ask("EHLO client.example")
        assert short(await client.login()) == "502 5.5.1"


async def test_guessing_is_slow_and_ends() -> None:
    """Each failure waits; after some the connection ends."""
    async with world() as w:
        w.submission()
        w.limits = Limits(failed_logins=3, failed_login_wait=2.5)
        client = await w.client()
        assert await client.codes(*[f"AUTH PLAIN {WRONG}"] * 3) == [
            "535 5.7.8",
            "535 5.7.8",
            "421 4.7.0",
        ]
        assert w.slept == [2.5] * 3
        assert await client.reply() == ""


async def test_nonsense_is_slow_too() -> None:
    """What is no message of the mechanism counts as a failure of its address, so its answer waits like the others."""
    async with world() as w:
        w.submission()
        w.gate = LoginGate(w.clock)
        client = await w.client()
        assert await client.codes(*["AUTH PLAIN AAAA"] * 5) == ["501 5.5.2"] * 5
        assert [wait for wait in w.slept if wait] == [1.0, 2.0]


async def test_directory_down() -> None:
    """Nobody can tell now: 454 4.7.0, so that clients keep the password."""
    async with world() as w:
        w.submission()
        w.directory.down = True
        client = await w.client()
        assert short(await client.login()) == "454 4.7.0"


@pytest.mark.rfc("4954", "4", "Clients and servers MUST be able to handle the maximum encoded size")
async def test_long_responses() -> None:
    """12,288 octets are read; more is 500 5.5.6 and the session goes on."""
    async with world() as w:
        w.submission()
        client = await w.client()
        await client.ask("AUTH PLAIN")
        assert short(await client.ask("A" * 12_284)) == "501 5.5.2"
        await client.ask("AUTH PLAIN")
        assert short(await client.ask("A" * 12_288)) == "500 5.5.6"
        assert short(await client.login()) == "235 2.7.0"


@pytest.mark.rfc(
    "4954",
    "5",
    "servers that advertise support for this extension MUST support the AUTH parameter to the MAIL FROM command even when the client has not authenticated itself to the server",
)
@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("AUTH=<>", "250 2.1.0"),
        ("AUTH=e+3Dmc2@example.com", "250 2.1.0"),
        ("AUTH=e=mc2@example.com", "501 5.5.4"),
        ("AUTH=e+3dmc2@example.com", "501 5.5.4"),
        ("AUTH=nobody", "501 5.5.4"),
        ("AUTH=a@b.example+3E+20x", "501 5.5.4"),
        ("AUTH", "501 5.5.4"),
    ],
)
async def test_mail_parameter(value: str, code: str) -> None:
    """Well-formed ones are taken (and discarded), others are 501."""
    async with world() as w:
        client = await w.client()
        assert short(await client.ask(f"MAIL FROM:<a@b.example> {value}")) == code


@pytest.mark.rfc(
    "4954",
    "4",
    "If the client uses an initial-response argument to the AUTH command with a SASL mechanism in which the client does not begin the authentication exchange, the server MUST reject the AUTH command with a 501 reply.",
)
async def test_cram_md5() -> None:
    """The server begins; a digest for its challenge logs in."""
    async with world() as w:
        w.submission()
        w.cram_md5 = True
        client = await w.client()
        assert short(await client.ask(f"AUTH CRAM-MD5 {token('alice')}")) == "501 5.7.0"
        for password, code in (("guess", "535 5.7.8"), ("secret", "235 2.7.0")):
            challenge = b64decode((await client.ask("AUTH CRAM-MD5")).removeprefix("334 "))
            assert challenge.endswith(b"@mx.example.org>")
            digest = hmac.new(password.encode(), challenge, "md5").hexdigest()
            assert short(await client.ask(token(f"alice {digest}"))) == code
