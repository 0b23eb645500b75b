"""HELP: the commands, or a line about one (RFC 5321 §4.1.1.8).

It is announced because RFC 5321 §4.1.1.1 wants a keyword for every command that §4.5.1 does not list as required.
"""

from __future__ import annotations

from collections.abc import Mapping

from postil.smtp.conversation import Conversation
from postil.smtp.extension import Extension, Verb
from postil.smtp.replies import Reply, SmtpReply, reply


def help_for(verbs: Mapping[str, Verb]) -> Extension:
    """The extension, knowing all verbs (its own included, once the mapping is filled)."""

    async def handle(conversation: Conversation, argument: str) -> Reply:
        if not argument:
            # AUTH is no command of a port that never offers it.
            hidden = () if conversation.settings.offer_login else ("AUTH",)
            known = " ".join(verb for verb in verbs if verb not in hidden)
            return reply(214, "2.0.0", f"commands: {known}", "HELP COMMAND says more")
        verb = verbs.get(argument.upper())
        if verb is None:
            raise SmtpReply(504, "5.5.4", "no such command")
        return reply(214, "2.0.0", verb.help)

    return Extension(
        announce=lambda conversation: "HELP",
        verbs=(Verb("HELP", handle, "HELP [command]: this list, or a line about a command"),),
    )
