"""Guessing over real sockets: limits hold over all protocols, others log in meanwhile, memory stays flat, and the list tells of it."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import resource
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from tests.app.test_server import config
from tests.support.loginclient import Client

from postil.accounts import Administration, attempts, gate, passwords
from postil.accounts.gate import AT_ONCE
from postil.app.server import DATABASE, Server, Variant, serving
from postil.base.clock import SystemClock
from postil.config.model import Logins

NAME, PASSWORD = "ann@example.org", "correct horse"
VARIANT = Variant(any_port=True, grace=1.0, plaintext_login=True, login_wait=0.0)


async def add_account(folder: Path) -> None:
    administration = await Administration.open(folder / "data" / DATABASE, clock=SystemClock())
    await administration.add(NAME, PASSWORD)
    await administration.close()


async def attempt(server: Server, protocol: str, local: str, password: str) -> str:
    """One login on a connection of its own; the server's answer."""
    port = server.ports["imap" if protocol == "imap" else "submission"]
    try:
        client = await Client.open(protocol, port, local=local)
    except OSError as error:
        if "assign" in str(error):
            pytest.skip(f"this system has no address {local}")
        raise
    try:
        return (await client.plain(NAME, password)).text
    finally:
        await client.close()


def logins(folder: Path, *options: str) -> list[dict[str, object]]:
    command = [
        sys.executable,
        "-m",
        "postil.cli",
        "logins",
        "--dir",
        str(folder),
        "--json",
        *options,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, object]] = json.loads(done.stdout)
    return found


