"""Commands on the messages of the selected mailbox; one function each.

RFC 9051 §6.4; RFC 7162 §3.1 (UNCHANGEDSINCE, CHANGEDSINCE, VANISHED), RFC 9394 §3 (PARTIAL), RFC 5256 §3 (SORT, THREAD), RFC 7377 §2 (ESEARCH), RFC 10022 §3.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from postil.imap.client import compose
from postil.imap.client.compose import Argument, Astring, Command, MailboxName
from postil.imap.client.errors import Unsendable
from postil.imap.client.fetched import Fetched
from postil.imap.client.found import Batches, Extended, Found, Sorted, Threads
from postil.imap.client.limits import SMALLEST_BATCH, WIDEST_BATCHES
from postil.imap.client.numbers import Numbers
from postil.imap.client.responses import Expunged, Status, Vanished

SP = b" "
_SET = re.compile(
    r"\$|(?:[1-9][0-9]{0,9}|\*)(?::(?:[1-9][0-9]{0,9}|\*))?(?:,(?:[1-9][0-9]{0,9}|\*)(?::(?:[1-9][0-9]{0,9}|\*))?)*"
)
# Something in a search that may be a set of message sequence numbers.
_MAY_BE_SET = re.compile(r"(?:^|[ (])[0-9*$][0-9:,*]*(?=[ )]|$)")
_MACROS = ("ALL", "FAST", "FULL")

# One message or many: a number, a set as text (`1:5,7`, `*`, `$`), numbers.
Messages: TypeAlias = int | str | Numbers | Iterable[int]
# A search as text, with strings that need quoting beside it.
Criterion: TypeAlias = str | Astring


def number_set(messages: Messages) -> bytes:
    """The set as octets; Unsendable when it is empty or none."""
    match messages:
        case int():
            text = str(messages)
        case str():
            text = messages
        case Numbers():
            text = bytes(messages).decode("ascii")
        case _:
            text = bytes(Numbers.of(messages)).decode("ascii")
    if _SET.fullmatch(text) is None:
        raise Unsendable(f"{text!r:.60} is not a set of numbers")
    return text.encode("ascii")


def expunge(uids: Messages | None = None) -> Command:
    """EXPUNGE, or UID EXPUNGE of these"""
    claims = (Expunged, Vanished)
    if uids is None:
        return Command("EXPUNGE", claims=claims)
    return Command("UID EXPUNGE", (SP, number_set(uids)), claims=claims)


def fetch(
    messages: Messages,
    items: str,
    *,
    uid: bool = True,
    changed_since: int | None = None,
    vanished: bool = False,
    partial: str | None = None,
) -> Command:
    """FETCH or UID FETCH; `items` as the RFC writes them, with or without parentheses."""
    text = items if items.startswith("(") or items.upper() in _MACROS else f"({items})"
    arguments: list[Argument] = [SP, number_set(messages), SP, text.encode("utf-8")]
    claims: tuple[type, ...] = (Fetched,)
    modifiers = []
    if partial is not None:
        modifiers.append(b"PARTIAL " + compose.words([partial]))
    if changed_since is not None:
        modifiers.append(b"CHANGEDSINCE %d" % changed_since)
    if vanished:
        modifiers.append(b"VANISHED")
        claims += (Vanished,)
    if modifiers:
        arguments.append(b" (%b)" % SP.join(modifiers))
    return Command(
        "UID FETCH" if uid else "FETCH",
        tuple(arguments),
        claims=claims,
        by_number=not uid,
        may_expunge=uid,
    )


def store(
    messages: Messages,
    flags: Iterable[str],
    *,
    how: str = "+",
    uid: bool = True,
    silent: bool = False,
    unchanged_since: int | None = None,
) -> Command:
    """STORE or UID STORE; `how` is "+" to add, "-" to remove, "" to replace."""
    if how not in ("+", "-", ""):
        raise Unsendable(f"{how!r} is no way to change flags")
    arguments: list[Argument] = [SP, number_set(messages)]
    if unchanged_since is not None:
        arguments.append(b" (UNCHANGEDSINCE %d)" % unchanged_since)
    item = how + "FLAGS" + (".SILENT" if silent else "")
    arguments.append(b" %b (%b)" % (item.encode("ascii"), compose.words(flags)))
    return Command(
        "UID STORE" if uid else "STORE",
        tuple(arguments),
        claims=(Fetched,),
        by_number=not uid,
        may_expunge=uid,
    )


def copy(messages: Messages, target: str, *, uid: bool = True, move: bool = False) -> Command:
    """COPY, MOVE and their UID forms"""
    name = ("UID " if uid else "") + ("MOVE" if move else "COPY")
    # RFC 6851 §4.3: MOVE tells COPYUID in an untagged OK, before the expunges
    claims = (Status, Expunged, Vanished) if move else ()
    return Command(
        name, (SP, number_set(messages), SP, MailboxName(target)), claims=claims, by_number=not uid
    )


def search(
    *criteria: Criterion,
    uid: bool = True,
    returns: Sequence[str] | None = None,
    charset: str | None = None,
) -> Command:
    """SEARCH or UID SEARCH; `returns` (ESEARCH) as `["MIN", "COUNT"]`, `["PARTIAL 1:500"]`, `["SAVE"]`."""
    out: list[Argument] = []
    if returns is not None:
        out.append(b" RETURN (%b)" % _options(returns))
    if charset is not None:
        out.append(b" CHARSET " + compose.words([charset]))
    return Command(
        "UID SEARCH" if uid else "SEARCH",
        (*out, *_criteria(criteria)),
        claims=(Found, Extended) if returns is None else (Extended,),
        by_number=not uid or _holds_set(criteria),
        may_expunge=uid,
    )


def sort(
    keys: Sequence[str], *criteria: Criterion, uid: bool = True, charset: str = "UTF-8"
) -> Command:
    """SORT or UID SORT"""
    head = b" (%b) %b" % (compose.words(keys), compose.words([charset]))
    return Command(
        "UID SORT" if uid else "SORT",
        (head, *_criteria(criteria)),
        claims=(Sorted,),
        by_number=not uid or _holds_set(criteria),
    )


def thread(
    algorithm: str, *criteria: Criterion, uid: bool = True, charset: str = "UTF-8"
) -> Command:
    """THREAD or UID THREAD"""
    head = b" %b %b" % (compose.words([algorithm]), compose.words([charset]))
    return Command(
        "UID THREAD" if uid else "THREAD",
        (head, *_criteria(criteria)),
        claims=(Threads,),
        by_number=not uid or _holds_set(criteria),
    )


def search_mailboxes(
    *criteria: Criterion, within: str = "personal", returns: Sequence[str] = ()
) -> Command:
    """ESEARCH in other mailboxes; `within` as RFC 7377 §2.2 writes it: `personal`, `subtree "a"` …"""
    out: list[Argument] = [b" IN (%b)" % within.encode("utf-8")]
    if returns:
        out.append(b" RETURN (%b)" % _options(returns))
    return Command("ESEARCH", (*out, *_criteria(criteria)), claims=(Extended,))


def uid_batches(size: int, first: int | None = None, last: int | None = None) -> Command:
    """UIDBATCHES, all or the `first` to the `last`; Unsendable for what no client may ask."""
    # RFC 10022 §3.1.3.1: "Clients MUST request at least 500 messages per batch"
    if not SMALLEST_BATCH <= size < 2**32:
        raise Unsendable(f"a batch has at least {SMALLEST_BATCH} messages, not {size}")
    text = b" %d" % size
    if first is not None or last is not None:
        first = 1 if first is None else first
        last = first if last is None else last
        # RFC 10022 §3.1.5: "Batch ranges such as 1:4 in the above example MUST be ordered lowest to highest"
        if not 1 <= first <= last:
            raise Unsendable(f"{first}:{last} is no range of batches")
        # RFC 10022 §3.1.5: "Clients MUST NOT request batch ranges that span more than 100,000 messages"
        if (last - first + 1) * size > WIDEST_BATCHES:
            raise Unsendable(f"{first}:{last} is more than {WIDEST_BATCHES} messages")
        text += b" %d:%d" % (first, last)
    return Command("UIDBATCHES", (text,), claims=(Batches,))


def _options(returns: Sequence[str]) -> bytes:
    return SP.join(compose.words(one.split(" ")) for one in returns)


def _criteria(criteria: Sequence[Criterion]) -> list[Argument]:
    if not criteria:
        return [b" ALL"]
    out: list[Argument] = []
    for one in criteria:
        if isinstance(one, str) and not one.isascii():
            raise Unsendable(
                "text that is not ASCII goes into an Astring, for its quotes and charset"
            )
        out += [SP, one.encode("ascii") if isinstance(one, str) else one]
    return out


def _holds_set(criteria: Sequence[Criterion]) -> bool:
    return any(isinstance(one, str) and _MAY_BE_SET.search(one) is not None for one in criteria)
