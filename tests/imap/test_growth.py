"""Commands of hostile shapes cost what they are long, through a whole session: at n and 4n.

Linear work takes 4 times as long, quadratic 16; the bound of 9 leaves room for a busy machine. Each is within the limits of a logged-in client.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.support.imap import Client, World, logged_in, message, world

from postil.imap import limits

BOUND = 9.0
LIMITS = replace(limits.READER_AFTER_LOGIN, line=1 << 20, literals=8 << 20, literal_count=100_000)

COMMANDS: dict[str, Callable[[int], bytes]] = {
    "many numbers": lambda n: b"UID FETCH " + b",".join(b"%d" % (2 * i + 1) for i in range(n * 4)) + b" UID",
    "numbers downwards": lambda n: b"UID FETCH " + b",".join(b"%d" % i for i in range(n * 4, 0, -1)) + b" UID",
    "overlapping ranges": lambda n: b"UID FETCH " + b",".join(b"%d:%d" % (i, i + 9) for i in range(1, n * 2)) + b" UID",
    "flags": lambda n: b"APPEND x (" + b" ".join(b"f%d" % i for i in range(n * 2)) + b") {1+}\r\nx",
    "literals": lambda n: b"SEARCH HEADER" + b" {1+}\r\nx" * (n // 2),
    "blanks": lambda n: b"NOOP" + b" " * (n * 10),
    "brackets": lambda n: b"SEARCH " + b"(" * (n * 10),
    "quotes": lambda n: b'SEARCH SUBJECT "' + b'\\"' * (n * 20),
    "a long atom": lambda n: b"CREATE " + b"a" * (n * 60),
    "shifts in a name": lambda n: b'CREATE "' + b"&AOQ-" * (n * 8) + b'"',
    "levels of a name": lambda n: b"CREATE " + b"a/" * (n * 20) + b"a",
    "wildcards": lambda n: b'LIST "" "' + b"*a" * (n * 20) + b'"',
    "header fields": lambda n: b"FETCH 1 BODY.PEEK[HEADER.FIELDS (" + b" ".join(b"a%d" % i for i in range(n * 4)) + b")]",
    "section numbers": lambda n: b"FETCH 1 BODY.PEEK[" + b".".join([b"1"] * (n * 8)) + b"]",
    "items": lambda n: b"FETCH 1 (" + b" ".join([b"UID"] * (n * 10)) + b")",
    "braces": lambda n: b"SEARCH TEXT " + b"{" * (n * 10),
}  # fmt: skip


async def _seconds(client: Client, command: bytes) -> float:
    best = float("inf")
    for _ in range(3):
        begun = time.process_time()
        answer = await client.command(command)
        best = min(best, time.process_time() - begun)
        assert answer[-1].split(b" ")[1] in (b"OK", b"NO", b"BAD")
    return best


async def _wide(made: World) -> Client:
    for number in range(20):
        await made.deliver("INBOX", message(number))
    client = await logged_in(made, "INBOX")
    made.sessions[-1].reader.limits = LIMITS
    return client


@pytest.mark.parametrize("name", list(COMMANDS))
async def test_work_grows_with_the_command(name: str) -> None:
    """Four times the command takes about four times as long, refused or not."""
    make = COMMANDS[name]
    async with world() as made:
        client = await _wide(made)
        n = 500
        while (small := await _seconds(client, make(n))) < 0.002 and n < 8_000:
            n *= 2
        large = await _seconds(client, make(4 * n))
    assert large < BOUND * max(small, 0.002), f"{small * 1e3:.1f} ms, then {large * 1e3:.1f} ms"


SEARCHES: dict[str, Callable[[int], bytes]] = {
    "alternatives": lambda n: b"SEARCH " + b"OR SEEN " * n + b"SEEN",
    "negations": lambda n: b"SEARCH " + b"NOT " * n + b"SEEN",
    "nested lists": lambda n: b"SEARCH " + b"(" * n + b"ALL" + b")" * n,
    "keys": lambda n: b"SEARCH " + b" ".join([b"UNSEEN"] * n * 8),
}


@pytest.mark.parametrize("name", list(SEARCHES))
async def test_nested_searches(name: str) -> None:
    """As deep and as many as the limits allow, and beyond: answered, never a fault of ours."""
    async with world() as made:
        client = await _wide(made)
        for count in (limits.SEARCH_DEPTH - 2, limits.SEARCH_DEPTH + 2, 10_000):
            answer = await client.command(SEARCHES[name](count))
            assert answer[-1].split(b" ")[1] in (b"OK", b"BAD")
        assert await client.command("NOOP") == [b"t OK NOOP completed"]


async def test_pipelined_commands() -> None:
    """Commands in one piece cost no more each than a few do."""
    async with world() as made:
        client = await _wide(made)

        async def each(count: int) -> float:
            best = float("inf")
            for _ in range(3):
                begun = time.process_time()
                client.stream.client_write(
                    b"".join(b"p NOOP\r\n" for _ in range(count - 1)) + b"q NOOP\r\n"
                )
                await client.until(b"q")
                best = min(best, time.process_time() - begun)
            return best

        small = await each(2_000)
        assert await each(8_000) < BOUND * max(small, 0.002)
