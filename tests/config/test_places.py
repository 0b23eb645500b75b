"""Whatever is wrong, in whichever file and written in whichever way: the error names file, line and field, and names all at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from postil.config import ConfigError, load, read

TOP = 'hostname = "mail.example.org"\ndata = "d"\n'
SELECTOR = 'algorithm = "rsa"\nstate = "next"\nsince = 2026-01-01T00:00:00Z\n'


def errors(folder: Path, machine: str, domains: str | None = None) -> list[tuple[str, int, str]]:
    """What is wrong, as (file, line, field)."""
    (folder / "postil.toml").write_text(machine)
    if domains is not None:
        (folder / "domains.toml").write_text(domains)
    with pytest.raises(ConfigError) as caught:
        load(folder / "postil.toml")
    for problem in caught.value.problems:
        assert str(problem).startswith(f"{problem.file}:{problem.line}: ")
        assert problem.field in str(problem) and str(problem) in str(caught.value)
    return [(Path(one.file).name, one.line, one.field) for one in caught.value.problems]


@pytest.mark.parametrize(
    ("domains", "line", "field"),
    [
        # a table of an array of tables, and one below it
        ('[[domain]]\nname = "a.example"\n[[domain]]\nname = "b..example"\n', 4, "domain[1].name"),
        ('[[domain]]\nname = "a.example"\n[domain.dmarc]\n\np = "no"\n', 5, "domain[0].dmarc.p"),
        (f'[[domain]]\nname = "a.example"\n[[domain.dkim.selector]]\n{SELECTOR}name = "-"\n', 7, "domain[0].dkim.selector[0].name"),
        # inline tables, also inside an array over several lines
        ('domain = [\n { name = "a.example" }, # one\n { name = "a.example", dmarc = { p = "no" } },\n]\n', 3, "domain[1].dmarc.p"),
        ('domain = [{ name = "a.example", mta_sts = { max_age = -1 } }]', 1, "domain[0].mta_sts.max_age"),
        # dotted keys
        ('[[domain]]\nname = "a.example"\nmta_sts.mode = "testing"\nmta_sts.max_age = 31557601\n', 4, "domain[0].mta_sts.max_age"),
        ('[[domain]]\nname = "a.example"\ndmarc . "rua" = ["a@b"]\n', 3, "domain[0].dmarc.rua[0]"),
        # an element of an array over several lines
        ('[[domain]]\nname = "a.example"\n[domain.tlsrpt]\nrua = [\n  "mailto:x@a.example", # ]\n\n  "ftp://x",\n]\n', 7, "domain[0].tlsrpt.rua[1]"),
        # unknown fields and tables, missing fields, wrong types
        ('[[domain]]\nname = "a.example"\n[domain.dmark]\n', 3, "domain[0].dmark"),
        ('[[domain]]\nname = "a.example"\n[domain.tlsrpt]\n', 3, "domain[0].tlsrpt"),
        ('[[domain]]\nname = "a.example"\ntlsrpt = 5\n', 3, "domain[0].tlsrpt"),
        ('[domain]\nname = "a.example"\n', 1, "domain"),
        ('domain = [5]\n', 1, "domain[0]"),
        ('x = 1\n[[domain]]\nname = "a.example"\n', 1, "x"),
        # TOML that is none
        ('[[domain]]\nname = \n', 2, ""),
        ('[[domain]]\nname = "a.example"\n[[domain', 3, ""),
        ("a = " + "[" * 5000, 1, ""),
        # in postil.toml as well
        ('[[domain]]\nname = "b.example"\n[[domain]]\nname = "M.example."\n', 4, "domain[1].name"),
    ],
)  # fmt: skip
def test_in_the_domains_file(tmp_path: Path, domains: str, line: int, field: str) -> None:
    """One mistake in domains.toml; postil.toml has a domain of its own before it."""
    machine = TOP + '[[domain]]\nname = "m.example"\n'
    assert errors(tmp_path, machine, domains) == [("domains.toml", line, field)]


@pytest.mark.parametrize(
    ("machine", "line", "field"),
    [
        ('limits = { recipients = 99 }', 3, "limits.recipients"),
        ('limits.recipients = 99', 3, "limits.recipients"),
        ('[limits]\n\nrecipients = 99', 5, "limits.recipients"),
        ('[[listener]]\nprotocol = "imap"\nport = 1\nips = [\n  "::1",\n  "x",\n]', 8, "listener[0].ips[1]"),
        ('listener = [\n { protocol = "imap", port = 0 } ]', 4, "listener[0].port"),
        ('[metadata.vendor]\n"/shared/x" = "y"', 4, 'metadata.vendor."/shared/x"'),
        ('[metadata.vendor]\n"/shared/vendor/a/b" = 1', 4, 'metadata.vendor."/shared/vendor/a/b"'),
        ('domains_file = "postil.toml"', 3, "domains_file"),
        ('domains_file = ""', 3, "domains_file"),
        ('[[domain]]\nname = "d.example"\ncolour = 1', 5, "domain[0].colour"),
    ],
)  # fmt: skip
def test_in_the_machine_file(tmp_path: Path, machine: str, line: int, field: str) -> None:
    """One mistake in postil.toml; domains.toml is right."""
    domains = '[[domain]]\nname = "e.example"\n'
    assert errors(tmp_path, TOP + machine, domains) == [("postil.toml", line, field)]


def test_all_at_once(tmp_path: Path) -> None:
    """Several mistakes in both files come in one answer, in the order of the files."""
    machine = (
        'data = "d"\n[[listener]]\nprotocol = "pop3"\nport = "x"\n[limit]\n[logins]\nallow = [1]\n'
    )
    assert errors(tmp_path, machine, "[[domain]]\n[[domain]]\nnam = 1\n") == [
        ("postil.toml", 1, ""),
        ("postil.toml", 3, "listener[0].protocol"),
        ("postil.toml", 4, "listener[0].port"),
        ("postil.toml", 5, "limit"),
        ("postil.toml", 7, "logins.allow[0]"),
        ("domains.toml", 1, "domain[0]"),
        ("domains.toml", 2, "domain[1]"),
        ("domains.toml", 3, "domain[1].nam"),
    ]
    right_types = TOP + '[limits]\nrecipients = 1\nconnections = 0\n[tls]\nkey = "x"\n'
    both = '[[domain]]\nname = "a b"\npostmaster = ""\n[domain.dmarc]\nrua = ["x"]\nfo = ["0", "1", "0"]\n'
    assert [line for _, line, _ in errors(tmp_path, right_types, both)] == [4, 5, 6, 2, 5, 6, 6]


def test_did_you_mean(tmp_path: Path) -> None:
    """A field or value that is nearly right is named."""
    for text, words in (
        ('[[domain]]\nname = "a.example"\npostmater = "x"\n', "did you mean `postmaster`?"),
        ('[[domain]]\nname = "a.example"\ndmarc = { p = "rejct" }\n', "did you mean `reject`?"),
        ('[[domain]]\nname = "a.example"\ndmarc = { rua = ["a@b.example"] }\n', "did you mean mailto:a@b.example?"),
    ):  # fmt: skip
        with pytest.raises(ConfigError) as caught:
            errors(tmp_path, TOP, text)
            load(tmp_path / "postil.toml")
        assert words in str(caught.value)


def test_one_domain_in_both_files(tmp_path: Path) -> None:
    """A domain belongs in one of the files; where it is in both, the second is named."""
    machine = TOP + '[[domain]]\nname = "bücher.example"\n'
    domains = '[[domain]]\nname = "xn--bcher-kva.example"\n'
    assert errors(tmp_path, machine, domains) == [("domains.toml", 2, "domain[0].name")]


def test_the_second_file(tmp_path: Path) -> None:
    """It is beside the first, or where that says; without it, and without a domain, what to do is said."""
    assert errors(tmp_path, TOP) == [("postil.toml", 1, "domain")]
    (tmp_path / "domains.toml").write_text('[[domain]]\nname = "a.example"\n')
    assert load(tmp_path / "postil.toml").local_domains() == {"a.example"}
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "other").write_text('[[domain]]\nname = "b.example"\n')
    (tmp_path / "postil.toml").write_text(TOP + 'domains_file = "sub/other"\n')
    loaded = read(tmp_path / "postil.toml")
    assert loaded.config.local_domains() == {"b.example"}
    assert loaded.config.domains_file == str(tmp_path / "sub" / "other")
    assert loaded.place(("domain", 0, "name")).line == 2
    (tmp_path / "sub" / "other").write_bytes(b"\n\xff")
    with pytest.raises(ConfigError, match=r"other:2: is not UTF-8"):
        load(tmp_path / "postil.toml")
