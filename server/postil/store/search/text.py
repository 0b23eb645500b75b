"""What of a message each kind of search looks at, and the plain scan that defines the right answer.

RFC 9051 §6.4.4 (TEXT is header, those of parts included, or body, BODY the body, HEADER one named field; an empty needle for
HEADER asks for the presence of the field). Text is decoded before it is compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from postil.message.content import (
    body_texts,
    header_values,
    part_headers,
    search_texts,
    values_by_name,
)
from postil.message.parse import parse_steps
from postil.message.part import Part
from postil.ports.store import SearchField, TextSearch
from postil.store.search.fold import SEPARATOR, fold

FOLD_STEP = 64 * 1024
"""Characters folded between two turns of the loop: a millisecond of Cyrillic."""


def parsed(octets: bytes) -> Iterator[Part | None]:
    """The tree of a message as the last item; each None before it is a chance to let others run."""
    steps = parse_steps(octets)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            yield stop.value
            return
        yield None


def matches(octets: bytes, what: TextSearch) -> Iterator[bool | None]:
    """Whether a message holds the needle, as the last item; each None before it is a pause."""
    root: Part | None = None
    for root in parsed(octets):
        if root is None:
            yield None
    assert root is not None
    needle = fold(what.needle)
    texts: Iterator[str]
    match what.where:
        case SearchField.HEADER:
            values = header_values(octets, root, what.field.encode("utf-8", "replace"))
            if not needle:
                yield bool(values)
                return
            texts = iter(values)
        case SearchField.BODY:
            texts = body_texts(octets, root)
        case SearchField.TEXT:
            texts = chain(search_texts(octets, root), part_headers(octets, root))
    if not needle:
        yield True
        return
    for text in texts:
        if not text:
            yield None  # a long text is being made
        for folded in folded_pieces(text):
            if folded is None:
                yield None
            elif needle in folded:
                yield True
                return
    yield False


def folded_texts(
    octets: bytes, fields: Sequence[str]
) -> Iterator[tuple[tuple[str | None, ...], str, str] | None]:
    """Field values, header and content, folded, as the last item; each None before it is a pause."""
    root: Part | None = None
    for root in parsed(octets):
        if root is None:
            yield None
    assert root is not None
    values = []
    names = [field.encode() for field in fields]
    by_name = values_by_name(octets, root, names)
    for name in names:
        own = by_name.get(name)
        values.append(SEPARATOR.join(map(fold, own)) if own else None)
    yield None
    header = []
    content = []
    for number, text in enumerate(search_texts(octets, root)):
        if number and not text:
            yield None
            continue
        for folded in folded_pieces(text):
            if folded is None:
                yield None
            elif number:
                content.append(folded)
            else:
                header.append(folded)
    # HEADER asks about the first of them and is verified in the message; TEXT means all.
    for text in part_headers(octets, root):
        yield None
        for folded in folded_pieces(text):
            if folded is None:
                yield None
            else:
                header.append(folded)
    yield tuple(values), SEPARATOR.join(header), SEPARATOR.join(content)


def folded_pieces(text: str) -> Iterator[str | None]:
    """The folded text as the last item; a long one is folded in slices, with a None for each pause.

    Cutting is safe behind an ASCII character: those have no combining class and decompose to themselves.
    """
    if len(text) <= FOLD_STEP:
        yield fold(text)
        return
    pieces = []
    start = 0
    while start < len(text):
        end = min(start + FOLD_STEP, len(text))
        while end < len(text) and not text[end].isascii():
            end += 1
        pieces.append(fold(text[start:end]))
        start = end
        yield None
    yield "".join(pieces)
