"""How a conversation with an IMAP server begins: connect, TLS at once or by STARTTLS, the greeting.

RFC 9051 §6.2.1, §7.1; RFC 8314 §3.2 (implicit TLS).
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Final, Literal

from postil.imap.client import commands
from postil.imap.client.limits import ReplyLimits
from postil.imap.client.responses import Condition, Status
from postil.net.dial import dial
from postil.net.imapengine import Engine, Tracing
from postil.net.imaperrors import ConnectionEnded, TimedOut, Violation
from postil.ports.stream import StreamClosed

Tls = Literal["implicit", "starttls", "none"]
# Seconds of silence after which a server is given up: a SEARCH through a large mailbox may think for some.
PATIENCE: Final = 120.0


async def opened(
    host: str,
    port: int,
    tls: Tls,
    context: ssl.SSLContext | None,
    name: str,
    patience: float,
    tracing: Tracing | None,
    limits: ReplyLimits | None,
) -> tuple[Engine, Status]:
    """A greeted connection in the state that was asked for, or an ImapError and none."""
    try:
        async with asyncio.timeout(patience):
            connection = await dial(
                host, port, context=context if tls == "implicit" else None, name=name
            )
    except TimeoutError as error:
        raise TimedOut(f"{host} port {port}: no connection within {patience:g} s") from error
    except (OSError, StreamClosed) as error:
        raise ConnectionEnded(f"{host} port {port}: {error}") from error
    engine = Engine(
        connection,
        patience=patience,
        tracing=tracing,
        limits=limits,
        starttls=(context, name) if tls == "starttls" and context is not None else None,
    )
    try:
        greeting = await engine.patiently(engine.greeting, "the greeting")
        if greeting.condition is Condition.BYE:
            raise ConnectionEnded(f"BYE: {greeting.text}")
        if tls == "starttls":
            if greeting.condition is Condition.PREAUTH:
                # RFC 9051 §6.2.1: STARTTLS is for before the login, so a PREAUTH here keeps a client from TLS.
                raise Violation("PREAUTH: the server lets nobody start TLS")
            await engine.run(commands.STARTTLS)
    except BaseException:
        await engine.close()
        raise
    return engine, greeting
