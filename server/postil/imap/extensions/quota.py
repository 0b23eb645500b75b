"""QUOTA: how much an account uses, and how much it may.

RFC 9208; RFC 2087 before it. One quota root, "", for all mailboxes of an account that has limits; STORAGE in units of 1,024 octets, MESSAGE and MAILBOX as
numbers. Limits are set by commands on the machine.
"""

# RFC 9208 §4.1.3, not planned: SETQUOTA is an admin's, who has `postil account` for it; so QUOTASET is not announced

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postil.imap import names
from postil.imap.command import Done, Spec, State
from postil.imap.errors import No
from postil.imap.tokens import Tokens

if TYPE_CHECKING:
    from postil.imap.session import Session

NAME: Final = "QUOTA"
RESOURCES: Final = frozenset(f"QUOTA=RES-{name}" for name in ("STORAGE", "MESSAGE", "MAILBOX"))
_ROOT: Final = b""
_UNIT: Final = 1024


@dataclass(frozen=True, slots=True)
class Quota:
    """GETQUOTA root, GETQUOTAROOT mailbox"""

    argument: bytes


def parse(tokens: Tokens) -> Quota:
    tokens.sp()
    argument = tokens.astring()
    tokens.end()
    return Quota(argument)


async def get(session: Session, command: Quota) -> AsyncIterator[bytes | Done]:
    """One root's usage and limits."""
    if command.argument != _ROOT:
        raise No('There is one quota root, ""', "NONEXISTENT")
    yield _line(await _limits(session))


async def get_root(session: Session, command: Quota) -> AsyncIterator[bytes | Done]:
    """Which root a mailbox has, or would have, and that root."""
    # RFC 9208 §4.1.2: "Note that the mailbox name parameter doesn't have to reference an existing mailbox."
    name = names.read(command.argument, session.utf8)
    limits = await _limits(session)
    if not limits:
        # RFC 9208 §4.2.2: "zero or more quota root names". The root without a limit would come with an empty list; that is right
        # (erratum 8846), but Thunderbird takes it for an error of syntax and ends the connection before it begins to IDLE.
        yield b"* QUOTAROOT %b\r\n" % session.name_of(name)
        return
    yield b'* QUOTAROOT %b ""\r\n' % session.name_of(name)
    # RFC 9208 §4.1.2: "For each listed quota root, it also returns the quota root's resource usage and limits in an untagged QUOTA response."
    yield _line(limits)


async def _limits(session: Session) -> list[str]:
    """Triplets of name, usage and limit."""
    account = session.user
    usage = await session.store.usage(account.id)
    found = []
    # What is begun is used, and what is not whole cannot be used.
    used = -(-usage.octets // _UNIT)
    if account.quota is not None:
        # RFC 9208 §3.1.2: "The usage of a resource MUST be represented as a 63-bit unsigned integer."
        found.append(f"STORAGE {used} {account.quota // _UNIT}")
    elif account.shows_free_space:
        # For clients of RFC 2087, which show nothing without a limit: what the disk leaves is one.
        found.append(f"STORAGE {used} {used + session.store.free_octets() // _UNIT}")
    if account.quota_messages is not None:
        found.append(f"MESSAGE {usage.messages} {account.quota_messages}")
    if account.quota_mailboxes is not None:
        found.append(f"MAILBOX {usage.mailboxes} {account.quota_mailboxes}")
    return found


def _line(limits: list[str]) -> bytes:
    # Erratum 8846: the list may be empty. RFC 9208 §4.2.1: "Thus, an empty list means there are no administrative
    # resource limits in the quota root."
    return b'* QUOTA "" (%b)\r\n' % " ".join(limits).encode("ascii")


COMMANDS = (
    Spec("GETQUOTA", State.LOGGED_IN, parse, get, capability=NAME),
    Spec("GETQUOTAROOT", State.LOGGED_IN, parse, get_root, capability=NAME),
)
