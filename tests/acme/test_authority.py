"""Against an authority that misbehaves: it checks every request it gets, and refuses, fails, lies and lingers where told to."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.acme.desk import NAME, Desk, ca, desk
from tests.support.fakeca import URN, FakeCa, Reply, problem
from tests.support.pebble import Root
from tools.ports import free_port

from postil.acme.files import KeptAccount, ProviderFolder
from postil.acme.issue import connected
from postil.acme.problem import (
    AcmeError,
    BadAnswer,
    OrderFailed,
    Refused,
    Unavailable,
    Unready,
)
from postil.config.secrets import Secret
from postil.http.client import AGENT

__all__ = ["ca", "desk"]


@pytest.mark.rfc("8555", "5", "MUST be encoded using the UTF-8 character set [RFC3629].")
@pytest.mark.rfc(
    "8555", "6.1", "This header field SHOULD include the name and version of the ACME software"
)
@pytest.mark.rfc("8555", "6.1", "ACME clients SHOULD send an Accept-Language header field")
@pytest.mark.rfc("8555", "6.2", '"alg" (Algorithm)')
@pytest.mark.rfc("8555", "6.2", '"nonce" (defined in Section 6.5)')
@pytest.mark.rfc("8555", "6.2", '"url" (defined in Section 6.4)')
@pytest.mark.rfc("8555", "6.2", 'Either "jwk" (JSON Web Key) or "kid" (Key ID) as specified below')
@pytest.mark.rfc(
    "8555",
    "6.2",
    "This field MUST contain the public key corresponding to the private key used to sign the JWS.",
)
@pytest.mark.rfc(
    "8555",
    "6.2",
    'For all other requests, the request is signed using an existing account, and there MUST be a "kid" field.',
)
@pytest.mark.rfc(
    "8555", "6.3", "then it MUST send a POST request with a JWS body as described above"
)
@pytest.mark.rfc(
    "8555",
    "6.4.1",
    'The value of the "url" header parameter MUST be a string representing the target URL.',
)
@pytest.mark.rfc(
    "8555",
    "6.5.1",
    "The Replay-Nonce header field SHOULD NOT be included in HTTP request messages.",
)
@pytest.mark.rfc(
    "8555",
    "6.5.2",
    'The value of the "nonce" header parameter MUST be an octet string, encoded according to the base64url encoding',
)
@pytest.mark.rfc(
    "8555",
    "7.4",
    "The CSR MUST indicate the exact same set of requested identifiers as the initial newOrder request.",
)
@pytest.mark.rfc(
    "8555", "7.4", 'Identifiers of type "dns" MUST appear either in the commonName portion'
)
@pytest.mark.rfc(
    "8555", "6.1", "ACME clients MUST send a User-Agent header field, in accordance with [RFC7231]."
)
@pytest.mark.rfc("8555", "6.1", "Trailing '=' characters MUST be stripped.")
@pytest.mark.rfc(
    "8555",
    "6.2",
    "All ACME requests with a non-empty body MUST encapsulate their payload in a JSON Web Signature (JWS) [RFC7515] object",
)
@pytest.mark.rfc("8555", "6.2", "The JWS MUST be in the Flattened JSON Serialization [RFC7515]")
@pytest.mark.rfc("8555", "6.2", "The JWS MUST NOT have multiple signatures")
@pytest.mark.rfc("8555", "6.2", "The JWS Unprotected Header [RFC7515] MUST NOT be used")
@pytest.mark.rfc("8555", "6.2", "The JWS Unencoded Payload Option [RFC7797] MUST NOT be used")
@pytest.mark.rfc("8555", "6.2", "The JWS Payload MUST NOT be detached")
@pytest.mark.rfc("8555", "6.2", "The JWS Protected Header MUST include the following fields:")
@pytest.mark.rfc(
    "8555",
    "6.2",
    'For newAccount requests, and for revokeCert requests authenticated by a certificate key, there MUST be a "jwk" field.',
)
@pytest.mark.rfc(
    "8555",
    "6.2",
    "This field MUST contain the account URL received by POSTing to the newAccount resource.",
)
@pytest.mark.rfc(
    "8555",
    "6.3",
    'the "payload" field of the JWS object MUST be present and set to the empty string ("")',
)
@pytest.mark.rfc(
    "8555",
    "6.4",
    'the client MUST set the "url" header parameter to the exact string provided by the server',
)
@pytest.mark.rfc(
    "8555",
    "6.5",
    'Every JWS sent by an ACME client MUST include, in its protected header, the "nonce" header parameter',
)
async def test_every_request(ca: FakeCa, desk: Desk) -> None:
    """A whole order, request by request: how it is signed, what is in it, and that no nonce serves twice."""
    await desk.it.order()
    assert all(asked.fields["user-agent"] == AGENT for asked in ca.seen)
    assert AGENT.startswith("postil/") and " httpx2/" in AGENT
    assert all(asked.fields["accept-language"] == "en" for asked in ca.seen)
    assert not any("replay-nonce" in asked.fields for asked in ca.seen)
    posts = [asked for asked in ca.seen if asked.method == "POST"]
    (account,) = ca.accounts
    for asked in posts:
        # The authority of the tests has refused or failed on everything else: signature, nonce, url, extra headers.
        if asked.path == "/new-account":
            assert set(asked.protected["jwk"]) == {"kty", "crv", "x", "y"}
            assert asked.payload == {"contact": [], "termsOfServiceAgreed": True}
        else:
            assert asked.protected["kid"] == account
    fetched = [asked for asked in posts if asked.payload is None]
    assert {asked.raw["payload"] for asked in fetched} == {""}
    assert {asked.path.split("/")[1] for asked in fetched} == {
        "authorization",
        "order",
        "certificate",
    }
    (challenge,) = ca.of("/challenge")
    assert challenge.payload == {} and challenge.raw["payload"] == "e30"
    assert [asked.method for asked in ca.of("/nonce")] == ["HEAD"]
    (certificate,) = ca.of("/certificate")
    assert certificate.fields["accept"] == "application/pem-certificate-chain"
    (order,) = ca.of("/new-order")
    assert order.payload == {"identifiers": [{"type": "dns", "value": NAME}]}


@pytest.mark.rfc(
    "8555",
    "6.5",
    "On receiving such a response, a client SHOULD retry the request using the new nonce.",
)
@pytest.mark.rfc(
    "8555",
    "6.5",
    'when retrying in response to a "badNonce" error, the client MUST use the nonce provided in the error response.',
)
@pytest.mark.rfc("8555", "6.5.1", "Clients MUST ignore invalid Replay-Nonce values.")
async def test_nonces(ca: FakeCa, desk: Desk) -> None:
    """A refusal's nonce is the next one used; a nonce with other characters is not used at all."""
    ca.nonces.add("from-the-refusal")
    ca.instead["/new-order"] = [problem(400, "badNonce", replay_nonce="from-the-refusal")]
    ca.instead["/new-account"] = [
        Reply(500, fields={"replay-nonce": "not base64url!"}),
        problem(400, "badNonce", replay_nonce="no+ne"),
    ]
    await desk.it.order()
    assert [asked.protected["nonce"] for asked in ca.of("/new-order")][1] == "from-the-refusal"
    sent = [asked.protected["nonce"] for asked in ca.seen if asked.protected]
    assert len(set(sent)) == len(sent) and not any("!" in one or "+" in one for one in sent)


