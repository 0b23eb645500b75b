"""Addresses of resolvers: as people write them, and from the system's file."""

from __future__ import annotations

from pathlib import Path

import pytest

from postil.dns import BadServer, Server, limits, of_system


@pytest.mark.parametrize(
    ("text", "ip", "port"),
    [
        ("127.0.0.1", "127.0.0.1", 53),
        ("127.0.0.1:5353", "127.0.0.1", 5353),
        ("::1", "::1", 53),
        ("[::1]", "::1", 53),
        ("[2001:DB8::1]:65535", "2001:db8::1", 65535),
    ],
)
def test_written(text: str, ip: str, port: int) -> None:
    """Both families, with and without a port; what is shown is read back as the same."""
    server = Server.parse(text)
    assert server == Server(ip, port)
    assert Server.parse(str(server)) == server


@pytest.mark.parametrize(
    "text",
    [
        "",
        "localhost",
        "127.0.0.1:",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        "127.0.0.1:x",
        "[::1",
        "[::1]53",
        "1.2.3",
        "127.0.0.1:٥",
        ":53",
    ],
)
def test_not_an_address(text: str) -> None:
    """The error repeats what was written, or the part that is wrong."""
    with pytest.raises(BadServer):
        Server.parse(text)


def test_the_systems_file(tmp_path: Path) -> None:
    """As the C library reads it: comments, other words and broken lines are passed over, three count."""
    file = tmp_path / "resolv.conf"
    file.write_text(
        "# nameserver 192.0.2.9\n; x\nsearch example.org\nnameserver\nnameserver nonsense\n"
        "nameserver 127.0.0.1\nnameserver\t2001:db8::1 # x\nnameserver 192.0.2.3\nnameserver 192.0.2.4\n"
    )
    found = of_system(file)
    assert [one.ip for one in found] == ["127.0.0.1", "2001:db8::1", "192.0.2.3"]
    assert len(found) == limits.SERVERS


def test_no_resolver(tmp_path: Path) -> None:
    """Without a line, and without a file, the error names the file."""
    file = tmp_path / "resolv.conf"
    for _ in range(2):
        with pytest.raises(BadServer, match=r"resolv\.conf"):
            of_system(file)
        file.write_text("search example.org\n")
