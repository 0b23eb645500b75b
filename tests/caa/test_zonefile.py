"""Lines of a zone, read back by a library of others."""

from __future__ import annotations

import dns.rdata
import dns.zone
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType
from hypothesis import given
from hypothesis import strategies as st

from postil.caa.zonefile import data, line
from postil.ports.resolver import Caa


@given(
    st.integers(0, 255),
    st.from_regex(r"[a-zA-Z0-9]{1,20}", fullmatch=True),
    st.binary(max_size=300),
)
def test_any_record_is_a_line(flags: int, tag: str, value: bytes) -> None:
    """Printable ASCII on one line; dnspython reads the same octets out of it."""
    text = data(Caa(flags, tag, value))
    assert text.isascii() and text.isprintable()
    found = dns.rdata.from_text(RdataClass.IN, RdataType.CAA, text)
    assert (found.flags, found.tag, found.value) == (flags, tag.lower().encode(), value)  # type: ignore[attr-defined]


def test_a_zone_of_lines() -> None:
    """The lines can be put into a zone as they are."""
    lines = [
        line("example.org", Caa(0, "issue", b'ca.example; a="\\')),
        line("mail.example.org", Caa(128, "tbs", b"")),
    ]
    assert lines[1] == 'mail.example.org. IN CAA 128 tbs ""'
    zone = dns.zone.from_text("$TTL 60\n" + "\n".join(lines), "example.org", check_origin=False)
    assert zone["@"].rdatasets[0][0].value == b'ca.example; a="\\'
