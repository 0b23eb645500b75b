"""`postil caa` as a user runs it: the program, its status, its words, against a name server on loopback."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dns.zone
import pytest
from tests.support import dns as support
from tests.support.dns import Nameserver

from postil.acme.files import KeptAccount, ProviderFolder

LE = "letsencrypt.org"
URI = "https://acme-v02.api.letsencrypt.org/acme/acct/1"
OURS = ("--account-uri", URI, "--method", "http-01")
BOUND = f'CAA 0 issue "{LE}; accounturi={URI}; validationmethods=http-01"'
ZONE = f"""
@ {BOUND}
@ MX 10 mail
@ MX 20 mx.example.net.
other CAA 0 issue "ca.example.net"
autoconfig CNAME mail
broken A 192.0.2.1
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "postil.cli", "caa", *arguments],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.fixture(scope="module")
def server() -> Iterator[Nameserver]:
    """example.com and bücher.example, signed."""
    zones = {"example.com": ZONE, "xn--bcher-kva.example": f"@ {BOUND}"}
    with Nameserver(zones, signed=(".", *zones)) as made:
        made.rules["broken.example.com"] = support.failing("SERVFAIL", 22)
        yield made


@pytest.fixture
def asking(server: Nameserver) -> tuple[str, str]:
    """The option that names it."""
    return ("--resolver", f"{server.ip}:{server.port}")


