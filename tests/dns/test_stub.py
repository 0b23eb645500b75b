"""The resolver against a real name server on loopback: what it finds, what it cannot know, and that it never raises."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from ipaddress import IPv4Address, IPv6Address

import dns.flags
import dns.message
import dns.name
import dns.rrset
import pytest
from dns.message import Message
from dns.rdata import GenericRdata
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType
from tests.support import dns as support
from tests.support.dns import Asked, Nameserver

from postil.base.clock import FixedClock
from postil.dns import Server, StubResolver, limits
from postil.ports.resolver import (
    A,
    Aaaa,
    Caa,
    Cname,
    Mx,
    Ns,
    Outcome,
    Ptr,
    Record,
    Tlsa,
    Txt,
)

ZONES = {
    "example.org": r"""
@ CAA 0 issue "ca.example.net"
@ MX 10 mail
@ MX 20 mail2.example.net.
@ TXT "v=spf1 " "-all"
@ TXT "a\"\\\255"
@ NS ns
mail A 192.0.2.1
mail AAAA 2001:db8::1
_25._tcp.mail TLSA 3 1 1 abababababababababababababababababababababababababababababababab
alias CNAME mail
far CNAME host.example.net.
dangling CNAME nothing.example.net.
one CNAME two
two CNAME one
self CNAME self
below.empty A 192.0.2.2
null MX 0 .
""",
    "example.net": 'host TXT "far"',
    "2.0.192.in-addr.arpa": "1 PTR mail.example.org.",
}


@contextmanager
def serving(
    signed: tuple[str, ...] = ("example.org",), ip: str = "127.0.0.1"
) -> Iterator[Nameserver]:
    with Nameserver(ZONES, signed=signed, ip=ip) as server:
        yield server


def resolver(
    *servers: Nameserver, attempt: float = 5.0, clock: FixedClock | None = None
) -> StubResolver:
    """Time-outs are long where none is expected: a busy machine must not fail a test."""
    found = [Server(one.ip, one.port) for one in servers]
    return StubResolver(found, attempt=attempt, question=60.0, clock=clock or FixedClock())


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

        def cut(asked: Asked, answer: Message) -> Message:
            del answer.answer[1:]
            return answer

        for signed in (("example.org", "example.net"), ("example.org",)):
            with serving(signed) as server:
                server.rules["far.example.org"] = cut
                answer = await resolver(server).query("far.example.org", Txt)
                assert server.names == ["far.example.org", "host.example.net"]
            assert answer.chain == ("far.example.org", "host.example.net")
            assert answer.records == (Txt((b"far",)),)
            assert answer.authenticated == (len(signed) == 2)

    async def test_a_loop_over_several_answers(self) -> None:
        """The same through answers of one alias each."""

        def cut(asked: Asked, answer: Message) -> Message:
            del answer.answer[1:]
            return answer

        with serving() as server:
            server.rules |= {"one.example.org": cut, "two.example.org": cut}
            answer = await resolver(server).query("one.example.org", Txt)
            assert answer.outcome is Outcome.TEMPORARY and "leads to itself" in answer.why
            assert len(server.asked) == 2

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
            ("::ffff:127.0.0.1", False),
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


class TestFailures:
    """Nobody could tell: an outcome with its reason."""

    @pytest.mark.parametrize("code", ["SERVFAIL", "REFUSED", "NOTIMP", "FORMERR", "YXDOMAIN"])
    async def test_codes(self, code: str) -> None:
        """Each code is said."""
        with serving() as server:
            server.rules["example.org"] = support.failing(code)
            answer = await resolver(server).query("example.org", Caa)
        assert answer.outcome is Outcome.TEMPORARY and code in answer.why

    async def test_silence(self) -> None:
        """Neither UDP nor TCP is answered: both are tried, then it is over."""
        with serving() as server:
            server.rules["example.org"] = support.silent
            answer = await resolver(server, attempt=0.2).query("example.org", Caa)
            assert [one.transport for one in server.asked] == ["udp", "tcp"]
        assert answer.outcome is Outcome.TEMPORARY
        assert "UDP: no answer in 0.2 s" in answer.why and "TCP: no answer in 0.2 s" in answer.why

    async def test_a_question_has_an_end(self) -> None:
        """All attempts together take no longer than one question may."""
        with serving() as server:
            server.rules["example.org"] = support.silent
            asked = StubResolver([Server(server.ip, server.port)] * 3, attempt=60.0, question=0.2)
            answer = await asked.query("example.org", Caa)
        assert answer.outcome is Outcome.TEMPORARY and "0.2 s" in answer.why

    async def test_nobody_listens(self) -> None:
        """A closed port is told at once."""
        with serving() as server:
            gone = Server(server.ip, server.port)
        answer = await StubResolver([gone], attempt=60.0).query("example.org", Caa)
        assert answer.outcome is Outcome.TEMPORARY and "refused" in answer.why.lower()

    async def test_a_network_that_is_not_there(self) -> None:
        """An address that no route leads to, or that is none of this family."""
        answer = await StubResolver([Server("fe80::1%nowhere")], attempt=1.0).query("x.example", A)
        assert answer.outcome is Outcome.TEMPORARY and answer.why

    @pytest.mark.parametrize("rule", [support.only_tcp, support.truncated])
    async def test_tcp(self, rule: support.Rule) -> None:
        """No datagram comes through, or only the head of the answer: TCP brings it."""
        with serving() as server:
            server.rules["example.org"] = rule
            answer = await resolver(server, attempt=1.0).query("example.org", Caa)
            assert [one.transport for one in server.asked] == ["udp", "tcp"]
        assert answer.outcome is Outcome.FOUND and answer.authenticated

    async def test_large(self) -> None:
        """An answer of kilobytes comes whole, by TCP."""
        zone = "".join(f'@ TXT "{number:03d}{"x" * 200}"\n' for number in range(40))
        with Nameserver({"example.org": zone}) as server:
            server.rules["example.org"] = support.truncated
            answer = await resolver(server).query("example.org", Txt)
        assert len(answer.records) == 40

    @pytest.mark.parametrize(
        ("zone", "what"),
        [
            (
                "".join(f"@ A 10.0.{one // 250}.{one % 250}\n" for one in range(limits.RECORDS)),
                "records",
            ),
            ("".join(f'@ TXT "{one:03d}{"x" * 250}"\n' for one in range(80)), "octets"),
        ],
    )
    async def test_too_large(self, zone: str, what: str) -> None:
        """An answer that would hold up everybody else is not read, and not taken for none."""
        kind: type[Record] = A if what == "records" else Txt
        with Nameserver({"example.org": zone}) as server:
            answer = await resolver(server).query("example.org", kind)
        assert answer.outcome is Outcome.TEMPORARY and what in answer.why

    async def test_another_resolver(self) -> None:
        """The first is silent, refuses us, or is gone: the second answers; a failure to resolve is an answer."""
        with serving() as first, serving() as second:
            for rule in (support.silent, support.failing("REFUSED")):
                first.rules["example.org"] = rule
                answer = await resolver(first, second, attempt=0.5).query("example.org", Caa)
                assert answer.outcome is Outcome.FOUND
            first.rules["example.org"] = support.failing("SERVFAIL")
            answer = await resolver(first, second).query("example.org", Caa)
            assert answer.outcome is Outcome.TEMPORARY
        with serving() as second:
            answer = await resolver(first, second).query("example.org", Caa)
            assert answer.outcome is Outcome.FOUND

    async def test_a_referral_is_no_answer(self) -> None:
        """A server that only knows whom to ask is no resolver, and has not said that there is nothing."""

        def referral(asked: Asked, answer: Message) -> Message:
            answer.answer.clear()
            answer.authority.append(dns.rrset.from_text("org.", 300, "IN", "NS", "ns.example."))
            return answer

        with serving() as server:
            server.rules["example.org"] = referral
            answer = await resolver(server).query("example.org", Caa)
        assert answer.outcome is Outcome.TEMPORARY and "refers" in answer.why

    async def test_an_answer_that_contradicts_itself(self) -> None:
        """No such name, and its records: nothing that may be relied on."""

        def contradicts(asked: Asked, answer: Message) -> Message:
            answer.set_rcode(3)  # type: ignore[arg-type]
            return answer

        with serving() as server:
            server.rules["example.org"] = contradicts
            answer = await resolver(server).query("example.org", Caa)
        assert answer.outcome is Outcome.TEMPORARY


class TestNonsense:
    """What is no answer to our question is passed over; what is a broken one is told."""

    async def test_a_datagram_of_somebody_else(self) -> None:
        """Another number, another question, no answer at all, octets: none of them is taken, and the true answer behind them is."""

        def others(asked: Asked, answer: Message) -> bytes | Message:
            if asked.transport == "tcp":
                return answer
            kind = nonsense.pop()
            if kind == "number":
                answer.id ^= 1
            elif kind == "question":
                answer.question = [dns.rrset.RRset(dns.name.from_text("x.example"), 1, 1)]  # type: ignore[arg-type]
            elif kind == "no answer":
                return asked.query
            else:
                return b"\0\1"
            return answer

        with serving() as server:
            server.rules["example.org"] = others
            for kind in ("number", "question", "no answer", "octets"):
                nonsense = [kind]
                answer = await resolver(server, attempt=0.3).query("example.org", Caa)
                assert answer.outcome is Outcome.FOUND, kind
                assert server.asked[-1].transport == "tcp"

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (b"\0\x05issue", b"\0\xffissue"),
            (b"\x07example", b"\x80example"),
            (b"\xc0\x0c\x01\x01", b"\xc0\xff\x01\x01"),
        ],
    )
    async def test_an_answer_that_cannot_be_read(self, old: bytes, new: bytes) -> None:
        """A tag longer than its record, a broken name: the answer counts as none, since leaving a record out could open what it closes."""

        def broken(asked: Asked, answer: Message) -> bytes:
            wire = answer.to_wire()
            assert old in wire
            return wire.replace(old, new)

        with serving() as server:
            server.rules["example.org"] = broken
            answer = await resolver(server, attempt=0.3).query("example.org", Caa)
        assert answer.outcome is Outcome.TEMPORARY and answer.records == ()

    @pytest.mark.rfc("8659", "4.1", "The tag length MUST be at least 1.")
    async def test_no_tag(self) -> None:
        """A CAA record with a tag of length 0 is none, and with it the answer."""

        def broken(asked: Asked, answer: Message) -> bytes:
            return answer.to_wire().replace(b"\0\x05issue", b"\0\x00issue")

        with serving() as server:
            server.rules["example.org"] = broken
            answer = await resolver(server).query("example.org", Caa)
        assert answer.outcome is Outcome.TEMPORARY and "malformed" in answer.why

    @pytest.mark.parametrize("tag", [b"a-b", b"is sue", "ü".encode(), b"\0"])
    async def test_a_tag_that_is_none(self, tag: bytes) -> None:
        """A CAA record whose tag has other characters than the RFC allows is seen as it is, beside the others."""
        good = Caa(0, "issue", b"ca.example.net")

        def odd(asked: Asked, answer: Message) -> Message:
            data = bytes([128, len(tag)]) + tag + b"value"
            answer.answer[0].add(GenericRdata(RdataClass.IN, RdataType.CAA, data))
            return answer

        with serving() as server:
            server.rules["example.org"] = odd
            answer = await resolver(server).query("example.org", Caa)
        assert set(answer.records) == {good, Caa(128, tag.decode("latin-1"), b"value")}
        assert answer.authenticated and answer.ttl == 300

    @pytest.mark.parametrize("digest", [b"", b"short", b"x" * 64])
    async def test_a_digest_of_the_wrong_length(self, digest: bytes) -> None:
        """A TLSA record that is of no use is there all the same: without it, mail would go out as if there were no DANE."""

        def odd(asked: Asked, answer: Message) -> Message:
            data = GenericRdata(RdataClass.IN, RdataType.TLSA, b"\3\1\1" + digest)
            answer.answer[0] = dns.rrset.from_rdata(answer.answer[0].name, 7, data)
            return answer

        with serving() as server:
            server.rules["_25._tcp.mail.example.org"] = odd
            answer = await resolver(server).query("_25._tcp.mail.example.org", Tlsa)
        assert answer.records == (Tlsa(3, 1, 1, digest),) and answer.ttl == 7

    async def test_tcp_that_ends_early(self) -> None:
        """A connection that ends in the middle of an answer."""

        async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readexactly(2)
            writer.write(b"\x01\x00half")
            writer.close()

        async with _only_tcp(half) as port:
            answer = await StubResolver([Server("127.0.0.1", port)], attempt=5).query(
                "x.example", A
            )
        assert answer.outcome is Outcome.TEMPORARY and "ended before the answer" in answer.why


@asynccontextmanager
async def _only_tcp(handler: object) -> AsyncIterator[int]:
    server = await asyncio.start_server(handler, "127.0.0.1", 0)  # type: ignore[arg-type]
    async with server:
        yield server.sockets[0].getsockname()[1]


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
        assert answer.outcome in (Outcome.NO_SUCH_NAME, Outcome.NO_DATA)
        assert answer.why == "" or server.asked == []


async def test_many_at_a_time() -> None:
    """More questions than may be on the wire wait their turn, and all are answered."""
    with serving() as server:
        asked = resolver(server, attempt=30.0)
        answers = await asyncio.gather(
            *(asked.query(f"n{number}.example.org", A) for number in range(limits.AT_ONCE * 2))
        )
        assert len(server.asked) == limits.AT_ONCE * 2
    assert {answer.outcome for answer in answers} == {Outcome.NO_SUCH_NAME}


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
