"""While TOTP is on, mail programs cannot log in by the account's own password, and do not learn that it was right."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.app.test_server import config
from tests.support.loginclient import Client

from postil.accounts import Administration, attempts, secondfactor, totp
from postil.accounts.attempts import FILE, Filter
from postil.app.server import DATABASE, Variant, serving
from postil.base.clock import SystemClock
from postil.sasl import scram
from postil.sasl.scram_client import ClientExchange

NAME, PASSWORD = "ann@example.org", "correct horse"
VARIANT = Variant(any_port=True, grace=1.0, plaintext_login=True, login_wait=0.0)


async def test_the_same_answer(tmp_path: Path) -> None:
    """PLAIN, LOGIN and SCRAM on both protocols: right and wrong password get the same words; only the list tells them apart."""
    async with serving(config(tmp_path), VARIANT) as server:
        admin = await Administration.open(tmp_path / "data" / DATABASE, clock=SystemClock())
        await admin.add(NAME, PASSWORD)
        phone = await admin.programs.add(NAME, "phone", ["imap", "submission"])
        key = await secondfactor.begin(admin, NAME)
        await secondfactor.confirm(admin, NAME, totp.hotp(key, totp.step(SystemClock().now())))
        await admin.close()

        async def answer(protocol: str, mechanism: str, password: str) -> str:
            port = server.ports["imap" if protocol == "imap" else "submission"]
            client = await Client.open(protocol, port)
            try:
                if mechanism == "PLAIN":
                    return (await client.plain(NAME, password)).text
                if mechanism == "LOGIN":
                    await client.send(f't1 LOGIN {NAME} "{password}"')
                    return await client.line()
                exchange = ClientExchange(
                    scram.MECHANISMS[mechanism], NAME, password, b"nonce-of-the-client"
                )
                return (await client.scram(mechanism, exchange)).text
            finally:
                await client.close()

        for protocol in ("imap", "smtp"):
            for mechanism in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-1", "LOGIN"):
                if (protocol, mechanism) == ("smtp", "LOGIN"):
                    continue
                right = await answer(protocol, mechanism, PASSWORD)
                wrong = await answer(protocol, mechanism, "wrong horse")
                assert right == wrong, (protocol, mechanism)
                assert "Wrong name or password" in right or "credentials invalid" in right
                other = await answer(protocol, mechanism, phone)
                assert " OK " in other or other.startswith("235 ")
    rows = await asyncio.to_thread(attempts.read, tmp_path / "data" / FILE, Filter(), 100)
    by_result: dict[str, int] = {}
    for row in rows:
        by_result[row.result.name] = by_result.get(row.result.name, 0) + row.count
    assert by_result == {"SECOND_FACTOR": 7, "CREDENTIALS": 7, "OK": 7}
