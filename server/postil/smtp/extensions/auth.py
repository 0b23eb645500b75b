"""AUTH: the client logs in; and the parameter AUTH= of MAIL.

RFC 4954 §4 (command), §5 (parameter), §6 (codes). The mechanisms are those of `sasl.login`.

Passwords are neither logged nor kept. Without TLS nothing is announced and a login is refused, unless the settings
allow it (localserve).
"""

from __future__ import annotations

import base64
import re

from postil.ports.accounts import AccountsUnavailable
from postil.ports.logins import Result
from postil.sasl import encoding, plain
from postil.sasl.login import Failed, begins, mechanisms
from postil.smtp import limits
from postil.smtp.conversation import Conversation
from postil.smtp.extension import Extension, MailArguments, Verb
from postil.smtp.paths import BadPath, parse_path
from postil.smtp.replies import Reply, SmtpReply, reply


def _open(conversation: Conversation) -> bool:
    """May passwords be sent over this connection?"""
    return conversation.stream.peer.tls is not None or conversation.settings.plaintext_login


def _announce(conversation: Conversation) -> str | None:
    # RFC 4954 §6: "Modern implementations SHOULD NOT advertise mechanisms that are not permitted due to lack
    # of encryption"
    if conversation.settings.offer_login and _open(conversation):
        return "AUTH " + " ".join(mechanisms(conversation.stream, conversation.login_policy))
    return None


async def _auth(conversation: Conversation, argument: str) -> Reply:
    if not conversation.settings.offer_login:
        raise SmtpReply(502, "5.5.1", "no login on this port: submission is on 587 and 465")
    if conversation.account is not None:
        # RFC 4954 §4: "After a successful AUTH command completes, a server MUST reject any further AUTH commands
        # with a 503 reply."
        raise SmtpReply(503, "5.5.1", "you are logged in already")
    name, _, initial = argument.partition(" ")
    known = mechanisms(conversation.stream, conversation.login_policy)
    if not name:
        raise SmtpReply(501, "5.5.4", f"AUTH names a mechanism: {' '.join(known)}")
    mechanism = name.upper()
    if mechanism not in known:
        # RFC 4954 §4: "the server rejects the AUTH command with a 504 reply"
        raise SmtpReply(504, "5.5.4", f"mechanisms: {' '.join(known)}")
    if not _open(conversation):
        raise SmtpReply(538, "5.7.11", "passwords only over TLS: send STARTTLS first")
    initial = initial.strip()
    if initial and not begins(mechanism):
        # RFC 4954 §4: "If the client uses an initial-response argument to the AUTH command with a SASL mechanism in which the client does not
        # begin the authentication exchange, the server MUST reject the AUTH command with a 501 reply."
        raise SmtpReply(501, "5.7.0", f"{mechanism} begins with the server's challenge")
    try:
        account = await conversation.logins.exchange(
            mechanism,
            _decode_initial(initial) if initial else None,
            lambda challenge: _ask(conversation, challenge),
        )
    except AccountsUnavailable as error:
        raise SmtpReply(454, "4.7.0", "Temporary authentication failure") from error
    except Failed as failed:
        raise await _refusal(conversation, failed, mechanism) from None
    conversation.log_in(account)
    conversation.event("login", account=account.name, mechanism=mechanism)
    return reply(235, "2.7.0", "Authentication succeeded")


async def _refusal(conversation: Conversation, failed: Failed, mechanism: str) -> SmtpReply:
    """Count, wait, and give the answer."""
    limits_ = conversation.settings.limits
    if failed.result is Result.MALFORMED:
        await conversation.settings.sleep(failed.wait)
        return SmtpReply(501, "5.5.2", failed.text)
    conversation.event("login-failed", login=failed.login, mechanism=mechanism)
    if failed.result is Result.BINDING:
        conversation.event("interception", login=failed.login, reason=failed.text)
    conversation.failed_logins += 1
    await conversation.settings.sleep(max(limits_.failed_login_wait, failed.wait))
    if conversation.failed_logins >= limits_.failed_logins:
        return SmtpReply(421, "4.7.0", "too many failed logins")
    match failed.result:
        case Result.LIMITED:
            return SmtpReply(454, "4.7.0", failed.text)
        case Result.BINDING:
            return SmtpReply(535, "5.7.8", failed.text)
        case Result.DISABLED:
            # RFC 5248 §2.4: "This error code occurs after a successful authentication to a disabled account."
            return SmtpReply(525, "5.7.13", failed.text)
    return SmtpReply(535, "5.7.8", "Authentication credentials invalid")


async def _ask(conversation: Conversation, challenge: bytes) -> bytes:
    """Send a challenge, give the decoded response."""
    # RFC 4954 §4: "a server challenge that contains no data is defined as a 334 reply with no text part"
    conversation.send(reply(334, "", base64.b64encode(challenge).decode("ascii")))
    conversation.flush()
    line = await conversation.line(limits.AUTH_LINE)
    if line.too_long:
        # RFC 4954 §4: "If, during an authentication exchange, the server receives a line that is longer than the
        # server's authentication buffer, the server fails the AUTH command with the 500 reply."
        raise SmtpReply(500, "5.5.6", "Authentication exchange line is too long")
    if line.octets == b"*":
        # RFC 4954 §4: "If the server receives such a response, it MUST reject the AUTH command by sending a 501 reply."
        raise SmtpReply(501, "5.7.0", "login cancelled")
    return _decode(line.octets.decode("latin-1"))


def _decode_initial(text: str) -> bytes:
    # RFC 4954 §4: "If the client is transmitting an initial response of zero length, it MUST instead transmit the response as a
    # single equals sign ("=")." Of the initial response only
    return b"" if text == "=" else _decode(text)


def _decode(text: str) -> bytes:
    try:
        return encoding.decode(text.encode("latin-1"))
    except (plain.Malformed, UnicodeEncodeError):
        # RFC 4954 §4: "If the server cannot [BASE64] decode any client response, it MUST reject the AUTH command with a 501
        # reply (and an enhanced status code of 5.5.2)."
        raise SmtpReply(501, "5.5.2", "that is not base64") from None


_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")
_HEX = re.compile(r"\+([0-9A-F]{2})")


def _parameter(
    conversation: Conversation, value: str | None, arguments: MailArguments
) -> MailArguments:
    """AUTH=: who first submitted the message.

    RFC 4954 §5: nobody is trusted to assert it, so the server does "nothing more than parse and discard syntactically
    valid AUTH parameters".
    """
    if value is None or _XTEXT.fullmatch(value) is None:
        raise SmtpReply(501, "5.5.4", "AUTH= takes a mailbox as xtext, or <>")
    octets = _HEX.sub(lambda pair: chr(int(pair[1], 16)), value).encode("latin-1")
    try:
        mailbox = octets.decode("utf-8")
        if mailbox != "<>" and parse_path(f"<{mailbox}>").rest:
            raise BadPath("not a mailbox")
    except (UnicodeDecodeError, BadPath):
        raise SmtpReply(501, "5.5.4", "AUTH= takes a mailbox as xtext, or <>") from None
    return arguments


EXTENSION = Extension(
    announce=_announce,
    verbs=(Verb("AUTH", _auth, "AUTH mechanism: log in"),),
    # RFC 4954 §5: "servers that advertise support for this extension MUST support the AUTH parameter to the MAIL FROM
    # command even when the client has not authenticated itself to the server."
    mail_parameters={"AUTH": _parameter},
)
