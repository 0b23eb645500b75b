"""Records with their meaning."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postil.caa.properties import make, parse, report_to
from postil.caa.values import Issuance
from postil.ports.resolver import Caa


@given(
    st.integers(0, 255),
    st.binary(max_size=20).map(lambda one: one.decode("latin-1")),
    st.binary(max_size=60),
)
def test_any_record(flags: int, tag: str, value: bytes) -> None:
    """Whatever is published has a meaning, if only "not known"."""
    found = parse(Caa(flags, tag, value))
    assert found.critical == (flags >= 128)
    assert found.known == (tag.lower() in ("issue", "issuewild", "issuemail", "iodef"))
    assert isinstance(found.problem, str) and isinstance(found.names, str)


@pytest.mark.rfc("8659", "4.1", "Matching of tags is case insensitive.")
@pytest.mark.parametrize("tag", ["issue", "ISSUE", "Issue"])
def test_tags_without_case(tag: str) -> None:
    """However it is spelled, it is the same property."""
    assert parse(Caa(0, tag, b"ca1.example.net")).names == "ca1.example.net"


@pytest.mark.parametrize(
    ("url", "fine"),
    [
        (b"mailto:security@example.com", True),
        (b"https://iodef.example.com/", True),
        (b"HTTP://iodef.example.com/", True),
        (b"ftp://x", False),
        (b"security@example.com", False),
        (b"", False),
        (b"\xff\x1b", False),
    ],
)
def test_iodef(url: bytes, fine: bool) -> None:
    """RFC 8659 §4.4: three kinds of URL, everything else is a mistake that is told and forbids nothing."""
    found = parse(Caa(0, "iodef", url))
    assert (found.problem == "") is fine and found.names == "" and found.known
    assert found.problem.isprintable()


@pytest.mark.rfc("8659", "4.1", "DNS records compliant with this version of the CAA specification MUST clear (set to \"0\") all reserved flag bits.")  # fmt: skip
@pytest.mark.rfc("8659", "4.1", "Tags MUST NOT contain any other characters.")
def test_written() -> None:
    """What we publish has no flag but the critical one, and tags of lower-case letters."""
    for tag in ("issue", "issuewild", "issuemail"):
        for critical, flags in ((False, 0), (True, 128)):
            made = make(tag, Issuance("ca1.example.net"), critical=critical)
            assert made == Caa(flags, tag, b"ca1.example.net")
            assert made.tag.isascii() and made.tag.isalnum() and made.tag.islower()
    assert report_to("mailto:a@example.org") == Caa(0, "iodef", b"mailto:a@example.org")
    for url in ("ftp://x", "mailto:ü@example.org", "mailto:a\n"):
        with pytest.raises(ValueError, match="reports"):
            report_to(url)
