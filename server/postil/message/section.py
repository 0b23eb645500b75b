"""Section specifications: which octets of a message `BODY[1.2.MIME]` means.

RFC 9051 §6.4.5.1. Everything is an offset range into the message as received.

A message with a single part has part 1, which is its body. Numbers lead through multiparts and
through the message inside a message/rfc822 or message/global part.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from postil.message.part import Part

Specifier: TypeAlias = Literal["", "HEADER", "TEXT", "MIME"]
"""What of a part is meant; HEADER also stands for its two subsets."""


def section_part(root: Part, numbers: Sequence[int]) -> Part | None:
    """The part with these numbers; the whole message for none; None when there is no such part."""
    part = root
    container: Part | None = root  # the message or multipart the next number counts in
    for number in numbers:
        if container is None or number < 1:
            return None
        if container.children:
            if number > len(container.children):
                return None
            part = container.children[number - 1]
        elif number == 1:
            # RFC 9051 §6.4.5.1: "Every message has at least one part number."
            part = container
        else:
            return None
        if part.message is not None:
            # RFC 9051 §6.4.5.1: "A part of type MESSAGE/RFC822 or MESSAGE/GLOBAL also has nested
            # part numbers, referring to parts of the MESSAGE part's body."
            container = part.message
        else:
            container = part if part.children else None
    return part


def section_range(
    root: Part, numbers: Sequence[int], specifier: Specifier = ""
) -> tuple[int, int] | None:
    """Start and end of a section; None when the message has no such section."""
    part = section_part(root, numbers)
    if part is None:
        return None
    match specifier:
        case "":
            return (part.body_start if numbers else part.header_start), part.body_end
        case "MIME":
            # RFC 9051 §6.4.5.1: "The MIME part specifier MUST be prefixed by one or more numeric
            # part specifiers."
            return (part.header_start, part.body_start) if numbers else None
        case "HEADER" | "TEXT":
            # Prefixed, they refer to a message in the message, and only to such.
            message = part.message if numbers else part
            if message is None:
                return None
            if specifier == "HEADER":
                return message.header_start, message.body_start
            return message.body_start, message.body_end
