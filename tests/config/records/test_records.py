"""The records to publish: each parses back, by the grammar of its RFC, to the settings it came from."""

from __future__ import annotations

import base64
import re

import msgspec
import pytest
from hypothesis import given
from tests.config.test_change import domains

from postil.config import Domain
from postil.config.domain import Dmarc, MtaSts, TlsRpt
from postil.config.keys import generate, public
from postil.config.records import Record, dkim, dmarc, mtasts, tlsrpt
from postil.config.records import all as every

HOST = "mail.example.org"
# The public keys of RFC 8032 §7.1, as RFC 8463 §A.2 and RFC 6376 §C publish theirs.
EDWARDS = base64.b64decode("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")


def tags(text: str) -> dict[str, str]:
    """RFC 6376 §3.2: tag-list = tag-spec *( ";" tag-spec ) [ ";" ]; no tag twice."""
    pairs = [one.partition("=")[::2] for one in text.removesuffix(";").split(";")]
    names = [name.strip() for name, _ in pairs]
    assert len(set(names)) == len(names) and all(names)
    return {name.strip(): value.strip() for name, value in pairs}


def from_line(line: str) -> tuple[str, str, str]:
    """A line of a zone file (RFC 1035 §5.1) as name, type and joined data."""
    name, ttl, kind, type_, data = line.split(" ", 4)
    assert name.endswith(".") and ttl.isdigit() and kind == "IN"
    if type_ != "TXT":
        return name[:-1], type_, data.removesuffix(".")
    strings = re.findall(r'"((?:[^"\\]|\\.)*)"', data)
    assert " ".join(f'"{one}"' for one in strings) == data
    plain = [re.sub(r"\\(.)", r"\1", one) for one in strings]
    assert all(len(one.encode()) <= 255 for one in plain)
    return name[:-1], type_, "".join(plain)


@given(domains)
def test_every_record_reads_back(one: Domain) -> None:
    """For any settings: the zone line means the record, and the record means the settings."""
    made = list(every.records(one, HOST, lambda key: EDWARDS))
    for record in made:
        assert from_line(record.line()) == (record.name, record.type, record.data)
        assert record.data.isascii() and len(record.name) <= 253
        shown = record.as_json()
        if record.type == "TXT":
            assert "".join(shown["strings"]) == record.data  # type: ignore[arg-type]
    found = {record.name: record.data for record in made}
    assert found[one.name] == f"10 {HOST}"
    for key in one.dkim.selector:
        read = tags(found[f"{key.name}._domainkey.{one.name}"])
        assert read == {"v": "DKIM1", "k": key.algorithm, "p": base64.b64encode(EDWARDS).decode()}
    assert (f"_dmarc.{one.name}" in found) == (one.dmarc is not None)
    if one.dmarc is not None:
        assert _dmarc(found[f"_dmarc.{one.name}"]) == _asked(one.dmarc)
    if one.mta_sts is not None:
        assert re.fullmatch(r"v=STSv1; id=[A-Za-z0-9]{1,32};", found[f"_mta-sts.{one.name}"])
        assert _policy(mtasts.policy(one.mta_sts, HOST)) == msgspec.structs.replace(
            one.mta_sts, mx=one.mta_sts.mx or (HOST,)
        )
    if one.tlsrpt is not None:
        read = tags(found[f"_smtp._tls.{one.name}"])
        assert read == {"v": "TLSRPTv1", "rua": ",".join(one.tlsrpt.rua)}
        assert tuple(read["rua"].split(",")) == one.tlsrpt.rua


def _asked(settings: Dmarc) -> Dmarc:
    """What the record can say: `fo` means nothing without `ruf`."""
    return settings if settings.ruf else msgspec.structs.replace(settings, fo=("0",))


def _dmarc(text: str) -> Dmarc:
    """RFC 9989 §4.8, the defaults of §4.7."""
    assert text.startswith("v=DMARC1; ")
    read = tags(text)
    return Dmarc(
        p=read.get("p", "none"),  # type: ignore[arg-type]
        sp=read.get("sp"),  # type: ignore[arg-type]
        np=read.get("np"),  # type: ignore[arg-type]
        adkim=read.get("adkim", "r"),  # type: ignore[arg-type]
        aspf=read.get("aspf", "r"),  # type: ignore[arg-type]
        t=read.get("t", "n") == "y",
        psd=read.get("psd", "u"),  # type: ignore[arg-type]
        rua=tuple(read["rua"].split(",")) if "rua" in read else (),
        ruf=tuple(read["ruf"].split(",")) if "ruf" in read else (),
        fo=tuple(read.get("fo", "0").split(":")),
    )


def _policy(text: str) -> MtaSts:
    """RFC 8461 §3.2: lines of `key: value`."""
    assert text.endswith("\r\n")
    pairs = [line.split(": ") for line in text.removesuffix("\r\n").split("\r\n")]
    assert pairs[0] == ["version", "STSv1"]
    alone = dict(pairs)
    mx = tuple(value for name, value in pairs if name == "mx")
    return MtaSts(mode=alone["mode"], mx=mx, max_age=int(alone["max_age"]))  # type: ignore[arg-type]


