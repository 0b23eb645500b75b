"""Status responses as octets: the one place where a refusal gets its spelling.

RFC 9051 §7.1 (status responses and their codes), RFC 5530 §3 (what the codes mean).
"""

from __future__ import annotations

from typing import Final

from postil.imap.errors import Bye, No, Reply
from postil.ports.accounts import AccountsUnavailable
from postil.ports.store import (
    Corrupt,
    LimitReached,
    MailboxExists,
    NoSuchMailbox,
    NoSuchMessage,
    NotPermitted,
    OverQuota,
    StoreError,
    StoreUnavailable,
)

# RFC 5530 §3: what each refusal of the store is called on the wire
_CODES: Final[dict[type[StoreError], str]] = {
    NoSuchMailbox: "NONEXISTENT",
    NoSuchMessage: "EXPUNGEISSUED",
    MailboxExists: "ALREADYEXISTS",
    NotPermitted: "CANNOT",
    OverQuota: "OVERQUOTA",
    LimitReached: "LIMIT",
    StoreUnavailable: "UNAVAILABLE",
    Corrupt: "CORRUPTION",
}


def refusal(error: Exception) -> Reply:
    """The tagged refusal an exception means; anything unknown is our own fault."""
    match error:
        case Reply():
            return error
        case StoreError():
            return No(str(error) or "refused", _CODES.get(type(error)))
        case AccountsUnavailable():
            return No("Try again later", "UNAVAILABLE")
        case _:
            # RFC 9051 §7.1: "The server encountered a bug in itself or violated one of its own invariants."
            return No("Internal error, it has been logged", "SERVERBUG")


def is_ours(error: Exception) -> bool:
    """Is the exception our own fault, to be logged with its traceback?"""
    return isinstance(error, Corrupt) or not isinstance(
        error, Reply | StoreError | AccountsUnavailable
    )


def status(tag: bytes, condition: bytes, text: str, code: str | None, utf8: bool) -> bytes:
    """A status response, tagged or (tag `*`) not."""
    before = f"[{code}] " if code else ""
    return b"%b %b %b\r\n" % (tag, condition, printable(before + text, utf8))


def refused(tag: bytes, reply: Reply, utf8: bool) -> bytes:
    """The tagged NO or BAD."""
    return status(tag, reply.condition, reply.text, reply.code, utf8)


def bye(farewell: Bye, utf8: bool) -> bytes:
    """The last line of a session."""
    return status(b"*", b"BYE", farewell.text, farewell.code, utf8)


def printable(text: str, utf8: bool) -> bytes:
    """Human readable text that cannot break a line."""
    # RFC 9051 §9: text that is not ASCII only after ENABLE IMAP4rev2
    if text.isprintable() and (
        utf8 or text.isascii()
    ):  # nearly always, and a character at a time is slow
        return text.encode("utf-8") or b"-"
    clean = "".join(c if c.isprintable() and (utf8 or c.isascii()) else "?" for c in text)
    return clean.encode("utf-8") or b"-"
