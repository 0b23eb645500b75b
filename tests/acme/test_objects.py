"""What an authority sends, read: tolerant of what is new, strict about what is needed, calm about anything."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postil.acme import limits, objects, problem
from postil.acme.identifiers import Identifier
from postil.acme.objects import Authorization, Challenge, Directory, Order, RenewalInfo, read
from postil.acme.problem import BadAnswer

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=20,
)
NAMES = st.sampled_from(
    ["status", "type", "detail", "subproblems", "identifier", "value", "challenges", "authorizations", "identifiers", "finalize", "token", "url", "error", "newNonce", "meta"]
)  # fmt: skip


@given(st.dictionaries(NAMES, json_values, max_size=8))
def test_any_object(value: dict[str, Any]) -> None:
    """Whatever the object is: read, or BadAnswer; a problem is always one, short and printable."""
    for kind in (Directory, Order, Authorization, RenewalInfo, objects.Account):
        with contextlib.suppress(BadAnswer):
            read(json.dumps(value).encode(), kind, "it")
    found = problem.read(value)
    assert str(found).isprintable()
    assert len(found.detail) <= limits.DETAIL and len(found.subproblems) <= limits.SUBPROBLEMS
    json.dumps(found.as_dict())


@given(st.binary(max_size=200))
def test_any_octets(octets: bytes) -> None:
    """No octets but an exception of ours."""
    with contextlib.suppress(BadAnswer):
        read(octets, Order, "it")


def test_order() -> None:
    """The example of RFC 8555 §7.1.3, with things that are not in it."""
    body = {
        "status": "valid",
        "expires": "2016-01-20T14:09:07.99Z",
        "identifiers": [
            {"type": "dns", "value": "www.example.org"},
            {"type": "dns", "value": "Example.ORG"},
        ],
        "notBefore": "2016-01-01T00:00:00Z",
        "authorizations": ["https://example.com/acme/authz/PAniVnsZcis"],
        "finalize": "https://example.com/acme/order/TOlocE8rfgo/finalize",
        "certificate": "https://example.com/acme/cert/mAt3xBGaobw",
        "error": None,
        "another": {"thing": [1]},
    }
    found = read(json.dumps(body).encode(), Order, "it")
    assert found.names == {Identifier("dns", "www.example.org"), Identifier("dns", "example.org")}
    assert found.problem is None and found.certificate is not None


@pytest.mark.rfc("8555", "8.3", "It MUST NOT contain any characters outside the base64url alphabet")
@pytest.mark.rfc(
    "8555",
    "8.4",
    'It MUST NOT contain any characters outside the base64url alphabet, including padding characters ("=").',
)
@pytest.mark.rfc(
    "8737",
    "3",
    "It MUST NOT contain any characters outside the base64url alphabet as described in Section 5 of [RFC4648].",
)
@pytest.mark.rfc("8555", "8.3", 'MUST NOT include base64 padding characters ("=").')
@pytest.mark.parametrize(
    ("token", "usable"),
    [
        ("LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0", True),
        ("", False),
        ("a/../../etc/passwd", False),
        ("a=", False),
        ("a\r\nb", False),
        ("<script>", False),
        ("x" * (limits.TOKEN + 1), False),
    ],
)
def test_token(token: str, usable: bool) -> None:
    """A token that is none is never put into a path, a page or a zone."""
    assert Challenge("http-01", "https://ca/x", token=token).usable == usable


@pytest.mark.rfc(
    "8555",
    "6.7.1",
    'The "identifier" field MUST NOT be present at the top level in ACME problem documents.',
)
def test_identifier_at_the_top() -> None:
    """Only subproblems are about a name."""
    about = {"type": "dns", "value": "example.org"}
    found = problem.read(
        {"detail": "x", "identifier": about, "subproblems": [{"identifier": about}]}
    )
    assert found.identifier == "" and found.subproblems[0].identifier == "example.org"
