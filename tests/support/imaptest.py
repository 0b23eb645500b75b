"""Runs scripts in the imaptest format against a server, over any connection.

The format: ../shared/vectors/imap/imaptest-FORMAT.md. A script is a list of groups: commands sent together on one connection, then
the untagged replies that must (`*`), must not (`!`) or may (`?`) come, then their tagged results. Replies are taken apart into nested lists
and compared without case; variables are filled from what the server says.

Not done, because no script here uses it: modseq variables, `!ifenv` (the block is skipped, no variable exists).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias

Node: TypeAlias = "bytes | list[Node]"

_STATUS = re.compile(rb'(ok|no|bad|"")(?: (.*))?', re.IGNORECASE | re.DOTALL)
_TAGGED = re.compile(rb"(tag\d+) (.*)", re.IGNORECASE | re.DOTALL)
_VARIABLE = re.compile(rb"\$\$|\$\{(\w+)\}|\$([A-Za-z_]\w*)|\$(\d+)|\$")
_LITERAL = re.compile(rb"(~?)\{(\d+)\+?\}\r\n")


class Connection(Protocol):
    """One connection to the server."""

    async def send(self, octets: bytes) -> None: ...

    async def line(self) -> bytes: ...

    async def octets(self, count: int) -> bytes: ...


class Failed(AssertionError):
    """The server deviates from the script."""


@dataclass
class Script:
    """A script with its header."""

    name: str
    header: dict[str, str]
    groups: list[Group]
    messages: list[bytes]

    @property
    def capabilities(self) -> list[str]:
        """What the server must announce for the script to be run."""
        return self.header.get("capabilities", "").upper().split()

    @property
    def connections(self) -> int:
        """How many connections it uses."""
        return int(self.header.get("connections", "1"))


@dataclass
class Command:
    """A command and the result it must have."""

    text: bytes
    tag: bytes = b""  # the script's name for it, when several are sent together
    status: bytes = b""  # ok, no, bad; "" for any
    prefix: bytes = b""


@dataclass
class Group:
    """Commands of one connection, and what must come back before the last is answered."""

    line: int
    connection: int
    commands: list[Command] = field(default_factory=list)
    replies: list[tuple[bytes, bytes]] = field(default_factory=list)  # b"*!?", text


def load(path: Path) -> Script:
    """Read a script and its messages."""
    head, _, body = path.read_bytes().partition(b"\n\n")
    header = {}
    for line in head.decode("ascii").splitlines():
        key, colon, value = line.partition(":")
        if colon and not line.startswith("#"):
            header[key.strip()] = value.strip()
    several = int(header.get("connections", "1")) > 1
    groups = _groups(body, several)
    box = path.with_name(path.name + ".mbox")
    return Script(
        path.name,
        header,
        groups,
        _messages(box if box.exists() else path.with_name("default.mbox")),
    )


def _messages(mbox: Path) -> list[bytes]:
    parts = re.split(rb"^From [^\n]*\n", mbox.read_bytes(), flags=re.MULTILINE)[1:]
    # The scripts count the empty line before the next "From " to the message.
    return [re.sub(rb"\r?\n", b"\r\n", part) for part in parts]


def logical_lines(body: bytes) -> list[tuple[int, bytes]]:
    """Lines, those with a `{{{` block joined with its literal."""
    lines = body.split(b"\n")
    out = []
    at = 0
    while at < len(lines):
        number, line = at + 1, lines[at].rstrip(b"\r")
        at += 1
        while line.endswith(b"{{{"):
            block = []
            while not lines[at].startswith(b"}}}"):
                block.append(lines[at])
                at += 1
            binary = line.endswith(b"~{{{")
            octets = b"\n".join(block)
            if not binary:
                octets = re.sub(rb"\r?\n", b"\r\n", octets)
            octets = octets.replace(b"$", b"$$") if binary else octets
            line = line[:-3] + b"{%d}\r\n" % len(octets) + octets + lines[at][3:].rstrip(b"\r")
            at += 1
        out.append((number, line))
    return out


def _groups(body: bytes, several: bool) -> list[Group]:
    groups: list[Group] = []
    open_group: Group | None = None
    skipping = False
    for number, line in logical_lines(body):
        if line.startswith((b"!if", b"!else", b"!endif")):
            skipping = line.startswith(b"!ifenv") or (line.startswith(b"!else") and not skipping)
            continue
        if skipping or not line.strip() or line.startswith(b"#"):
            continue
        if line[:2] in (b"* ", b"! ", b"? "):
            groups[-1].replies.append((line[:1], line[2:]))
            continue
        connection = 1
        if several:
            first, _, line = line.partition(b" ")
            connection = int(first)
        open_group = _command(groups, open_group, number, connection, line)
    return groups


def _command(
    groups: list[Group], group: Group | None, number: int, connection: int, line: bytes
) -> Group | None:
    """Add one command line or result; gives the group that still waits for results."""
    tagged = _TAGGED.match(line)
    tag, rest = (tagged.group(1).lower(), tagged.group(2)) if tagged else (b"", line)
    status = _STATUS.fullmatch(rest)
    if status is not None and group is not None:
        for command in group.commands:
            if command.tag == tag and not command.status:
                command.status = status.group(1).lower()
                command.prefix = status.group(2) or b""
                break
        return group if any(not command.status for command in group.commands) else None
    if group is None or not tag or any(command.status for command in group.commands):
        group = Group(number, connection)
        groups.append(group)
    if status is not None:
        group.commands.append(Command(status.group(2), b"", status.group(1).lower()))
        return None
    group.commands.append(Command(rest, tag))
    return group


# --- taking replies apart


def parse(octets: bytes) -> list[Node]:
    """A reply as nested lists; strings and atoms both as octets, `[…]` kept inside atoms."""
    nodes, at = _nodes(octets, 0, b"")
    assert at >= len(octets)
    return nodes


def _nodes(octets: bytes, at: int, end: bytes) -> tuple[list[Node], int]:
    nodes: list[Node] = []
    while at < len(octets):
        first = octets[at : at + 1]
        if first == end and end:
            return nodes, at + 1
        if first == b" ":
            at += 1
        elif first == b"(":
            inner, at = _nodes(octets, at + 1, b")")
            nodes.append(inner)
        elif first == b'"':
            match = re.compile(rb'"((?:[^"\\]|\\.)*)"', re.DOTALL).match(octets, at)
            assert match is not None, octets[at:]
            nodes.append(re.sub(rb"\\(.)", rb"\1", match.group(1)))
            at = match.end()
        elif literal := _LITERAL.match(octets, at):
            size = int(literal.group(2))
            nodes.append(octets[literal.end() : literal.end() + size])
            at = literal.end() + size
        else:
            word, at = _word(octets, at)
            nodes.append(word)
    return nodes, at


def _word(octets: bytes, at: int) -> tuple[bytes, int]:
    start = at
    depth = 0
    while at < len(octets):
        byte = octets[at : at + 1]
        if depth == 0 and byte in b" ()" and at > start:
            break
        if byte == b"[":
            depth += 1
        elif byte == b"]" and depth:
            depth -= 1
        at += 1
    return octets[start:at].replace(b'"', b"") if b"[" in octets[start:at] else octets[start:at], at


# --- comparing


@dataclass
class Matcher:
    """Variables, and how expected nodes are compared with real ones."""

    words: dict[bytes, bytes] = field(default_factory=dict)

    def fill(self, text: bytes) -> bytes:
        """A command with its variables put in."""

        def put(match: re.Match[bytes]) -> bytes:
            name = match.group(1) or match.group(2)
            return self.words[name.lower()] if name else b"$"

        return _VARIABLE.sub(put, text)

    def matches(self, expected: bytes, reply: Reply) -> bool:
        """Does an untagged reply fit? New variables are kept only then."""
        before = dict(self.words)
        wanted = parse(expected)
        if self._line(wanted, reply):
            return True
        self.words = before
        return False

    def prefix(self, expected: bytes, text: bytes) -> bool:
        """Does the text of a result begin so?"""
        wanted, found = parse(_codes(expected)), parse(_codes(text))
        return len(wanted) <= len(found) and self._ordered(wanted, found[: len(wanted)])

    def _line(self, wanted: list[Node], reply: Reply) -> bool:
        found = reply.nodes
        kind = wanted[0].lower() if isinstance(wanted[0], bytes) else b""
        if kind in (b"ok", b"no", b"bad", b"bye"):
            expected = b" ".join(node for node in wanted[1:] if isinstance(node, bytes))
            same = isinstance(found[0], bytes) and found[0].lower() == kind
            return same and (not expected or self.prefix(expected, reply.text))
        if len(found) > 1 and isinstance(found[0], bytes) and found[0].isdigit():
            return self._numbered(wanted, reply)
        return len(wanted) == len(found) and all(
            self._node(one, other, _defaults(kind, at))
            for at, (one, other) in enumerate(zip(wanted, found, strict=True))
        )

    def _numbered(self, wanted: list[Node], reply: Reply) -> bool:
        number, found = wanted[0], reply.nodes
        at_start = re.fullmatch(rb"\$(\d+)", number) if isinstance(number, bytes) else None
        if at_start is not None:
            if int(at_start.group(1)) != reply.at_start:
                return False
        elif not self._node(number, found[0], ""):
            return False
        kind = wanted[1].lower() if isinstance(wanted[1], bytes) else b""
        default = "unordered=2" if kind == b"fetch" else ""
        return len(wanted) == len(found) and all(
            self._node(one, other, default)
            for one, other in zip(wanted[1:], found[1:], strict=True)
        )

    def _node(self, wanted: Node, found: Node, default: str) -> bool:
        if wanted == b"$":
            return True
        if isinstance(wanted, list):
            return isinstance(found, list) and self._list(wanted, found, default)
        return isinstance(found, bytes) and self._atom(wanted, found)

    def _atom(self, wanted: bytes, found: bytes) -> bool:
        if b"\0" in wanted:
            # The suite compares C strings: nothing behind a NUL counts.
            wanted, found = wanted.partition(b"\0")[0], found.partition(b"\0")[0]
        pattern = b""
        fresh = []
        at = 0
        for match in _VARIABLE.finditer(wanted):
            pattern += re.escape(wanted[at : match.start()])
            at = match.end()
            name = (match.group(1) or match.group(2) or b"").lower()
            if match.group() == b"$$":
                pattern += rb"\$"
            elif not name:
                pattern += b".*"
            elif name in self.words:
                pattern += re.escape(self.words[name])
            else:
                fresh.append(name)
                pattern += b"(.*)"
        pattern += re.escape(wanted[at:])
        whole = re.fullmatch(pattern, found, re.IGNORECASE | re.DOTALL)
        if whole is None:
            return False
        self.words.update(zip(fresh, whole.groups(), strict=True))
        return True

    def _list(self, wanted: list[Node], found: list[Node], default: str) -> bool:
        given = [n[2:].decode() for n in wanted if isinstance(n, bytes) and n.startswith(b"$!")]
        wanted = [n for n in wanted if not (isinstance(n, bytes) and n.startswith(b"$!"))]
        options = given or default.split()
        chain = next(
            (int(o.partition("=")[2] or 1) for o in options if o.startswith("unordered")), 0
        )
        banned = [o[4:].encode() for o in options if o.startswith("ban=")]
        if any(self._holds(node, found) for node in banned):
            return False
        if not chain:
            return self._ordered(wanted, found)
        return self._unordered(wanted, found, chain, options)

    def _holds(self, word: bytes, found: list[Node]) -> bool:
        return any(isinstance(node, bytes) and node.lower() == word.lower() for node in found)

    def _ordered(self, wanted: Sequence[Node], found: Sequence[Node]) -> bool:
        return len(wanted) == len(found) and all(
            self._node(one, other, "") for one, other in zip(wanted, found, strict=True)
        )

    def _unordered(
        self, wanted: list[Node], found: list[Node], chain: int, options: list[str]
    ) -> bool:
        left = [found[at : at + chain] for at in range(0, len(found), chain)]
        for at in range(0, len(wanted), chain):
            one = wanted[at : at + chain]
            for other in left:
                before = dict(self.words)
                if len(one) == len(other) and self._chain(one, other):
                    left.remove(other)
                    break
                self.words = before
            else:
                return False
        if "noextra" not in options:
            return True
        ignored = [o[7:].lower().encode() for o in options if o.startswith("ignore=")]
        return all(isinstance(o[0], bytes) and o[0].lower() in ignored for o in left)

    def _chain(self, wanted: list[Node], found: list[Node]) -> bool:
        is_flags = isinstance(wanted[0], bytes) and wanted[0].lower() == b"flags"
        inner = "unordered noextra ignore=\\recent" if is_flags else ""
        return all(self._node(one, other, inner) for one, other in zip(wanted, found, strict=True))


def _defaults(kind: bytes, at: int) -> str:
    if kind in (b"list", b"lsub") and at == 1:
        return "unordered"
    return "unordered=2" if kind == b"status" and at == 2 else ""


def _codes(text: bytes) -> bytes:
    """`[UIDNEXT 5] text` with the brackets as a list, so that its words are compared."""
    match = re.match(rb"\[([^\]]*)\](.*)", text, re.DOTALL)
    return (
        b"(%b)%b" % (match.group(1), re.sub(rb'[()"]', b"", match.group(2)))
        if match
        else re.sub(rb'[()"]', b"", text)
    )


@dataclass
class Reply:
    """An untagged reply; `at_start` is its sequence number as it was when the command began."""

    text: bytes  # behind the first word
    nodes: list[Node]
    at_start: int = 0


# --- running


class Runner:
    """One run of one script."""

    def __init__(
        self, script: Script, connect: Callable[[], Awaitable[Connection]], user: str, password: str,
        mailbox: str = "imaptest",
    ) -> None:  # fmt: skip
        self.script = script
        self.matcher = Matcher(
            {
                b"user": user.encode(), b"username": user.partition("@")[0].encode(),
                b"domain": user.partition("@")[2].encode(), b"password": password.encode(),
                b"mailbox": mailbox.encode(),
            }
        )  # fmt: skip
        self._connect = connect
        self._connections: list[Connection] = []
        self._messages = 0
        self._tags = 0
        self._box = mailbox.encode()

    async def run(self) -> None:
        """Prepare the state, then run every group; Failed at the first deviation."""
        for _ in range(self.script.connections):
            connection = await self._connect()
            await connection.line()
            self._connections.append(connection)
        await self._prepare(self.script.header.get("state", "selected"))
        for group in self.script.groups:
            await self._run(group)

    async def _prepare(self, state: str) -> None:
        if state == "nonauth":
            return
        for connection in self._connections:
            await self._must(connection, self.matcher.fill(b"login $user $password"))
        first = self._connections[0]
        for name in reversed(await self._listed(first)):
            await self._ask(first, b"delete " + _quoted(name))
            await self._ask(first, b"unsubscribe " + _quoted(name))
        if state == "auth":
            return
        await self._must(first, b"create " + self._box)
        if state == "created":
            return
        wanted = self.script.header.get("messages", "all")
        count = len(self.script.messages) if wanted == "all" else int(wanted)
        for _ in range(count):
            await self._must(first, self._append(b"append"))
        if state == "selected":
            for connection in self._connections:
                await self._must(connection, b"select " + self._box)

    async def _listed(self, connection: Connection) -> list[bytes]:
        names = []
        for pattern in (b'list "" %b*', b'lsub "" %b*'):
            _, replies = await self._ask(connection, pattern % self._box)
            names += [r.nodes[-1] for r in replies if r.nodes[0] in (b"LIST", b"LSUB")]
        return sorted({name for name in names if isinstance(name, bytes)})

    async def _must(self, connection: Connection, command: bytes) -> None:
        result, _ = await self._ask(connection, command)
        if not result.lower().startswith(b"ok"):
            raise Failed(f"preparing: {command[:80]!r}: {result!r}")

    async def _ask(self, connection: Connection, command: bytes) -> tuple[bytes, list[Reply]]:
        tag = await self._send(connection, command)
        results, replies = await self._collect(connection, [tag])
        return results[tag], replies

    def _append(self, command: bytes) -> bytes:
        """`append [mailbox [arguments]]` without a message gets the next of the box."""
        if b"{" in command:
            return command
        message = self.script.messages[self._messages % len(self.script.messages)]
        self._messages += 1
        command = command if b" " in command.strip() else b"append " + self._box
        return command + b" {%d}\r\n%b" % (len(message), message)

    async def _send(self, connection: Connection, command: bytes) -> bytes:
        self._tags += 1
        tag = b"x%d" % self._tags
        # Non-synchronising literals (RFC 7888), so that a command is one write.
        octets = re.sub(rb"(~?)\{(\d+)\}\r\n", rb"\1{\2+}\r\n", command)
        await connection.send(tag + b" " + octets + b"\r\n")
        return tag

    async def _collect(
        self, connection: Connection, tags: list[bytes]
    ) -> tuple[dict[bytes, bytes], list[Reply]]:
        """Everything up to the last of the results."""
        results: dict[bytes, bytes] = {}
        replies: list[Reply] = []
        numbers = list(range(1, 5001))  # sequence numbers as they were when the command began
        while len(results) < len(tags):
            line = await self._reply(connection)
            first, _, rest = line.partition(b" ")
            if first in tags:
                results[first] = rest
            elif first == b"*":
                replies.append(_reply(rest, numbers))
        return results, replies

    async def _reply(self, connection: Connection) -> bytes:
        line = await connection.line()
        if not line:
            raise Failed("the server closed the connection")
        while match := re.search(rb"\{(\d+)\}\r\n\Z", line):
            line += await connection.octets(int(match.group(1)))
            line += await connection.line()
        return line.removesuffix(b"\r\n")

    async def _run(self, group: Group) -> None:
        connection = self._connections[group.connection - 1]
        tags = []
        for command in group.commands:
            text = self.matcher.fill(command.text)
            text = self._append(text) if text.lower().startswith(b"append") else text
            tags.append(await self._send(connection, text))
        results, replies = await self._collect(connection, tags)
        shown = b"\n".join([b"* " + reply.text for reply in replies]).decode("utf-8", "replace")
        where = (
            f"{self.script.name}:{group.line}: {group.commands[0].text.decode('utf-8', 'replace')}"
        )
        for command, tag in zip(group.commands, tags, strict=True):
            word, _, text = results[tag].partition(b" ")
            wrong = command.status != b'""' and word.lower() != command.status
            if wrong or (command.prefix and not self.matcher.prefix(command.prefix, text)):
                raise Failed(
                    f"{where}: wanted {command.status!r} {command.prefix!r}, got {results[tag]!r}\n{shown}"
                )
        self.matcher.words[b"tag"] = tags[-1]
        for mark, text in group.replies:
            found = next((reply for reply in replies if self.matcher.matches(text, reply)), None)
            if mark == b"!" and found is not None:
                raise Failed(f"{where}: must not come: {text!r}\n{shown}")
            if mark == b"*" and found is None:
                raise Failed(f"{where}: missing: {text!r}\n{shown}")


def _reply(rest: bytes, numbers: list[int]) -> Reply:
    first, _, text = rest.partition(b" ")
    if first.upper() in (b"OK", b"NO", b"BAD", b"BYE"):
        return Reply(text, [first])
    nodes = parse(rest)
    at_start = 0
    if (
        first.isdigit()
        and isinstance(nodes[1], bytes)
        and nodes[1].upper() in (b"EXPUNGE", b"FETCH")
    ):
        at_start = numbers[int(first) - 1]
        if nodes[1].upper() == b"EXPUNGE":
            del numbers[int(first) - 1]
    return Reply(rest, nodes, at_start)


def _quoted(name: bytes) -> bytes:
    return b'"' + name.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
