"""SCRAM, the client's side of one exchange: four messages, no I/O.

RFC 5802 §5, §6. The caller chooses the mechanism and says what the channel offers to bind to: `choose` makes the
flag from what the server announced, so that a list somebody shortened on the way is found out.

Theory of operation. `first` gives the client-first-message; `final` answers the server-first-message with the proof; `finish`
checks that the server knew the password's keys. Until `finish` has returned nobody is logged in.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from postil.sasl import scram
from postil.sasl.scram import ClientKeys, Mechanism, Refused

# RFC 5802 §9: "A hostile server can perform a computational denial-of-service attack on clients by sending a big iteration
# count value." This many take about four seconds.
MOST_ITERATIONS: Final = 10_000_000
# A server that asks for less has keys that are cheap to guess from, or is none of ours (RFC 5802 §5.1: at least 4096).
FEWEST_ITERATIONS: Final = 4096


@dataclass(frozen=True, slots=True)
class Binding:
    """What the client says about the channel: flag "n", "y" or "p", for "p" with type and data."""

    flag: str = "n"
    kind: str = ""
    data: bytes = b""

    @property
    def header(self) -> bytes:
        """gs2-cbind-flag."""
        return f"p={self.kind}".encode() if self.flag == "p" else self.flag.encode()


def choose(
    announced: Collection[str], kind: str | None, data: bytes | None
) -> tuple[Mechanism, Binding] | None:
    """The best mechanism both sides have, and the flag for it; `kind` and `data` are None where nothing can be bound."""
    known = [item for name, item in scram.MECHANISMS.items() if name in announced]
    if kind is not None and data is not None:
        # RFC 5802 §6: "Clients that support mechanism negotiation and channel binding MUST use a "p" gs2-cbind-flag when
        # the server offers the PLUS-variant of the desired GS2 mechanism."
        for item in known:
            if item.plus:
                return item, Binding("p", kind, data)
    for item in known:
        if not item.plus:
            # RFC 5802 §6: "If the client supports channel binding and the server does not appear to (i.e., the client did
            # not see the -PLUS name advertised by the server), then the client MUST NOT use an "n" gs2-cbind-flag."
            # RFC 5802 §6: "If the client does not support channel binding, then it MUST use an "n" gs2-cbind-flag."
            return item, Binding("n" if data is None else "y")
    return None


class ClientExchange:
    """One exchange."""

    def __init__(
        self,
        mechanism: Mechanism,
        user: str,
        password: str,
        nonce: bytes,
        *,
        binding: Binding = Binding(),
        authorize: str = "",
    ) -> None:
        self._hash = mechanism.hash
        self._password = password
        self._nonce = nonce
        identity = f"a={scram.quote(authorize)}" if authorize else ""
        self._header = binding.header + f",{identity},".encode()
        self._bound = binding.data if binding.flag == "p" else b""
        self._bare = f"n={scram.quote(user)},r=".encode() + nonce
        self._signature = b""
        # What may be kept for the next time: (salt, count) and the keys made of them.
        self.salt = b""
        self.iterations = 0
        self.keys: ClientKeys | None = None

    def first(self) -> bytes:
        """The client-first-message."""
        return self._header + self._bare

    def remember(self, salt: bytes, iterations: int, keys: ClientKeys) -> None:
        """Keys made at an earlier login: they spare the costly step if the server has the same salt and count."""
        self.salt, self.iterations, self.keys = salt, iterations, keys

    def final(self, challenge: bytes) -> bytes:
        """The client-final-message; Refused when the challenge is none."""
        nonce, salt64, count = scram.attributes(challenge, b"rsi")
        # RFC 5802 §5.1: "The client MUST verify that the initial part of the nonce used in subsequent messages is the
        # same as the nonce it initially specified."
        if not nonce.startswith(self._nonce) or len(nonce) == len(self._nonce):
            raise Refused("other-error", "the server's nonce does not begin with ours")
        scram.nonce(nonce)
        salt = scram.decode64(salt64)
        if not count.isdigit() or len(count) > len(str(MOST_ITERATIONS)):
            raise Refused("other-error", "no count of iterations")
        iterations = int(count)
        if not FEWEST_ITERATIONS <= iterations <= MOST_ITERATIONS:
            raise Refused("other-error", f"{iterations} iterations are out of the question")
        if self.keys is None or (salt, iterations) != (self.salt, self.iterations):
            made = scram.salted(self._password, salt, iterations, self._hash)
            self.remember(salt, iterations, scram.client_keys(made, self._hash))
        assert self.keys is not None
        without = b"c=%b,r=%b" % (scram.encode64(self._header + self._bound), nonce)
        text = b",".join((self._bare, challenge, without))
        stored = hashlib.new(self._hash.value, self.keys.client).digest()
        proof = scram.mix(self.keys.client, scram.mac(stored, text, self._hash))
        self._signature = scram.mac(self.keys.server, text, self._hash)
        return without + b",p=" + scram.encode64(proof)

    def finish(self, message: bytes) -> None:
        """The server-final-message; Refused unless the server proved itself."""
        if message.startswith(b"e="):
            raise Refused(message[2:].decode("utf-8", "replace"))
        (signature,) = scram.attributes(message, b"v")
        # RFC 5802 §5: "If the two are different, the client MUST consider the authentication exchange to be
        # unsuccessful, and it might have to drop the connection."
        if not self._signature or not hmac.compare_digest(
            scram.decode64(signature), self._signature
        ):
            raise Refused("other-error", "the server does not know the password")
