"""What an extension is: a word in EHLO, perhaps a verb, perhaps parameters of MAIL.

RFC 5321 §2.2. Each file of `extensions/` makes one `Extension`; `registry` lists them in the order of the EHLO reply.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from postil.smtp.conversation import Conversation
from postil.smtp.replies import Reply


@dataclass(frozen=True, slots=True)
class MailArguments:
    """What the parameters of MAIL said."""

    size: int | None = None
    eight_bit: bool = False
    smtputf8: bool = False


Announce = Callable[[Conversation], str | None]
MailParameter = Callable[[Conversation, str | None, MailArguments], MailArguments]
# None: the handler has sent its reply itself, because it had to go out before something else (STARTTLS).
Handle = Callable[[Conversation, str], Awaitable[Reply | None]]


@dataclass(frozen=True, slots=True)
class Verb:
    """A command: its handler gets the argument without the blanks around it."""

    name: str
    handle: Handle
    help: str
    # RFC 2920 §3.2: only replies to RSET, MAIL and RCPT may wait for those of the next command.
    grouped: bool = False
    # RFC 6531 §3.2: a place where a mailbox stands may hold UTF-8; anywhere else octets above 127 are refused.
    mailbox: bool = False


@dataclass(frozen=True, slots=True)
class Extension:
    """An entry of the EHLO reply; `announce` gives its line, or None where it does not apply."""

    announce: Announce
    verbs: tuple[Verb, ...] = ()
    mail_parameters: Mapping[str, MailParameter] = field(default_factory=dict)
