"""Conversations as text files: what clients say, what the server must answer.

A `.dlg` file begins with a line that names what it shows (`RFC 9051 §6.4.8: title`), then `key: value` lines that set the
scene (their meaning is the environment's), an empty line, and then the conversation:

    C: a1 NOOP            the client sends the line and CRLF
    C+: abc               the client sends the octets without CRLF
    S: a1 OK …            the server's next line must be this
    S~: a1 OK …           some later line of the server must be this; lines before it are skipped, but no tagged or `+` line
    S!: * 1 EXPUNGE       no line skipped by the next `S~` may be this
    C2: / S2: / S2~:      the second connection
    S: <silence>          the server says nothing now
    S: <closed>           the server has closed
    C: <eof>              the client sends no more
    C2: <open>            open the connection only now (otherwise all are opened at the start)
    # …                   a remark

In a line `…` stands for any text, `{name}` for a word that is remembered and must be the same next time (in `C:` lines it is put in),
`\\xNN` for an octet. A literal's octets are lines like others, since they too end up between CRLFs.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

_LINE = re.compile(r"([CS])(\d*)([+~!]?): ?(.*)")
_PLACE = re.compile(r"(…)|\{([a-z_][a-z_0-9]*)\}|\\x([0-9a-fA-F]{2})")
_TURNS = 60  # turns of the loop after which a server that wanted to speak has spoken
_COMPLETE = re.compile(rb"(?!\* )\S+ |\+")


class Wire(Protocol):
    """The client's end of a connection; `MemoryStream` is one."""

    @property
    def closed(self) -> bool: ...

    def client_write(self, data: bytes) -> None: ...

    def client_eof(self) -> None: ...

    async def client_line(self, timeout: float = 10) -> bytes: ...

    def client_output(self) -> bytes:
        """What the server wrote and nobody read yet, not consumed."""
        ...


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the conversation."""

    number: int  # line in the file
    side: str  # "C" or "S"
    connection: int
    mark: str
    text: str


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A file, taken apart."""

    path: Path
    title: str
    scene: tuple[tuple[str, str], ...]
    steps: tuple[Step, ...]

    def value(self, key: str, default: str = "") -> str:
        """The last value of a key of the scene."""
        return dict(self.scene).get(key, default)

    def values(self, key: str) -> list[str]:
        """All values of a key of the scene."""
        return [value for name, value in self.scene if name == key]

    @property
    def connections(self) -> list[int]:
        """Connections to be open from the start."""
        late = {step.connection for step in self.steps if step.text == "<open>"}
        return sorted({step.connection for step in self.steps} - late)


class Mismatch(AssertionError):
    """The server said something else."""


def parse(path: Path) -> Dialogue:
    """Read a file; ValueError when it is not a dialogue."""
    lines = path.read_text(encoding="utf-8").splitlines()
    title = lines[0].lstrip("# ")
    if not re.match(r"RFC \d+ §", title):
        raise ValueError(f"{path}: the first line must name an RFC and a section")
    scene = []
    steps = []
    in_scene = True
    for number, line in enumerate(lines[1:], 2):
        if in_scene and line and not line.startswith("#"):
            key, colon, value = line.partition(":")
            if not colon:
                raise ValueError(f"{path}:{number}: expected key: value")
            scene.append((key.strip(), value.strip()))
        elif not line.strip():
            in_scene = False
        elif not line.startswith("#"):
            match = _LINE.fullmatch(line)
            if match is None:
                raise ValueError(f"{path}:{number}: not a line of a dialogue: {line}")
            side, connection, mark, text = match.groups()
            steps.append(Step(number, side, int(connection or 1), mark, text))
    if not steps:
        raise ValueError(f"{path}: nobody speaks")
    return Dialogue(path, title, tuple(scene), tuple(steps))


