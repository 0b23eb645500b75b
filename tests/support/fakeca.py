"""A certificate authority of the tests: does what RFC 8555 says, checks every request it gets, and misbehaves where told to.

It verifies signatures with code of its own and keeps what it was asked, so that a test can look at what a client really sent. Where
`instead` has answers for a path, those are given first. Validation is not its subject: authorizations are valid once a challenge is
answered, unless `verdict` says otherwise; pebble validates.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime
import hashlib
import json
import re
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.x509.oid import NameOID
from tests.support.pebble import Root

from postil.base.clock import Clock

URN = "urn:ietf:params:acme:error:"
DAY = 86400.0


def unb64(text: str) -> bytes:
    """base64url without padding, and nothing else."""
    assert re.fullmatch(r"[A-Za-z0-9_-]*", text), text
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Reply:
    """An answer."""

    status: int = 200
    body: Any = b""  # octets as they are, anything else as JSON
    fields: dict[str, str] = field(default_factory=dict)

    def octets(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


def problem(status: int, kind: str, detail: str = "no", **fields: str) -> Reply:
    """A problem document; `fields` with _ for -."""
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    body = {"type": URN + kind, "detail": detail}
    return Reply(status, body, {"content-type": "application/problem+json", **named})


@dataclass
class Asked:
    """A request as it came."""

    method: str
    path: str
    fields: dict[str, str]
    protected: dict[str, Any] = field(default_factory=dict)
    payload: Any = None  # None for POST-as-GET
    raw: dict[str, Any] = field(default_factory=dict)


@dataclass
class FakeCa:
    """One authority."""

    clock: Clock
    base: str = ""
    lifetime: float = 90 * DAY
    ari: Callable[[float], dict[str, Any]] | None = None  # now -> the object
    ari_fields: dict[str, str] = field(default_factory=lambda: {"retry-after": "21600"})
    terms: str = ""
    eab: bool = False
    caa: list[str] = field(default_factory=list)  # its names in CAA records
    profiles: dict[str, str] | None = None
    verdict: dict[str, Any] = field(default_factory=dict)  # identifier -> its challenge's error
    names: Callable[[list[str]], list[str]] = staticmethod(lambda names: names)
    instead: dict[str, list[Reply]] = field(default_factory=dict)
    seen: list[Asked] = field(default_factory=list)
    nonces: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)
    accounts: dict[str, dict[str, Any]] = field(default_factory=dict)  # URL -> {jwk, status}
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    authorizations: dict[str, dict[str, Any]] = field(default_factory=dict)
    chains: dict[str, bytes] = field(default_factory=dict)
    revoked: list[dict[str, Any]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)  # requests that were not as they must be
    issued: int = 0
    expired: bool = False  # issue certificates that have ended already
    foreign_key: bool = False  # issue certificates for another key
    offers: list[str] = field(default_factory=lambda: ["http-01", "tls-alpn-01", "dns-01"])
    _key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    @property
    def directory(self) -> str:
        """Its URL."""
        return f"{self.base}/directory"

    def of(self, path: str) -> list[Asked]:
        """What was asked at paths that begin so."""
        return [asked for asked in self.seen if asked.path.startswith(path)]

    # --- HTTP

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        fields = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            reply = self.answer(scope["method"], scope["path"], fields, body)
        except AssertionError as error:
            self.faults.append(f"{scope['path']}: {error}")
            raise
        sent = {"replay-nonce": self._nonce(), "content-type": "application/json", **reply.fields}
        headers = [
            (name.encode(), value.encode("latin-1")) for name, value in sent.items() if value
        ]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.octets()})

    def answer(self, method: str, path: str, fields: dict[str, str], body: bytes) -> Reply:
        """To one request."""
        asked = Asked(method, path, fields)
        self.seen.append(asked)
        if method == "POST":
            refusal = self._verify(asked, body)
            if refusal is not None:
                return refusal
        if self.instead.get(path):
            return self.instead[path].pop(0)
        match path.strip("/").split("/"):
            case ["directory"]:
                return Reply(body=self._directory())
            case ["nonce"]:
                return Reply()
            case ["renewal", identifier]:
                assert identifier and self.ari is not None
                return Reply(body=self.ari(self.clock.now()), fields=self.ari_fields)
            case ["new-account"]:
                return self._new_account(asked)
            case ["account", _]:
                return self._account(asked)
            case ["new-order"]:
                return self._new_order(asked)
            case ["order", number]:
                return Reply(body=self._shown(number))
            case ["authorization", number]:
                return self._authorization(asked, number)
            case ["challenge", number, _]:
                self._validate(number)
                return Reply(body={})
            case ["finalize", number]:
                return self._finalize(asked, number)
            case ["certificate", number]:
                return Reply(
                    body=self.chains[number],
                    fields={"content-type": "application/pem-certificate-chain"},
                )
            case ["key-change"]:
                return self._key_change(asked)
            case ["revoke"]:
                self.revoked.append(asked.payload)
                return Reply()
        return problem(404, "malformed", "no such thing")

    def _nonce(self) -> str:
        nonce = secrets.token_urlsafe(16)
        self.nonces.add(nonce)
        return nonce

    def _directory(self) -> dict[str, Any]:
        meta: dict[str, Any] = {"unknownThing": [1]}
        if self.terms:
            meta["termsOfService"] = self.terms
        if self.eab:
            meta["externalAccountRequired"] = True
        if self.caa:
            meta["caaIdentities"] = self.caa
        if self.profiles is not None:
            meta["profiles"] = self.profiles
        found: dict[str, Any] = {
            "newNonce": f"{self.base}/nonce",
            "newAccount": f"{self.base}/new-account",
            "newOrder": f"{self.base}/new-order",
            "revokeCert": f"{self.base}/revoke",
            "keyChange": f"{self.base}/key-change",
            "meta": meta,
            "surprise": {"a": None},
        }
        if self.ari is not None:
            found["renewalInfo"] = f"{self.base}/renewal"
        return found

    # --- signatures

    def _verify(self, asked: Asked, body: bytes) -> Reply | None:
        """RFC 8555 §6.2, by code that shares nothing with the client's."""
        assert asked.fields["content-type"] == "application/jose+json"
        jws = json.loads(body)
        assert set(jws) == {"protected", "payload", "signature"}, (
            "flattened, and nothing unprotected"
        )
        header = json.loads(unb64(jws["protected"]))
        asked.raw, asked.protected = jws, header
        asked.payload = json.loads(unb64(jws["payload"])) if jws["payload"] else None
        assert header["url"] == f"{self.base}{asked.path}"
        assert ("jwk" in header) != ("kid" in header)
        assert set(header) == {"alg", "nonce", "url"} | ({"jwk"} if "jwk" in header else {"kid"})
        if header["nonce"] not in self.nonces:
            return problem(400, "badNonce")
        self.nonces.discard(header["nonce"])
        assert header["nonce"] not in self.used, "a nonce was used twice"
        self.used.add(header["nonce"])
        if "kid" in header:
            account = self.accounts.get(header["kid"])
            if account is None:
                return problem(400, "accountDoesNotExist")
            if account["status"] != "valid":
                return problem(401, "unauthorized", f"account is {account['status']}")
            jwk = account["jwk"]
        else:
            assert asked.path in ("/new-account", "/revoke")
            jwk = header["jwk"]
        self._check(
            jwk, header["alg"], f"{jws['protected']}.{jws['payload']}".encode(), jws["signature"]
        )
        return None

    @staticmethod
    def _check(jwk: dict[str, str], alg: str, signed: bytes, signature: str) -> None:
        octets = unb64(signature)
        try:
            if jwk["kty"] == "EC":
                assert alg == "ES256" and len(octets) == 64 and jwk["crv"] == "P-256"
                point = ec.EllipticCurvePublicNumbers(
                    int.from_bytes(unb64(jwk["x"]), "big"),
                    int.from_bytes(unb64(jwk["y"]), "big"),
                    ec.SECP256R1(),
                )
                r, s = (int.from_bytes(octets[at : at + 32], "big") for at in (0, 32))
                point.public_key().verify(
                    encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256())
                )
            else:
                assert alg == "RS256"
                numbers = rsa.RSAPublicNumbers(
                    int.from_bytes(unb64(jwk["e"]), "big"), int.from_bytes(unb64(jwk["n"]), "big")
                )
                numbers.public_key().verify(octets, signed, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            raise AssertionError("the signature does not verify") from None

    # --- resources

    def _new_account(self, asked: Asked) -> Reply:
        jwk, payload = asked.protected["jwk"], asked.payload
        name = hashlib.sha256(json.dumps(jwk, sort_keys=True).encode()).hexdigest()[:12]
        url = f"{self.base}/account/{name}"
        new = url not in self.accounts
        if new and payload.get("onlyReturnExisting"):
            return problem(400, "accountDoesNotExist")
        if new:
            contact = payload.get("contact", [])
            self.accounts[url] = {"jwk": jwk, "status": "valid", "contact": contact}
        shown = {"status": self.accounts[url]["status"], "contact": self.accounts[url]["contact"]}
        return Reply(201 if new else 200, shown, {"location": url})

    def _account(self, asked: Asked) -> Reply:
        account = self.accounts[f"{self.base}{asked.path}"]
        account |= asked.payload or {}
        return Reply(body={"status": account["status"], "contact": account["contact"]})

    def _key_change(self, asked: Asked) -> Reply:
        """RFC 8555 §7.3.5, each step."""
        inner = asked.payload
        assert set(inner) == {"protected", "payload", "signature"}
        header = json.loads(unb64(inner["protected"]))
        assert set(header) == {"alg", "jwk", "url"} and header["url"] == asked.protected["url"]
        signed = f"{inner['protected']}.{inner['payload']}".encode()
        self._check(header["jwk"], header["alg"], signed, inner["signature"])
        change = json.loads(unb64(inner["payload"]))
        account = self.accounts[asked.protected["kid"]]
        assert change == {"account": asked.protected["kid"], "oldKey": account["jwk"]}
        assert header["jwk"] not in [one["jwk"] for one in self.accounts.values()]
        account["jwk"] = header["jwk"]
        return Reply()

    def _new_order(self, asked: Asked) -> Reply:
        number = str(len(self.orders) + 1)
        identifiers = asked.payload["identifiers"]
        pieces = []
        for index, one in enumerate(identifiers):
            piece = f"{number}-{index}"
            pieces.append(f"{self.base}/authorization/{piece}")
            self.authorizations[piece] = {
                "identifier": {**one, "value": one["value"].removeprefix("*.")},
                "status": "pending",
                "challenges": [
                    {
                        "type": kind,
                        "url": f"{self.base}/challenge/{piece}/{kind}",
                        "status": "pending",
                        "token": secrets.token_urlsafe(16),
                    }
                    for kind in self.offers
                ],
            }
        self.orders[number] = {
            "status": "pending",
            "identifiers": identifiers,
            "authorizations": pieces,
            "finalize": f"{self.base}/finalize/{number}",
        }
        return Reply(201, self._shown(number), {"location": f"{self.base}/order/{number}"})

    def _shown(self, number: str) -> dict[str, Any]:
        order = self.orders[number]
        pieces = [self.authorizations[url.rpartition("/")[2]] for url in order["authorizations"]]
        if order["status"] == "pending" and all(one["status"] == "valid" for one in pieces):
            order["status"] = "ready"
        return order

    def _authorization(self, asked: Asked, number: str) -> Reply:
        found = self.authorizations[number]
        if asked.payload:
            found |= asked.payload
        return Reply(body=found)

    def _validate(self, number: str) -> None:
        found = self.authorizations[number]
        error = self.verdict.get(found["identifier"]["value"])
        found["status"] = "invalid" if error else "valid"
        if error:
            found["challenges"][0] |= {"status": "invalid", "error": error}

    def _finalize(self, asked: Asked, number: str) -> Reply:
        order = self._shown(number)
        if order["status"] != "ready":
            return problem(403, "orderNotReady")
        csr = x509.load_der_x509_csr(unb64(asked.payload["csr"]))
        assert csr.is_signature_valid
        wanted = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        values = [str(one.value) for one in wanted]
        assert sorted(values) == sorted(one["value"] for one in order["identifiers"])
        self.chains[number] = self._issue(csr, [one.value for one in wanted])
        order |= {"status": "valid", "certificate": f"{self.base}/certificate/{number}"}
        return Reply(body=order)

    def _issue(self, csr: x509.CertificateSigningRequest, values: list[Any]) -> bytes:
        self.issued += 1
        now = datetime.datetime.fromtimestamp(self.clock.now(), datetime.UTC)
        ends = now + datetime.timedelta(seconds=-60 if self.expired else self.lifetime)
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Fake CA")])
        names = self.names([str(value) for value in values])
        alternatives: list[x509.GeneralName] = [
            x509.IPAddress(value)
            if str(value) == name and not isinstance(value, str)
            else x509.DNSName(name)
            for name, value in zip(names, values, strict=True)
        ]
        public: Any = csr.public_key()
        if self.foreign_key:
            public = ec.generate_private_key(ec.SECP256R1()).public_key()
        made = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(0x80_0000_0000 + self.issued)
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(ends)
            .add_extension(x509.SubjectAlternativeName(alternatives), True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), False
            )
            .sign(self._key, hashes.SHA256())
        )
        return made.public_bytes(serialization.Encoding.PEM)


@contextlib.asynccontextmanager
async def serving(ca: FakeCa, root: Root) -> AsyncIterator[FakeCa]:
    """On a port of its own over TLS, until the block ends."""
    listening = socket.create_server(("127.0.0.1", 0))
    ca.base = f"https://localhost:{listening.getsockname()[1]}"
    config = uvicorn.Config(
        ca,
        log_config=None,
        lifespan="off",
        ssl_certfile=str(root.certificate),
        ssl_keyfile=str(root.key),
    )
    server = uvicorn.Server(config)
    task = asyncio.get_running_loop().create_task(server._serve(sockets=[listening]))
    try:
        yield ca
    finally:
        server.should_exit = True
        await task
    assert ca.faults == []
