"""AUTHENTICATE with mechanisms that the server begins."""

from __future__ import annotations

import base64
import hmac
import re

import pytest
from tests.support.imap import PASSWORD, Client, World, world


def respond(challenge: bytes, login: str = "user", password: str = PASSWORD) -> bytes:
    """A client's answer to CRAM-MD5's challenge, as it goes over the wire."""
    text = base64.b64decode(challenge.removeprefix(b"+ "))
    digest = hmac.new(password.encode(), text, "md5").hexdigest()
    return base64.b64encode(f"{login} {digest}".encode()) + b"\r\n"


async def connect(made: World) -> Client:
    client = Client(await made.connect())
    await client.greeting()
    return client


@pytest.mark.rfc(
    "4959",
    "3",
    "If the client uses an initial response with a SASL mechanism that does not support an initial response, the server MUST reject the command with a tagged BAD response",
)
@pytest.mark.rfc(
    "9051",
    "6.2.2",
    "If the client uses an initial response with a SASL mechanism that does not support an initial response, the server MUST reject the command with a tagged BAD response.",
)
async def test_no_initial_response() -> None:
    """Also an empty one, and the connection goes on."""
    async with world() as made:
        made.cram_md5 = True
        client = await connect(made)
        for initial in ("=", "dXNlcg=="):
            assert (await client.command(f"AUTHENTICATE CRAM-MD5 {initial}"))[-1].startswith(
                b"t BAD "
            )
        assert (await client.command("NOOP"))[-1].startswith(b"t OK")


@pytest.mark.rfc(
    "2195",
    "2",
    "If the digest is correct, the server should consider the client authenticated and respond appropriately.",
)
async def test_cram_md5() -> None:
    """The right digest logs in; one for another challenge does not, so a recorded login is worth nothing."""
    async with world() as made:
        made.cram_md5 = True
        client = await connect(made)
        seen = []
        for tag, old in ((b"a", None), (b"b", 0), (b"c", None)):
            client.stream.client_write(tag + b" AUTHENTICATE CRAM-MD5\r\n")
            challenge = await client.stream.client_line()
            seen.append(challenge)
            password = "guess" if tag == b"a" else PASSWORD
            answered = challenge if old is None else seen[old]
            client.stream.client_write(respond(answered, password=password))
            line = (await client.until(tag))[-1]
            assert line.startswith(b"t OK" if tag == b"c" else b"t NO [AUTHENTICATIONFAILED]"), line
        assert len(set(seen)) == 3
        text = base64.b64decode(seen[0].removeprefix(b"+ "))
        assert re.fullmatch(rb"<\d+\.1700000000@test>", text)


async def test_never_in_the_clear() -> None:
    """Even this mechanism waits for TLS."""
    async with world() as made:
        made.cram_md5, made.tls = True, False
        client = await connect(made)
        answer = await client.command("CAPABILITY")
        assert b"CRAM-MD5" not in answer[0]
        assert b"[PRIVACYREQUIRED]" in (await client.command("AUTHENTICATE CRAM-MD5"))[-1]


@pytest.mark.rfc(
    "4422",
    "5",
    "then the first server challenge MUST be empty (the EXTERNAL mechanism is an example of this case).",
)
async def test_an_empty_challenge() -> None:
    """Of every mechanism in which the client begins, when it did not."""
    async with world() as made:
        made.client_key = "ab" * 32
        client = await connect(made)
        announced = (await client.command("CAPABILITY"))[0].decode().split()
        mechanisms = [one.removeprefix("AUTH=") for one in announced if one.startswith("AUTH=")]
        assert {"EXTERNAL", "SCRAM-SHA-256", "PLAIN"} <= set(mechanisms)
        for mechanism in mechanisms:
            client.stream.client_write(f"a AUTHENTICATE {mechanism}\r\n".encode())
            assert await client.stream.client_line() == b"+ \r\n"
            client.stream.client_write(b"*\r\n")
            assert (await client.until(b"a"))[-1].startswith(b"t BAD")


PLAIN = base64.b64encode(b"\0user\0secret").decode()


@pytest.mark.rfc(
    "9051",
    "6.2.2",
    'or if it receives an invalid base64 string (e.g., characters outside the base64 alphabet or non-terminal "="), it MUST reject the AUTHENTICATE command by sending a tagged BAD response.',
)
@pytest.mark.rfc(
    "9051",
    "6.2.2",
    "decoding errors MUST be treated as in any normal SASL client response, i.e., with a tagged BAD response.",
)
@pytest.mark.rfc(
    "3501",
    "6.2.2",
    "If the server receives such a response, it MUST reject the AUTHENTICATE command by sending a tagged BAD response.",
)
@pytest.mark.parametrize(
    "response", ["*", "!!!!", "AHVz=ZXIA", PLAIN[:-1], "A", f"{PLAIN} ", "AHVzZXIAc2VjcmV0===="]
)
@pytest.mark.parametrize("initial", [False, True])
async def test_what_is_no_response(response: str, initial: bool) -> None:
    """BAD for a cancelled exchange and for what is no base64, with the command or behind `+`; the next attempt works."""
    async with world() as made:
        client = await connect(made)
        if initial:
            line = (await client.command(f"AUTHENTICATE PLAIN {response}"))[-1]
        else:
            client.stream.client_write(b"a AUTHENTICATE PLAIN\r\n")
            assert await client.stream.client_line() == b"+ \r\n"
            client.stream.client_write(response.encode() + b"\r\n")
            line = (await client.until(b"a"))[-1]
        assert line.startswith(b"t BAD "), line
        assert (await client.command(f"AUTHENTICATE PLAIN {PLAIN}"))[-1].startswith(b"t OK")


