"""The answer to one command as the octets it is: literals keep their CRLFs."""

from __future__ import annotations

from tests.support.imap import Client


async def answer(client: Client, command: str | bytes) -> bytes:
    """Everything the server says up to and including the tagged line."""
    octets = command.encode() if isinstance(command, str) else command
    client.stream.client_write(b"q " + octets + b"\r\n")
    said = b""
    while True:
        line = await client.stream.client_line()
        said += line
        if line.startswith(b"q ") or not line:
            return said


def literals(octets: bytes) -> list[bytes]:
    """The literals of an answer, in order."""
    found = []
    at = 0
    while (header := octets.find(b"}\r\n", at)) >= 0:
        opening = octets.rfind(b"{", 0, header)
        size = int(octets[opening + 1 : header])
        found.append(octets[header + 3 : header + 3 + size])
        at = header + 3 + size
    return found
