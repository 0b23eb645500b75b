"""The tables for certificates by ACME: what is filled in, and what is refused with line and field."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from postil.config import EXAMPLE, Config, ConfigError, parse
from postil.config.acme import Certificate, Provider

GOOD = 'hostname = "mail.example.org"\ndata = "d"\n[[domain]]\nname = "example.org"\n'
CA = '[[acme]]\nname = "ca"\ndirectory = "https://ca.example/dir"\n'


def read(text: str) -> Config:
    return parse(text, "postil.toml", Path("/srv"))


def test_defaults() -> None:
    """Without tables nothing is ordered; with one authority it is the hostname's certificate from there."""
    assert read(GOOD).acme_certificate == ()
    config = read(GOOD + CA)
    (one,) = config.acme_certificate
    assert (one.names, one.provider, one.key_type, one.keep_key) == (
        ("mail.example.org",),
        "ca",
        "ecdsa",
        True,
    )
    assert not config.acme[0].agree_terms and config.acme[0].challenges == (
        "tls-alpn-01",
        "http-01",
    )


@pytest.mark.rfc(
    "8555", "7.1.4", "it MUST be encoded according to the rules in Section 7 of [RFC5280]."
)
def test_filled_in() -> None:
    """Names in the form that certificates have, defaults from the authority, files beside the configuration."""
    config = read(
        GOOD
        + CA
        + 'key_type = "rsa"\nchallenges = ["dns-01", "http-01"]\ndns_hook = ["./hook", "x"]\nca_file = "root.pem"\n'
        'eab_kid = "k"\neab_key_file = "eab"\n'
        '[[acme]]\nname = "other"\ndirectory = "https://other.example"\ndns_hook = ["hook"]\n'
        '[[acme_certificate]]\nnames = ["Bücher.Example", "*.example.org", "2001:0DB8::0:1", "192.0.2.1"]\n'
        '[[acme_certificate]]\nnames = ["mail.example.org."]\nprovider = "other"\nkeep_key = false\n'
    )
    first, second = config.acme_certificate
    assert first.names == ("xn--bcher-kva.example", "*.example.org", "2001:db8::1", "192.0.2.1")
    assert (first.provider, first.key_type, first.label) == (
        "ca",
        "rsa",
        "xn--bcher-kva.example-rsa",
    )
    assert (second.names, second.key_type) == (("mail.example.org",), "ecdsa")
    assert config.acme[0].ca_file == "/srv/root.pem" and config.acme[0].eab_key_file == "/srv/eab"
    assert config.acme[0].dns_hook == ("/srv/hook", "x") and config.acme[1].dns_hook == ("hook",)


@pytest.mark.rfc(
    "8555",
    "7.3",
    'Clients MUST NOT provide a "mailto" URL in the "contact" field that contains "hfields" [RFC6068] or more than one "addr-spec" in the "to" component.',
)
@pytest.mark.rfc("8555", "7.3.4", "The key identifier MUST be an ASCII string.")
@pytest.mark.rfc(
    "8738", "7", 'The existing "dns-01" challenge MUST NOT be used to validate IP identifiers.'
)
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[[acme]]\nname = "Ca!"\ndirectory = "https://x"\n', "acme[0].name: 'Ca!' is no name"),
        ('[[acme]]\nname = "../x"\ndirectory = "https://x"\n', "acme[0].name"),
        ('[[acme]]\nname = "ca"\ndirectory = "http://x"\n', "no https URL"),
        ('[[acme]]\nname = "ca"\ndirectory = "https://"\n', "no https URL"),
        ('[[acme]]\nname = "ca"\ndirectory = "https://[x"\n', "no https URL"),
        (CA + CA, "acme[1].name: ca is listed twice"),
        (CA + 'contact = ["mailto:a@b.example?subject=x"]\n', "acme[0].contact[0]"),
        (CA + 'contact = ["mailto:a@b.example,c@d.example"]\n', "acme[0].contact[0]"),
        (CA + 'contact = ["a@b.example"]\n', "acme[0].contact[0]"),
        (CA + "challenges = []\n", "acme[0].challenges"),
        (CA + 'challenges = ["http-01", "http-01"]\n', "acme[0].challenges"),
        (CA + 'challenges = ["dns-02"]\n', "acme[0].challenges[0]"),
        (CA + 'challenges = ["dns-01"]\n', "acme[0].dns_hook"),
        (CA + "dns_wait = -1\n", "acme[0].dns_wait"),
        (CA + 'eab_kid = "x"\n', "acme[0].eab_kid"),
        (CA + 'eab_key_env = "X"\n', "acme[0].eab_kid"),
        (CA + 'eab_kid = "x"\neab_key_env = "X"\neab_key_file = "x"\n', "acme[0].eab_key_env"),
        (CA + 'eab_kid = "ü"\neab_key_env = "X"\n', "not ASCII"),
        (CA + 'eab_key = "secret"\n', "eab_key"),
        ('[[acme_certificate]]\nnames = ["a.example"]\n', "there is no [[acme]]"),
        (CA + '[[acme_certificate]]\nnames = ["a.example"]\nprovider = "b"\n', "'b' is no [[acme]]: there is ca"),
        (CA + "[[acme_certificate]]\nnames = []\n", "names nothing"),
        (CA + '[[acme_certificate]]\nnames = ["a.example", "A.example"]\n', "acme_certificate[0].names[1]: a.example is listed twice"),
        (CA + '[[acme_certificate]]\nnames = ["*.a.example"]\n', "by dns-01 only"),
        (CA + '[[acme_certificate]]\nnames = ["a..example"]\n', "no domain name and no address"),
        (CA + '[[acme_certificate]]\nnames = ["fe80::1%eth0"]\n', "no domain name and no address"),
        (CA + '[[acme_certificate]]\nnames = ["../../x"]\n', "no domain name and no address"),
        (CA + '[[acme_certificate]]\nnames = ["a.example"]\n' * 2, "another certificate from ca begins with a.example"),
        (CA + 'challenges = ["dns-01"]\ndns_hook = ["x"]\n[[acme_certificate]]\nnames = ["192.0.2.1"]\n', "cannot be proved by dns-01"),
    ],
)  # fmt: skip
def test_refused(text: str, says: str) -> None:
    """One sentence with the place."""
    with pytest.raises(ConfigError) as caught:
        read(GOOD + text)
    assert says in str(caught.value), str(caught.value)
    assert str(caught.value).startswith("postil.toml:")


def test_the_example_says_all() -> None:
    """Every field is in the commented example, and what stands there behind the # is right when it is taken away."""
    for table in (Provider, Certificate):
        for field in msgspec.structs.fields(table):
            assert f"#{field.name} = " in EXAMPLE, field.name
    lines = EXAMPLE.splitlines()
    begin, end = lines.index("#[[acme]]"), lines.index("[limits]")
    taken = [
        line.removeprefix("#") if not line.startswith("# ") else line for line in lines[begin:end]
    ]
    domain = ["[[domain]]", 'name = "example.org"']
    config = read("\n".join([*lines[:begin], *taken, *lines[end:], *domain]))
    assert (
        config.acme[0].name == "example-ca" and config.acme_certificate[0].provider == "example-ca"
    )
    plain = {"name", "directory", "contact"}
    for field in msgspec.structs.fields(Provider):
        if field.name not in plain:
            assert getattr(config.acme[0], field.name) == field.default, field.name
