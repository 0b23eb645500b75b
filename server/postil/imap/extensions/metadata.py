"""METADATA: notes on mailboxes and on the server.

RFC 5464 with its errata; RFC 6154 §5.3 for `/private/specialuse`. Entries below /shared of the server come from the configuration and are read-only here;
everything else is the account's own, within its limits (`store/entries.py`). Names are kept in lower case.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postil.imap import encode, limits, names
from postil.imap.command import Done, Spec, State
from postil.imap.errors import Bad, No
from postil.imap.extensions.specialuse import uses_of
from postil.imap.tokens import Tokens
from postil.ports.store import EntriesTooLarge, Mailbox, TooManyEntries

if TYPE_CHECKING:
    from postil.imap.session import Session

NAME: Final = "METADATA"
SPECIAL_USE: Final = "/private/specialuse"
INFINITY: Final = 1 << 30
# RFC 5464 §3.2: "Entry names MUST NOT contain asterisk ("*") or percent ("%") characters and MUST NOT contain non-ASCII
# characters or characters with octet values in the range 0x00 to 0x19."
_ENTRY = re.compile(r"/(?:private|shared)(?:/[^/*%\x00-\x1f\x7f-\U0010ffff]+)+")
_SCOPE = re.compile(r"/(?:private|shared)(?:/vendor(?:/[^/*%\x00-\x1f\x7f-\U0010ffff]+)?)?")
_VENDOR = re.compile(r"/(?:private|shared)/vendor(?:/[^/]+)?")


@dataclass(frozen=True, slots=True)
class Get:
    """GETMETADATA [(options)] mailbox entries"""

    mailbox: bytes
    entries: tuple[str, ...]
    depth: int = 0
    largest: int | None = None  # MAXSIZE


@dataclass(frozen=True, slots=True)
class Set:
    """SETMETADATA mailbox (entry value …)"""

    mailbox: bytes
    values: tuple[tuple[str, bytes | None], ...]


# --- names of entries


def parse_entry(tokens: Tokens, *, above: bool = False) -> str:
    """An entry name in lower case; `above`: it may also be what entries stand below, such as `/private`."""
    start = tokens.at
    raw = tokens.astring()
    # RFC 5464 §3.2: "Entry names are case-insensitive."
    name = raw.decode("latin-1").lower()
    entry = _ENTRY.fullmatch(name) and not _VENDOR.fullmatch(name)
    if not entry and not (above and _SCOPE.fullmatch(name)):
        # RFC 5464 §3.2: "Invalid entry names result in a BAD response in any IMAP command in which they are used."
        raise Bad(f"no entry name at octet {start + 1}: /shared/… or /private/…, without * and %")
    if len(name) > limits.ENTRY_NAME:
        raise No(f"entry names have at most {limits.ENTRY_NAME} octets", "LIMIT")
    return name


# --- GETMETADATA


def parse_get(tokens: Tokens) -> Get:
    """RFC 5464 §5; options may stand behind the mailbox too, as the RFC had it before errata 2785 and 2786."""
    tokens.sp()
    depth, largest = 0, None
    if tokens.peek() == b"(":
        depth, largest = _options(tokens)
        tokens.sp()
    mailbox = tokens.astring()
    tokens.sp()
    if tokens.text[tokens.at : tokens.at + 2].upper() in (b"(M", b"(D"):
        depth, largest = _options(tokens)
        tokens.sp()

    def entry() -> str:
        return parse_entry(tokens, above=depth > 0)

    entries = _not_too_many(tokens.list_of(entry) if tokens.peek() == b"(" else [entry()])
    tokens.end()
    return Get(mailbox, tuple(dict.fromkeys(entries)), depth, largest)


def _not_too_many(entries: Sequence[str]) -> Sequence[str]:
    if len(entries) > limits.ENTRIES:
        raise No(f"at most {limits.ENTRIES} entries", "LIMIT")
    return entries


def _options(tokens: Tokens) -> tuple[int, int | None]:
    found: dict[str, int] = {}

    def option() -> None:
        word = tokens.word("MAXSIZE or DEPTH")
        if word in found or word not in ("MAXSIZE", "DEPTH"):
            tokens.fail("MAXSIZE or DEPTH, each once")
        tokens.sp()
        if word == "MAXSIZE":
            found[word] = tokens.number()
            return
        value = tokens.atom().lower()
        if value not in (b"0", b"1", b"infinity"):
            raise Bad("DEPTH is 0, 1 or infinity")
        found[word] = INFINITY if value == b"infinity" else int(value)

    tokens.list_of(option)
    return found.get("DEPTH", 0), found.get("MAXSIZE")


async def get(session: Session, command: Get) -> AsyncIterator[bytes | Done]:
    """What is there of what was asked for."""
    mailbox = await _mailbox(session, command.mailbox)
    known = await entries_of(session, mailbox)
    picked = pick(known, command.entries, command.depth)
    # RFC 5464 §4.2.1: "Only entry values that are less than or equal in octet size to the specified MAXSIZE limit are
    # returned."
    long = 0
    if command.largest is not None:
        sizes = {name: len(value or b"") for name, value in picked.items()}
        long = max((size for size in sizes.values() if size > command.largest), default=0)
        picked = {name: picked[name] for name, size in sizes.items() if size <= command.largest}
    if picked:
        yield response(session, mailbox, picked)
    if long:
        # RFC 5464 §4.2.1: "the server MUST include the METADATA LONGENTRIES response code in the tagged OK response"
        yield Done("GETMETADATA completed", f"METADATA LONGENTRIES {long}")


def pick(
    known: Mapping[str, bytes], asked: Iterable[str], depth: int
) -> Mapping[str, bytes | None]:
    """Entries by name: those asked for, and those below them down to `depth`; without any, the ones asked for as NIL."""
    asked = tuple(asked)
    found: dict[str, bytes | None] = {
        name: known.get(name) for name in asked if not depth or name in known
    }
    if depth:
        above = frozenset(asked)
        # RFC 5464 §4.2.2: "plus all entries below the entry name up to the specified DEPTH."
        found.update((name, known[name]) for name in known if _is_below(name, above, depth))
    # RFC 5464 §4.2: "required METADATA response"
    return found or {name: None for name in asked if _ENTRY.fullmatch(name)}


def _is_below(entry: str, above: frozenset[str], depth: int) -> bool:
    """Is one of the names at most `depth` levels above the entry?"""
    at = entry.rfind("/")
    while at > 0 and depth:
        if entry[:at] in above:
            return True
        at, depth = entry.rfind("/", 0, at), depth - 1
    return False


def response(
    session: Session, mailbox: Mailbox | None, entries: Mapping[str, bytes | None]
) -> bytes:
    """METADATA with values."""
    shown = []
    for name, value in entries.items():
        octets = b"NIL" if value is None else _value(value)
        shown.append(b"%b %b" % (encode.astring(name.encode("ascii")), octets))
    return b"* METADATA %b (%b)\r\n" % (shown_name(session, mailbox), b" ".join(shown))


def _value(value: bytes) -> bytes:
    if b"\0" in value:
        return b"~" + encode.literal(value)  # RFC 5464 §5: value = nstring / literal8
    return encode.string(value)


def shown_name(session: Session, mailbox: Mailbox | None) -> bytes:
    """The mailbox as this client reads it; `""` for the server."""
    return b'""' if mailbox is None else session.name_of(mailbox)


async def entries_of(session: Session, mailbox: Mailbox | None) -> Mapping[str, bytes]:
    """Every entry with its value."""
    account = session.user.id
    if mailbox is None:
        return {**await session.store.annotations(account, None), **session.settings.entries}
    kept = dict(await session.store.annotations(account, mailbox.id))
    # RFC 6154 §4: "is either NIL (if there are no special-use attributes for that mailbox) or a space-separated list of
    # special-use attributes, presented the same way they would be presented in the LIST command response."
    if mailbox.special_use:
        kept[SPECIAL_USE] = " ".join(sorted(mailbox.special_use)).encode("ascii")
    return dict(sorted(kept.items()))


async def _mailbox(session: Session, octets: bytes) -> Mailbox | None:
    """RFC 5464 §4.1: "An empty string is used for the mailbox name to signify server annotations." """
    return await session.mailbox(names.read(octets, session.utf8)) if octets else None


# --- SETMETADATA


def parse_set(tokens: Tokens) -> Set:
    """RFC 5464 §5, erratum 1692: entries and values in parentheses."""
    tokens.sp()
    mailbox = tokens.astring()
    tokens.sp()

    def pair() -> tuple[str, bytes | None]:
        name = parse_entry(tokens)
        tokens.sp()
        return name, None if tokens.accept_word("NIL") else tokens.octets()

    values = tokens.list_of(pair)
    tokens.end()
    return Set(mailbox, tuple(values))


async def change(session: Session, command: Set) -> AsyncIterator[bytes | Done]:
    """All or nothing."""
    mailbox = await _mailbox(session, command.mailbox)
    values = dict(command.values)
    if mailbox is None and any(name.startswith("/shared/") for name in values):
        # RFC 5464 §3.3: "When restricted, the server MUST return a NO response when the SETMETADATA command is used to try to
        # create a server annotation."
        raise No("Shared entries of the server are set by whoever runs it", "NOPERM")
    uses = None
    if mailbox is not None and SPECIAL_USE in values:
        # RFC 6154 §4: "A server that supports this MUST check the validity of changes to the special-use attributes that are
        # done through the metadata in the same way that it checks validity for the CREATE command"
        uses = uses_of((values[SPECIAL_USE] or b"").decode("latin-1").split())
        values[SPECIAL_USE] = None  # it lives in the list of mailboxes, once
    try:
        # RFC 5464 §4.3: "the server MUST NOT change the values for other annotations specified in the SETMETADATA command."
        modseq = await session.store.annotate(
            session.user.id, mailbox.id if mailbox else None, values, uses
        )
    except TooManyEntries:
        raise No("There are too many annotations", "METADATA TOOMANY") from None
    except EntriesTooLarge as refusal:
        # RFC 5464 §4.3: "when NNN is the maximum octet count that it is willing to accept"
        raise No("The annotations are too large", f"METADATA MAXSIZE {refusal.room}") from None
    session.news.annotated.own(mailbox.id if mailbox else None, modseq)
    # RFC 5464 §4.3: "The server SHOULD NOT return a METADATA response containing the updated annotation data."
    yield Done("SETMETADATA completed")


# --- LIST RETURN (METADATA …), RFC 9590


def parse_return(tokens: Tokens) -> Sequence[str]:
    """Behind the word METADATA: `SP (entry …)`."""
    tokens.sp()
    return _not_too_many(tokens.list_of(lambda: parse_entry(tokens)))


COMMANDS = (
    Spec("GETMETADATA", State.LOGGED_IN, parse_get, get, capability=NAME),
    Spec("SETMETADATA", State.LOGGED_IN, parse_set, change, capability=NAME),
)
