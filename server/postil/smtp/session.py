"""A session: greeting, then one command after the other until QUIT, silence, or too much nonsense.

RFC 5321 §3.1 (greeting), §3.8 (ending), §4.1.4 (order), §4.2.4 (500 and 502), §4.5.3.2.7 (patience), §7.8 (defence).

One loop: a line, a verb from the registry, the table of states, the handler, one reply. The peer's faults arrive as
`SmtpReply`, ours as any other exception: logged, 451 4.3.0, and the connection goes on. `drain` may be
called from outside at any time; it ends the session with 421 at the next moment no command is under way.
"""

from __future__ import annotations

import re

from postil.base.clock import Clock
from postil.ports.accounts import Accounts
from postil.ports.delivery import Inbound
from postil.ports.stream import Stream, StreamClosed, StreamTimeout
from postil.smtp import limits
from postil.smtp.conversation import Conversation, Draining, Goodbye, PeerGone
from postil.smtp.extension import Verb
from postil.smtp.registry import VERBS
from postil.smtp.replies import Reply, SmtpReply, reply
from postil.smtp.settings import Settings
from postil.smtp.states import ALLOWED, out_of_order
from postil.smtp.wire import Line

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# Browsers can be made to post text to any port; what they post must not be read as commands.
_HTTP = re.compile(rb"(?:GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH) \S|.* HTTP/\d")


class Session:
    """One connection; `run` returns when it is over."""

    def __init__(
        self,
        stream: Stream,
        inbound: Inbound,
        accounts: Accounts,
        clock: Clock,
        settings: Settings,
    ) -> None:
        self._conversation = Conversation(stream, inbound, accounts, clock, settings)
        self._first = True

    def drain(self) -> None:
        """The server stops: finish what is under way, then say 421."""
        self._conversation.draining = True
        self._conversation.stream.wake()

    async def run(self) -> None:
        """Talk until one side ends it; never raises for what the peer does."""
        conversation = self._conversation
        host = conversation.settings.host
        why = "closed"
        try:
            # RFC 5321 §4.3.1: "all the greeting-type replies have the official name (the fully-qualified primary
            # domain name) of the server host as the first word following the reply code"
            conversation.send(reply(220, "", f"{host} ESMTP Postil"))
            while True:
                await self._step()
        except Goodbye:
            why = "goodbye"
        except Draining:
            why = "draining"
            # RFC 5321 §3.8: "An SMTP server that is forcibly shut down via external means SHOULD attempt to send a line
            # containing a 421 response code to the SMTP client before exiting."
            conversation.send(reply(421, "4.3.2", f"{host} is shutting down, try again later"))
        except StreamTimeout:
            why = "timeout"
            conversation.send(reply(421, "4.4.2", f"{host} has waited long enough"))
        except (PeerGone, StreamClosed):
            why = "peer gone"
        finally:
            conversation.log_out()
            await conversation.reset()
            conversation.event("close", why=why)
        try:
            conversation.flush()
            await conversation.stream.close()
        except (StreamClosed, StreamTimeout):
            conversation.stream.abort()

    async def _step(self) -> None:
        conversation = self._conversation
        line = await self._line()
        verb: Verb | None = None
        answer: Reply | None
        try:
            verb, argument = self._command(line)
            answer = await verb.handle(conversation, argument)
        except SmtpReply as refusal:
            answer = refusal.reply
            self._count(refusal.reply)
        except (Goodbye, PeerGone, StreamClosed, StreamTimeout):
            raise
        except Exception as error:  # noqa: BLE001 - architecture §2: our fault is logged and told, the connection kept
            conversation.settings.failure(error)
            await conversation.reset()
            answer = reply(451, "4.3.0", "a fault of this server; it was logged")
        if conversation.errors >= conversation.settings.limits.errors:
            # In place of the reply, not behind it: RFC 5321 §4.2: "Every command MUST generate exactly one reply."
            answer = reply(421, "4.7.0", "too many errors")
        if answer is not None:
            conversation.send(answer)
            if answer.closes:
                raise Goodbye
        if conversation.logins.spent and conversation.account is None:
            # RFC 9266 §4.1: whoever sits between could spend one use of the binding and relay another
            conversation.send(
                reply(421, "4.7.0", "the login bound to this connection failed: use a new one")
            )
            raise Goodbye
        # RFC 2920 §3.2: "MUST NOT buffer responses to EHLO, DATA, VRFY, EXPN, TURN, QUIT, and NOOP", nor to
        # unrecognized commands.
        if verb is None or not verb.grouped or conversation.holding > limits.REPLIES_HELD:
            conversation.flush()

    async def _line(self) -> Line:
        conversation = self._conversation
        line = await conversation.line(limits.COMMAND_LINE, interruptible=True)
        if self._first:
            self._first = False
            if _HTTP.match(line.octets):
                conversation.send(reply(502, "5.7.0", "this is a mail server and speaks SMTP"))
                raise Goodbye
        return line

    def _command(self, line: Line) -> tuple[Verb, str]:
        """The verb and its argument; SmtpReply when the line is no command, or none that may come here."""
        conversation = self._conversation
        if line.too_long:
            raise SmtpReply(500, "5.5.2", "Line too long.")
        try:
            text = line.octets.decode("utf-8")
        except UnicodeDecodeError:
            raise SmtpReply(500, "5.5.2", "syntax error - invalid character") from None
        if _CONTROL.search(text):
            raise SmtpReply(
                500, "5.5.2", "control character in the command: lines end in CRLF only"
            )
        # RFC 5321 §4.1.1: "SMTP receivers SHOULD tolerate trailing white space before the terminating <CRLF>."
        name, _, argument = text.rstrip(" \t").partition(" ")
        verb = VERBS.get(name.upper())
        if verb is None:
            # RFC 5321 §4.2.4: "If the command is not recognized, code 500 SHOULD be returned."
            raise SmtpReply(500, "5.5.1", "command not recognized")
        if not verb.mailbox and not text.isascii():
            # RFC 5321 §2.4: "Receiving systems SHOULD reject such commands, normally using '500 syntax error -
            # invalid character' replies."
            raise SmtpReply(500, "5.5.2", "syntax error - invalid character")
        if conversation.state not in ALLOWED[verb.name] and not _answers_itself(verb, conversation):
            # RFC 5321 §4.1.4: "If the commands in a transaction are out of order to the degree that they cannot be
            # processed by the server, a 503 failure reply MUST be returned and the SMTP server MUST stay in the same state."
            # RFC 4954 §4: "An AUTH command issued during a mail transaction MUST be rejected with a 503 reply."
            raise SmtpReply(503, "5.5.1", out_of_order(verb.name, conversation.state))
        return verb, argument.strip(" \t")

    def _count(self, answer: Reply) -> None:
        """Nonsense is counted; a refusal of something well-formed is not."""
        if answer.code in (500, 501, 502, 503, 504, 535, 538, 555):
            self._conversation.errors += 1


def _answers_itself(verb: Verb, conversation: Conversation) -> bool:
    """AUTH has better reasons to refuse than the order of commands: not offered here, or logged in already."""
    return verb.name == "AUTH" and (
        not conversation.settings.offer_login or conversation.account is not None
    )
