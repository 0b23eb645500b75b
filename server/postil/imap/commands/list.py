"""LIST, plain and extended: which mailboxes are there, which are subscribed, what are they for.

RFC 9051 §6.3.9; RFC 3501 §6.3.8; RFC 5258 (several patterns), RFC 5819 (STATUS), RFC 6154 §4 (SPECIAL-USE).

Theory of operation. The *base* is what the selection options ask for: existing mailboxes, or subscribed names, or mailboxes with a
special use. Each base name that matches a pattern is shown. A level above a base name is shown too when it matches and either
RECURSIVEMATCH asks for it (then with CHILDINFO, and only if not all it stands for is shown anyway), or the pattern ends in `%` and
the base is simply what exists.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postil.imap import limits, listing, names
from postil.imap.command import Done, Spec, State
from postil.imap.commands import status
from postil.imap.errors import Bad, No
from postil.imap.extensions import metadata
from postil.imap.listing import Pattern, Tree
from postil.imap.tokens import Tokens
from postil.ports.store import NoSuchMailbox, StoreError

if TYPE_CHECKING:
    from postil.imap.session import Session

_SELECTION: Final = frozenset({"SUBSCRIBED", "REMOTE", "RECURSIVEMATCH", "SPECIAL-USE"})
_RETURN: Final = frozenset({"SUBSCRIBED", "CHILDREN", "STATUS", "SPECIAL-USE", "METADATA"})
_PAGE: Final = 200  # names between two turns of the loop: a few milliseconds with STATUS


@dataclass(frozen=True, slots=True)
class List:
    """LIST [(selection)] reference patterns [RETURN (options)]"""

    extended: bool
    selection: frozenset[str]
    reference: bytes
    patterns: tuple[bytes, ...]
    shown: frozenset[str]  # return options
    status: tuple[str, ...]  # items of RETURN (STATUS (…))
    entries: tuple[str, ...] = ()  # of RETURN (METADATA (…))


@dataclass(frozen=True, slots=True)
class Entry:
    """One line to show."""

    name: str
    selected: bool  # meets the selection criteria; otherwise it is here for what stands below
    child_matches: bool  # CHILDINFO


def parse(tokens: Tokens) -> List:
    tokens.sp()
    extended = tokens.peek() == b"("
    selection: frozenset[str] = frozenset()
    if extended:
        selection = _options(tokens, _SELECTION)
        tokens.sp()
        if "RECURSIVEMATCH" in selection and not selection & {"SUBSCRIBED", "SPECIAL-USE"}:
            # RFC 9051 §6.3.9.1: "The server MUST return a BAD tagged response in such case."
            raise Bad("RECURSIVEMATCH needs SUBSCRIBED or SPECIAL-USE beside it")
    reference = tokens.astring()
    tokens.sp()
    if tokens.peek() == b"(":
        extended = True
        patterns = tuple(tokens.list_of(tokens.list_mailbox))
        if len(patterns) > limits.LIST_PATTERNS:
            raise No(f"at most {limits.LIST_PATTERNS} patterns", "LIMIT")
    else:
        patterns = (tokens.list_mailbox(),)
    shown: frozenset[str] = frozenset()
    items: tuple[str, ...] = ()
    entries: tuple[str, ...] = ()
    if not tokens.done:
        extended = True
        tokens.sp()
        if not tokens.accept_word("RETURN"):
            tokens.fail("RETURN")
        tokens.sp()
        shown, items, entries = _return_options(tokens)
    tokens.end()
    return List(extended, selection, reference, patterns, shown, items, entries)


def _options(tokens: Tokens, known: frozenset[str]) -> frozenset[str]:
    return frozenset(tokens.list_of(lambda: _option(tokens, known), empty=True))


def _option(tokens: Tokens, known: frozenset[str]) -> str:
    option = tokens.word("an option")
    if option not in known:
        # RFC 9051 §6.3.9: "A server MUST respond to options it does not recognize with a BAD response."
        raise Bad(f"there is no option {option[:40]}")
    return option


def _return_options(
    tokens: Tokens,
) -> tuple[frozenset[str], tuple[str, ...], tuple[str, ...]]:
    items: tuple[str, ...] = ()
    entries: tuple[str, ...] = ()

    def one() -> str:
        nonlocal items, entries
        option = _option(tokens, _RETURN)
        if option == "STATUS":
            tokens.sp()
            items = tuple(dict.fromkeys((*items, *status.parse_items(tokens))))
        elif option == "METADATA":
            entries = tuple(dict.fromkeys((*entries, *metadata.parse_return(tokens))))
        return option

    return frozenset(tokens.list_of(one, empty=True)), items, entries


async def handle(session: Session, command: List) -> AsyncIterator[bytes | Done]:
    """Select, sort, show."""
    _check_offers(session, command)
    reference = names.decode(command.reference, session.utf8)
    if command.patterns == (b"",) and not command.extended:
        # RFC 9051 §6.3.9: "In the basic syntax only, an empty ('' string) mailbox name argument is a special request
        # to return the hierarchy delimiter and the root name of the name given in the reference."
        yield listing.line("LIST", ["\\Noselect"], b'""')
        return
    account = session.user.id
    tree = listing.tree(
        await session.store.mailboxes(account), await session.store.subscriptions(account)
    )
    entries = select(tree, command, list(_patterns(session, reference, command.patterns)))
    for at, entry in enumerate(entries):
        shown = await _status(session, tree, command, entry)
        notes = await _metadata(session, tree, command, entry) if command.entries else b""
        yield _line(session, tree, command, entry, gone=shown is None) + (shown or b"") + notes
        if at % _PAGE == _PAGE - 1:
            await session.pause()


def _check_offers(session: Session, command: List) -> None:
    if command.extended and not session.offers("LIST-EXTENDED"):
        raise Bad("LIST takes a reference and a name")
    if "SPECIAL-USE" in command.selection | command.shown and not session.offers("SPECIAL-USE"):
        raise Bad("there is no option SPECIAL-USE")
    if command.entries and not session.offers("LIST-METADATA"):
        raise Bad("there is no option METADATA")
    if command.status:
        if not session.offers("LIST-STATUS"):
            raise Bad("there is no option STATUS")
        status.check(session, command.status)


def _patterns(session: Session, reference: str, wanted: Iterable[bytes]) -> Iterable[Pattern]:
    for octets in wanted:
        # RFC 9051 §6.3.9: "In the extended syntax, any mailbox name arguments that are empty strings are ignored."
        if not octets:
            continue
        try:
            text = names.decode(octets, session.utf8)
        except No:
            # RFC 9051 §6.3.9: "Any syntactically valid pattern that is not accepted by a server for any reason MUST be
            # silently ignored"
            continue
        pattern = listing.pattern(reference, text)
        if pattern is not None:
            yield pattern


def select(tree: Tree, command: List, patterns: list[Pattern]) -> list[Entry]:
    """What to show, INBOX first, then by name."""
    base = _base(tree, command.selection)
    entries = {
        name: Entry(name, True, False)
        for name in base
        if any(pattern.matches(name) for pattern in patterns)
    }
    if "RECURSIVEMATCH" in command.selection:
        _add_parents(entries, base, patterns)
    elif "SUBSCRIBED" not in command.selection and "SPECIAL-USE" not in command.selection:
        levels = [pattern for pattern in patterns if pattern.shows_levels]
        for name in tree.parents:
            if name not in entries and any(pattern.matches(name) for pattern in levels):
                entries[name] = Entry(name, True, False)
    return sorted(entries.values(), key=lambda entry: (entry.name != names.INBOX, entry.name))


def _base(tree: Tree, selection: frozenset[str]) -> Iterable[str]:
    """Names that meet the selection criteria, whether or not they match."""
    # RFC 9051 §6.3.9: "Unless a particular selection option provides special rules, the selection options are
    # cumulative"
    found: Iterable[str] = tree.mailboxes
    if "SUBSCRIBED" in selection:
        # RFC 9051 §6.3.9.1: "In any case, the list MUST include exactly those mailbox names that match the canonical
        # list pattern and are subscribed to."
        found = tree.subscribed
    # RFC 6154 §2: "If the client specifies the 'SPECIAL-USE' selection option, the LIST command MUST return only those
    # mailboxes that have a special-use attribute set."
    if "SPECIAL-USE" in selection:
        boxes = tree.mailboxes
        found = [name for name in found if name in boxes and boxes[name].special_use]
    return found


def _add_parents(entries: dict[str, Entry], base: Iterable[str], patterns: list[Pattern]) -> None:
    """RECURSIVEMATCH: levels that match and have selected names below."""
    shown = frozenset(entries)
    for name in base:
        for above in listing.ancestors(name):
            own = entries.get(above)
            if own is not None:
                entries[above] = Entry(above, own.selected, True)
            # RFC 9051 §6.3.9.6: "Servers SHOULD only return a non-matching mailbox name along with CHILDINFO if at
            # least one matching child is not also being returned."
            elif name not in shown and any(pattern.matches(above) for pattern in patterns):
                entries[above] = Entry(above, False, True)


def _line(
    session: Session, tree: Tree, command: List, entry: Entry, *, gone: bool = False
) -> bytes:
    attributes = []
    # RFC 5819 §2: "the STATUS response MUST NOT be returned and the LIST response MUST include the \NoSelect attribute."
    if gone:
        attributes.append("\\Noselect")
    exists = entry.name in tree.mailboxes
    if not exists:
        # RFC 3501 §6.3.8 knows only \Noselect; whoever uses the extended syntax knows what implies it.
        modern = command.extended or session.rev2
        attributes.append("\\NonExistent" if modern else "\\Noselect")
    if "SUBSCRIBED" in command.selection | command.shown and entry.name in tree.subscribed:
        # RFC 9051 §6.3.9.1: "The '\Subscribed' attribute MUST be supported and MUST be accurately computed when the
        # SUBSCRIBED selection option is specified."
        attributes.append("\\Subscribed")
    attributes.extend(_attributes(session, tree, entry.name))
    extended = []
    if entry.child_matches:
        options = sorted(command.selection & {"SUBSCRIBED", "SPECIAL-USE"})
        quoted = " ".join(f'"{option}"' for option in options)
        extended.append(f'"CHILDINFO" ({quoted})'.encode("ascii"))
    return listing.line("LIST", attributes, session.name_of(entry.name), extended)


def _attributes(session: Session, tree: Tree, name: str) -> list[str]:
    attributes = tree.attributes(name)
    # RFC 6154 §2: "If the client specifies the 'SPECIAL-USE' return option, the LIST command MUST return the new
    # special-use attributes on those mailboxes that have them set."
    # RFC 6154 §2: "The extended LIST command MAY return SPECIAL-USE attributes even if the client does not specify the
    # return option."
    # RFC 6154 §2: "An IMAP server that supports this extension MAY include any or all of the following attributes in
    # responses to the non-extended IMAP LIST command."
    if session.offers("SPECIAL-USE"):
        return attributes
    return attributes[:1]


async def _status(session: Session, tree: Tree, command: List, entry: Entry) -> bytes | None:
    """STATUS behind the LIST of each selectable mailbox that was selected; None when it is gone since (RFC 9051 §6.3.9.2)."""
    mailbox = tree.mailboxes.get(entry.name)
    # RFC 5819 §2: "For each selectable mailbox matching the list pattern and selection options, the server MUST return an
    # untagged LIST response followed by an untagged STATUS response containing the information requested in the STATUS
    # return option."
    if not command.status or mailbox is None or not entry.selected:
        return b""
    try:
        return await status.line(session, mailbox, command.status)
    except NoSuchMailbox:
        return None
    except StoreError:
        # RFC 9051 §6.3.9.2: "If the server runs into unexpected problems while trying to look up the STATUS information,
        # it MAY drop the corresponding STATUS reply."
        return b""


async def _metadata(session: Session, tree: Tree, command: List, entry: Entry) -> bytes:
    """METADATA behind the LIST of each mailbox that was selected."""
    mailbox = tree.mailboxes.get(entry.name)
    # RFC 9590 §3: "For each listable mailbox matching the list pattern and selection options, the server MUST return an
    # untagged LIST response, followed by one or more untagged METADATA responses containing the mailbox annotations requested
    # by the client."
    if mailbox is None or not entry.selected:
        return b""
    try:
        known = await metadata.entries_of(session, mailbox)
    except StoreError:
        # RFC 9590 §3: "If the server is unable to look up the annotations for given mailbox, it MAY drop the corresponding
        # METADATA response. In such a situation, the LIST command would still return a tagged OK reply."
        return b""
    return metadata.response(session, mailbox, metadata.pick(known, command.entries, 0))


COMMANDS = (Spec("LIST", State.LOGGED_IN, parse, handle),)
