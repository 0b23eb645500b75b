"""SIZE: the client says how big its message is, the server how big it may be.

RFC 1870 §3 (syntax), §6.1 (MAIL). What is really sent is counted in `commands.data`.
"""

from __future__ import annotations

import re
from dataclasses import replace

from postil.smtp.conversation import Conversation
from postil.smtp.extension import Extension, MailArguments
from postil.smtp.replies import SmtpReply

_VALUE = re.compile(r"[0-9]{1,20}")


def _announce(conversation: Conversation) -> str:
    return f"SIZE {conversation.settings.limits.message_size}"


def _take(conversation: Conversation, value: str | None, arguments: MailArguments) -> MailArguments:
    if value is None or _VALUE.fullmatch(value) is None:
        raise SmtpReply(501, "5.5.4", "SIZE takes a number of at most 20 digits")
    largest = conversation.settings.limits.message_size
    # RFC 1870 §7: "Such a server must accept the extended MAIL command and return a 552 reply code if the client's declared
    # size exceeds its fixed size limit"
    if int(value) > largest:
        # RFC 1870 §6.1: "If the indicated size is larger than the server's fixed maximum message size, the server
        # responds with code '552 message size exceeds fixed maximium message size'."
        raise SmtpReply(552, "5.3.4", f"message size exceeds fixed maximum message size {largest}")
    return replace(arguments, size=int(value))


EXTENSION = Extension(announce=_announce, mail_parameters={"SIZE": _take})
