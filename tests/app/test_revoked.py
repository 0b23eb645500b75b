"""Sessions end when what opened them is withdrawn, by a command in another process, and no others do."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.app.test_server import config
from tests.support.loginclient import Client

from postil.accounts import Administration
from postil.app.server import DATABASE, Server, Variant, serving
from postil.base.clock import SystemClock
from postil.daemon import sessions

NAME, OTHER, PASSWORD = "ann@example.org", "bob@example.org", "correct horse"
VARIANT = Variant(any_port=True, grace=1.0, plaintext_login=True)


async def accounts(folder: Path) -> str:
    admin = await Administration.open(folder / "data" / DATABASE, clock=SystemClock())
    await admin.add(NAME, PASSWORD)
    await admin.add(OTHER, PASSWORD)
    phone = await admin.programs.add(NAME, "phone", ["imap", "submission"])
    await admin.close()
    return phone


async def postil(folder: Path, *arguments: str, password: str = "") -> None:
    """A command, beside the running server."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "postil.cli", *arguments, "--dir", str(folder / "data")),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, wrong = await process.communicate(password.encode())
    assert process.returncode == 0, wrong


async def logged_in(server: Server, protocol: str, name: str, password: str) -> Client:
    client = await Client.open(
        protocol, server.ports["imap" if protocol == "imap" else "submission"]
    )
    answer = await client.plain(name, password)
    assert answer.ok, answer.text
    return client


async def idle(client: Client) -> None:
    await client.send("i IDLE")
    assert await client.line() == "+ idling"


async def still_there(client: Client) -> bool:
    await client.send("n NOOP" if client.protocol == "imap" else "NOOP")
    return (await client.line()).startswith(("n OK", "250"))


CHANGES: dict[str, tuple[tuple[str, ...], str, str, str]] = {
    # command; sessions of: own password, app password end; IMAP's last word
    "password": (
        ("account", "password", NAME, "--password-stdin"),
        "own",
        "EXPIRED",
        "a new one\n",
    ),
    "app password": (("account", "app-password", "rm", NAME, "phone"), "phone", "EXPIRED", ""),
    "disabled": (("account", "disable", NAME, "--reason", "left"), "own phone", "CONTACTADMIN", ""),
    "removed": (("account", "rm", NAME, "--yes"), "own phone", "CONTACTADMIN", ""),
    "logout": (("account", "logout", NAME), "own phone", "UNAVAILABLE", ""),
}


@pytest.mark.rfc("5530", "3", "access is no longer permitted using that passphrase.")
@pytest.mark.rfc("5530", "3", "The user should contact the system administrator or support desk.")
@pytest.mark.parametrize("change", CHANGES)
async def test_who_must_go(tmp_path: Path, change: str) -> None:
    """Idling or not, IMAP and submission; others of the account and other accounts stay, and nothing is lost."""
    command, ends, code, typed = CHANGES[change]
    async with serving(config(tmp_path), VARIANT) as server:
        phone = await accounts(tmp_path)
        clients = {
            (who, protocol, mode): await logged_in(server, protocol, name, password)
            for who, name, password in (
                ("own", NAME, PASSWORD),
                ("phone", NAME, phone),
                ("bob", OTHER, PASSWORD),
            )
            for protocol, mode in (("imap", ""), ("imap", "idle"), ("smtp", ""))
        }
        for (_, _, mode), client in clients.items():
            if mode:
                await idle(client)
        await postil(tmp_path, *command, password=typed)
        began = time.monotonic()
        for (who, protocol, _), client in clients.items():
            if who in ends.split():
                last = await asyncio.wait_for(client.line(), 30)
                assert last.startswith(
                    f"* BYE [{code}] " if protocol == "imap" else "421 4.7.0 "
                ), last
                assert await client.line() == ""
        print(
            f"{change}: the last of {len(clients)} ended {time.monotonic() - began:.1f} s after the command"
        )
        for (who, _, mode), client in clients.items():
            if who not in ends.split():
                if mode:
                    await client.send("DONE")
                    assert (await client.line()).startswith("i OK")
                assert await still_there(client), who
            await client.close()


async def test_in_the_middle_of_a_message(tmp_path: Path) -> None:
    """Of a message that is being sent nothing is kept, and the client is told why."""
    async with serving(config(tmp_path), VARIANT) as server:
        await accounts(tmp_path)
        client = await logged_in(server, "smtp", NAME, PASSWORD)
        for line, code in (
            (f"MAIL FROM:<{NAME}>", "250"), (f"RCPT TO:<{OTHER}>", "250"), ("DATA", "354"),
        ):  # fmt: skip
            await client.send(line)
            assert (await client.line()).startswith(code)
        await client.send("Subject: half")
        await postil(tmp_path, "account", "logout", NAME)
        assert (await client.line()).startswith("421 4.7.0 ")
        await client.close()
        bob = await logged_in(server, "imap", OTHER, PASSWORD)
        await bob.send("s STATUS INBOX (MESSAGES)")
        assert "(MESSAGES 0)" in await bob.line()
        await bob.close()


async def test_unauthenticated_stay(tmp_path: Path) -> None:
    """Who has said UNAUTHENTICATE is nobody, and may be somebody else."""
    async with serving(config(tmp_path), VARIANT) as server:
        await accounts(tmp_path)
        client = await logged_in(server, "imap", NAME, PASSWORD)
        await client.send("u UNAUTHENTICATE")
        assert (await client.line()).startswith("u OK")
        gone = await logged_in(server, "imap", NAME, PASSWORD)
        await postil(tmp_path, "account", "logout", NAME)
        assert (await gone.line()).startswith("* BYE")
        await client.send("n NOOP")
        assert (await client.line()).startswith("n OK")
        assert (await client.plain(OTHER, PASSWORD)).ok
        for one in (client, gone):
            await one.close()


async def test_nothing_is_asked_without_need(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While nobody is logged in the database is left alone; while nothing changes only its version is read."""
    monkeypatch.setattr(sessions, "LOOK_EVERY", 0.01)
    async with serving(config(tmp_path), VARIANT) as server:
        asked: list[str] = []
        judge = server.accounts.revocations
        looked = asyncio.Event()

        def counted(
            name: str, call: Callable[..., Awaitable[object]]
        ) -> Callable[..., Awaitable[object]]:
            async def wrapper(*values: object) -> object:
                asked.append(name)
                if asked.count("changed") > 20:
                    looked.set()
                return await call(*values)

            return wrapper

        monkeypatch.setattr(judge, "changed", counted("changed", judge.changed))
        monkeypatch.setattr(judge, "withdrawn", counted("withdrawn", judge.withdrawn))
        await accounts(tmp_path)  # hashes passwords, which takes longer than many looks
        assert asked == []
        clients = [await logged_in(server, "imap", NAME, PASSWORD) for _ in range(3)]
        await asyncio.wait_for(looked.wait(), 30)
        assert 1 <= asked.count("withdrawn") <= 3
        for client in clients:
            await client.close()
