"""What a message says: decoded text for search, and the preview.

RFC 9051 §6.4.4 (SEARCH BODY and TEXT), RFC 8970 §3.3 (preview); RFC 2046 §4.1 (text).

Search covers every text part, those of messages inside the message included, and the decoded
header fields. Texts come as an iterator, whole so that a needle is never cut, with empty ones in
between as pauses, so that a caller in an event loop can give the loop back.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator

from postil.message import words
from postil.message.charsets import codec_name, to_text
from postil.message.fields import Buffer, iter_fields, unfold
from postil.message.limits import (
    MAX_HEADER,
    MAX_PREVIEW,
    MAX_SEARCH_TEXT,
    PREVIEW_FIRST,
    PREVIEW_SOURCE,
    SCAN_STEP,
)
from postil.message.markup import strip_html_steps
from postil.message.part import Part
from postil.message.transfer import UnknownEncoding, decoder


def part_text(data: Buffer, part: Part, *, limit: int = MAX_SEARCH_TEXT) -> str:
    """The text of one text part, at most `limit` octets of it, markup removed."""
    steps = part_text_steps(data, part, limit=limit)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            text: str = stop.value
            return text


def part_text_steps(
    data: Buffer, part: Part, *, limit: int = MAX_SEARCH_TEXT
) -> Generator[None, None, str]:
    """The same in slices of a few milliseconds."""
    try:
        made = decoder(part.encoding)
    except UnknownEncoding:
        # A text in an encoding nobody knows is most often plain, its encoding misspelled.
        made = decoder("8bit")
    end = min(part.body_end, part.body_start + limit)
    pieces: list[bytes] = []
    for at in range(part.body_start, end, SCAN_STEP):
        if pieces:
            yield
        pieces.append(made.feed(data[at : min(at + SCAN_STEP, end)]))
    pieces.append(made.finish())
    text = to_text(b"".join(pieces), part.param(b"charset"))
    return (yield from strip_html_steps(text)) if part.subtype == "html" else text


def header_text(data: Buffer, part: Part) -> str:
    """The fields of a header as `Name: value` lines, unfolded, encoded words decoded."""
    header = data[part.header_start : min(part.body_start, part.header_start + MAX_HEADER)]
    return "\n".join(
        words.decode(unfold(field.raw[: field.value_at]) + b" " + field.value)
        if field.name
        else words.decode(unfold(field.raw))
        for field in iter_fields(header)
    )


def header_values(data: Buffer, part: Part, name: bytes) -> list[str]:
    """The decoded values of the fields with this name: what SEARCH HEADER looks into."""
    header = data[part.header_start : min(part.body_start, part.header_start + MAX_HEADER)]
    wanted = name.lower()
    return [words.decode(field.value) for field in iter_fields(header) if field.name == wanted]


def values_by_name(data: Buffer, part: Part, names: Collection[bytes]) -> dict[bytes, list[str]]:
    """`header_values` of several names at once, which are in lower case."""
    header = data[part.header_start : min(part.body_start, part.header_start + MAX_HEADER)]
    found: dict[bytes, list[str]] = {}
    for field in iter_fields(header):
        if field.name in names:
            found.setdefault(field.name, []).append(words.decode(field.value))
    return found


def body_texts(data: Buffer, root: Part) -> Iterator[str]:
    """The texts of a message without its header: what SEARCH BODY looks into.

    Headers of messages inside it belong to its body; MIME headers of parts (`part_headers`) do not, but for the
    names of attachments, which people search for. An empty text is a pause: a long one is being
    made.
    """
    left = MAX_SEARCH_TEXT
    for part in root.walk():
        piece = ""
        if part.message is not None:
            piece = header_text(data, part.message)
        elif part.type == "text":
            steps = part_text_steps(data, part, limit=left)
            while True:
                try:
                    next(steps)
                except StopIteration as stop:
                    piece = stop.value
                    break
                yield ""
        elif not part.children:
            piece = file_name(part)
        if piece:
            yield piece[:left]
            left -= len(piece)
            if left <= 0:
                return


def search_texts(data: Buffer, root: Part) -> Iterator[str]:
    """Header and body texts: what SEARCH TEXT looks into beside `part_headers`."""
    yield header_text(data, root)
    yield from body_texts(data, root)


def part_headers(data: Buffer, root: Part) -> Iterator[str]:
    """The MIME headers of the parts, which SEARCH TEXT looks into and SEARCH BODY does not.

    RFC 9051 §6.4.4: "in the header (including MIME header fields) or body of the message"
    """
    left = MAX_SEARCH_TEXT
    for part in root.walk():
        for child in part.children:
            text = header_text(data, child)[:left]
            left -= len(text)
            if text:
                yield text
        if left <= 0:
            return


def search_text(data: Buffer, root: Part) -> str:
    """All text of a message in one string."""
    found = (*search_texts(data, root), *part_headers(data, root))
    return "\n".join(filter(None, found))


def file_name(part: Part) -> str:
    """The file name of a part, decoded; empty when it has none.

    RFC 2183 §2.3 names it in the disposition; older senders in the name parameter (RFC 2045), and
    many encode it as RFC 2047 forbids (§5: not within a parameter).
    """
    name: bytes | None = None
    disposition = part.disposition
    if disposition is not None:
        name = disposition.param(b"filename")
    if name is None:
        name = part.param(b"name")
    return "" if name is None else words.decode(name)


def preview(root: Part, data: Buffer) -> str:
    """The beginning of what the author wrote; empty when there is no text to show (RFC 8970 §3.2)."""
    # RFC 8970 §3.2: "In such cases, the server MUST return a zero-length string." Encrypted messages are such
    if root.subtype in ("encrypted", "pkcs7-mime", "x-pkcs7-mime"):
        return ""
    markup: Part | None = None
    for part in root.walk():
        if part.type != "text" or _is_attachment(part):
            continue
        if part.subtype == "html":
            markup = markup or part
        elif part.subtype == "plain" and (text := _condense(data, part)):
            return text
    return "" if markup is None else _condense(data, markup)


def _is_attachment(part: Part) -> bool:
    disposition = part.disposition
    return disposition is not None and disposition.kind == b"attachment"


def _condense(data: Buffer, part: Part) -> str:
    """The first words of a text, without quotations and the signature, blanks collapsed."""
    own, enough = _first_lines(_beginning(data, part))
    if not enough:
        own, _ = _first_lines(part_text(data, part, limit=PREVIEW_SOURCE))
    # RFC 8970 §3.3: "The server SHOULD limit the length of the preview text to 200 preview
    # characters."
    # RFC 8970 §3.2: nothing can be extracted from encrypted messages, those with the armor in their text included.
    return " ".join(own).partition("-----BEGIN PGP MESSAGE-----")[0][:MAX_PREVIEW].rstrip()


def _beginning(data: Buffer, part: Part) -> str:
    """Its first whole lines, when they are octets that mean the same in every charset in use here; else nothing.

    Most texts are of this kind, and their previews end long before PREVIEW_SOURCE.
    """
    if part.subtype != "plain" or part.encoding not in ("7bit", "8bit", "binary"):
        return ""
    charset = part.param(b"charset")
    if charset is not None and codec_name(charset) not in _ASCII_BELOW:
        return ""
    start, end = part.body_start, min(part.body_end, part.body_start + PREVIEW_FIRST)
    octets = data[start : data.rfind(b"\n", start, end) + 1]
    return octets.decode("ascii") if octets.isascii() else ""


_ASCII_BELOW = frozenset(("utf-8", "cp1252", "iso8859-2", "iso8859-15", "cp1251", "koi8-r"))


def _first_lines(text: str) -> tuple[list[str], bool]:
    """Lines for a preview, and whether they fill it or the signature ended them."""
    own: list[str] = []
    length = 0
    for line in text.splitlines():
        if line in ("-- ", "--"):  # RFC 3676 §4.3: the signature follows
            return own, True
        if line.startswith(">"):
            continue
        kept = " ".join(_visible(line).split())
        if kept:
            own.append(kept)
            length += len(kept) + 1
        if length > MAX_PREVIEW:
            return own, True
    return own, False


_INVISIBLE = dict.fromkeys((*range(0x09), *range(0x0E, 0x20), 0x7F, 0xAD, 0x034F, 0xFEFF))
_INVISIBLE.update(dict.fromkeys((*range(0x200B, 0x2010), *range(0x202A, 0x202F), 0x2060)))


def _visible(line: str) -> str:
    """Without control characters and the invisible ones newsletters pad their previews with."""
    return line if line.isascii() and line.isprintable() else line.translate(_INVISIBLE)
