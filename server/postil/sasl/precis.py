"""PRECIS: which strings are user names and passwords, and when two are the same.

RFC 8265 §3.3 (UsernameCaseMapped) and §4.2 (OpaqueString), on the string classes of RFC 8264 §4, §8 and §9. Unicode as the interpreter
knows it; what a newer Unicode assigns is refused. The rules for joiners and for text from right to left are those of RFC 5892 and RFC 5893,
borrowed from the library that IDNA uses.
"""

from __future__ import annotations

import enum
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Final

import idna


class Unacceptable(ValueError):
    """The profile does not allow the string; the text says why without quoting it."""


class _Fit(enum.Enum):
    ALWAYS = enum.auto()  # PVALID
    FREE = enum.auto()  # FREE_PVAL: in passwords, not in names
    JOINER = enum.auto()  # CONTEXTJ
    IN_CONTEXT = enum.auto()  # CONTEXTO
    NEVER = enum.auto()  # DISALLOWED, UNASSIGNED


# RFC 8264 §9.6
_EXCEPTIONS: Final = {
    **dict.fromkeys((0x00DF, 0x03C2, 0x06FD, 0x06FE, 0x0F0B, 0x3007), _Fit.ALWAYS),
    **dict.fromkeys((0x00B7, 0x0375, 0x05F3, 0x05F4, 0x30FB), _Fit.IN_CONTEXT),
    **dict.fromkeys((*range(0x0660, 0x066A), *range(0x06F0, 0x06FA)), _Fit.IN_CONTEXT),
    **dict.fromkeys((0x0640, 0x07FA, 0x302E, 0x302F, *range(0x3031, 0x3036), 0x303B), _Fit.NEVER),
}
# RFC 8264 §9.9: conjoining Hangul letters.
_OLD_HANGUL: Final = ((0x1100, 0x11FF), (0xA960, 0xA97C), (0xD7B0, 0xD7C6), (0xD7CB, 0xD7FB))
# RFC 8264 §9.13: Default_Ignorable_Code_Point, which the interpreter does not tell.
_IGNORABLE: Final = (
    (0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
    (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
)  # fmt: skip
_LETTERS: Final = frozenset(("Ll", "Lu", "Lo", "Nd", "Lm", "Mn", "Mc"))
_OTHERS: Final = frozenset(("Lt", "Nl", "No", "Me", "Zs", "Sm", "Sc", "Sk", "So"))
_STABLE_AFTER: Final = 4  # RFC 8265 §5: once, and "three (3) additional times"


@lru_cache(maxsize=4096)
def _fit(character: str) -> _Fit:
    """RFC 8264 §8, in its order."""
    point = ord(character)
    if point in _EXCEPTIONS:
        return _EXCEPTIONS[point]
    category = unicodedata.category(character)
    if category == "Cn":
        return _Fit.NEVER
    if 0x21 <= point <= 0x7E:
        return _Fit.ALWAYS
    if point in (0x200C, 0x200D):
        return _Fit.JOINER
    if any(low <= point <= high for low, high in (*_OLD_HANGUL, *_IGNORABLE)):
        return _Fit.NEVER
    if category == "Cc":
        return _Fit.NEVER
    if unicodedata.normalize("NFKC", character) != character:
        return _Fit.FREE
    if category in _LETTERS:
        return _Fit.ALWAYS
    if category in _OTHERS or category.startswith("P"):
        return _Fit.FREE
    return _Fit.NEVER


def _check(text: str, *, free: bool) -> None:
    """Is every character of the class? Unacceptable."""
    for at, character in enumerate(text):
        match _fit(character):
            case _Fit.ALWAYS:
                fits = True
            case _Fit.FREE:
                fits = free
            case _Fit.JOINER:
                fits = _stands(idna.core.valid_contextj, text, at)
            case _Fit.IN_CONTEXT:
                fits = _stands(idna.core.valid_contexto, text, at)
            case _Fit.NEVER:
                fits = False
        if not fits:
            kind = "control character" if unicodedata.category(character) == "Cc" else "character"
            raise Unacceptable(f"the {kind} U+{ord(character):04X} may not stand there")


def _stands(rule: Callable[[str, int], bool], text: str, at: int) -> bool:
    """Does the rule of RFC 5892 Appendix A let the character stand there?"""
    try:
        return rule(text, at)
    except ValueError:
        # The library asks for the name of the character before, and those of some scripts (Tangut) have none in Python's tables.
        return False


def _opaque(text: str) -> str:
    # RFC 8265 §4.2.1: "An entity that prepares a string according to this profile MUST ensure that the string consists
    # only of Unicode code points that are explicitly allowed by the FreeformClass string class"
    _check(text, free=True)
    # RFC 8265 §4.2.2: "Any instances of non-ASCII space MUST be mapped to SPACE (U+0020)"
    spaced = "".join(" " if unicodedata.category(one) == "Zs" else one for one in text)
    # RFC 8265 §4.2.2: "Unicode Normalization Form C (NFC) MUST be applied to all strings."
    normal = unicodedata.normalize("NFC", spaced)
    if not normal:
        # RFC 8265 §4.1: "A password MUST NOT be zero bytes in length."
        raise Unacceptable("it is empty")
    return normal


def _username(text: str) -> str:
    # RFC 8265 §3.3.1: "Map fullwidth and halfwidth code points to their decomposition mappings"
    narrow = "".join(
        unicodedata.normalize("NFKC", one)
        if unicodedata.decomposition(one).startswith(("<wide>", "<narrow>"))
        else one
        for one in text
    )
    _check(narrow, free=False)
    normal = unicodedata.normalize("NFC", narrow.lower())
    if not normal:
        # RFC 8265 §3.1: "A username MUST NOT be zero bytes in length."
        raise Unacceptable("it is empty")
    try:
        idna.check_bidi(normal)
    except idna.IDNABidiError:
        raise Unacceptable("it mixes directions of writing") from None
    except idna.IDNAError:
        raise Unacceptable("it is too long") from None
    return normal


def _stable(text: str, once: Callable[[str], str]) -> str:
    # RFC 8265 §5: "an implementation SHOULD apply the rules repeatedly until the output string is stable"
    for _ in range(_STABLE_AFTER):
        try:
            after = once(text)
        except idna.IDNAError:
            # The library looks at 1,024 characters at most, and not at all when there is nothing to look for.
            raise Unacceptable("it is too long") from None
        if after == text:
            return text
        text = after
    raise Unacceptable("its form does not settle")


def opaque(password: str) -> str:
    """A password as it is compared and hashed (OpaqueString); Unacceptable."""
    if password.isascii() and password.isprintable() and password:
        return password
    return _stable(password, _opaque)


def username(name: str) -> str:
    """A user name as it is compared (UsernameCaseMapped); Unacceptable."""
    return _stable(name, _username)
