"""What joins messages to threads: identifiers, references and the base subject.

RFC 5322 §3.6.4 (identification fields); RFC 5256 §2.1 (base subject), §3 (threading).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from postil.message import words
from postil.message.limits import MAX_REFERENCES, MAX_SUBJECT
from postil.message.part import Part

# RFC 5322 §3.6.4: angle brackets around an address-like token; blanks inside are obsolete.
_ID = re.compile(rb"<\s*+((?:\"(?:[^\"\\]++|\\.)*+\"|[^<>\"\s]++|\"|[ \t]++(?!>))++)\s*+>", re.S)
_QUOTING = re.compile(rb"\\(.)|\"", re.S)


def message_ids(value: bytes) -> list[bytes]:
    """The identifiers in a field value, normalised, in angle brackets.

    RFC 5256 §3: "Implementations of the REFERENCES threading algorithm MUST normalize any msg-id
    in order to avoid false non-matches due to differences in quoting."
    """
    found = []
    for match in _ID.finditer(value):
        text = match[1]
        if b'"' in text or b"\\" in text:
            text = _QUOTING.sub(lambda inner: inner[1] or b"", text)
        found.append(b"<" + text + b">")
    return found


def message_id(root: Part) -> bytes | None:
    """The identifier of a message, normalised; what stands there when it is malformed."""
    value = root.fields.get(b"message-id")
    if not value:
        return None
    found = message_ids(value)
    return found[0] if found else value


def references(root: Part) -> list[bytes]:
    """The identifiers of its ancestors, oldest first, each once.

    RFC 5256 §3: "If a message does not contain a References header line, or the References header
    line does not contain any valid Message IDs, then use the first (if any) valid Message ID found
    in the In-Reply-To header line as the only reference (parent) for this message."
    """
    found = message_ids(root.fields.get(b"references", b""))
    if not found:
        found = message_ids(root.fields.get(b"in-reply-to", b""))[:1]
    # The last ones are the nearest ancestors.
    return list(dict.fromkeys(found))[-MAX_REFERENCES:]


class BaseSubject(NamedTuple):
    """A subject without reply and forward marks, and whether it had any."""

    text: str
    derived: bool


_BLOB = r"\[[^\[\]]*+\][ \t]*+"
_LEADER = re.compile(rf"(?:{_BLOB})*+(?:re|fwd?)[ \t]*+(?:{_BLOB})?+:|[ \t]", re.I)
_ONE_BLOB = re.compile(_BLOB)
_FORWARD_TRAILER = "(fwd)"
_BLANKS = re.compile(r"[\t\r\n][ \t\r\n]*+| [ \t\r\n]++")
_MARKS = frozenset(("", *"rRfF[ \t"))  # what leaders and blobs begin with
_END_MARKS = frozenset(") \t]")


def base_subject(value: bytes) -> BaseSubject:
    """The base subject of an unfolded Subject value.

    RFC 5256 §2.1: "All servers and disconnected (as described in [IMAP-MODELS]) clients MUST use
    exactly this algorithm to determine the 'base subject'." The numbers are its steps.
    """
    # (1) decode, blanks to one blank
    text = words.decode(value)[:MAX_SUBJECT]
    if _BLANKS.search(text) is not None:
        text = _BLANKS.sub(" ", text)
    if text[:1] not in _MARKS and text[-1:] not in _END_MARKS:
        return BaseSubject(text, False)  # none of the steps finds anything
    derived = False
    while True:
        # (2) trailers
        while True:
            if text.endswith((" ", "\t")):
                text = text.rstrip(" \t")
            elif text[-len(_FORWARD_TRAILER) :].lower() == _FORWARD_TRAILER:
                text = text[: -len(_FORWARD_TRAILER)]
                derived = True
            else:
                break
        # (3) leaders, (4) a blob unless nothing would be left, (5) both again
        while True:
            match = _LEADER.match(text)
            if match is not None:
                derived = derived or match[0].endswith(":")
                text = text[match.end() :]
                continue
            match = _ONE_BLOB.match(text)
            if match is not None and text[match.end() :].strip(" \t"):
                text = text[match.end() :]
                continue
            break
        # (6) [fwd: …] around the rest
        if text[:5].lower() == "[fwd:" and text.endswith("]"):
            text = text[5:-1]
            derived = True
            continue
        return BaseSubject(text, derived)
