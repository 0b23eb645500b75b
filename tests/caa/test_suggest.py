"""The records to publish: published, they let our order through and nobody else's."""

from __future__ import annotations

import pytest
from tests.caa.zones import relevant, zones
from tests.support import dns as support

from postil.caa.advice import advise
from postil.caa.orders import Orders
from postil.caa.relevant import Signing, find
from postil.caa.suggest import gaps, names, place, records
from postil.caa.verdict import May, judge
from postil.caa.zonefile import line

LE = "letsencrypt.org"
ONE, TWO = (f"https://acme-v02.api.letsencrypt.org/acme/acct/{number}" for number in (1, 2))
ORDERS = Orders((LE,), (ONE, TWO), ("http-01", "tls-alpn-01"))


def test_records() -> None:
    """One for each account, with all methods."""
    assert [line("example.com", one) for one in records(ORDERS)] == [
        f'example.com. IN CAA 0 issue "{LE}; accounturi={ONE}; validationmethods=http-01,tls-alpn-01"',
        f'example.com. IN CAA 0 issue "{LE}; accounturi={TWO}; validationmethods=http-01,tls-alpn-01"',
    ]
    assert [line("example.com", one) for one in records(Orders((LE,)))] == [
        f'example.com. IN CAA 0 issue "{LE}"'
    ]


@pytest.mark.rfc(
    "8657",
    "5.6",
    'Use the "accounturi" parameter to ensure that only accounts that it controls are authorized to obtain certificates',
)
async def test_published_they_do_what_they_are_for() -> None:
    """In a signed zone: we may, by our methods; another account, another method, another CA may not; and there is nothing to warn of."""
    lines = [
        line(name, one)
        for name in names("example.com", ["mail.example.com"])
        for one in records(ORDERS)
    ]
    for name in (
        "example.com",
        "mail.example.com",
        "autoconfig.example.com",
        "mta-sts.example.com",
        "www.example.com",
    ):
        found = await relevant(name, *lines)
        assert judge(found, ORDERS).may is May.YES and advise(found, ORDERS) == []
        for other in (
            Orders((LE,), ("https://acme-v02.api.letsencrypt.org/acme/acct/3",), ("http-01",)),
            Orders((LE,), (ONE,), ("dns-01",)),
            Orders(("ca.example.net",), (ONE,), ("http-01",)),
        ):
            assert judge(found, other).may is May.NO
            assert judge(found, other, wildcard=True).may is May.NO


def test_names() -> None:
    """Each once, the domain first."""
    hosts = ["mail.example.com", "mail.example.com", "example.com", "imap.example.net"]
    assert names("example.com", hosts) == [
        "example.com", "autoconfig.example.com", "mta-sts.example.com", "mail.example.com", "imap.example.net",
    ]  # fmt: skip


class TestPlaces:
    """What is there now."""

    async def test_nothing_there(self) -> None:
        """Neither at the name nor in the way above it."""
        found = place(
            await relevant("www.example.com", '@ CAA 0 issue "ca.example.net"'), records(ORDERS)
        )
        assert found.records == records(ORDERS) and found.notes == ()

    async def test_the_same(self) -> None:
        """What is published already is in nobody's way."""
        lines = [line("example.com", one) for one in records(ORDERS)]
        found = place(
            await relevant(
                "example.com", *lines, '@ CAA 0 issue ";"', '@ CAA 0 iodef "mailto:a@b"'
            ),
            records(ORDERS),
        )
        assert found.notes == ()

    async def test_others(self) -> None:
        """Records that let somebody in have to go."""
        lines = (
            '@ CAA 0 issue "ca.example.net"',
            f'@ CAA 0 issuewild "{LE}"',
            f'@ CAA 0 issue "{LE}; accounturi={ONE}"',
        )
        found = place(await relevant("example.com", *lines), records(ORDERS))
        assert len(found.notes) == 3 and all(
            "has to" in note or "once it is gone" in note for note in found.notes
        )

    async def test_an_alias(self) -> None:
        """No line for it: a zone with a CAA beside a CNAME does not load."""
        for target in ("mail", "nowhere"):
            found = place(
                await relevant("www.example.com", f"www CNAME {target}", "mail A 192.0.2.1"),
                records(ORDERS),
            )
            assert found.records == () and f"{target}.example.com" in found.notes[0]

    async def test_no_answer(self) -> None:
        """The records are suggested all the same, with the reason why it is not known what is there."""
        async with zones(
            {"example.com": ""}, rules={"example.com": support.failing("SERVFAIL")}
        ) as (_, resolver):
            found = place(await find("example.com", resolver), records(ORDERS))
        assert found.records == records(ORDERS) and "SERVFAIL" in found.notes[0]


def test_gaps() -> None:
    """What the records do not do is said where it is so: no account, no method, a CA that does not say, a zone that is not signed."""
    assert gaps(ORDERS, Signing.SIGNED) == []
    for orders, signing, said in (
        (Orders((LE,), (), ("http-01",)), Signing.SIGNED, "No account"),
        (Orders((LE,), (), ("http-01",)), Signing.SIGNED, "intercepts traffic near the machine"),
        (Orders((LE,), (), ("dns-01",)), Signing.SIGNED, "can write into the zone"),
        (Orders((LE,), (ONE,), ()), Signing.SIGNED, "No method"),
        (
            Orders(("ca.example.net",), (ONE,), ("http-01",)),
            Signing.SIGNED,
            "not known here to document",
        ),
        (ORDERS, Signing.UNSIGNED, "not signed"),
        (ORDERS, Signing.UNCHECKED, "cannot be told, as the resolver does not check"),
        (ORDERS, Signing.REMOTE, "cannot be told, as the resolver is not on this machine"),
    ):
        (found,) = gaps(orders, signing)
        assert said in found
        if signing is not Signing.SIGNED:
            assert (
                "somebody who can alter the DNS answers that the CA gets can get a certificate"
                in found
            )
