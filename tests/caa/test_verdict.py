"""May a CA issue: every example of RFC 8659 §4 and RFC 8657 appendix A, in a real zone, and what lies between them."""

from __future__ import annotations

import pytest
from tests.caa.zones import relevant, zones
from tests.support import dns as support

from postil.caa.orders import Orders
from postil.caa.relevant import find
from postil.caa.verdict import May, Verdict, judge

CA1, CA2, CA3 = "ca1.example.net", "ca2.example.org", "ca3.example"
YES, NO, UNKNOWN = May.YES, May.NO, May.UNKNOWN


async def verdict(name: str, orders: Orders | str, *lines: str) -> Verdict:
    """What the CA finds for a name, or for "*." a name."""
    if isinstance(orders, str):
        orders = Orders((orders,))
    found = await relevant(name.removeprefix("*."), *lines)
    return judge(found, orders, wildcard=name.startswith("*."))


async def may(name: str, orders: Orders | str, *lines: str) -> May:
    return (await verdict(name, orders, *lines)).may


class TestIssue:
    """RFC 8659 §4.2."""

    @pytest.mark.rfc("8659", "4.1", "An FQDN MAY have multiple CAA RRs associated with it")
    @pytest.mark.rfc(
        "8659", "4.1", "a given Property Tag MAY be specified more than once across those RRs"
    )
    async def test_certs(self) -> None:
        """Two CAs, no other."""
        lines = (f'certs CAA 0 issue "{CA1}"', f'certs CAA 0 issue "{CA2}"')
        assert [await may("certs.example.com", ca, *lines) for ca in (CA1, CA2, CA3)] == [
            YES,
            YES,
            NO,
        ]
        refused = await verdict("certs.example.com", CA3, *lines)
        assert CA1 in refused.why and CA2 in refused.why

    async def test_nocerts(self) -> None:
        """No CA at all."""
        assert await may("nocerts.example.com", CA1, 'nocerts CAA 0 issue ";"') is NO

    @pytest.mark.rfc("8659", "4.2", "An issue Property Tag where the issue-value does not match the ABNF grammar MUST be treated the same as one specifying an empty issuer-domain-name.")  # fmt: skip
    async def test_malformed(self) -> None:
        """A value that is none forbids; beside one that names a CA it changes nothing."""
        bad = 'malformed CAA 0 issue "%%%%%"'
        refused = await verdict("malformed.example.com", CA1, bad)
        assert refused.may is NO and "malformed" in refused.why and refused.property is not None
        for value in (f"{CA1}.", f"{CA1}; account", f"{CA1} account=1", f"{CA1}; a=b;"):
            assert await may("x.example.com", CA1, f'x CAA 0 issue "{value}"') is NO, value
        assert await may("malformed.example.com", CA1, bad, f'malformed CAA 0 issue "{CA1}"') is YES

    async def test_additive(self) -> None:
        """An empty name beside another is the same as the other."""
        lines = ('x CAA 0 issue ";"', f'x CAA 0 issue "{CA1}"')
        assert [await may("x.example.com", ca, *lines) for ca in (CA1, CA2)] == [YES, NO]

    @pytest.mark.rfc(
        "8659",
        "4.2",
        "An Issuer MAY choose to specify parameters that further constrain the issue of certificates by that Issuer",
    )
    async def test_account(self) -> None:
        """Parameters of the CA's own are its business."""
        line = f'account CAA 0 issue "{CA1}; account=230123"'
        assert [await may("account.example.com", ca, line) for ca in (CA1, CA2)] == [YES, NO]

    async def test_the_name_of_a_ca_has_no_case(self) -> None:
        """A domain name is compared as one."""
        assert (
            await may("x.example.com", "CA1.example.NET", 'x CAA 0 issue "ca1.EXAMPLE.net"') is YES
        )

    async def test_a_ca_with_two_names(self) -> None:
        """Either will do."""
        orders = Orders((CA3, CA2))
        assert await may("x.example.com", orders, f'x CAA 0 issue "{CA2}"') is YES


