"""RFC 8657: which conditions a property has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postil.caa import binding
from postil.caa.binding import Binding
from postil.caa.values import Issuance, read, write

URI = "https://example.net/account/1234"


def of(value: str) -> Binding:
    return binding.of(read(b"example.net; " + value.encode()))


@pytest.mark.parametrize(
    ("value", "account", "methods"),
    [
        ("", None, None),
        ("other=x", None, None),
        (f"accounturi={URI}", URI, None),
        ("validationmethods=dns-01", None, {"dns-01"}),
        ("validationmethods=dns-01,xyz-01", None, {"dns-01", "xyz-01"}),
        (f"accounturi={URI}; validationmethods=http-01", URI, {"http-01"}),
        (f"AccountURI={URI}; ValidationMethods=http-01", URI, {"http-01"}),
        ("validationmethods=dns-01,a; validationmethods=b,dns-01", None, {"dns-01"}),
    ],
)
def test_conditions(value: str, account: str | None, methods: set[str] | None) -> None:
    """What is demanded; what is not there is not."""
    assert of(value) == Binding(account, None if methods is None else frozenset(methods))


@pytest.mark.rfc(
    "8657",
    "4",
    'The value of the "validationmethods" parameter MUST comply with the following ABNF [RFC5234]:',
)
@pytest.mark.rfc(
    "8657",
    "3",
    "The value of this parameter, if specified, MUST be a URI [RFC3986] identifying a specific CA account.",
)
@pytest.mark.rfc("8657", "3", 'A Property with multiple "accounturi" parameters is unsatisfiable.')
@pytest.mark.parametrize(
    ("value", "why"),
    [
        (f"accounturi={URI}; accounturi={URI}", "2 parameters"),
        ("accounturi=", "no URI"),
        ("accounturi=1234", "no URI"),
        ("accounturi=https://a/<b>", "no URI"),
        ("accounturi=1https://a", "no URI"),
        ("validationmethods=", "no method"),
        ("validationmethods=a,,b", "no list"),
        ("validationmethods=dns_01", "no list"),
        ("validationmethods=,", "no list"),
        ("validationmethods=a; validationmethods=b", "no method"),
    ],
)
def test_unsatisfiable(value: str, why: str) -> None:
    """Two accounts, no URI, no list of labels: nobody gets a certificate by such a record."""
    assert why in of(value).unsatisfiable


@given(
    st.none() | st.from_regex(r"[a-z][a-z0-9+.-]{0,5}:[!-:<-~]{1,30}", fullmatch=True),
    st.lists(
        st.sampled_from(["http-01", "dns-01", "tls-alpn-01", "ca-x", "CA-x", "ca_x", "", "dns-02"]),
        unique=True,
        max_size=4,
    ),
)
def test_what_is_written_is_read_back(account: str | None, methods: list[str]) -> None:
    """Conditions that can be written mean the same when they are read; the others are refused."""
    try:
        parameters = binding.parameters(account, methods)
    except ValueError:
        good = all(binding.is_method(one) for one in methods)
        assert not good or (account is not None and not binding.is_uri(account))
        return
    found = binding.of(read(write(Issuance("example.net", parameters))))
    assert found == Binding(account, frozenset(methods) if methods else None)


@pytest.mark.rfc("8657", "4", 'Each validation method label MUST be either the label of a method defined in the "ACME Validation Methods" IANA registry [RFC8555] or a CA-specific non-ACME validation method label as defined below.')  # fmt: skip
@pytest.mark.parametrize("label", ["xyz-01", "", "ca_x", "http-01,dns-01", "HTTP-01"])
def test_labels_that_are_not_written(label: str) -> None:
    """Neither registered nor a CA's own: not published."""
    with pytest.raises(ValueError, match="no validation method"):
        binding.parameters(None, [label])


@pytest.mark.parametrize("uri", ["", "1234", "https://a b", "https://a/;b", "https://ä"])
def test_accounts_that_are_not_written(uri: str) -> None:
    """No URI, or one that cannot stand in a record."""
    with pytest.raises(ValueError, match=r"URI|CAA record"):
        binding.parameters(uri, [])
