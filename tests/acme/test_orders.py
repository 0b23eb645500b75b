"""What is in an order and what comes of it, against an authority that does odd things."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest
from tests.acme.desk import NAME, Desk, ca, desk
from tests.support.fakeca import URN, FakeCa, Reply, problem, serving
from tests.support.pebble import Root

from postil.acme.problem import (
    AccountUnusable,
    OrderFailed,
    Refused,
    Unavailable,
    Unready,
)

__all__ = ["ca", "desk"]


async def test_profiles(ca: FakeCa, root: Root, tmp_path: Path) -> None:
    """The kind of certificate goes with the order; one that the authority does not have is an error that names those it has."""
    desk = Desk(ca, root, tmp_path, profile="shortlived")
    with pytest.raises(Unready, match="no profile 'shortlived'; it has: none"):
        await desk.it.order()
    ca.profiles = {"classic": "as ever", "tls": "small"}
    with pytest.raises(Unready, match="it has: classic, tls"):
        await desk.it.order()
    ca.profiles = {"shortlived": "a week"}
    await desk.it.order()
    assert ca.of("/new-order")[-1].payload["profile"] == "shortlived"


@pytest.mark.rfc(
    "8555",
    "8.2",
    "Clients SHOULD NOT respond to challenges until they believe that the server's queries will succeed.",
)
async def test_slow_name_servers(ca: FakeCa, root: Root, tmp_path: Path) -> None:
    """Between the hook and the moment the authority is told, the time that the name servers need; and only once."""
    more = {"challenges": ("dns-01",), "dns_hook": ("/bin/true",), "dns_wait": 40}
    desk = Desk(ca, root, tmp_path, "a.example", "*.a.example", **more)
    told: list[float] = []
    validate = ca._validate

    def noting(number: str) -> None:
        told.append(sum(desk.waited))
        validate(number)

    ca._validate = noting  # type: ignore[method-assign]
    await desk.it.order()
    assert told == [40, 40]


async def test_no_way_to_prove(ca: FakeCa, desk: Desk) -> None:
    """The authority offers only what we cannot do: both lists are in the error."""
    ca.offers = ["dns-01", "new-thing-02"]
    with pytest.raises(OrderFailed, match="offers dns-01, new-thing-02, we have"):
        await desk.it.order()


@pytest.mark.rfc(
    "8738", "7", 'The existing "dns-01" challenge MUST NOT be used to validate IP identifiers.'
)
async def test_no_dns_for_addresses(ca: FakeCa, root: Root, tmp_path: Path) -> None:
    """Even an authority that offers dns-01 for an address gets another way, or none."""
    more = {"challenges": ("dns-01", "http-01"), "dns_hook": ("/bin/false",)}
    desk = Desk(ca, root, tmp_path, "192.0.2.7", **more)
    await desk.it.order()
    assert ca.of("/challenge")[0].path.endswith("/http-01")
    ca.offers = ["dns-01"]
    with pytest.raises(OrderFailed, match=r"192\.0\.2\.7 cannot be proved"):
        await desk.it.order()


@pytest.mark.rfc(
    "8555",
    "7.4",
    'Clients MUST NOT make any assumptions about the sort order of "identifiers" or "authorizations" elements',
)
async def test_any_order(ca: FakeCa, root: Root, tmp_path: Path) -> None:
    """An authority that sorts differently each time gets the same certificate out of us."""
    desk = Desk(ca, root, tmp_path, "b.example", "a.example", "c.example")
    new_order = ca._new_order

    def shuffled(asked: Any) -> Reply:
        reply = new_order(asked)
        order = ca.orders["1"]
        order["identifiers"] = list(reversed(order["identifiers"]))
        order["authorizations"] = order["authorizations"][1:] + order["authorizations"][:1]
        return reply

    ca._new_order = shuffled  # type: ignore[method-assign]
    issued = await desk.it.order()
    assert issued.names == ("b.example", "a.example", "c.example")


@pytest.mark.rfc(
    "8555",
    "7.1.3",
    "If a client observes a change in the contents of either array, then it SHOULD consider the order invalid.",
)
async def test_a_changed_order(ca: FakeCa, desk: Desk) -> None:
    """An order that is for something else after a while is given up."""
    changed = {
        "status": "ready",
        "identifiers": [{"type": "dns", "value": "other.example"}],
        "authorizations": [],
        "finalize": "x",
    }
    ca.instead["/order/1"] = [Reply(body=changed)]
    with pytest.raises(OrderFailed, match="changed the order"):
        await desk.it.order()


async def test_order_for_other_names(ca: FakeCa, desk: Desk) -> None:
    """An order for other names than ours is not ours."""
    body = {
        "status": "pending",
        "identifiers": [{"type": "dns", "value": "other.example"}],
        "authorizations": [],
        "finalize": "x",
    }
    ca.instead["/new-order"] = [Reply(201, body, {"location": "x"})]
    with pytest.raises(OrderFailed, match="other names than ours"):
        await desk.it.order()


async def test_wrong_certificates(ca: FakeCa, desk: Desk) -> None:
    """For another name, for another key, or over already: not taken, and the one before stays."""
    await desk.it.order()
    good = desk.kept
    ca.names = lambda names: ["other.example"]
    with pytest.raises(
        OrderFailed, match=r"other names: other\.example instead of mail\.example\.org"
    ):
        await desk.it.order()
    ca.names, ca.foreign_key = (lambda names: names), True
    with pytest.raises(OrderFailed, match="another key"):
        await desk.it.order()
    ca.foreign_key, ca.expired = False, True
    with pytest.raises(OrderFailed, match="already expired"):
        await desk.it.order()
    assert desk.kept.chain == good.chain and desk.kept.failed == 3
    assert desk.it.issued(desk.kept) is not None


async def test_waiting(ca: FakeCa, desk: Desk) -> None:
    """What takes its time is asked about again, as often as the authority says, and not for ever."""
    processing = {
        "status": "processing",
        "identifiers": [{"type": "dns", "value": NAME}],
        "authorizations": [f"{ca.base}/authorization/1-0"],
        "finalize": f"{ca.base}/finalize/1",
    }
    ca.instead["/order/1"] = [Reply(body={**processing, "status": "pending"}) for _ in range(3)]
    ca.instead["/order/1"][2].fields["retry-after"] = "20"
    await desk.it.order()
    assert desk.waited == [0.5, 1.0, 20.0]
    ca.instead["/order/2"] = [Reply(body={**processing, "authorizations": [f"{ca.base}/authorization/2-0"]})] * 500  # fmt: skip
    with pytest.raises(Unavailable, match=r"still 'processing' after 300 seconds"):
        await desk.it.order()


async def test_finalize_too_early(ca: FakeCa, desk: Desk) -> None:
    """orderNotReady is no end: the order is looked at again."""
    ca.instead["/finalize/1"] = [problem(403, "orderNotReady")]
    await desk.it.order()
    assert len(ca.of("/finalize")) == 2


@pytest.mark.rfc(
    "8555",
    "7.1.3",
    'Clients SHOULD check the "status" field of an order to determine whether they need to take any action.',
)
async def test_valid_already(ca: FakeCa, desk: Desk) -> None:
    """A name that was proved with the order before needs no challenge."""
    new_order = ca._new_order

    def proved(asked: Any) -> Reply:
        reply = new_order(asked)
        ca.authorizations["1-0"]["status"] = "valid"
        return reply

    ca._new_order = proved  # type: ignore[method-assign]
    await desk.it.order()
    assert ca.of("/challenge") == [] and desk.ports.seen == []


async def test_gives_back(ca: FakeCa, root: Root, tmp_path: Path) -> None:
    """One name of three cannot be proved: the authorizations that nobody needs any more are given back."""
    desk = Desk(ca, root, tmp_path, "a.example", "b.example", "c.example")
    ca.verdict["a.example"] = {"type": URN + "connection", "detail": "nobody there"}
    with pytest.raises(OrderFailed, match=r"a\.example was not proved"):
        await desk.it.order()
    given = [asked.path for asked in ca.seen if asked.payload == {"status": "deactivated"}]
    assert {"/authorization/1-1", "/authorization/1-2"} <= set(given)


async def test_revoked_account(ca: FakeCa, desk: Desk) -> None:
    """The authority has revoked the account: an error that says so, with what to do, and no other account is made."""
    await desk.it.order()
    for account in ca.accounts.values():
        account["status"] = "revoked"
    with pytest.raises(AccountUnusable, match=r"cannot be used any more.*account is revoked"):
        await desk.it.order()
    assert len(ca.accounts) == 1
    # Another "unauthorized", with an account that is fine, is what it is.
    for account in ca.accounts.values():
        account["status"] = "valid"
    ca.instead["/new-order"] = [problem(403, "unauthorized", "not this name")]
    with pytest.raises(Refused, match="not this name") as caught:
        await desk.it.order()
    assert not isinstance(caught.value, AccountUnusable)


@pytest.mark.rfc(
    "8555",
    "11.1",
    "it is RECOMMENDED that each account key pair be used only for authentication of a single ACME account.",
)
async def test_another_directory(ca: FakeCa, root: Root, desk: Desk, tmp_path: Path) -> None:
    """A provider that is another authority from now on gets an account of its own; the old one's key is kept aside."""
    await desk.it.order()
    async with serving(FakeCa(ca.clock), root) as other:
        moved = Desk(other, root, tmp_path)
        await moved.it.order()
        (account,), (before,) = other.accounts.values(), ca.accounts.values()
        assert account["jwk"] != before["jwk"]
        assert moved.told.of("put-aside")[0]["reason"] == "of another authority"