@pytest.mark.rfc(
    "8555",
    "7.3.5",
    "The content of this field MUST be the exact string provided in the Location header field",
)
@pytest.mark.rfc(
    "8555",
    "7.3.5",
    "The outer JWS MUST meet the normal requirements for an ACME JWS request body (see Section 6.2).",
)
@pytest.mark.rfc(
    "8555",
    "7.3.5",
    'The inner JWS MUST have a "jwk" header parameter, containing the public key of the new key pair.',
)
@pytest.mark.rfc(
    "8555", "7.3.5", 'The inner JWS MUST have the same "url" header parameter as the outer JWS.'
)
@pytest.mark.rfc("8555", "7.3.5", 'The inner JWS MUST omit the "nonce" header parameter.')
async def test_change_of_the_key(ca: FakeCa, root: Root, desk: Desk) -> None:
    """The account's new key and its old one sign for each other; the authority of the tests looks at every field."""
    await desk.it.order()
    ((url, account),) = ca.accounts.items()
    before = account["jwk"]
    async with connected(desk.it.plan.provider, desk.it._around) as session:
        await desk.it.accounts(session).change_key()
    assert account["jwk"] != before
    (asked,) = ca.of("/key-change")
    assert asked.protected["kid"] == url
    await desk.it.order()


@pytest.mark.rfc(
    "8555",
    "11.1",
    "ACME clients and servers MUST verify that a CSR submitted in a finalize request does not contain a public key for any known account key pair.",
)
@pytest.mark.rfc(
    "8555", "11.1", "the public key of an account key pair MUST NOT be included in a certificate."
)
async def test_key_of_an_account(ca: FakeCa, root: Root, tmp_path: Path) -> None:
    """Somebody has put the key of an account, even of another provider's, in a certificate's place: nothing is ordered."""
    desk = Desk(ca, root, tmp_path)
    await desk.it.order()
    other = ProviderFolder(tmp_path / "acme", "other")
    pem = desk.it.folder.octets(desk.kept.key)
    assert pem is not None
    other.keep_account(KeptAccount(directory="https://other", key=pem.decode()))
    broken = ProviderFolder(tmp_path / "acme", "broken")
    broken.path.mkdir()
    (broken.path / "account.json").write_text("{")
    asked = len(ca.of("/new-order"))
    with pytest.raises(Unready, match="is the key of an account"):
        await desk.it.order()
    assert len(ca.of("/new-order")) == asked
    await desk.it.order(new_key=True)


