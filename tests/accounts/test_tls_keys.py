"""TLS keys registered for accounts: whose they are, for which protocols, and the command that registers them."""

from __future__ import annotations

import dataclasses
import json
import ssl
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.support.clientkeys import KINDS, certificate, client, private

from postil.accounts import AccountError, AccountsDatabase, Administration, tlskeys
from postil.accounts.database import USED_SECONDS
from postil.base.clock import FixedClock
from postil.net.clientkeys import digest as seen
from postil.ports.accounts import AccountDisabled, Means

NAME, OTHER = "ann@example.org", "bob@example.org"
DIGEST = "ab" * 32


async def whose(accounts: AccountsDatabase, digest: str, protocol: str = "imap") -> str | None:
    found = await accounts.by_key(digest, protocol=protocol)
    return None if found is None else found.name


async def test_whose_it_is(admin: Administration, accounts: AccountsDatabase) -> None:
    """Each key is one account's, for its protocols; another account cannot have it too."""
    await admin.add(NAME, None)
    await admin.add(OTHER, None)
    row = await tlskeys.add(admin, NAME, "laptop", DIGEST, ["imap"])
    assert (row.label, row.sha256, row.protocols) == ("laptop", DIGEST, ("imap",))
    assert await whose(accounts, DIGEST) == NAME
    assert await whose(accounts, DIGEST, "submission") is None
    assert await whose(accounts, "cd" * 32) is None
    found = await accounts.by_key(DIGEST, protocol="imap")
    assert found and found.credential and found.credential.means is Means.TLS_KEY
    with pytest.raises(AccountError, match="another account"):
        await tlskeys.add(admin, OTHER, "mine", DIGEST, ["imap"])
    with pytest.raises(AccountError, match="it is called laptop"):
        await tlskeys.add(admin, NAME, "again", DIGEST, ["imap"])
    with pytest.raises(AccountError, match="another key called laptop"):
        await tlskeys.add(admin, NAME, "laptop", "ef" * 32, ["imap"])
    with pytest.raises(AccountError, match="pop3 is no protocol"):
        await tlskeys.add(admin, NAME, "x", "ef" * 32, ["pop3"])
    with pytest.raises(AccountError, match="no account"):
        await tlskeys.add(admin, "nobody", "x", "ef" * 32, ["imap"])
    assert len(await tlskeys.every(admin, NAME)) == 1


async def test_the_same_again(admin: Administration, accounts: AccountsDatabase) -> None:
    """Changes nothing; with other protocols the key is another one, so that sessions of the old one end."""
    await admin.add(NAME, None)
    first = await tlskeys.add(admin, NAME, "laptop", DIGEST, ["imap", "submission"])
    before = await accounts.by_key(DIGEST, protocol="imap")
    again = await tlskeys.add(admin, NAME, "laptop", DIGEST, ["submission", "imap"])
    assert again == dataclasses.replace(first, last_used=again.last_used)
    same = await accounts.by_key(DIGEST, protocol="imap")
    assert before and same and before.credential == same.credential
    changed = await tlskeys.add(admin, NAME, "laptop", DIGEST, ["imap"])
    assert changed.protocols == ("imap",)
    after = await accounts.by_key(DIGEST, protocol="imap")
    assert after and after.credential != same.credential
    assert await whose(accounts, DIGEST, "submission") is None


async def test_removed_and_closed(admin: Administration, accounts: AccountsDatabase) -> None:
    """A removed key and the key of a closed account log nobody in."""
    await admin.add(NAME, None)
    await tlskeys.add(admin, NAME, "laptop", DIGEST, ["imap"])
    await admin.disable(NAME, "left")
    with pytest.raises(AccountDisabled, match="left"):
        await whose(accounts, DIGEST)
    await admin.enable(NAME)
    assert await whose(accounts, DIGEST) == NAME
    assert await tlskeys.remove(admin, NAME, "laptop")
    assert not await tlskeys.remove(admin, NAME, "laptop")
    assert await whose(accounts, DIGEST) is None
    await tlskeys.add(admin, NAME, "laptop", DIGEST, ["imap"])
    await admin.remove(NAME)
    assert await whose(accounts, DIGEST) is None


