"""The visible lists: which extensions there are, in the order EHLO shows them, and the verbs they add up to.

RFC 5321 §2.2.2 (registered extensions), §4.1.1.1 (what EHLO answers).
"""

from __future__ import annotations

from postil.smtp.commands.data import DATA
from postil.smtp.commands.hello import HELO, ehlo
from postil.smtp.commands.mail import mail
from postil.smtp.commands.plain import EXPN, NOOP, QUIT, RSET, VRFY
from postil.smtp.commands.rcpt import RCPT
from postil.smtp.extension import Extension, MailParameter, Verb
from postil.smtp.extensions import (
    auth,
    eightbitmime,
    enhancedstatuscodes,
    pipelining,
    size,
    smtputf8,
    starttls,
)
from postil.smtp.extensions.help import help_for

VERBS: dict[str, Verb] = {}

EXTENSIONS: tuple[Extension, ...] = (
    pipelining.EXTENSION,
    size.EXTENSION,
    eightbitmime.EXTENSION,
    smtputf8.EXTENSION,
    enhancedstatuscodes.EXTENSION,
    starttls.EXTENSION,
    auth.EXTENSION,
    help_for(VERBS),
)

MAIL_PARAMETERS: dict[str, MailParameter] = {
    keyword: take for extension in EXTENSIONS for keyword, take in extension.mail_parameters.items()
}

VERBS.update(
    (verb.name, verb)
    for verb in (
        ehlo(EXTENSIONS),
        HELO,
        mail(MAIL_PARAMETERS),
        RCPT,
        DATA,
        RSET,
        NOOP,
        QUIT,
        VRFY,
        EXPN,
        *(verb for extension in EXTENSIONS for verb in extension.verbs),
    )
)
