"""LOGIN: a name and a password in one line, only where nobody can listen.

RFC 9051 §6.2.3, §7.1 (AUTHENTICATIONFAILED, PRIVACYREQUIRED).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from postil.imap import capabilities
from postil.imap.command import Done, Spec, State
from postil.imap.errors import No
from postil.imap.tokens import Tokens
from postil.sasl.login import Failed

if TYPE_CHECKING:
    from postil.imap.session import Session


@dataclass(frozen=True, slots=True)
class Login:
    """LOGIN user password"""

    user: str
    password: str = field(repr=False)


def parse(tokens: Tokens) -> Login:
    tokens.sp()
    user = tokens.text_astring()
    tokens.sp()
    password = tokens.text_astring()
    tokens.end()
    return Login(user, password)


async def handle(session: Session, command: Login) -> AsyncIterator[bytes | Done]:
    """Ask the directory."""
    require_privacy(session)
    try:
        account = await session.logins.password(command.user, command.password, "LOGIN")
    except Failed as failed:
        # RFC 9051 §7.1: "Typically, this includes 'unknown user' and 'bad password'." One text for all of it
        raise await session.log_in_failed(failed) from None
    yield Done("Logged in", await session.log_in(account))


def require_privacy(session: Session) -> None:
    """No passwords on an open line, whether or not they are right."""
    if not capabilities.passwords_allowed(session):
        # RFC 9051 §7.2.2: "the server will respond with a tagged NO response to any attempt to use the LOGIN
        # command even if the user name and password are valid (their validity will not be checked)"
        raise No("Use STARTTLS or the TLS port first", "PRIVACYREQUIRED")


COMMANDS = (Spec("LOGIN", State.NOT_AUTHENTICATED, parse, handle),)
