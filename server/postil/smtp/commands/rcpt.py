"""RCPT: one more recipient.

RFC 5321 §4.1.1.3, §4.5.3.1.8 and §4.5.3.1.10 (how many), §7.8 (harvesting); RFC 6531 §3.5.
Whether mail may go there is asked of `ports.delivery.Receiving`.
"""

from __future__ import annotations

import re

from postil.smtp.conversation import Conversation
from postil.smtp.extension import Verb
from postil.smtp.paths import BadParameters, BadPath, parse_parameters, parse_path
from postil.smtp.replies import Reply, SmtpReply, reply
from postil.smtp.states import State

_TO = re.compile(r"TO:[ \t]*", re.IGNORECASE)  # the blank: see `mail`


async def _rcpt(conversation: Conversation, argument: str) -> Reply:
    receiving = conversation.receiving
    assert receiving is not None  # the table of states lets RCPT only here
    match = _TO.match(argument)
    if match is None:
        raise SmtpReply(501, "5.5.4", "the form is RCPT TO:<address>")
    try:
        parsed = parse_path(argument[match.end() :], postmaster=True)
        parameters = parse_parameters(parsed.rest)
    except BadPath as error:
        code = "5.1.2" if error.domain else "5.1.3"
        raise SmtpReply(501, code, f"recipient: {error}") from error
    except BadParameters as error:
        raise SmtpReply(501, "5.5.4", str(error)) from error
    if parameters:
        # RFC 3461 §4, not planned in this release: DSN is not announced, so NOTIFY and ORCPT are unknown.
        raise SmtpReply(555, "5.5.4", f"parameter {next(iter(parameters))} is not known here")
    if parsed.international and not conversation.smtputf8:
        # RFC 6531 §3.5: "When messages are rejected because the RCPT command requires an ASCII address, the
        # reply-code 553 is returned with the meaning 'mailbox name not allowed'."
        raise SmtpReply(553, "5.6.7", "a non-ASCII address needs SMTPUTF8 at MAIL")
    if len(conversation.rcpt_to) >= conversation.settings.limits.recipients:
        # RFC 5321 §4.5.3.1.10: "it MUST use a response code of 452"
        raise SmtpReply(452, "4.5.3", "too many recipients: send the rest in another message")
    verdict = await receiving.recipient(parsed.path)
    if not verdict.ok:
        conversation.refused_recipients = True
        conversation.event(
            "refused", command="RCPT", code=verdict.code, step=verdict.step, to=parsed.path.wire
        )
        if verdict.code == 550:
            conversation.unknown_recipients += 1
            if conversation.unknown_recipients >= conversation.settings.limits.unknown_recipients:
                # RFC 5321 §7.8: "it would be reasonable for the server to close the connection after generating an
                # appropriate number of 5yz (normally 550) replies"
                raise SmtpReply(421, "4.7.0", "too many unknown recipients in one connection")
        return reply(verdict.code, verdict.enhanced, verdict.text)
    conversation.rcpt_to.append(parsed.path)
    conversation.state = State.RECIPIENTS
    return reply(250, verdict.enhanced, verdict.text)


RCPT = Verb("RCPT", _rcpt, "RCPT TO:<address>: name a recipient", grouped=True, mailbox=True)
