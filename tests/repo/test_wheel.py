"""The wheel, built and installed as a user would."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.proof


def run(*command: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end."""
    return subprocess.run(
        [str(word) for word in command], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory, repo_root: Path) -> Path:
    """The wheel of this tree, by the installed build backend, without network."""
    out = tmp_path_factory.mktemp("dist")
    built = run(
        sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", out, folder=repo_root
    )
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = out.glob("*.whl")
    return path


def test_content(wheel: Path, repo_root: Path) -> None:
    """The wheel holds every file of both packages, types marker and web files included, nothing else."""
    listing = subprocess.run(
        [
            "git",
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
            "server",
            "sitegen",
        ],
        cwd=repo_root,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    tracked = {name.partition("/")[2] for name in listing.split("\0") if name}
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert {name.split("/")[0] for name in packed} == {"postil", "postil_site"}
    assert packed == tracked


def test_bare_install(wheel: Path, tmp_path: Path) -> None:
    """Without the extra, `postil` starts and says in one sentence what a server command lacks."""
    venv = tmp_path / "venv"
    assert run(sys.executable, "-m", "venv", "--without-pip", venv, folder=tmp_path).returncode == 0
    python = venv / "bin/python"
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(
            next(name for name in archive.namelist() if name.endswith("METADATA"))
        ).decode()
    bare = [
        line.partition(": ")[2]
        for line in metadata.splitlines()
        if line.startswith("Requires-Dist:") and "extra ==" not in line
    ]
    # What comes bare is for the platform; anything of the server's would show up here.
    assert sorted(line.split(">")[0] for line in bare) == [
        "click",
        "jinja2",
        "markdown-it-py",
        "mdit-py-plugins",
        "pygments",
        "watchdog",
    ]
    # click comes from our own environment: the test needs no network.
    site = run(python, "-c", "import site; print(site.getsitepackages()[0])", folder=tmp_path)
    target = Path(site.stdout.strip())
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    import click

    (target / "click").symlink_to(Path(click.__file__).parent)
    assert run(python, "-m", "postil.cli", "--help", folder=tmp_path).returncode == 0
    refused = run(python, "-m", "postil.cli", "localserve", folder=tmp_path)
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "postil[server]" in refused.stderr
