"""How a command reaches the server that runs on a data folder: a Unix socket in the folder, one line of JSON each way.

Who may open the folder (mode 0700) may speak; nobody else can. A server that was killed leaves the socket behind; nobody answers there,
and the next server, which owns the folder's lock, replaces it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

SOCKET: Final = "control.sock"
LINE: Final = 64 * 1024  # octets of a question; an answer may be as long as it likes
ASK_SECONDS: Final = 10.0  # a command asks at once
ANSWER_SECONDS: Final = 60.0  # a server under load, with ten thousand domains to read

Answer = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]


class NoServer(Exception):
    """No server runs on the folder."""


class ControlError(Exception):
    """A server is there, and it cannot be asked."""


@contextlib.contextmanager
def _address(folder: Path) -> Iterator[str]:
    """A name for the socket that fits the 108 octets of the system's structure, however deep the folder lies."""
    plain = str(folder / SOCKET)
    if len(os.fsencode(plain)) < 100 or not Path("/proc/self/fd").is_dir():
        yield plain
        return
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{fd}/{SOCKET}"
    finally:
        os.close(fd)


@contextlib.asynccontextmanager
async def answering(folder: Path, answer: Answer) -> AsyncIterator[None]:
    """Answer on the folder's socket until the block is left; OSError when it cannot be made."""

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(ASK_SECONDS):
                line = await reader.readline()
            asked = json.loads(line)
            if not isinstance(asked, dict):
                raise ValueError("the question is no object")
            said = await answer(asked)
            writer.write(json.dumps(said).encode() + b"\n")
            await writer.drain()
        except ValueError as error:  # no JSON, too long, no such question
            writer.write(json.dumps({"error": str(error)}).encode() + b"\n")
        except (OSError, TimeoutError):
            pass  # whoever asked has gone
        finally:
            writer.close()

    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        (folder / SOCKET).unlink(missing_ok=True)
        with _address(folder) as name:
            before = os.umask(0o177)
            try:
                listening.bind(name)
            finally:
                os.umask(before)
        server = await asyncio.start_unix_server(met, sock=listening, limit=LINE)
    except BaseException:
        listening.close()
        raise
    try:
        yield
    finally:
        server.close()
        (folder / SOCKET).unlink(missing_ok=True)


def ask(folder: Path, question: Mapping[str, Any]) -> Mapping[str, Any]:
    """The answer of the server on the folder; NoServer when there is none."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(ANSWER_SECONDS)
        try:
            with _address(folder) as name:
                sock.connect(name)
        except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
            raise NoServer from None
        except OSError as error:
            what = error.strerror or error
            raise ControlError(f"{folder / SOCKET} cannot be reached: {what}") from error
        try:
            sock.sendall(json.dumps(question).encode() + b"\n")
            said = b"".join(iter(lambda: sock.recv(65536), b""))
        except TimeoutError:
            raise ControlError(f"the server has not answered in {ANSWER_SECONDS:.0f} s") from None
        except OSError as error:
            raise ControlError(f"the server went away: {error.strerror}") from error
    try:
        answer = json.loads(said)
    except ValueError:
        raise ControlError("the server went away before it answered") from None
    if "error" in answer:
        raise ControlError(f"the server refuses: {answer['error']}")
    return dict(answer)
