"""SCRAM, what both sides share: the names, the keys made from a password, and the grammar of the four messages.

RFC 5802 §2.2 (notation), §3 (keys), §5.1 (attributes), §7 (grammar); RFC 7677 §3 (SHA-256). `scram_server` and `scram_client`
hold one side of an exchange each.

Theory of operation. A salted password is dear to compute on purpose; two keys are made from it. The server stores a
hash of the client's key and the server's key, so that what is stored cannot log in. Client and server sign the text of
the whole exchange: the client proves that it knows the password, then the server proves that it knew it once.
"""

from __future__ import annotations

import base64
import enum
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from postil.sasl import encoding, saslprep
from postil.sasl.plain import Malformed

# RFC 7677 §4: "the hash iteration-count SHOULD be at least 4096, but careful consideration ought to be given to using a
# significantly higher value". 100,000 cost a client of today some 40 ms, once if it keeps the keys, and the server nothing.
ITERATIONS: Final = 100_000
SALT_OCTETS: Final = 16
NONCE_OCTETS: Final = (
    18  # of randomness: RFC 5802 §5.1 wants it "different for each authentication"
)
# A message longer than this is no login: two names of 1,024 octets, quoted, a nonce and binding data fit.
LONGEST: Final = 8192


class Hash(enum.Enum):
    """The hash functions; the value is hashlib's name."""

    SHA1 = "sha1"
    SHA256 = "sha256"

    @property
    def size(self) -> int:
        """Octets of a result."""
        return hashlib.new(self.value).digest_size


@dataclass(frozen=True, slots=True)
class Mechanism:
    """One of the family; `plus` demands channel binding."""

    name: str
    hash: Hash
    plus: bool


# The order in which servers announce and clients prefer them.
MECHANISMS: Final[Mapping[str, Mechanism]] = {
    item.name: item
    for item in (
        Mechanism("SCRAM-SHA-256-PLUS", Hash.SHA256, True),
        Mechanism("SCRAM-SHA-256", Hash.SHA256, False),
        Mechanism("SCRAM-SHA-1-PLUS", Hash.SHA1, True),
        # RFC 5802 §4: "For interoperability, all SCRAM clients and servers MUST implement the SCRAM-SHA-1 authentication
        # mechanism, i.e., an authentication mechanism from the SCRAM family that uses the SHA-1 hash function"
        Mechanism("SCRAM-SHA-1", Hash.SHA1, False),
    )
}


class Refused(Exception):
    """The exchange fails; `value` is RFC 5802's word for it (server-error-value)."""

    def __init__(self, value: str, text: str = "") -> None:
        super().__init__(text or value)
        self.value = value

    @property
    def suspicious(self) -> bool:
        """Does it look as if somebody sat between client and server?"""
        return self.value in _SUSPICIOUS


_SUSPICIOUS: Final = frozenset(
    {
        "server-does-support-channel-binding",
        "unsupported-channel-binding-type",
        "channel-bindings-dont-match",
    }
)


@dataclass(frozen=True, slots=True)
class Keys:
    """What a server stores of a password, apart from salt and count."""

    stored: bytes = field(repr=False)
    server: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ClientKeys:
    """What a client may keep instead of the password, as long as salt and count stay."""

    client: bytes = field(repr=False)
    server: bytes = field(repr=False)


def salted(password: str, salt: bytes, iterations: int, hash_: Hash) -> bytes:
    """SaltedPassword: the costly step. Releases the interpreter's lock while it computes."""
    # RFC 5802 §3: "Note that both the username and the password MUST be encoded in UTF-8 [RFC3629]."
    octets = saslprep.password(password).encode("utf-8")
    return hashlib.pbkdf2_hmac(hash_.value, octets, salt, iterations)


def client_keys(salted_password: bytes, hash_: Hash) -> ClientKeys:
    """RFC 5802 §3: "ClientKey       := HMAC(SaltedPassword, "Client Key")" and the server's."""
    return ClientKeys(
        mac(salted_password, b"Client Key", hash_), mac(salted_password, b"Server Key", hash_)
    )


