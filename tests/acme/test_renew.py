"""The task: months of an authority's time in a moment, with restarts, failures and commands in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.acme.world import Told, around, plan, provider
from tests.support.challenges import Responders
from tests.support.fakeca import FakeCa, Reply, problem, serving
from tests.support.pebble import Root
from tools.ports import free_port

from postil.acme.files import Ask, Kept, ProviderFolder
from postil.acme.issue import Plan
from postil.acme.renew import Renewal
from postil.acme.schedule import Due
from postil.base.clock import FixedClock
from postil.http.exchange import TimedOut
from postil.ports.certs import Issued

START = 1_790_000_000.0
DAY = 86400.0
NAME = "mail.example.org"


@pytest.fixture
async def ca(root: Root) -> AsyncIterator[FakeCa]:
    """An authority that lives in a time of its own."""
    async with serving(FakeCa(FixedClock(START)), root) as own:
        yield own


@pytest.fixture(autouse=True)
def no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Months of it would wait for the disk a thousand times; what a sync is for is tested in test_files."""
    monkeypatch.setattr("os.fsync", lambda handle: None)


class Enough(Exception):
    """The test has seen what it wanted."""


class Machine:
    """A machine whose clock jumps from one look to the next."""

    def __init__(self, ca: FakeCa, folder: Path, *plans: Plan, share: float = 0.5) -> None:
        self.ca, self.folder, self.plans, self.share = ca, folder, plans, share
        assert isinstance(ca.clock, FixedClock)
        self.clock = ca.clock
        self.told = Told()
        self.installed: list[tuple[float, Issued]] = []
        self.seen: dict[str, tuple[Kept | None, Due]] = {}
        self.until = 0.0
        self.step = 5.0
        self.blink = 0.0  # of real time, for the other providers' connections

    async def sleep(self, seconds: float) -> None:
        """Jumps by hours while nothing is due."""
        if self.clock.now() >= self.until:
            raise Enough
        self.clock.advance(max(seconds, self.step))
        await asyncio.sleep(self.blink)

    def installs(self, issued: Issued) -> None:
        self.installed.append((self.clock.now(), issued))

    def observes(self, one: Plan, kept: Kept | None, due: Due) -> None:
        self.seen[one.label] = (kept, due)

    async def live(self, seconds: float, step: float = 4 * 3600.0, **more: Any) -> None:
        """So long, as one process of the server."""
        self.until, self.step = self.clock.now() + seconds, step
        world = around(
            self.folder,
            Responders(),
            self.told,
            clock=self.clock,
            sleep=self.sleep,
            random=lambda: self.share,
            **more,
        )
        renewal = Renewal(self.plans, world, self.installs, self.observes)
        try:
            await renewal.run()
        except* Enough:
            pass

    def days(self) -> list[float]:
        """When certificates were handed over for the first time, in days."""
        first: dict[bytes, float] = {}
        for at, issued in self.installed:
            first.setdefault(issued.chain_pem, (at - START) / DAY)
        return list(first.values())


@pytest.fixture
def machine(ca: FakeCa, root: Root, tmp_path: Path) -> Machine:
    """For one name."""
    return Machine(ca, tmp_path, plan(provider(ca.directory, root.ca_file), NAME))


