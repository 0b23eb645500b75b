"""The socket by which commands reach a server: there or not, however deep the folder lies, and for nobody else."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from postil.net import control
from postil.net.control import ControlError, NoServer, answering, ask


async def echo(question: Mapping[str, Any]) -> Mapping[str, Any]:
    if question.get("do") != "echo":
        raise ValueError("unknown")
    return {"said": question["text"]}


async def asked(folder: Path, **question: object) -> Mapping[str, Any]:
    return await asyncio.to_thread(ask, folder, question)


async def test_question_and_answer(tmp_path: Path) -> None:
    """An answer of any size; what is unknown is an error; afterwards nothing is left."""
    async with answering(tmp_path, echo):
        long = "ü" * 30_000
        assert await asked(tmp_path, do="echo", text="ü" * 100) == {"said": "ü" * 100}
        with pytest.raises(ControlError, match=r"refuses|went away"):
            await asked(tmp_path, do="echo", text=long * 2)
        with pytest.raises(ControlError, match="the server refuses: unknown"):
            await asked(tmp_path, do="other")
        several = [asked(tmp_path, do="echo", text=str(number)) for number in range(20)]
        answers = await asyncio.gather(*several)
        assert [one["said"] for one in answers] == [str(number) for number in range(20)]
    assert not list(tmp_path.iterdir())


async def test_however_deep(tmp_path: Path) -> None:
    """A folder whose name is longer than the system's structure for sockets."""
    deep = tmp_path / ("x" * 120) / ("y" * 120)
    deep.mkdir(parents=True)
    async with answering(deep, echo):
        assert (await asked(deep, do="echo", text="hi"))["said"] == "hi"
        assert (deep / control.SOCKET).stat().st_mode & 0o777 == 0o600


async def test_no_server(tmp_path: Path) -> None:
    """No folder, no socket, and the socket of a server that was killed are all: no server. The next one replaces it."""
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(NoServer):
            ask(folder, {})
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / control.SOCKET))
    with pytest.raises(NoServer):
        ask(tmp_path, {})
    async with answering(tmp_path, echo):
        assert (await asked(tmp_path, do="echo", text="hi"))["said"] == "hi"


async def test_one_that_goes_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that dies, or never answers, is a sentence; a client that never asks does not stay for ever."""

    async def dies(question: Mapping[str, Any]) -> Mapping[str, Any]:
        raise asyncio.CancelledError

    async def never(question: Mapping[str, Any]) -> Mapping[str, Any]:
        await asyncio.Event().wait()
        return {}

    async with answering(tmp_path, dies):
        with pytest.raises(ControlError, match="went away"):
            await asked(tmp_path)
    monkeypatch.setattr(control, "ANSWER_SECONDS", 0.05)
    async with answering(tmp_path, never):
        with pytest.raises(ControlError, match="has not answered"):
            await asked(tmp_path)
    monkeypatch.setattr(control, "ASK_SECONDS", 0.05)
    async with answering(tmp_path, echo):
        reader, writer = await asyncio.open_unix_connection(tmp_path / control.SOCKET)
        assert await reader.read() == b""
        writer.close()
