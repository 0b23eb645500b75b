"""Against pebble, over real connections: every way of proving a name, and what goes wrong with a real authority."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from msgspec.structs import replace
from tests.acme.world import Told, around, issuer, plan, provider
from tests.support.authority import Authority, program
from tests.support.challenges import Responders, responders
from tests.support.pebble import EAB, Root, pebble
from tools.ports import free_port

from postil.acme import keys
from postil.acme.files import Busy, ProviderFolder
from postil.acme.issue import Issuer, connected
from postil.acme.problem import AccountUnusable, AcmeError, OrderFailed, Refused, Unready
from postil.acme.revoke import revoke
from postil.config.secrets import Secret
from postil.ports.certs import Issued


def leaf(issued: Issued) -> x509.Certificate:
    """The certificate itself; the key is its own, and the next one in the chain has signed it."""
    certificates = x509.load_pem_x509_certificates(issued.chain_pem)
    key = serialization.load_pem_private_key(issued.key_pem, password=None)
    assert key.public_key() == certificates[0].public_key()
    certificates[0].verify_directly_issued_by(certificates[1])
    return certificates[0]


def names(certificate: x509.Certificate) -> set[str]:
    """What it is for."""
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(one.value) for one in found}


@pytest.mark.rfc(
    "8737", "3", "it MUST be provisioned such that it is returned during a TLS handshake"
)
@pytest.mark.rfc("8737", "3", "The acmeIdentifier extension MUST contain the SHA-256 digest")
@pytest.mark.rfc("8555", "7.4", "The POST body MUST include a CSR:")
async def test_by_tls(authority: Authority, ports: Responders, tmp_path: Path) -> None:
    """tls-alpn-01: a chain that hangs together for the names asked for, files that nobody else can read, answers gone."""
    one = provider(authority.ca.directory, authority.ca.root.ca_file, challenges=("tls-alpn-01",))
    it = issuer(tmp_path, plan(one, "mail.example.org", "imap.example.org"), ports)
    issued = await it.order()
    assert names(leaf(issued)) == {"mail.example.org", "imap.example.org"}
    assert set(ports.seen) == set(ports.hidden) == {"mail.example.org", "imap.example.org"}
    assert set(ports.asked) == {"mail.example.org", "imap.example.org"}
    files = [path for path in (tmp_path / "acme").rglob("*") if path.is_file()]
    assert len(files) >= 5
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert it.issued(it.kept() or pytest.fail("no state")) == issued


@pytest.mark.rfc(
    "8555",
    "8.3",
    "The value of the resource MUST be the ASCII representation of the key authorization.",
)
@pytest.mark.rfc(
    "8555",
    "8.3",
    "The client SHOULD de-provision the resource provisioned for this challenge once the challenge is complete",
)
async def test_by_http(authority: Authority, ports: Responders, tmp_path: Path) -> None:
    """http-01, through the routes of the server's own pages."""
    one = provider(authority.ca.directory, authority.ca.root.ca_file, challenges=("http-01",))
    issued = await issuer(tmp_path, plan(one, "mail.example.org"), ports).order()
    assert names(leaf(issued)) == {"mail.example.org"}
    assert len(ports.seen) == 1 and ports.seen == ports.hidden and not ports.asked


@pytest.mark.rfc(
    "8738", "3", "The value field of the identifier MUST contain the textual form of the address"
)
@pytest.mark.rfc(
    "8738",
    "6",
    "the subjectAltName extension in the validation certificate MUST contain a single iPAddress",
)
@pytest.mark.rfc(
    "8738", "6", "MUST instead use the IN-ADDR.ARPA [RFC1034] or IP6.ARPA [RFC3596] reverse mapping"
)
@pytest.mark.parametrize("way", ["http-01", "tls-alpn-01"])
async def test_address(way: str, authority: Authority, ports: Responders, tmp_path: Path) -> None:
    """An address as the name, by both ways that there are for it."""
    one = provider(authority.ca.directory, authority.ca.root.ca_file, challenges=(way,))
    issued = await issuer(tmp_path, plan(one, "127.0.0.1"), ports).order()
    assert names(leaf(issued)) == {"127.0.0.1"}
    assert set(ports.asked) == ({"1.0.0.127.in-addr.arpa"} if way == "tls-alpn-01" else set())


