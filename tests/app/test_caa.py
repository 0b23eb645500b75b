"""CAA records are looked at before an order: against a name server and an authority of the tests."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.acme.desk import Desk, ca
from tests.support import dns as support
from tests.support.authority import root
from tests.support.dns import Nameserver
from tests.support.fakeca import FakeCa
from tests.support.pebble import Root

from postil.acme.files import ProviderFolder
from postil.app.caa import checking
from postil.dns import BadServer, Server, StubResolver

__all__ = ["ca", "root"]
NAME = "mail.example.org"


@pytest.fixture
async def names() -> AsyncIterator[Nameserver]:
    """example.org, signed and without CAA records."""
    with Nameserver({"example.org": "mail A 192.0.2.1"}, signed=(".", "example.org")) as made:
        yield made


def desk(ca: FakeCa, root: Root, folder: Path, names: Nameserver, *wanted: str) -> Desk:
    """An issuer that looks first."""
    ca.caa = ["ca.example"]
    made = Desk(ca, root, folder, *(wanted or (NAME,)))
    server = Server(names.ip, names.port)
    look = checking(lambda: StubResolver((server,), attempt=0.2, question=0.5), made.told)
    made.it._around = dataclasses.replace(made.it._around, caa=look)
    return made


async def order(made: Desk) -> str:
    """Issued in any case; where our account is."""
    await made.it.order()
    (account,) = made.told.of("account")
    return str(account["url"])


async def test_no_records(ca: FakeCa, root: Root, tmp_path: Path, names: Nameserver) -> None:
    """It may, and so may everybody: that is said, with what to do."""
    made = desk(ca, root, tmp_path, names)
    await order(made)
    assert made.told.of("caa") == []
    (told,) = made.told.of("caa-open")
    assert told["name"] == NAME and told["advice"] == "no-caa"
    assert "postil caa suggest" in str(told["reason"])


async def test_forbidden(ca: FakeCa, root: Root, tmp_path: Path, names: Nameserver) -> None:
    """The record that forbids is named before the authority is asked, which decides by itself."""
    names.put("example.org", '@ CAA 0 issue "other.example"\nmail A 192.0.2.1')
    made = desk(ca, root, tmp_path, names)
    await order(made)
    kinds = [kind for kind, _ in made.told.events]
    assert kinds.index("caa") < kinds.index("issued")
    (told,) = made.told.of("caa")
    assert (told["name"], told["may_issue"], told["reason"]) == (
        NAME, "no", "it names other.example",
    )  # fmt: skip


async def test_bound_to_us(ca: FakeCa, root: Root, tmp_path: Path, names: Nameserver) -> None:
    """Records for our account and our ways: nothing to say. For another account: it may not."""
    made = desk(ca, root, tmp_path, names)
    url = await order(made)
    methods = ",".join(made.it.plan.provider.challenges)
    bound = f'@ CAA 0 issue "ca.example; accounturi={url}; validationmethods={methods}"'
    names.put("example.org", f"{bound}\nmail A 192.0.2.1")
    made.told.events.clear()
    await made.it.order()
    assert made.told.of("caa") == made.told.of("caa-open") == []
    names.put("example.org", f"{bound.replace(url, url + '0')}\nmail A 192.0.2.1")
    await made.it.order()
    (told,) = made.told.of("caa")
    assert "not ours" in str(told["reason"])


async def test_nobody_answers(ca: FakeCa, root: Root, tmp_path: Path, names: Nameserver) -> None:
    """A resolver that is silent, or that does not exist, holds up no order."""
    names.rules[NAME] = support.silent
    made = desk(ca, root, tmp_path, names)
    await order(made)
    (told,) = made.told.of("caa")
    assert told["may_issue"] == "cannot tell" and made.told.of("issued")

    def nobody() -> StubResolver:
        raise BadServer("no resolver")

    made.it._around = dataclasses.replace(made.it._around, caa=checking(nobody, made.told))
    made.told.events.clear()
    await made.it.order()
    (told,) = made.told.of("caa")
    assert "no resolver" in str(told["reason"]) and made.told.of("issued")


async def test_addresses_and_silent_authorities(
    ca: FakeCa, root: Root, tmp_path: Path, names: Nameserver
) -> None:
    """CAA is about names, and an authority that names itself nothing cannot stand in a record: nobody is asked."""
    made = desk(ca, root, tmp_path, names, "192.0.2.1")
    await order(made)
    ca.caa = []
    await Desk(ca, root, tmp_path).it.order()
    assert names.asked == []
    assert made.told.of("caa") == made.told.of("caa-open") == []


async def test_the_names_are_kept(
    ca: FakeCa, root: Root, tmp_path: Path, names: Nameserver
) -> None:
    """For commands that ask no authority; new ones replace them."""
    made = desk(ca, root, tmp_path, names)
    await order(made)
    folder = ProviderFolder(tmp_path / "acme", "ca")
    kept = folder.account()
    assert kept is not None and kept.caa == ["ca.example"]
    ca.caa = ["ca.example", "ca.example.net"]
    await made.it.order()
    kept = folder.account()
    assert kept is not None and kept.caa == ["ca.example", "ca.example.net"]
