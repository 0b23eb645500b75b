"""What goes wrong on the way: silence, refusals, nonsense. Each is an outcome with its reason, and none is taken for "not there"."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import dns.flags
import dns.message
import dns.name
import dns.rrset
import pytest
from dns.message import Message
from dns.rdata import GenericRdata
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType
from tests.dns.serving import resolver, serving
from tests.support import dns as support
from tests.support.dns import Asked, Nameserver

from postil.dns import Server, StubResolver, limits
from postil.ports.resolver import A, Caa, Outcome, Record, Tlsa, Txt


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

    @pytest.mark.parametrize(
        ("rule", "attempt"), [(support.only_tcp, 1.0), (support.truncated, 50.0)]
    )
    async def test_tcp(self, rule: support.Rule, attempt: float) -> None:
        """No datagram comes through, or (told at once) only the head of the answer: TCP brings it."""
        with serving() as server:
            server.rules["example.org"] = rule
            async with asyncio.timeout(40):
                answer = await resolver(server, attempt=attempt).query("example.org", Caa)
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

    async def test_another_class(self) -> None:
        """Records of a class that is not the Internet's are none."""

        def chaos(asked: Asked, answer: Message) -> Message:
            answer.answer = [dns.rrset.from_text("nobody.example.org.", 300, "CH", "TXT", "x")]
            return answer

        with serving() as server:
            server.rules["nobody.example.org"] = chaos
            answer = await resolver(server).query("nobody.example.org", Txt)
        assert answer.outcome is Outcome.NO_SUCH_NAME

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
            async with asyncio.timeout(40):  # it is told at once, without waiting for a better one
                answer = await resolver(server, attempt=50.0).query("example.org", Caa)
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

    async def test_nothing_else_is_mended(self) -> None:
        """An odd tag beside a broken record of another kind: the answer counts as none."""

        def odd(asked: Asked, answer: Message) -> Message:
            data = bytes([128, 3]) + b"a-bvalue"
            answer.answer[0].add(GenericRdata(RdataClass.IN, RdataType.CAA, data))
            broken = GenericRdata(RdataClass.IN, RdataType.A, b"xyz")
            answer.answer.append(dns.rrset.from_rdata(answer.answer[0].name, 7, broken))
            return answer

        with serving() as server:
            server.rules["example.org"] = odd
            answer = await resolver(server).query("example.org", Caa)
        assert answer.outcome is Outcome.TEMPORARY and "malformed" in answer.why

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

    async def test_tcp_to_another_question(self) -> None:
        """Nothing else can come by TCP, so it is told."""

        def other(asked: Asked, answer: Message) -> Message:
            if asked.transport == "udp":
                return support.truncated(asked, answer)
            answer.id ^= 1
            return answer

        with serving() as server:
            server.rules["example.org"] = other
            answer = await resolver(server).query("example.org", Caa)
        assert answer.outcome is Outcome.TEMPORARY and "another question" in answer.why

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
