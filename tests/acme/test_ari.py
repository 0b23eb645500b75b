"""Renewal information: the standard's own certificate, windows that are none, and how often to look."""

from __future__ import annotations

import json

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from postil.acme import ari
from postil.acme.chain import Facts, facts
from postil.acme.jws import unb64url
from postil.acme.objects import RenewalInfo, read
from postil.acme.problem import BadAnswer

# RFC 9773, appendix A
EXAMPLE = b"""-----BEGIN CERTIFICATE-----
MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
-----END CERTIFICATE-----
"""


@pytest.mark.rfc(
    "9773",
    "4.1",
    'All trailing "=" characters MUST be stripped from both parts of the unique identifier.',
)
def test_the_standards_example() -> None:
    """The certificate of appendix A has the identifier that section 4.1 derives for it."""
    loaded = x509.load_pem_x509_certificate(EXAMPLE)
    key = loaded.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    made = Facts(frozenset(), 0, 1, loaded.serial_number, "", key.key_identifier, "")
    assert ari.certificate_id(made) == "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"
    base = "https://acme.example.com/renewal-info"
    assert ari.url(base, "a.b") == f"{base}/a.b" == ari.url(base + "/", "a.b")


@given(st.integers(1, 1 << 159))
def test_serial(serial: int) -> None:
    """As DER has it: no octet too many, and never a sign."""
    made = ari.certificate_id(Facts(frozenset(), 0, 1, serial, "", b"k", ""))
    assert made is not None
    octets = unb64url(made.partition(".")[2])
    assert int.from_bytes(octets, "big", signed=True) == serial
    assert len(octets) == 1 or octets[0] != 0 or octets[1] & 0x80


def test_no_identifier() -> None:
    """Without an authority key identifier there is nothing to ask about."""
    assert ari.certificate_id(Facts(frozenset(), 0, 1, 5, "", None, "")) is None


def info(start: str, end: str) -> RenewalInfo:
    body = json.dumps(
        {"suggestedWindow": {"start": start, "end": end}, "explanationURL": "https://x", "more": 1}
    )
    return read(body.encode(), RenewalInfo, "it")


@pytest.mark.rfc(
    "9773",
    "4.2",
    "clients MUST treat one as though they failed to receive any response from the server",
)
@pytest.mark.parametrize(
    ("start", "end", "good"),
    [
        ("2025-01-02T04:00:00Z", "2025-01-03T04:00:00Z", True),
        ("2025-01-02T04:00:00.123456789Z", "2025-01-03T04:00:00+01:00", True),
        ("2025-01-02t04:00:00z", "2025-01-02T04:00:01Z", True),
        ("2025-01-02T04:00:00Z", "2025-01-02T04:00:00Z", False),
        ("2025-01-03T04:00:00Z", "2025-01-02T04:00:00Z", False),
        ("2025-01-02T04:00:00", "2025-01-03T04:00:00", False),
        ("yesterday", "2025-01-03T04:00:00Z", False),
        ("", "", False),
        ("0001-01-01T00:00:00+23:00", "2025-01-03T04:00:00Z", True),
    ],
)
def test_window(start: str, end: str, good: bool) -> None:
    """Any RFC 3339 times; an end that does not follow its start is no window at all."""
    found = ari.window(info(start, end))
    assert (found is not None) == good
    if found is not None:
        assert found.end > found.start and found.explanation == "https://x"


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"suggestedWindow":{}}', b'{"suggestedWindow":{"start":1,"end":2}}']
)
def test_no_window(body: bytes) -> None:
    """What is no such object is named."""
    with pytest.raises(BadAnswer, match="the window"):
        read(body, RenewalInfo, "the window")


@pytest.mark.rfc("9773", "4.2", "Select a uniform random time within the suggested window.")
@given(st.floats(0, 1), st.floats(0, 1e9), st.floats(1, 1e9))
def test_choose(share: float, start: float, length: float) -> None:
    """Somewhere inside."""
    at = ari.choose(ari.Window(start, start + length), share)
    assert start <= at <= start + length * 1.000001


@pytest.mark.rfc("9773", "4.3.2", "Clients MUST set reasonable limits on their checking interval.")
@pytest.mark.rfc(
    "9773",
    "4.3.3",
    "clients MUST make the next renewalInfo request as soon as possible after six hours have passed",
)
def test_next_look() -> None:
    """Between a minute and a day; six hours where nothing, or nonsense, was said."""
    looks = [ari.next_look(seconds) for seconds in (0, 59, 61, 21600, 86401, 1e12)]
    assert looks == [60, 60, 61, 21600, 86400, 86400]
    assert ari.next_look(None) == 6 * 3600


@pytest.mark.rfc(
    "9773",
    "4.3.3",
    "clients SHOULD do exponential backoff with a capped number of tries.",
)
@pytest.mark.rfc(
    "9773",
    "4.3.3",
    "If all tries are exhausted, clients MUST treat the request as a long-term error.",
)
def test_after_errors() -> None:
    """One, two, four minutes, then six hours, and from the start again."""
    tries, waits = 0, []
    for _ in range(5):
        tries, wait = ari.after_error(tries)
        waits.append(wait)
    assert waits == [60, 120, 240, 21600, 60]


def test_facts_of_the_example_fail_softly() -> None:
    """A certificate from the year 1, without alternative names, is read without falling over."""
    found = facts(EXAMPLE)
    assert found.names == frozenset() and found.serial == 0x8765_4321
