"""Bounds on what the parser looks at, each with its reason; beyond them content degrades, never fails.

RFC 5322 §2.1.1 limits lines and nothing else. The octets themselves are never cut: a message is stored and given back whole whatever these say.
They bound only what is understood of it.
"""

from __future__ import annotations

from typing import Final

MAX_DEPTH: Final = 64
"""Open parts, one inside the other. Forwards of forwards reach about ten (two a forward: the
message/rfc822 part and the message in it); deeper nesting is only seen in attacks. A multipart or
message beyond it becomes application/octet-stream, so that every walker may recurse."""

MAX_PARTS: Final = 10_000
"""Parts of one message. A digest of a busy mailing list has some hundreds. The part that would
be one too many becomes application/octet-stream and takes the rest of the message."""

MAX_HEADER: Final = 256 * 1024
"""Octets of one header that are searched for fields. Five thousand recipients fit into it;
Postfix and Exchange refuse or cut far smaller headers (100 KiB and 256 KiB)."""

MAX_FIELDS: Final = 10_000
"""Fields of one header that are looked at: real ones have under 200; keeps a header of two-octet
fields within a few milliseconds."""

MAX_CONTENT_FIELD: Final = 16 * 1024
"""Octets of one Content-* field that are read: 100 parameters of 160 octets."""

MAX_PARAMS: Final = 100
"""Parameters of one field. RFC 2231 continuations of a long file name need about ten."""

MAX_ADDRESSES: Final = 10_000
"""Addresses read from one field: more than fit into MAX_HEADER in any useful form."""

MAX_COMMENT_DEPTH: Final = 32
"""Nesting of comments in structured fields; what is deeper counts as text of the 32nd level."""

MAX_REFERENCES: Final = 1000
"""Message identifiers kept from References: threads longer than that are still joined by the last."""

MAX_SEARCH_TEXT: Final = 4 * 1024 * 1024
"""Characters of decoded text handed to search: ten novels. A larger text is searched as far as that."""

MAX_PREVIEW: Final = 200
"""Characters of a preview. RFC 8970 §3.3 recommends 200 and forbids more than 256."""

PREVIEW_FIRST: Final = 2 * 1024
"""Octets of a plain text that are tried first: they nearly always hold a preview."""

PREVIEW_SOURCE: Final = 16 * 1024
"""Octets of a part that are decoded to make a preview: markup of newsletters can be long."""

SCAN_STEP: Final = 256 * 1024
"""Octets looked at before the parser gives the loop back: about a millisecond (architecture: no
slice above 5 ms)."""

PART_WORK: Final = 4 * 1024
"""What opening a part is counted as, in scanned octets: about 10 microseconds."""

CANDIDATE_WORK: Final = 128
"""What looking at one line that begins with two hyphens is counted as, in scanned octets."""

DECODE_STEP: Final = 64 * 1024
"""Octets decoded at once: a tenth of a millisecond, and what a stream writes at a time."""

QP_HOLD: Final = 8 * 1024
"""Octets of a quoted-printable line without end that a decoder holds. RFC 2045 §6.7 allows 76."""

MAX_SUBJECT: Final = 2_000
"""Characters of a subject that are reduced to a base subject. The rules of RFC 5256 §2.1 start
again after each step, so their cost grows with the square."""
