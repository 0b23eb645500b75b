"""Address lists of header fields: mailboxes, groups, comments, quoted strings, obsolete forms.

RFC 5322 §3.4 (addresses), §4.4 (obsolete: routes, blanks around dots, null members); RFC 6532 §3.2
(UTF-8 anywhere); RFC 2047 §5 (encoded words in phrases and comments).

Two readers with one result: a regular expression for the forms that nearly all mail uses, and a
tokenizer for everything else. Whatever cannot be an address still gives something a person can
recognise, and never an error. Values are octets as sent, without quotes and escapes; `display`
decodes. A comment after an address stands for its display name when it has no other, as was the
custom before RFC 822 and still is on Unix.

Paths of SMTP have another, strict grammar: smtp/ parses them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from postil.message import words
from postil.message.limits import MAX_ADDRESSES, MAX_COMMENT_DEPTH


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox. `domain` is empty when the address has none, `route` None but in obsolete mail."""

    name: bytes | None
    route: bytes | None
    local: bytes
    domain: bytes

    @property
    def display(self) -> str:
        """The display name as text; empty when there is none."""
        return "" if self.name is None else words.decode(self.name)

    @property
    def spec(self) -> str:
        """local@domain as text, the local part quoted where it must be."""
        local = self.local.decode("utf-8", "replace")
        if not _DOT_ATOM.fullmatch(self.local):
            local = _quoted(local)
        return f"{local}@{self.domain.decode('utf-8', 'replace')}" if self.domain else local

    def __str__(self) -> str:
        """The address as it stands in a header (RFC 5322 §3.4), UTF-8 unencoded."""
        display = self.display
        if not display:
            return self.spec
        phrase = display if _PHRASE.fullmatch(display.encode()) else _quoted(display)
        return f"{phrase} <{self.spec}>"


@dataclass(frozen=True, slots=True)
class Group:
    """A named list of mailboxes, possibly empty."""

    name: bytes
    members: tuple[Address, ...]

    @property
    def display(self) -> str:
        """The name of the group as text."""
        return words.decode(self.name)

    def __str__(self) -> str:
        """The group as it stands in a header."""
        name = self.display
        phrase = name if _PHRASE.fullmatch(name.encode()) else _quoted(name)
        return f"{phrase}: {', '.join(map(str, self.members))};"


Entry: TypeAlias = Address | Group

_ATOM = rb"[!#$%&'*+\-/0-9=?A-Z^_`a-z{|}~\x80-\xff]"
_DOT_ATOM = re.compile(rb"%b++(?:\.%b++)*+" % (_ATOM, _ATOM))
_PHRASE = re.compile(rb"%b++(?: %b++)*+" % (_ATOM, _ATOM))
# The usual forms: local@domain, phrase <local@domain>, "phrase" <local@domain>; then the comma.
# Possessive, without a lazy quantifier: a phrase of 100,000 blanks is read once.
_PART = rb"[^\x00- \"(),:;<>@\[\\\]]++"
_USUAL = re.compile(
    rb"[ \t]*+(?:(?:\"((?:[^\"\\\r\n]++|\\.)*+)\"|(%b(?:[ \t]++%b)*+)?)[ \t]*+<(%b)@(%b)>|(%b)@(%b))"
    rb"[ \t]*+(?:,|$)" % ((_PART,) * 6)
)
_BLANKS = re.compile(rb"[ \t]{2,}|\t")


def parse_addresses(value: bytes) -> list[Entry]:
    """The entries of an unfolded address list."""
    return [entry for entry in address_steps(value) if entry is not None]


def address_steps(value: bytes) -> Iterator[Entry | None]:
    """The same one by one, for lists of thousands; None is a pause inside a large group."""
    position, size = 0, len(value)
    count = 0
    while position < size:
        match = _USUAL.match(value, position)
        if match is None:
            # What stands behind the last comma begins an entry: the other reader takes it there.
            yield from _read_any(value[position:], MAX_ADDRESSES - count)
            return
        if count == MAX_ADDRESSES:
            return
        count += 1
        quoted, phrase, local, domain, bare_local, bare_domain = match.groups()
        if bare_local is not None:
            yield Address(None, None, bare_local, bare_domain)
        else:
            name: bytes | None = phrase if quoted is None else quoted
            if quoted is not None and b"\\" in quoted:
                name = _ESCAPED.sub(rb"\1", quoted)
            if name and phrase is not None and (b"  " in name or b"\t" in name):
                name = _BLANKS.sub(b" ", name)
            yield Address(name or None, None, local, domain)
        position = match.end()


def mailboxes(entries: list[Entry]) -> Iterator[Address]:
    """The addresses of a list, those in groups included."""
    for entry in entries:
        match entry:
            case Address():
                yield entry
            case Group():
                yield from entry.members


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


_TOKEN = re.compile(
    rb"[ \t\r\n]++|\"((?:[^\"\\]++|\\.)*+)\"?+|(\[(?:[^\[\]\\]++|\\.)*+\]?+)|([(),:;<>@.])"
    rb"|([^ \t\r\n\"\[(),:;<>@.\\]++)|\\(.)|(.)",
    re.S,
)
_ESCAPED = re.compile(rb"\\(.)", re.S)