class TestIssuewild:
    """RFC 8659 §4.3: the four record sets, for every name the text speaks of."""

    @pytest.mark.rfc("8659", "4.3", "Each issuewild Property MUST be ignored when processing a request for an FQDN that is not a Wildcard Domain Name.")  # fmt: skip
    @pytest.mark.rfc("8659", "4.3", "If at least one issuewild Property is specified in the Relevant RRset for a Wildcard Domain Name, each issue Property MUST be ignored when processing a request for that Wildcard Domain Name.")  # fmt: skip
    async def test_wild(self) -> None:
        """One CA for the names, another for the wildcards."""
        lines = (f'wild CAA 0 issue "{CA1}"', f'wild CAA 0 issuewild "{CA2}"')
        for name in ("wild.example.com", "sub.wild.example.com"):
            assert [await may(name, ca, *lines) for ca in (CA1, CA2)] == [YES, NO]
            assert [await may(f"*.{name}", ca, *lines) for ca in (CA1, CA2)] == [NO, YES]

    async def test_wild2(self) -> None:
        """Without issuewild, issue is for both."""
        for name in ("wild2.example.com", "*.wild2.example.com", "*.sub.wild2.example.com"):
            assert [await may(name, ca, f'wild2 CAA 0 issue "{CA1}"') for ca in (CA1, CA2)] == [
                YES,
                NO,
            ]

    @pytest.mark.parametrize(("issue", "plain"), [('wild3 CAA 0 issue ";"', NO), ("", YES)])
    async def test_wild3(self, issue: str, plain: May) -> None:
        """Wildcards of one CA; names of none, or of any."""
        lines = (f'wild3 CAA 0 issuewild "{CA2}"', issue)
        for name in ("wild3.example.com", "sub.wild3.example.com"):
            assert [await may(f"*.{name}", ca, *lines) for ca in (CA1, CA2)] == [NO, YES]
            assert [await may(name, ca, *lines) for ca in (CA1, CA2)] == [plain, plain]

    async def test_malformed_issuewild_counts(self) -> None:
        """It names nobody, and it is there: issue is ignored."""
        lines = (f'x CAA 0 issue "{CA1}"', 'x CAA 0 issuewild "%"')
        assert await may("*.x.example.com", CA1, *lines) is NO
        assert await may("x.example.com", CA1, *lines) is YES


class TestOtherTags:
    """What does not restrict, and what forbids all."""

    async def test_iodef(self) -> None:
        """The example of RFC 8659 §4.4; and iodef alone, which restricts nothing (§3)."""
        iodef = (
            'report CAA 0 iodef "mailto:security@example.com"',
            'report CAA 0 iodef "https://iodef.example.com/"',
        )
        issue = f'report CAA 0 issue "{CA1}"'
        assert [await may("report.example.com", ca, issue, *iodef) for ca in (CA1, CA2)] == [
            YES,
            NO,
        ]
        assert await may("report.example.com", CA2, *iodef) is YES

    @pytest.mark.rfc("8659", "4.1", "A CA MUST NOT issue certificates for any FQDN if the Relevant RRset for that FQDN contains a CAA critical Property for an unknown or unsupported Property Tag.")  # fmt: skip
    @pytest.mark.rfc("8659", "4.5", "The critical flag is intended to permit future versions of CAA to introduce new semantics that MUST be understood for correct processing of the record")  # fmt: skip
    async def test_critical(self) -> None:
        """The example of RFC 8659 §4.5: forbidden for all, wildcards too, whatever else is there."""
        lines = (f'new CAA 0 issue "{CA1}"', 'new CAA 128 tbs "Unknown"')
        for name in ("new.example.com", "sub.new.example.com", "*.new.example.com"):
            refused = await verdict(name, CA1, *lines)
            assert refused.may is NO and refused.property is not None
            assert refused.property.tag == "tbs" and "critical" in refused.why

    async def test_unknown_but_not_critical(self) -> None:
        """It forbids nothing, alone or beside others."""
        assert await may("new.example.com", CA1, 'new CAA 0 tbs "Unknown"') is YES
        assert (
            await may("new.example.com", CA2, 'new CAA 0 tbs "x"', f'new CAA 0 issue "{CA1}"') is NO
        )

    @pytest.mark.rfc(
        "8659",
        "4.1",
        "Applications that interpret CAA records MUST ignore the value of all reserved flag bits.",
    )
    @pytest.mark.parametrize("flags", [1, 64, 127])
    async def test_reserved_flags(self, flags: int) -> None:
        """Any of them: not critical; beside the critical one: critical."""
        assert await may("new.example.com", CA1, f'new CAA {flags} tbs "x"') is YES
        assert await may("new.example.com", CA1, f'new CAA {flags | 128} tbs "x"') is NO

    async def test_known_tags_may_be_critical(self) -> None:
        """Everybody knows them."""
        lines = (f'x CAA 128 issue "{CA1}"', 'x CAA 128 iodef "mailto:a@example.com"')
        assert [await may("x.example.com", ca, *lines) for ca in (CA1, CA2)] == [YES, NO]

    async def test_issuemail(self) -> None:
        """RFC 9495 §4: it is about mail addresses, and says nothing of servers, malformed or not."""
        for line in (
            'x CAA 0 issuemail ";"',
            'x CAA 128 issuemail "other.example"',
            'x CAA 0 issuemail "%"',
        ):
            assert await may("x.example.com", CA1, line) is YES