async def test_no_nonce_to_be_had(ca: FakeCa, desk: Desk) -> None:
    """An authority without nonces is told apart from one that is away."""
    ca.instead["/nonce"] = [Reply(fields={"replay-nonce": ""})]
    with pytest.raises(BadAnswer, match="gives no nonce"):
        await desk.it.order()


async def test_in_trouble_for_a_moment(ca: FakeCa, desk: Desk) -> None:
    """5xx is tried again, a little later each time; a short Retry-After is waited for."""
    ca.instead["/directory"] = [Reply(503), Reply(502, b"<html>bad gateway")]
    ca.instead["/new-order"] = [problem(503, "serverInternal", retry_after="7")]
    ca.instead["/nonce"] = [Reply(500)]
    await desk.it.order()
    assert desk.waited[:4] == [3.0, 6.0, 3.0, 7.0]


async def test_in_trouble_for_long(ca: FakeCa, desk: Desk) -> None:
    """Three tries, then the order waits for its next turn: ten minutes, or as long as the authority asks for."""
    ca.instead["/new-order"] = [problem(500, "serverInternal", "we are sorry")] * 9
    with pytest.raises(Unavailable, match="in trouble: serverInternal: we are sorry"):
        await desk.it.order()
    assert len(ca.of("/new-order")) == 3
    assert desk.kept.failed == 1 and desk.kept.again == desk.clock.now() + 660
    ca.instead["/new-order"] = [problem(503, "serverInternal", retry_after="7200")]
    with pytest.raises(Unavailable):
        await desk.it.order()
    assert len(ca.of("/new-order")) == 4  # nobody waits two hours inside an order
    assert desk.kept.again == desk.clock.now() + 7200


@pytest.mark.rfc("8555", "6.6", "indicating when the current request may succeed again")
@pytest.mark.parametrize("how", ["seconds", "date"])
async def test_rate_limited(how: str, ca: FakeCa, desk: Desk) -> None:
    """Not one request more than needed, and nothing before the time the authority names, in seconds or as a date."""
    value = "90000" if how == "seconds" else "Tue, 22 Sep 2026 15:13:20 GMT"
    ca.instead["/new-order"] = [
        problem(429, "rateLimited", "too many for example.org", retry_after=value)
    ]
    with pytest.raises(Refused, match=r"rateLimited: too many for example\.org"):
        await desk.it.order()
    assert len(ca.of("/new-order")) == 1
    assert desk.kept.again == 1_790_000_000 + 90000
    due = desk.it.due(desk.kept)
    assert due.at == desk.kept.again and "1 tries failed" in due.why
    assert desk.told.of("failed")[0]["again_in"] == 90000


async def test_back_off(ca: FakeCa, desk: Desk) -> None:
    """10, 20, 40 minutes and so on up to a day, with some chance in it; success forgets all of it."""
    ca.verdict[NAME] = {"type": URN + "dns", "detail": "no such name"}
    waits = []
    for _ in range(9):
        with pytest.raises(OrderFailed, match=r"was not proved by .*: dns: no such name"):
            await desk.it.order()
        waits.append(round((desk.kept.again - desk.clock.now()) / 60 / 1.1))
    assert waits == [10, 20, 40, 80, 160, 320, 640, 1280, 1440]
    ca.verdict.clear()
    await desk.it.order()
    assert desk.kept.failed == 0 and desk.it.due(desk.kept).at > desk.clock.now() + 50 * 86400


