"""Dialogues of clients only: commands with the connection that says them.

Files in `dialogues/` have a command a line, without tag: `NOOP` or `2: NOOP` for the second connection. `<<name>>` is a message of
`mail.py` as a literal, `{{text}}` a literal of that text, both as LITERAL+; `{{+text}}` waits. `{modseq}` and `{uidvalidity}` are what this
server last said on the connection, `save NAME` keeps the modseq as `{NAME}`. `#` begins a remark.

From `tests/dialogs/imap` the client's lines are taken, their literals put together; what the file remembers of our answers (`{name}`) is
found in each server's own answers by the same pattern.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.interop.differential.mail import MESSAGES
from tests.support import dialogue

_OWN = re.compile(r"(?:([1-9]): )?(.*)")
_MESSAGE = re.compile(r"(~?)<<([a-z0-9-]+)>>")
_INLINE = re.compile(r"(~?)\{\{(\+?)(.*?)\}\}")
_LITERAL_END = re.compile(rb"~?\{(\d+)\+?\}\r\n\Z")


@dataclass(frozen=True)
class Line:
    """A command, or a pattern in which words of the answer are found."""

    connection: int
    text: bytes
    place: str  # file:line
    save: str = ""
    patterns: tuple[str, ...] = ()  # lines of the dialogue that remember something


@dataclass(frozen=True)
class Script:
    """A dialogue with its scene."""

    name: str
    lines: tuple[Line, ...]
    scene: tuple[tuple[str, str], ...] = ()


def own(path: Path) -> Script:
    """Read a file of `dialogues/`."""
    lines = []
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not text.strip() or text.startswith("#"):
            continue
        match = _OWN.fullmatch(text)
        assert match is not None
        connection, command = int(match.group(1) or 1), match.group(2)
        place = f"{path.name}:{number}"
        if command.startswith("save "):
            lines.append(Line(connection, b"", place, save=command[5:]))
        else:
            lines.append(Line(connection, octets(command), place))
    return Script(path.name, tuple(lines))


def octets(command: str) -> bytes:
    """A command with its literals put in."""
    out, at = b"", 0
    for match in re.finditer(f"{_MESSAGE.pattern}|{_INLINE.pattern}", command):
        out += command[at : match.start()].encode()
        at = match.end()
        binary, name, binary_too, waits, inline = match.groups()
        content = MESSAGES[name] if name else inline.encode().replace(b"\\r\\n", b"\r\n")
        sign = b"" if waits else b"+"
        mark = (binary or binary_too or "").encode()
        out += mark + b"{%d%s}\r\n" % (len(content), sign) + content
    return out + command[at:].encode()


def of_dialogue(path: Path) -> Script:
    """The client's side of a dialogue with our server."""
    read = dialogue.parse(path)
    return Script(path.name, tuple(_commands(read)), read.scene)


def _commands(read: dialogue.Dialogue) -> Iterator[Line]:
    pending: dict[int, bytes] = {}
    places: dict[int, str] = {}
    steps = read.steps
    for at, step in enumerate(steps):
        if step.side != "C" or step.text in ("<open>", "<eof>"):
            continue
        number = step.connection
        places.setdefault(number, f"{read.path.name}:{step.number}")
        text = re.sub(
            rb"\\x([0-9a-fA-F]{2})", lambda m: bytes([int(m.group(1), 16)]), step.text.encode()
        )
        whole = pending.pop(number, b"") + text + (b"" if step.mark == "+" else b"\r\n")
        if _incomplete(whole):
            pending[number] = whole
            continue
        tag, _, command = whole.removesuffix(b"\r\n").partition(b" ")
        command = command or tag  # DONE has no tag
        patterns = []
        for later in steps[at + 1 :]:
            if later.side == "C":
                break
            if later.connection == number and re.search(r"\{[a-z_]", later.text):
                patterns.append(later.text)
        yield Line(number, command, places.pop(number), patterns=tuple(patterns))


def _incomplete(octets: bytes) -> bool:
    """Does a literal begin at the end, or is one not yet full?"""
    if not octets.endswith(b"\r\n"):
        return True
    at = 0
    for literal in re.finditer(rb"~?\{(\d+)\+?\}\r\n", octets):
        if literal.start() < at:
            continue
        at = literal.end() + int(literal.group(1))
        if at > len(octets) - 2 or (at == len(octets) and not octets.endswith(b"\r\n")):
            return True
    return False