@pytest.mark.rfc(
    "9773",
    "5",
    "Clients SHOULD include this field in newOrder requests if there is a clear predecessor certificate",
)
@pytest.mark.rfc(
    "9773",
    "5",
    "Clients SHOULD NOT include this field if the ACME server has not indicated that it supports this protocol",
)
async def test_replaces(ca: FakeCa, desk: Desk) -> None:
    """A renewal says what it replaces, where the authority knows what that means; "already replaced" is no obstacle."""
    await desk.it.order()
    await desk.it.order()
    assert "replaces" not in ca.of("/new-order")[-1].payload
    ca.ari = lambda now: {
        "suggestedWindow": {"start": "2026-12-01T00:00:00Z", "end": "2026-12-02T00:00:00Z"}
    }
    identifier = desk.kept.identifier
    await desk.it.order()
    assert ca.of("/new-order")[-1].payload["replaces"] == identifier
    ca.instead["/new-order"] = [problem(409, "alreadyReplaced")]
    await desk.it.order()
    assert "replaces" not in ca.of("/new-order")[-1].payload


async def test_stopped_in_the_middle(ca: FakeCa, root: Root, tmp_path: Path) -> None:
    """The server stops while an authority is at work: nothing stays shown, nothing counts as a failure, the lock is free."""
    desk = Desk(ca, root, tmp_path)
    reached = asyncio.Event()

    async def stuck(seconds: float) -> None:
        reached.set()
        await asyncio.Event().wait()

    object.__setattr__(desk.it._around, "sleep", stuck)
    ca._validate = lambda number: None  # type: ignore[method-assign]
    task = asyncio.get_running_loop().create_task(desk.it.order())
    await reached.wait()
    assert desk.ports.contexts
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert desk.ports.contexts == {} and desk.kept.failed == 0
    object.__setattr__(desk.it._around, "sleep", desk.sleep)
    del ca._validate  # type: ignore[method-assign]
    await desk.it.order()
