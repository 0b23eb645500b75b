"""Several sessions on one mailbox: whatever they do, each client's picture stays right.

A model client believes only what RFC 9051 lets it believe: EXISTS adds messages, EXPUNGE removes one and shifts the rest, FETCH tells
uid and flags. After every command its picture is compared with what the server says about sequence numbers.
"""

from __future__ import annotations

import random
import re

import pytest
from tests.support.imap import Client, World, logged_in, message, world

_EXISTS = re.compile(rb"\* (\d+) EXISTS")
_EXPUNGE = re.compile(rb"\* (\d+) EXPUNGE")
_FETCH = re.compile(rb"\* (\d+) FETCH \((?:UID (\d+) ?)?(?:FLAGS \(([^)]*)\))?\)")
_HOLDS = ("FETCH", "STORE", "SEARCH")


class Believer:
    """A client that believes the server."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.uids: list[int | None] = []
        self.flags: dict[int, frozenset[bytes]] = {}

    async def do(self, command: str) -> bytes:
        """One command; the answer is believed, and checked against the rules."""
        verb = command.split()[0]
        lines = await self.client.command(command)
        for line in lines[:-1]:
            self._believe(line, may_expunge=verb not in _HOLDS)
        return lines[-1]

    def _believe(self, line: bytes, *, may_expunge: bool) -> None:
        if match := _EXISTS.fullmatch(line):
            count = int(match.group(1))
            assert count >= len(self.uids), "EXISTS never shrinks a mailbox"
            self.uids += [None] * (count - len(self.uids))
        elif match := _EXPUNGE.fullmatch(line):
            assert may_expunge, "EXPUNGE during FETCH, STORE or SEARCH"
            del self.uids[int(match.group(1)) - 1]
        elif match := _FETCH.fullmatch(line):
            seq = int(match.group(1))
            assert 1 <= seq <= len(self.uids)
            if match.group(2):
                uid = int(match.group(2))
                assert self.uids[seq - 1] in (None, uid), "a sequence number means another message"
                self.uids[seq - 1] = uid
            known = self.uids[seq - 1]
            if match.group(3) is not None and known is not None:
                shown = frozenset(match.group(3).split()) - {b"\\Recent"}
                self.flags[known] = shown

    async def learn(self) -> None:
        """Ask for everything unknown, without losing what is known."""
        if self.uids:
            await self.do("FETCH 1:* (UID FLAGS)")

    async def check(self, made: World) -> None:
        """After NOOP the picture is the truth."""
        await self.do("NOOP")
        await self.learn()
        status = await made.store.status((await made.mailbox("INBOX")).id)
        assert len(self.uids) == status.messages
        assert None not in self.uids
        assert self.uids == sorted(uid for uid in self.uids if uid is not None)


def _command(chance: random.Random, believer: Believer) -> str:
    count = len(believer.uids)
    if not count:
        return "NOOP"
    seq = chance.randint(1, count)
    silent = chance.choice(["", ".SILENT"])
    sign = chance.choice(["", "+", "-"])
    flag = chance.choice(["\\Seen", "\\Deleted", "\\Flagged", "$Junk", ""])
    return chance.choice(
        [
            f"STORE {seq} {sign}FLAGS{silent} ({flag})",
            f"STORE {seq}:* +FLAGS{silent} (\\Deleted)",
            f"UID STORE {seq}:{seq + 3} {sign}FLAGS{silent} ({flag})",
            f"FETCH {seq} (UID FLAGS)",
            f"FETCH {seq}:* (FLAGS)",
            "UID FETCH 1:* (FLAGS)",
            "SEARCH DELETED",
            "NOOP",
            "CHECK",
            f"COPY {seq} INBOX",
            f"MOVE {seq} INBOX",
            f"MOVE {seq} Archive",
            f"UID MOVE {seq}:{seq + 2} Archive",
            "EXPUNGE",
            f"UID EXPUNGE {seq}:*",
            "STATUS INBOX (MESSAGES)",
        ]
    )


@pytest.mark.rfc(
    "9051",
    "7.5.1",
    "An EXPUNGE response MUST NOT be sent when no command is in progress, nor while responding to a FETCH, STORE, or SEARCH command.",
)
@pytest.mark.rfc(
    "9051",
    "5.2",
    "In particular, it is NOT permitted to send an EXISTS response that would reduce the number of messages in the mailbox",
)
@pytest.mark.parametrize("seed", range(12))
async def test_every_client_keeps_the_right_picture(seed: int) -> None:
    """Three clients and a delivery agent at random: sequence numbers never lie, nothing is lost."""
    chance = random.Random(seed)
    async with world() as made:
        await made.mailbox("Archive")
        for number in range(1, 6):
            await made.deliver("INBOX", message(number))
        believers = []
        for _ in range(3):
            client = await logged_in(made)
            if chance.random() < 0.5:
                await client.command("ENABLE IMAP4rev2")
            believer = Believer(client)
            assert (await believer.do("SELECT INBOX")).startswith(b"t OK")
            believers.append(believer)
        for step in range(120):
            if chance.random() < 0.15:
                await made.deliver("INBOX", message(100 + step))
            believer = chance.choice(believers)
            answer = await believer.do(_command(chance, believer))
            assert answer.startswith((b"t OK", b"t NO [EXPUNGEISSUED]")), answer
            if chance.random() < 0.2:
                await believer.learn()
        for believer in believers:
            await believer.check(made)
        first, *others = believers
        for other in others:
            assert other.uids == first.uids
            assert {u: other.flags[u] for u in other.uids if u} == {
                u: first.flags[u] for u in first.uids if u
            }


@pytest.mark.parametrize("seed", range(6))
async def test_flags_are_known_without_asking(seed: int) -> None:
    """With .SILENT and without, alone or not: a client that knows uids knows all flags after NOOP."""
    chance = random.Random(1000 + seed)
    async with world() as made:
        for number in range(1, 5):
            await made.deliver("INBOX", message(number))
        one, two = [Believer(await logged_in(made)) for _ in range(2)]
        for believer in (one, two):
            await believer.do("SELECT INBOX")
            await believer.learn()
        for _ in range(60):
            believer = chance.choice((one, two))
            seq = chance.randint(1, 4)
            sign = chance.choice(["", "+", "-"])
            flag = chance.choice(["\\Seen", "\\Flagged", "$Junk"])
            silent = chance.random() < 0.5
            before = believer.flags[seq]
            await believer.do(f"STORE {seq} {sign}FLAGS{'.SILENT' if silent else ''} ({flag})")
            if silent and believer.flags[seq] == before:
                given = frozenset([flag.encode()])
                believer.flags[seq] = {"": given, "+": before | given, "-": before - given}[sign]
            if chance.random() < 0.5:
                # Now, not at the end: a later change would hide what was not told.
                await believer.do("NOOP")
                assert believer.flags == await _truth(made)


async def _truth(made: World) -> dict[int, frozenset[bytes]]:
    view = await made.store.open((await made.mailbox("INBOX")).id)
    generation = view.generation
    flags = {
        uid: frozenset(view.flagsets.text(number).encode().split())
        for uid, number in zip(generation.uids, generation.flags, strict=True)
    }
    view.close()
    return flags
