"""NOTIFY: the client says once what it wants to hear, and hears it at any time, of any mailbox.

RFC 5465 with its errata. What is told, and how, is in `imap/watching.py`; when, in `imap/news.py`. There is no ACL yet, so no mailbox is
listed that cannot be watched, and `\\NoAccess` never arises.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from postil.imap import filters, limits, watching
from postil.imap.command import Done, Spec, State
from postil.imap.commands import fetch
from postil.imap.errors import Bad, No
from postil.imap.extensions import metadata
from postil.imap.fetch.items import Item
from postil.imap.filters import Filter
from postil.imap.tokens import Tokens
from postil.imap.watching import MESSAGES, Event, Group, Selected, Watch, Wish

if TYPE_CHECKING:
    from postil.imap.session import Session

NAME: Final = "NOTIFY"
_EVENTS: Final = {
    "MessageNew": Event.NEW,
    "MessageExpunge": Event.EXPUNGE,
    "FlagChange": Event.FLAGS,
    "MailboxName": Event.NAMES,
    "SubscriptionChange": Event.SUBSCRIPTIONS,
    "MailboxMetadataChange": Event.NOTES,
    "ServerMetadataChange": Event.SERVER_NOTES,
}
_BY_NAME: Final = {name.upper(): event for name, event in _EVENTS.items()}
_ANNOTATION: Final = "ANNOTATIONCHANGE"
_SELECTED: Final = ("SELECTED", "SELECTED-DELAYED")


@dataclass(frozen=True, slots=True)
class Asked:
    """One event group as sent."""

    filter: Filter
    events: Event = Event.NOTHING
    items: tuple[Item, ...] = ()
    unknown: bool = False  # an event that nobody here tells of


@dataclass(frozen=True, slots=True)
class Notify:
    """NOTIFY NONE, or SET [STATUS] groups"""

    groups: tuple[Asked, ...] = field(default=())
    status: bool = False
    none: bool = False


def parse(tokens: Tokens) -> Notify:
    """RFC 5465 §8."""
    tokens.sp()
    if tokens.accept_word("NONE"):
        tokens.end()
        return Notify(none=True)
    if not tokens.accept_word("SET"):
        tokens.fail("SET or NONE")
    tokens.sp()
    with_status = tokens.accept_word("STATUS")
    if with_status:
        tokens.sp()
    groups = [_group(tokens)]
    while not tokens.done:
        tokens.sp()
        groups.append(_group(tokens))
    # RFC 5465 §6.1: "Only one of the mailbox specifiers affecting the currently selected mailbox can be specified in any NOTIFY
    # command."
    if sum(group.filter.kind in _SELECTED for group in groups) > 1:
        raise Bad("SELECTED or SELECTED-DELAYED once")
    return Notify(tuple(groups), with_status)


def _group(tokens: Tokens) -> Asked:
    tokens.open_list()
    filter = filters.parse(tokens, _SELECTED, without=("SUBTREE-ONE",))
    tokens.sp()
    if tokens.accept_word("NONE"):
        asked = Asked(filter)
    else:
        asked = _events(tokens, filter)
    if not tokens.accept(b")"):
        tokens.fail("`)`")
    return asked


def _events(tokens: Tokens, filter: Filter) -> Asked:
    selected = filter.kind in _SELECTED
    found: list[str] = []
    items: tuple[Item, ...] = ()

    def event() -> None:
        nonlocal items
        found.append(tokens.atom().decode("ascii").upper())
        if found[-1] == "MESSAGENEW" and tokens.text[tokens.at : tokens.at + 2] == b" (":
            # Erratum 1694: "The fetch-att list may only be present for the SELECTED/SELECTED-DELAYED mailbox filter"
            if not selected:
                raise Bad("FETCH items are for SELECTED and SELECTED-DELAYED")
            tokens.sp()
            items = fetch.parse_items(tokens)

    tokens.list_of(event)
    events = Event.NOTHING
    for name in found:
        events |= _BY_NAME.get(name, Event.NOTHING)
    if selected and events & ~MESSAGES:
        # RFC 5465 §6.1: "It is an error to specify other types of events with either the SELECTED or the SELECTED-DELAYED
        # selector."
        raise Bad("only events of messages go with SELECTED")
    both = Event.NEW | Event.EXPUNGE
    # RFC 5465 §5: "If one of MessageNew or MessageExpunge is specified, then both events MUST be specified. Otherwise, the
    # server MUST respond with the tagged BAD response."
    if events & both and events & both != both:
        raise Bad("MessageNew and MessageExpunge go together")
    # RFC 5465 §5: "If the FlagChange and/or AnnotationChange events are specified, MessageNew and MessageExpunge MUST also be
    # specified by the client."
    if (events & Event.FLAGS or _ANNOTATION in found) and not events & both:
        raise Bad("FlagChange and AnnotationChange need MessageNew and MessageExpunge beside them")
    unknown = any(name not in _BY_NAME for name in found)
    return Asked(filter, events, items, unknown)


async def handle(session: Session, command: Notify) -> AsyncIterator[bytes | Done]:
    """Replace what was wished before."""
    if command.none:
        session.news.watch = watching.nothing()
        return
    notes = session.offers(metadata.NAME)
    for group in command.groups:
        if group.unknown or (group.events & (Event.NOTES | Event.SERVER_NOTES) and not notes):
            # RFC 5465 §3.1: "If the client requests information for events of an unsupported type, the server MUST refuse the
            # command with a tagged NO response (not a BAD). This response SHOULD contain the BADEVENT response code, which
            # MUST list names of all events supported by the server."
            known = [name for name in _EVENTS if notes or "Metadata" not in name]
            raise No("There is no such event here", f"BADEVENT ({' '.join(known)})")
    selected = Selected()
    groups = []
    for group in command.groups:
        if group.filter.kind in _SELECTED:
            fetch.check_items(session, group.items)
            delayed = group.filter.kind == "SELECTED-DELAYED"
            selected = Selected(group.events, group.items, delayed)
        else:
            groups.append(Group(filters.resolve(session, group.filter), group.events))
    if len(groups) > limits.NOTIFY_GROUPS or (
        sum(len(group.mailboxes.names) for group in groups) > limits.NOTIFY_NAMES
    ):
        # RFC 5465 §3.1: "the server MAY refuse the command with a tagged NO [NOTIFICATIONOVERFLOW] response."
        raise No("That is too much to watch", "NOTIFICATIONOVERFLOW")
    watch = Watch(Wish(selected, tuple(groups)))
    # RFC 5465 §3.1: "A successful NOTIFY SET command MUST cause the server to immediately return any accumulated changes to the
    # currently selected mailbox (if any), such as flag changes and new or expunged messages."
    await session.news.catch_up()
    # It listens before it looks: what happens in between is heard, and then found to be known or told.
    before, session.news.watch = session.news.watch, watch
    try:
        await watch.begin(session)
    except BaseException:
        session.news.watch = before
        raise
    if command.status:
        async for line in watch.first(session):
            yield line


COMMANDS = (Spec(NAME, State.LOGGED_IN, parse, handle, capability=NAME),)