class Player:
    """Plays a dialogue over open connections."""

    def __init__(self, dialogue: Dialogue, connect: Callable[[int], Awaitable[Wire]]) -> None:
        self.dialogue = dialogue
        self.words: dict[str, str] = {}
        self.transcript: list[str] = []
        self._connect = connect
        self._wires: dict[int, Wire] = {}
        self._banned: dict[int, list[Step]] = {}

    async def play(self) -> None:
        """Play it to the end; Mismatch with the transcript when the server deviates."""
        for connection in self.dialogue.connections:
            self._wires[connection] = await self._connect(connection)
        for step in self.dialogue.steps:
            if step.side == "C":
                await self._say(step)
            elif step.mark == "!":
                self._banned.setdefault(step.connection, []).append(step)
            else:
                await self._hear(step)
        for step in self.dialogue.steps:
            if step in self._banned.get(step.connection, ()):
                raise ValueError(f"{self.dialogue.path}:{step.number}: S! without an S~ behind it")

    async def _say(self, step: Step) -> None:
        if step.text == "<open>":
            self._wires[step.connection] = await self._connect(step.connection)
            return
        wire = self._wires[step.connection]
        self.transcript.append(f"C{step.connection}: {step.text}")
        if step.text == "<eof>":
            wire.client_eof()
            return
        data = self._fill(step.text)
        wire.client_write(data if step.mark == "+" else data + b"\r\n")

    async def _hear(self, step: Step) -> None:
        wire = self._wires[step.connection]
        match step.text:
            case "<silence>":
                for _ in range(_TURNS):
                    await asyncio.sleep(0)
                if wire.client_output():
                    raise self._mismatch(step, wire.client_output())
            case "<closed>":
                line = await wire.client_line()
                if line or not wire.closed:
                    raise self._mismatch(step, line)
            case _:
                await self._expect(step, wire)

    async def _expect(self, step: Step, wire: Wire) -> None:
        banned = self._banned.pop(step.connection, []) if step.mark == "~" else []
        while True:
            try:
                line = await wire.client_line()
            except TimeoutError:
                raise self._mismatch(step, b"(nothing)") from None
            self.transcript.append(f"S{step.connection}: {line!r}")
            text = line.removesuffix(b"\r\n")
            if self._matches(step.text, text):
                return
            for ban in banned:
                if self._matches(ban.text, text):
                    raise self._mismatch(ban, line)
            if step.mark != "~" or not line or _COMPLETE.match(line):
                raise self._mismatch(step, line)

    def _fill(self, text: str) -> bytes:
        def put(place: re.Match[str]) -> str:
            if place.group(2):
                return self.words[place.group(2)]
            return f"\\x{place.group(3)}" if place.group(3) else place.group()

        filled = _PLACE.sub(put, text).encode("utf-8")
        return re.sub(rb"\\x([0-9a-fA-F]{2})", lambda m: bytes([int(m.group(1), 16)]), filled)

    def _matches(self, expected: str, line: bytes) -> bool:
        """Does the line fit? Words seen for the first time are remembered."""
        pattern = b""
        fresh = []
        at = 0
        for place in _PLACE.finditer(expected):
            pattern += re.escape(expected[at : place.start()].encode("utf-8"))
            any_text, word, octet = place.groups()
            if any_text:
                pattern += b".*"
            elif octet:
                pattern += re.escape(bytes([int(octet, 16)]))
            elif word in self.words:
                pattern += re.escape(self.words[word].encode("utf-8"))
            elif word in fresh:
                pattern += b"(?P=%b)" % word.encode("ascii")
            else:
                fresh.append(word)
                pattern += b"(?P<%b>[^ ()\\[\\]]+)" % word.encode("ascii")
            at = place.end()
        pattern += re.escape(expected[at:].encode("utf-8"))
        found = re.fullmatch(pattern, line, re.DOTALL)
        if found is None:
            return False
        self.words.update({word: found.group(word).decode("utf-8") for word in fresh})
        return True

    def _mismatch(self, step: Step, line: bytes) -> Mismatch:
        said = "\n".join(self.transcript[-40:])
        return Mismatch(
            f"{self.dialogue.path.name}:{step.number}: expected S{step.connection}{step.mark}: {step.text}"
            f"\n  the server said {line!r}\nso far:\n{said}"
        )
