"""NOTIFY: the client says once what it wants to hear, and hears it at any time, of any mailbox.

RFC 5465 with its errata. What is told, and how, is in `imap/watching.py`; when, in `imap/session.py`. There is no ACL yet, so no mailbox is
listed that cannot be watched, and `\\NoAccess` never arises.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from postil.imap import limits, names
from postil.imap.command import Done, Spec, State
from postil.imap.commands import fetch
from postil.imap.errors import Bad, No
from postil.imap.extensions import metadata
from postil.imap.fetch.items import Item
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


@dataclass(frozen=True, slots=True)
class Asked:
    """One event group as sent."""

    kind: str
    mailboxes: tuple[bytes, ...] = ()
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
    if sum(group.kind.startswith("SELECTED") for group in groups) > 1:
        raise Bad("SELECTED or SELECTED-DELAYED once")
    return Notify(tuple(groups), with_status)


def _group(tokens: Tokens) -> Asked:
    tokens.open_list()
    kind = tokens.atom().decode("ascii").upper()
    mailboxes: list[bytes] = []
    match kind:
        case "SELECTED" | "SELECTED-DELAYED" | "PERSONAL" | "SUBSCRIBED":
            pass
        case "INBOXES":
            # RFC 5465 §6.3: "If the IMAP server cannot easily compute this set, it MUST treat "inboxes" as equivalent to
            # "personal"." Delivery may go to any mailbox
            kind = "PERSONAL"
        case "SUBTREE" | "MAILBOXES":
            tokens.sp()
            many = tokens.peek() == b"("
            mailboxes = tokens.list_of(tokens.astring) if many else [tokens.astring()]
        case _:
            raise Bad(f"there is no way {kind[:40]} to name mailboxes")
    tokens.sp()
    if tokens.accept_word("NONE"):
        asked = Asked(kind, tuple(mailboxes))
    else:
        asked = _events(tokens, kind, tuple(mailboxes))
    if not tokens.accept(b")"):
        tokens.fail("`)`")
    return asked


def _events(tokens: Tokens, kind: str, mailboxes: tuple[bytes, ...]) -> Asked:
    selected = kind.startswith("SELECTED")
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
    return Asked(kind, mailboxes, events, items, unknown)


async def handle(session: Session, command: Notify) -> AsyncIterator[bytes | Done]:
    """Replace what was wished before."""
    if command.none:
        session.watch = Watch(Wish())
        return
    notes = session.offers(metadata.NAME)
    for group in command.groups:
        if group.unknown or (group.events & (Event.NOTES | Event.SERVER_NOTES) and not notes):
            # RFC 5465 §3.1: "If the client requests information for events of an unsupported type, the server MUST refuse the
            # command with a tagged NO response (not a BAD). This response SHOULD contain the BADEVENT response code, which
            # MUST list names of all events supported by the server."
            known = [name for name in _EVENTS if notes or "Metadata" not in name]
            raise No("There is no such event here", f"BADEVENT ({' '.join(known)})")
    groups = tuple(_groups(session, command))
    if len(groups) > limits.NOTIFY_GROUPS or sum(len(group.names) for group in groups) > (
        limits.NOTIFY_NAMES
    ):
        # RFC 5465 §3.1: "the server MAY refuse the command with a tagged NO [NOTIFICATIONOVERFLOW] response."
        raise No("That is too much to watch", "NOTIFICATIONOVERFLOW")
    selected = Selected()
    for group in command.groups:
        if group.kind.startswith("SELECTED"):
            fetch.check_items(session, group.items)
            selected = Selected(group.events, group.items, group.kind == "SELECTED-DELAYED")
    watch = Watch(Wish(selected, groups))
    # RFC 5465 §3.1: "A successful NOTIFY SET command MUST cause the server to immediately return any accumulated changes to the
    # currently selected mailbox (if any), such as flag changes and new or expunged messages."
    before, session.watch = session.watch, None
    try:
        await session.updates(expunges=True)
        await watch.begin(session)
    except BaseException:
        session.watch = before
        raise
    session.watch = watch
    if command.status:
        async for line in watch.first(session):
            yield line


def _groups(session: Session, command: Notify) -> list[Group]:
    found = []
    for group in command.groups:
        if not group.kind.startswith("SELECTED"):
            known = []
            for raw in group.mailboxes:
                try:
                    known.append(names.read(raw, session.utf8))
                except No:
                    # RFC 5465 §3.1: "If the name does not refer to an existing mailbox, the server MUST ignore it."
                    continue
            found.append(Group(group.kind, tuple(known), group.events))
    return found


COMMANDS = (Spec(NAME, State.LOGGED_IN, parse, handle, capability=NAME),)