def keys(password: str, salt: bytes, iterations: int, hash_: Hash) -> Keys:
    """What to store for a password."""
    made = client_keys(salted(password, salt, iterations, hash_), hash_)
    return Keys(hashlib.new(hash_.value, made.client).digest(), made.server)


def mac(key: bytes, text: bytes, hash_: Hash) -> bytes:
    """HMAC(key, str) of RFC 5802 §2.2."""
    return hmac.digest(key, text, hash_.value)


def mix(one: bytes, other: bytes) -> bytes:
    """XOR of RFC 5802 §2.2; both have the same length."""
    size = len(one)
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).to_bytes(size, "big")


def proves(stored: bytes, auth_message: bytes, proof: bytes, hash_: Hash) -> bool:
    """Was the proof made by somebody who has the client's key? Takes the same time, right or wrong."""
    if len(proof) != hash_.size:
        proof = bytes(hash_.size)
    client_key = mix(proof, mac(stored, auth_message, hash_))
    return hmac.compare_digest(hashlib.new(hash_.value, client_key).digest(), stored)


# --- messages

_NAME = re.compile(r"(?:[^\x00,=]|=2C|=3D)+")
_NONCE = re.compile(rb"[\x21-\x2b\x2d-\x7e]+")
_EXTENSION = re.compile(rb"[A-Za-z]=[^\x00,]+")


def quote(name: str) -> str:
    """A name as an attribute's value."""
    # RFC 5802 §5.1: "The characters ',' or '=' in usernames are sent as '=2C' and '=3D' respectively."
    return name.replace("=", "=3D").replace(",", "=2C")


def unquote(octets: bytes) -> str:
    """The name an attribute's value stands for; Refused."""
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("invalid-username-encoding", "the name is not UTF-8") from None
    # RFC 5802 §5.1: "If the server receives a username that contains '=' not followed by either '2C' or '3D', then the
    # server MUST fail the authentication."
    if _NAME.fullmatch(text) is None:
        raise Refused("invalid-username-encoding", "the name is empty or not quoted")
    return text.replace("=2C", ",").replace("=3D", "=")


def nonce(octets: bytes) -> bytes:
    """A nonce's value; Refused unless printable."""
    if _NONCE.fullmatch(octets) is None:
        raise Refused("other-error", "the nonce is not printable")
    return octets


def decode64(octets: bytes) -> bytes:
    """Base64 in its one form; Refused."""
    # RFC 5802 §2.1: "The use of base64 in SCRAM is restricted to the canonical form with no whitespace."
    try:
        return encoding.decode(octets)
    except Malformed:
        raise Refused("invalid-encoding", "not base64") from None


def encode64(octets: bytes) -> bytes:
    """Base64 in its one form."""
    return base64.b64encode(octets)


def attributes(message: bytes, expected: bytes) -> list[bytes]:
    """The values of the attributes with these letters, in this order; what follows them must be well-formed extensions."""
    parts = message.split(b",")
    # RFC 5802 §5.1: "Mandatory extensions sent by one peer but not understood by the other MUST cause authentication
    # failure (the server SHOULD send the "extensions-not-supported" server-error-value)."
    if parts[0].startswith(b"m="):
        raise Refused("extensions-not-supported", "a mandatory extension")
    values = []
    for letter, part in zip(expected, parts, strict=False):
        if part[:1] != bytes([letter]) or part[1:2] != b"=":
            break
        values.append(part[2:])
    if len(values) < len(expected):
        raise Refused("other-error", f"expected {chr(expected[len(values)])}=")
    extensions(parts[len(expected) :])
    return values


def extensions(parts: list[bytes]) -> None:
    """Refused unless each is an attribute with a value."""
    for part in parts:
        # RFC 5802 §5.1: "Unknown optional extensions MUST be ignored upon receipt."
        if _EXTENSION.fullmatch(part) is None:
            raise Refused("other-error", "not an extension")
        if part.startswith(b"m="):
            # RFC 5802 §5.1: "its presence in a client or a server message MUST cause authentication failure when the
            # attribute is parsed by the other end."
            raise Refused("extensions-not-supported", "a mandatory extension")
