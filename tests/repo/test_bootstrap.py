"""The environment: made once, never half, by whatever can make it."""

from __future__ import annotations

import importlib.util
import shutil
import stat
import subprocess
from pathlib import Path
from types import ModuleType

import pytest


class Commands:
    """Stands in for running programs: records them, and plays the ones that make an environment."""

    def __init__(self, venv: Path) -> None:
        self.venv = venv
        self.ran: list[str] = []
        self.failing: tuple[str, ...] = ()

    def __call__(self, command: list[str], *, quiet: bool = False) -> bool:
        words = " ".join(command)
        self.ran.append(words)
        if any(part in words for part in self.failing):
            return False
        if " venv " in words:
            (self.venv / "bin").mkdir(parents=True)
            (self.venv / "bin/python").touch()
        return True


@pytest.fixture
def bootstrap(repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """tools/bootstrap.py for a repository in tmp_path, with uv out of sight."""
    path = repo_root / "tools/bootstrap.py"
    spec = importlib.util.spec_from_file_location("bootstrap_under_test", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    shutil.copytree(repo_root / "requirements", tmp_path / "requirements")
    shutil.copy(repo_root / "pyproject.toml", tmp_path)
    venv = tmp_path / ".venv"
    for name, value in {
        "ROOT": tmp_path,
        "VENV": venv,
        "STAMP": venv / ".stamp",
        "PYTHON": venv / "bin/python",
    }.items():
        monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(module, "_uv_program", lambda: None)
    return module


@pytest.fixture
def commands(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """The programs that the bootstrap would have run."""
    recorded = Commands(bootstrap.VENV)
    monkeypatch.setattr(bootstrap, "_runs", recorded)
    return recorded


def test_made_once(bootstrap: ModuleType, commands: Commands) -> None:
    """The first call makes and stamps, the second runs no program at all."""
    assert bootstrap.main(["run"]) == 0
    assert any("--require-hashes -r requirements/runtime.txt" in words for words in commands.ran)
    assert not any("dev.txt" in words for words in commands.ran)
    assert commands.ran[-1].endswith("--no-deps --no-build-isolation -e .")
    commands.ran.clear()
    assert bootstrap.main(["run"]) == 0
    assert commands.ran == []


def test_developers_level_serves_both(bootstrap: ModuleType, commands: Commands) -> None:
    """What make test needs includes what make run needs."""
    assert bootstrap.main(["dev"]) == 0
    assert any("requirements/dev.txt" in words for words in commands.ran)
    commands.ran.clear()
    assert bootstrap.main(["run"]) == bootstrap.main(["dev"]) == 0
    assert commands.ran == []


def test_unstamped_environment_is_removed(bootstrap: ModuleType, commands: Commands) -> None:
    """An environment without the stamp is half made or somebody else's: it is made anew."""
    (bootstrap.VENV / "bin").mkdir(parents=True)
    (bootstrap.VENV / "left-over").touch()
    assert bootstrap.main(["run"]) == 0
    assert not (bootstrap.VENV / "left-over").exists()
    assert bootstrap.STAMP.exists()


@pytest.mark.parametrize("change", ["requirements/runtime.txt", "pyproject.toml"])
def test_new_lock_updates_in_place(bootstrap: ModuleType, commands: Commands, change: str) -> None:
    """Other locked versions or other dependencies are installed into the environment that is there."""
    assert bootstrap.main(["run"]) == 0
    (bootstrap.VENV / "kept").touch()
    path = bootstrap.ROOT / change
    path.write_text(path.read_text().replace("click", "clack"))
    commands.ran.clear()
    assert bootstrap.main(["run"]) == 0
    assert (bootstrap.VENV / "kept").exists()
    assert any("--require-hashes" in words for words in commands.ran)


def test_failed_update_leaves_no_stamp(bootstrap: ModuleType, commands: Commands) -> None:
    """An update that breaks off is not taken for an environment."""
    assert bootstrap.main(["run"]) == 0
    lock = bootstrap.ROOT / "requirements/runtime.txt"
    lock.write_text(lock.read_text() + "# newer\n")
    commands.failing = ("build.txt",)
    assert bootstrap.main(["run"]) == 1
    assert not bootstrap.STAMP.exists()


@pytest.mark.parametrize(
    ("uv", "failing", "way"),
    [
        ("/uv", (), "/uv pip install"),
        ("/uv", ("/uv pip",), "bin/python -m pip install"),
        (None, (), "bin/python -m pip install"),
        (None, ("-m venv {venv}~",), "--python {venv}/bin/python install"),
    ],
    ids=["uv", "uv cannot install", "venv", "no ensurepip"],
)
def test_ways(
    bootstrap: ModuleType,
    commands: Commands,
    monkeypatch: pytest.MonkeyPatch,
    uv: str | None,
    failing: tuple[str, ...],
    way: str,
) -> None:
    """uv, then venv, then another pip: each is tried when the one before failed."""
    monkeypatch.setattr(bootstrap, "_uv_program", lambda: uv)

    def runs(command: list[str], *, quiet: bool = False) -> bool:
        # "~" marks the end, so that venv with --without-pip is told from venv without it.
        words = " ".join(command) + "~"
        if any(part.format(venv=bootstrap.VENV) in words for part in failing):
            commands.ran.append(words)
            return False
        return commands(command, quiet=quiet)

    monkeypatch.setattr(bootstrap, "_runs", runs)
    assert bootstrap.main(["run"]) == 0
    assert way.format(venv=bootstrap.VENV) in commands.ran[-1]


def test_nothing_works(
    bootstrap: ModuleType, commands: Commands, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without any way to make it, one sentence says what to install, and nothing is left behind."""
    commands.failing = ("venv",)
    assert bootstrap.main(["run"]) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert "apt-get install python3-venv" in last
    assert not bootstrap.VENV.exists()


@pytest.mark.parametrize("script", ["exit 1", None], ids=["too old", "absent"])
def test_old_python(repo_root: Path, tmp_path: Path, script: str | None) -> None:
    """A Python that is too old, or none, gets one sentence from make."""
    python = tmp_path / "python"
    if script is not None:
        python.write_text(f"#!/bin/sh\n{script}\n")
        python.chmod(python.stat().st_mode | stat.S_IXUSR)
    done = subprocess.run(
        ["make", "--no-print-directory", "run", f"PYTHON={python}"],
        cwd=repo_root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    sentences = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert len(sentences) == 1
    assert sentences[0].startswith("postil: needs Python 3.11 or newer")
