"""Errors on request, for developers of mail software: the local part of an address says which.

It ends in `temperror` (451), `permerror` (550), a number from 400 to 599 (that code) or `timeout` (no answer for an hour);
it begins with `mailfrom` or `rcptto` to have it at that command, otherwise it happens at the end of DATA.
RFC 5321 §4.2.1 (what the codes mean to a sender). Sender and recipients count alike. Used by localserve only, in front of the real pipeline.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from postil.ports.delivery import Inbound, Path, Receiving, Transaction, Verdict

_WISH = re.compile(
    r"(mailfrom|rcptto)?.*?(temperror|permerror|timeout|[45][0-9][0-9])", re.IGNORECASE
)
HOUR = 3600.0

Sleep = Callable[[float], Awaitable[None]]


def wish(path: Path) -> tuple[str, str] | None:
    """(command, error) that the local part asks for."""
    match = _WISH.fullmatch(path.local)
    if match is None:
        return None
    return (match[1] or "data").lower(), match[2].lower()


async def fulfil(error: str, sleep: Sleep) -> Verdict:
    """The verdict asked for; for `timeout` after an hour."""
    match error:
        case "temperror":
            return Verdict(451, "4.0.0", "simulated temporary error", "simulate")
        case "permerror":
            return Verdict(550, "5.0.0", "simulated permanent error", "simulate")
        case "timeout":
            await sleep(HOUR)
            return Verdict(451, "4.0.0", "simulated timeout, an hour later", "simulate")
        case _:
            return Verdict(int(error), f"{error[0]}.0.0", f"simulated error {error}", "simulate")


class Simulation:
    """`ports.delivery.Inbound` in front of another."""

    def __init__(self, inbound: Inbound, sleep: Sleep) -> None:
        self._inbound = inbound
        self._sleep = sleep

    async def begin(self, transaction: Transaction) -> Receiving | Verdict:
        """Errors at MAIL."""
        wanted = wish(transaction.mail_from)
        if wanted is not None and wanted[0] == "mailfrom":
            return await fulfil(wanted[1], self._sleep)
        receiving = await self._inbound.begin(transaction)
        if isinstance(receiving, Verdict):
            return receiving
        return SimulatedReceiving(receiving, wanted, self._sleep)


class SimulatedReceiving:
    """`ports.delivery.Receiving` in front of another; `wanted` is what the sender asked for."""

    def __init__(self, receiving: Receiving, wanted: tuple[str, str] | None, sleep: Sleep) -> None:
        self._receiving = receiving
        self._sleep = sleep
        self._at_rcpt = wanted[1] if wanted is not None and wanted[0] == "rcptto" else None
        self._at_data = wanted[1] if wanted is not None and wanted[0] == "data" else None

    async def recipient(self, path: Path) -> Verdict:
        """Errors at RCPT."""
        wanted = wish(path)
        if self._at_rcpt is not None:
            return await fulfil(self._at_rcpt, self._sleep)
        if wanted is not None and wanted[0] == "rcptto":
            return await fulfil(wanted[1], self._sleep)
        if wanted is not None and wanted[0] == "data" and self._at_data is None:
            self._at_data = wanted[1]
        return await self._receiving.recipient(path)

    async def write(self, piece: bytes | memoryview) -> None:
        await self._receiving.write(piece)

    async def finish(self) -> Verdict:
        """Errors after the message."""
        if self._at_data is not None:
            await self._receiving.abort()
            return await fulfil(self._at_data, self._sleep)
        return await self._receiving.finish()

    async def abort(self) -> None:
        await self._receiving.abort()
