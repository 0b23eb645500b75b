"""SMTPUTF8: addresses and header fields in UTF-8 (RFC 6531).

The grammar of addresses is in `paths`, the trace words in `received`, that replies stay ASCII in `replies`.
"""

from __future__ import annotations

from dataclasses import replace

from postil.smtp.conversation import Conversation
from postil.smtp.extension import Extension, MailArguments
from postil.smtp.replies import SmtpReply


def _take(conversation: Conversation, value: str | None, arguments: MailArguments) -> MailArguments:
    if value is not None:
        # RFC 6531 §3.4: "If this parameter is provided, it MUST not accept a value."
        raise SmtpReply(501, "5.5.4", "SMTPUTF8 takes no value")
    return replace(arguments, smtputf8=True)


EXTENSION = Extension(announce=lambda conversation: "SMTPUTF8", mail_parameters={"SMTPUTF8": _take})
