"""The grammar of RFC 8659 §4.2, both ways."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from postil.caa.values import Issuance, Parameter, read, write

LABEL = st.from_regex(r"[A-Za-z0-9](-*[A-Za-z0-9]){0,8}", fullmatch=True)
ISSUER = st.lists(LABEL, max_size=4).map(".".join)
VALUE = st.text(
    st.sampled_from([chr(one) for one in range(0x21, 0x7F) if one != 0x3B]), max_size=30
)
PARAMETERS = st.lists(st.builds(Parameter, LABEL, VALUE), max_size=4).map(tuple)
WSP = st.text(" \t", max_size=3)


@given(ISSUER, PARAMETERS)
def test_round_trip(issuer: str, parameters: tuple[Parameter, ...]) -> None:
    """What is written is read back as the same; the CA's name in lower case."""
    assert read(write(Issuance(issuer, parameters))) == Issuance(issuer.lower(), parameters)


@given(st.data(), ISSUER, PARAMETERS)
def test_white_space(data: st.DataObject, issuer: str, parameters: tuple[Parameter, ...]) -> None:
    """Spaces and tabs may stand wherever the grammar has *WSP, and mean nothing."""

    def space() -> str:
        return data.draw(WSP)

    text = space() + (issuer + space() if issuer else "")
    if parameters or data.draw(st.booleans()):
        pieces = [f"{one.tag}{space()}={space()}{one.value}{space()}" for one in parameters]
        text += ";" + space() + f";{space()}".join(pieces)
    assert read(text.encode()) == Issuance(issuer.lower(), parameters)


@given(st.binary(max_size=200))
@example(b";" * 100)
@example(b"a" + b"-" * 10_000)
def test_any_octets(value: bytes) -> None:
    """Never an exception; what fits is written as something that reads the same, what does not names nobody."""
    found = read(value)
    if found.malformed:
        assert (found.issuer, found.parameters) == ("", ())
        with pytest.raises(ValueError, match="malformed"):
            write(found)
    else:
        assert read(write(found)) == found


@pytest.mark.parametrize(
    ("value", "issuer", "parameters"),
    [
        (b"", "", ()),
        (b";", "", ()),
        (b"  ;  ", "", ()),
        (b"ca1.example.net", "ca1.example.net", ()),
        (b"CA1.Example.NET", "ca1.example.net", ()),
        (b"ca1.example.net;", "ca1.example.net", ()),
        (b"ca1.example.net; account=230123", "ca1.example.net", (("account", "230123"),)),
        (b"ca; a = b ;c=", "ca", (("a", "b"), ("c", ""))),
        (b"ca; a=b=c,d", "ca", (("a", "b=c,d"),)),
        (b"; a=b", "", (("a", "b"),)),
        (b"a--b.c", "a--b.c", ()),
    ],
)
def test_values(value: bytes, issuer: str, parameters: tuple[tuple[str, str], ...]) -> None:
    """What the grammar allows."""
    assert read(value) == Issuance(issuer, tuple(Parameter(*one) for one in parameters))


@pytest.mark.parametrize(
    "value",
    [
        b"%%%%%",
        b"ca1.example.net.",
        b".ca1",
        b"ca1..net",
        b"-ca1.net",
        b"ca1-.net",
        b"ca 1.net",
        b"ca1.net; account",
        b"ca1.net; =x",
        b"ca1.net; a=b;",
        b"ca1.net; a=b;;c=d",
        b"ca1.net; a=b c",
        b"ca1.net; a-=b",
        b"ca1.net; a_b=c",
        b"ca1.net\n",
        b"ca1.net;\n",
        b"c\xc3\xa41.net",
        b"ca1.net; a=\xff",
        b"ca1.net; a=\x7f",
        "ca１.net".encode(),
    ],
)
def test_malformed(value: bytes) -> None:
    """What it does not: each says what is wrong, on one line, without what could move a terminal."""
    found = read(value)
    assert found.malformed and found.malformed.isprintable()
    assert found.issuer == "" and found.parameters == ()


def test_a_long_value_is_cut_in_the_sentence() -> None:
    """64 KiB of nonsense do not become 64 KiB of error."""
    assert len(read(b"%" * 65_000).malformed) < 200


@pytest.mark.parametrize(
    ("tag", "value"),
    [("", "x"), ("a b", "x"), ("a_", "x"), ("a", "x y"), ("a", "x;y"), ("a", "ü"), ("a", "\x7f")],
)
def test_parameters_that_cannot_be_written(tag: str, value: str) -> None:
    """A parameter that would be read as something else is refused when it is made."""
    with pytest.raises(ValueError, match="CAA record"):
        Parameter(tag, value)


@pytest.mark.parametrize("issuer", ["a b", "a;b", "ü.example", "a.", "-"])
def test_issuers_that_cannot_be_written(issuer: str) -> None:
    """The same for the CA's name."""
    with pytest.raises(ValueError, match="cannot name a CA"):
        write(Issuance(issuer))


def test_written() -> None:
    """As the RFC's examples have it; nobody is a semicolon, which people see."""
    assert write(Issuance()) == b";"
    assert write(Issuance("", (Parameter("a", "b"),))) == b"; a=b"
    both = (Parameter("a", "b"), Parameter("c", "d"))
    assert write(Issuance("ca1.example.net", both)) == b"ca1.example.net; a=b; c=d"
