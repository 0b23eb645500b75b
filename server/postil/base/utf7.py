"""Mailbox names in modified UTF-7 (RFC 3501 §5.1.3, RFC 2152), both ways.

Names are `str` everywhere inside; this spelling exists only on the wire, for clients that enabled
neither IMAP4rev2 nor UTF8=ACCEPT.
"""

from __future__ import annotations

import base64
import re

_SHIFTED = re.compile(r"&([A-Za-z0-9+,]*)-")
_NEEDS_SHIFT = re.compile(r"[^\x20-\x7e]+")


class BadName(ValueError):
    """The octets are not a name in modified UTF-7."""


def encode(name: str) -> bytes:
    """The name as it goes on the wire: printable ASCII, everything else shifted."""
    try:
        out = []
        last = 0
        for run in _NEEDS_SHIFT.finditer(name):
            out.append(name[last : run.start()].replace("&", "&-"))
            packed = base64.b64encode(run.group().encode("utf-16-be"), b"+,").decode("ascii")
            # RFC 3501 §5.1.3: modified BASE64 has no padding and "," for "/".
            out.append("&" + packed.rstrip("=") + "-")
            last = run.end()
        out.append(name[last:].replace("&", "&-"))
        return "".join(out).encode("ascii")
    except UnicodeEncodeError as error:
        raise BadName(f"name holds a lone surrogate: {name!r}") from error


def decode(wire: bytes) -> str:
    """The name behind the octets; BadName when they are not one (RFC 3501 §5.1.3).

    A name that another spelling would encode differently is refused, so that two octet
    strings never mean one mailbox.
    """
    try:
        text = wire.decode("ascii")
    except UnicodeDecodeError as error:
        raise BadName("name holds octets above 127") from error
    out = []
    last = 0
    for shift in _SHIFTED.finditer(text):
        plain = text[last : shift.start()]
        if "&" in plain:
            raise BadName(f"unfinished shift in {text!r}")
        out.append(plain)
        out.append(_unshift(shift.group(1)) if shift.group(1) else "&")
        last = shift.end()
    if "&" in text[last:]:
        raise BadName(f"unfinished shift in {text!r}")
    out.append(text[last:])
    name = "".join(out)
    if encode(name) != wire:
        # RFC 3501 §5.1.3: "Modified BASE64 MUST NOT be used to represent any printing US-ASCII
        # character which can represent itself."
        raise BadName(f"{text!r} is not the canonical spelling of its name")
    return name


def _unshift(packed: str) -> str:
    try:
        raw = base64.b64decode(packed + "=" * (-len(packed) % 4), b"+,", validate=True)
        return raw.decode("utf-16-be")
    except ValueError as error:
        raise BadName(f"broken modified BASE64: {packed!r}") from error