class TestBinding:
    """RFC 8657: appendix A with its examples, then what §3 and §4 add."""

    ONE, TWO, THREE = (f"https://example.net/account/{number}" for number in (1234, 2345, 3456))

    @staticmethod
    def orders(account: str = "", *methods: str) -> Orders:
        return Orders(("example.net",), (account,) if account else (), methods)

    async def ask(self, orders: Orders, *values: str) -> Verdict:
        return await verdict(
            "example.com", orders, *(f'@ CAA 0 issue "example.net; {value}"' for value in values)
        )

    @pytest.mark.rfc("8657", "3", 'Where a CAA Property has an "accounturi" parameter, a CA MUST only consider that Property to authorize issuance in the context of a given certificate issuance request if the CA recognizes the URI specified in the value portion of that parameter as identifying the account making that request.')  # fmt: skip
    @pytest.mark.rfc("8657", "3.1", "account object MAY be identified by setting the \"accounturi\" parameter to the URI of the ACME account object.")  # fmt: skip
    async def test_two_accounts(self) -> None:
        """Either account, no other."""
        values = (f"accounturi={self.ONE}", f"accounturi={self.TWO}")
        found = [
            (await self.ask(self.orders(one), *values)).may
            for one in (self.ONE, self.TWO, self.THREE)
        ]
        assert found == [YES, YES, NO]

    @pytest.mark.rfc("8657", "4", 'A CA MUST only consider a Property with the "validationmethods" parameter to authorize issuance where the validation method being used is identified by one of the validation method labels listed in the comma-separated list.')  # fmt: skip
    @pytest.mark.rfc("8657", "4", "The value of this parameter, if specified, MUST be a comma-separated string of zero or more validation method labels.")  # fmt: skip
    @pytest.mark.parametrize(
        "values", [["dns-01,tls-alpn-01"], ["dns-01", "tls-alpn-01"]], ids=["one record", "two"]
    )
    async def test_two_methods(self, values: list[str]) -> None:
        """The two ways to write it mean the same; of several methods of ours, those that are allowed remain."""
        values = [f"validationmethods={one}" for one in values]
        for ours, allowed in (
            (("dns-01",), ("dns-01",)),
            (("tls-alpn-01",), ("tls-alpn-01",)),
            (("http-01", "tls-alpn-01", "dns-01"), ("tls-alpn-01", "dns-01")),
        ):
            found = await self.ask(self.orders("", *ours), *values)
            assert (found.may, found.methods) == (YES, allowed)
        refused = await self.ask(self.orders("", "http-01"), *values)
        assert refused.may is NO and "dns-01" in refused.why

    async def test_each_account_with_its_method(self) -> None:
        """What one record allows does not add to the other."""
        values = (
            f"accounturi={self.ONE}; validationmethods=dns-01",
            f"accounturi={self.TWO}; validationmethods=http-01",
        )
        for account, method, expected in (
            (self.ONE, "dns-01", YES),
            (self.TWO, "http-01", YES),
            (self.ONE, "http-01", NO),
            (self.TWO, "dns-01", NO),
        ):
            assert (await self.ask(self.orders(account, method), *values)).may is expected
        both = await self.ask(self.orders(self.ONE, "http-01", "dns-01"), *values)
        assert both.methods == ("dns-01",)

    async def test_a_method_of_the_ca(self) -> None:
        """A label of its own is compared like any other."""
        value = "validationmethods=dns-01,ca-foo"
        assert (await self.ask(self.orders("", "ca-foo"), value)).may is YES
        assert (await self.ask(self.orders("", "ca-bar"), value)).may is NO

    @pytest.mark.rfc(
        "8657",
        "3",
        'A Property with an invalid or unrecognized "accounturi" parameter is unsatisfiable.',
    )
    async def test_unsatisfiable(self) -> None:
        """No account that is one, or two: nobody, and it says why."""
        for value in (
            "accounturi=1234",
            f"accounturi={self.ONE}; accounturi={self.ONE}",
            "validationmethods=",
            "validationmethods=a,,b",
        ):
            refused = await self.ask(self.orders(self.ONE, "dns-01"), value)
            assert refused.may is NO and "nobody can satisfy" in refused.why, value
        assert (
            await self.ask(self.orders(self.ONE, "dns-01"), "accounturi=1234", "x=y")
        ).may is YES

    async def test_of_another_ca(self) -> None:
        """RFC 8657 §3: the account of one CA in the record of another helps nobody."""
        line = f'@ CAA 0 issue "{CA1}; accounturi={self.ONE}"'
        assert await may("example.com", self.orders(self.ONE), line) is NO

    async def test_accounts_are_compared_to_the_letter(self) -> None:
        """Another case, another slash: another account."""
        for other in (self.ONE.upper(), self.ONE + "/", self.ONE[:-1]):
            assert (await self.ask(self.orders(other), f"accounturi={self.ONE}")).may is NO

    async def test_not_known(self) -> None:
        """What we were not told leaves it open; what can be told without is told."""
        found = await self.ask(self.orders(), f"accounturi={self.ONE}")
        assert found.may is UNKNOWN and self.ONE in found.why
        found = await self.ask(
            self.orders(self.ONE), f"accounturi={self.ONE}; validationmethods=dns-01"
        )
        assert found.may is UNKNOWN and "dns-01" in found.why
        assert (
            await self.ask(
                self.orders(self.TWO), f"accounturi={self.ONE}; validationmethods=dns-01"
            )
        ).may is NO
        assert (
            await self.ask(
                self.orders("", "http-01"), f"accounturi={self.ONE}; validationmethods=dns-01"
            )
        ).may is NO
        assert (await self.ask(self.orders(), f"accounturi={self.ONE}", "x=y")).may is YES

    async def test_what_is_told_is_about_our_ca(self) -> None:
        """Records for others are not the reason when one for ours does not suit."""
        refused = await verdict(
            "example.com",
            self.orders(self.TWO),
            f'@ CAA 0 issue "{CA1}"',
            f'@ CAA 0 issue "example.net; accounturi={self.ONE}"',
        )
        assert self.ONE in refused.why and CA1 not in refused.why
        assert refused.property is not None and refused.property.names == "example.net"


