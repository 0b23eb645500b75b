"""Commands as octets: quoting, the kind of literal, the spelling of names.

RFC 9051 §2.2.1, §4.3, §5.1; RFC 7888 §3, §5 (LITERAL+, LITERAL-), RFC 3516 §4.4 and RFC 7888 §6 (literal8), RFC 3501 §5.1.3.

A `Command` is its name and arguments whose form is open: the same LOGIN is a quoted string here and a synchronising literal there. `render`
decides with `Forms`, which is what the server offers at the moment of sending, and gives chunks: text (with what a log
may show of it), a wait for the server's go-ahead, a message.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from postil.base import utf7
from postil.imap.client import limits
from postil.imap.client.errors import Unsendable

_ASTRING = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\]+')
_FORBIDDEN = re.compile(rb"[\r\n\0]")


class NonSync(enum.Enum):
    """Which literals may be sent without waiting (RFC 7888)."""

    NONE = enum.auto()
    SMALL = enum.auto()  # LITERAL-, and every server of RFC 9051
    ALL = enum.auto()  # LITERAL+


@dataclass(frozen=True, slots=True)
class Forms:
    """What decides how an argument is written."""

    utf8: bool = (
        False  # names and quoted strings may be UTF-8 (ENABLE IMAP4rev2, ENABLE UTF8=ACCEPT)
    )
    literals: NonSync = NonSync.NONE


@dataclass(frozen=True, slots=True)
class Astring:
    """A word or a string; `bare`: may be a word."""

    octets: bytes
    bare: bool = True


@dataclass(frozen=True, slots=True)
class MailboxName:
    """A mailbox's name, or, with `pattern`, one in which `%` and `*` mean something."""

    name: str
    pattern: bool = False


@dataclass(frozen=True, slots=True)
class Secret:
    """A string that no log may show."""

    octets: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SecretWord:
    """Octets sent as they are, that no log may show: a SASL initial response."""

    octets: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Upload:
    """A message: `size` octets that the driver gets from `source`."""

    size: int
    source: object = field(repr=False)
    binary: bool = False


# Octets as they are (punctuation, atoms, what was checked before) or something whose form is open.
Argument: TypeAlias = bytes | Astring | MailboxName | Secret | SecretWord | Upload


@dataclass(frozen=True, slots=True)
class Command:
    """One command."""

    name: str
    arguments: tuple[Argument, ...] = ()
    claims: tuple[type, ...] = ()  # untagged responses that are its answer
    by_number: bool = False  # holds or is answered with message sequence numbers
    may_expunge: bool = True  # the server may tell of EXPUNGE while it runs
    alone: bool = False  # nothing else runs beside it
    dialogue: bool = False  # after `+` the rest is a conversation: AUTHENTICATE, IDLE


@dataclass(frozen=True, slots=True)
class Text:
    """Octets to send, and what a log may show of them."""

    octets: bytes = field(repr=False)
    shown: bytes


class Wait(enum.Enum):
    """For the server's go-ahead."""

    GO_AHEAD = enum.auto()


Chunk: TypeAlias = Text | Upload | Wait


def render(tag: str, command: Command, forms: Forms) -> list[Chunk]:
    """The command from its tag to its CRLF; Unsendable when an argument cannot be written."""
    out = _Out()
    out.add(f"{tag} {command.name}".encode("ascii"))
    for argument in command.arguments:
        _write(out, argument, forms)
    out.add(b"\r\n", check=False)
    return out.close()


