"""What is said although the CA may issue: each thing where it is so, and nowhere else."""

from __future__ import annotations

import pytest
from tests.caa.zones import relevant, zones
from tests.support import dns as support

from postil.caa.advice import Advice, advise
from postil.caa.authorities import DOCUMENTED, documents
from postil.caa.orders import Orders
from postil.caa.relevant import find

LE = "letsencrypt.org"
URI = "https://acme-v02.api.letsencrypt.org/acme/acct/1"
BOUND = f'@ CAA 0 issue "{LE}; accounturi={URI}; validationmethods=http-01"'
ORDERS = Orders((LE,), (URI,), ("http-01",))
SIGNED = (".", "example.com")


async def advice(
    *lines: str, name: str = "example.com", signed: tuple[str, ...] = SIGNED, wildcard: bool = False
) -> list[Advice]:
    found = await relevant(name, *lines, signed=signed)
    return advise(found, ORDERS, wildcard=wildcard)


async def codes(
    *lines: str, name: str = "example.com", signed: tuple[str, ...] = SIGNED, wildcard: bool = False
) -> list[str]:
    return [one.code for one in await advice(*lines, name=name, signed=signed, wildcard=wildcard)]


async def test_nothing_to_say() -> None:
    """One CA that documents it, our account, our method, signed: silence, also for names below."""
    assert await codes(BOUND) == []
    assert await codes(BOUND, name="a.b.example.com") == []
    assert (
        await codes(
            BOUND,
            '@ CAA 0 issuewild ";"',
            '@ CAA 0 issuemail ";"',
            '@ CAA 128 iodef "mailto:a@example.com"',
        )
        == []
    )


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], ["no-caa"]),
        (['@ CAA 0 iodef "mailto:a@example.com"'], ["not-restricted"]),
        ([f'@ CAA 0 issue "{LE}; validationmethods=http-01"'], ["account-not-bound"]),
        ([f'@ CAA 0 issue "{LE}; accounturi={URI}"'], ["methods-not-bound"]),
        ([f'@ CAA 0 issue "{LE}"'], ["account-not-bound", "methods-not-bound"]),
        ([BOUND, f'@ CAA 0 issuewild "{LE}"'], ["account-not-bound", "methods-not-bound"]),
        ([BOUND, '@ CAA 0 issue "%"'], ["malformed"]),
        ([BOUND, '@ CAA 0 iodef "ftp://x"'], ["malformed"]),
        ([BOUND, '@ CAA 0 tbs "x"'], ["unknown-tag"]),
        ([BOUND.replace("CAA 0", "CAA 1")], ["reserved-flags"]),
        ([BOUND, '@ CAA 128 issuemail ";"'], ["critical-issuemail"]),
        ([BOUND.replace("accounturi", "AccountURI")], ["parameter-case"]),
        ([BOUND, BOUND.replace("acct/1", "acct/2")], ["another-account"]),
        (
            [BOUND, BOUND.replace(LE + ";", "ca.example.net;")],
            ["not-documented", "several-issuers"],
        ),
        (
            [BOUND, '@ CAA 0 issue "ca.example.net"'],
            ["account-not-bound", "methods-not-bound", "several-issuers"],
        ),
        # nobody gets anything by these
        ([BOUND, '@ CAA 0 issue ";"'], []),
        ([BOUND, f'@ CAA 0 issue "{LE}; accounturi=1"'], []),
    ],
)
async def test_records(lines: list[str], expected: list[str]) -> None:
    """Each kind of record with what is said of it, in this order."""
    assert await codes(*lines) == expected


async def test_two_names_of_our_ca() -> None:
    """They are one CA, not several."""
    lines = (BOUND, BOUND.replace(LE + ";", "le.example;"))
    found = advise(
        await relevant("example.com", *lines), Orders((LE, "le.example"), (URI,), ("http-01",))
    )
    assert "several-issuers" not in [one.code for one in found]


async def test_who_can_where_no_account_is_named() -> None:
    """RFC 8657 §5.6: by dns-01 alone it takes more than the traffic near the machine."""
    for methods, said in (
        ("dns-01", "whoever can write into the zone"),
        ("dns-01,http-01", "whoever intercepts traffic"),
    ):
        (found,) = await advice(f'@ CAA 0 issue "{LE}; validationmethods={methods}"')
        assert found.code == "account-not-bound" and said in found.text


async def test_not_restricted_for_wildcards_only() -> None:
    """issuewild alone: wildcards are restricted, names are not."""
    line = BOUND.replace("issue", "issuewild")
    assert await codes(line) == ["not-restricted"]
    assert await codes(line, wildcard=True) == []


