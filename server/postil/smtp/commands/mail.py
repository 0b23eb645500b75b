"""MAIL: a transaction begins with the address to which errors go.

RFC 5321 §4.1.1.2, §4.1.1.11 (parameters), §4.1.4 (state); RFC 6531 §3.5 (non-ASCII without SMTPUTF8);
RFC 6409 §4.3 (submission wants a login). What the sender may send is asked of `ports.delivery.Inbound`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from postil.ports.delivery import Transaction, Verdict
from postil.smtp.conversation import Conversation
from postil.smtp.extension import MailArguments, MailParameter, Verb
from postil.smtp.paths import BadParameters, BadPath, Parsed, parse_parameters, parse_path
from postil.smtp.received import protocol_word
from postil.smtp.replies import Reply, SmtpReply, reply
from postil.smtp.states import State

# RFC 5321 §3.3: "spaces are not permitted on either side of the colon following FROM". Outlook sends one behind it
# when it submits, and so do scripts; nothing else could be meant.
_FROM = re.compile(r"FROM:[ \t]*", re.IGNORECASE)


def mail(known: Mapping[str, MailParameter]) -> Verb:
    """MAIL, with the parameters that the extensions brought."""

    async def handle(conversation: Conversation, argument: str) -> Reply:
        settings = conversation.settings
        if settings.require_login and conversation.account is None:
            # RFC 6409 §4.3: "Reply code 530 [SMTP-AUTH] is used for this purpose."
            raise SmtpReply(530, "5.7.0", "Authentication required: log in with AUTH first")
        parsed = _reverse_path(argument)
        arguments = _parameters(conversation, parsed.rest, known)
        if parsed.international and not arguments.smtputf8:
            # RFC 6531 §3.5: "When messages are rejected because the MAIL command requires an ASCII address, the
            # reply-code 550 is returned"
            raise SmtpReply(550, "5.6.7", "a non-ASCII address needs the parameter SMTPUTF8")
        answer = await conversation.inbound.begin(
            Transaction(
                peer=conversation.stream.peer,
                helo=conversation.helo,
                protocol=protocol_word(
                    extended=conversation.extended,
                    utf8=arguments.smtputf8,
                    tls=conversation.stream.peer.tls is not None,
                    login=conversation.account is not None,
                ),
                mail_from=parsed.path,
                account=conversation.account,
                smtputf8=arguments.smtputf8,
                eight_bit=arguments.eight_bit,
                declared_size=arguments.size,
            )
        )
        if isinstance(answer, Verdict):
            return reply(answer.code, answer.enhanced, answer.text)
        conversation.receiving = answer
        conversation.mail_from = parsed.path
        conversation.smtputf8 = arguments.smtputf8
        conversation.state = State.SENDER
        return reply(250, "2.1.0", "sender ok")

    return Verb("MAIL", handle, "MAIL FROM:<address>: begin a message", grouped=True, mailbox=True)


def _reverse_path(argument: str) -> Parsed:
    match = _FROM.match(argument)
    if match is None:
        raise SmtpReply(501, "5.5.4", "the form is MAIL FROM:<address>")
    try:
        return parse_path(argument[match.end() :], null=True)
    except BadPath as error:
        # RFC 5321 §4.1.4: "If the transaction beginning command argument is not acceptable, a 501 failure reply MUST be
        # returned and the SMTP server MUST stay in the same state."
        raise SmtpReply(501, "5.1.8" if error.domain else "5.1.7", f"sender: {error}") from error


def _parameters(
    conversation: Conversation, text: str, known: Mapping[str, MailParameter]
) -> MailArguments:
    try:
        found = parse_parameters(text)
    except BadParameters as error:
        raise SmtpReply(501, "5.5.4", str(error)) from error
    arguments = MailArguments()
    for keyword, value in found.items():
        take = known.get(keyword)
        if take is None or not conversation.extended:
            # RFC 5321 §4.1.1.11: "If the server SMTP does not recognize or cannot implement one or more of the parameters
            # associated with a particular MAIL FROM or RCPT TO command, it will return code 555."
            raise SmtpReply(555, "5.5.4", f"parameter {keyword} is not known here")
        arguments = take(conversation, value, arguments)
    return arguments
