"""DATA: the message, streamed to the pipeline as it arrives.

RFC 5321 §4.1.1.4, §2.3.8 (bare CR and LF), §4.2.5 (what the reply means), §4.5.3.2 (patience); RFC 1870 §6.3 (size counted);
RFC 2920 §3.2 (no 354 without a recipient).

Once 354 is out, everything up to CRLF.CRLF belongs to the message, whatever happens: a refusal (too big, no
space, bare line ends, our own fault) is remembered, the rest is read and dropped, and the one reply comes at the end.
"""

from __future__ import annotations

from postil.ports.delivery import Receiving
from postil.ports.store import StoreUnavailable
from postil.smtp.conversation import Conversation, Goodbye
from postil.smtp.extension import Verb
from postil.smtp.replies import Reply, SmtpReply, reply
from postil.smtp.states import State
from postil.smtp.wire import DataReader

SMUGGLING = (
    "bare CR or LF in the message: lines end in CRLF only, anything else allows"
    " SMTP smuggling (RFC 5321 section 2.3.8)"
)


async def _data(conversation: Conversation, argument: str) -> Reply:
    if argument:
        # RFC 5321 §4.3.2: "commands that are specified in this document as not accepting arguments (DATA, RSET, QUIT)
        # SHOULD return a 501 message if arguments are supplied"
        raise SmtpReply(501, "5.5.4", "DATA takes no argument")
    receiving = conversation.receiving
    assert receiving is not None
    if conversation.state is State.SENDER:
        # RFC 2920 §3.2: "SHOULD issue a positive response to the DATA command if and only if one or more valid
        # RCPT TO addresses have been previously received."
        if conversation.refused_recipients:
            raise SmtpReply(554, "5.5.1", "no valid recipients")
        raise SmtpReply(503, "5.5.1", "send RCPT first")
    conversation.send(reply(354, "", "Start mail input; end with <CRLF>.<CRLF>"))
    conversation.flush()
    reader = DataReader()
    refusal = await _receive(conversation, receiving, reader)
    if refusal is None and reader.bare:
        # RFC 5321 §4.1.1.4: "SMTP server systems MUST NOT do this, even in the name of improved robustness."
        refusal = reply(550, "5.5.2", SMUGGLING)
    if refusal is None:
        verdict = await receiving.finish()
        conversation.receiving = None
        answer, step = reply(verdict.code, verdict.enhanced, verdict.text), verdict.step
    else:
        answer, step = refusal, "data"
    conversation.event(
        "accepted" if answer.ok else "refused",
        command="DATA",
        code=answer.code,
        step=step,
        size=reader.size,
        recipients=len(conversation.rcpt_to),
    )
    # RFC 5321 §4.1.1.4: "on the completion of this command these buffers are cleared"
    await conversation.reset()
    return answer


async def _receive(
    conversation: Conversation, receiving: Receiving, reader: DataReader
) -> Reply | None:
    """Read the whole message; the reason to refuse it, if there is one."""
    limits = conversation.settings.limits
    refusal: Reply | None = None
    while not reader.done:
        piece, rest = reader.feed(await conversation.data())
        conversation.incoming.feed(rest)
        if refusal is None and reader.size > limits.message_size:
            # RFC 1870 §4: "Any attempt by a client to transfer a message which is larger than this limit
            # will be rejected with a permanent failure (552) reply code."
            refusal = reply(552, "5.3.4", f"more than {limits.message_size} octets are not taken")
        elif refusal is None and reader.bare:
            refusal = reply(550, "5.5.2", SMUGGLING)
        if refusal is not None:
            await receiving.abort()
            if reader.size > limits.message_size + limits.refused_data:
                conversation.send(reply(421, "4.7.0", "this does not end"))
                raise Goodbye
        elif piece:
            refusal = await _hand_over(conversation, receiving, piece)
    return refusal


async def _hand_over(
    conversation: Conversation, receiving: Receiving, piece: bytes
) -> Reply | None:
    try:
        await receiving.write(piece)
    except StoreUnavailable as error:
        return reply(452, "4.3.1", str(error) or "no space for the message now")
    except Exception as error:  # noqa: BLE001 - our fault: the rest of the message must still be read
        conversation.settings.failure(error)
        return reply(451, "4.3.0", "a fault of this server; it was logged")
    return None


DATA = Verb("DATA", _data, "DATA: send the message, ended by a line with a single dot")