async def test_nobody_there(root: Root, ca: FakeCa, tmp_path: Path) -> None:
    """A closed port: tried three times, then given up with the name of the machine."""
    ca.base = f"https://localhost:{free_port()}"
    desk = Desk(ca, root, tmp_path)
    with pytest.raises(Unavailable, match="localhost"):
        await desk.it.order()
    assert len(desk.waited) == 2 and desk.kept.failed == 1


async def test_a_stranger(ca: FakeCa, root: Root, tmp_path: Path) -> None:
    """Without its root of trust an authority is a stranger: nothing is sent."""
    desk = Desk(ca, Root(root.certificate, root.certificate, root.key), tmp_path)
    with pytest.raises(AcmeError, match=r"localhost:.*certificate verify failed"):
        await desk.it.order()
    assert ca.seen == []
    desk = Desk(ca, Root(tmp_path / "nothing", root.certificate, root.key), tmp_path)
    with pytest.raises(Unready, match="nothing has no certificates to trust"):
        await desk.it.order()


@pytest.mark.rfc(
    "8555",
    "7.5.1",
    "On receiving such an error, the client SHOULD undo any actions that have been taken to fulfill the challenge",
)
@pytest.mark.parametrize(
    ("path", "reply", "says"),
    [
        ("/directory", Reply(body=b"<html>"), "directory .* is not what RFC 8555 describes"),
        ("/directory", Reply(body=[1]), "is not what RFC 8555 describes"),
        ("/directory", Reply(body={"newNonce": "x"}), "newAccount"),
        ("/directory", Reply(body=b"[" * 100_000), "is not what RFC 8555 describes"),
        ("/directory", Reply(body=b" " * 300_000), "more than 262144 octets"),
        ("/directory", Reply(301, fields={"location": "https://elsewhere"}), "moved to 'https://elsewhere'"),
        ("/directory", Reply(404, b"not here"), "HTTP status 404"),
        ("/new-account", Reply(307, fields={"location": "https://elsewhere"}), "redirects are not followed"),
        ("/new-account", Reply(201, {"status": "valid"}), "does not say where"),
        ("/new-account", Reply(201, {"status": 7}, {"location": "x"}), "the account is not what"),
        ("/new-account", Reply(200, {"status": "revoked"}, {"location": "x"}), "it is revoked"),
        ("/new-order", Reply(201, {"status": "pending"}), "does not say where it is|not what"),
        ("/new-order", Reply(201, b"\xff\xfe", {"location": "x"}), "the order is not what"),
        ("/authorization/1-0", Reply(200, {"status": "pending"}), "an authorization is not what"),
        ("/authorization/1-0", Reply(200, {"status": "revoked", "identifier": {"type": "dns", "value": "x"}}), "authorization is revoked"),
        ("/certificate/1", Reply(200, b"no certificate"), "no chain of certificates"),
        ("/certificate/1", Reply(200, b""), "no chain of certificates"),
        ("/challenge/1-0/tls-alpn-01", problem(400, "malformed", "not like this"), "not like this"),
        ("/finalize/1", problem(403, "badCSR", "key too small"), "badCSR: key too small"),
        ("/finalize/1", problem(400, "compound", "two things"), "compound: two things"),
    ],
)  # fmt: skip
async def test_nonsense(path: str, reply: Reply, says: str, ca: FakeCa, desk: Desk) -> None:
    """Whatever comes instead of an answer ends the order with what was wrong, and nothing stays shown."""
    ca.instead[path] = [reply] * 5
    with pytest.raises(AcmeError, match=says):
        await desk.it.order()
    assert desk.ports.texts == {} and desk.ports.contexts == {}
    assert desk.kept.failed == 1 and desk.kept.chain == ""


@pytest.mark.rfc("8555", "6.1", "Use of HTTPS is REQUIRED.")
async def test_not_https(ca: FakeCa, desk: Desk) -> None:
    """An authority that sends us to an address without TLS, or to a file, is not followed there."""
    for target in ("http://localhost/new-order", "file:///etc/passwd", "//x", "https://", "\x00"):
        found = ca._directory() | {"newOrder": target}
        ca.instead["/directory"] = [Reply(body=found)]
        with pytest.raises(BadAnswer, match=r"is not https|is no URL"):
            await desk.it.order()
    assert ca.of("/new-order") == []


