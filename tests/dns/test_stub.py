"""The resolver against a real name server on loopback: what it finds, what it cannot know, and that it never raises."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address

import dns.flags
import dns.message
import dns.name
import dns.rrset
import pytest
import uvloop
from dns.message import Message
from tests.dns.serving import resolver, serving
from tests.support import dns as support
from tests.support.dns import Asked, Nameserver

from postil.base.clock import FixedClock
from postil.dns import Server, StubResolver, limits
from postil.ports.resolver import A, Aaaa, Caa, Cname, Mx, Ns, Outcome, Ptr, Record, Tlsa, Txt


@pytest.mark.parametrize(
    ("name", "records"),
    [
        ("mail.example.org", [A(IPv4Address("192.0.2.1"))]),
        ("mail.example.org", [Aaaa(IPv6Address("2001:db8::1"))]),
        ("example.org", [Mx(10, "mail.example.org"), Mx(20, "mail2.example.net")]),
        ("null.example.org", [Mx(0, ".")]),
        ("example.org", [Txt((b"v=spf1 ", b"-all")), Txt((b'a"\\\xff',))]),
        ("1.2.0.192.in-addr.arpa", [Ptr("mail.example.org")]),
        ("alias.example.org", [Cname("mail.example.org")]),
        ("example.org", [Ns("ns.example.org")]),
        ("_25._tcp.mail.example.org", [Tlsa(3, 1, 1, bytes.fromhex("ab" * 32))]),
        ("example.org", [Caa(0, "issue", b"ca.example.net")]),
    ],
    ids=lambda value: type(value[0]).__name__ if isinstance(value, list) else None,
)
async def test_every_kind(name: str, records: list[Record]) -> None:
    """Each kind of record comes as itself, octet for octet."""
    with serving() as server:
        answer = await resolver(server).query(name, type(records[0]))
    assert answer.outcome is Outcome.FOUND
    assert set(answer.records) == set(records)
    assert answer.chain == (name,) and answer.ttl == 300
    assert answer.authenticated == name.endswith("example.org")


def test_strings_are_joined_without_spaces() -> None:
    """What SPF and DKIM read."""
    assert Txt((b"v=spf1 ", b"-all")).joined == b"v=spf1 -all"


async def test_names_are_compared_without_case_and_dot() -> None:
    """The same name, however it is written, is one name."""
    with serving() as server:
        asked = resolver(server)
        for name in ("MAIL.Example.ORG.", "mail.example.org"):
            answer = await asked.query(name, A)
            assert answer.outcome is Outcome.FOUND and answer.chain == ("mail.example.org",)
        assert len(server.asked) == 1  # the second came from the cache


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("nobody.example.org", Outcome.NO_SUCH_NAME),
        ("mail.example.org", Outcome.NO_DATA),
        ("empty.example.org", Outcome.NO_DATA),
        ("dangling.example.org", Outcome.NO_SUCH_NAME),
    ],
)
async def test_not_there(name: str, outcome: Outcome) -> None:
    """No such name, no such record at a name, nothing but names below: two outcomes."""
    with serving(("example.org", "example.net")) as server:
        answer = await resolver(server).query(name, Txt)
    assert (answer.outcome, answer.records, answer.why) == (outcome, (), "")
    assert answer.authenticated and answer.ttl == 60  # the SOA's minimum, RFC 2308 §5


def _cut(asked: Asked, answer: Message) -> Message:
    """The first alias of a chain alone."""
    del answer.answer[1:]
    return answer


class TestAliases:
    """Aliases are followed, each name kept."""

    async def test_followed(self) -> None:
        """The chain names the alias and where the records are; unsigned as soon as one zone of it is."""
        with serving() as server:
            answer = await resolver(server).query("far.example.org", Txt)
        assert answer.records == (Txt((b"far",)),)
        assert answer.chain == ("far.example.org", "host.example.net")
        assert answer.canonical == "host.example.net" and not answer.authenticated

    @pytest.mark.parametrize("name", ["one.example.org", "self.example.org"])
    async def test_loop(self, name: str) -> None:
        """Aliases that lead to themselves end, with a reason."""
        with serving() as server:
            answer = await resolver(server).query(name, Txt)
            assert answer.outcome is Outcome.TEMPORARY and "leads to itself" in answer.why
            assert len(server.asked) == 1

    async def test_many(self) -> None:
        """Twelve names in a chain are followed, thirteen are not."""
        zone = "".join(f"a{number} CNAME a{number + 1}\n" for number in range(20)) + 'a20 TXT "x"'
        with Nameserver({"example.org": zone}) as server:
            asked = resolver(server)
            most = await asked.query(f"a{21 - limits.ALIASES}.example.org", Txt)
            assert most.outcome is Outcome.FOUND and len(most.chain) == limits.ALIASES
            more = await asked.query(f"a{20 - limits.ALIASES}.example.org", Txt)
            assert more.outcome is Outcome.TEMPORARY and "aliases" in more.why

    async def test_a_chain_cut_short_is_gone_on_with(self) -> None:
        """An answer that stops at an alias, without a word on what is behind it: the next name is asked for, and signed only if both are."""

        for signed in (("example.org", "example.net"), ("example.org",), ("example.net",)):
            with serving(signed) as server:
                server.rules["far.example.org"] = _cut
                answer = await resolver(server).query("far.example.org", Txt)
                assert server.names == ["far.example.org", "host.example.net"]
            assert answer.chain == ("far.example.org", "host.example.net")
            assert answer.records == (Txt((b"far",)),)
            assert answer.authenticated == (len(signed) == 2)

    async def test_a_loop_over_several_answers(self) -> None:
        """The same through answers of one alias each."""

        with serving() as server:
            server.rules |= {"one.example.org": _cut, "two.example.org": _cut}
            answer = await resolver(server).query("one.example.org", Txt)
            assert answer.outcome is Outcome.TEMPORARY and "leads to itself" in answer.why
            assert len(server.asked) == 2

    async def test_kept_as_long_as_the_alias(self) -> None:
        """An answer is good for as long as each part of it, there or not."""
        zone = "short 7 IN CNAME long\nlong A 192.0.2.1"
        with Nameserver({"example.org": zone}) as server:
            assert (await resolver(server).query("short.example.org", A)).ttl == 7
            assert (await resolver(server).query("short.example.org", Aaaa)).ttl == 7
            server.rules["short.example.org"] = _cut
            assert (await resolver(server).query("short.example.org", A)).ttl == 7
            assert server.names[-1] == "long.example.org"

    async def test_asked_for_itself(self) -> None:
        """Who asks for the alias gets it."""
        with serving() as server:
            answer = await resolver(server).query("one.example.org", Cname)
        assert answer.records == (Cname("two.example.org"),)


class TestSignatures:
    """AD is worth something from this machine only; what fails to validate is its own outcome."""

    async def test_the_question_asks_for_it(self) -> None:
        """RD, AD and DO are set, CD is not."""
        with serving() as server:
            await resolver(server).query("example.org", Caa)
            query = server.asked[0].query
        assert (
            query.flags & (dns.flags.RD | dns.flags.AD | dns.flags.CD)
            == dns.flags.RD | dns.flags.AD
        )
        assert query.ednsflags & dns.flags.DO and query.payload == limits.UDP_PAYLOAD

    async def test_unsigned(self) -> None:
        """No bit, no trust."""
        with serving(()) as server:
            answer = await resolver(server).query("example.org", Caa)
        assert answer.outcome is Outcome.FOUND and not answer.authenticated

    @pytest.mark.parametrize(
        ("ip", "trusted"),
        [
            ("127.0.0.1", True),
            ("127.0.0.53", True),
            ("::1", True),
            ("127.0.0.11", False),
            ("127.0.0.54", False),
            ("192.0.2.1", False),
            ("::ffff:127.0.0.1", True),
            ("::ffff:127.0.0.11", False),
            ("fe80::1%eth0", False),
        ],
    )
    def test_who_is_believed(self, ip: str, trusted: bool) -> None:
        """Loopback, without the addresses there that pass on what others say."""
        assert StubResolver([Server(ip)]).believed is trusted
        assert not StubResolver([Server("127.0.0.1"), Server("192.0.2.1")]).believed

    async def test_from_elsewhere_it_counts_for_nothing(self) -> None:
        """The same answer with the same bit, from an address that is believed and from one that is not."""
        for ip, trusted in (("127.0.0.2", True), ("127.0.0.11", False)):
            with serving(ip=ip) as server:
                answer = await resolver(server).query("example.org", Caa)
            assert answer.outcome is Outcome.FOUND and answer.authenticated is trusted

    async def test_beside_one_that_is_elsewhere(self) -> None:
        """Who also asks a resolver elsewhere believes none: which of them answered must not matter."""
        with serving() as server:
            both = StubResolver([Server(server.ip, server.port), Server("192.0.2.1")])
            answer = await both.query("example.org", Caa)
        assert answer.outcome is Outcome.FOUND and not answer.authenticated

    @pytest.mark.parametrize("code", [6, 7, 8, 9, 10, 11, 12])
    async def test_bogus_by_extended_error(self, code: int) -> None:
        """RFC 8914: the resolver says that signatures are wrong; no second question is needed."""
        with serving() as server:
            server.rules["example.org"] = support.failing("SERVFAIL", code)
            answer = await resolver(server).query("example.org", Caa)
            assert len(server.asked) == 1
        assert answer.outcome is Outcome.BOGUS and answer.records == ()

    async def test_bogus_by_asking_without_checks(self) -> None:
        """A resolver that says only SERVFAIL, and has an answer when it need not check: bogus, and that answer is not given out."""
        with serving() as server:
            server.rules["example.org"] = support.bogus
            answer = await resolver(server).query("example.org", Caa)
            assert [bool(one.query.flags & dns.flags.CD) for one in server.asked] == [False, True]
        assert answer.outcome is Outcome.BOGUS and answer.records == () and not answer.authenticated

    @pytest.mark.parametrize("code", [3, 14, 22, 23])
    async def test_another_extended_error_is_temporary(self, code: int) -> None:
        """The servers of the zone do not answer: not bogus; what the resolver says of it is kept."""
        with serving() as server:
            server.rules["example.org"] = support.failing(
                "SERVFAIL", code, "at 192.0.2.7\x1b[31m" + "x" * 300
            )
            answer = await resolver(server).query("example.org", Caa)
        assert answer.outcome is Outcome.TEMPORARY
        assert "at 192.0.2.7[31mxxx" in answer.why and len(answer.why) < 150


@pytest.mark.parametrize(
    "name",
    [
        "",
        "@",
        ".",
        "..",
        "a..b",
        "ü.example",
        "x" * 64,
        ".".join(["abcdefgh"] * 40),
        "\\",
        "\\999",
        "a\0b",
        " ",
    ],
)
async def test_whatever_is_asked(name: str) -> None:
    """Any text is a question; what cannot be a name is a name that does not exist, and nobody is asked."""
    with serving() as server:
        answer = await resolver(server).query(name, A)
        if name in (".", "a\0b", " "):  # odd, but names
            assert len(server.asked) == 1 and answer.why == ""
        else:
            assert answer.outcome is Outcome.NO_SUCH_NAME
            assert server.asked == [] and answer.why


async def test_many_at_a_time() -> None:
    """More questions than may be on the wire wait their turn, and all are answered."""
    with serving() as server:
        asked = resolver(server, attempt=30.0)
        answers = await asyncio.gather(
            *(asked.query(f"n{number}.example.org", A) for number in range(limits.AT_ONCE * 2))
        )
        assert len(server.asked) == limits.AT_ONCE * 2
    assert {answer.outcome for answer in answers} == {Outcome.NO_SUCH_NAME}


async def test_no_more_than_that(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each question on the wire has a descriptor: the rest wait."""
    monkeypatch.setattr(limits, "AT_ONCE", 3)
    gate = threading.Event()

    def held(asked: Asked, answer: Message) -> Message:
        assert gate.wait(60)
        return answer

    with serving() as server:
        names = [f"n{number}.example.org" for number in range(9)]
        server.rules |= dict.fromkeys(names, held)
        asked = resolver(server, attempt=60.0)
        tasks = asyncio.gather(*(asked.query(name, A) for name in names))
        while len(server.asked) < 3:
            await asyncio.sleep(0)
        # Whatever was sent before this question has come when it is answered.
        assert (await resolver(server).query("mail.example.org", A)).outcome is Outcome.FOUND
        assert len(server.asked) == 4
        gate.set()
        assert {one.outcome for one in await tasks} == {Outcome.NO_SUCH_NAME}


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_both_event_loops(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """asyncio's own and uvloop: UDP, TCP behind it, a port where nobody listens, a question given up."""

    async def all_of_it() -> None:
        with serving() as server:
            asked = resolver(server, attempt=60.0)
            assert (await asked.query("mail.example.org", A)).authenticated
            server.rules["example.org"] = support.truncated
            assert (await asked.query("example.org", Caa)).outcome is Outcome.FOUND
            server.rules["example.org"] = support.silent
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await asked.query("example.org", Mx)
        answer = await asked.query("gone.example.org", A)
        assert answer.outcome is Outcome.TEMPORARY and "refused" in answer.why.lower()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(all_of_it())


async def test_by_ipv6() -> None:
    """A resolver at ::1 is asked like another."""
    with serving(ip="::1") as server:
        server.rules["example.org"] = support.truncated
        asked = resolver(server)
        for name, kind in (("mail.example.org", Aaaa), ("example.org", Caa)):
            answer = await asked.query(name, kind)
            assert answer.outcome is Outcome.FOUND and answer.authenticated


async def test_given_up() -> None:
    """A question whose asker goes away leaves no socket and no task behind (a warning would fail the test)."""
    with serving() as server:
        server.rules["example.org"] = support.silent
        task = asyncio.get_running_loop().create_task(resolver(server).query("example.org", Caa))
        while not server.asked:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


class TestCache:
    """What was asked is not asked again while it is good."""

    async def test_kept_as_long_as_it_says(self) -> None:
        """Records for their TTL, "not there" for the SOA's minimum."""
        clock = FixedClock()
        with serving() as server:
            asked = resolver(server, clock=clock)
            for name, seconds in (("example.org", 300), ("no.example.org", 60)):
                first = await asked.query(name, Caa)
                clock.advance(seconds - 1)
                assert await asked.query(name, Caa) == first
                assert server.names.count(name) == 1
                clock.advance(1)
                assert await asked.query(name, Caa) == first
                assert server.names.count(name) == 2

    async def test_each_kind_by_itself(self) -> None:
        """A name's MX says nothing of its CAA."""
        with serving() as server:
            asked = resolver(server)
            assert (await asked.query("example.org", Mx)).records
            assert (await asked.query("example.org", Caa)).records == (
                Caa(0, "issue", b"ca.example.net"),
            )

    @pytest.mark.parametrize("rule", [support.failing("SERVFAIL"), support.bogus])
    async def test_failures_are_asked_again(self, rule: support.Rule) -> None:
        """A failure that passes is not remembered."""
        with serving() as server:
            asked = resolver(server)
            server.rules["example.org"] = rule
            assert not (await asked.query("example.org", Caa)).outcome.known
            server.rules.clear()
            assert (await asked.query("example.org", Caa)).outcome is Outcome.FOUND