async def test_when_it_was_used(
    admin: Administration, accounts: AccountsDatabase, clock: FixedClock
) -> None:
    """To within some minutes: not every login writes."""
    await admin.add(NAME, None)
    await tlskeys.add(admin, NAME, "laptop", DIGEST, ["imap"])
    assert (await tlskeys.every(admin, NAME))[0].last_used is None
    began = int(clock.now())
    for passed, shown in ((0, 0), (USED_SECONDS - 1, 0), (USED_SECONDS + 1, USED_SECONDS + 1)):
        clock.wall = float(began + passed)
        assert await whose(accounts, DIGEST) == NAME
        assert (await tlskeys.every(admin, NAME))[0].last_used == began + shown


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_registered_is_what_is_seen(kind: str) -> None:
    """From a certificate, from a public key, and at the handshake: the same."""
    key = private(kind)
    made = certificate(key)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    der = x509.load_pem_x509_certificate(made).public_bytes(Encoding.DER)
    assert tlskeys.digest(made) == tlskeys.digest(public) == seen(der)


def test_no_keys() -> None:
    """What is no key, or one that cannot sign, is refused with the reason."""
    other = x25519.X25519PrivateKey.generate().public_key()
    cases = (
        (b"", "neither"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be read"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "cannot be read"),
        (other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), "no signatures"),
    )
    for pem, why in cases:
        with pytest.raises(AccountError, match=why):
            tlskeys.digest(pem)


def test_the_command(tmp_path: Path) -> None:
    """Made, registered, listed, removed; twice is as good as once; a file is never overwritten."""

    def run(*arguments: str, group: str = "tlskey") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "postil.cli", group, *arguments, "--dir", str(tmp_path)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert run("add", NAME, "--no-password", group="account").returncode == 0
    made = tmp_path / "ann.pem"
    done = run("add", NAME, "laptop", "--generate", str(made), "--for", "imap", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["protocols"] == ["imap"] and said["file"] == str(made)
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    assert tlskeys.digest(made.read_bytes()) == said["sha256"]
    client(made, ssl.TLSVersion.TLSv1_3)  # a client can load it
    before = made.read_bytes()
    again = run("add", NAME, "laptop", "--generate", str(made), "--for", "imap", "--json")
    assert json.loads(again.stdout)["sha256"] == said["sha256"] and made.read_bytes() == before
    assert (
        "SHA-256 " + said["sha256"] in run("add", NAME, "laptop", str(made), "--for", "imap").stdout
    )
    rows = json.loads(run("ls", NAME, "--json").stdout)
    assert [(row["label"], row["last_used"]) for row in rows] == [("laptop", None)]
    assert "laptop  imap  never used" in run("ls", NAME).stdout
    (tmp_path / "empty.pem").write_bytes(b"")
    for arguments, why in (
        (("add", NAME, "x"), "name a FILE"),
        (("add", NAME, "x", str(made), "--generate", str(made)), "name a FILE"),
        (("add", NAME, "x", str(tmp_path / "none.pem")), "cannot be read: No such file"),
        (("add", NAME, "x", str(tmp_path / "empty.pem")), "neither a certificate nor"),
        (
            ("add", NAME, "x", "--generate", str(tmp_path / "empty.pem")),
            "neither a certificate nor",
        ),
        (("add", NAME, "x", "--generate", str(tmp_path / "no" / "f")), "cannot be written"),
        (("add", "nobody", "x", "--generate", str(tmp_path / "n.pem")), "no account nobody"),
    ):
        wrong = run(*arguments)
        assert wrong.returncode == 1 and why in wrong.stderr, wrong.stderr
    assert not (tmp_path / "n.pem").exists()
    assert json.loads(run("rm", NAME, "laptop", "--json").stdout)["removed"] is True
    gone = run("rm", NAME, "laptop")
    assert gone.returncode == 0 and "has no key called laptop" in gone.stdout
    assert run("ls", NAME).stdout == "none\n"