HOOK = """\
import os, sys, urllib.request, json
action, name, value = sys.argv[2:]
with open(sys.argv[1] + ".log", "a") as log:
    print(action, name, value, os.environ["POSTIL_ACME_DOMAIN"], file=log)
port = open(sys.argv[1]).read()
path, body = ("set-txt", {"host": name + ".", "value": value}) if action == "add" else ("clear-txt", {"host": name + "."})
urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", json.dumps(body).encode())
"""


@pytest.mark.rfc(
    "8555",
    "8.4",
    "The client SHOULD de-provision the resource record(s) provisioned for this challenge once the challenge is complete",
)
async def test_by_dns(authority: Authority, tmp_path: Path) -> None:
    """dns-01 through the hook: a wildcard and its base name at once, two values of one record, both removed again."""
    port, hook = tmp_path / "port", tmp_path / "hook.py"
    port.write_text(str(authority.dns.management))
    hook.write_text(HOOK)
    one = provider(
        authority.ca.directory,
        authority.ca.root.ca_file,
        challenges=("dns-01",),
        dns_hook=(sys.executable, str(hook), str(port)),
    )
    issued = await issuer(tmp_path, plan(one, "example.net", "*.example.net"), None).order()
    assert names(leaf(issued)) == {"example.net", "*.example.net"}
    lines = [line.split() for line in (tmp_path / "port.log").read_text().splitlines()]
    assert [line[0] for line in lines] == ["add", "add", "remove", "remove"]
    assert {line[1] for line in lines} == {"_acme-challenge.example.net"}
    assert {line[3] for line in lines} == {"example.net"}
    added = sorted(line[2] for line in lines if line[0] == "add")
    assert len(set(added)) == 2
    assert sorted(line[2] for line in lines if line[0] == "remove") == added


async def test_a_hook_that_fails(authority: Authority, tmp_path: Path) -> None:
    """Its status and what it printed are in the error, and it is asked to remove what it may have added."""
    script = tmp_path / "hook.sh"
    script.write_text('#!/bin/sh\necho "$1" >> "$0.log"\necho "zone is locked" >&2\nexit 3\n')
    script.chmod(0o755)
    one = provider(
        authority.ca.directory,
        authority.ca.root.ca_file,
        challenges=("dns-01",),
        dns_hook=(str(script),),
    )
    told = Told()
    it = issuer(tmp_path, plan(one, "example.net"), None, told)
    with pytest.raises(OrderFailed, match=r"hook\.sh add _acme.*status 3: zone is locked"):
        await it.order()
    assert (tmp_path / "hook.sh.log").read_text().split() == ["add", "remove"]
    assert "zone is locked" in str(told.of("left-behind")[0]["reason"])
    kept = it.kept()
    assert kept is not None and kept.failed == 1 and kept.chain == ""


async def test_rsa(authority: Authority, ports: Responders, tmp_path: Path) -> None:
    """An RSA certificate beside the ECDSA one, of the same names: each has a folder of its own."""
    one = provider(authority.ca.directory, authority.ca.root.ca_file)
    first = await issuer(tmp_path, plan(one, "mail.example.org"), ports).order()
    second = await issuer(tmp_path, plan(one, "mail.example.org", key_type="rsa"), ports).order()
    assert isinstance(leaf(second).public_key(), rsa.RSAPublicKey)
    assert not isinstance(leaf(first).public_key(), rsa.RSAPublicKey)


