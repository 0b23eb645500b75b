"""`postil domain` and `postil config` as a user runs them, with and without a server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.support.machine import environment

from postil.cli import main
from postil.config import EXAMPLE, EXAMPLE_DOMAINS, load

TOP = 'hostname = "mail.example.org"\ndata = "data"\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("POSTIL_CONFIG", raising=False)
    (tmp_path / "postil.toml").write_text(TOP)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def said(*arguments: str) -> dict[str, object]:
    """The JSON of a command that succeeds."""
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def test_from_an_empty_folder(folder: Path) -> None:
    """Example, first domain, first account, check: what the documentation says to do works, and is what is read."""
    example = run("config", "example")
    (folder / "postil.toml").write_text(example.stdout)
    assert example.stdout == EXAMPLE
    early = run("config", "check")
    assert early.exit_code == 1 and "postil domain add NAME" in early.stderr
    added = run("domain", "add", "bücher.example", "postmaster=ann@bücher.example")
    assert added.exit_code == 0 and added.stdout == "added xn--bcher-kva.example\n"
    assert "no server is running" in added.stderr
    assert run("account", "add", "ann@bücher.example", "--no-password").exit_code == 0
    assert load(folder / "postil.toml").local_domains() == {"xn--bcher-kva.example"}
    assert 'name = "bücher.example"' in (folder / "domains.toml").read_text()
    checked = said("config", "check")
    assert checked["ok"] and checked["warnings"] == []
    assert run("config", "example", "--domains").stdout == EXAMPLE_DOMAINS


def test_add_twice_and_otherwise(folder: Path) -> None:
    """The same again is status 0 and says so; with other settings it is refused; a wrong call has status 2."""
    assert said("domain", "add", "a.example", "dmarc.p=reject")["changed"]
    again = run("domain", "add", "A.example", "dmarc.p=reject")
    assert (again.exit_code, again.stdout) == (0, "a.example is there already\n")
    other = run("domain", "add", "a.example", "dmarc.p=none")
    assert other.exit_code == 1 and "domains.toml:1" in other.stderr and "dmarc.p" in other.stderr
    for wrong, words in (
        (["add", "b.example", "dmark.p=none"], "did you mean `dmarc.p`"),
        (["add", "b.example", "dmarc.p=rejct"], "did you mean `reject`"),
        (["add", "b.example", "postmaster"], "FIELD=VALUE"),
        (["add", "b.example", "name=x"], "no field 'name'"),
        (["set", "a.example"], "nothing to set"),
        (["set", "a.example", "dmarc.t=yes"], "true or false"),
        (["set", "a.example", "mta_sts.max_age=x"], "is a number"),
        (["set", "a.example", "--unset", "nam"], "no field 'nam'"),
    ):
        done = run("domain", *wrong)
        assert done.exit_code == 2 and words in done.stderr, (wrong, done.stderr)
    bad = run("domain", "set", "a.example", "dmarc.rua=ann@a.example")
    assert bad.exit_code == 1 and "did you mean mailto:ann@a.example?" in bad.stderr
    assert "domains.toml:" in bad.stderr and "domain[0].dmarc.rua[0]" in bad.stderr


def test_show_set_ls_rm(folder: Path) -> None:
    """What was set is shown, listed with its place, and taken away again."""
    said("domain", "add", "a.example")
    said("domain", "add", "b.example")
    row = said("domain", "set", "b.example", "dmarc.rua=mailto:x@b.example, https://y.example/", "mta_sts.mode=enforce", "dmarc.t=true")  # fmt: skip
    assert row["dmarc"]["rua"] == ["mailto:x@b.example", "https://y.example/"]  # type: ignore[index]
    assert not said("domain", "set", "b.example", "dmarc.t=true")["changed"]
    shown = run("domain", "show", "b.example").stdout
    assert "b.example  (domains.toml:4)" in shown and "dmarc.t = true" in shown
    assert 'mta_sts.mode = "enforce"' in shown
    assert run("domain", "ls").stdout == "a.example  domains.toml:1\nb.example  domains.toml:4\n"
    assert said("domain", "set", "b.example", "--unset", "dmarc", "--unset", "mta_sts.mode")["changed"]  # fmt: skip
    assert said("domain", "show", "b.example")["dmarc"] is None
    for name in ("ann", "bob"):
        assert run("account", "add", f"{name}@b.example", "--no-password").exit_code == 0
    refused = run("domain", "rm", "b.example")
    assert refused.exit_code == 1 and "ann@b.example, bob@b.example" in refused.stderr
    gone = said("domain", "rm", "b.example", "--force")
    assert gone["addresses"] == ["ann@b.example", "bob@b.example"]
    unknown = run("domain", "rm", "b.example")
    assert unknown.exit_code == 1 and "no domain b.example" in unknown.stderr
    last = run("domain", "rm", "a.example")
    assert last.exit_code == 1 and "the only domain" in last.stderr
    assert len(said("account", "list")) == 2


def test_the_life_of_keys(folder: Path) -> None:
    """Two keys are made, published, switched to, replaced and removed; what is too early waits; the files follow."""
    said("domain", "add", "a.example")
    none = run("domain", "dkim", "rotate", "a.example")
    assert none.exit_code == 1 and "postil domain dkim add a.example" in none.stderr
    made = said("domain", "dkim", "add", "a.example")["keys"]
    assert [key["algorithm"] for key in made] == ["ed25519", "rsa"]  # type: ignore[index,attr-defined]
    assert not said("domain", "dkim", "add", "a.example")["changed"]
    lines = run("domain", "records", "a.example").stdout
    for key in made:  # type: ignore[attr-defined]
        assert key["record"]["line"] in lines and key["state"] == "next"
        assert Path(key["key"]).stat().st_mode & 0o777 == 0o600
    early = said("domain", "dkim", "rotate", "a.example")
    assert not early["changed"] and len(early["waiting"]) == 2  # type: ignore[arg-type]
    said("domain", "dkim", "rotate", "a.example", "--now")
    assert _states() == ["signing", "signing"]
    said(
        "domain", "dkim", "rotate", "a.example"
    )  # nothing is left of the round: another one begins
    said("domain", "dkim", "rotate", "a.example", "--now")
    assert _states() == ["retiring", "retiring", "signing", "signing"]
    assert "waits to be removed" in run("domain", "dkim", "rotate", "a.example").stdout
    first = made[0]["name"]  # type: ignore[index]
    needed = run("domain", "dkim", "rm", "a.example", first)
    assert needed.exit_code == 1 and "mail under way" in needed.stderr
    said("domain", "dkim", "rotate", "a.example", "--now")
    assert _states() == ["signing", "signing"]
    files = {path.stem for path in (folder / "data" / "dkim" / "a.example").iterdir()}
    assert files == {row["name"] for row in said("domain", "dkim", "ls", "a.example")}  # type: ignore[index]
    (name, *_) = files
    signs = run("domain", "dkim", "rm", "a.example", name)
    assert signs.exit_code == 1 and "--force" in signs.stderr
    said("domain", "dkim", "rm", "a.example", name, "--force")
    assert len(list((folder / "data" / "dkim" / "a.example").iterdir())) == 1
    assert run("domain", "dkim", "rm", "a.example", name).exit_code == 1


def _states() -> list[str]:
    return sorted(row["state"] for row in said("domain", "dkim", "ls", "a.example"))  # type: ignore[index]


def test_a_key_of_ones_own_name(folder: Path) -> None:
    """A selector can be named; one that exists, or is none, is refused, and leaves no file."""
    said("domain", "add", "a.example")
    wrong = run("domain", "dkim", "add", "a.example", "--selector", "x")
    assert wrong.exit_code == 2
    no = ["domain", "dkim", "add", "a.example", "--algorithm", "rsa", "--selector"]
    bad = run(*no, "a_b")
    assert bad.exit_code == 1 and "is no selector" in bad.stderr
    outside = run(*no, "../../x")
    assert outside.exit_code == 1 and not list(folder.rglob("*.pem"))
    made = said(*no, "mine")["keys"]
    assert [key["name"] for key in made] == ["mine"]  # type: ignore[index,attr-defined]
    again = ["domain", "dkim", "add", "a.example", "--algorithm", "ed25519", "--selector", "mine"]
    assert "exists already" in run(*again).stderr
    Path(made[0]["key"]).write_text("no key")  # type: ignore[index]
    broken = run("domain", "records", "a.example")
    assert broken.exit_code == 1 and "mine.pem is no private key" in broken.stderr
    assert "PROBLEM" in run("domain", "dkim", "ls", "a.example").stdout
    warned = run("config", "check").stdout
    assert "warning: domains.toml:4: domain[0].dkim.selector[0]: " in warned


def test_a_key_that_is_named_stays(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something fails once the file is written: the keys that it names are there."""
    said("domain", "add", "a.example")
    replace = os.replace

    def then_fail(old: str, new: Path) -> None:
        replace(old, new)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "replace", then_fail)
    done = run("domain", "dkim", "add", "a.example")
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    assert done.exit_code == 1 and "Input/output error" in done.stderr
    rows = said("domain", "dkim", "ls", "a.example")
    assert len(rows) == 2 and not any("problem" in row for row in rows)  # type: ignore[operator]


