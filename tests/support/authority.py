"""Fixtures: a pebble with its name server, and the ports where it looks."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.conftest import missing
from tests.support.challenges import Responders, responders
from tests.support.pebble import NameServer, Pebble, Root, make_root, name_server, pebble
from tools.ports import free_port


def program(name: str) -> str:
    """Pebble or its name server; Debian's package has both."""
    path = shutil.which(name)
    if path is None:
        missing(f"{name} is not installed: apt-get install pebble")
    return str(path)


@dataclass(frozen=True)
class Authority:
    """A pebble that validates at two ports, and its name server."""

    ca: Pebble
    dns: NameServer
    http: int
    tls: int


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Root:
    """A root of trust for authorities of the tests."""
    return make_root(tmp_path_factory.mktemp("root"))


@pytest.fixture(scope="module")
def authority(root: Root, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    """One for all tests of a file; each has an account of its own."""
    http, tls = free_port(), free_port()
    folder = tmp_path_factory.mktemp("pebble")
    with (
        name_server(program("pebble-challtestsrv")) as dns,
        pebble(
            program("pebble"), folder, http=http, tls=tls, dns=dns, root=root, PEBBLE_AUTHZREUSE="0"
        ) as ca,
    ):
        yield Authority(ca, dns, http, tls)


@pytest.fixture
async def ports(authority: Authority, tmp_path: Path) -> AsyncIterator[Responders]:
    """The ports where the authority looks."""
    async with responders(tmp_path, http=authority.http, tls=authority.tls) as own:
        yield own