@pytest.mark.rfc("8555", "6.7", 'Clients SHOULD display the "detail" field of all errors.')
async def test_problem_with_parts(ca: FakeCa, desk: Desk) -> None:
    """Type, detail and every subproblem with its name are in the error and on disk; nothing in it can draw on a terminal."""
    ca.instead["/new-order"] = [
        Reply(
            403,
            {
                "type": URN + "malformed",
                "detail": "Some\x1b[2J names",
                "identifier": {"type": "dns", "value": "not.here"},
                "subproblems": [
                    {
                        "type": URN + "rejectedIdentifier",
                        "detail": "never",
                        "identifier": {"type": "dns", "value": "bad.example"},
                    },
                    7,
                ],
            },
        )
    ]
    with pytest.raises(Refused) as caught:
        await desk.it.order()
    text = str(caught.value)
    assert "malformed: Some [2J names; bad.example: rejectedIdentifier: never; about:blank" in text
    assert "not.here" not in text and text.isprintable()
    last = desk.kept.last
    assert last is not None and last.problem is not None
    assert last.problem["subproblems"][0]["identifier"] == "bad.example"


async def test_terms_have_changed(ca: FakeCa, desk: Desk) -> None:
    """Where a person has to go is in the error."""
    ca.instead["/new-order"] = [
        Reply(
            403,
            {
                "type": URN + "userActionRequired",
                "detail": "New terms",
                "instance": "https://ca/agree",
            },
            {"link": '<https://ca/terms/2>;rel="terms-of-service"'},
        )
    ]
    with pytest.raises(
        Refused, match=r"New terms \(terms: https://ca/terms/2\) \(see https://ca/agree\)"
    ):
        await desk.it.order()


@pytest.mark.rfc(
    "8555", "7.3", "Rather, they SHOULD require some user interaction for agreement to terms."
)
@pytest.mark.rfc("8555", "7.3", "Clients SHOULD NOT automatically agree to terms by default.")
async def test_terms(ca: FakeCa, root: Root, tmp_path: Path) -> None:
    """Nothing is agreed to in somebody's name, and no request is spent on it; the next try does not wait for long."""
    ca.terms = "https://ca/terms/1"
    desk = Desk(ca, root, tmp_path, agree_terms=False)
    with pytest.raises(Unready, match="read https://ca/terms/1"):
        await desk.it.order()
    assert ca.of("/new-account") == [] and desk.kept.failed == 0
    ca.terms = ""
    await desk.it.order()
    assert ca.of("/new-account")[0].payload == {"contact": []}


@pytest.mark.rfc("8555", "7.3.4", 'The "alg" field MUST indicate a MAC-based algorithm')
@pytest.mark.rfc(
    "8555", "7.3.4", 'The "kid" field MUST contain the key identifier provided by the CA'
)
@pytest.mark.rfc("8555", "7.3.4", 'The "nonce" field MUST NOT be present')
@pytest.mark.rfc("8555", "7.3.4", 'The "url" field MUST be set to the same value as the outer JWS')
async def test_binding(ca: FakeCa, root: Root, tmp_path: Path) -> None:
    """What is inside the binding to an external account, field by field."""
    import hmac
    import json

    from tests.support.fakeca import unb64

    ca.eab = True
    with pytest.raises(Unready, match="eab_kid"):
        await Desk(ca, root, tmp_path).it.order()
    desk = Desk(ca, root, tmp_path, eab_kid="customer 7", eab_key=Secret(env="EAB"))
    object.__setattr__(desk.it._around, "environment", {"EAB": "c2VjcmV0\n"})
    await desk.it.order()
    (asked,) = ca.of("/new-account")
    bound = asked.payload["externalAccountBinding"]
    header = json.loads(unb64(bound["protected"]))
    assert header == {"alg": "HS256", "kid": "customer 7", "url": f"{ca.base}/new-account"}
    assert json.loads(unb64(bound["payload"])) == asked.protected["jwk"]
    signed = f"{bound['protected']}.{bound['payload']}".encode()
    assert unb64(bound["signature"]) == hmac.digest(b"secret", signed, "sha256")
