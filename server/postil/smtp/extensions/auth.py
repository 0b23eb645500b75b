"""AUTH: the client logs in with PLAIN or LOGIN; and the parameter AUTH= of MAIL.

RFC 4954 §4 (command), §5 (parameter), §6 (codes); RFC 4616 through `sasl.plain`. LOGIN has no RFC: two prompts, two
base64 answers, and old Outlooks that know nothing else.

Passwords are neither logged nor kept. Without TLS nothing is announced and a login is refused, unless the settings
allow it (localserve).
"""

from __future__ import annotations

import base64
import re

from postil.ports.accounts import Account, AccountsUnavailable
from postil.sasl import encoding, plain
from postil.smtp import limits
from postil.smtp.conversation import Conversation
from postil.smtp.extension import Extension, MailArguments, Verb
from postil.smtp.paths import BadPath, parse_path
from postil.smtp.replies import Reply, SmtpReply, reply

_MECHANISMS = ("PLAIN", "LOGIN")


def _open(conversation: Conversation) -> bool:
    """May passwords be sent over this connection?"""
    return conversation.stream.peer.tls is not None or conversation.settings.plaintext_login


def _announce(conversation: Conversation) -> str | None:
    # RFC 4954 §6: "Modern implementations SHOULD NOT advertise mechanisms that are not permitted due to lack
    # of encryption"
    if conversation.settings.offer_login and _open(conversation):
        return "AUTH " + " ".join(_MECHANISMS)
    return None


async def _auth(conversation: Conversation, argument: str) -> Reply:
    if not conversation.settings.offer_login:
        raise SmtpReply(502, "5.5.1", "no login on this port: submission is on 587 and 465")
    if conversation.account is not None:
        # RFC 4954 §4: "After a successful AUTH command completes, a server MUST reject any further AUTH commands
        # with a 503 reply."
        raise SmtpReply(503, "5.5.1", "you are logged in already")
    name, _, initial = argument.partition(" ")
    if not name:
        raise SmtpReply(501, "5.5.4", "AUTH names a mechanism: PLAIN or LOGIN")
    mechanism = name.upper()
    if mechanism not in _MECHANISMS:
        # RFC 4954 §4: "the server rejects the AUTH command with a 504 reply"
        raise SmtpReply(504, "5.5.4", f"mechanisms: {' '.join(_MECHANISMS)}")
    if not _open(conversation):
        raise SmtpReply(538, "5.7.11", "passwords only over TLS: send STARTTLS first")
    initial = initial.strip()
    if mechanism == "PLAIN":
        claim = await _plain(conversation, initial)
    else:
        claim = await _login(conversation, initial)
    return await _decide(conversation, claim, mechanism)


async def _plain(conversation: Conversation, initial: str) -> plain.Credentials:
    message = _decode(initial) if initial else await _ask(conversation, b"")
    try:
        return plain.parse(message)
    except plain.Malformed as error:
        raise SmtpReply(501, "5.5.2", f"AUTH PLAIN: {error}") from error


async def _login(conversation: Conversation, initial: str) -> plain.Credentials:
    # An initial response is against the draft of LOGIN, where the server begins; smtplib and others send it.
    login = _decode(initial) if initial else await _ask(conversation, b"Username:")
    password = await _ask(conversation, b"Password:")
    try:
        claim = plain.Credentials("", login.decode(), password.decode())
    except UnicodeDecodeError:
        raise SmtpReply(501, "5.5.2", "AUTH LOGIN: not UTF-8") from None
    if not claim.login or not claim.password:
        raise SmtpReply(501, "5.5.2", "AUTH LOGIN: name and password must not be empty")
    if max(len(login), len(password)) > plain.LONGEST:
        raise SmtpReply(500, "5.5.6", "Authentication exchange line is too long")
    return claim


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


def _decode(text: str) -> bytes:
    if text == "=":
        return b""  # RFC 4954 §4: present, but without data
    try:
        return encoding.decode(text.encode("latin-1"))
    except (plain.Malformed, UnicodeEncodeError):
        # RFC 4954 §4: "If the server cannot [BASE64] decode any client response, it MUST reject the AUTH command with a 501
        # reply (and an enhanced status code of 5.5.2)."
        raise SmtpReply(501, "5.5.2", "that is not base64") from None


async def _decide(conversation: Conversation, claim: plain.Credentials, mechanism: str) -> Reply:
    peer = conversation.stream.peer
    try:
        account: Account | None = await conversation.accounts.authenticate(
            claim.login, claim.password, protocol="smtp", peer=peer.ip
        )
        if account is not None and claim.authorize:
            account = await conversation.accounts.authorize(account, claim.authorize)
    except AccountsUnavailable as error:
        raise SmtpReply(454, "4.7.0", "Temporary authentication failure") from error
    if account is None:
        conversation.event("login-failed", login=claim.login, mechanism=mechanism)
        conversation.failed_logins += 1
        await conversation.settings.sleep(conversation.settings.limits.failed_login_wait)
        if conversation.failed_logins >= conversation.settings.limits.failed_logins:
            raise SmtpReply(421, "4.7.0", "too many failed logins")
        raise SmtpReply(535, "5.7.8", "Authentication credentials invalid")
    conversation.account = account
    conversation.event("login", account=account.name, mechanism=mechanism)
    return reply(235, "2.7.0", "Authentication succeeded")


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
    verbs=(Verb("AUTH", _auth, "AUTH mechanism: log in with PLAIN or LOGIN"),),
    # RFC 4954 §5: "servers that advertise support for this extension MUST support the AUTH parameter to the MAIL FROM
    # command even when the client has not authenticated itself to the server."
    mail_parameters={"AUTH": _parameter},
)