@pytest.mark.rfc(
    "8555",
    "6.5",
    'when retrying in response to a "badNonce" error, the client MUST use the nonce provided in the error response.',
)
async def test_nonces_refused(root: Root, tmp_path: Path) -> None:
    """An authority that refuses a third of its own nonces gets its requests anyway; one that refuses all is given up."""
    async with responders(tmp_path) as ports:
        # ten attempts each: at 50 % one run in sixty would be given up by chance, at 30 % one in ten thousand
        for percent, works in (("30", True), ("100", False)):
            with pebble(
                program("pebble"),
                tmp_path,
                tls=ports.tls_port,
                root=root,
                PEBBLE_WFE_NONCEREJECT=percent,
            ) as ca:
                one = provider(ca.directory, root.ca_file, name=f"ca{percent}")
                it = issuer(tmp_path, plan(one, "127.0.0.1"), ports)
                if works:
                    assert names(leaf(await it.order())) == {"127.0.0.1"}
                else:
                    with pytest.raises(AcmeError, match="refused 10 nonces"):
                        await it.order()


@pytest.mark.rfc("8555", "7.3.4", "The key identifier MUST be an ASCII string.")
async def test_external_account(root: Root, tmp_path: Path) -> None:
    """Bound to a customer's account: without a key and with a wrong key it says so, with the right one it works."""
    with pebble(program("pebble"), tmp_path, eab=True, root=root) as ca:

        async def register(**more: object) -> None:
            one = provider(ca.directory, root.ca_file, **more)
            it = issuer(tmp_path, plan(one, "127.0.0.1"), None, environment={"KEY": EAB["kid-1"]})
            async with connected(one, around(tmp_path, None, Told())) as session:
                await it.accounts(session).ready()

        with pytest.raises(Unready, match="eab_kid"):
            await register()
        wrong = tmp_path / "wrong"
        wrong.write_text("d3Jvbmc\n")
        with pytest.raises(Refused, match=r"unauthorized|malformed"):
            await register(eab_kid="kid-1", eab_key=Secret(file=str(wrong)))
        with pytest.raises(Unready, match="is not set"):
            await register(eab_kid="kid-1", eab_key=Secret(env="OTHER"))
        wrong.write_text("not base64!\n")
        with pytest.raises(Unready, match="base64url"):
            await register(eab_kid="kid-1", eab_key=Secret(file=str(wrong)))
        await register(eab_kid="kid-1", eab_key=Secret(env="KEY"))
        assert ProviderFolder(tmp_path / "acme", "ca").account() is not None


async def test_not_reachable(authority: Authority, tmp_path: Path) -> None:
    """Nobody answers at the port: the authority's own words are in the error; the other way has the next turn."""
    shown = Responders()
    one = provider(authority.ca.directory, authority.ca.root.ca_file)
    told = Told()
    it = issuer(tmp_path, plan(one, "mail.example.org"), shown, told)
    with pytest.raises(
        OrderFailed, match=r"not proved by tls-alpn-01: .*Failed to connect to 127\.0\.0\.1"
    ):
        await it.order()
    kept = it.kept()
    assert kept is not None and kept.failed == 1 and kept.last is not None
    assert kept.last.problem is not None
    assert kept.last.problem["type"] == "urn:ietf:params:acme:error:unauthorized"
    assert shown.seen == shown.hidden == ["mail.example.org"]
    with pytest.raises(OrderFailed, match="not proved by http-01"):
        await it.order()
    assert len(shown.hidden) == 2


async def test_wrong_answer(authority: Authority, ports: Responders, tmp_path: Path) -> None:
    """Somebody else answers at the name: refused, and told why."""
    one = provider(authority.ca.directory, authority.ca.root.ca_file, challenges=("http-01",))

    class Liar(Responders):
        def show_http(self, token: str, text: str) -> None:
            ports.show_http(token, "x" + text)

        def hide_http(self, token: str) -> None:
            ports.hide_http(token)

    with pytest.raises(
        OrderFailed, match=r"not proved by http-01: (unauthorized|incorrectResponse)"
    ):
        await issuer(tmp_path, plan(one, "mail.example.org"), Liar()).order()


