"""One mailbox with a million messages: SELECT, memory, and delivery beside delivery into an empty one.

The mailbox is the INBOX of an account of its own, filled once and kept (`prepared`) by copying 20,000 messages fifty times: rows, sizes and
dates are a million's, and appending them takes a quarter of an hour. The empty one is another account's. Deliveries to the
two take turns. No peer: the marks are absolute, and the second mailbox is the measure of the first.
"""

from __future__ import annotations

import argparse
import itertools
import re
import statistics

from tools.bench import generate, imapload, meter, ours, peers, prepared, smtpload

SELECT_MS = 100.0
MEMORY_MIB = 400.0
FLAT = 1.15  # time into the huge one by time into the empty one: what noise makes of "as fast"
NAME = "a million messages in one mailbox"
_SENT = 1000
_SEED = 20_000


def compare(given: argparse.Namespace) -> list[dict[str, object]]:
    """The three marks, where wanted."""
    if not re.search(given.only, NAME):
        return []
    folder = prepared.folder_for(given.data, f"huge-{given.huge}")
    short = [generate.message(number, 600) for number in range(500)]
    with ours.postil(folder / "ours", accounts=0 if (folder / "ours").exists() else 2) as we:
        mark = folder / "filled" / "inbox"
        if not mark.exists():
            client = _login(we, 0)
            client.command("CREATE seed")
            client.fill("seed", itertools.islice(itertools.cycle(short), _SEED), 200)
            client.select("seed")
            while (have := client.exists_in("INBOX")) < given.huge:
                client.command(f"COPY 1:{min(_SEED, given.huge - have)} INBOX")
            client.close()
            meter.settle(*we.pids, seconds=3000)
            mark.touch()
    if given.prepare:
        return []
    with ours.postil(folder / "ours") as we:
        return [_measure(given, we, short)]


def _login(we: peers.Server, number: int) -> imapload.Client:
    return imapload.Client(we.imap).login(f"bench{number}@localhost", ours.PASSWORD)


def _measure(given: argparse.Namespace, we: peers.Server, short: list[bytes]) -> dict[str, object]:
    empty = _login(we, 1)
    if empty.select("INBOX"):
        empty.command("STORE 1:* +FLAGS.SILENT (\\Deleted)")
        empty.command("EXPUNGE")
    empty.close()
    client = _login(we, 0)
    cold = meter.measured(we.pid, lambda: client.select("INBOX")).wall * 1e3
    selects: list[float] = []
    for _ in range(5):
        client.command("UNSELECT")
        selects.append(meter.measured(we.pid, lambda: client.select("INBOX")).wall * 1e3)
    client.command("UNSELECT")
    sent: dict[int, list[meter.Run]] = {0: [], 1: []}
    for turn in range(-1, given.runs):
        for number, runs in sent.items():
            load = smtpload.Load(
                port=we.smtp,
                recipients=(f"bench{number}@localhost",),
                bodies=tuple(short),
                count=_SENT,
                sessions=20,
            )
            run = meter.measured(we.pid, lambda load=load: _send(load), _SENT)  # type: ignore[misc]
            if turn >= 0:
                runs.append(run)
    there = client.select("INBOX")
    mib = meter.memory(we.pid) / 2**20
    client.close()
    select = statistics.median(selects)
    ratio = max(
        statistics.median(float(getattr(run, of)) for run in sent[0])
        / statistics.median(float(getattr(run, of)) for run in sent[1])
        for of in ("wall", "cpu")
    )
    us = {
        number: statistics.median(run.wall for run in runs) * 1e6 / _SENT
        for number, runs in sent.items()
    }
    print(
        f"{NAME}: {there} there, SELECT {select:.1f} ms (first {cold:.0f}), server memory {mib:.0f} MiB, delivery"
        f" {us[0]:.0f} us a message, into an empty one {us[1]:.0f}, ratio {ratio:.2f}"
    )
    verdict = meter.Verdict(
        NAME,
        f"{SELECT_MS:g} ms, {MEMORY_MIB:g} MiB, {FLAT:g}",
        f"{select:.1f} ms, {mib:.0f} MiB, {ratio:.2f}",
        select <= SELECT_MS and mib <= MEMORY_MIB and ratio <= FLAT,
    )
    return {
        "name": NAME, "messages": there, "select_ms": select, "first_select_ms": cold, "mib": mib, "delivery_us": us,
        "ratio": ratio, "verdict": verdict,
    }  # fmt: skip


def _send(load: smtpload.Load) -> int:
    smtpload.run(load)
    return load.count
