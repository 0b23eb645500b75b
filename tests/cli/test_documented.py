"""What the documentation tells an operator to write and to type works: samples of TOML are right, commands exist and take those words, and run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from postil.cli import main
from postil.config import parse

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted((ROOT / "website" / "content").glob("*.md")), ROOT / "README.md"]
TEXTS = {page.stem: page.read_text() for page in PAGES}
NOT_OURS = {"editors", "extension"}  # TOML of other programs, and of the platform
TOP = 'hostname = "mail.example.org"\ndata = "d"\n'
ROW = '[[domain]]\nname = "example.org"\n'
PROVIDER = '[[acme]]\nname = "{}"\ndirectory = "https://{}.example/d"\nagree_terms = true\n'

TOML = [
    pytest.param(sample, id=f"{page}-{number}")
    for page, text in TEXTS.items()
    if page not in NOT_OURS
    for number, sample in enumerate(re.findall(r"^```toml\n(.*?)^```", text, re.M | re.S))
]

# Pages whose commands are run one after the other, on a machine where the people they name are there.
PEOPLE = [f"{name}@example.org" for name in ("alice", "ann", "bob", "carol", "dave")]
RUN = ("accounts", "config", "dkim-keys", "domains", "important", "logins")
# What a test of this kind cannot do: serve, ask the server that runs, and what asks at a terminal, which gets its answer otherwise.
SKIPPED = ("postil serve", "postil config diff --running")


def commands(text: str) -> list[list[str]]:
    """The lines of code blocks that call `postil`, as a shell would split them."""
    joined = re.sub(r"\\\n\s*", " ", text)
    found = re.findall(r"^(?:    |\$ )?(postil [^`|\n]*)$", joined, re.M)
    return [shlex.split(line.partition(" > ")[0], comments=True)[1:] for line in found]


def leaf(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that the words call, and what it is called with."""
    command: click.Command = main
    rest = list(words)
    while isinstance(command, click.Group):
        inner = command.get_command(click.Context(command), rest[0]) if rest else None
        assert inner is not None, f"there is no postil {' '.join(words)}"
        command, rest = inner, rest[1:]
    return command, rest


def test_there_are_samples() -> None:
    """The patterns of this file still find what they are for."""
    assert len(TOML) >= 8
    assert sum(len(commands(text)) for text in TEXTS.values()) >= 60


@pytest.mark.parametrize("sample", TOML)
def test_every_sample_is_right(sample: str) -> None:
    """Put into a machine's file it is one; a table of a domain goes behind a domain, a list of ways of writing is tried way by way."""
    ways = [sample]
    if re.match(r"key = ", sample):
        ways = [f"[[acme]]\nname = 'a'\ndirectory = 'https://a.example/d'\neab_kid = 'k'\neab_{line}\n" for line in sample.splitlines()]  # fmt: skip
    for way in ways:
        whole = TOP if "hostname =" not in way else ""
        domain = "" if "[[domain]]" in way else ROW
        table = way.startswith(("[domain.", "[[domain."))
        whole += domain + way if table else way + domain
        if "[[acme_certificate]]" in way:
            whole += PROVIDER.format("first", "first") + PROVIDER.format("other-ca", "other")
        parse(whole, "postil.toml", Path("/srv"))


@pytest.mark.parametrize("page", [page for page, text in TEXTS.items() if commands(text)])
def test_every_command_can_be_called_so(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command exists, has these options, takes these words."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "people.csv").touch()
    for words in commands(TEXTS[page]):
        command, rest = leaf(words)
        with command.make_context(command.name, rest):
            pass  # closes what it opened


@pytest.mark.parametrize("page", TEXTS)
def test_commands_that_the_text_names_exist(page: str) -> None:
    """`postil X Y` in a sentence is a command, too."""
    named = re.findall(r"`postil ((?:[a-z][a-z-]*)(?: [a-z][a-z-]*)*)", TEXTS[page])
    for words in (name.split() for name in named):
        command: click.Command = main
        for word in words:
            if not isinstance(command, click.Group):
                break
            inner = command.get_command(click.Context(command), word)
            assert inner is not None, f"{page}: there is no postil {' '.join(words)}"
            command = inner


@pytest.mark.parametrize("page", RUN)
def test_an_operator_who_types_the_page(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the example's configuration on, line by line, every command has status 0."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("POSTIL_CONFIG", raising=False)

    def run(*words: str) -> str:
        asks = ["--password-stdin"] if words[:2] == ("account", "add") and "--no-password" not in words else []  # fmt: skip
        done = CliRunner().invoke(main, [*words, *asks], input="correct horse battery\n")
        assert done.exit_code == 0, f"postil {' '.join(words)}: {done.output}"
        return done.stdout

    (tmp_path / "postil.toml").write_text(run("config", "example"))
    (tmp_path / "other.toml").write_text(run("config", "example"))
    (tmp_path / "people.csv").write_text("name\nzoe@example.org\n")
    done = [run("domain", "add", name) for name in ("example.org", "example.net")]
    for words in commands(TEXTS[page]):
        if f"postil {' '.join(words)}" in SKIPPED:
            continue
        if words[:2] == ["account", "add"]:
            run("account", "rm", words[2], "--yes", "--if-exists")
        elif words[:2] == ["domain", "add"]:
            run("domain", "rm", words[2], "--force", "--if-exists")
        elif words[0] == "domain":
            CliRunner().invoke(main, ["domain", "add", "example.org"])  # after an `rm` on the page
        elif words[0] != "config":
            for name in PEOPLE:
                run("account", "add", name, "--no-password", "--if-missing")
        done.append(run(*words))
    assert len(done) > 4
