"""Commands of every state, and those on mailboxes as such; one function each, which gives a `Command`.

RFC 9051 §6.1 to §6.3; RFC 3501 §6.3.9 (LSUB), RFC 5161 §3.1, RFC 2971 §3.1, RFC 4978 §3, RFC 8437 §3, RFC 2177, RFC 7162 §3.1.8, §3.2.5 (SELECT),
RFC 6154 §3 (CREATE), RFC 5258 §3 (LIST), RFC 5819 §2, RFC 9590 §3 (RETURN).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from postil.imap.client import compose
from postil.imap.client.compose import Argument, Astring, Command, MailboxName, Secret, SecretWord
from postil.imap.client.errors import Unsendable
from postil.imap.client.fetched import Fetched
from postil.imap.client.mailboxes import Mailbox, MailboxStatus, Metadata, Namespaces
from postil.imap.client.numbers import Numbers
from postil.imap.client.responses import (
    Capabilities,
    Enabled,
    Exists,
    Flags,
    Identified,
    Recent,
    Status,
    Vanished,
)

SP = b" "

CAPABILITY = Command("CAPABILITY", claims=(Capabilities,))
NOOP = Command("NOOP")
LOGOUT = Command("LOGOUT", alone=True)
STARTTLS = Command("STARTTLS", alone=True)
COMPRESS = Command("COMPRESS", (b" DEFLATE",), alone=True)
UNAUTHENTICATE = Command("UNAUTHENTICATE", alone=True)
IDLE = Command("IDLE", alone=True, dialogue=True)
NAMESPACE = Command("NAMESPACE", claims=(Namespaces,))
CLOSE = Command("CLOSE", alone=True)
UNSELECT = Command("UNSELECT", alone=True)


@dataclass(frozen=True, slots=True)
class Known:
    """What a client remembers of a mailbox, for QRESYNC (RFC 7162 §3.2.5)."""

    uidvalidity: int
    modseq: int
    uids: Numbers = Numbers()
    sequence: tuple[Numbers, Numbers] | None = None  # numbers, and the uids they had


def login(user: str, password: str) -> Command:
    """LOGIN"""
    arguments = (
        SP,
        Astring(user.encode("utf-8"), bare=False),
        SP,
        Secret(password.encode("utf-8")),
    )
    return Command("LOGIN", arguments, alone=True)


def authenticate(mechanism: str, initial: bytes | None) -> Command:
    """AUTHENTICATE; `initial` is base64 already, and only for servers with SASL-IR (RFC 4959)."""
    arguments: tuple[Argument, ...] = (SP, compose.words([mechanism]))
    if initial is not None:
        arguments += (SP, SecretWord(initial))
    return Command("AUTHENTICATE", arguments, alone=True, dialogue=True)


def enable(names: Iterable[str]) -> Command:
    """ENABLE; alone, since it changes how names are written."""
    return Command("ENABLE", (SP, compose.words(names)), claims=(Enabled,), alone=True)


def identify(fields: Mapping[str, str | None] | None) -> Command:
    """ID"""
    if not fields:
        return Command("ID", (b" NIL",), claims=(Identified,))
    out: list[Argument] = [b" ("]
    for number, (name, value) in enumerate(fields.items()):
        out += [SP if number else b"", Astring(name.encode("utf-8"), bare=False), SP]
        out.append(b"NIL" if value is None else Astring(value.encode("utf-8"), bare=False))
    return Command("ID", (*out, b")"), claims=(Identified,))


# What SELECT is answered with; conditions only with a code.
_SELECTING = (Flags, Exists, Recent, Status, Vanished, Fetched, Mailbox)


def select(
    name: str, *, examine: bool = False, condstore: bool = False, known: Known | None = None
) -> Command:
    """SELECT or EXAMINE"""
    arguments: list[Argument] = [SP, MailboxName(name)]
    if known is not None:
        text = b" (QRESYNC (%d %d" % (known.uidvalidity, known.modseq)
        if known.uids:
            text += SP + bytes(known.uids)
        if known.sequence is not None:
            text += b" (%b %b)" % (bytes(known.sequence[0]), bytes(known.sequence[1]))
        arguments.append(text + b"))")
    elif condstore:
        arguments.append(b" (CONDSTORE)")
    word = "EXAMINE" if examine else "SELECT"
    return Command(word, tuple(arguments), claims=_SELECTING, alone=True)


def create(name: str, *, use: Sequence[str] = ()) -> Command:
    """CREATE"""
    special: tuple[Argument, ...] = (b" (USE (%b))" % compose.words(use),) if use else ()
    return Command("CREATE", (SP, MailboxName(name), *special))


def delete(name: str) -> Command:
    """DELETE"""
    return Command("DELETE", (SP, MailboxName(name)))


def rename(old: str, new: str) -> Command:
    """RENAME"""
    return Command("RENAME", (SP, MailboxName(old), SP, MailboxName(new)))


def subscribe(name: str, *, on: bool = True) -> Command:
    """SUBSCRIBE or UNSUBSCRIBE"""
    return Command("SUBSCRIBE" if on else "UNSUBSCRIBE", (SP, MailboxName(name)))


def list_mailboxes(
    patterns: Sequence[str] = ("*",),
    *,
    reference: str = "",
    select: Sequence[str] = (),
    returns: Sequence[str] = (),
    status: Sequence[str] = (),
    metadata: Sequence[str] = (),
) -> Command:
    """LIST; the extended form (LIST-EXTENDED) only when something asks for it."""
    claims: list[type] = [Mailbox]
    out: list[Argument] = []
    if select:
        out.append(b" (%b)" % compose.words(select))
    out += [SP, MailboxName(reference), SP]
    if len(patterns) == 1:
        out.append(MailboxName(patterns[0], pattern=True))
    else:
        out.append(b"(")
        for number, pattern in enumerate(patterns):
            out += [SP if number else b"", MailboxName(pattern, pattern=True)]
        out.append(b")")
    asked: list[list[Argument]] = [[compose.words([one])] for one in returns]
    if status:
        asked.append([b"STATUS (%b)" % compose.words(status)])
        claims.append(MailboxStatus)
    if metadata:
        asked.append([b"METADATA (", *_entries(metadata), b")"])
        claims.append(Metadata)
    if asked:
        out.append(b" RETURN (")
        for number, option in enumerate(asked):
            out += [SP if number else b"", *option]
        out.append(b")")
    return Command("LIST", tuple(out), claims=tuple(claims))


def _entries(names: Sequence[str]) -> list[Argument]:
    out: list[Argument] = []
    for number, name in enumerate(names):
        out += [SP if number else b"", Astring(name.encode("utf-8"))]
    return out


def lsub(pattern: str = "*", *, reference: str = "") -> Command:
    """LSUB (RFC 3501 only)"""
    arguments = (SP, MailboxName(reference), SP, MailboxName(pattern, pattern=True))
    return Command("LSUB", arguments, claims=(Mailbox,))


def status(name: str, items: Sequence[str]) -> Command:
    """STATUS"""
    if not items:
        raise Unsendable("STATUS asks for something")
    arguments = (SP, MailboxName(name), b" (%b)" % compose.words(items))
    return Command("STATUS", arguments, claims=(MailboxStatus,))
