"""The fields a server writes: folded lines of its own making.

RFC 5322 §2.1.1 (line lengths), §2.2.3 (folding); RFC 5321 §4.4 (Return-Path); RFC 9228
(Delivered-To). It never touches what was received: such fields are put in front of it.
"""

from __future__ import annotations

import re

_NAME = re.compile(r"[!-9;-~]+")
_BREAK = re.compile(r"[\r\n\0]")
_LINE = 78


def fold_field(name: str, value: str) -> bytes:
    """A field with its CRLF, folded at blanks so that lines stay within 78 octets where they can.

    RFC 5322 §2.1.1. A single longer word is left whole.
    """
    # A line break in a value would let its author write further fields: a fault of the caller.
    if _NAME.fullmatch(name) is None or _BREAK.search(value) is not None:
        raise ValueError(f"not a header field: {name!r}")
    if len(name) + 2 + len(value) <= _LINE and value.isascii():
        return f"{name}: {value}".rstrip(" ").encode("ascii") + b"\r\n"
    lines: list[bytes] = []
    line = name.encode("ascii") + b":"
    room = _LINE - len(line)
    for word in value.encode("utf-8").split(b" "):
        # A line of blanks only is obsolete syntax (RFC 5322 §4.2): fold only before and after
        # something that is to be seen.
        # RFC 5322 §2.1.1: "SHOULD be no more than 78 characters, excluding the CRLF."
        room -= 1 + len(word)
        if room < 0 and word.strip() and line.strip():
            lines.append(line)
            line = b""
            room = _LINE - 1 - len(word)
        line += b" " + word
    lines.append(line.rstrip(b" "))
    return b"\r\n".join(lines) + b"\r\n"


def return_path(mail_from: str) -> bytes:
    """The Return-Path that final delivery puts first; the null path is `<>`."""
    # RFC 5321 §4.4: "it inserts a return-path line at the beginning of the mail data." Whoever
    # delivers puts it in front of everything else.
    return fold_field("Return-Path", f"<{mail_from}>")


def delivered_to(address: str) -> bytes:
    """The Delivered-To of one mailbox."""
    return fold_field("Delivered-To", address)
