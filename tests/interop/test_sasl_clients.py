"""Logins by programs that others wrote: gsasl (GNU SASL) and imtest/smtptest (Cyrus SASL)."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator

import pytest
from tests.support.localserve import LOGIN, PASSWORD, Localserve, running

from postil.accounts import scramkeys

Tool = Callable[[str, str], str]

FOLDER = "/usr/lib/cyrus/bin"
# Cyrus SASL's clients refuse to compute more rounds of SCRAM than this, and we ask for 100,000: website/content/clients.md.
CYRUS_MOST = 65_536


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Localserve]:
    """A server of its own, since the keys of its account are changed."""
    with running(tmp_path_factory.mktemp("sasl")) as started:
        yield started


def _opened(server: Localserve) -> contextlib.closing[sqlite3.Connection]:
    # sqlite3's own `with` commits, and closes nothing.
    return contextlib.closing(sqlite3.connect(server.folder / "postil.db", timeout=20))


@pytest.fixture
def few_rounds(server: Localserve) -> Iterator[None]:
    """The account as if it had been made by a server that asks for as many rounds as Cyrus SASL computes."""
    with _opened(server) as database, database:
        [before] = database.execute(
            "SELECT id, salt, iterations FROM account WHERE name = ?", (LOGIN,)
        )
        _put(database, before[0], before[1], CYRUS_MOST)
    yield
    with _opened(server) as database, database:
        _put(database, *before)


def _put(database: sqlite3.Connection, account: int, salt: bytes, iterations: int) -> None:
    made = scramkeys.derive(PASSWORD, salt, iterations)
    database.execute("UPDATE account SET iterations = ? WHERE id = ?", (iterations, account))
    for hash_, keys in made.keys.items():
        database.execute(
            "UPDATE scram_key SET stored = ?, server = ? WHERE account = ? AND hash = ?",
            (keys.stored, keys.server, account, hash_.value),
        )


@pytest.fixture
def cyrus(require_tool: Tool, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Cyrus' programs are on nobody's path."""
    monkeypatch.setenv("PATH", FOLDER, prepend=os.pathsep)
    return lambda name: require_tool(name, "cyrus-clients")


def gsasl(program: str, server: Localserve, protocol: str, mechanism: str, password: str) -> bool:
    port = server.imap if protocol == "imap" else server.submission
    done = subprocess.run(
        [
            *(program, f"--{protocol}", f"--connect=localhost:{port}", f"--mechanism={mechanism}"),
            *(f"--x509-ca-file={server.certificate}", f"--authentication-id={LOGIN}"),
            *(f"--authorization-id={LOGIN}", f"--password={password}"),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    return done.returncode == 0


@pytest.mark.parametrize("protocol", ["imap", "smtp"])
@pytest.mark.parametrize(
    "mechanism", ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", "PLAIN"]
)
def test_gsasl(server: Localserve, require_tool: Tool, protocol: str, mechanism: str) -> None:
    """The right password logs in, a wrong one does not. gsasl uses STARTTLS, and with -PLUS binds to it.

    Told to take a bare SCRAM inside TLS it says "y", as if nobody had announced -PLUS, and is refused: that is what somebody
    who shortens the list would bring about.
    """
    program = require_tool("gsasl", "gsasl")
    bare = mechanism.startswith("SCRAM") and not mechanism.endswith("PLUS")
    assert gsasl(program, server, protocol, mechanism, PASSWORD) is not bare
    assert not gsasl(program, server, protocol, mechanism, "not the password")


def cyrus_test(
    program: str, server: Localserve, port: int, mechanism: str, password: str, *tls: str
) -> str:
    done = subprocess.run(
        [
            program,
            "-m",
            mechanism,
            "-a",
            LOGIN,
            "-u",
            LOGIN,
            "-w",
            password,
            "-p",
            str(port),
            *tls,
            "localhost",
        ],
        input=b"QUIT\r\n" if "smtp" in program else b". LOGOUT\r\n",
        capture_output=True,
        timeout=60,
        check=False,
    )
    return (done.stdout + done.stderr).decode("utf-8", "replace")


@pytest.mark.usefixtures("few_rounds")
@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"])
@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
@pytest.mark.parametrize("protocol", ["imap", "smtp"])
def test_cyrus(
    server: Localserve, cyrus: Callable[[str], str], protocol: str, tls: str, mechanism: str
) -> None:
    program = cyrus("imtest" if protocol == "imap" else "smtptest")
    plain, implicit = (
        (server.imap, server.imaps)
        if protocol == "imap"
        else (server.submission, server.submissions)
    )
    options = {"none": (), "starttls": ("-t", ""), "implicit": ("-s",)}[tls]
    port = implicit if tls == "implicit" else plain
    assert "Authenticated." in cyrus_test(program, server, port, mechanism, PASSWORD, *options)
    wrong = cyrus_test(program, server, port, mechanism, "not the password", *options)
    assert "Authenticated." not in wrong and "Authentication failed" in wrong


def test_cyrus_counts_rounds(server: Localserve, cyrus: Callable[[str], str]) -> None:
    """What website/content/clients.md says: asked for 100,000 rounds it cancels, and PLAIN inside TLS works."""
    said = cyrus_test(cyrus("imtest"), server, server.imaps, "SCRAM-SHA-256", PASSWORD, "-s")
    assert "Authenticated." not in said and "A01 BAD Authentication cancelled" in said
    assert "Authenticated." in cyrus_test(
        cyrus("imtest"), server, server.imaps, "PLAIN", PASSWORD, "-s"
    )
