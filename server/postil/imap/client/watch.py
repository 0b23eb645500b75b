"""Commands about what is around mail: NOTIFY, METADATA, QUOTA; one function each.

RFC 5465 §3, §8; RFC 5464 §4.2, §4.3; RFC 9208 §4.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from postil.imap.client import compose
from postil.imap.client.compose import Argument, Astring, Command, MailboxName
from postil.imap.client.errors import Unsendable
from postil.imap.client.mailboxes import MailboxStatus, Metadata, Quota, QuotaRoots

SP = b" "


@dataclass(frozen=True, slots=True)
class Group:
    """One event group of NOTIFY: which mailboxes (`selected`, `personal`, `subtree` with names …), and what of them."""

    filter: str
    events: tuple[str, ...] = ()  # empty: NONE
    names: tuple[str, ...] = ()
    items: str = ""  # FETCH items behind MessageNew, for `selected`


def notify(groups: Sequence[Group], *, status: bool = False) -> Command:
    """NOTIFY SET, or NOTIFY NONE without groups"""
    if not groups:
        return Command("NOTIFY", (b" NONE",))
    out: list[Argument] = [b" SET STATUS" if status else b" SET"]
    for group in groups:
        out += [b" (", compose.words([group.filter])]
        if group.names:
            out.append(b" (" if len(group.names) > 1 else SP)
            for number, name in enumerate(group.names):
                out += [SP if number else b"", MailboxName(name)]
            out.append(b")" if len(group.names) > 1 else b"")
        events = compose.words(group.events)
        if group.items:
            if group.events[:1] != ("MessageNew",):
                raise Unsendable("items stand behind MessageNew, which comes first")
            first, _, rest = events.partition(SP)
            events = b"%b (%b)%b" % (first, group.items.encode("ascii"), rest and SP + rest)
        out.append(b" (%b))" % events if events else b" NONE)")
    return Command("NOTIFY", tuple(out), claims=(MailboxStatus,) if status else ())


def get_metadata(
    name: str, entries: Sequence[str], *, depth: str | None = None, max_size: int | None = None
) -> Command:
    """GETMETADATA; the name "" is the server. `depth`: 0, 1 or infinity."""
    out: list[Argument] = []
    options = []
    if max_size is not None:
        options.append(b"MAXSIZE %d" % max_size)
    if depth is not None:
        options.append(b"DEPTH " + compose.words([depth]))
    if options:
        out.append(b" (%b)" % SP.join(options))
    out += [SP, MailboxName(name), b" ("]
    for number, entry in enumerate(entries):
        out += [SP if number else b"", Astring(entry.encode("utf-8"))]
    return Command("GETMETADATA", (*out, b")"), claims=(Metadata,))


def set_metadata(name: str, entries: Mapping[str, bytes | None]) -> Command:
    """SETMETADATA; None removes an entry"""
    out: list[Argument] = [SP, MailboxName(name), b" ("]
    for number, (entry, value) in enumerate(entries.items()):
        out += [SP if number else b"", Astring(entry.encode("utf-8")), SP]
        out.append(b"NIL" if value is None else Astring(value, bare=False))
    return Command("SETMETADATA", (*out, b")"))


def get_quota(root: str) -> Command:
    """GETQUOTA"""
    return Command("GETQUOTA", (SP, Astring(root.encode("utf-8"))), claims=(Quota,))


def get_quota_root(name: str) -> Command:
    """GETQUOTAROOT"""
    return Command("GETQUOTAROOT", (SP, MailboxName(name)), claims=(Quota, QuotaRoots))


def set_quota(root: str, limits: Mapping[str, int]) -> Command:
    """SETQUOTA"""
    pairs = SP.join(compose.words([name]) + b" %d" % limit for name, limit in limits.items())
    arguments = (SP, Astring(root.encode("utf-8")), b" (%b)" % pairs)
    return Command("SETQUOTA", arguments, claims=(Quota,))