@pytest.mark.rfc(
    "9051",
    "6.2.2",
    "the following negotiation (which does not use the initial response) is still valid and MUST be supported by the server:",
)
@pytest.mark.rfc(
    "9051",
    "6.2.2",
    "While client and server implementations MUST implement the AUTHENTICATE command itself,",
)
@pytest.mark.rfc(
    "3501",
    "6.2.2",
    "While client and server implementations MUST implement the AUTHENTICATE command itself, it is not required to implement any authentication mechanisms other than the PLAIN mechanism described in [IMAP-TLS].",
)
async def test_both_ways_of_plain() -> None:
    """The example of the RFC: an empty challenge, the response, OK; and in one line."""
    async with world() as made:
        client = await connect(made)
        client.stream.client_write(b"C01 AUTHENTICATE PLAIN\r\n")
        assert await client.stream.client_line() == b"+ \r\n"
        client.stream.client_write(PLAIN.encode() + b"\r\n")
        assert (await client.until(b"C01"))[-1].startswith(b"t OK")
        other = await connect(made)
        assert (await other.command(f"AUTHENTICATE plain {PLAIN}"))[-1].startswith(b"t OK")


@pytest.mark.rfc(
    "9051",
    "6.2.2",
    "Note: a server implementation MUST implement a configuration in which it does NOT permit any plaintext password mechanisms,",
)
@pytest.mark.rfc(
    "9051",
    "6.2.3",
    "a server implementation MUST implement a configuration in which it advertises the LOGINDISABLED capability and does NOT permit the LOGIN command.",
)
@pytest.mark.rfc(
    "9051",
    "11.7",
    "The STARTTLS command has been negotiated or TLS negotiated on an Implicit TLS port OR",
)
@pytest.mark.rfc(
    "9051",
    "11.7",
    "The LOGINDISABLED capability is advertised, and [SASL] mechanisms (such as PLAIN) using plaintext passwords are NOT advertised in the CAPABILITY list.",
)
@pytest.mark.rfc(
    "3501",
    "6.2.2",
    "Note: a server implementation MUST implement a configuration in which it does NOT permit any plaintext password mechanisms, unless either the STARTTLS command has been negotiated or some other mechanism that protects the session from password snooping has been provided.",
)
@pytest.mark.rfc(
    "3501",
    "6.2.3",
    "Unless either the STARTTLS command has been negotiated or some other mechanism that protects the session from password snooping has been provided, a server implementation MUST implement a configuration in which it advertises the LOGINDISABLED capability and does NOT permit the LOGIN command.",
)
@pytest.mark.rfc(
    "3501",
    "11.2",
    "A server implementation MUST implement a configuration that, at the time of authentication, requires: The STARTTLS command has been negotiated.",
)
@pytest.mark.rfc(
    "3501",
    "11.2",
    "A server implementation MUST implement a configuration that, at the time of authentication, requires: The LOGINDISABLED capability is advertised, and [SASL] mechanisms (such as PLAIN) using plaintext passwords are NOT advertised in the CAPABILITY list.",
)
@pytest.mark.rfc(
    "3501",
    "11.2",
    "A server implementation MUST implement a configuration that, at the time of authentication, requires: The LOGIN command returns an error even if the password is correct.",
)
@pytest.mark.rfc(
    "3501",
    "11.2",
    "A server implementation MUST implement a configuration that, at the time of authentication, requires: The AUTHENTICATE command returns an error with all [SASL] mechanisms that use plaintext passwords, even if the password is correct.",
)
async def test_no_password_in_the_clear() -> None:
    """Outside TLS the right password is refused in each form, and none is asked for; behind STARTTLS it is good."""
    async with world() as made:
        made.tls = False
        client = await connect(made)
        words = (await client.command("CAPABILITY"))[0].split()
        assert b"LOGINDISABLED" in words
        assert not [one for one in words if one.startswith(b"AUTH=")]
        for command in ("LOGIN user secret", f"AUTHENTICATE PLAIN {PLAIN}", "AUTHENTICATE PLAIN"):
            assert (await client.command(command))[-1].startswith(b"t NO [PRIVACYREQUIRED]")
        client.stream.client_write(b"a STARTTLS\r\n")
        await client.until(b"a")
        while made.sessions[-1].stream.peer.tls is None:
            await made.sessions[-1].pause()
        assert (await client.command("LOGIN user secret"))[-1].startswith(b"t OK")


@pytest.mark.rfc(
    "9051",
    "6.2.1",
    "The server MUST always respond with a tagged BAD response when the STARTTLS command is received on an Implicit TLS port.",
)
async def test_starttls_inside_tls() -> None:
    """BAD in each state, and the connection goes on."""
    async with world() as made:
        client = await connect(made)
        for step in ("NOOP", "LOGIN user secret", "SELECT INBOX"):
            await client.command(step)
            assert (await client.command("STARTTLS"))[-1].startswith(b"t BAD"), step
        assert (await client.command("NOOP"))[-1].startswith(b"t OK")


@pytest.mark.rfc(
    "9051",
    "6.2.2",
    'To send a zero-length initial response, the client MUST send a single pad character ("=").',
)
@pytest.mark.rfc(
    "4959",
    "3",
    'To send a zero-length initial response, the client MUST send a single pad character ("=").',
)
async def test_an_empty_initial_response() -> None:
    """`=` is a response of no octets: whoever proves a key is logged in by it, and no challenge comes."""
    async with world() as made:
        made.client_key = "ab" * 32
        made.directory.keys[made.client_key] = "user"
        client = await connect(made)
        assert (await client.command("AUTHENTICATE EXTERNAL ="))[0].startswith(b"t OK")
