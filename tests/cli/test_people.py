"""`postil account|address|alias|admin`: every command, as JSON and for people, what is no error twice, and what ends with status 1."""

from __future__ import annotations

import json
import os
import resource
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from postil.cli import main

ANN, BOB = "ann@example.org", "bob@example.org"


class Shell:
    """Commands on one data folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *arguments: str, status: int = 0, typed: str | bytes = "") -> Result:
        done = CliRunner().invoke(main, [*arguments, "--dir", str(self.folder)], input=typed)
        assert done.exit_code == status, done.output
        if done.exception is not None:
            assert isinstance(done.exception, SystemExit)
        return done

    def json(self, *arguments: str, status: int = 0, typed: str | bytes = "") -> Any:
        return json.loads(self.run(*arguments, "--json", status=status, typed=typed).stdout)

    def says(self, *arguments: str) -> str:
        return self.run(*arguments).stdout.rstrip("\n")

    def fails(self, *arguments: str) -> str:
        return self.run(*arguments, status=1).stderr.rstrip("\n")


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    made = Shell(tmp_path)
    for name in (ANN, BOB):
        made.run("account", "add", name, "--no-password")
    return made


def test_again_is_no_error(shell: Shell) -> None:
    """What a script says twice has status 0 twice, where it cannot be a mistake; else it says what is wrong."""
    assert "exists already" in shell.fails("account", "add", ANN, "--no-password")
    shown = shell.json("account", "add", "Ann@example.org", "--if-missing")
    assert shown["name"] == ANN
    for _ in range(2):
        shell.run("address", "add", ANN, "info@example.org")
        shell.run("account", "enable", ANN)
        shell.run("account", "capability", ANN, "--off", "IDLE")
        shell.run("admin", "add", ANN)
    assert shell.fails("address", "add", BOB, "info@example.org") == (
        "Error: the address info@example.org is taken"
    )
    assert shell.json("address", "rm", "info@example.org")["removed"] is True
    assert shell.json("address", "rm", "info@example.org", "--if-exists")["removed"] is False
    assert "no address" in shell.fails("address", "rm", "info@example.org")
    assert "not an address" in shell.fails("address", "rm", "info", "--if-exists")
    assert shell.json("account", "rm", "nobody", "--yes", "--if-exists")["removed"] is False
    assert shell.json("account", "rm", BOB, "--yes", "--if-exists")["removed"] is True
    assert "no account" in shell.fails("account", "rm", BOB, "--yes")
    assert shell.json("alias", "rm", "x@example.org", "--if-exists")["removed"] is False
    assert shell.json("admin", "rm", "nobody", "--if-exists") == {"name": "nobody", "roles": []}


def test_accounts(shell: Shell) -> None:
    """Disabled with reason, mail and time; the whole of one; names and capabilities."""
    shown = shell.json(
        *("account", "disable", ANN, "--reason", "left", "--mail", "later"),
        *("--until", "2030-12-31T18:00+00:00"),
    )
    assert (shown["disabled"], shown["disabled_mail"], shown["disabled_until"]) == (
        "left", "later", 1924970400,
    )  # fmt: skip
    assert "(disabled until 2030-12-31T18:00:00Z: left; mail is put off)" in shell.says(
        "account", "ls"
    )
    assert "has passed" in shell.fails(
        "account", "disable", ANN, "--reason", "x", "--until", "2001-01-01"
    )
    for wrong in ("soon", "7", "2030-13-01", "2030-12-31T25:00"):
        shell.run("account", "disable", ANN, "--reason", "x", "--until", wrong, status=2)
    assert "after the year 9999" in shell.fails(
        "account", "disable", ANN, "--reason", "x", "--until", "99999999999999d"
    )
    shell.run("account", "disable", ANN, "--reason", "x", "--until", "7d")
    shell.run("account", "set", ANN, "--display-name", "Ann Lee")
    said = shell.says("account", "show", ANN)
    assert (
        f"addresses: {ANN}" in said and "display_name: Ann Lee" in said and "\nid: 1" in f"\n{said}"
    )
    assert shell.json("account", "show", ANN)["display_name"] == "Ann Lee"
    assert shell.json("account", "capability", ANN, "--off", "idle") == {
        "name": ANN,
        "off": ["IDLE"],
    }
    assert shell.says("account", "capability", ANN) == f"{ANN}: off: IDLE"
    assert "cannot be switched" in shell.fails("account", "capability", ANN, "--off", "nonsense")


def test_import(shell: Shell) -> None:
    """From standard input or a file; errors as JSON have line and field; a check adds nothing."""
    good = "name,password,quota\nx@example.org,long enough,5G\ny@example.org,,\n"
    assert shell.json("account", "import", "-", "--check", typed=good) == {
        "checked": 2,
        "accounts": ["x@example.org", "y@example.org"],
    }
    (shell.folder / "people.csv").write_text(good)
    assert shell.says("account", "import", str(shell.folder / "people.csv")) == "added 2 accounts"
    again = shell.json("account", "import", "-", typed=good, status=1)
    assert again["added"] == 0 and again["count"] == 4
    assert again["problems"][0] == {
        "line": 2, "field": "name", "text": "an account x@example.org exists already",
    }  # fmt: skip
    said = shell.run("account", "import", "-", typed="name\na\n\xff".encode("latin-1"), status=1)
    assert said.stderr == "Error: nothing was added\nline 3: the file is not UTF-8\n"
    assert shell.json("account", "show", "x@example.org")["quota"] == 5 << 30


def test_aliases(shell: Shell) -> None:
    """From one member to a list, and every change on the way."""
    assert (
        shell.says("alias", "ls")
        == "no aliases yet; add one with: postil alias add ADDRESS MEMBER…"
    )
    shell.run("alias", "add", "sales@example.org", ANN)
    assert shell.says("alias", "join", "sales@example.org", BOB, ANN) == (
        f"sales@example.org leads to {ANN}, {BOB}"
    )
    assert shell.json("alias", "leave", "sales@example.org", ANN)["members"] == [BOB]
    assert shell.json("alias", "set", "sales@example.org", "--members-send")["members_send"] is True
    assert "members send under it" in shell.says("alias", "show", "sales@example.org")
    made = shell.json(
        *("alias", "add", "staff@example.org", "sales@example.org", ANN, "--list"),
        *("--posts", "named", "--poster", "boss@else.example", "--sees", "members", "--owner", BOB),
    )
    assert made == {
        "address": "staff@example.org",
        "kind": "list",
        "members": ["sales@example.org", ANN],
        "members_send": False,
        "posts": "named",
        "posters": ["boss@else.example"],
        "sees": "members",
        "owner": BOB,
    }
    assert shell.json("alias", "allow", "staff@example.org", ANN)["posters"] == [
        "boss@else.example",
        ANN,
    ]
    assert shell.json("alias", "disallow", "staff@example.org", "BOSS@else.example")["posters"] == [
        ANN
    ]
    assert (
        shell.json("alias", "show", "staff@example.org", "--as", ANN)["members"] == made["members"]
    )
    shell.run("account", "add", "carol", "--no-password")
    assert shell.json("alias", "show", "staff@example.org", "--as", "carol")["members"] is None
    assert "is not told" in shell.says("alias", "show", "staff@example.org", "--as", "carol")
    changed = shell.json(
        "alias",
        "set",
        "staff@example.org",
        "--posts",
        "members",
        "--sees",
        "accounts",
        "--owner",
        "none",
    )
    assert (changed["posts"], changed["sees"], changed["owner"]) == ("members", "accounts", None)
    said = shell.says("alias", "list")
    assert "(list, posts: members; members shown to: accounts; owner: postmaster)" in said
    assert {row["address"] for row in shell.json("address", "list")} == {
        ANN, BOB, "sales@example.org", "staff@example.org",
    }  # fmt: skip
    assert "outgoing queue" in shell.fails("alias", "join", "sales@example.org", "x@else.example")
    assert shell.says("alias", "rm", "staff@example.org") == "staff@example.org no longer exists"


def test_rules(shell: Shell) -> None:
    """Shown when nothing is to be changed; none means none."""
    before = shell.json("address", "rules", "EXAMPLE.org")
    assert shell.json("admin", "log", "--object", "example.org") == []
    changed = shell.json(
        *("address", "rules", "example.org", "--separators", "none", "--case", "sensitive"),
        *("--tag-mailboxes", "--catch-all", BOB),
    )
    assert changed == {
        "domain": "example.org",
        "separators": "",
        "case_sensitive": True,
        "tag_mailboxes": True,
        "catch_all": BOB,
    }
    assert shell.says("address", "rules", "example.org") == (
        f"example.org: separators: none, case: sensitive, tags into mailboxes: yes, catch-all: {BOB}"
    )
    back = shell.json(
        *("address", "rules", "example.org", "--separators", "+", "--case", "insensitive"),
        *("--no-tag-mailboxes", "--catch-all", "none"),
    )
    assert back == before


def test_admins(shell: Shell) -> None:
    """Roles by domain or all; a contradiction is a wrong call."""
    assert shell.says("admin", "ls").startswith("no account has a role")
    shell.run("admin", "add", ANN)
    shell.run("admin", "add", BOB, "--domain", "Example.org", "--domain", "two.example")
    assert shell.json("admin", "list") == [
        {"name": ANN, "roles": [{"role": "admin", "domain": ""}]},
        {
            "name": BOB,
            "roles": [
                {"role": "domain admin", "domain": "example.org"},
                {"role": "domain admin", "domain": "two.example"},
            ],
        },
    ]
    shell.run("admin", "add", BOB, "--domain", "x.example", "--auditor", status=2)
    assert shell.says("admin", "rm", BOB, "--domain", "two.example") == (
        f"{BOB}: domain admin of example.org"
    )
    assert shell.says("admin", "rm", ANN) == f"{ANN}: no role"


def test_the_log(shell: Shell) -> None:
    """Who is the user of the system; filters; a line for people says what became of what."""
    shell.run("account", "quota", ANN, "--octets", "1G")
    [newest, *_] = rows = shell.json("admin", "log")
    assert newest["action"] == "account.quota" and newest["who"].startswith("machine owner (")
    assert newest["before"]["quota"] is None and newest["after"]["quota"] == 1 << 30
    assert len(rows) == 3 and len(shell.json("admin", "log", "--most", "1")) == 1
    assert len(shell.json("admin", "log", "--object", ANN)) == 2
    assert shell.json("admin", "log", "--who", "nobody") == []
    assert len(shell.json("admin", "log", "--who", newest["who"], "--last", "1h")) == 3
    assert f"account.quota  {ANN}  quota: null -> 1073741824" in shell.says("admin", "log")


def test_by_sudo(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log names who called sudo as well."""
    monkeypatch.setenv("LOGNAME", "root")
    monkeypatch.setenv("SUDO_USER", "carol")
    shell.run("account", "quota", ANN, "--octets", "1G")
    assert shell.json("admin", "log")[0]["who"] == "machine owner (root, by sudo from carol)"