async def test_one_count_for_all_protocols(tmp_path: Path) -> None:
    """Guesses at IMAP and at submission add up; then the right password is refused too, from there only; all of it is listed."""
    few = config(
        tmp_path,
        logins=Logins(failures_per_minute=3, failures_per_hour=3, failures_per_day=3, allow=()),
    )
    async with serving(few, VARIANT) as server:
        await add_account(tmp_path)
        for protocol in ("imap", "smtp", "imap"):
            assert "LIMIT" not in await attempt(server, protocol, "127.1.0.1", "wrong horse")
        refused = await attempt(server, "imap", "127.1.0.1", PASSWORD)
        assert " NO [LIMIT] Too many wrong logins from your network" in refused
        assert (await attempt(server, "smtp", "127.1.0.1", PASSWORD)).startswith("454 4.7.0 ")
        assert " OK " in await attempt(server, "imap", "127.2.0.1", PASSWORD)
        assert (await attempt(server, "smtp", "127.2.0.1", PASSWORD)).startswith("235 ")
    folder = tmp_path / "data"
    found = await asyncio.to_thread(logins, folder)
    assert Counter((row["protocol"], row["result"], row["count"]) for row in found) == Counter(
        [
            ("imap", "wrong name or password", 2),
            ("submission", "wrong name or password", 1),
            ("imap", "too many failures from there", 1),
            ("submission", "too many failures from there", 1),
            ("imap", "ok", 1),
            ("submission", "ok", 1),
        ]
    )
    assert {row["remote_ip"] for row in found if row["result"] == "ok"} == {"127.2.0.1"}
    # Who is refused at once has not said his name yet.
    assert {
        (row["login"], row["mechanism"], row["tls"])
        for row in found
        if "many" not in str(row["result"])
    } == {(NAME, "PLAIN", "")}
    assert len(await asyncio.to_thread(logins, folder, "--failed")) == 4
    assert (
        len(await asyncio.to_thread(logins, folder, "--ip", "127.2.0.1", "--protocol", "imap")) == 1
    )
    shown = subprocess.run(
        [sys.executable, "-m", "postil.cli", "logins", "--dir", str(folder), "--successful"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert shown.count("\n") == 2 and f"PLAIN  {NAME}  from 127.2.0.1  no TLS" in shown


def attempts_held() -> int:
    """How many attempts anybody still has in memory, other tests of this process included."""
    return sum(isinstance(one, attempts.Attempt) for one in gc.get_objects())


async def all_gone(server: Server, folder: Path, answers: Counter[str], held: int) -> None:
    """Connections linger a moment after their last word, and the list of attempts is written a moment later."""
    value = server.metrics.registry.get_sample_value

    def at_work() -> bool:
        labels = ({"listener": name} for name in ("imap", "submission"))
        rows = attempts.read(folder / "data" / attempts.FILE, attempts.Filter(failed=True), 9999)
        return (
            any(value("postil_connections_open", label) for label in labels)
            or sum(row.count for row in rows) < answers.total()
            # who has written them learns of it a moment after we can read them
            or attempts_held() > held
        )

    async with asyncio.timeout(100):
        while at_work():
            await asyncio.sleep(
                0.05
            )  # looking costs the server, which shares our loop, some of its time
    gc.collect()


@pytest.mark.timeout(300)
async def test_guesses_cost_nothing_that_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """1,000 guesses from 50 addresses: each gets its few, a user logs in all the time, and the second half leaves nothing in memory that the first had not left."""
    monkeypatch.setattr(passwords, "MEMORY_KIB", 64)  # what a hash costs is not the question here
    monkeypatch.setattr(gate, "LONGEST_WAIT", 0.0)  # the answers of the refused come at once here
    caplog.set_level(logging.WARNING, "postil")  # else pytest keeps every line
    allowed = Logins(failures_per_minute=100, failures_per_hour=2, failures_per_day=2, allow=())
    addresses = [f"127.{number}.0.1" for number in range(1, 51)]
    held = attempts_held()
    answers: Counter[str] = Counter()
    async with serving(config(tmp_path, logins=allowed), VARIANT) as server:
        await add_account(tmp_path)

        async def guess(number: int) -> None:
            protocol = ("imap", "smtp")[number // 50 % 2]
            said = await attempt(server, protocol, addresses[number % 50], f"guess {number}")
            assert "OK" not in said and not said.startswith("235")
            answers["limited" if "Too many" in said else "wrong"] += 1

        async def some(first: int) -> Counter[str]:
            """500 of them; how many objects of ours there are when they are gone, by type."""
            for start in range(first, first + 500, 250):
                async with asyncio.TaskGroup() as guesses:
                    for number in range(start, start + 250):
                        guesses.create_task(guess(number))
                    assert " OK " in await attempt(server, "imap", "127.99.0.1", PASSWORD)
            await all_gone(server, tmp_path, answers, held)
            kinds = (type(one) for one in gc.get_objects())
            return Counter(
                kind.__qualname__ for kind in kinds if str(kind.__module__).startswith("postil.")
            )

        first = await some(0)
        looked_at = server.accounts.passwords.hashed
        more = await some(500) - first
        print(f"1,000 guesses: {answers}; objects that the second half left: {dict(more)}")
        assert answers.total() == 1000
        assert 50 * 2 <= answers["wrong"] <= 50 * (2 + AT_ONCE)
        assert (
            server.accounts.passwords.hashed == looked_at
        )  # all of the second half were turned away
        assert more.total() < 25  # not one for twenty guesses
        counts = next(one for one in gc.get_objects() if isinstance(one, gate.LoginGate))
        assert len(counts) <= 3 * 3 * 50  # windows, widths of networks, addresses


@pytest.mark.proof
@pytest.mark.alone
async def test_ten_thousand_guesses_from_fifty_addresses(tmp_path: Path) -> None:
    """Each address gets its few guesses, all the others of the ten thousand are not looked at; a user logs in all the time."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20_000), hard))
    allowed = Logins(failures_per_minute=10, failures_per_hour=10, failures_per_day=10, allow=())
    addresses = [f"127.{number}.0.1" for number in range(1, 51)]
    at_once = asyncio.Semaphore(2000)
    answers: Counter[str] = Counter()
    waits: list[float] = []
    try:
        async with serving(config(tmp_path, logins=allowed), VARIANT) as server:
            await add_account(tmp_path)
            assert " OK " in await attempt(server, "imap", "127.99.0.1", PASSWORD)
            hashed = server.accounts.passwords.hashed

            async def guess(number: int) -> None:
                async with at_once:
                    protocol = ("imap", "smtp")[number % 2]
                    said = await attempt(
                        server, protocol, addresses[number % 50], f"guess {number}"
                    )
                    answers["limited" if "Too many" in said else "wrong"] += 1
                    assert "OK" not in said and not said.startswith("235")

            async def user(guessing: asyncio.Event) -> None:
                while not guessing.is_set():
                    began = time.monotonic()
                    assert " OK " in await attempt(server, "imap", "127.99.0.1", PASSWORD)
                    waits.append(time.monotonic() - began)

            over = asyncio.Event()
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            async with asyncio.TaskGroup() as group:
                group.create_task(user(over))
                async with asyncio.TaskGroup() as guesses:
                    for number in range(10_000):
                        guesses.create_task(guess(number))
                over.set()
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            looked_at = server.accounts.passwords.hashed - hashed
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    print(
        f"\n10,000 guesses: {answers}, {looked_at} looked at; a user's {len(waits)} logins meanwhile:"
        f" longest {max(waits):.2f} s; memory +{grown / 1024:.0f} MiB with 2,000 clients in the same process"
    )
    # Few may be under way when the limit is reached.
    assert 50 * 10 <= looked_at <= 50 * (10 + AT_ONCE)
    assert answers.total() == 10_000 and answers["wrong"] == looked_at
    assert len(waits) >= 20
    assert grown < 200 * 1024
