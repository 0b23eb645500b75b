"""EHLO and HELO: the client introduces itself and learns what we can do.

RFC 5321 §4.1.1.1, §4.1.4; RFC 6531 §3.7.1.
"""

from __future__ import annotations

from collections.abc import Sequence

from postil.smtp.conversation import Conversation
from postil.smtp.extension import Extension, Verb
from postil.smtp.paths import client_name
from postil.smtp.replies import Reply, SmtpReply, reply
from postil.smtp.states import State


async def _introduce(conversation: Conversation, argument: str, *, extended: bool) -> None:
    name = client_name(argument)
    if name is None:
        # RFC 5321 §4.1.4: "The SMTP server MUST stay in the same state after transmitting these replies that it was in
        # before the EHLO was received."
        raise SmtpReply(501, "5.5.4", "name your host: a domain name, or an address in brackets")
    # RFC 5321 §4.1.4: "the SMTP server MUST clear all buffers and reset the state exactly as if a RSET command
    # had been issued"
    await conversation.reset()
    conversation.state = State.READY
    conversation.helo = name
    conversation.extended = extended
    conversation.event("hello", name=name, extended=extended)


async def _helo(conversation: Conversation, argument: str) -> Reply:
    await _introduce(conversation, argument, extended=False)
    # RFC 5321 §3.2: "Servers MUST NOT return the extended EHLO-style response to a HELO command."
    return reply(250, "", conversation.settings.host)


def ehlo(extensions: Sequence[Extension]) -> Verb:
    """EHLO, announcing those of `extensions` that apply to the connection as it is now."""

    async def handle(conversation: Conversation, argument: str) -> Reply:
        await _introduce(conversation, argument, extended=True)
        words = [extension.announce(conversation) for extension in extensions]
        greeting = f"{conversation.settings.host} greets {conversation.helo}"
        return reply(250, "", greeting, *(word for word in words if word))

    return Verb("EHLO", handle, "EHLO name: introduce yourself and learn the extensions")


HELO = Verb("HELO", _helo, "HELO name: introduce yourself without extensions")
