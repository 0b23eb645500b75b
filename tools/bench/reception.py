"""SMTP reception until the message is in the mailbox, beside Postfix with Dovecot's LMTP; flatness.

10 KiB each, from 50 sessions, to one mailbox and spread over 50. Our 250 says that the message is there; behind
Postfix it is when LMTP has taken it.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import re
import statistics
import time
from pathlib import Path

from tools.bench import generate, meter, ours, peers, postfix, prepared, smtpload, syncs

SIZE = 10 * 1024
SESSIONS = 50
MAILBOXES = 50
MARK = 8.0  # times the peer's messages a second
FLAT = 0.8  # the last thousand by the first: what noise leaves of "as fast"


def compare(given: argparse.Namespace, folder: Path) -> list[dict[str, object]]:
    """All that is wanted of it."""
    rows: list[dict[str, object]] = []
    bodies = tuple(generate.message(number, SIZE) for number in range(200))
    wanted = [
        (name, count)
        for name, count in (
            ("SMTP reception into one mailbox", 1),
            ("SMTP reception into 50 mailboxes", MAILBOXES),
        )
        if re.search(given.only, name)
    ]
    if wanted:
        with contextlib.ExitStack() as stack:
            we = stack.enter_context(ours.postil(folder / "ours", accounts=MAILBOXES))
            found = [we]
            with contextlib.suppress(peers.MissingPeer):
                found.append(stack.enter_context(postfix.postfix(folder / "postfix")))
            for server in found:
                print(f"{server.name}: {server.about}")
            prepared.print_configuration(found)
            rows += [_row(given, name, count, found, bodies) for name, count in wanted]
    if re.search(given.only, "SMTP reception is flat"):
        with ours.postil(folder / "flat") as we:
            rows.append(flat(we, given.flat, bodies))
    return rows


def _row(
    given: argparse.Namespace,
    name: str,
    mailboxes: int,
    found: list[peers.Server],
    bodies: tuple[bytes, ...],
) -> dict[str, object]:
    rates: dict[str, list[float]] = {}
    cpus: dict[str, list[float]] = {}
    calls: dict[str, float] = {}
    for number in range(given.runs + 1):
        for at, server in enumerate(found):
            last = number == given.runs
            # The peer is slower by more than the mark; a quarter of the messages takes it as long.
            count = 200 if last else given.receive if at == 0 else given.receive // 4
            domain = "localhost" if at == 0 else generate.DOMAIN
            users = ["postil" if at == 0 else "bench"]
            if mailboxes > 1:
                users = [f"bench{user}" for user in range(mailboxes)]
            load = smtpload.Load(
                port=server.smtp,
                recipients=tuple(f"{user}@{domain}" for user in users),
                bodies=bodies,
                count=count,
                sessions=SESSIONS,
            )
            work = functools.partial(_receive, server, load, at == 0)
            if last:
                made, _ = syncs.count(server.pids, work)
                calls[server.name] = sum(made.values()) / count
                continue
            run = meter.measured(server.pids, work, count)
            rates.setdefault(server.name, []).append(count / run.wall)
            cpus.setdefault(server.name, []).append(run.cpu / count * 1e6)
    medians = {server: statistics.median(values) for server, values in rates.items()}
    print(f"{name:36} " + "  ".join(
        f"{server} {rate:.0f}/s, {statistics.median(cpus[server]):.0f} us CPU, {calls[server]:.2f} syncs"
        for server, rate in medians.items()
    ), end="")  # fmt: skip
    verdict = None
    if len(medians) > 1:
        times = next(iter(medians.values())) / list(medians.values())[1]
        print(f"  {times:.1f} times, mark {MARK:g}: {'met' if times >= MARK else 'MISSED'}")
        verdict = meter.Verdict(name, f">= {MARK:g} x Postfix", f"{times:.1f}", times >= MARK)
    return {
        "name": name, "mark": MARK, "rates": rates, "cpu_us": cpus, "syncs": calls,
        "verdict": verdict,
    }  # fmt: skip


def _receive(server: peers.Server, load: smtpload.Load, ours_: bool) -> int:
    """Send, and wait until the mailboxes have it all."""
    before = 0 if ours_ else _there(server)
    smtpload.run(load)
    while not ours_ and _there(server) < before + load.count:
        time.sleep(0.05)
    return load.count


def _there(server: peers.Server) -> int:
    """How many messages LMTP has taken, by Postfix's log: asking fifty mailboxes would cost the peer CPU."""
    return (server.folder / "maillog").read_bytes().count(b" status=sent ")


def flat(we: peers.Server, count: int, bodies: tuple[bytes, ...]) -> dict[str, object]:
    """Is the last thousand taken as fast as the first?"""
    load = smtpload.Load(
        port=we.smtp,
        recipients=("postil@localhost",),
        bodies=bodies,
        count=count,
        sessions=SESSIONS,
    )
    result = smtpload.run(load)
    step = min(1000, count // 4)
    first, last = result.rate_of(0, step), result.rate_of(count - step, count)
    verdict = "met" if last >= first * FLAT else "MISSED"
    print(
        f"{f'{count} messages, flat':36} first {step}: {first:.0f}/s, last: {last:.0f}/s: {verdict}"
    )
    line = meter.Verdict(
        "SMTP reception is flat",
        f"last >= {FLAT:g} x first",
        f"{last / first:.2f}",
        last >= first * FLAT,
    )
    return {
        "name": "flat", "mark": FLAT, "first": first, "last": last, "count": count, "verdict": line
    }  # fmt: skip
