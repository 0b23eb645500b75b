"""RSET, NOOP, QUIT, VRFY, EXPN: commands that ask for little.

RFC 5321 §4.1.1.5 to §4.1.1.7, §4.1.1.9, §4.1.1.10, §3.5.3; RFC 6531 §3.7.4.2.
"""

from __future__ import annotations

from postil.smtp.conversation import Conversation
from postil.smtp.extension import Verb
from postil.smtp.replies import Reply, SmtpReply, reply


async def _rset(conversation: Conversation, argument: str) -> Reply:
    if argument:
        raise SmtpReply(501, "5.5.4", "RSET takes no argument")
    # RFC 5321 §4.1.1.5: "Any stored sender, recipients, and mail data MUST be discarded, and all buffers and
    # state tables cleared."
    await conversation.reset()
    return reply(250, "2.0.0", "forgotten")


async def _noop(conversation: Conversation, argument: str) -> Reply:
    # RFC 5321 §4.1.1.9: "If a parameter string is specified, servers SHOULD ignore it."
    return reply(250, "2.0.0", "ok")


async def _quit(conversation: Conversation, argument: str) -> Reply:
    if argument:
        raise SmtpReply(501, "5.5.4", "QUIT takes no argument")
    # RFC 5321 §4.1.1.10: "the receiver MUST send a '221 OK' reply, and then close the transmission channel"
    return reply(221, "2.0.0", f"{conversation.settings.host} closing the connection")


async def _vrfy(conversation: Conversation, argument: str) -> Reply:
    if not argument:
        raise SmtpReply(501, "5.5.4", "VRFY takes a name")
    # RFC 5321 §3.5.3: "A server MUST NOT return a 250 code in response to a VRFY or EXPN command unless it has
    # actually verified the address." Verifying would hand a list of all addresses to whoever guesses (§7.3), so
    # the answer is the same for every name.
    return reply(252, "2.5.0", "cannot verify; send the message and see")


async def _expn(conversation: Conversation, argument: str) -> Reply:
    # RFC 5321 §4.2.4: "502 SHOULD be used when the command is actually recognized by the SMTP server, but not
    # implemented."
    raise SmtpReply(502, "5.5.1", "lists are not shown here")


RSET = Verb("RSET", _rset, "RSET: forget the message begun", grouped=True)
NOOP = Verb("NOOP", _noop, "NOOP: nothing, but answered")
QUIT = Verb("QUIT", _quit, "QUIT: end the session")
VRFY = Verb("VRFY", _vrfy, "VRFY name: is answered without an answer", mailbox=True)
EXPN = Verb("EXPN", _expn, "EXPN name: not offered", mailbox=True)