def test_no_limit_is_larger_than_the_database_takes(shell: Shell) -> None:
    """63 bits are the end of octets and numbers; one more, or ten thousand digits, is a wrong call, and not a fault of ours."""
    for option in ("--octets", "--messages", "--mailboxes"):
        assert shell.json("account", "quota", ANN, option, str(2**63 - 1))
        for value in (str(2**63), "9" * 10_000, "²"):
            wrong = shell.run("account", "quota", ANN, option, value, status=2)
            assert "Invalid value" in wrong.stderr
    assert shell.json("account", "quota", ANN, "--octets", "8388607T")["octets"] == 8388607 << 40
    assert "8388608T is too large" in shell.run("account", "quota", ANN, "--octets", "8388608T", status=2).stderr  # fmt: skip


def test_a_name_has_an_end(shell: Shell) -> None:
    """A person's name is kept in the log of changes with every change, so it is not a book."""
    shell.run("account", "set", ANN, "--display-name", "é" * 200)
    assert "at most 200" in shell.fails("account", "set", ANN, "--display-name", "é" * 201)
    assert "at most 200" in shell.fails("account", "add", "x@example.org", "--no-password", "--display-name", "é" * 201)  # fmt: skip


def test_an_alias_again(shell: Shell) -> None:
    """The same settings and members, in any order and spelling, are no error and no row; anything else is refused and changes nothing."""
    whole = ("--list", "--posts", "named", "--poster", "Chef@ELSE.example", "--owner", BOB, "--sees", "members")  # fmt: skip
    made = shell.json("alias", "add", "staff@example.org", ANN, BOB, *whole)
    log = shell.json("admin", "log")
    again = (*whole[:4], "chef@else.example", "--owner", "BOB@example.org", *whole[-2:])
    assert shell.json("alias", "add", "Staff@EXAMPLE.org", "bob@EXAMPLE.org", ANN, *again) == made
    for other in (
        (ANN, *whole),
        (ANN, BOB, *whole[:-2]),
        (ANN, BOB, *whole[:5], *whole[7:]),
        (ANN, BOB, *whole, "--poster", "x@else.example"),
        (ANN, BOB, *whole[:1], *whole[5:]),
        (ANN, BOB),
    ):
        said = shell.fails("alias", "add", "staff@example.org", *other)
        assert "staff@example.org is a list already, with other settings" in said
    assert shell.json("alias", "show", "staff@example.org") == made
    assert shell.json("admin", "log") == log
    assert "is the address of an account" in shell.fails("alias", "add", ANN, BOB)


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    """The command says so, and the database is what it was."""
    shell = Shell(tmp_path)
    shell.run("account", "add", ANN, "--no-password")
    room = sum(one.stat().st_size for one in tmp_path.iterdir())
    command = [sys.executable, "-m", "postil.cli", "account", "add", BOB, "--no-password"]
    done = subprocess.run(
        [*command, "--dir", str(tmp_path)],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, room)),
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stderr.startswith("Error: the control database cannot be used: ")
    assert "full" in done.stderr or "I/O" in done.stderr
    assert [row["name"] for row in shell.json("account", "list")] == [ANN]


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """Whatever stands in the way is one sentence that names it; no traceback of a thread."""
    (tmp_path / "postil.db").mkdir()
    command = [sys.executable, "-m", "postil.cli", "account", "list", "--dir"]
    for folder, words in (
        (tmp_path, "postil.db cannot be read: it is no file"),
        (tmp_path / "none", "there is no data folder"),
        (Path("/proc/self"), "postil.db cannot be made: No such file or directory"),
    ):
        done = subprocess.run([*command, str(folder)], capture_output=True, text=True)
        assert done.returncode == 1 and words in done.stderr, done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_others_cannot_read_the_database(tmp_path: Path) -> None:
    """Hashes of passwords and the server's secrets lie in it: nobody but its owner reads a new one, and others no old one."""
    shell = Shell(tmp_path)
    before = os.umask(0)
    try:
        shell.run("account", "add", ANN, "--no-password")
        file = tmp_path / "postil.db"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        file.chmod(0o644)
        shell.run("account", "list")
        assert stat.S_IMODE(file.stat().st_mode) == 0o640
    finally:
        os.umask(before)