class _Out:
    """Gathers text between literals."""

    def __init__(self) -> None:
        self.chunks: list[Chunk] = []
        self._octets: list[bytes] = []
        self._shown: list[bytes] = []

    def add(self, octets: bytes, shown: bytes | None = None, *, check: bool = True) -> None:
        if check and _FORBIDDEN.search(octets):
            # A line break inside an argument would begin another command.
            raise Unsendable("CR, LF or NUL where the protocol has no place for it")
        self._octets.append(octets)
        self._shown.append(octets if shown is None else shown)

    def literal(self, size: int, forms: Forms, *, binary: bool = False) -> None:
        """The header of a literal, and the wait behind it if there is one."""
        # RFC 7888 §3: "The non-synchronizing literal is added as an alternate form of literal, and it may appear in
        # communication from client to server instead of the IMAP [RFC3501] form of literal."
        free = forms.literals is NonSync.ALL or (
            forms.literals is NonSync.SMALL and size <= limits.LITERAL_MINUS
        )
        self.add(
            b"%b{%d%b}\r\n" % (b"~" if binary else b"", size, b"+" if free else b""), check=False
        )
        if not free:
            self.cut(Wait.GO_AHEAD)

    def cut(self, chunk: Chunk) -> None:
        self.close()
        self.chunks.append(chunk)

    def close(self) -> list[Chunk]:
        if self._octets:
            self.chunks.append(Text(b"".join(self._octets), b"".join(self._shown)))
            self._octets, self._shown = [], []
        return self.chunks


def _write(out: _Out, argument: Argument, forms: Forms) -> None:
    match argument:
        case bytes():
            out.add(argument)
        case Astring(octets, bare):
            _string(out, octets, forms, bare=bare)
        case MailboxName(name, pattern):
            _string(out, wire_name(name, forms.utf8), forms, pattern=pattern)
        case Secret(octets):
            _string(out, octets, forms, secret=True)
        case SecretWord(octets):
            out.add(octets, MASK)
        case Upload(size, _, binary):
            out.literal(size, forms, binary=binary)
            out.cut(argument)


MASK: Final = b"<hidden>"


def _string(
    out: _Out,
    octets: bytes,
    forms: Forms,
    *,
    bare: bool = True,
    secret: bool = False,
    pattern: bool = False,
) -> None:
    if b"\0" in octets:
        # RFC 9051 §9: "The ASCII NUL character, %x00, MUST NOT be used anywhere, with the exception of the OCTET production."
        raise Unsendable("a string with NUL in it")
    word = octets.replace(b"%", b"").replace(b"*", b"") if pattern else octets
    if bare and _is_word(octets, word):
        out.add(octets, MASK if secret else None)
    elif len(octets) <= limits.LONGEST_QUOTED and _quotable(octets, forms.utf8):
        quoted = b'"%b"' % escaped(octets)
        out.add(quoted, MASK if secret else None)
    else:
        out.literal(len(octets), forms)
        out.add(octets, MASK if secret else None, check=False)


def escaped(octets: bytes) -> bytes:
    """What stands between the quotes of a quoted string."""
    return octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


def _is_word(octets: bytes, word: bytes) -> bool:
    plain = not word or _ASTRING.fullmatch(word) is not None
    # NIL would be read as nothing by servers that mix astring and nstring up.
    return bool(octets) and plain and octets.upper() != b"NIL"


def _quotable(octets: bytes, utf8: bool) -> bool:
    if _FORBIDDEN.search(octets):
        return False
    if octets.isascii():
        return True
    if not utf8:
        return False
    try:
        octets.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def wire_name(name: str, utf8: bool) -> bytes:
    """A mailbox's name as the server wants it."""
    try:
        # What could not be read as a name came in as it stood (`values.name`), and goes back so.
        return name.encode("utf-8", "surrogateescape") if utf8 or _odd(name) else utf7.encode(name)
    except (UnicodeEncodeError, utf7.BadName) as error:
        raise Unsendable(f"a name that cannot be written: {name!r}") from error


def _odd(name: str) -> bool:
    return any("\udc80" <= character <= "\udcff" for character in name)


def words(items: Iterable[str]) -> bytes:
    """Atoms with spaces between; Unsendable when one is none."""
    out = []
    for item in items:
        octets = item.encode("utf-8")
        if _ATOMS.fullmatch(octets) is None:
            raise Unsendable(f"{item!r} is not an atom")
        out.append(octets)
    return b" ".join(out)


# Flags (`\Seen`), items of FETCH with sections are checked by their own functions.
_ATOMS = re.compile(rb'\\?[^\x00-\x20\x7f(){%*"\\\]]+')
