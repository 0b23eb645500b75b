"""ENVELOPE, BODYSTRUCTURE and BODY of a message as the octets IMAP sends.

RFC 9051 §7.5.2, RFC 3501 §7.4.2; RFC 9755 §6 (message/global); RFC 2231 (parameters).

What is ASCII is the same for every client. The rest depends on whether the client enabled UTF-8
in quoted strings (IMAP4rev2 or UTF8=ACCEPT): with `utf8` strings are quoted UTF-8, parameters
with a charset are decoded and message/global is opened; without it, strings are literals,
parameters with a charset are sent in one piece in the form of RFC 2231 and message/global is a
basic part. `Rendered.same` tells whether there is any difference, so that the store may keep one.

Media types and encodings are sent in lower case; clients compare them without case.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from urllib.parse import quote

from postil.message.addresses import Address, Entry, Group, address_steps, parse_addresses
from postil.message.params import Params
from postil.message.part import Part


@dataclass(frozen=True, slots=True)
class Rendered:
    """The three forms, and whether every client gets the same octets."""

    envelope: bytes
    bodystructure: bytes
    same: bool


def render(root: Part, *, utf8: bool = False) -> Rendered:
    """ENVELOPE and BODYSTRUCTURE of a message."""
    out_envelope = envelope(root, utf8=utf8)
    out_structure = bodystructure(root, utf8=utf8)
    same = out_envelope.isascii() and out_structure.isascii()
    return Rendered(out_envelope, out_structure, same and not any(map(_differs, root.walk())))


def _differs(part: Part) -> bool:
    """Whether something of a part itself is shown differently though it is ASCII."""
    return (
        part.subtype == "global"
        or any(name.endswith(b"*") for name, _ in part.params)
        or (b"content-disposition" in part.fields and _disposition_differs(part))
    )


def _disposition_differs(part: Part) -> bool:
    disposition = part.disposition
    return disposition is not None and any(n.endswith(b"*") for n, _ in disposition.params)


def render_steps(root: Part, *, utf8: bool = False) -> Generator[None, None, Rendered]:
    """The same in slices of a few milliseconds, for messages of thousands of parts or addresses."""
    differs = False
    ready: dict[int, bytes] = {}  # structures of parts whose parent is still to come
    # Backwards, children come before their parents.
    for count, part in enumerate(reversed(list(root.walk())), start=1):
        inside = b""
        if part.message is not None and (part.subtype == "rfc822" or utf8):
            inside = yield from _envelope_steps(part.message, utf8)
        differs = differs or _differs(part)
        ready[id(part)] = _one(part, utf8, True, ready, inside)
        if count % _PARTS_AT_ONCE == 0:
            yield
    out_envelope = yield from _envelope_steps(root, utf8)
    out_structure = ready[id(root)]
    same = out_envelope.isascii() and out_structure.isascii() and not differs
    return Rendered(out_envelope, out_structure, same)


_PARTS_AT_ONCE = 100
_ADDRESSES_AT_ONCE = 200
_SHORT_LIST = 1024
_ADDRESS_FIELDS = (b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc")


def envelope(message: Part, *, utf8: bool = False) -> bytes:
    """The ENVELOPE of a message, or of a message inside one."""
    fields = message.fields
    return _assemble(
        message, [_addresses(fields.get(name), utf8) for name in _ADDRESS_FIELDS], utf8
    )


def _envelope_steps(message: Part, utf8: bool) -> Generator[None, None, bytes]:
    lists: list[bytes] = []
    count = 0
    for name in _ADDRESS_FIELDS:
        value = message.fields.get(name)
        if not value:
            lists.append(b"NIL")
            continue
        if len(value) <= _SHORT_LIST and (usual := _usual_list(value)) is not None:
            lists.append(usual)
            continue
        shown: list[bytes] = []
        for entry in address_steps(value):
            for structure in _entry(entry, utf8) if entry is not None else (b"",):
                shown.append(structure)
                count += 1
                if count % _ADDRESSES_AT_ONCE == 0:
                    yield
        lists.append(b"(%b)" % b"".join(shown) if shown else b"NIL")
    return _assemble(message, lists, utf8)


# What the usual reader of addresses.py would find, narrowed to what is quoted unchanged for every client:
# printable ASCII without backslashes, single blanks in a phrase. Nearly all mail is of this kind.
_WORD = rb"[!#-'*+\-./0-9=?A-Z^_`a-z{|}~]++"
_SIMPLE = re.compile(
    rb" *+(?:(?:\"([^\"\\\x00-\x1f\x7f-\xff]++)\" *+|(%b(?: %b)*+) *+)?<(%b)@(%b)>|(%b)@(%b)) *+(?:,|$)"
    % ((_WORD,) * 6)
)


def _usual_list(value: bytes) -> bytes | None:
    """The address structures of a short list of simple addresses; None when there is anything else in it."""
    shown: list[bytes] = []
    position, size = 0, len(value)
    while position < size:
        match = _SIMPLE.match(value, position)
        if match is None:
            return None
        quoted, phrase, local, domain, bare_local, bare_domain = match.groups()
        name = phrase or quoted
        if name is not None:
            shown.append(b'("%b" NIL "%b" "%b")' % (name, local, domain))
        else:
            shown.append(b'(NIL NIL "%b" "%b")' % (local or bare_local, domain or bare_domain))
        position = match.end()
    return b"(%b)" % b"".join(shown)


def _assemble(message: Part, lists: list[bytes], utf8: bool) -> bytes:
    """The ten members: address lists are ready, NIL when they are empty.

    RFC 9051 §7.5.2: "If the From, To, Cc, and Bcc header fields are absent in the [RFC5322]
    header, or are present but empty, the corresponding member of the envelope is NIL."
    """
    fields = message.fields
    author, sender, reply_to, to, cc, bcc = lists
    # RFC 9051 §7.5.2: "If the Sender or Reply-To header fields are absent in the [RFC5322] header,
    # or are present but empty, the server sets the corresponding member of the envelope to be the
    # same value as the from member"
    return b"(%b %b %b %b %b %b %b %b %b %b)" % (
        nstring(fields.get(b"date"), utf8=utf8),
        nstring(fields.get(b"subject"), utf8=utf8),
        author,
        author if sender == b"NIL" else sender,
        author if reply_to == b"NIL" else reply_to,
        to,
        cc,
        bcc,
        nstring(fields.get(b"in-reply-to"), utf8=utf8),
        nstring(fields.get(b"message-id"), utf8=utf8),
    )


def bodystructure(part: Part, *, utf8: bool = False, extended: bool = True) -> bytes:
    """The BODYSTRUCTURE of a part; without extension data it is BODY."""
    inside = b""
    if part.message is not None and (part.subtype == "rfc822" or utf8):
        inside = envelope(part.message, utf8=utf8)
    return _one(part, utf8, extended, {}, inside)


def _one(part: Part, utf8: bool, extended: bool, ready: dict[int, bytes], inside: bytes) -> bytes:
    """One part; the structures of those in it are taken from `ready` or made.

    `inside` is the envelope of the message in it.
    """
    if part.children:
        inner = b"".join(
            [
                ready.pop(id(child), b"") or bodystructure(child, utf8=utf8, extended=extended)
                for child in part.children
            ]
        )
        if not extended:
            return b"(%b %b)" % (inner, _string(part.subtype.encode("latin-1"), utf8))
        return b"(%b %b %b%b)" % (
            inner,
            _string(part.subtype.encode("latin-1"), utf8),
            _params(part.params, utf8),
            _extension(part, utf8),
        )
    params = part.params
    specific = b""
    if part.type == "text":
        specific = b" %d" % part.lines
        if part.subtype == "plain" and part.param(b"charset") is None:
            # RFC 2046 §4.1.2: us-ascii is what text/plain is without a charset.
            params = ((b"charset", b"us-ascii"), *params)
    elif part.message is not None and inside:
        # RFC 9755 §6: "When IMAP4rev2 and UTF8=ACCEPT are in use, the server MUST behave as
        # described in [RFC9051]."
        specific = b" %b %b %d" % (
            inside,
            ready.pop(id(part.message), b"")
            or bodystructure(part.message, utf8=utf8, extended=extended),
            part.lines,
        )
    basic = b"(%b %b %b %b %b %b %d%b" % (
        _string(part.type.encode("latin-1"), utf8),
        _string(part.subtype.encode("latin-1"), utf8),
        _params(params, utf8),
        nstring(part.id, utf8=utf8),
        nstring(part.description, utf8=utf8),
        _string(part.encoding.encode("latin-1"), utf8),
        part.size,
        specific,
    )
    if not extended:
        return basic + b")"
    return b"%b %b%b)" % (basic, nstring(part.md5, utf8=utf8), _extension(part, utf8))


def _extension(part: Part, utf8: bool) -> bytes:
    """Disposition, language and location, each after a blank."""
    fields = part.fields
    if (
        b"content-disposition" not in fields
        and b"content-language" not in fields
        and b"content-location" not in fields
    ):
        return b" NIL NIL NIL"
    disposition = part.disposition
    shown = b"NIL"
    if disposition is not None:
        shown = b"(%b %b)" % (_string(disposition.kind, utf8), _params(disposition.params, utf8))
    tags = part.language
    language = b"NIL"
    if len(tags) == 1:
        language = _string(tags[0], utf8)
    elif tags:
        language = b"(%b)" % b" ".join(_string(tag, utf8) for tag in tags)
    return b" %b %b %b" % (shown, language, nstring(part.location, utf8=utf8))


def _params(params: Params, utf8: bool) -> bytes:
    if not params:
        return b"NIL"
    shown: list[bytes] = []
    for name, value in params:
        if name.endswith(b"*") and not utf8:
            # A client of RFC 3501 expects what RFC 2231 §4 defines for this name.
            value = b"utf-8''" + quote(value, safe="").encode("ascii")
        shown.append(_string(name, utf8) + b" " + _string(value, utf8))
    return b"(%b)" % b" ".join(shown)


def _addresses(value: bytes | None, utf8: bool) -> bytes:
    if not value:
        return b"NIL"
    if len(value) <= _SHORT_LIST and (usual := _usual_list(value)) is not None:
        return usual
    shown = b"".join([one for entry in parse_addresses(value) for one in _entry(entry, utf8)])
    return b"(%b)" % shown if shown else b"NIL"


def _entry(entry: Entry, utf8: bool) -> Iterator[bytes]:
    """The address structures of an entry."""
    match entry:
        case Address(name, route, local, domain):
            yield b"(%b %b %b %b)" % (
                nstring(name, utf8=utf8),
                nstring(route, utf8=utf8),
                _string(local, utf8),
                # NIL would make a group of it: an address without domain has an empty one.
                _string(domain, utf8),
            )
        case Group(name, members):
            # RFC 9051 §7.5.2: "[RFC5322] group syntax is indicated by a special form of address
            # structure in which the hostname field is NIL."
            yield b"(NIL NIL %b NIL)" % _string(name, utf8)
            for member in members:
                yield from _entry(member, utf8)
            yield b"(NIL NIL NIL NIL)"


_PLAIN = re.compile(rb"[^\x00\r\n\"\\\x80-\xff]*+")


def nstring(value: bytes | None, *, utf8: bool = False) -> bytes:
    """NIL, a quoted string, or a literal for what cannot be quoted."""
    return b"NIL" if value is None else _string(value, utf8)


def _string(value: bytes, utf8: bool) -> bytes:
    if _PLAIN.fullmatch(value):
        return b'"%b"' % value
    # No string of IMAP but literal8 may hold NUL (RFC 9051 §9, CHAR8), and fields need none.
    value = value.replace(b"\x00", b"")
    if b"\r" in value or b"\n" in value or not (value.isascii() or (utf8 and _is_utf8(value))):
        return b"{%d}\r\n%b" % (len(value), value)
    return b'"%b"' % value.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
