"""The certificates of a server: which there are, the contexts made of them for each kind of listener, and their exchange while connections run.

Theory of operation. A `Chain` is a certificate with its key and the names it is for; the first chain is the fallback. For each
listener's `Manner` there is one OpenSSL context a chain, made before any client comes: nothing waits in a handshake. `replace` makes
the whole new set first and then exchanges it, so that a file that is no certificate leaves everything as it was. A
connection keeps the context it began with, whatever comes later.

Proofs for a certificate authority (RFC 8737) are shown through `show_tls`: only to who asks for that name and for `acme-tls/1`.

What it does not do: read the configuration, order certificates, watch files.
"""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from postil.net.certificates import BadCertificate, bare_context, names_of, server_context
from postil.net.hello import Hello
from postil.net.naming import ACME, Alert, Asked, Decision, Rule, decide, is_address


@dataclass(frozen=True, slots=True)
class Chain:
    """A certificate chain and its key, PEM files."""

    certificate: Path
    key: Path
    names: tuple[str, ...] = ()  # beside those the certificate holds; lower case

    def all_names(self) -> frozenset[str]:
        """The names it is shown for, wildcards and IP addresses included; BadCertificate."""
        return frozenset(self.names) | names_of(self.certificate)


@dataclass(frozen=True, slots=True)
class Manner:
    """How a kind of listener speaks TLS."""

    protocols: tuple[str, ...] = ()  # ALPN; empty: what a client offers is not looked at
    rule: Rule = Rule.NAMED
    minimum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    tickets: bool = False
    client_keys: bool = False  # asked for, and any is taken


@dataclass(frozen=True, slots=True)
class Choice:
    """What a handshake goes on with: a context, or an alert."""

    context: ssl.SSLContext | None
    decision: Decision


# The hello, and the address the client came to -> what to go on with.
Chooser = Callable[[Hello, str], Choice]


@dataclass(frozen=True, slots=True)
class _Set:
    """Contexts of one manner."""

    named: Mapping[str, ssl.SSLContext]  # name or wildcard -> context that acknowledges names
    addresses: Mapping[str, ssl.SSLContext]  # for who connects to that address and names none
    fallback: ssl.SSLContext
    unread: ssl.SSLContext  # for what we cannot read


@dataclass(slots=True)
class Identities:
    """All certificates of a server; also a `ports.certs.Challenges` for TLS."""

    chains: Sequence[Chain]
    _sets: dict[Manner, _Set] = field(default_factory=dict)
    _orders: dict[str, ssl.SSLContext] = field(default_factory=dict)

    def replace(self, chains: Sequence[Chain]) -> None:
        """Show these from now on; BadCertificate, and then nothing has changed."""
        if not chains:
            raise BadCertificate("there is no certificate to show")
        made = {manner: _contexts(chains, manner) for manner in self._sets}
        for chain in chains:
            chain.all_names()  # before there is any listener, too
        self.chains, self._sets = tuple(chains), made

    def chooser(self, manner: Manner, told: Callable[[Asked, bool], None]) -> Chooser:
        """For the listeners of that manner; `told` hears of each handshake what was asked and whether it was refused."""
        if manner not in self._sets:
            self._sets[manner] = _contexts(self.chains, manner)

        def choose(hello: Hello, local_ip: str) -> Choice:
            choice = self._choose(hello, local_ip, manner)
            told(choice.decision.asked, choice.decision.alert is not None)
            return choice

        return choose

    def _choose(self, hello: Hello, local_ip: str, manner: Manner) -> Choice:
        contexts = self._sets[manner]
        decision = decide(hello, contexts.named, self._orders, manner.rule)
        if decision.alert is not None:
            return Choice(None, decision)
        if decision.asked is Asked.ODD:
            return Choice(contexts.unread, decision)
        if decision.asked is Asked.ORDER:
            assert decision.name is not None
            return Choice(self._orders[decision.name], decision)
        if hello.protocols and manner.protocols and not _shared(hello, manner):
            # RFC 7301 §3.2: a server that shares none of the client's protocols says so with that alert. RFC 9325 §3.8
            # wants it, against attacks that carry one protocol's data to another's port.
            refused = Decision(decision.asked, decision.name, Alert.NO_APPLICATION_PROTOCOL)
            return Choice(None, refused)
        if decision.name is not None:
            return Choice(contexts.named[decision.name], decision)
        if decision.asked is Asked.MISSING and local_ip in contexts.addresses:
            # RFC 8738 certificates: who connects by address names none, and compares the address he used.
            return Choice(contexts.addresses[local_ip], decision)
        return Choice(contexts.fallback, decision)

    # --- proofs for a certificate authority

    def show_tls(self, name: str, certificate_pem: bytes, key_pem: bytes) -> None:
        """Show that certificate to whoever asks for `acme-tls/1` and the name (RFC 8738 §6: in-addr.arpa or ip6.arpa for an address)."""
        with tempfile.TemporaryDirectory(prefix="postil-") as folder:  # of mode 0700
            certificate, key = Path(folder) / "proof.pem", Path(folder) / "key.pem"
            certificate.write_bytes(certificate_pem)
            key.write_bytes(key_pem)
            # RFC 8737 §4: "acme-tls/1" alone
            self._orders[name.lower()] = server_context(
                certificate, key, alpn=(ACME.decode(),), acknowledge_name=True
            )

    def hide_tls(self, name: str) -> None:
        """The order has ended."""
        self._orders.pop(name.lower(), None)


def _shared(hello: Hello, manner: Manner) -> bool:
    return any(protocol.encode() in hello.protocols for protocol in manner.protocols)


def _contexts(chains: Sequence[Chain], manner: Manner) -> _Set:
    named: dict[str, ssl.SSLContext] = {}
    addresses: dict[str, ssl.SSLContext] = {}
    fallback = _context(chains[0], manner, acknowledge_name=False)
    for chain in chains:
        acknowledging = _context(chain, manner, acknowledge_name=True)
        silent = _context(chain, manner, acknowledge_name=False)
        for name in chain.all_names():
            if is_address(name):
                addresses.setdefault(name, silent)
            else:
                named.setdefault(name, acknowledging)
    # A strict listener shows nothing to who names nothing, so not to the hello of SSL 2, or one too long to be looked into: without
    # a certificate OpenSSL still finds the alert for what is no hello, and refuses the rest.
    unread = bare_context(manner.minimum) if manner.rule is Rule.STRICT else fallback
    return _Set(named, addresses, fallback, unread)


def _context(chain: Chain, manner: Manner, *, acknowledge_name: bool) -> ssl.SSLContext:
    return server_context(
        chain.certificate,
        chain.key,
        alpn=manner.protocols,
        minimum=manner.minimum,
        tickets=manner.tickets,
        acknowledge_name=acknowledge_name,
        client_keys=manner.client_keys,
    )
