"""The system's chromium over pages of a small repository, opened as files."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from tests.conftest import missing
from tests.sitegen.pages.example import repository

from postil_site.pages import build

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium; ended with the module, since while it runs no other test could run an event loop."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        missing("chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield one
        one.close()


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the built folder."""
    folder = tmp_path_factory.mktemp("pages")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        patch.delenv("RFC_MIRROR", raising=False)
        root = repository(folder)
        git = ["git", "-C", str(root), "-c", "user.name=x", "-c", "user.email=x@example.org"]
        for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "all"]):
            subprocess.run([*git, *command], check=True)
        build.build(root, folder / "out")
    return (folder / "out").as_uri()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of its own; an error of a script, or a request to another host, fails the test."""
    wrong: list[str] = []
    context = browser.new_context(viewport={"width": 1300, "height": 800})
    one = context.new_page()
    one.on("pageerror", lambda error: wrong.append(str(error)))
    one.on(
        "request",
        lambda request: wrong.append(request.url) if request.url.startswith("http") else None,
    )
    yield one
    context.close()
    assert wrong == []


def folder_of(address: str) -> Path:
    """The folder behind a file address."""
    return Path(address.removeprefix("file://"))
