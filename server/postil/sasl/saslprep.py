"""SASLprep: how SCRAM writes a password before it is hashed.

RFC 4013, a profile of RFC 3454 (stringprep) over Unicode 3.2. It is obsolete (RFC 8265 took its place), but a key of SCRAM is made by
the client, and RFC 5802 §2.2 tells clients to use this.
"""

from __future__ import annotations

import stringprep
import unicodedata

from postil.sasl import precis


class Unprepared(ValueError):
    """The profile does not allow the string."""


_PROHIBITED = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def password(text: str) -> str:
    """The text to hash: SASLprep; where that refuses (an emoji is younger than Unicode 3.2), OpaqueString, else as it is."""
    try:
        return prepare(text)
    except Unprepared:
        try:
            return precis.opaque(text)
        except precis.Unacceptable:
            return text


def prepare(text: str) -> str:
    """RFC 4013 §2 for a stored string; Unprepared."""
    if text.isascii() and text.isprintable():
        return text
    # RFC 4013 §2.1: "non-ASCII space characters [StringPrep, C.1.2] that can be mapped to SPACE (U+0020)"
    # and "commonly mapped to nothing" characters (B.1) that are
    mapped = "".join(
        " " if stringprep.in_table_c12(character) else character
        for character in text
        if not stringprep.in_table_b1(character)
    )
    normal = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    if any(stringprep.in_table_a1(character) for character in normal):
        # RFC 4013 §2.5: "This profile specifies the [StringPrep, A.1] table as its list of unassigned code points."
        raise Unprepared("a character that Unicode 3.2 does not know")
    if any(table(character) for character in normal for table in _PROHIBITED):
        raise Unprepared("a prohibited character")
    if any(stringprep.in_table_d1(character) for character in normal):
        # RFC 3454 §6: right-to-left text begins and ends so, and holds nothing of the other direction
        if any(stringprep.in_table_d2(character) for character in normal):
            raise Unprepared("both directions of writing")
        if not (stringprep.in_table_d1(normal[0]) and stringprep.in_table_d1(normal[-1])):
            raise Unprepared("right-to-left text with something else at an end")
    return normal
