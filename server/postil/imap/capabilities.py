"""The one list of capabilities, and what of it is announced to whom.

RFC 9051 §6.1.1, §7.2.2; RFC 3501 §7.2.1; RFC 7888 §5. A capability stands here only when it is whole. What a client sees depends
on the state, on TLS and on what its account has switched off, never on ENABLE.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postil.imap.extensions import appendlimit

if TYPE_CHECKING:
    from postil.imap.session import Session


class When(enum.Enum):
    """In which circumstances a capability is shown."""

    ALWAYS = enum.auto()
    BEFORE_TLS = enum.auto()  # and before login
    PASSWORDS_ALLOWED = enum.auto()  # before login, where a password may be sent
    CHANNEL_BOUND = enum.auto()  # the same, where the connection has something to bind to
    CLIENT_KEY = enum.auto()  # before login, where the client has proved to have a TLS key
    CRAM = enum.auto()  # as PASSWORDS_ALLOWED, where the configuration wants it
    PASSWORDS_REFUSED = enum.auto()  # before login, where it may not
    LOGGED_IN = enum.auto()


@dataclass(frozen=True, slots=True)
class Capability:
    """One name of the list."""

    name: str
    source: str  # the RFC
    when: When = When.ALWAYS
    enable: bool = False  # ENABLE turns it on (RFC 9051 §6.3.1)
    value: Callable[[Session], str] | None = None  # shown behind `=`


CAPABILITIES: Final = (
    # RFC 3501 §7.2.1: servers that offer RFC 1730 list 'IMAP4' first; we offer none, so the
    # revisions come first, as people expect.
    Capability("IMAP4rev1", "3501"),
    Capability("IMAP4rev2", "9051", enable=True),
    Capability("STARTTLS", "9051", When.BEFORE_TLS),
    Capability("LOGINDISABLED", "9051", When.PASSWORDS_REFUSED),
    # The best first: some clients take the first they know.
    Capability("AUTH=EXTERNAL", "4422", When.CLIENT_KEY),
    Capability("AUTH=SCRAM-SHA-256-PLUS", "7677", When.CHANNEL_BOUND),
    Capability("AUTH=SCRAM-SHA-256", "7677", When.PASSWORDS_ALLOWED),
    Capability("AUTH=SCRAM-SHA-1-PLUS", "5802", When.CHANNEL_BOUND),
    Capability("AUTH=SCRAM-SHA-1", "5802", When.PASSWORDS_ALLOWED),
    Capability("AUTH=PLAIN", "4616", When.PASSWORDS_ALLOWED),
    Capability("AUTH=CRAM-MD5", "2195", When.CRAM),
    Capability("SASL-IR", "4959"),
    # RFC 7888 §5: "IMAP servers MUST NOT advertise both of these capabilities at the same time." LITERAL+
    # saves more round trips, and nothing here holds a literal in memory
    Capability("LITERAL+", "7888"),
    Capability("ENABLE", "5161"),
    Capability("ID", "2971"),
    Capability("IDLE", "2177", When.LOGGED_IN),
    Capability("NAMESPACE", "2342", When.LOGGED_IN),
    Capability("CHILDREN", "3348", When.LOGGED_IN),
    Capability("UNSELECT", "3691", When.LOGGED_IN),
    Capability("UIDPLUS", "4315", When.LOGGED_IN),
    Capability("LIST-EXTENDED", "5258", When.LOGGED_IN),
    Capability("LIST-STATUS", "5819", When.LOGGED_IN),
    Capability("SPECIAL-USE", "6154", When.LOGGED_IN),
    Capability("MOVE", "6851", When.LOGGED_IN),
    Capability("STATUS=SIZE", "8438", When.LOGGED_IN),
    Capability("ESEARCH", "4731", When.LOGGED_IN),
    Capability("SEARCHRES", "5182", When.LOGGED_IN),
    Capability("PARTIAL", "9394", When.LOGGED_IN),
    Capability("BINARY", "3516", When.LOGGED_IN),
    Capability("CONDSTORE", "7162", When.LOGGED_IN, enable=True),
    Capability("QRESYNC", "7162", When.LOGGED_IN, enable=True),
    Capability("INPROGRESS", "9585", When.LOGGED_IN),
    Capability("UIDONLY", "9586", When.LOGGED_IN, enable=True),
    Capability("UIDBATCHES", "10022", When.LOGGED_IN),
    Capability("QUOTA", "9208", When.LOGGED_IN),
    # RFC 9208 §5.1: "Support for this resource MUST be indicated by the server by advertising the "QUOTA=RES-STORAGE" capability."
    Capability("QUOTA=RES-STORAGE", "9208", When.LOGGED_IN),
    Capability("QUOTA=RES-MESSAGE", "9208", When.LOGGED_IN),
    Capability("QUOTA=RES-MAILBOX", "9208", When.LOGGED_IN),
    Capability("UTF8=ACCEPT", "9755", When.LOGGED_IN, enable=True),
    Capability("MULTISEARCH", "7377", When.LOGGED_IN),
    Capability("NOTIFY", "5465", When.LOGGED_IN),
    Capability("METADATA", "5464", When.LOGGED_IN, enable=True),
    Capability("LIST-METADATA", "9590", When.LOGGED_IN),
    Capability("OBJECTID", "8474", When.LOGGED_IN),
    Capability("PREVIEW", "8970", When.LOGGED_IN),
    Capability("SAVEDATE", "8514", When.LOGGED_IN),
    Capability("WITHIN", "5032", When.LOGGED_IN),
    Capability("CREATE-SPECIAL-USE", "6154", When.LOGGED_IN),
    # RFC 7889 §2: "This indicates that the IMAP server has the same upload limit for all mailboxes."
    Capability("APPENDLIMIT", "7889", When.LOGGED_IN, value=appendlimit.limit),
    Capability("MULTIAPPEND", "3502", When.LOGGED_IN),
    Capability("REPLACE", "8508", When.LOGGED_IN),
    Capability("COMPRESS=DEFLATE", "4978", When.LOGGED_IN),
    Capability("UNAUTHENTICATE", "8437", When.LOGGED_IN),
)

ENABLEABLE: Final = {item.name.upper(): item.name for item in CAPABILITIES if item.enable}


_VALUED: Final = tuple((item.name, item.value) for item in CAPABILITIES if item.value is not None)


def visible(session: Session) -> tuple[str, ...]:
    """The names this client sees now."""
    circumstances = frozenset(when for when in When if _applies(when, session))
    values = tuple((name, value(session)) for name, value in _VALUED)
    return _names(circumstances, session.switched_off, values)


@functools.lru_cache(maxsize=256)  # every client is told twice, and most are told the same
def _names(
    circumstances: frozenset[When], off: frozenset[str], values: tuple[tuple[str, str], ...]
) -> tuple[str, ...]:
    shown = dict(values)
    return tuple(
        f"{item.name}={shown[item.name]}" if item.value is not None else item.name
        for item in CAPABILITIES
        if item.when in circumstances and item.name.upper() not in off
    )


def line(session: Session) -> str:
    """`CAPABILITY` and the names, as the response and the response code share it."""
    return "CAPABILITY " + " ".join(visible(session))


def passwords_allowed(session: Session) -> bool:
    """May a password travel on this connection?"""
    # RFC 9051 §6.2.3: "a server implementation MUST implement a configuration in which it advertises the
    # LOGINDISABLED capability and does NOT permit the LOGIN command." It is the default
    return session.stream.peer.tls is not None or session.settings.plaintext_login


def _applies(when: When, session: Session) -> bool:
    logged_in = session.account is not None
    match when:
        case When.ALWAYS:
            return True
        case When.LOGGED_IN:
            return logged_in
        case When.BEFORE_TLS:
            # RFC 9051 §6.2.1: "The server MAY advertise different capabilities and, in particular, SHOULD NOT
            # advertise the STARTTLS capability, after a successful STARTTLS command."
            return not logged_in and session.stream.can_start_tls
        case When.PASSWORDS_ALLOWED:
            return not logged_in and passwords_allowed(session)
        case When.CHANNEL_BOUND:
            bound = bool(session.stream.channel.types)
            return not logged_in and bound and passwords_allowed(session)
        case When.CLIENT_KEY:
            return not logged_in and session.stream.peer.client_key is not None
        case When.CRAM:
            return not logged_in and session.login_policy.cram_md5 and passwords_allowed(session)
        case When.PASSWORDS_REFUSED:
            return not logged_in and not passwords_allowed(session)