async def test_renewal_and_keys(authority: Authority, ports: Responders, tmp_path: Path) -> None:
    """A renewal keeps the key; on demand it takes the one that was made ahead, so that its TLSA record could be published."""
    one = provider(authority.ca.directory, authority.ca.root.ca_file)
    it = issuer(tmp_path, plan(one, "mail.example.org"), ports)
    first = await it.order()
    before = it.kept()
    assert before is not None
    ahead = it.folder.octets(before.next_key)
    assert ahead is not None
    second = await it.order()
    assert second.key_pem == first.key_pem and second.chain_pem != first.chain_pem
    third = await it.order(new_key=True)
    assert third.key_pem == ahead
    after = it.kept()
    assert after is not None
    assert it.folder.octets(after.previous_key) == first.key_pem
    following = it.folder.octets(after.next_key)
    assert following not in (None, ahead, first.key_pem)
    assert (
        keys.digest(keys.load(third.key_pem))
        == __import__("hashlib")
        .sha256(
            leaf(third)
            .public_key()
            .public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
        .hexdigest()
    )
    kept_files = {path.name for path in it.folder.path.iterdir()}
    assert kept_files == {"state.json", after.key, after.next_key, after.previous_key, after.chain}


async def test_a_key_of_its_own_each_time(
    authority: Authority, ports: Responders, tmp_path: Path
) -> None:
    """keep_key = false: each renewal takes the next key."""
    one = provider(authority.ca.directory, authority.ca.root.ca_file)
    it = issuer(tmp_path, plan(one, "mail.example.org", keep_key=False), ports)
    first = await it.order()
    kept = it.kept()
    assert kept is not None
    ahead = it.folder.octets(kept.next_key)
    assert (await it.order()).key_pem == ahead != first.key_pem


async def test_lost_state(authority: Authority, ports: Responders, tmp_path: Path) -> None:
    """No account file: another account. No certificate: another order. Broken files: put aside and told, never overwritten."""
    one = provider(authority.ca.directory, authority.ca.root.ca_file)
    told = Told()
    it = issuer(tmp_path, plan(one, "mail.example.org"), ports, told)
    await it.order()
    account = tmp_path / "acme" / "ca" / "account.json"
    first = account.read_bytes()
    account.unlink()
    await it.order()
    assert account.read_bytes() != first
    assert [facts["new"] for facts in told.of("account")] == [True, True]

    state = it.folder.path / "state.json"
    whole = state.read_text()
    state.write_text(whole[:100])
    account.write_text("{}")
    issued = await it.order()
    assert names(leaf(issued)) == {"mail.example.org"}
    aside = {str(facts["file"]) for facts in told.of("put-aside")}
    assert aside == {f"{state}.broken-1", f"{account}.broken-1"}
    assert Path(f"{state}.broken-1").read_text() == whole[:100]
    kept = it.kept()
    assert kept is not None

    (it.folder.path / kept.chain).unlink()
    assert it.due(kept).why == "its files are gone or broken" and it.due(kept).at == 0
    (it.folder.path / kept.key).write_text("no key")
    renewed = await it.order()
    assert renewed.key_pem != issued.key_pem
    assert (it.folder.path / f"{kept.key}.broken-1").read_text() == "no key"


@pytest.mark.rfc(
    "8555",
    "11.1",
    "Clients MUST generate a fresh account key for every account creation or rollover operation.",
)
async def test_an_authority_that_forgot(root: Root, tmp_path: Path) -> None:
    """Pebble forgets everything when it ends: another account is made, with another key, and the order goes on."""
    port = free_port()
    async with responders(tmp_path) as ports:
        told = Told()
        for _ in range(2):
            with pebble(
                program("pebble"), tmp_path, tls=ports.tls_port, root=root, port=port
            ) as ca:
                one = provider(ca.directory, root.ca_file)
                await issuer(tmp_path, plan(one, "127.0.0.1"), ports, told).order()
        assert [facts["new"] for facts in told.of("account")] == [True, True]
        assert told.of("put-aside")[0]["reason"] == "the authority does not know it"
        before, after = (tmp_path / "acme" / "ca").glob("account.json*")
        assert json.loads(before.read_bytes())["key"] != json.loads(after.read_bytes())["key"]


async def test_deactivated_account(authority: Authority, ports: Responders, tmp_path: Path) -> None:
    """An account that was ended is an error that says what to do, not another account behind somebody's back."""
    one = provider(authority.ca.directory, authority.ca.root.ca_file)
    it = issuer(tmp_path, plan(one, "mail.example.org"), ports)
    await it.order()
    account = tmp_path / "acme" / "ca" / "account.json"
    octets = account.read_bytes()
    async with connected(one, around(tmp_path, None, Told())) as session:
        aside = await it.accounts(session).deactivate()
    assert not account.exists() and aside.read_bytes() == octets
    account.write_bytes(octets)  # as on a second machine with a copy
    with pytest.raises(AccountUnusable, match=r"postil acme account ca --new.*unauthorized"):
        await it.order()
    account.unlink()
    await it.order()


@pytest.mark.rfc(
    "8555", "7.6", "signed with the private key corresponding to the public key in the certificate"
)
@pytest.mark.parametrize(("by_key", "key_type"), [(False, "ecdsa"), (True, "ecdsa"), (True, "rsa")])
async def test_revoke(
    by_key: bool, key_type: str, authority: Authority, ports: Responders, tmp_path: Path
) -> None:
    """By the account or by the certificate's key; the authority lists it; another one with another key is due at once."""
    one = provider(authority.ca.directory, authority.ca.root.ca_file)
    world = around(tmp_path, ports, Told())
    it = Issuer(plan(one, "mail.example.org", key_type=key_type), world)
    issued = await it.order()
    if by_key:
        (tmp_path / "acme" / "ca" / "account.json").unlink()
    kept = await revoke(it, world, "keyCompromise", by_key=by_key)
    assert authority.ca.status_of(leaf(issued).serial_number) == "Revoked"
    assert it.due(kept).why == "revoked" and it.due(kept).at == 0
    await revoke(it, world, "superseded", by_key=by_key)  # revoked already
    assert (await it.order()).key_pem != issued.key_pem
    again = it.kept()
    assert again is not None and not again.revoked and not again.spent


@pytest.mark.rfc(
    "8555",
    "7.3.1",
    'then it SHOULD do so by sending a POST request to the newAccount URL with a JWS whose payload has an "onlyReturnExisting" field set to "true"',
)
async def test_change_of_the_key(authority: Authority, ports: Responders, tmp_path: Path) -> None:
    """The account's key changes; a crash in the middle is put right, whichever key the authority knows by then."""
    one = provider(authority.ca.directory, authority.ca.root.ca_file)
    it = issuer(tmp_path, plan(one, "mail.example.org"), ports)
    await it.order()
    folder = ProviderFolder(tmp_path / "acme", "ca")
    before = folder.account()
    async with connected(one, around(tmp_path, None, Told())) as session:
        after = await it.accounts(session).change_key()
    assert before is not None and after.key != before.key and after.url == before.url
    assert after.next_key == "" and folder.account() == after
    await it.order()

    # The authority has changed it, the answer was lost.
    folder.keep_account(replace(after, key=before.key, next_key=after.key))
    await it.order()
    assert folder.account() == after
    # The authority never heard of it.
    other = keys.dump(keys.make("ecdsa")).decode()
    folder.keep_account(replace(after, next_key=other))
    await it.order()
    assert folder.account() == after


async def test_contact_changes(authority: Authority, ports: Responders, tmp_path: Path) -> None:
    """Another address in the configuration reaches the authority with the next order."""
    for contact in ("mailto:one@example.org", "mailto:two@example.org"):
        one = provider(authority.ca.directory, authority.ca.root.ca_file, contact=(contact,))
        it = issuer(tmp_path, plan(one, "mail.example.org"), ports)
        await it.order()
        async with connected(one, around(tmp_path, None, Told())) as session:
            kept, account = await it.accounts(session).show()
        assert account.contact == [contact] == kept.contact


async def test_two_at_once(authority: Authority, ports: Responders, tmp_path: Path) -> None:
    """While somebody orders from a provider, nobody else does."""
    one = provider(authority.ca.directory, authority.ca.root.ca_file)
    it = issuer(tmp_path, plan(one, "mail.example.org"), ports)
    with (
        ProviderFolder(tmp_path / "acme", "ca").locked(),
        pytest.raises(Busy, match=r"process \d+"),
    ):
        await it.order()
    assert it.kept() is None
    await it.order()
