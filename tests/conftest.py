"""Fixtures for every test: the shared material, and programs that may not be installed.

On a user's machine a test that lacks something skips and says how to get it. In CI (environment
variable CI set) the same lack is a failure: a test that never runs proves nothing.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Fixtures for everybody's tests of a whole server.
from tests.support.localserve import localserve, own_localserve

__all__ = ["localserve", "own_localserve"]

# Time is measured by the benchmarks; a busy machine must not fail a property.
settings.register_profile("postil", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("postil")

ROOT = Path(__file__).resolve().parent.parent


def missing(reason: str) -> None:
    """Skips the test, or fails it in CI."""
    if os.environ.get("CI"):
        pytest.fail(f"{reason} (in CI nothing may be missing)", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def repo_root() -> Path:
    """The root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder with RFC texts, test vectors and design notes: POSTIL_SHARED, or ../shared."""
    folder = Path(os.environ.get("POSTIL_SHARED") or ROOT.parent / "shared")
    if not folder.is_dir():
        missing(f"no shared material at {folder}: set POSTIL_SHARED to the folder that has it")
    return folder.resolve()


@pytest.fixture(scope="session")
def require_tool() -> Callable[[str, str], str]:
    """Gives a function (program, Debian package) -> path of the program."""

    def find(name: str, package: str) -> str:
        # Servers like dovecot live in sbin, which is often not on a user's PATH.
        path = shutil.which(name) or shutil.which(name, path="/usr/local/sbin:/usr/sbin:/sbin")
        if path is None:
            missing(f"{name} is not installed: apt-get install {package}")
        return str(path)

    return find


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints what tests recorded as `table`: a property travels with the report, whoever ran the test."""
    for report in terminalreporter.stats.get("passed", []) + terminalreporter.stats.get(
        "failed", []
    ):
        for name, text in getattr(report, "user_properties", ()):
            if name == "table" and report.when == "call":
                terminalreporter.section(report.nodeid)
                terminalreporter.write_line(str(text))
