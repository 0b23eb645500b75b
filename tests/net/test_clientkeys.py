"""TLS keys of clients: any certificate around them, or none, and never without the proof."""

from __future__ import annotations

import contextlib
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from tests.net.conftest import Pair
from tests.support.clientkeys import KINDS, certificate, client, pem, private, thief, write

from postil.accounts import tlskeys
from postil.net import clientkeys, openssl
from postil.net.openssl import Unreachable, handshake

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def test_the_self_test_passes() -> None:
    """On the interpreters that the project runs on, keys can be asked for."""
    assert clientkeys.self_test() is None


@pytest.mark.parametrize("version", [V12, V13])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("days", [30, -30])
def test_a_key_is_seen(
    pair: Pair, tmp_path: Path, version: ssl.TLSVersion, kind: str, days: int
) -> None:
    """Of every kind, with a certificate that nobody signed and that has perhaps expired; as the command registers it."""
    key = private(kind)
    path = write(tmp_path, key, days=days)
    ours, theirs = handshake(pair.server(client_keys=True), client(path, version))
    assert ours.version() == theirs.version()
    assert clientkeys.presented(ours) == tlskeys.digest(certificate(key))


@pytest.mark.parametrize("version", [V12, V13])
def test_without_a_key(pair: Pair, version: ssl.TLSVersion) -> None:
    """Who has none goes on as ever."""
    ours, _ = handshake(pair.server(client_keys=True), client(None, version))
    assert clientkeys.presented(ours) is None


@pytest.mark.parametrize("version", [V12, V13])
def test_not_asked(pair: Pair, tmp_path: Path, version: ssl.TLSVersion) -> None:
    """A listener that wants no keys asks for none, and sees none."""
    ours, _ = handshake(pair.server(), client(write(tmp_path, private("ecdsa")), version))
    assert clientkeys.presented(ours) is None
    assert ours.getpeercert(binary_form=True) is None


@pytest.mark.rfc(
    "8446",
    "4.4.3",
    'If the verification fails, the receiver MUST terminate the handshake with a "decrypt_error" alert.',
)
@pytest.mark.parametrize("version", [V12, V13])
@pytest.mark.parametrize("kind", KINDS)
def test_a_stolen_certificate(
    pair: Pair, tmp_path: Path, version: ssl.TLSVersion, kind: str
) -> None:
    """A certificate is public. Shown by somebody who signs with another key, it ends the handshake."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    theirs = thief(tmp_path, private(kind), version).wrap_bio(down, up)
    ours = pair.server(client_keys=True).wrap_bio(up, down, server_side=True)
    for _ in range(10):
        with contextlib.suppress(ssl.SSLWantReadError):
            theirs.do_handshake()
        try:
            ours.do_handshake()
        except ssl.SSLWantReadError:
            continue
        except ssl.SSLError as error:
            assert error.reason == "BAD_SIGNATURE"
            break
    else:
        raise AssertionError("the server took the certificate without its key")
    with pytest.raises(ssl.SSLError) as told:
        theirs.do_handshake()
        theirs.read(1)
    assert told.value.reason == "TLSV1_ALERT_DECRYPT_ERROR"


@pytest.mark.parametrize("version", [V12, V13])
def test_no_session_is_kept(pair: Pair, tmp_path: Path, version: ssl.TLSVersion) -> None:
    """A resumed session would bring a key along without its proof; there is none."""
    server = pair.server(client_keys=True)
    context = client(write(tmp_path, private("ecdsa")), version)
    _, theirs = handshake(server, context)
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    again = context.wrap_bio(down, up, session=theirs.session)
    ours = server.wrap_bio(up, down, server_side=True)
    waiting = [again, ours]
    for _ in range(10):
        for end in list(waiting):
            try:
                end.do_handshake()
                waiting.remove(end)
            except ssl.SSLWantReadError:
                pass
    assert not waiting and not ours.session_reused
    assert clientkeys.presented(ours) is not None


def test_another_layout_is_noticed(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the words are not where they should be, nothing is called with them."""
    monkeypatch.setattr(openssl, "HEADER", object.__basicsize__ + 8)
    with pytest.raises(Unreachable):
        pair.server(client_keys=True)


def test_the_self_test_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where OpenSSL turns strangers' certificates away after all, or sees no key, that is found out."""
    fresh = clientkeys.self_test.__wrapped__
    with monkeypatch.context() as patch:

        def strict(context: ssl.SSLContext) -> None:
            context.verify_mode = ssl.CERT_OPTIONAL

        patch.setattr(clientkeys, "ask", strict)
        assert "certificate verify failed" in (fresh() or "").lower()
    with monkeypatch.context() as patch:
        patch.setattr(clientkeys, "ask", lambda context: None)
        assert "not seen" in (fresh() or "")
    with monkeypatch.context() as patch:
        patch.setattr(clientkeys, "presented", lambda tls: "something")
        assert "not seen" in (fresh() or "")
    assert fresh() is None


def test_digests(tmp_path: Path) -> None:
    """What is no certificate has none; two certificates of one key have the same."""
    assert clientkeys.digest(b"nothing") is None
    key = private("ecdsa")
    made = {
        clientkeys.digest(
            x509.load_pem_x509_certificate(certificate(key, name)).public_bytes(Encoding.DER)
        )
        for name in ("ann", "bob")
    }
    assert made == {tlskeys.digest(certificate(key))}
    assert b"PRIVATE" in pem(key)
    weak = rsa.generate_private_key(65537, 1024)
    with pytest.raises(Exception, match="too weak"):
        tlskeys.digest(certificate(weak))