_BLANK, _QUOTED, _LITERAL, _SPECIAL, _WORD = range(5)


def _tokens(value: bytes) -> Iterator[tuple[int, bytes]]:
    """Words, quoted strings, domain literals and specials; comments come as `(` with their text."""
    depth = 0
    comment: list[bytes] = []
    for match in _TOKEN.finditer(value):
        quoted, literal, special, word, escaped, other = match.groups()
        if special == b"(":
            if depth:
                comment.append(b"(")
            depth = min(depth + 1, MAX_COMMENT_DEPTH)
        elif depth:
            if special == b")":
                depth -= 1
                if depth:
                    comment.append(b")")
                else:
                    yield _SPECIAL, b"(" + b"".join(comment)
                    comment = []
            else:
                comment.append(escaped or match[0])
        elif quoted is not None:
            yield _QUOTED, _ESCAPED.sub(rb"\1", quoted) if b"\\" in quoted else quoted
        elif literal is not None:
            yield _LITERAL, literal
        elif special is not None:
            yield _SPECIAL, special
        elif word is not None or escaped is not None or other is not None:
            yield _WORD, word or escaped or other
        else:
            yield _BLANK, b" "
    if depth:
        yield _SPECIAL, b"(" + b"".join(comment)


class _Reader:
    """What has been read of the entry under way; `finish` makes an address of it."""

    __slots__ = (
        "angle",
        "at",
        "comment",
        "domain",
        "local",
        "phrase",
        "route",
        "routing",
        "spec_seen",
    )

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.phrase: list[bytes] = []  # everything outside angle brackets, blanks included
        self.local: list[bytes] = []
        self.domain: list[bytes] = []
        self.comment: bytes | None = None
        self.route: list[bytes] = []
        self.routing = False  # between <@ and the colon
        self.angle = False  # between < and >
        self.spec_seen = False  # an angle address was read
        self.at = False  # behind the @

    @property
    def here(self) -> list[bytes]:
        """Where a word between angle brackets belongs."""
        if self.routing:
            return self.route
        return self.domain if self.at else self.local

    def finish(self) -> Address | None:
        """The address, None when there was nothing; and begin anew."""
        address = self._address()
        self.clear()
        return address

    def _address(self) -> Address | None:
        phrase = b" ".join(b"".join(self.phrase).split())
        name: bytes | None = phrase or self.comment
        if self.spec_seen:
            local, domain = b"".join(self.local), b"".join(self.domain)
            if not (local or domain or name):
                return None
            return Address(name, b"".join(self.route) or None, local, domain)
        # No angle brackets: what was taken for a phrase is local@domain. RFC 5322 §4.4 allows
        # blanks around its dots and at sign; between other words they are kept, nothing is lost.
        local = _join_dots(phrase)
        domain = b"".join(self.domain)
        if not (local or domain):
            return None
        return Address(self.comment, None, local, domain)


_AROUND_DOTS = re.compile(rb" ?\. ?")


def _join_dots(text: bytes) -> bytes:
    return _AROUND_DOTS.sub(b".", text) if b"." in text else text


def _read_any(value: bytes, most: int) -> Iterator[Entry | None]:
    """The entries of any list: RFC 5322 with everything obsolete, and what is neither."""
    members: list[Address] | None = None  # of the group that is open
    group_name = b""
    reader = _Reader()
    left = most
    for kind, text in _tokens(value):
        if kind == _SPECIAL and text != b"." and not (text == b"@" and reader.at):
            match text:
                case b"," | b"@" | b":" if reader.routing:
                    # RFC 5322 §4.4: <@a,@b:local@domain>, to be accepted and ignored
                    if text == b":":
                        reader.routing = False
                    else:
                        reader.route.append(text)
                case b"@" if reader.angle and not reader.local:
                    reader.routing = True
                    reader.route.append(text)
                case b"," | b";":
                    if (address := reader.finish()) is not None:
                        left -= 1
                        if members is not None:
                            members.append(address)
                        yield address if members is None else None
                    if text == b";" and members is not None:
                        left -= 1
                        yield Group(group_name, tuple(members))
                        members = None
                    if left <= 0:
                        break
                case b":" if members is None and not (reader.at or reader.spec_seen):
                    group_name = b" ".join(b"".join(reader.phrase).split())
                    members = []
                    reader.clear()
                case b"<":
                    reader.angle = reader.spec_seen = True
                    reader.at = False
                    reader.local, reader.domain = [], []
                case b">":
                    reader.angle = False
                case b"@":
                    reader.at = True
                case _ if text[:1] == b"(":
                    if reader.comment is None:
                        reader.comment = b" ".join(text[1:].split()) or None
                case _:
                    reader.phrase.append(text)
        elif reader.angle:
            if kind != _BLANK:
                reader.here.append(text)
        elif reader.at and not reader.spec_seen:
            if kind != _BLANK:
                reader.domain.append(text)
        else:
            reader.phrase.append(text)
    last = reader.finish() if left > 0 else None
    if members is not None:
        yield Group(group_name, (*members, last) if last else tuple(members))
    elif last is not None:
        yield last
