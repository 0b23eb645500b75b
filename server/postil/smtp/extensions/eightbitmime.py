"""8BITMIME: bodies with octets above 127 (RFC 6152).

Octets are kept as they come whether BODY was said or not: RFC 5321 §2.4 lets a server reject undeclared 8-bit data or
not, and senders forget to declare. BINARYMIME is not offered: RFC 3030 needs BDAT.
"""

from __future__ import annotations

from dataclasses import replace

from postil.smtp.conversation import Conversation
from postil.smtp.extension import Extension, MailArguments
from postil.smtp.replies import SmtpReply


def _take(conversation: Conversation, value: str | None, arguments: MailArguments) -> MailArguments:
    match (value or "").upper():
        case "7BIT":
            return arguments
        case "8BITMIME":
            return replace(arguments, eight_bit=True)
        case _:
            raise SmtpReply(501, "5.5.4", "BODY is 7BIT or 8BITMIME")


EXTENSION = Extension(announce=lambda conversation: "8BITMIME", mail_parameters={"BODY": _take})
