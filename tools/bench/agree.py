"""Do the servers say the same of the same messages? Asked once, before anything is timed, through our own client of IMAP.

A row compares counts of answers, which two servers may have alike while one of them leaves something out. Here a sample of each mailbox is read
whole: ENVELOPE, BODYSTRUCTURE, size, some header fields, the body, and what a few searches find. What differs is said, and no figure is made.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence

from tools.bench import generate, ours, peers
from tools.bench.prepared import Box

from postil.imap.client.fetched import Fetched
from postil.net.imapclient import ImapClient, connect

SAMPLE = 50  # messages of each mailbox, spread over it
_ITEMS = "RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER.FIELDS (FROM SUBJECT)] BODY.PEEK[]"
_SEARCHES = ("ALL", "SEEN", "LARGER 4096", 'FROM "alice"', f'TEXT "{generate.RARE}"')

# What was asked -> the answer, in words that can be compared
Facts = dict[str, str]


class Disagreement(SystemExit):
    """Two servers differ: their times are not to be compared."""


def check(found: Sequence[peers.Server], boxes: Sequence[Box]) -> None:
    """Disagreement names the first thing on which a peer and we differ."""
    for box in boxes:
        facts = {server.name: asyncio.run(_ask(server, box)) for server in found}
        mine, *others = facts
        for other in others:
            for what, answer in facts[mine].items():
                if facts[other].get(what) != answer:
                    raise Disagreement(
                        f"unequal answers, {box.name}, {what}:\n  {mine}: {answer}\n  {other}: {facts[other].get(what)}"
                    )
        print(f"{box.name}: {', '.join(facts)} agree on {len(facts[mine])} facts", flush=True)


async def _ask(server: peers.Server, box: Box) -> Facts:
    user, password = (ours.USER, ours.PASSWORD) if server.name == "postil" else (peers.USER, peers.PASSWORD)  # fmt: skip
    async with await connect("127.0.0.1", server.imap, tls="none", patience=300) as client:
        await client.login(user, password, mechanism="LOGIN")
        selected = await client.examine(box.name)
        assert selected.exists is not None
        facts = {"EXISTS": str(selected.exists)}
        step = max(1, selected.exists // SAMPLE)
        numbers = ",".join(map(str, range(1, selected.exists + 1, step)))
        for message in await client.fetch(numbers, _ITEMS, uid=False):
            facts |= _facts(message)
        facts |= await _found(client)
        return facts


def _facts(message: Fetched) -> Facts:
    whole = message.octets("") or b""
    about = f"message {message.number}"
    return {
        f"{about} size": str(message.size),
        f"{about} envelope": repr(message.envelope),
        f"{about} structure": repr(message.structure),
        f"{about} fields": repr(message.octets("HEADER.FIELDS (FROM SUBJECT)")),
        f"{about} octets": f"{len(whole)} {hashlib.sha256(whole).hexdigest()}",
    }


async def _found(client: ImapClient) -> Facts:
    out = {}
    for criterion in _SEARCHES:
        found = await client.search(criterion, uid=False)
        out[f"SEARCH {criterion}"] = repr(found)[:2000]
    return out
