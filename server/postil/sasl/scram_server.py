"""SCRAM, the server's side of one exchange: four messages, no I/O.

RFC 5802 §5, §6; RFC 7677 §4; RFC 9266 §4.1 for `used_exporter`. The keys stay with the directory: it is handed the
text that was signed and the proof, and gives back whose they are.

Theory of operation. `first` takes the client-first-message and decides about channel binding before anybody is looked up;
`challenge` makes the answer from salt and count; `final` takes the client-final-message and checks nonce and binding;
`outcome` is what proves us to the client. A failure is `Refused`, with RFC 5802's word for it.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field

from postil.ports.channel import EXPORTER, Channel
from postil.sasl import scram
from postil.sasl.scram import Mechanism, Refused

_TYPE = re.compile(rb"[A-Za-z0-9.-]+")


@dataclass(frozen=True, slots=True)
class ClientFirst:
    """A client-first-message, taken apart."""

    flag: str  # "n", "y" or "p"
    binding: str  # the type behind p=
    authorize: str
    user: str
    nonce: bytes
    header: bytes  # gs2-header
    bare: bytes  # client-first-message-bare


@dataclass(frozen=True, slots=True)
class Claim:
    """What the directory has to judge."""

    auth_message: bytes
    proof: bytes = field(repr=False)


def parse_first(message: bytes) -> ClientFirst:
    """Take a client-first-message apart; Refused."""
    if len(message) > scram.LONGEST:
        raise Refused("other-error", "the message is too long")
    parts = message.split(b",", 2)
    if len(parts) != 3:
        raise Refused("other-error", "not a client-first-message")
    flag, authorize, bare = parts
    binding = ""
    if flag.startswith(b"p=") and _TYPE.fullmatch(flag[2:]):
        binding = flag[2:].decode("ascii")
    elif flag not in (b"n", b"y"):
        # RFC 5802 §5: "Note that the client's first message will always start with "n", "y", or "p"; otherwise, the
        # message is invalid and authentication MUST fail."
        raise Refused("other-error", "the message begins with n, y or p=")
    if authorize and not authorize.startswith(b"a="):
        raise Refused("other-error", "expected a= or nothing")
    # RFC 5802 §5.1: "A client MUST include it in its first message to the server." So it is demanded here
    user, nonce = scram.attributes(bare, b"nr")
    header = message[: len(message) - len(bare)]
    return ClientFirst(
        flag=flag[:1].decode("ascii"),
        binding=binding,
        authorize=scram.unquote(authorize[2:]) if authorize else "",
        user=scram.unquote(user),
        nonce=scram.nonce(nonce),
        header=header,
        bare=bare,
    )


class ServerExchange:
    """One exchange; the methods in the order of the module's text."""

    def __init__(self, mechanism: Mechanism, channel: Channel, nonce: bytes) -> None:
        self.mechanism = mechanism
        self._channel = channel
        self._nonce = nonce
        self._first: ClientFirst | None = None
        self._bound = b""  # the binding's data
        self._said = b""  # server-first-message
        self._claim: Claim | None = None
        self.used_exporter = False  # from here on the connection may not begin another with it

    def first(self, message: bytes) -> ClientFirst:
        """The client-first-message; Refused, also when it is not bound as it has to be."""
        parsed = parse_first(message)
        channel = self._channel
        if parsed.flag == "y" and channel.supported:
            # RFC 5802 §6: "If the flag is set to "y" and the server supports channel binding, the server MUST fail
            # authentication." The list the client saw was changed on the way. What counts is the listener: whoever sits
            # between can make this one connection look as if it could not be bound
            raise Refused("server-does-support-channel-binding")
        if self.mechanism.plus and parsed.flag != "p":
            raise Refused("other-error", "this mechanism binds the channel: expected p=")
        if parsed.flag == "p":
            self._bound = self._bind(parsed.binding)
        self._first = parsed
        return parsed

    def _bind(self, kind: str) -> bytes:
        # A client library that is widespread sends p= with the bare mechanism too: it is verified like the other.
        channel = self._channel
        if not channel.tls or not channel.supported or not channel.types:
            raise Refused("channel-binding-not-supported")
        # RFC 5802 §6: "If the channel binding flag was "p" and the server does not support the indicated channel binding
        # type, then the server MUST fail authentication."
        # RFC 5802 §6.1: "Servers MUST choose the channel binding type indicated by the client, or fail authentication if
        # they don't support it."
        data = channel.data(kind) if kind in channel.types else None
        if data is None:
            known = ", ".join(channel.types)
            raise Refused(
                "unsupported-channel-binding-type", f"this connection binds by {known} only"
            )
        # RFC 9266 §4.1: "applications that make use of the channel binding type defined in this document MUST NOT use the
        # channel binding for more than one authentication mechanism instance on a given TLS connection."
        self.used_exporter = kind == EXPORTER
        return data

    def challenge(self, salt: bytes, iterations: int) -> bytes:
        """The server-first-message."""
        assert self._first is not None
        self._nonce = self._first.nonce + self._nonce
        # RFC 5802 §5.1: "This attribute specifies an iteration count for the selected hash function and user, and MUST be
        # sent by the server along with the user's salt."
        self._said = b"r=%b,s=%b,i=%d" % (self._nonce, scram.encode64(salt), iterations)
        return self._said

    def final(self, message: bytes) -> Claim:
        """The client-final-message; Refused unless nonce and binding are right."""
        assert self._first is not None and self._said
        if len(message) > scram.LONGEST:
            raise Refused("other-error", "the message is too long")
        without, comma, proof = message.rpartition(b",p=")
        if not comma:
            raise Refused("other-error", "expected p= at the end")
        bound, nonce = scram.attributes(without, b"cr")
        # RFC 5802 §5.1: "The server MUST verify that the nonce sent by the client in the second message is the same as
        # the one sent by the server in its first message."
        if not hmac.compare_digest(nonce, self._nonce):
            raise Refused("other-error", "another nonce")
        # RFC 5802 §6: "The server MUST always validate the client's "c=" field." Also the header alone: who sits between
        # may have changed the flag
        ours = scram.encode64(self._first.header + self._bound)
        if not hmac.compare_digest(bound, ours):
            raise Refused("channel-bindings-dont-match")
        text = b",".join((self._first.bare, self._said, without))
        self._claim = Claim(text, scram.decode64(proof))
        return self._claim

    @staticmethod
    def outcome(signature: bytes) -> bytes:
        """The server-final-message after a proof that was right."""
        return b"v=" + scram.encode64(signature)