class TestSigning:
    """RFC 8657 §5.6: without DNSSEC the records help against nobody who can alter answers; the text says so plainly."""

    PLAIN = "somebody who can alter the DNS answers that the CA gets can get a certificate"

    async def test_not_signed(self) -> None:
        """The zone is not, the root is: the names are said."""
        (found,) = await advice(BOUND, name="www.example.com", signed=(".",))
        assert found.code == "not-signed" and self.PLAIN in found.text
        assert "www.example.com, example.com" in found.text

    async def test_the_resolver_does_not_check(self) -> None:
        """Then nothing is known of the zone."""
        (found,) = await advice(BOUND, signed=())
        assert (
            found.code == "signing-unknown"
            and self.PLAIN in found.text
            and "does not check" in found.text
        )

    async def test_the_resolver_is_elsewhere(self) -> None:
        """Nor when its word cannot be trusted."""
        from postil.dns import Server, StubResolver

        with support.Nameserver({"example.com": BOUND}, signed=SIGNED, ip="127.0.0.11") as server:
            found = await find("example.com", StubResolver([Server(server.ip, server.port)]))
        (said,) = advise(found, ORDERS)
        assert (
            said.code == "signing-unknown"
            and self.PLAIN in said.text
            and "not on this machine" in said.text
        )


async def test_alias() -> None:
    """Whoever runs the target's zone decides."""
    text = {
        "example.com": "www CNAME host.example.net.",
        "example.net": "host " + BOUND.removeprefix("@"),
    }
    async with zones(text, (".", "example.com", "example.net")) as (_, resolver):
        (found,) = advise(await find("www.example.com", resolver), ORDERS)
    assert found.code == "alias" and "host.example.net" in found.text


async def test_a_failed_search() -> None:
    """Nothing is said of records that nobody has seen."""
    async with zones(
        {"example.com": BOUND}, rules={"example.com": support.failing("SERVFAIL")}
    ) as (_, resolver):
        assert advise(await find("example.com", resolver), ORDERS) == []


class TestWildcardAbove:
    """A certificate for *.example.com answers for mail.example.com, and is judged by other records."""

    @staticmethod
    async def above(*lines: str) -> list[str]:
        text = {"example.com": "\n".join([BOUND.replace("@", "mail", 1), *lines])}
        async with zones(text, SIGNED) as (_, resolver):
            found, parent = (
                await find("mail.example.com", resolver),
                await find("example.com", resolver),
            )
        return [one.text for one in advise(found, ORDERS, above=parent)]

    async def test_open(self) -> None:
        """Records that bind to no account, or none."""
        for lines in (
            [],
            ['@ CAA 0 iodef "mailto:a@example.com"'],
            [f'@ CAA 0 issue "{LE}"'],
            [BOUND, f'@ CAA 0 issuewild "{LE}"'],
        ):
            (said,) = await self.above(*lines)
            assert "*.example.com" in said and "mail.example.com" in said

    async def test_closed(self) -> None:
        """Bound, or forbidden."""
        for lines in (
            [BOUND],
            ['@ CAA 0 issue ";"'],
            ['@ CAA 0 issuewild ";"', f'@ CAA 0 issue "{LE}"'],
        ):
            assert await self.above(*lines) == []

    async def test_the_same_records(self) -> None:
        """Inherited ones are judged once."""
        text = {"example.com": f'@ CAA 0 issue "{LE}"'}
        async with zones(text, SIGNED) as (_, resolver):
            found, parent = (
                await find("mail.example.com", resolver),
                await find("example.com", resolver),
            )
        said = [one.code for one in advise(found, ORDERS, above=parent)]
        assert said == ["account-not-bound", "methods-not-bound"]


@pytest.mark.rfc("8657", "5.2", 'Domains configuring CAA records for a CA MUST NOT assume that the restrictions implied by the "accounturi" and "validationmethods" parameters are effective in the absence of explicit indication as such from that CA.')  # fmt: skip
async def test_a_ca_that_does_not_say_so() -> None:
    """The parameters are not taken for a protection, unless the CA is known to document them."""
    (found,) = advise(
        await relevant("example.com", BOUND.replace(LE + ";", "ca.example.net;")),
        Orders(("ca.example.net",), (URI,), ("http-01",)),
    )
    assert found.code == "not-documented" and "ca.example.net" in found.text
    assert documents("LetsEncrypt.org") is not None and documents("example.net") is None


def test_every_authority_names_its_source() -> None:
    """No CA without the place where it says so."""
    for one in DOCUMENTED:
        assert one.source.startswith("https://") and one.issuers
        assert all(issuer == issuer.lower() for issuer in one.issuers)
