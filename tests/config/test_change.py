"""Changes of domains: by the rules of the files, with comments kept, whatever the file looked like."""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postil.config import ConfigError, Domain, assign, read
from postil.config.change import Domains, Refused
from postil.config.domain import Dkim, Dmarc, MtaSts, Selector, TlsRpt
from postil.config.write import section

TOP = 'hostname = "mail.example.org"\ndata = "d"\n'
labels = st.from_regex(r"[a-z]([a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)
hosts = st.builds("{}.example".format, labels)
uris = st.one_of(
    st.builds("mailto:{}@{}".format, labels, hosts), st.builds("https://{}/x?y".format, hosts)
)
texts = st.text(alphabet=st.characters(blacklist_categories=("Cs", "Cc")), max_size=12)
policies = st.sampled_from(["none", "quarantine", "reject"])
moments = st.datetimes(
    datetime.datetime(2000, 1, 1), datetime.datetime(2100, 1, 1), timezones=st.just(datetime.UTC)
).map(lambda one: one.replace(microsecond=0))


@st.composite
def dkims(draw: Any) -> Dkim:
    names = draw(st.lists(labels, max_size=4, unique=True))
    places = [("rsa", "signing"), ("ed25519", "next"), ("rsa", "retiring"), ("rsa", "next")]
    rows = tuple(
        Selector(name=name, algorithm=a, state=s, since=draw(moments), key=draw(texts))  # type: ignore[arg-type]
        for name, (a, s) in zip(names, draw(st.permutations(places)), strict=False)
    )
    return Dkim(publish_wait=draw(st.integers(0, 10**6)), selector=rows)


domains = st.builds(
    Domain,
    name=hosts,
    postmaster=texts.map(str.strip),
    dkim=dkims(),
    dmarc=st.none()
    | st.builds(
        Dmarc,
        p=policies,
        sp=st.none() | policies,
        np=st.none() | policies,
        adkim=st.sampled_from("rs"),
        aspf=st.sampled_from("rs"),
        t=st.booleans(),
        psd=st.sampled_from("ynu"),
        rua=st.lists(uris, max_size=3).map(tuple),
        ruf=st.lists(uris, max_size=3).map(tuple),
        fo=st.sampled_from([("0",), ("1",), ("0", "d"), ("s", "d"), ("d", "1", "s")]),
    ),
    mta_sts=st.none()
    | st.builds(
        MtaSts,
        mode=st.sampled_from(["enforce", "testing", "none"]),
        mx=st.lists(hosts | hosts.map("*.{}".format), max_size=3).map(tuple),
        max_age=st.integers(0, 31557600),
    ),
    tlsrpt=st.none() | st.builds(TlsRpt, rua=st.lists(uris, min_size=1, max_size=3).map(tuple)),
)
machines = st.lists(domains, min_size=1, max_size=4, unique_by=lambda one: one.name)


def as_text(every: list[Domain], comments: bool = False) -> str:
    """The file of these domains; with a comment above, behind and below everything."""
    lines = []
    for one in every:
        plain = msgspec.to_builtins(one, builtin_types=(datetime.datetime,))
        lines += ["", *section(("domain",), _without_none(plain))]
    if comments:
        lines = [
            part
            for number, line in enumerate(lines)
            for part in (f"# {number} above", f"{line} # {number} behind" if line else "")
        ]
        lines.append("# last")
    return "\n".join(lines) + "\n"


def _without_none(value: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _without_none(one) if isinstance(one, dict) else one
        for name, one in value.items()
        if one is not None
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("change")
    (path / "postil.toml").write_text(TOP)
    return path


@given(machines)
def test_written_and_read(folder: Path, every: list[Domain]) -> None:
    """Any valid domains, written, read back the same."""
    (folder / "domains.toml").write_text(as_text(every))
    assert list(read(folder / "postil.toml").config.domain) == every


@settings(max_examples=60)
@given(machines, domains, st.data())
def test_any_command(
    folder: Path, every: list[Domain], another: Domain, data: st.DataObject
) -> None:
    """After any command the file says what was asked, and every comment is there that stood outside what was removed."""
    text = as_text(every, comments=True)
    (folder / "domains.toml").write_text(text)
    changes = Domains(folder / "postil.toml")
    one = data.draw(st.sampled_from(every))
    way = data.draw(st.sampled_from(["add", "set", "unset", "rm"]))
    before = {domain.name: domain for domain in every}
    if way == "add":
        if another.name in before:
            return
        values = _values(another)
        changed = changes.add(another.name, values)
        before[another.name] = msgspec.structs.replace(another, dkim=msgspec.structs.replace(another.dkim, selector=()))  # fmt: skip
    elif way == "rm":
        if len(every) == 1:
            return
        changed = changes.remove(one.name)
        del before[one.name]
    else:
        path, _ = data.draw(st.sampled_from(list(assign.fields())))
        value = None if way == "unset" else getattr(_get(another, path[:-1]), path[-1], None)
        if way == "unset" and path == ("tlsrpt", "rua"):
            path = ("tlsrpt",)
        if value is None and way == "set":
            return
        if value is not None and path[0] == "tlsrpt" and another.tlsrpt is None:
            return
        changed = changes.set(one.name, {path: value})
        before[one.name] = _with(one, path, value)
    after = read(folder / "postil.toml").config.domain
    assert {domain.name: domain for domain in after} == before
    assert changed.loaded.config.domain == after
    new = (folder / "domains.toml").read_text()
    if way == "rm":
        kept = [comment for comment in _comments(text) if comment in new]
        inside = _inside_comments(text, every, one)
        assert [c for c in _comments(text) if c not in inside] == [c for c in kept if c not in inside]  # fmt: skip
    else:
        lost = [comment for comment in _comments(text) if comment not in new]
        assert len(lost) <= (0 if way != "unset" else lost_by_unset(one)), lost


def lost_by_unset(one: Domain) -> int:
    """A field that is taken away takes the comment behind it along, a table those within it."""
    return 6 if one.tlsrpt is not None else 1


def _comments(text: str) -> list[str]:
    return re.findall(r"# \d+ (?:above|behind)\n|# last", text)


def _inside_comments(text: str, every: list[Domain], one: Domain) -> set[str]:
    """Comments from a domain's header to its last line."""
    at = every.index(one)
    headers = [match.start() for match in re.finditer(r"^\[\[domain\]\]", text, re.MULTILINE)]
    end = headers[at + 1] if at + 1 < len(headers) else text.index("# last")
    piece = text[headers[at] : end]
    last = [line for line in piece.splitlines(keepends=True) if line.strip() and not line.startswith("#")][-1]  # fmt: skip
    return set(_comments(piece[: piece.index(last) + len(last)]))


def _values(one: Domain) -> dict[tuple[str, ...], object]:
    out: dict[tuple[str, ...], object] = {}
    for path, _ in assign.fields():
        value = getattr(_get(one, path[:-1]), path[-1], None)
        if value is not None:
            out[path] = value
    return out


def _get(one: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        one = getattr(one, step, None)
    return one


def _with(one: Domain, path: tuple[str, ...], value: object) -> Domain:
    kinds: dict[str, Any] = {"dmarc": Dmarc, "mta_sts": MtaSts, "tlsrpt": TlsRpt}
    if len(path) == 1:
        if path == ("tlsrpt",):
            return msgspec.structs.replace(one, tlsrpt=None)
        return msgspec.structs.replace(one, **{path[0]: "" if value is None else value})
    table = getattr(one, path[0])
    if value is None:
        if table is None:
            return one
        fields = {f.name: f.default for f in msgspec.structs.fields(table)}
        value = fields[path[1]]
    if table is None:
        table = kinds[path[0]](**{path[1]: value})
    return msgspec.structs.replace(
        one, **{path[0]: msgspec.structs.replace(table, **{path[1]: value})}
    )


def test_refusals(tmp_path: Path) -> None:
    """What may not be is refused with a sentence, and the file stays: another value, another file, the last one, a mistake."""
    (tmp_path / "postil.toml").write_text(TOP + '[[domain]]\nname = "m.example"\n')
    changes = Domains(tmp_path / "postil.toml")
    assert changes.add("a.example", {("postmaster",): "x"}).written
    assert not changes.add("A.EXAMPLE", {("postmaster",): "x"}).written
    assert not changes.add("m.example", {}).written
    text = (tmp_path / "domains.toml").read_text()

    def refused(words: str, work: Any, error: type[Exception] = Refused) -> None:
        with pytest.raises(error, match=words):
            work()
        assert (tmp_path / "domains.toml").read_text() == text

    refused("with another postmaster", lambda: changes.add("a.example", {("postmaster",): "y"}))
    refused(r"postil\.toml:3, which commands do not change", lambda: changes.remove("m.example"))
    refused("there is no domain b", lambda: changes.set("b.example", {("postmaster",): "y"}))
    refused("is not a domain name", lambda: changes.add("a b", {}))
    bad: dict[tuple[str, ...], object] = {("dmarc", "rua"): ("x",)}
    refused(r"domains\.toml:\d+: domain\[0\]\.dmarc\.rua\[0\]", lambda: changes.set("a.example", bad), ConfigError)  # fmt: skip
    refused(r"domain\[1\]\.dmarc\.rua\[0\]", lambda: changes.add("b.example", bad), ConfigError)
    (tmp_path / "postil.toml").write_text(TOP)
    refused("the only domain", lambda: changes.remove("a.example"))
    (tmp_path / "postil.toml").write_text(TOP + "x = 1\n")
    refused("unknown field", lambda: changes.set("a.example", {("postmaster",): "y"}), ConfigError)


def test_set_is_idempotent(tmp_path: Path) -> None:
    """The same value again writes nothing; taking away what is not there writes nothing."""
    (tmp_path / "postil.toml").write_text(TOP)
    changes = Domains(tmp_path / "postil.toml")
    changes.add("a.example", {})
    values: dict[tuple[str, ...], object] = {("dmarc", "p"): "reject", ("postmaster",): "x"}
    assert changes.set("a.example", values).written
    assert not changes.set("a.example", values).written
    assert changes.set("a.example", {("dmarc",): None}).written
    assert not changes.set("a.example", {("dmarc",): None, ("tlsrpt", "rua"): None}).written
    assert "dmarc" not in (tmp_path / "domains.toml").read_text()
