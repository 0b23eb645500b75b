"""A small repository, its pages, and a cache of its own for every test."""

from __future__ import annotations

from pathlib import Path

import pytest

from postil_site.pages import build

from .example import repository


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine's cache or mirror takes part."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("RFC_MIRROR", raising=False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The repository."""
    return repository(tmp_path)


@pytest.fixture
def out(root: Path, tmp_path: Path) -> Path:
    """Its pages."""
    folder = tmp_path / "out"
    build.build(root, folder)
    return folder
