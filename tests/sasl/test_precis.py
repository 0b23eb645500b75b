"""PRECIS and SASLprep: the examples of the RFCs, and that the rules settle."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postil.sasl import precis, saslprep
from postil.sasl.precis import Unacceptable


@pytest.mark.rfc(
    "8265",
    "4.2.2",
    "Any instances of non-ASCII space MUST be mapped to SPACE (U+0020)",
)
@pytest.mark.rfc(
    "8265", "4.2.2", "Unicode Normalization Form C (NFC) MUST be applied to all strings."
)
@pytest.mark.rfc(
    "8265",
    "4.2.2",
    "Fullwidth and halfwidth code points MUST NOT be mapped to their decomposition mappings",
)
@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        ("correct horse battery staple", "correct horse battery staple"),  # RFC 8265 §4.3, 12 to 16
        ("Correct Horse Battery Staple", "Correct Horse Battery Staple"),
        ("πßå", "πßå"),
        ("Jack of ♦s", "Jack of ♦s"),
        ("foo bar", "foo bar"),
        ("a\u0301", "á"),
        ("ｆｕｌｌ", "ｆｕｌｌ"),
        ("½´", "½´"),
    ],
)
def test_passwords(given_: str, kept: str) -> None:
    """What a password becomes."""
    assert precis.opaque(given_) == kept


def test_very_long() -> None:
    """More characters than the library of the contextual rules takes: refused, with our own error."""
    for text in ("n" * 2000, "l\u00b7l" * 1000):
        with pytest.raises(Unacceptable):
            precis.username(text)
    with pytest.raises(Unacceptable):
        precis.opaque("l\u00b7l" * 1000)
    assert precis.opaque("\u00e9" * 2000) == "\u00e9" * 2000


@pytest.mark.rfc("8265", "4.1", "A password MUST NOT be zero bytes in length.")
@pytest.mark.rfc(
    "8265",
    "4.2.1",
    "An entity that prepares a string according to this profile MUST ensure that the string consists only of Unicode code points that are explicitly allowed",
)
@pytest.mark.parametrize(
    "text",
    ["", "my cat is a \tby", "a\0", "\ue000", "\ud800", "a\u200d", "\U00018554\u200d", "\u0378"],
)
def test_no_passwords(text: str) -> None:
    """Nothing, control characters, private use, half a pair, a joiner that joins nothing, nobody's character."""
    with pytest.raises(Unacceptable):
        precis.opaque(text)


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        ("juliet@example.com", "juliet@example.com"),  # RFC 8265 §3.6
        ("fussball", "fussball"),
        ("fußball", "fußball"),
        ("π", "π"),
        ("Σ", "σ"),
        ("ς", "ς"),
        ("Alice@Example.ORG", "alice@example.org"),
        ("ａｌｉｃｅ", "alice"),
        ("אלף", "אלף"),
    ],
)
def test_names(given_: str, kept: str) -> None:
    """What a user name becomes."""
    assert precis.username(given_) == kept


@pytest.mark.rfc("8265", "3.1", "A username MUST NOT be zero bytes in length.")
@pytest.mark.parametrize(
    "text",
    [
        *("", "foo bar", "henryⅣ", "♚", "a\u05d0", "a\n", "\u0660\u06f0"),
        *("\U00018554\u200d", "a" * 1025, "\u05d0" * 5000),
    ],
)
def test_no_names(text: str) -> None:
    """RFC 8265 §3.6, mixed directions and digits, a joiner behind a character without a name, and what is too long to look at."""
    with pytest.raises(Unacceptable):
        precis.username(text)


@given(st.text(max_size=20))
def test_settled(text: str) -> None:
    """What a profile gives it gives again, in NFC; what it refuses is said without quoting it."""
    for profile in (precis.opaque, precis.username):
        try:
            once = profile(text)
        except Unacceptable as error:
            assert len(text) < 6 or text not in str(error)
            continue
        assert profile(once) == once == unicodedata.normalize("NFC", once) != ""


@pytest.mark.rfc(
    "5802",
    "2.2",
    "Note that implementations MUST either implement SASLprep or disallow use of non US-ASCII Unicode codepoints",
)
@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        ("I\u00adX", "IX"),  # RFC 4013 §3
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("\u00bd", "1\u20442"),
        ("\u00b4", " \u0301"),
        ("a\u1680b", "a b"),
    ],
)
def test_saslprep(given_: str, kept: str) -> None:
    """RFC 4013 §3 and RFC 5802 §3, whose keys clients make so."""
    assert saslprep.prepare(given_) == kept


@pytest.mark.parametrize("text", ["\x07", "\u0627\u0031", "\U0001f600", "a\u0627", "\ue000"])
def test_not_saslprep(text: str) -> None:
    """Prohibited, mixed directions, younger than Unicode 3.2: the password is then taken as PRECIS has it."""
    with pytest.raises(saslprep.Unprepared):
        saslprep.prepare(text)
    assert saslprep.password(text) == text
