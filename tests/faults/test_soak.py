"""Twenty clients do whatever comes to their minds for a while: no error, memory and file descriptors stay where they are, and `postil verify` has no complaint.

`POSTIL_SOAK_SECONDS` says how long: a minute in `make proof`, ten in `make soak`.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import statistics
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.support.localserve import LOGIN, PASSWORD, Localserve, running

from postil.store.verify import verify

from .wire import Imap, Smtp

SECONDS = float(os.environ.get("POSTIL_SOAK_SECONDS", "60"))
READERS, SENDERS = 18, 2
BOXES = ("INBOX", "s0", "s1", "s2", "Archive")
FLAGS = ("\\Flagged", "a", "b", "c")
MOST = 400  # messages of a mailbox; above it the client that sees it removes the oldest
# What may grow: the allocator's rounding, and caches that fill up late. A leak of 1 KiB a command would be far more.
GROWTH_SHARE, GROWTH_OCTETS = 0.10, 24 << 20
DESCRIPTORS = 12


@dataclass
class Watch:
    """What the process looks like over time."""

    pid: int
    memory: list[int] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)

    def look(self) -> None:
        # What it has to itself: pages of the database that SQLite maps are the kernel's to take back.
        status = Path(f"/proc/{self.pid}/status").read_text("ascii")
        found = re.search(r"^RssAnon:\s+(\d+) kB", status, re.MULTILINE)
        assert found is not None
        self.memory.append(int(found.group(1)) * 1024)
        self.descriptors.append(len(os.listdir(f"/proc/{self.pid}/fd")))

    def early(self, values: list[int]) -> float:
        """The median of the second quarter, when everything is warm."""
        quarter = len(values) // 4
        return statistics.median(values[quarter : 2 * quarter])

    def late(self, values: list[int]) -> float:
        return statistics.median(values[-(len(values) // 4) :])


@dataclass
class Reader:
    """One client of IMAP."""

    server: Localserve
    dice: random.Random
    until: float
    counts: dict[str, int]

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while loop.time() < self.until:
            client = await Imap.login(self.server.ip, self.server.imap, LOGIN, PASSWORD)
            if self.dice.random() < 0.3:
                await client.command(b"ENABLE IMAP4rev2")
            elif self.dice.random() < 0.4:
                await client.command(b"ENABLE QRESYNC")
            count = await self._select(client)
            for _ in range(self.dice.randint(5, 120)):
                if loop.time() >= self.until:
                    break
                count = await self._one(client, count)
            if self.dice.random() < 0.7:
                await client.command(b"LOGOUT")
            await client.close()  # or without a word

    async def _select(self, client: Imap) -> int:
        box = self.dice.choice(BOXES).encode()
        answer = await client.command(b"SELECT %s" % box)
        return _exists(answer, 0)

    async def _one(self, client: Imap, count: int) -> int:
        dice = self.dice
        kind = dice.choices(
            ("fetch", "body", "store", "search", "append", "copy", "move", "expunge", "select", "idle", "noop", "list", "replace"),
            (20, 10, 15, 8, 12, 4, 5, 4, 6, 4, 6, 3, 3),
        )[0]  # fmt: skip
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if kind == "select":
            return await self._select(client)
        first = dice.randint(1, max(count, 1))
        numbers = f"{first}:{min(first + dice.randint(0, 30), max(count, 1))}"
        message = self._message()
        commands = {
            "fetch": "UID FETCH 1:* (UID FLAGS)",
            "body": f"FETCH {numbers} (ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER.FIELDS (SUBJECT FROM)] BODY[TEXT]<0.500>)",
            "store": f"STORE {numbers} {dice.choice('+-')}FLAGS (\\Seen {dice.choice(FLAGS)})",
            "search": dice.choice(("SEARCH UNSEEN", "SEARCH TEXT needle", "UID SEARCH SUBJECT 7 SINCE 1-Jan-2020", "SEARCH RETURN (SAVE) FLAGGED")),
            "copy": f"COPY {numbers} {dice.choice(BOXES[1:])}",
            "move": f"MOVE {first} {dice.choice(BOXES[1:])}",
            "expunge": f"UID STORE 1:{max(count - MOST // 2, 1)} +FLAGS.SILENT (\\Deleted)" if count > MOST else "EXPUNGE",
            "noop": "NOOP",
            "list": 'LIST "" * RETURN (STATUS (MESSAGES UNSEEN))',
        }  # fmt: skip
        if kind == "idle":
            return await self._idle(client, count)
        if kind == "append":
            box = dice.choice(BOXES[1:]).encode()
            answer = await client.any_answer(b"APPEND %s (x)" % box, message)
        elif not count and kind not in ("noop", "list", "search", "fetch", "expunge"):
            answer = await client.any_answer(b"NOOP")
        elif kind == "replace":
            answer = await client.any_answer(b"REPLACE %d s0" % first, message)
        else:
            answer = await client.any_answer(commands[kind].encode())
        # What others expunged cannot be known in advance; everything else is an error.
        assert re.match(
            rb"\S+ (OK|NO \[(EXPUNGEISSUED|CLIENTBUG)\]|BAD .*the mailbox has)", answer[-1]
        ), (
            kind,
            answer[-1],
        )
        count = _exists(answer, count)
        if count > MOST and kind == "expunge":
            answer = await client.any_answer(b"EXPUNGE")
            count = _exists(answer, count)
        return count

    async def _idle(self, client: Imap, count: int) -> int:
        await client.send(b"i IDLE\r\n")
        lines = [await client.line()]
        while not lines[-1].startswith(b"+"):
            lines.append(await client.line())
        await client.send(b"DONE\r\n")
        while not lines[-1].startswith(b"i "):
            lines.append(await client.line())
        return _exists(lines, count)

    def _message(self) -> bytes:
        dice = self.dice
        size = dice.choice((200, 2000, 2000, 20_000, 300_000 if dice.random() < 0.1 else 500))
        words = "needle " if dice.random() < 0.1 else "straw "
        head = (
            f"From: a{dice.randint(0, 99)}@example.org\r\nSubject: {dice.randint(0, 999)}\r\n\r\n"
        )
        return head.encode() + (words * 10 + "\r\n").encode() * (size // 70)


def _exists(lines: list[bytes], count: int) -> int:
    """How many messages the client knows of after these lines."""
    for line in lines:
        if found := re.match(rb"\* (\d+) EXISTS", line):
            count = int(found.group(1))
        elif re.match(rb"\* \d+ EXPUNGE", line):
            count -= 1
        elif found := re.match(rb"\* VANISHED (?!\(EARLIER)([0-9,:]+)", line):
            for part in found.group(1).decode().split(","):
                low, _, high = part.partition(":")
                count -= int(high or low) - int(low) + 1
    return count


async def _send(
    server: Localserve, dice: random.Random, until: float, counts: dict[str, int]
) -> None:
    loop = asyncio.get_running_loop()
    while loop.time() < until:
        client = await Smtp.hello(server.ip, server.smtp)
        for _ in range(dice.randint(1, 20)):
            if loop.time() >= until:
                break
            octets = b"Subject: %d\r\n\r\n" % dice.randint(0, 999) + b"straw\r\n" * dice.randint(
                0, 900
            )
            await client.deliver(octets.removesuffix(b"\r\n"))
            counts["delivery"] = counts.get("delivery", 0) + 1
            # One message a moment: a mailbox that fills faster than it is emptied is no steady state.
            await asyncio.sleep(0.02)
        await client.close()


async def _empty(server: Localserve, until: float) -> None:
    """Somebody has to clear up: every mailbox stays below some hundred messages."""
    loop = asyncio.get_running_loop()
    client = await Imap.login(server.ip, server.imap, LOGIN, PASSWORD)
    while loop.time() < until:
        for box in BOXES:
            answer = await client.command(b"SELECT %s" % box.encode())
            count = _exists(answer, 0)
            if count > MOST:
                await client.command(b"STORE 1:%d +FLAGS.SILENT (\\Deleted)" % (count - MOST // 2))
                await client.command(b"CLOSE")
        await asyncio.sleep(0.2)
    await client.close()


async def _faults(server: Localserve) -> float:
    """Of ours, as the server counts them."""
    reader, writer = await asyncio.open_connection(server.ip, server.http)
    writer.write(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    text = (await reader.read()).decode()
    writer.close()
    assert "postil_" in text
    return sum(
        float(one)
        for one in re.findall(r"^postil_faults_total\{[^}]*\} ([0-9.e+]+)$", text, re.MULTILINE)
    )


@pytest.mark.proof
@pytest.mark.alone
@pytest.mark.timeout(SECONDS + 300)
def test_soak(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No error, nothing grows, nothing is broken."""
    seed = random.randrange(1 << 30)
    folder = tmp_path / "data"
    counts: dict[str, int] = {}
    with running(folder) as server:
        assert server.process is not None
        watch = Watch(server.process.pid)

        async def soak() -> float:
            loop = asyncio.get_running_loop()
            until = loop.time() + SECONDS
            client = await Imap.login(server.ip, server.imap, LOGIN, PASSWORD)
            for box in BOXES[1:4]:
                await client.command(b"CREATE %s" % box.encode())
            await client.close()

            async def look() -> None:
                while loop.time() < until:
                    watch.look()
                    await asyncio.sleep(SECONDS / 240)

            async with asyncio.TaskGroup() as group:
                group.create_task(look())
                group.create_task(_empty(server, until))
                for number in range(READERS):
                    reader = Reader(server, random.Random(f"{seed} {number}"), until, counts)
                    group.create_task(reader.run())
                for number in range(SENDERS):
                    group.create_task(
                        _send(server, random.Random(f"{seed} s{number}"), until, counts)
                    )
            return await _faults(server)

        faults = asyncio.run(soak())
        assert faults == 0
        findings = verify(folder)
    with capsys.disabled():
        early, late = watch.early(watch.memory), watch.late(watch.memory)
        print(
            f"\nsoak: seed {seed}, {SECONDS:.0f} s, {sum(counts.values())} commands and deliveries, "
            f"memory {early / 2**20:.1f} -> {late / 2**20:.1f} MiB, "
            f"in eighths {[round(value / 2**20) for value in watch.memory[:: max(1, len(watch.memory) // 8)]]}, "
            f"descriptors {watch.early(watch.descriptors):.0f} -> {watch.late(watch.descriptors):.0f}"
        )
    assert findings == []
    assert late <= early * (1 + GROWTH_SHARE) + GROWTH_OCTETS
    assert watch.late(watch.descriptors) <= watch.early(watch.descriptors) + DESCRIPTORS
    assert len(counts) == 13 + 1, counts
