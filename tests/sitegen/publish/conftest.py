"""The repository of the website's tests."""

from __future__ import annotations

from tests.sitegen.website.conftest import root

__all__ = ["root"]
