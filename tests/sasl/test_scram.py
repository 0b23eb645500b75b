"""SCRAM: the RFCs' own exchanges, the two sides against each other, and every message that must fail."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postil.ports.channel import OPEN, Channel
from postil.sasl import scram, scram_client, scram_server
from postil.sasl.scram import Hash, Refused
from postil.sasl.scram_client import Binding, ClientExchange
from postil.sasl.scram_server import ServerExchange

SALT = b"0123456789abcdef"
COUNT = 4096
BARE = scram.MECHANISMS["SCRAM-SHA-256"]
PLUS = scram.MECHANISMS["SCRAM-SHA-256-PLUS"]
TLS = Channel(True, True, ("tls-exporter",), {"tls-exporter": b"\1" * 32}.get)
KEYS = {hash_: scram.keys("pencil", SALT, COUNT, hash_) for hash_ in Hash}


def talk(
    server: ServerExchange, client: ClientExchange, keys: scram.Keys | None = None
) -> scram_server.ClientFirst:
    """A whole exchange; Refused from either side."""
    hash_ = server.mechanism.hash
    stored = keys or KEYS[hash_]
    first = server.first(client.first())
    claim = server.final(client.final(server.challenge(SALT, COUNT)))
    if not scram.proves(stored.stored, claim.auth_message, claim.proof, hash_):
        raise Refused("invalid-proof")
    client.finish(server.outcome(scram.mac(stored.server, claim.auth_message, hash_)))
    return first


def refused(value: str) -> Any:
    """The block must fail with this word."""
    return pytest.raises(Refused, check=lambda error: error.value == value)


@pytest.mark.rfc(
    "5802", "3", "both the username and the password MUST be encoded in UTF-8 [RFC3629]."
)
@pytest.mark.rfc(
    "5802",
    "4",
    "For interoperability, all SCRAM clients and servers MUST implement the SCRAM-SHA-1 authentication mechanism,",
)
def test_the_rfcs_exchanges(shared_dir: Path) -> None:
    """RFC 5802 §5 and RFC 7677 §3, octet for octet, on both sides."""
    vectors = json.loads((shared_dir / "vectors/sasl/scram-rfc-examples.json").read_text("utf-8"))
    assert len(vectors) == 2
    for vector in vectors:
        mechanism = scram.MECHANISMS[vector["mechanism"]]
        salt = base64.b64decode(vector["salt"])
        keys = scram.keys(vector["password"], salt, vector["iterations"], mechanism.hash)
        client = ClientExchange(
            mechanism, vector["user"], vector["password"], vector["client_nonce"].encode()
        )
        server = ServerExchange(mechanism, TLS, vector["server_nonce_suffix"].encode())
        assert server.first(client.first()).user == vector["user"]
        final = client.final(server.challenge(salt, vector["iterations"]))
        assert final.endswith(b",p=" + vector["client_final_proof"].encode())
        claim = server.final(final)
        assert scram.proves(keys.stored, claim.auth_message, claim.proof, mechanism.hash)
        last = server.outcome(scram.mac(keys.server, claim.auth_message, mechanism.hash))
        assert last == b"v=" + vector["server_signature"].encode()
        client.finish(last)


@pytest.mark.rfc(
    "5802",
    "5.1",
    'Whether or not the server prepares the username using "SASLprep", it MUST use it as received in hash calculations.',
)
@given(
    st.sampled_from(list(scram.MECHANISMS.values())),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
)
def test_any_name_comes_over(mechanism: scram.Mechanism, user: str, authorize: str) -> None:
    """Names with commas, equals signs and anything else arrive as they are, with and without -PLUS."""
    binding = Binding("p", "tls-exporter", b"\1" * 32) if mechanism.plus else Binding()
    client = ClientExchange(mechanism, user, "pencil", b"abc", binding=binding, authorize=authorize)
    first = talk(ServerExchange(mechanism, TLS, b"xyz"), client)
    assert (first.user, first.authorize) == (user, authorize)


@given(st.binary(max_size=80))
def test_any_octets_as_first_message(octets: bytes) -> None:
    """Whatever comes is a message or Refused, never another error."""
    try:
        first = scram_server.parse_first(octets)
    except Refused:
        return
    assert first.header + first.bare == octets


@given(st.binary(max_size=80), st.booleans())
def test_any_octets_as_final_message(octets: bytes, with_nonce: bool) -> None:
    """Nothing but the right message passes."""
    server = ServerExchange(BARE, TLS, b"xyz")
    server.first(b"n,,n=user,r=abc")
    server.challenge(SALT, COUNT)
    with pytest.raises(Refused):
        server.final(
            b"c=biws,r=abcxyz," + octets if with_nonce and not octets.startswith(b"p=") else octets
        )


@given(st.binary(max_size=80))
def test_any_octets_from_a_server(octets: bytes) -> None:
    """A client takes nothing for a challenge or a proof that is none."""
    client = ClientExchange(BARE, "user", "pencil", b"abc")
    with pytest.raises(Refused):
        client.final(octets)
    with pytest.raises(Refused):
        client.finish(octets)


@pytest.mark.rfc(
    "5802",
    "5",
    'Note that the client\'s first message will always start with "n", "y", or "p"; otherwise, the message is invalid and authentication MUST fail.',
)
@pytest.mark.parametrize(
    "message", [b"x,,n=user,r=abc", b",,n=user,r=abc", b"p=,,n=user,r=abc", b"", b"n"]
)
def test_first_letter(message: bytes) -> None:
    """Nothing else opens an exchange."""
    with refused("other-error"):
        scram_server.parse_first(message)


@pytest.mark.rfc("5802", "5.1", "A client MUST include it in its first message to the server.")
@pytest.mark.parametrize("message", [b"n,,r=abc", b"n,,r=abc,n=user", b"n,,n=user"])
def test_name_and_nonce(message: bytes) -> None:
    """Name and nonce, in this order."""
    with refused("other-error"):
        scram_server.parse_first(message)


@pytest.mark.rfc(
    "5802",
    "5.1",
    "If the server receives a username that contains '=' not followed by either '2C' or '3D', then the server MUST fail the authentication.",
)
@pytest.mark.parametrize("name", [b"a=b", b"a=2c", b"a=", b"=3E", b"", b"\xff", b"a\0"])
def test_quoting(name: bytes) -> None:
    """A name that is not quoted as it must be fails."""
    with refused("invalid-username-encoding"):
        scram_server.parse_first(b"n,,n=" + name + b",r=abc")


@pytest.mark.rfc(
    "5802",
    "5.1",
    "In this version of SCRAM, its presence in a client or a server message MUST cause authentication failure when the attribute is parsed by the other end.",
)
@pytest.mark.rfc(
    "5802",
    "5.1",
    "Mandatory extensions sent by one peer but not understood by the other MUST cause authentication failure",
)
def test_mandatory_extension() -> None:
    """m= fails wherever it stands, on both sides."""
    for message in (b"n,,m=x,n=user,r=abc", b"n,,n=user,r=abc,m=x"):
        with refused("extensions-not-supported"):
            scram_server.parse_first(message)
    client = ClientExchange(BARE, "user", "pencil", b"abc")
    for message in (b"m=x,r=abcd,s=AAAA,i=4096", b"r=abcd,s=AAAA,i=4096,m=x"):
        with refused("extensions-not-supported"):
            client.final(message)


@pytest.mark.rfc("5802", "5.1", "Unknown optional extensions MUST be ignored upon receipt.")
def test_optional_extension() -> None:
    """x= and what else may come is passed over and yet signed."""
    server = ServerExchange(BARE, TLS, b"xyz")
    server.first(b"n,,n=user,r=abc,x=1,y=2")
    server.challenge(SALT, COUNT)
    claim = server.final(b"c=biws,r=abcxyz,z=3,p=AAAA")
    assert claim.auth_message.startswith(b"n=user,r=abc,x=1,y=2,r=abcxyz,")
    assert claim.auth_message.endswith(b",c=biws,r=abcxyz,z=3")


@pytest.mark.rfc(
    "5802",
    "5.1",
    "The client MUST verify that the initial part of the nonce used in subsequent messages is the same as the nonce it initially specified.",
)
@pytest.mark.parametrize("nonce", [b"abd123", b"abc", b"123abc"])
def test_the_servers_nonce(nonce: bytes) -> None:
    """A challenge for somebody else's exchange, or without a part of the server's, fails."""
    with refused("other-error"):
        ClientExchange(BARE, "user", "pencil", b"abc").final(b"r=" + nonce + b",s=AAAA,i=4096")


@pytest.mark.rfc(
    "5802",
    "5.1",
    "The server MUST verify that the nonce sent by the client in the second message is the same as the one sent by the server in its first message.",
)
@pytest.mark.parametrize("nonce", [b"abc", b"xyz", b"abcxyZ", b"abcxyzz"])
def test_the_clients_nonce(nonce: bytes) -> None:
    """A final message of another exchange fails."""
    server = ServerExchange(BARE, TLS, b"xyz")
    server.first(b"n,,n=user,r=abc")
    server.challenge(SALT, COUNT)
    with refused("other-error"):
        server.final(b"c=biws,r=" + nonce + b",p=AAAA")


@pytest.mark.rfc(
    "5802",
    "5.1",
    "This attribute specifies an iteration count for the selected hash function and user, and MUST be sent by the server along with the user's salt.",
)
def test_the_challenge() -> None:
    """Nonce, salt and count."""
    server = ServerExchange(BARE, TLS, b"xyz")
    server.first(b"n,,n=user,r=abc")
    assert server.challenge(b"\0\1\2", 100_000) == b"r=abcxyz,s=AAEC,i=100000"


@pytest.mark.parametrize("count", [b"1", b"4095", b"10000001", b"9" * 5000, b"-5", b"x"])
def test_counts_a_client_refuses(count: bytes) -> None:
    """Too few are an attack on the password, too many one on the client."""
    with refused("other-error"):
        ClientExchange(BARE, "user", "pencil", b"abc").final(b"r=abcd,s=AAAA,i=" + count)


@pytest.mark.rfc(
    "5802",
    "5",
    "If the two are different, the client MUST consider the authentication exchange to be unsuccessful, and it might have to drop the connection.",
)
def test_a_server_that_does_not_know() -> None:
    """A server without the keys is found out."""
    other = scram.keys("other", SALT, COUNT, Hash.SHA256)
    client = ClientExchange(BARE, "user", "pencil", b"abc")
    server = ServerExchange(BARE, TLS, b"xyz")
    server.first(client.first())
    claim = server.final(client.final(server.challenge(SALT, COUNT)))
    with refused("other-error"):
        client.finish(server.outcome(scram.mac(other.server, claim.auth_message, Hash.SHA256)))


def test_wrong_password() -> None:
    """The proof of another password proves nothing; nor does one of another length."""
    with refused("invalid-proof"):
        talk(ServerExchange(BARE, TLS, b"xyz"), ClientExchange(BARE, "user", "pencils", b"abc"))
    for proof in (b"", b"\0" * 31, b"\0" * 33, b"\0" * 32):
        assert not scram.proves(KEYS[Hash.SHA256].stored, b"text", proof, Hash.SHA256)


@pytest.mark.rfc(
    "5802",
    "6",
    'If the flag is set to "y" and the server supports channel binding, the server MUST fail authentication.',
)
def test_downgrade() -> None:
    """`y` fails on every connection of a listener that binds, and only there."""
    for channel in (TLS, Channel(True, True)):
        with refused("server-does-support-channel-binding"):
            ServerExchange(BARE, channel, b"xyz").first(b"y,,n=user,r=abc")
    assert ServerExchange(BARE, OPEN, b"xyz").first(b"y,,n=user,r=abc").flag == "y"


@pytest.mark.rfc(
    "5802",
    "6",
    'If the channel binding flag was "p" and the server does not support the indicated channel binding type, then the server MUST fail authentication.',
)
@pytest.mark.rfc(
    "5802",
    "6.1",
    "Servers MUST choose the channel binding type indicated by the client, or fail authentication if they don't support it.",
)
@pytest.mark.parametrize("mechanism", [BARE, PLUS], ids=lambda one: one.name)
def test_unknown_type(mechanism: scram.Mechanism) -> None:
    """Another type than those of this connection."""
    for kind in (b"tls-unique", b"x", b"TLS-EXPORTER"):
        server = ServerExchange(mechanism, TLS, b"xyz")
        with refused("unsupported-channel-binding-type"):
            server.first(b"p=" + kind + b",,n=user,r=abc")
        assert not server.used_exporter


def test_nothing_to_bind() -> None:
    """Without TLS, without support, on a connection that cannot."""
    for channel in (OPEN, Channel(True, False), Channel(True, True)):
        with refused("channel-binding-not-supported"):
            ServerExchange(PLUS, channel, b"xyz").first(b"p=tls-exporter,,n=user,r=abc")


@pytest.mark.parametrize("flag", [b"n", b"y"])
def test_plus_wants_p(flag: bytes) -> None:
    """A -PLUS mechanism without binding fails."""
    with pytest.raises(Refused):
        ServerExchange(PLUS, TLS, b"xyz").first(flag + b",,n=user,r=abc")


@pytest.mark.rfc("5802", "6", 'The server MUST always validate the client\'s "c=" field.')
@pytest.mark.rfc(
    "5802",
    "5.1",
    "c: This REQUIRED attribute specifies the base64-encoded GS2 header and channel binding data.",
)
@pytest.mark.parametrize("mechanism", [BARE, PLUS], ids=lambda one: one.name)
def test_other_data(mechanism: scram.Mechanism) -> None:
    """Data of another connection, another flag, another identity behind c=; with either mechanism."""
    for data in (b"\2" * 32, b"", b"\1" * 31):
        client = ClientExchange(
            mechanism, "user", "pencil", b"abc", binding=Binding("p", "tls-exporter", data)
        )
        server = ServerExchange(mechanism, TLS, b"xyz")
        with refused("channel-bindings-dont-match"):
            talk(server, client)
        assert server.used_exporter
    server = ServerExchange(BARE, TLS, b"xyz")
    server.first(b"n,,n=user,r=abc")
    server.challenge(SALT, COUNT)
    for header in (b"y,,", b"n,a=x,", b"n,,\0"):
        with refused("channel-bindings-dont-match"):
            server.final(b"c=" + base64.b64encode(header) + b",r=abcxyz,p=AAAA")


def test_bound_on_a_bare_mechanism() -> None:
    """A client that sends p= there is taken, and the use counts."""
    binding = Binding("p", "tls-exporter", b"\1" * 32)
    server = ServerExchange(BARE, TLS, b"xyz")
    talk(server, ClientExchange(BARE, "user", "pencil", b"abc", binding=binding))
    assert server.used_exporter


@pytest.mark.rfc(
    "5802",
    "6",
    'Clients that support mechanism negotiation and channel binding MUST use a "p" gs2-cbind-flag when the server offers the PLUS-variant of the desired GS2 mechanism.',
)
@pytest.mark.rfc("5802", "6", 'then the client MUST NOT use an "n" gs2-cbind-flag.')
@pytest.mark.rfc(
    "5802",
    "6",
    'If the client does not support channel binding, then it MUST use an "n" gs2-cbind-flag.',
)
@pytest.mark.rfc(
    "5802",
    "6",
    'Conversely, if the client requires the use of channel binding then it MUST use a "p" gs2-cbind-flag.',
)
def test_a_client_chooses() -> None:
    """-PLUS when both can, `y` when only the client seems to, `n` when it cannot."""
    every = list(scram.MECHANISMS)
    bare = [name for name in every if not name.endswith("PLUS")]
    data = b"\1" * 32
    bound = Binding("p", "tls-exporter", data)
    assert scram_client.choose(every, "tls-exporter", data) == (PLUS, bound)
    assert scram_client.choose(bare, "tls-exporter", data) == (BARE, Binding("y"))
    assert scram_client.choose(every, None, None) == (BARE, Binding("n"))
    assert scram_client.choose(["SCRAM-SHA-1-PLUS", "SCRAM-SHA-256"], "tls-exporter", data) == (
        scram.MECHANISMS["SCRAM-SHA-1-PLUS"],
        bound,
    )
    assert scram_client.choose(["PLAIN"], "tls-exporter", data) is None


def test_keys_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client with the keys of last time salts nothing, until salt or count change."""
    client = ClientExchange(BARE, "user", "pencil", b"abc")
    talk(ServerExchange(BARE, TLS, b"xyz"), client)
    assert client.keys is not None
    again = ClientExchange(BARE, "user", "wrong by now", b"def")
    again.remember(client.salt, client.iterations, client.keys)
    talk(ServerExchange(BARE, TLS, b"uvw"), again)
    again = ClientExchange(BARE, "user", "wrong by now", b"def")
    again.remember(b"another salt", client.iterations, client.keys)
    with refused("invalid-proof"):
        talk(ServerExchange(BARE, TLS, b"uvw"), again)


def test_nothing_secret_in_repr() -> None:
    """Keys and proofs do not reach a log by accident."""
    made = scram.client_keys(b"x" * 32, Hash.SHA256)
    for secret in (made, KEYS[Hash.SHA256], scram_server.Claim(b"text", b"proof!")):
        assert "proof!" not in repr(secret)
        assert repr(made.client) not in repr(secret)
    assert repr(KEYS[Hash.SHA256].stored) not in repr(KEYS[Hash.SHA256])


def test_stored_keys_cannot_log_in() -> None:
    """What a server stores is a hash of what a client needs."""
    made = scram.client_keys(scram.salted("pencil", SALT, COUNT, Hash.SHA256), Hash.SHA256)
    assert KEYS[Hash.SHA256].stored == hashlib.sha256(made.client).digest()
