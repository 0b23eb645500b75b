"""TOTP and HOTP: the RFCs' own values, and what must not be taken twice."""

from __future__ import annotations

import hashlib
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postil.accounts import totp

# RFC 6238 appendix B; its text names one key, and the values are of that key repeated to each hash's length (erratum 2866).
SEED = b"12345678901234567890"
HASHES = {
    "SHA1": (hashlib.sha1, 20),
    "SHA256": (hashlib.sha256, 32),
    "SHA512": (hashlib.sha512, 64),
}
TABLE = """
59 94287082 SHA1
59 46119246 SHA256
59 90693936 SHA512
1111111109 07081804 SHA1
1111111109 68084774 SHA256
1111111109 25091201 SHA512
1111111111 14050471 SHA1
1111111111 67062674 SHA256
1111111111 99943326 SHA512
1234567890 89005924 SHA1
1234567890 91819424 SHA256
1234567890 93441116 SHA512
2000000000 69279037 SHA1
2000000000 90698825 SHA256
2000000000 38618901 SHA512
20000000000 65353130 SHA1
20000000000 77737706 SHA256
20000000000 47863826 SHA512
"""
# RFC 4226 appendix D.
HOTP = [
    "755224",
    "287082",
    "359152",
    "969429",
    "338314",
    "254676",
    "287922",
    "162583",
    "399871",
    "520489",
]


@pytest.mark.rfc("6238", "3", "The algorithm MUST use HOTP [RFC4226] as a key building block.")
@pytest.mark.rfc(
    "6238",
    "4.2",
    "The implementation of this algorithm MUST support a time value T larger than a 32-bit integer when it is beyond the year 2038.",
)
@pytest.mark.parametrize("line", TABLE.split("\n")[1:-1])
def test_the_rfcs_values(line: str) -> None:
    """All eighteen, of three hashes and up to the year 2603."""
    when, code, name = line.split()
    hash_, length = HASHES[name]
    key = (SEED * 4)[:length]
    assert totp.hotp(key, totp.step(float(when)), 8, hash_) == code
    if name == "SHA1":
        assert totp.hotp(key, totp.step(float(when))) == code[2:]


def test_hotp() -> None:
    """The ten values of RFC 4226; and counters of 64 bits."""
    assert [totp.hotp(SEED, counter) for counter in range(10)] == HOTP
    assert totp.hotp(SEED, 2**40) != totp.hotp(SEED, 0)


@pytest.mark.rfc(
    "6238",
    "4.2",
    "if the current Unix time is 59 seconds, and T = 2 if the current Unix time is 60 seconds.",
)
def test_steps() -> None:
    """Rounded down."""
    assert [totp.step(now) for now in (0, 29.9, 30, 59, 60)] == [0, 0, 1, 1, 2]


@pytest.mark.rfc(
    "6238",
    "5.2",
    "The verifier MUST NOT accept the second attempt of the OTP after the successful validation has been issued for the first OTP",
)
@given(st.integers(100, 2**34), st.integers(-5, 5))
def test_the_window(at: int, off: int) -> None:
    """One step to each side, no more; and never a step that was used, or one before it."""
    now = at * totp.STEP + 7.0
    code = totp.hotp(SEED, at + off)
    same = {totp.hotp(SEED, at + near) for near in range(-1, 2)}
    expected = at + off if abs(off) <= totp.WINDOW else None
    if expected is None and code in same:
        return  # two steps of the same code: one in 300,000
    assert totp.matching(SEED, code, now, -1) == expected
    if expected is not None and len(same) == 3:
        assert totp.matching(SEED, code, now, expected) is None
        assert totp.matching(SEED, code, now, expected + 1) is None
        assert totp.matching(SEED, code, now, expected - 1) == expected


@given(st.text(max_size=12))
def test_any_text(code: str) -> None:
    """Is a wrong code and no error."""
    if code not in {totp.hotp(SEED, near) for near in range(-1 + 3, 2 + 3)}:
        assert totp.matching(SEED, totp.normal(code), 3 * 30, -1) is None


def test_as_typed() -> None:
    """Apps show two groups of three."""
    assert totp.normal(" 755 224\n") == "755224"


@pytest.mark.rfc(
    "6238", "5.1", "Keys SHOULD be of the length of the HMAC output to facilitate interoperability."
)
@pytest.mark.rfc("6238", "3", "R5: There MUST be a unique secret (key) for each prover.")
def test_the_key() -> None:
    """Fresh each time, of SHA-1's length, and in the form that apps read."""
    assert len({totp.new_key() for _ in range(100)}) == 100
    assert len(totp.new_key()) == hashlib.sha1().digest_size
    parts = urlsplit(totp.uri(SEED, "mail.example.org", "ann+x@example.org"))
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert parts.path == "/mail.example.org:ann%2Bx@example.org"
    assert parse_qs(parts.query)["secret"] == ["GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"]
