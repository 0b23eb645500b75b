"""`postil transport` and `postil route` as an operator uses them, with and without a server."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.support.machine import environment, running, until

from postil.cli import main
from postil.config import read

TOP = 'hostname = "mail.example.org"\ndata = "data"\n'
FILE = '# ours\n[[domain]]\nname = "example.org" # the first\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("POSTIL_CONFIG", raising=False)
    (tmp_path / "postil.toml").write_text(TOP)
    (tmp_path / "domains.toml").write_text(FILE)
    (tmp_path / "relay.password").write_text("s3cret\n")
    (tmp_path / "relay.password").chmod(0o600)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def said(*arguments: str) -> Any:
    """The JSON of a command that succeeds."""
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def relay() -> None:
    said(
        "transport", "add", "relay", "submission", "host=smtp.provider.example", "user=ann",
        "password.file=relay.password",
    )  # fmt: skip


def test_the_life_of_a_relay(folder: Path) -> None:
    """Add, use, see, ask, change, remove; the secret is nowhere but in its file, and the comments stay."""
    relay()
    made = run("route", "add", "far", "relay", "to_domain=example.net,.example.net")
    assert (made.exit_code, made.stdout) == (0, "added far\n")
    one = said("transport", "show", "RELAY")
    assert one["port"] == 465 and one["tls"] == "implicit" and one["routes"] == ["far"]
    assert one["password"] == {"file": str(folder / "relay.password")} and "code" not in one
    asked = said("route", "explain", "ann@example.org", "bob@x.example.net")
    assert (asked["transport"], asked["rule"], asked["local"]) == ("relay", "far", False)
    assert said("route", "explain", "<>", "example.com")["passed"] == [
        {"rule": "far", "field": "to_domain"}
    ]
    used = run("transport", "rm", "relay")
    assert used.exit_code == 1 and "the route far would have no transport" in used.stderr
    text = (folder / "domains.toml").read_text()
    assert 'password = { file = "relay.password" }\n' in text
    (folder / "domains.toml").write_text(
        text.replace(
            'password = { file = "relay.password" }\n',
            '[transport.password]\nfile = "relay.password"\n',
        )
    )
    moved = said("transport", "set", "relay", "password.env=RELAY_PASSWORD")
    assert moved["changed"] and moved["password"] == {"env": "RELAY_PASSWORD"}
    assert said("transport", "set", "relay", "port=2525", "--unset", "user", "--unset", "password.file")["port"] == 2525  # fmt: skip
    assert "password" not in (folder / "domains.toml").read_text()
    assert said("route", "rm", "far")["removed"] and said("transport", "rm", "relay")["removed"]
    assert (folder / "domains.toml").read_text() == FILE
    assert "s3cret" not in run("admin", "log", "--json").stdout


def test_twice_and_otherwise(folder: Path) -> None:
    """The same again changes nothing; with other settings it is refused and says where it stands; wrong calls have status 2."""
    relay()
    again = said("transport", "add", "Relay", "submission", "password.file=relay.password")
    assert again["changed"] is False
    other = run("transport", "add", "relay", "smtp", "host=x.example")
    assert other.exit_code == 1 and "domains.toml:5" in other.stderr
    assert "another kind, host" in other.stderr
    said("route", "add", "r", "relay", "minimum_attempts=3")
    assert said("route", "add", "r", "relay")["changed"] is False
    assert run("route", "add", "r", "direct").exit_code == 1
    assert said("route", "set", "r", "minimum_attempts=3")["changed"] is False
    assert said("route", "set", "r", "--unset", "to_domain")["changed"] is False
    before = (folder / "domains.toml").read_text()
    for wrong, status, words in (
        (["transport", "add", "x", "pigeon"], 2, "'pigeon' is not one of"),
        (["transport", "add", "x", "smtp", "hst=y"], 2, "did you mean `host`"),
        (["transport", "add", "x", "smtp", "host=y", "password=z"], 2, "password.file=NAME"),
        (["transport", "add", "x", "smtp", "host=y", "verify=1"], 2, "true or false"),
        (["transport", "add", "x", "smtp"], 1, "needs a `host`"),
        (["transport", "add", "x y", "direct"], 1, "is no name"),
        (["transport", "set", "relay"], 2, "nothing to set"),
        (["transport", "set", "none", "port=1"], 1, "there is no transport none"),
        (["transport", "set", "relay", "--unset", "host"], 1, "needs a `host`"),
        (["transport", "show", "none"], 1, "there is no transport none"),
        (["route", "add", "x", "rely"], 1, "did you mean `relay`"),
        (["route", "add", "x", "relay", "--before", "y"], 1, "there is no route y"),
        (["route", "add", "x", "relay", "to_domain=*"], 1, "write example.org"),
        (["route", "mv", "y"], 1, "there is no route y"),
        (["route", "rm", "y"], 1, "there is no route y"),
        (["route", "explain", "a@b.example", "c@[127.0.0.1]"], 1, "address literal"),
        (["route", "explain", "a@b.example", "c@-"], 1, "not a domain name"),
        (["route", "explain", "a@b.example", "c@d.example", "--attempts", "-1"], 2, "-1"),
    ):
        done = run(*wrong)
        assert (done.exit_code, words in done.stderr) == (status, True), (wrong, done.stderr)
    assert (folder / "domains.toml").read_text() == before


def test_order(folder: Path) -> None:
    """The first that fits decides; the order is a setting, is changed by command, and stands in the log of changes."""
    run("transport", "add", "quiet", "fail", "code=550", "status=5.7.1", "text=not from here")
    run("route", "add", "late", "direct", "minimum_attempts=2")
    run("route", "add", "all", "quiet")
    run("route", "add", "mine", "direct", "from_account=ann@example.org", "--before", "all")
    assert [one["name"] for one in said("route", "ls")] == ["late", "mine", "all"]

    def chosen(*more: str) -> str:
        return str(said("route", "explain", "a@example.org", "b@example.net", *more)["rule"])

    assert (chosen(), chosen("--account", "Ann@example.org")) == ("all", "mine")
    assert (chosen("--attempts", "1"), chosen("--attempts", "2")) == ("all", "late")
    assert said("route", "mv", "all", "--before", "late")["changed"]
    assert said("route", "mv", "all", "--before", "late")["changed"] is False
    assert said("route", "mv", "mine")["changed"] is False
    assert chosen("--attempts", "2") == "all"
    check = run("config", "check")
    assert check.exit_code == 0 and check.stdout.count("all before it takes all that would") == 2
    text = run("route", "explain", "a@example.org", "b@example.net").stdout
    assert text == "transport quiet (fail), by the route all\n"
    row = said("admin", "log")[0]
    assert (row["action"], row["object"]) == ("route.set", "(order)")
    assert (row["before"], row["after"]) == (
        {"order": "late, mine, all"},
        {"order": "all, late, mine"},
    )


def test_what_people_see(folder: Path) -> None:
    """Lists and explanations in words; mail for a domain of ours takes no transport at all."""
    assert run("transport", "list").stdout.startswith("no transports")
    assert run("route", "list").stdout == "everything else -> direct\n"
    relay()
    listed = run("transport", "list").stdout
    assert re.fullmatch(r"relay  submission  smtp\.provider\.example:465  tls implicit  domains\.toml:5  \(no route names it\)\n", listed)  # fmt: skip
    run("route", "add", "r", "relay", "from_domain=<>,.example.org", "minimum_attempts=1")
    assert 'r: from_domain = ["<>", ".example.org"], minimum_attempts = 1 -> relay' in run("route", "ls").stdout  # fmt: skip
    told = run("route", "explain", "x@y.example", "z@example.com").stdout
    assert told == (
        'r does not fit: from_domain = ["<>", ".example.org"]\n'
        "transport direct, since no route fits\n"
    )
    assert "delivered here, by no transport" in run("route", "explain", "<>", "x@EXAMPLE.org").stdout  # fmt: skip
    shown = run("transport", "show", "relay").stdout
    assert "routes: r" in shown and "s3cret" not in shown
    for name in ("transport", "route"):
        assert "sends no mail to other servers" in " ".join(run(name, "--help").stdout.split())
    fields = said("config", "describe", "transport")
    assert all(one["live"] and one["file"] == "domains.toml" for one in fields)
    changes = {one["field"]: one["after"] for one in said("config", "diff")}
    assert changes["transport[relay].host"] == "smtp.provider.example"
    assert changes["transport[relay].password"] == {"file": "relay.password"}


def test_every_change_is_in_the_log(folder: Path) -> None:
    """Each with its kind, before and after."""
    relay()
    run("transport", "add", "relay", "submission")
    run("route", "add", "r", "relay")
    run("route", "set", "r", "minimum_attempts=1")
    run("transport", "set", "relay", "verify=true")
    run("transport", "set", "relay", "port=587", "tls=starttls")
    run("route", "rm", "r")
    run("transport", "rm", "relay")
    rows = said("admin", "log")[::-1]
    assert [(row["action"], row["object"]) for row in rows] == [
        ("transport.add", "relay"),
        ("route.add", "r"),
        ("route.set", "r"),
        ("transport.set", "relay"),
        ("route.remove", "r"),
        ("transport.remove", "relay"),
    ]
    assert (rows[3]["before"]["tls"], rows[3]["after"]["tls"]) == ("implicit", "starttls")


def test_many_commands_at_once(folder: Path) -> None:
    """Eight commands that change the file at the same time: each route is there once."""
    command = [sys.executable, "-m", "postil.cli", "route", "add"]
    processes = [
        subprocess.Popen(
            [*command, f"r{number}", "direct", f"minimum_attempts={number}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=environment(),
        )
        for number in range(8)
    ]
    for process in processes:
        output, _ = process.communicate(timeout=100)
        assert process.returncode == 0, output
    found = {one.name: one.minimum_attempts for one in read(folder / "postil.toml").config.route}
    assert found == {f"r{number}": number for number in range(8)}


def test_beside_a_server(tmp_path: Path) -> None:
    """A running server takes them over; with a mistake it keeps the old ones and says where; a missing password stops nothing."""
    with running(tmp_path, FILE) as machine:
        added = machine.command("transport", "add", "relay", "smtp", "host=h.example", "--json")
        answer = json.loads(added.stdout)["server"]
        assert (answer["state"], answer["changed"]) == ("reloaded", ["transport[relay]"])
        good = machine.domains.read_text()
        machine.domains.write_text(good + '[[route]]\nname = "r"\ntransport = "rely"\n')
        refused = 'postil_config_reloads_total{result="refused"}'
        until(lambda: machine.metric(refused) >= 1)
        assert "did you mean `relay`" in machine.log.read_text()
        assert 'field="route[0].transport"' in machine.metrics()
        stopped = machine.command("route", "add", "x", "relay")
        assert stopped.returncode == 1 and "route[0].transport" in stopped.stderr
        machine.domains.write_text(good)
        until(lambda: "postil_config_error{" not in machine.metrics())
        late = machine.command(
            "transport", "set", "relay", "user=u", "password.env=POSTIL_NOT_SET", "--json"
        )
        assert json.loads(late.stdout)["server"]["state"] == "reloaded"
        until(lambda: "POSTIL_NOT_SET is not set" in machine.log.read_text())
        running_too = machine.command("config", "diff", "--running", "--json")
        assert json.loads(running_too.stdout) == []


@pytest.mark.parametrize("word", ["show", "set", "rm"])
def test_completion(folder: Path, word: str) -> None:
    """Names of transports and routes, whatever else is wrong in the file."""
    relay()
    with (folder / "domains.toml").open("a") as file:
        file.write('[[route]]\nname = "Rain"\ntransport = "gone"\n')

    def completed(line: str) -> list[str]:
        words = line.split(" ")
        done = subprocess.run(
            [sys.executable, "-m", "postil.cli"],
            env={
                **environment(),
                "_POSTIL_COMPLETE": "bash_complete",
                "COMP_WORDS": line,
                "COMP_CWORD": str(len(words) - 1),
            },
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        return [one.partition(",")[2] for one in done.stdout.splitlines()]

    assert completed(f"postil transport {word} R") == ["relay"]
    assert completed("postil route add x ") == ["relay"]
    if word != "show":
        assert completed(f"postil route {word} r") == ["Rain"]


def test_the_page(folder: Path, repo_root: Path) -> None:
    """Its commands do what it says, its file is what they wrote, and its sentence is what `explain` says."""
    (folder / "relay.password").rename(folder / "provider.password")
    page = (repo_root / "website/content/routes.md").read_text("utf-8")
    printed = ""
    for line in re.findall(r"^    postil (.+)$", page, re.MULTILINE):
        done = run(*line.split())
        assert done.exit_code == 0, (line, done.stderr)
        if line == "route explain ann@example.org bob@example.net":
            printed = done.stdout.strip()
    assert f"`{printed}`" in page
    routes = [one.name for one in read(folder / "postil.toml").config.route]
    assert routes == ["second-try", "blocked"]
    found = re.search(r"```toml\n(.*?)```", page, re.DOTALL)
    assert found is not None
    (folder / "domains.toml").write_text(FILE + found[1])
    assert run("config", "check").exit_code == 0
    again = said("transport", "add", "provider", "submission", "host=smtp.provider.example", "user=ann", "password.file=provider.password")  # fmt: skip
    assert again["changed"] is False
    assert said("route", "add", "blocked", "provider", "to_domain=example.net,.example.net")["changed"] is False  # fmt: skip
