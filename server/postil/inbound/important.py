"""Does a message that arrives matter to the one it is for? If so it is stored with `$Important`.

RFC 8457 §2, §4. `judge` is pure: facts in, verdict and reason out. The facts come from the message's header and from the store (`Store.acquaintance`):
whom the account writes to, which threads it is in, and on whose mail it set or cleared the keyword. `website/content/important.md` tells people.

The rules are a list; the first whose condition holds decides, and when none does the message is not important. A rule that says
"important" rests on something the recipient did; nothing that a stranger can write into a message is enough. What From says is not proved by anything here.
TODO(RFC 9989 §5.3.7): a message whose From fails DMARC is judged like any other, so a forger who knows whom one writes to gets the mark.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Final

from postil.accounts import names
from postil.inbound.limits import ADDRESSES_READ
from postil.message.addresses import Address, address_steps, mailboxes
from postil.message.fields import unfold
from postil.ports.store import Acquaintance

# Programs write these and people do not: mailing lists (RFC 2919 §3, RFC 2369 §3) and newsletters.
_LISTS: Final = re.compile(rb"(?mi)^List-(?:Id|Post|Unsubscribe)[ \t]*:")
_BULK: Final = re.compile(rb"(?mi)^Precedence[ \t]*:[ \t]*(?:bulk|list|junk)\b")
# RFC 3834 §5: every value but "no" says that no person sent it.
_AUTOMATIC: Final = re.compile(rb"(?mi)^Auto-Submitted[ \t]*+:[ \t]*+(?!no\b)")
# The first of each: that of From is the one the store takes the author from. A second one is against RFC 5322 §3.6.
_FROM, _TO, _CC = (
    re.compile(rb"(?mi)^%b[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+)" % name)
    for name in (b"From", b"To", b"Cc")
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a message and of the one it is for."""

    acquaintance: Acquaintance = Acquaintance()
    mailing: bool = False  # from a list, a newsletter
    automatic: bool = False  # a notification, an answer by a program
    own: bool = False  # From is the recipient's own address
    in_to: bool = False  # the recipient's address stands in To
    in_cc: bool = False


class Reason(enum.Enum):
    """Why; the text completes "important (or not), because"."""

    CLEARED = "the mark was cleared on mail from there"
    MARKED = "the mark was set on mail from there"
    OWN = "it says it is from the recipient"
    AUTOMATIC = "a program sent it"
    MAILING = "a mailing list or newsletter sent it"
    THREAD = "the recipient wrote in this thread"
    CORRESPONDENT = "the recipient writes to the author, and is addressed"
    STRANGER = "nothing speaks for it"


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict."""

    important: bool
    reason: Reason


_Holds = Callable[[Facts], bool]
RULES: Final[tuple[tuple[_Holds, bool, Reason], ...]] = (
    (lambda facts: facts.own, False, Reason.OWN),
    (lambda facts: facts.acquaintance.marked < 0, False, Reason.CLEARED),
    (lambda facts: facts.acquaintance.marked > 0, True, Reason.MARKED),
    (lambda facts: facts.automatic, False, Reason.AUTOMATIC),
    (lambda facts: facts.mailing, False, Reason.MAILING),
    (
        lambda facts: facts.acquaintance.in_thread and (facts.in_to or facts.in_cc),
        True,
        Reason.THREAD,
    ),
    (lambda facts: facts.acquaintance.written_to and facts.in_to, True, Reason.CORRESPONDENT),
)


def judge(facts: Facts) -> Judgement:
    """The first rule that applies decides."""
    for holds, important, reason in RULES:
        if holds(facts):
            return Judgement(important, reason)
    return Judgement(False, Reason.STRANGER)


def facts_of(
    header: bytes, *, bounce: bool, own_addresses: frozenset[str], acquaintance: Acquaintance
) -> Facts:
    """Facts from a header; `own_addresses`: see `comparable`; `bounce`: the null reverse path."""
    return Facts(
        acquaintance,
        mailing=bool(_LISTS.search(header) or _BULK.search(header)),
        automatic=bounce or bool(_AUTOMATIC.search(header)),
        own=_names(header, _FROM, own_addresses),
        in_to=_names(header, _TO, own_addresses),
        in_cc=_names(header, _CC, own_addresses),
    )


def comparable(address: str) -> str:
    """An address as the directory compares it; empty when it is none."""
    try:
        local, domain = names.split_address(address)
    except names.BadAddress:
        return ""
    return f"{names.key(local)}@{domain}"


def _names(header: bytes, field: re.Pattern[bytes], addresses: frozenset[str]) -> bool:
    """Does the first field of that kind name one of the addresses among its first?"""
    value = field.search(header)
    if value is None:
        return False
    entries = islice(address_steps(unfold(value[1])), ADDRESSES_READ)
    found = [entry for entry in entries if entry is not None]
    return any(_comparable(address) in addresses for address in mailboxes(found))


def _comparable(address: Address) -> str:
    if address.domain.isascii():  # it needs no IDNA, which takes twenty times as long
        return f"{names.key(address.local.decode('utf-8', 'replace'))}@{address.domain.decode('ascii').lower()}"
    return comparable(address.spec)
