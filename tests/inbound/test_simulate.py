"""Errors on request."""

from __future__ import annotations

import pytest
from tests.support.delivery import path
from tests.support.smtp import Recorder, short, world

from postil.inbound import Simulation
from postil.inbound.simulate import HOUR, wish


@pytest.mark.parametrize(
    ("local", "found"),
    [
        ("temperror", ("data", "temperror")),
        ("xtemperror", ("data", "temperror")),
        ("mailfromtemperror", ("mailfrom", "temperror")),
        ("mailfrom-x-550", ("mailfrom", "550")),
        ("RcptTo.PermError", ("rcptto", "permerror")),
        ("x400", ("data", "400")),
        ("599", ("data", "599")),
        ("timeout", ("data", "timeout")),
        ("x600", None),
        ("x99", None),
        ("temperrorx", None),
        ("mailfrom", None),
        ("alice", None),
    ],
)
def test_wishes(local: str, found: tuple[str, str] | None) -> None:
    """What a local part asks for."""
    assert wish(path(f"{local}@localhost")) == found


@pytest.mark.parametrize(
    ("sender", "recipient", "codes"),
    [
        ("mailfromtemperror", "a", ["451 4.0.0"]),
        ("mailfrom432", "a", ["432 4.0.0"]),
        ("a", "rcpttopermerror", ["250 2.1.0", "550 5.0.0"]),
        ("rcptto512", "a", ["250 2.1.0", "512 5.0.0"]),
        ("a", "temperror", ["250 2.1.0", "250 2.1.5", "354", "451 4.0.0"]),
        ("permerror", "a", ["250 2.1.0", "250 2.1.5", "354", "550 5.0.0"]),
        ("a", "x577", ["250 2.1.0", "250 2.1.5", "354", "577 5.0.0"]),
        ("a", "mailfrom577", ["250 2.1.0", "250 2.1.5", "354", "250 2.0.0"]),
        ("a", "timeout", ["250 2.1.0", "250 2.1.5", "354", "451 4.0.0"]),
        ("a", "b", ["250 2.1.0", "250 2.1.5", "354", "250 2.0.0"]),
        ("421", "a", ["250 2.1.0", "250 2.1.5", "354", "421 4.0.0"]),
    ],
)
async def test_in_a_session(sender: str, recipient: str, codes: list[str]) -> None:
    """At MAIL, at RCPT or at the end of DATA, and only there."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    recorder = Recorder()
    async with world(Simulation(recorder, sleep)) as w:
        client = await w.client()
        answers = []
        for line in (
            f"MAIL FROM:<{sender}@localhost>",
            f"RCPT TO:<{recipient}@localhost>",
            "DATA",
            "x\r\n.",
        ):
            answers.append(short(await client.ask(line)))
            if answers[-1][0] in "45":
                break
    assert answers == codes
    assert slept == ([HOUR] if recipient == "timeout" else [])
    assert bool(recorder.kept) is (codes[-1] == "250 2.0.0")
