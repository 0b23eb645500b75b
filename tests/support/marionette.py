"""Marionette, the remote protocol of Thunderbird and Firefox: as much of it as runs scripts inside the program.

A frame is `LENGTH:JSON`. The program greets; then each command is `[0, id, name, parameters]` and its answer `[1, id, error, result]`.
Scripts run in the context `chrome`, where everything the program itself is made of can be called.
"""

from __future__ import annotations

import json
import socket
from typing import Any


class ScriptFailed(AssertionError):
    """The script threw, or came to no end in time."""


class Asked(AssertionError):
    """A dialogue of the program stands open; it was dismissed, and this is its text."""


class Marionette:
    """One session, blocking."""

    def __init__(self, port: int, *, patience: float) -> None:
        # the program ends its own scripts at `patience`; only when it hangs itself are we the ones who end
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=patience + 10)
        self._buffer = b""
        self._last = 0
        greeting = self._frame()
        assert greeting["marionetteProtocol"] == 3, greeting
        self.capabilities: dict[str, Any] = self._command(
            "WebDriver:NewSession", {"unhandledPromptBehavior": "ignore"}
        )["capabilities"]
        self._command("Marionette:SetContext", {"value": "chrome"})
        self._command("WebDriver:SetTimeouts", {"script": int(patience * 1000)})

    def _frame(self) -> Any:
        while b":" not in self._buffer:
            self._more()
        length, _, self._buffer = self._buffer.partition(b":")
        while len(self._buffer) < int(length):
            self._more()
        text, self._buffer = self._buffer[: int(length)], self._buffer[int(length) :]
        return json.loads(text)

    def _more(self) -> None:
        piece = self._socket.recv(1 << 16)
        if not piece:
            raise EOFError("the program closed the connection")
        self._buffer += piece

    def _command(self, name: str, parameters: dict[str, object]) -> Any:
        self._last += 1
        frame = json.dumps([0, self._last, name, parameters]).encode()
        self._socket.sendall(b"%d:%b" % (len(frame), frame))
        _, number, error, result = self._frame()
        assert number == self._last
        if error is not None and error["error"] == "unexpected alert open":
            text = self._command("WebDriver:GetAlertText", {})["value"]
            self._command("WebDriver:DismissAlert", {})
            raise Asked(text)
        if error is not None:
            raise ScriptFailed(
                f"{error['error']}: {error['message']}\n{error.get('stacktrace', '')}"
            )
        return result

    def run(self, script: str, *arguments: object) -> Any:
        """The value of an async function with this body and `args`; what it throws is a ScriptFailed."""
        body = (
            "const done = arguments[arguments.length - 1], args = [...arguments].slice(0, -1);\n"
            f"(async () => {{ {script} }})().then("
            "(value) => done({ value }), (error) => done({ error: `${error}\\n${error?.stack ?? ''}` }));"
        )
        said = self._command(
            "WebDriver:ExecuteAsyncScript",
            {
                "script": body,
                "args": list(arguments),
                "newSandbox": True,
                "sandbox": "system",
            },
        )["value"]
        if "error" in said:
            raise ScriptFailed(said["error"])
        return said.get("value")

    def quit(self) -> None:
        """Ask the program to end, and hear that it will."""
        self._command("Marionette:Quit", {"flags": ["eForceQuit"]})
        self._socket.close()

    def close(self) -> None:
        """End the session; the program goes on."""
        self._socket.close()
