"""What holds for every command there is: `--json` prints one document whatever happens, and what changes something leaves a row in the log of changes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from postil.cli import main

Name = tuple[str, ...]
PASSWORD = "correct horse battery"
HOST, ANN, BOB, SALES, LIST = (
    *("example.org", "ann@example.org", "bob@example.org", "sales@example.org"),
    "staff@example.org",
)


def _leaves(group: click.Group, above: Name = ()) -> Iterator[tuple[Name, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        one = group.get_command(context, name)
        assert one is not None
        if isinstance(one, click.Group):
            yield from _leaves(one, (*above, name))
        else:
            yield (*above, name), one


LEAVES = dict(_leaves(main))
WITHOUT_JSON = {("completion",), ("config", "example"), ("localserve",), ("serve",)}

# What changes nothing; `acme` changes are proved with an authority in test_acme.
READS: set[Name] = {
    ("account", "app-password", "list"),
    ("account", "list"),
    ("account", "show"),
    ("acme", "status"),
    ("address", "list"),
    ("admin", "list"),
    ("admin", "log"),
    ("alias", "list"),
    ("alias", "show"),
    ("caa", "check"),
    ("caa", "suggest"),
    ("completion",),
    ("config", "check"),
    ("config", "describe"),
    ("config", "diff"),
    ("config", "example"),
    ("docs", "export"),
    ("domain", "dkim", "ls"),
    ("domain", "ls"),
    ("domain", "records"),
    ("domain", "show"),
    ("localserve",),
    ("logins",),
    ("serve",),
    ("tlskey", "list"),
    ("verify",),
    ("version",),
}
ELSEWHERE: set[Name] = {("acme", "account"), ("acme", "renew"), ("acme", "revoke")}

# What each changing command is called with, on what `machine` furnishes; then the action in the log.
CHANGES: dict[Name, tuple[Name, str]] = {
    ("account", "add"): (("new@example.org", "--password-stdin"), "account.add"),
    ("account", "app-password", "add"): ((ANN, "tablet"), "account.app-password.add"),
    ("account", "app-password", "rm"): ((ANN, "phone"), "account.app-password.remove"),
    ("account", "capability"): ((ANN, "--off", "IDLE"), "account.capability"),
    ("account", "disable"): ((ANN, "--reason", "away"), "account.disable"),
    ("account", "enable"): ((BOB,), "account.enable"),
    ("account", "import"): (("people.csv",), "account.import"),
    ("account", "important"): ((ANN, "off"), "account.important"),
    ("account", "logout"): ((ANN,), "account.logout"),
    ("account", "password"): ((ANN, "--password-stdin"), "account.password"),
    ("account", "quota"): ((ANN, "--octets", "5G"), "account.quota"),
    ("account", "rm"): ((ANN, "--yes"), "account.remove"),
    ("account", "set"): ((ANN, "--display-name", "Ann"), "account.display-name"),
    ("address", "add"): ((ANN, "info@example.org"), "address.add"),
    ("address", "rm"): ((ANN,), "address.remove"),
    ("address", "rules"): ((HOST, "--catch-all", ANN), "domain.rules"),
    ("admin", "add"): ((BOB,), "role.give"),
    ("admin", "rm"): ((ANN,), "role.take"),
    ("alias", "add"): (("new@example.org", ANN), "alias.add"),
    ("alias", "allow"): ((LIST, "boss@else.example"), "alias.allow"),
    ("alias", "disallow"): ((LIST, "chef@else.example"), "alias.disallow"),
    ("alias", "join"): ((SALES, BOB), "alias.join"),
    ("alias", "leave"): ((SALES, ANN), "alias.leave"),
    ("alias", "rm"): ((SALES,), "alias.remove"),
    ("alias", "set"): ((LIST, "--posts", "members"), "alias.set"),
    ("domain", "add"): (("new.example",), "domain.add"),
    ("domain", "dkim", "add"): ((HOST, "--algorithm", "ed25519"), "domain.set"),
    ("domain", "dkim", "rm"): (("other.example", "one"), "domain.set"),
    ("domain", "dkim", "rotate"): (("other.example", "--now"), "domain.set"),
    ("domain", "rm"): (("other.example",), "domain.remove"),
    ("domain", "set"): ((HOST, "dmarc.p=none"), "domain.set"),
    ("tlskey", "add"): ((ANN, "laptop", "--generate", "new.pem"), "account.tls-key.add"),
    ("tlskey", "rm"): ((ANN, "desk"), "account.tls-key.remove"),
}


def run(*arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(main, arguments, input=typed)


def done(*arguments: str, typed: str = "") -> Any:
    """The JSON of a command that succeeds."""
    result = run(*arguments, "--json", typed=typed)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small machine in the current folder, which is the default of all commands."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("POSTIL_CONFIG", raising=False)
    (tmp_path / "postil.toml").write_text('hostname = "mail.example.org"\ndata = "data"\n')
    (tmp_path / "people.csv").write_text("name\ncarol@example.org\n")
    for name in (HOST, "other.example"):
        done("domain", "add", name)
    done("domain", "dkim", "add", "other.example", "--algorithm", "ed25519", "--selector", "one")
    done("account", "add", ANN, "--password-stdin", typed=PASSWORD)
    done("account", "add", BOB, "--no-password")
    done("account", "disable", BOB, "--reason", "away")
    done("account", "app-password", "add", ANN, "phone")
    done("admin", "add", ANN)
    done("alias", "add", SALES, ANN)
    done("alias", "add", LIST, ANN, "--list", "--posts", "named", "--poster", "chef@else.example")
    done("tlskey", "add", ANN, "desk", "--generate", "desk.pem")
    return tmp_path


def test_no_command_is_forgotten() -> None:
    """Each command there is stands here as one that reads or as one that changes."""
    known = [*READS, *ELSEWHERE, *CHANGES]
    assert len(known) == len(set(known)) and set(known) == set(LEAVES)


@pytest.mark.parametrize("name", CHANGES, ids=" ".join)
def test_every_command_that_changes_leaves_a_row(machine: Path, name: Name) -> None:
    """At least one row: who, which action, about what; no password in any, nor what a key or a generated password is."""
    before = done("admin", "log", "--most", "1000")
    arguments, action = CHANGES[name]
    made = done(*name, *arguments, typed=PASSWORD + "2\n")
    rows = done("admin", "log", "--most", "1000")
    new = rows[: len(rows) - len(before)]
    assert rows[len(new) :] == before
    assert action in {row["action"] for row in new}
    assert all(row["who"].startswith("machine owner (") and row["object"] for row in new)
    database = sqlite3.connect(machine / "data" / "postil.db")
    told = "\n".join(map(str, database.execute("SELECT * FROM audit")))
    hashes = [str(one) for (one,) in database.execute("SELECT password FROM account") if one]
    database.close()
    private = "PRIVATE KEY"
    secrets = [PASSWORD, private, *hashes, *([made["password"]] if name[-2:] == ("app-password", "add") else [])]  # fmt: skip
    assert not any(secret in told for secret in secrets)


@pytest.mark.parametrize("name", set(CHANGES) - {("account", "logout"), ("account", "password")}, ids=" ".join)  # fmt: skip
def test_again_says_nothing_new_or_why(machine: Path, name: Name) -> None:
    """The same command once more changes nothing: it is no error, or is refused with a sentence; never a second row."""
    arguments, _ = CHANGES[name]
    done(*name, *arguments, typed=PASSWORD + "2\n")
    if name in (("domain", "dkim", "rotate"),):  # a new round: that is what it is for
        return
    before = done("admin", "log", "--most", "1000")
    again = run(*name, *arguments, "--json", typed=PASSWORD + "2\n")
    assert again.exit_code in (0, 1) and not isinstance(again.exception, AssertionError)
    assert json.loads(again.stdout).get("error", "x")
    assert done("admin", "log", "--most", "1000") == before


def test_which_commands_have_json() -> None:
    """All but those that print a text for a program or a file, and those that serve."""
    have = {name for name, one in LEAVES.items() if any("--json" in p.opts for p in one.params)}
    assert have == set(LEAVES) - WITHOUT_JSON


@pytest.mark.parametrize("name", sorted(set(LEAVES) - WITHOUT_JSON), ids=" ".join)
@pytest.mark.parametrize("how", ["unknown option", "no configuration"])
def test_an_error_is_json_too(
    name: Name, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One document on standard output: the sentence, which standard error has as well, and the status."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("POSTIL_CONFIG", raising=False)
    wrong = ["--nonsense"]
    if how == "no configuration":
        needed = [p for p in LEAVES[name].params if isinstance(p, click.Argument) and p.required]
        wrong = [*["x"] * len(needed), *(["--config", "missing.toml"] if _asks(name) else [])]
    result = run(*name, *wrong, "--json")
    assert result.exception is None or isinstance(result.exception, SystemExit)
    shown = json.loads(result.stdout)
    if how == "unknown option":
        assert (result.exit_code, shown["status"]) == (2, 2)
        assert shown["error"] in result.stderr and "--nonsense" in shown["error"]
    elif _asks(name):
        assert result.exit_code in (1, 2) and shown["status"] == result.exit_code
        assert shown["error"] in result.stderr


def _asks(name: Name) -> bool:
    return any("--config" in p.opts for p in LEAVES[name].params)


def test_an_error_with_a_place_has_it_as_data(machine: Path) -> None:
    """File, line and field of each mistake, as `config check --json` names them."""
    (machine / "domains.toml").write_text('[[domain]]\nname = "a.example"\nnmae = "x"\n')
    shown = json.loads(run("domain", "add", "b.example", "--json").stdout)
    [problem] = shown["problems"]
    assert (problem["file"], problem["line"], problem["field"]) == (
        "domains.toml",
        3,
        "domain[0].nmae",
    )
    assert problem["text"] in shown["error"] and shown["status"] == 1


def test_answers_of_their_own_have_the_same_names(machine: Path) -> None:
    """What says more than a sentence when it fails says the sentence too, under the same names."""
    (machine / "people.csv").write_text("name\nb d\n")
    imported = json.loads(run("account", "import", "people.csv", "--json").stdout)
    (machine / "domains.toml").write_text("x = 1\n")
    checked = json.loads(run("config", "check", "--json").stdout)
    for shown in (imported, checked):
        assert shown["status"] == 1 and shown["problems"][0]["text"] in shown["error"]


def test_a_word_that_looks_like_the_option_is_none(machine: Path) -> None:
    """Behind `--` every word is an argument, and the error is for people."""
    result = run("account", "show", "--", "--json")
    assert result.exit_code == 1 and result.stdout == ""
    assert result.stderr == "Error: there is no account --json\n"


def test_every_group_knows_list_and_ls() -> None:
    """Either word does, in every group that has one of them."""
    groups = {name[:-1] for name in LEAVES if name[-1] in ("list", "ls")}
    assert len(groups) >= 8
    for group in groups:
        for word in ("list", "ls"):
            assert run(*group, word, "--help").exit_code == 0, (group, word)
