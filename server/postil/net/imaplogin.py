"""Logging in to an IMAP server: SCRAM with or without channel binding, PLAIN, LOGIN; the best that both sides have.

RFC 9051 §6.2.2, §6.2.3; RFC 4959 (initial response), RFC 5802, RFC 7677, RFC 4616.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import Awaitable, Callable, Collection

from postil.imap.client import commands
from postil.imap.client.compose import Command
from postil.net.imapanswers import Answer
from postil.net.imapengine import Engine
from postil.net.imaperrors import ConnectionEnded, ImapError, NoWay
from postil.sasl import encoding, scram_client
from postil.sasl.plain import Malformed
from postil.sasl.scram import MECHANISMS, Mechanism, Refused
from postil.sasl.scram_client import Binding, ClientExchange

# Octets of a SCRAM nonce before base64.
_NONCE = 18


class ServerNotProved(ImapError):
    """The other end does not know the password's keys, or what it said is no SCRAM: it may be somebody else."""


def mechanisms(capabilities: Collection[str]) -> frozenset[str]:
    """The names behind AUTH=."""
    return frozenset(name[5:] for name in capabilities if name.startswith("AUTH="))


async def log_in(
    engine: Engine, user: str, password: str, *, mechanism: str | None = None, authorize: str = ""
) -> Answer:
    """By the mechanism named (`LOGIN` is the command), or the best there is."""
    known = engine.conversation.capabilities or frozenset()
    announced = mechanisms(known)
    if mechanism is None:
        mechanism = _best(engine, known, announced)
    mechanism = mechanism.upper()
    if mechanism == "LOGIN":
        # RFC 9051 §6.2.3: "A client implementation MUST NOT send a LOGIN command if the LOGINDISABLED capability is advertised."
        if "LOGINDISABLED" in known:
            raise NoWay("the server does not take passwords on this connection (LOGINDISABLED)")
        return await engine.run(commands.login(user, password))
    if mechanism == "PLAIN":
        message = "\0".join((authorize, user, password)).encode("utf-8")
        return await _plain(engine, message)
    if mechanism in MECHANISMS:
        return await _scram(engine, MECHANISMS[mechanism], user, password, authorize, announced)
    raise NoWay(f"{mechanism} is no way to log in that is known here")


def _best(engine: Engine, known: Collection[str], announced: Collection[str]) -> str:
    channel = engine.connection.channel()
    kind, data = channel if channel is not None else (None, None)
    chosen = scram_client.choose(announced, kind, data)
    if chosen is not None:
        return chosen[0].name
    if "PLAIN" in announced:
        return "PLAIN"
    if "LOGINDISABLED" not in known:
        return "LOGIN"
    raise NoWay("the server offers no way to log in that is known here: " + " ".join(sorted(known)))


def _initial(engine: Engine, message: bytes) -> bytes | None:
    """Base64 for the command line, where the server takes it there."""
    known = engine.conversation.capabilities or frozenset()
    # RFC 9051 §6.2.2: every server of IMAP4rev2 takes it; RFC 4959 for the others
    if "SASL-IR" in known or "IMAP4REV2" in known:
        return base64.b64encode(message) or b"="
    return None


async def _plain(engine: Engine, message: bytes) -> Answer:
    initial = _initial(engine, message)

    async def respond(challenge: bytes) -> bytes:
        if initial is not None or challenge:
            raise ServerNotProved("PLAIN: a challenge where none belongs")
        return base64.b64encode(message)

    return await dialogue(engine, commands.authenticate("PLAIN", initial), respond)


async def _scram(
    engine: Engine,
    mechanism: Mechanism,
    user: str,
    password: str,
    authorize: str,
    announced: Collection[str],
) -> Answer:
    channel = engine.connection.channel()
    if mechanism.plus and channel is None:
        raise NoWay(f"{mechanism.name}: there is nothing on this connection to bind to")
    exchange = ClientExchange(
        mechanism,
        user,
        password,
        base64.b64encode(secrets.token_bytes(_NONCE)),
        binding=_binding(mechanism, channel, announced),
        authorize=authorize,
    )
    first = exchange.first()
    initial = _initial(engine, first)
    steps = 0 if initial is None else 1
    proved = False

    async def respond(challenge: bytes) -> bytes:
        nonlocal steps, proved
        steps += 1
        try:
            message = encoding.decode(challenge)
            match steps:
                case 1:
                    answer = first
                case 2:
                    # The costly step; it does not hold the interpreter's lock.
                    answer = await asyncio.to_thread(exchange.final, message)
                case 3:
                    exchange.finish(message)
                    proved, answer = True, b""
                case _:
                    raise ServerNotProved(f"{mechanism.name}: one challenge too many")
        except (Refused, Malformed) as error:
            raise ServerNotProved(f"{mechanism.name}: {error}") from error
        return base64.b64encode(answer)

    answer = await dialogue(engine, commands.authenticate(mechanism.name, initial), respond)
    if not proved:
        # RFC 5802 §5: the client's last step is to verify the ServerSignature; OK without it proves nothing.
        raise ServerNotProved(f"{mechanism.name}: OK, and the server did not prove itself")
    return answer


def _binding(
    mechanism: Mechanism, channel: tuple[str, bytes] | None, announced: Collection[str]
) -> Binding:
    if mechanism.plus:
        assert channel is not None
        return Binding("p", *channel)
    # RFC 5802 §6: "y" says that we could and the server does not offer it; where it does, "y" would look like a trick.
    offered = any(name.endswith("-PLUS") for name in announced)
    return Binding("n" if channel is None or offered else "y")


# What a dialogue answers to a challenge.
Respond = Callable[[bytes], Awaitable[bytes]]


async def dialogue(engine: Engine, command: Command, respond: Respond) -> Answer:
    """Run AUTHENTICATE: `respond` gives the line for each challenge; what it raises cancels the exchange and is raised again."""
    running, future = engine.start(command)
    failure: ImapError | None = None
    while (challenge := await engine.challenge(running)) is not None:
        try:
            line = await respond(challenge)
        except ImapError as error:
            # RFC 9051 §6.2.2: "If the client wishes to cancel an authentication exchange, it issues a line consisting of a single "*"."
            failure, line = failure or error, b"*"
        except asyncio.CancelledError:
            engine.fail(ConnectionEnded(f"{command.name} was cancelled in the middle"))
            raise
        engine.respond(running, line, secret=line not in (b"", b"*"))
    if failure is None:
        return await engine.finish(running, future)
    try:
        await engine.finish(running, future)
    except ConnectionEnded:
        raise
    except ImapError:
        pass
    raise failure
