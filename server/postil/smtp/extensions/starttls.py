"""STARTTLS: from here on encrypted, and nothing said before counts.

RFC 3207 §4 (replies), §4.2 (what is forgotten). That port 25 never requires it: §4, see `states`.
"""

from __future__ import annotations

from postil.ports.stream import StreamClosed
from postil.smtp.conversation import Conversation, PeerGone
from postil.smtp.extension import Extension, Verb
from postil.smtp.replies import SmtpReply, reply


def _announce(conversation: Conversation) -> str | None:
    # RFC 3207 §4.2: "A server MUST NOT return the STARTTLS extension in response to an EHLO command received after
    # a TLS handshake has completed."
    return "STARTTLS" if conversation.stream.can_start_tls else None


async def _starttls(conversation: Conversation, argument: str) -> None:
    if argument:
        raise SmtpReply(501, "5.5.4", "Syntax error (no parameters allowed)")
    if conversation.stream.peer.tls is not None:
        raise SmtpReply(503, "5.5.1", "TLS is active already")
    if not conversation.stream.can_start_tls:
        raise SmtpReply(454, "4.7.0", "TLS not available due to temporary reason")
    conversation.send(reply(220, "2.0.0", "Ready to start TLS"))
    conversation.flush()
    # RFC 3207 §4.2: "The server MUST discard any knowledge obtained from the client, such as the argument to the EHLO
    # command, which was not obtained from the TLS negotiation itself." Commands pipelined behind
    # STARTTLS in plaintext go with it, here and in the stream: somebody in the middle may have written them.
    await conversation.forget()
    try:
        await conversation.stream.start_tls()
    except StreamClosed as error:
        raise PeerGone from error
    peer = conversation.stream.peer
    conversation.event("tls", version=peer.tls, cipher=peer.cipher)
    return


EXTENSION = Extension(
    announce=_announce,
    verbs=(Verb("STARTTLS", _starttls, "STARTTLS: encrypt the connection"),),
)