def test_may_issue(asking: tuple[str, str]) -> None:
    """Status 0; the record, its name, how the search went, and no warning."""
    done = run("check", "www.example.com", *OURS, *asking)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"www.example.com: {LE}: may issue: it names {LE}",
        f"  record: example.com. IN {BOUND}",
        "  asked: www.example.com: no such name, signed",
        "  asked: example.com: found, signed",
        "  methods: http-01",
    ]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (
            ("example.com", "--account-uri", URI + "0", "--method", "http-01"),
            1,
            "which is not ours",
        ),
        (("example.com", "--account-uri", URI, "--method", "dns-01"), 1, "allows only http-01"),
        (("example.com", *OURS, "--issuer", "ca.example.net"), 1, f"it names {LE}"),
        (("other.example.com", *OURS), 1, "it names ca.example.net"),
        (("example.com", "--wildcard", *OURS), 0, "*.example.com: "),
        (("*.example.com", *OURS), 0, "*.example.com: "),
        (("other.example.com", "--issuer", LE, "--issuer", "CA.example.net"), 0, "warning: "),
        (("nothing.test",), 0, "warning: there are no CAA records"),
        (("bücher.example", *OURS), 0, "xn--bcher-kva.example: "),
        (("example.com",), 2, "is that ours?"),
        (("broken.example.com", *OURS), 2, "SERVFAIL (no reachable authority)"),
    ],
)
def test_verdicts(
    asking: tuple[str, str], arguments: tuple[str, ...], status: int, said: str
) -> None:
    """0 it may, 1 it may not, 2 nobody can tell; each with its reason."""
    done = run("check", *arguments, *asking)
    assert (done.returncode, done.stderr) == (status, "")
    assert said in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("a..b",), "'a..b' is no domain name"),
        (("",), "no domain name"),
        (("192.0.2.1",), "not addresses"),
        (("ü..x",), "not a domain name"),
        (("example.com", "--method", "smtp-01"), "'smtp-01' is no validation method"),
        (("example.com", "--account-uri", "1234"), "'1234' is no URI"),
        (("example.com", "--issuer", "let's"), "cannot name a CA"),
        (("example.com", "--issuer", ""), "a domain name"),
        (("example.com", "--resolver", "localhost"), "'localhost' is no IP address"),
        (("example.com", "--resolver", "127.0.0.1:0"), "has no port"),
        ((), "Missing argument"),
    ],
)
def test_wrong_calls(arguments: tuple[str, ...], said: str) -> None:
    """Status 2 and a sentence, never a traceback, and nobody is asked."""
    for command in ("check", "suggest"):
        done = run(command, *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert said in " ".join(done.stderr.split()) and "Traceback" not in done.stderr


def test_nobody_answers() -> None:
    """A resolver that is not there: cannot tell."""
    with Nameserver({}) as gone:
        pass
    done = run("check", "example.com", "--resolver", f"{gone.ip}:{gone.port}")
    assert done.returncode == 2 and "refused" in done.stdout.lower()


def test_json(asking: tuple[str, str], server: Nameserver) -> None:
    """Everything that the text says, for programs."""
    done = run("check", "www.example.com", *OURS, *asking, "--json")
    value = f"{LE}; accounturi={URI}; validationmethods=http-01"
    assert json.loads(done.stdout) == {
        "subject": "www.example.com",
        "may_issue": True,
        "why": f"it names {LE}",
        "record": {"name": "example.com", "flags": 0, "tag": "issue", "value": value},
        "methods": ["http-01"],
        "issuers": [LE],
        "account_uris": [URI],
        "found_at": "example.com",
        "alias_of": None,
        "records": [{"flags": 0, "tag": "issue", "value": value}],
        "signing": "signed",
        "asked": [
            {
                "name": "www.example.com",
                "outcome": "no_such_name",
                "authenticated": True,
                "why": "",
            },
            {"name": "example.com", "outcome": "found", "authenticated": True, "why": ""},
        ],
        "warnings": [],
    }
    for name, may, status in (("other.example.com", False, 1), ("broken.example.com", None, 2)):
        done = run("check", name, *OURS, *asking, "--json")
        found = json.loads(done.stdout)
        assert done.returncode == status and found["may_issue"] is may
    done = run("check", "example.com", *OURS, *asking, "--json")
    assert json.loads(done.stdout)["warnings"] == []
    codes = [
        one["code"]
        for one in json.loads(run("check", "other.example.com", *asking, "--json").stdout)[
            "warnings"
        ]
    ]
    assert codes == ["account-not-bound", "methods-not-bound"]


def test_what_is_above() -> None:
    """A name that is bound below a domain that is not: its wildcard is warned of, once."""
    zone = f'@ CAA 0 issue "{LE}"\nmail {BOUND}'
    with Nameserver({"example.com": zone}, signed=(".", "example.com")) as server:
        asking = ("--resolver", f"{server.ip}:{server.port}")
        done = run("check", "mail.example.com", *OURS, *asking)
        assert done.returncode == 0 and done.stdout.count("warning: ") == 1
        assert "*.example.com" in done.stdout
        assert "warning" not in run("check", "*.mail.example.com", *OURS, *asking).stdout


def test_terminals_are_safe() -> None:
    """A record may hold anything; what is printed is text."""
    zone = '@ CAA 0 issue "\\027[31m\\255"\n@ CAA 0 iodef "\\027]0;x\\007"\n@ CAA 0 tbs "\\n"'
    with Nameserver({"example.com": zone}) as server:
        for extra in ((), ("--json",)):
            done = run("check", "example.com", "--resolver", f"{server.ip}:{server.port}", *extra)
            assert done.returncode == 1
            assert all(line.isprintable() for line in done.stdout.split("\n"))


class TestSuggest:
    """`postil caa suggest`."""

    def test_lines_of_a_zone(self, asking: tuple[str, str]) -> None:
        """What is printed can be put into the zone; what is in the way, and what is left, are comments."""
        done = run("suggest", "example.com", *OURS, *asking)
        assert (done.returncode, done.stderr) == (0, "")
        names = ["example.com", "mta-sts.example.com", "mail.example.com"]  # autoconfig is an alias
        assert [line for line in done.stdout.splitlines() if line[:1] != ";"] == [
            f"{name}. IN {BOUND}" for name in names
        ]
        comments = " ".join(line[2:] for line in done.stdout.splitlines() if line[:1] == ";")
        assert (
            "cannot get a certificate, as long as the CA documents both parameters and he cannot alter DNS"
            in comments
        )
        assert "autoconfig.example.com is an alias of mail.example.com" in comments
        assert "--host mx.example.net" in comments
        assert "signed (DNSSEC)" not in comments
        zone = dns.zone.from_text("$TTL 60\n" + done.stdout, "example.com", check_origin=False)
        assert len(zone.nodes) == len(names)

    def test_hosts(self, asking: tuple[str, str]) -> None:
        """Named ones instead of the MX, wherever they are."""
        done = run(
            "suggest",
            "example.com",
            *OURS,
            *asking,
            "--host",
            "imap.example.com",
            "--host",
            "Mail.Example.NET.",
            "--json",
        )
        found = json.loads(done.stdout)
        assert [one["name"] for one in found["records"]] == [
            "example.com", "mta-sts.example.com", "imap.example.com", "mail.example.net",
        ]  # fmt: skip
        assert found["records"][0] == {
            "name": "example.com",
            "flags": 0,
            "tag": "issue",
            "value": f"{LE}; accounturi={URI}; validationmethods=http-01",
            "line": f"example.com. IN {BOUND}",
        }
        assert (found["domain"], found["signing"], found["gaps"]) == ("example.com", "signed", [])
        assert len(found["notes"]) == 1

    def test_a_ca_that_is_not_known(self, asking: tuple[str, str]) -> None:
        """What is not covered is said."""
        done = run(
            "suggest",
            "example.com",
            "--issuer",
            "ca.example.net",
            "--account-uri",
            URI,
            *asking,
            "--json",
        )
        gaps = json.loads(done.stdout)["gaps"]
        assert (
            len(gaps) == 2
            and "No method" in gaps[0]
            and "ca.example.net is not known here" in gaps[1]
        )

    def test_no_mail_host(self, asking: tuple[str, str]) -> None:
        """It says that one is missing, and why."""
        notes = json.loads(run("suggest", "other.example.com", *asking, "--json").stdout)["notes"]
        assert any(
            "No mail host (MX) of other.example.com was found (no such record)" in note
            for note in notes
        )
        notes = json.loads(run("suggest", "broken.example.com", *asking, "--json").stdout)["notes"]
        assert any("SERVFAIL" in note and "--host" in note for note in notes)

    @pytest.mark.parametrize("record", ["A 192.0.2.1", "AAAA 2001:db8::1", "CNAME mail"])
    def test_a_wildcard_in_the_zone(self, asking: tuple[str, str], record: str) -> None:
        """A new record hides it at its name; that is said before it happens, and only where it would."""
        with Nameserver({"example.com": f"* {record}\nmail A 192.0.2.1"}) as server:
            done = run(
                "suggest",
                "example.com",
                *OURS,
                "--resolver",
                f"{server.ip}:{server.port}",
                "--json",
            )
        assert any("records at *.example.com" in note for note in json.loads(done.stdout)["notes"])
        done = run("suggest", "example.com", *OURS, *asking, "--json")
        assert not any("*.example.com" in note for note in json.loads(done.stdout)["notes"])

    def test_no_wildcards(self, asking: tuple[str, str]) -> None:
        """Records stand at names."""
        for arguments in (("*.example.com",), ("example.com", "--host", "*.example.com")):
            done = run("suggest", *arguments, *asking)
            assert done.returncode == 2 and "leave out the *." in done.stderr


def test_our_own_authority(server: Nameserver, tmp_path: Path) -> None:
    """With a configuration nobody has to say who our CA is, which account is ours, how we validate, and whom to ask."""
    directory = "https://acme.example/directory"
    file = tmp_path / "postil.toml"
    file.write_text(
        'hostname = "mail.example.com"\ndata = "data"\n[[domain]]\nname = "example.com"\n'
        f'[dns]\nresolvers = ["{server.ip}:{server.port}"]\n'
        f'[[acme]]\nname = "le"\ndirectory = "{directory}"\nchallenges = ["http-01"]\n'
    )
    ours = ("--config", str(file))
    open_verdict = run("check", "mail.example.com", *ours)
    assert open_verdict.returncode == 2 and "is that ours?" in open_verdict.stdout
    folder = ProviderFolder(tmp_path / "data" / "acme", "le")
    folder.keep_account(KeptAccount(directory=directory, key="", url=URI, caa=[LE]))
    assert run("check", "mail.example.com", *ours).returncode == 0
    assert run("check", "other.example.com", *ours).returncode == 1
    (record, *_) = json.loads(run("suggest", "example.com", *ours, "--json").stdout)["records"]
    assert record["value"] == f"{LE}; accounturi={URI}; validationmethods=http-01"
    # another CA: the account is not one there
    done = run("suggest", "example.com", *ours, "--issuer", "ca.example.net", "--json")
    assert json.loads(done.stdout)["records"][0]["value"] == "ca.example.net"
    folder.keep_account(KeptAccount(directory="https://other.example/", key="", url=URI, caa=[LE]))
    assert run("check", "mail.example.com", *ours).returncode == 2
    (folder.path / "account.json").write_text("{")
    broken = run("check", "mail.example.com", *ours)
    assert broken.returncode == 1 and "account.json cannot be used" in broken.stderr