class TestSearch:
    """The verdict where the search did not find records."""

    async def test_no_records(self) -> None:
        """Every CA may, by every method of ours."""
        found = await verdict("a.example.com", Orders((CA1,), (), ("http-01",)))
        assert (found.may, found.property, found.methods) == (YES, None, ("http-01",))

    @pytest.mark.rfc(
        "8659", "5.1", "irrespective of whether the corresponding DNS records are signed."
    )
    async def test_signed_or_not(self) -> None:
        """The records of an unsigned zone are obeyed like others."""
        for signed in ((".", "example.com"), ()):
            found = await relevant("example.com", f'@ CAA 0 issue "{CA1}"', signed=signed)
            assert [judge(found, Orders((ca,))).may for ca in (CA1, CA2)] == [YES, NO]

    @pytest.mark.rfc(
        "8659",
        "3",
        "Before issuing a certificate, a compliant CA MUST check for publication of a Relevant RRset.",
    )
    @pytest.mark.parametrize(
        "rule", [support.failing("SERVFAIL"), support.bogus], ids=["servfail", "bogus"]
    )
    async def test_no_answer(self, rule: support.Rule) -> None:
        """Neither yes nor no, and the name it is about."""
        text = {"example.com": f'@ CAA 0 issue "{CA1}"\nwww A 192.0.2.1'}
        async with zones(text, rules={"www.example.com": rule}) as (_, resolver):
            found = judge(await find("www.example.com", resolver), Orders((CA1,)))
        assert found.may is UNKNOWN and "www.example.com" in found.why and "SERVFAIL" in found.why


@pytest.mark.parametrize(
    ("issuers", "uris", "methods"),
    [
        ((), (), ()),
        (("",), (), ()),
        (("ca 1",), (), ()),
        (("ü.example",), (), ()),
        ((CA1,), ("1234",), ()),
        ((CA1,), (), ("smtp-01",)),
    ],
)
def test_orders_that_make_no_sense(
    issuers: tuple[str, ...], uris: tuple[str, ...], methods: tuple[str, ...]
) -> None:
    """Refused when they are made, not when something was decided by them."""
    with pytest.raises(ValueError, match=r"."):
        Orders(issuers, uris, methods)