def test_many_commands_at_once(folder: Path) -> None:
    """Twelve commands that change the same file at the same time: each change is there, and the comment."""
    (folder / "domains.toml").write_text("# kept\n")
    command = [sys.executable, "-m", "postil.cli", "domain"]
    processes = [
        subprocess.Popen(
            [*command, "add", f"d{number}.example", f"postmaster=p{number}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=environment(),
        )
        for number in range(12)
    ]
    for process in processes:
        output, _ = process.communicate(timeout=100)
        assert process.returncode == 0, output
    config = load(folder / "postil.toml")
    found = {one.name: one.postmaster for one in config.domain}
    assert found == {f"d{number}.example": f"p{number}" for number in range(12)}
    assert (folder / "domains.toml").read_text().startswith("# kept\n")


def test_describe(folder: Path) -> None:
    """One field, a table, everything; what is no field is guessed at."""
    one = run("config", "describe", "domain.dmarc.p").stdout
    assert 'one of none, quarantine, reject; default "none"; live' in one
    table = run("config", "describe", "limits").stdout
    assert "limits.recipients: number; default 1000; restart" in table and "[limits]" in table
    rows = said("config", "describe")
    assert {"listener[].port", "domain[].dkim.selector[].since"} <= {row["path"] for row in rows}  # type: ignore[index]
    wrong = run("config", "describe", "limit.recipients")
    assert wrong.exit_code == 1 and "did you mean `limits.recipients`" in wrong.stderr


def test_diff(folder: Path) -> None:
    """Against the defaults, another file, and a server that is not there."""
    (folder / "postil.toml").write_text(TOP + "[limits]\nrecipients = 200\n")
    other = folder / "other"
    other.mkdir()
    (other / "postil.toml").write_text(TOP + '[[domain]]\nname = "a.example"\n')
    plain = run("config", "diff").stdout
    assert "limits.recipients: 1000 -> 200" in plain and "listener" not in plain
    with_other = run("config", "diff", "--with", "other/postil.toml").stdout.splitlines()
    assert with_other[0].startswith("domain[a.example]: ") and with_other[0].endswith("-> nothing")
    assert with_other[1:] == ["limits.recipients: 1000 -> 200"]
    assert run("config", "diff", "postil.toml", "--with", "postil.toml").stdout == "no difference\n"
    lonely = run("config", "diff", "--running")
    assert lonely.exit_code == 1 and "no server is running on" in lonely.stderr


def test_check_says_everything(folder: Path) -> None:
    """All mistakes at once, as text and as JSON; doubts are warnings, and status 0."""
    (folder / "postil.toml").write_text(TOP + "x = 1\ny = 2\n")
    wrong = run("config", "check")
    assert wrong.exit_code == 1
    assert "postil.toml:3: x: unknown field" in wrong.stderr
    assert "postil.toml:4: y: unknown field" in wrong.stderr
    done = run("config", "check", "--json")
    assert done.exit_code == 1 and [one["line"] for one in json.loads(done.stdout)["problems"]] == [3, 4]  # fmt: skip
    (folder / "postil.toml").write_text(
        TOP + '[tls]\ncertificate = "c"\nkey = "k"\n[[listener]]\nprotocol = "imap"\nport = 143\n'
        '[[domain]]\nname = "a.example"\n[domain.dmarc]\np = "reject"\n'
        '[domain.mta_sts]\nmode = "enforce"\nmax_age = 60\n'
    )
    (folder / "data").mkdir(mode=0o755)
    warnings = said("config", "check")["warnings"]
    fields = [(one["line"], one["field"]) for one in warnings]  # type: ignore[attr-defined]
    assert fields == [
        (6, "listener[0].tls"),
        (6, "listener"),
        (4, "tls.certificate"),
        (5, "tls.key"),
        (2, "data"),
        (11, "domain[0].dmarc"),
        (12, "domain[0].dmarc.p"),
        (15, "domain[0].mta_sts.max_age"),
    ]


def test_remove_twice(folder: Path) -> None:
    """With --if-exists a script may say it twice; without, or where the name is none, it is refused."""
    run("domain", "add", "a.example")
    run("domain", "add", "b.example")
    assert said("domain", "rm", "A.example", "--if-exists")["changed"]
    again = said("domain", "rm", "A.example", "--if-exists")
    assert not again["changed"] and not again["removed"] and again["name"] == "a.example"
    assert run("domain", "rm", "a.example").exit_code == 1
    assert run("domain", "rm", "a b", "--if-exists").exit_code == 1


def test_every_change_is_in_the_log(folder: Path) -> None:
    """What was done to a domain, by whom, before and after, though it stands in a file; what changed nothing is not there."""
    run("domain", "add", "a.example", "dmarc.p=none")
    run("domain", "add", "a.example", "dmarc.p=none")
    run("domain", "add", "b.example")
    run("domain", "set", "a.example", "dmarc.p=reject")
    run("domain", "dkim", "add", "a.example")
    run("domain", "rm", "b.example")
    done = run("admin", "log", "--json")
    rows = json.loads(done.stdout)[::-1]
    assert [(row["action"], row["object"]) for row in rows] == [
        ("domain.add", "a.example"),
        ("domain.add", "b.example"),
        ("domain.set", "a.example"),
        ("domain.set", "a.example"),
        ("domain.remove", "b.example"),
    ]
    assert all(row["who"].startswith("machine owner") for row in rows)
    assert rows[2]["before"]["dmarc.p"] == "none" and rows[2]["after"]["dmarc.p"] == "reject"
    assert "PRIVATE" not in done.stdout and ".name" in json.dumps(rows[3]["after"])


def test_a_log_that_cannot_be_written(folder: Path) -> None:
    """The change is made all the same, and the sentence says what is missing."""
    (folder / "data").mkdir()
    (folder / "data" / "postil.db").write_text("this is no database, and long enough to show it")
    done = run("domain", "add", "a.example")
    assert done.exit_code == 0 and "is not in the log of changes" in done.stderr
    assert load(folder / "postil.toml").local_domains() == {"a.example"}
