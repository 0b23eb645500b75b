"""OpenSSL's own client against the pump: implicit TLS and STARTTLS, both versions, and the certificate checked."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest
from tests.support.localserve import Localserve

Tool = Callable[[str, str], str]


def s_client(openssl: str, server: Localserve, port: int, *arguments: str, say: bytes) -> str:
    done = subprocess.run(
        [
            openssl, "s_client", "-connect", f"{server.ip}:{port}", "-servername", "localhost",
            "-CAfile", str(server.certificate), "-verify_return_error", "-verify_hostname",
            "localhost", "-quiet", "-crlf", *arguments,
        ],
        input=say,
        capture_output=True,
        timeout=60,
        check=False,
    )  # fmt: skip
    return done.stdout.decode() + "\n--\n" + done.stderr.decode()


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
@pytest.mark.parametrize(
    ("port", "starttls", "say", "hear"),
    [
        ("imaps", None, b"a LOGOUT\n", "a OK"),
        ("imap", "imap", b"a LOGOUT\n", "a OK"),
        ("submissions", None, b"QUIT\n", "221 2.0.0"),
        ("submission", "smtp", b"QUIT\n", "221 2.0.0"),
        ("smtp", "smtp", b"QUIT\n", "221 2.0.0"),
        ("https", None, b"GET /healthz HTTP/1.1\nHost: localhost\nConnection: close\n\n", "\nok"),
    ],
)
def test_s_client(
    localserve: Localserve,
    require_tool: Tool,
    version: str,
    port: str,
    starttls: str | None,
    say: bytes,
    hear: str,
) -> None:
    """The certificate verifies against itself, the handshake stands, and the protocol's farewell arrives."""
    openssl = require_tool("openssl", "openssl")
    more = ["-starttls", starttls] if starttls else []
    output = s_client(
        openssl, localserve, localserve.ports[port], version, *more, "-ign_eof", say=say
    )
    assert hear in output, output
    assert "verify error" not in output


def test_old_versions_are_refused(localserve: Localserve, require_tool: Tool) -> None:
    """TLS 1.1 gets an alert that says why."""
    openssl = require_tool("openssl", "openssl")
    output = s_client(
        openssl, localserve, localserve.imaps, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0", say=b""
    )
    assert "protocol version" in output


def test_renegotiation_is_refused(localserve: Localserve, require_tool: Tool) -> None:
    """`R` in s_client asks for a renegotiation; the session goes on without one or ends, and nothing hangs."""
    openssl = require_tool("openssl", "openssl")
    command = [
        openssl, "s_client", "-connect", f"{localserve.ip}:{localserve.imaps}", "-tls1_2",
        "-CAfile", str(localserve.certificate),
    ]  # fmt: skip
    done = subprocess.run(
        command, input=b"R\na LOGOUT\n", capture_output=True, timeout=60, check=False
    )
    said = done.stdout.decode() + done.stderr.decode()
    assert "RENEGOTIATING" in said
    assert "no renegotiation" in said or "a OK" not in said


def test_no_renegotiation(localserve: Localserve, require_tool: Tool) -> None:
    """Under TLS 1.2 a client that asks for another handshake is told that there is none."""
    done = subprocess.run(
        [
            require_tool("openssl", "openssl"), "s_client", "-tls1_2", "-servername", "localhost",
            "-connect", f"{localserve.ip}:{localserve.ports['imaps']}",
        ],
        input=b"R\n",
        capture_output=True,
        timeout=60,
        check=False,
    )  # fmt: skip
    output = done.stdout.decode() + done.stderr.decode()
    assert "RENEGOTIATING" in output and "no renegotiation" in output, output