def text(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


async def test_a_third_before_the_end(ca: FakeCa, machine: Machine) -> None:
    """Ordered at once, then when a third of the life is left and a little before; each is handed over once."""
    for _ in range(2):
        await machine.live(3 * DAY)
        machine.clock.advance(53 * DAY)
        await machine.live(3 * DAY)
    # 90 days: 60 less half of the jitter of 90/24.
    assert machine.days() == pytest.approx([0.0, 58.1, 116.2], abs=0.3)
    assert ca.issued == 3
    kept, due = machine.seen[f"ca/{NAME}"]
    assert kept is not None and due.why == "a third of its life is left"


async def test_restarts(ca: FakeCa, machine: Machine) -> None:
    """A restart orders nothing, and hands over what is there."""
    await machine.live(DAY)
    for _ in range(5):
        await machine.live(DAY)
    assert ca.issued == 1 and len(machine.installed) == 6
    assert len({issued.chain_pem for _, issued in machine.installed}) == 1


@pytest.mark.rfc(
    "9773",
    "4.2",
    "Clients MUST attempt renewal at a time of their choosing based on the suggested renewal window.",
)
@pytest.mark.rfc(
    "9773", "4.3", "Clients SHOULD fetch a certificate's RenewalInfo immediately after issuance."
)
@pytest.mark.rfc(
    "9773",
    "4.3.2",
    "After an initial fetch of a certificate's RenewalInfo, clients MUST fetch it again as soon as possible after the time indicated in the Retry-After header",
)
@pytest.mark.rfc("9773", "4.2", "Make a renewalInfo request to get a suggested renewal window.")
@pytest.mark.rfc(
    "9773",
    "4.2",
    "Otherwise, if the client can schedule itself to attempt renewal at exactly the selected time, do so.",
)
@pytest.mark.rfc(
    "9773",
    "4.2",
    "Otherwise, sleep until the time indicated by the Retry-After header and return to Step 1.",
)
async def test_the_authoritys_window(ca: FakeCa, machine: Machine) -> None:
    """Asked for right after the order and then as often as the authority says; the order comes at the moment chosen in the window."""
    start = START + 20 * DAY
    ca.ari = lambda now: {"suggestedWindow": {"start": text(start), "end": text(start + 2 * DAY)}, "explanationURL": "https://ca/why"}  # fmt: skip
    await machine.live(1.0)
    assert len(ca.of("/renewal")) == 1
    assert ca.of("/renewal")[0].method == "GET"
    kept, due = machine.seen[f"ca/{NAME}"]
    assert (
        kept is not None and due.at == start + DAY and kept.window.explanation == "https://ca/why"
    )
    asked = len(ca.of("/renewal"))
    await machine.live(3 * DAY, step=900)
    assert 11 <= len(ca.of("/renewal")) - asked <= 13  # every 6 hours
    machine.clock.advance(16 * DAY)
    await machine.live(3 * DAY)
    assert machine.days()[1] == pytest.approx(21, abs=0.3)


@pytest.mark.rfc("9773", "4.2", "Clients SHOULD provide this URL to their operator, if present.")
@pytest.mark.rfc("9773", "4.2", "If the selected time is in the past, attempt renewal immediately.")
async def test_a_window_that_moves(ca: FakeCa, machine: Machine) -> None:
    """A revocation is near: the window moves into the past, and the order comes with the next look; the operator is told why."""
    days = 60.0
    ca.ari = lambda now: {
        "suggestedWindow": {
            "start": text(START + days * DAY),
            "end": text(START + (days + 2) * DAY),
        },
        "explanationURL": "https://ca/incident",
    }
    await machine.live(10 * DAY)
    assert ca.issued == 1
    days = -3.0
    await machine.live(DAY, step=900)
    assert ca.issued == 2
    assert machine.days()[-1] <= 10.3
    assert machine.told.of("window")[-1]["explanation"] == "https://ca/incident"
    # Windows that stay in the past are not an order every few seconds.
    await machine.live(3 * DAY, step=300)
    assert ca.issued == 5


@pytest.mark.rfc(
    "9773",
    "4.3",
    "Clients MUST NOT check a certificate's RenewalInfo after the certificate has expired.",
)
@pytest.mark.rfc(
    "9773",
    "4.3",
    "Clients MUST NOT check a certificate's RenewalInfo after they consider the certificate to be replaced",
)
async def test_never_after_its_end(ca: FakeCa, machine: Machine) -> None:
    """No look for a certificate that has expired, nor for one that has a successor."""
    ca.ari = lambda now: {"suggestedWindow": {"start": text(START + 60 * DAY), "end": text(START + 61 * DAY)}}  # fmt: skip
    await machine.live(DAY)
    first = ca.of("/renewal")[0].path
    ca.instead["/new-order"] = [problem(403, "rejectedIdentifier")] * 1000
    machine.clock.advance(85 * DAY)
    await machine.live(3 * DAY)
    before = len(ca.of("/renewal"))
    assert before > 2
    machine.clock.advance(2 * DAY)
    await machine.live(5 * DAY)
    assert len(ca.of("/renewal")) == before
    ca.instead.clear()
    ca.ari = lambda now: {"suggestedWindow": {"start": text(now + DAY), "end": text(now + 2 * DAY)}}
    await machine.live(1.5 * DAY)
    assert ca.issued == 2
    assert first not in {asked.path for asked in ca.of("/renewal")[before:]}
    assert len(ca.of("/renewal")) > before


@pytest.mark.rfc(
    "9773",
    "4.3.3",
    "On receiving a long-term error, clients MUST make the next renewalInfo request as soon as possible after six hours have passed",
)
@pytest.mark.parametrize("trouble", ["none", "invalid", "404", "no retry-after"])
async def test_no_window(trouble: str, ca: FakeCa, machine: Machine) -> None:
    """Renewal information that is not to be had, or makes no sense: six hours, and meanwhile the usual turn."""
    start = START + 20 * DAY
    ca.ari = lambda now: {"suggestedWindow": {"start": text(start), "end": text(start + (-1 if trouble == "invalid" else DAY))}}  # fmt: skip
    if trouble == "no retry-after":
        ca.ari_fields = {}
    if trouble in ("none", "404"):
        answer = ca.answer

        def refusing(method: str, path: str, fields: dict[str, str], body: bytes) -> Reply:
            reply = answer(method, path, fields, body)
            return Reply(404 if trouble == "404" else 200, b"") if "/renewal" in path else reply

        ca.answer = refusing  # type: ignore[method-assign]
    await machine.live(2 * DAY, step=1800)
    assert 8 <= len(ca.of("/renewal")) <= 9
    due_days = 20.5 if trouble == "no retry-after" else 58.1
    machine.clock.advance((due_days - 4) * DAY)
    await machine.live(3 * DAY)
    assert machine.days()[1] == pytest.approx(due_days, abs=0.3)


@pytest.mark.rfc(
    "9773",
    "4.3.3",
    "On receiving a temporary error, clients SHOULD do exponential backoff with a capped number of tries.",
)
async def test_a_window_in_trouble(ca: FakeCa, machine: Machine) -> None:
    """5xx: a few tries a minute and more apart, then six hours; the moment chosen before stays."""
    start = START + 20 * DAY
    ca.ari = lambda now: {"suggestedWindow": {"start": text(start), "end": text(start + DAY)}}
    await machine.live(1.0)
    path = ca.of("/renewal")[0].path
    ca.instead[path] = [Reply(500)] * 1000
    at: list[float] = []
    answer = ca.answer

    def noting(method: str, one: str, fields: dict[str, str], body: bytes) -> Reply:
        if one == path:
            at.append(machine.clock.now())
        return answer(method, one, fields, body)

    ca.answer = noting  # type: ignore[method-assign]
    await machine.live(14 * 3600, step=5)
    looks = [b - a for a, b in zip(at[2::3], at[3::3], strict=False)]
    assert [round(look / 60) for look in looks[:4]] == pytest.approx([1, 2, 4, 360], abs=1)
    kept, _ = machine.seen[f"ca/{NAME}"]
    assert kept is not None and kept.window.chosen == start + DAY / 2


async def test_failures_over_restarts(ca: FakeCa, machine: Machine) -> None:
    """An authority that refuses is asked seldom, also by a server that is restarted again and again."""
    ca.instead["/new-order"] = [problem(429, "rateLimited")] * 1000
    for _ in range(48):
        await machine.live(1800, step=60)
    assert 7 <= len(ca.of("/new-order")) <= 9  # in a day
    ca.instead.clear()
    await machine.live(2 * DAY)
    assert ca.issued == 1


async def test_two_providers(ca: FakeCa, root: Root, tmp_path: Path) -> None:
    """One authority is away for good, the other does its work; both certificates of one provider take turns."""
    gone = provider(f"https://localhost:{free_port()}/directory", root.ca_file, name="gone")
    here = provider(ca.directory, root.ca_file, name="here")
    machine = Machine(
        ca, tmp_path, plan(gone, "a.example"), plan(here, "b.example"), plan(here, "c.example")
    )
    machine.blink = 0.02
    await machine.live(DAY, step=900)
    assert {issued.names for _, issued in machine.installed} == {("b.example",), ("c.example",)}
    assert len(ca.accounts) == 1
    (kept, _), (other, _) = machine.seen["gone/a.example"], machine.seen["here/b.example"]
    assert kept is not None and kept.failed > 3 and kept.last is not None and not kept.last.ok
    assert other is not None and other.failed == 0


async def test_other_names(ca: FakeCa, root: Root, machine: Machine, tmp_path: Path) -> None:
    """The configuration has one more name: ordered at once, with the same key."""
    await machine.live(DAY)
    more = Machine(ca, tmp_path, plan(provider(ca.directory, root.ca_file), NAME, "b.example"))
    await more.live(DAY)
    assert ca.issued == 2
    assert more.installed[-1][1].names == (NAME, "b.example")
    assert more.installed[-1][1].key_pem == machine.installed[0][1].key_pem


async def test_asked_by_a_command(ca: FakeCa, machine: Machine, tmp_path: Path) -> None:
    """A command's wish is done before anything is due, with its id in the outcome, also while failures are waited out."""
    await machine.live(10.0, step=1)
    folder = ProviderFolder(tmp_path / "acme", "ca").certificate(NAME)
    folder.ask(Ask(id="one"))
    await machine.live(10.0, step=1)
    kept = folder.state()
    assert ca.issued == 2 and kept is not None and kept.last is not None and kept.last.ask == "one"
    ca.instead["/new-order"] = [problem(403, "caa", "not by us")]
    folder.ask(Ask(id="two"))
    await machine.live(10.0, step=1)
    kept = folder.state()
    assert kept is not None and kept.last is not None
    assert (kept.last.ask, kept.last.ok, kept.failed) == ("two", False, 1)
    assert kept.last.problem == {"type": "urn:ietf:params:acme:error:caa", "detail": "not by us"}
    folder.ask(Ask(id="three", new_key=True))
    await machine.live(10.0, step=1)
    kept = folder.state()
    assert kept is not None and kept.failed == 0 and ca.issued == 3
    assert machine.installed[-1][1].key_pem != machine.installed[0][1].key_pem
    (folder.path / "ask.json").write_text("not json")
    await machine.live(10.0, step=1)
    assert ca.issued == 3 and "ask.json" in str(machine.told.of("put-aside")[-1]["reason"])


async def test_somebody_else_orders(ca: FakeCa, machine: Machine, tmp_path: Path) -> None:
    """While a command holds the provider the task waits, keeps the wish, and hands over what the command has ordered."""
    folder = ProviderFolder(tmp_path / "acme", "ca")
    with folder.locked():
        folder.certificate(NAME).ask(Ask(id="kept"))
        await machine.live(600, step=5)
        assert ca.seen == [] and machine.told.of("failed") == []
    await machine.live(60, step=5)
    kept = folder.certificate(NAME).state()
    assert kept is not None and kept.last is not None and kept.last.ask == "kept"


async def test_lost_while_it_runs(ca: FakeCa, machine: Machine, tmp_path: Path) -> None:
    """Files that vanish under a running server are noticed, and ordered anew."""
    await machine.live(10, step=1)
    folder = ProviderFolder(tmp_path / "acme", "ca").certificate(NAME)
    kept = folder.state()
    assert kept is not None
    (folder.path / kept.chain).unlink()
    await machine.live(120, step=5)
    assert ca.issued == 2
    (folder.path / "state.json").write_text("{")
    await machine.live(120, step=5)
    assert ca.issued == 3
    assert [str(facts["file"])[-9:] for facts in machine.told.of("put-aside")] == [".broken-1"]


async def test_a_fault_of_ours(ca: FakeCa, machine: Machine) -> None:
    """An error that nobody thought of is told, and tried again later; the task lives on."""

    def broken(*_: object) -> Any:
        raise ZeroDivisionError("not thought of")

    await machine.live(1200, step=60, connect=broken)
    assert 2 <= len(machine.told.of("fault")) <= 3
    assert isinstance(machine.told.of("fault")[0]["error"], ZeroDivisionError)
    await machine.live(60, step=5)
    assert ca.issued == 1


async def test_time_outs_are_temporary(ca: FakeCa, machine: Machine) -> None:
    """RFC 9773 counts a time-out as temporary, a closed port as lasting; what `window` makes of both."""
    from postil.acme.problem import Unavailable
    from postil.acme.window import _temporary
    from postil.http.exchange import Unreachable

    for cause, temporary in ((TimedOut("x"), True), (Unreachable("x"), False), (None, True)):
        error = Unavailable("x")
        error.__cause__ = cause
        assert _temporary(error) == temporary