@pytest.mark.rfc("6376", "3.6.2.1", 'All DKIM keys are stored in a subdomain named "_domainkey".')
@pytest.mark.rfc("8463", "4.2", "The p= value in the key record is the Ed25519 public key encoded in base64.")  # fmt: skip
def test_the_record_of_rfc_8463() -> None:
    """The key of RFC 8463 appendix A.2, at the name it says."""
    made = dkim.record("brisbane", "football.example.com", "ed25519", EDWARDS)
    assert made.name == "brisbane._domainkey.football.example.com"
    assert made.data == "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="


@pytest.mark.rfc("6376", "3.6.2.2", "Strings in a TXT RR MUST be concatenated together before use with no intervening whitespace.")  # fmt: skip
@pytest.mark.rfc("8301", "3.2", "Signers SHOULD use RSA keys of at least 2048 bits.")
def test_an_rsa_key_needs_two_strings() -> None:
    """A key of 2048 bits is longer than one string; the pieces joined with nothing between them are the record."""
    octets = public(generate("rsa"), "rsa", "x")
    made = dkim.record("s", "example.org", "rsa", octets)
    first, second = made.strings()
    assert len(first) == 255 and first + second == made.data
    assert base64.b64decode(tags(made.data)["p"]) == octets and len(octets) > 2048 // 8


@pytest.mark.rfc("8461", "3.1", 'This string MUST uniquely identify a given instance of a policy, such that senders can determine when the policy has been updated by comparing to the "id" of a previously seen policy.')  # fmt: skip
def test_the_id_follows_the_policy() -> None:
    """Whatever changes in the policy changes the id, the machine's name where it stands in it; nothing else does."""
    policy = MtaSts(mode="testing", mx=("a.example",), max_age=5)
    others = [
        (policy, "another.example"),
        (msgspec.structs.replace(policy, mode="enforce"), HOST),
        (msgspec.structs.replace(policy, max_age=6), HOST),
        (msgspec.structs.replace(policy, mx=("b.example",)), HOST),
        (msgspec.structs.replace(policy, mx=("a.example", "b.example")), HOST),
        (msgspec.structs.replace(policy, mx=()), HOST),
        (msgspec.structs.replace(policy, mx=()), "another.example"),
    ]
    ids = [mtasts.record("x.example", *one).data for one in [(policy, HOST), *others]]
    assert ids[0] == ids[1] and len(set(ids)) == len(ids) - 1


@pytest.mark.rfc("8461", "3.2", 'each MX MUST have its own "mx:" key')
@pytest.mark.rfc("8461", "3.2", "each MX key/value pair MUST be on its own line in the policy file")
def test_the_policy_of_rfc_8461() -> None:
    """The example of §3.2, with the line ends it asks for."""
    mx = ("mail.example.com", "*.example.net", "backupmx.example.com")
    assert mtasts.policy(MtaSts(mode="enforce", mx=mx, max_age=604800), "unused") == (
        "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\n"
        "mx: backupmx.example.com\r\nmax_age: 604800\r\n"
    )


@pytest.mark.rfc("9989", "4.7", "This tag MUST be the first tag in the list.")
def test_dmarc_records() -> None:
    """Only what is not the default is written; whoever else gets reports has to say so in their zone."""
    assert dmarc.text(Dmarc()) == "v=DMARC1; p=none"
    full = Dmarc(p="reject", sp="none", np="quarantine", adkim="s", aspf="s", t=True, psd="n",
                 rua=("mailto:a@x.example", "mailto:b@sub.example.org"), ruf=("https://y.example/r",), fo=("1", "d"))  # fmt: skip
    assert dmarc.text(full) == (
        "v=DMARC1; p=reject; sp=none; np=quarantine; adkim=s; aspf=s; psd=n; t=y;"
        " rua=mailto:a@x.example,mailto:b@sub.example.org; ruf=https://y.example/r; fo=1:d"
    )
    names = [record.name for record in dmarc.records("example.org", full)]
    assert names == [
        "_dmarc.example.org",
        "example.org._report._dmarc.x.example",
        "example.org._report._dmarc.y.example",
    ]


def test_tlsrpt_record() -> None:
    """As in RFC 8460 §3.1."""
    made = tlsrpt.record("example.com", TlsRpt(rua=("mailto:reports@example.com",)))
    assert made.line() == (
        '_smtp._tls.example.com. 3600 IN TXT "v=TLSRPTv1; rua=mailto:reports@example.com"'
    )


def test_quotes_in_zone_lines() -> None:
    """A quote and a backslash are what they are once the zone is read."""
    record = Record("x.example", "TXT", 'a"b\\c;d', "test")
    assert record.line() == 'x.example. 3600 IN TXT "a\\"b\\\\c;d"'
    assert from_line(record.line())[2] == record.data
