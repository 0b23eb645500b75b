"""The resolver: a question to the machine's resolvers, an `Answer` back, whatever happens.

RFC 1034 §5.3.1 (a stub resolver), RFC 4035 §4.9 (what a stub may make of AD and CD), RFC 6891 §6.2.3 and RFC 3225 §3 (EDNS, DO), RFC 6840 §5.7 (AD in a question).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

import dns.flags
import dns.message
import dns.name
import dns.rcode

from postil.base.clock import Clock, SystemClock
from postil.dns import exchange, limits
from postil.dns.cache import Cache
from postil.dns.exchange import Unanswered, Unreadable
from postil.dns.names import BadName, to_text, to_wire
from postil.dns.reading import Reading, read
from postil.dns.records import TYPES
from postil.dns.servers import Server
from postil.ports.resolver import Answer, Outcome, R, Record


class StubResolver:
    """Fills `ports.resolver.Resolver`; one event loop."""

    def __init__(
        self,
        servers: Sequence[Server],
        *,
        clock: Clock | None = None,
        attempt: float = limits.ATTEMPT,
        question: float = limits.QUESTION,
    ) -> None:
        """Ask `servers` in this order; `attempt` and `question` are the seconds for one message and for all of a question."""
        assert servers, "there is somebody to ask"
        self._servers = tuple(servers)
        self._cache = Cache(clock or SystemClock())
        self._attempt = attempt
        self._question = question
        self._free = asyncio.Semaphore(limits.AT_ONCE)

    @property
    def believed(self) -> bool:
        """May an answer be authenticated: are all resolvers on this machine?"""
        return all(server.trusted for server in self._servers)

    async def query(self, name: str, kind: type[R]) -> Answer[R]:
        """The records of a kind at a name; never raises."""
        try:
            asked = to_wire(name)
        except BadName as error:
            return Answer(Outcome.NO_SUCH_NAME, (), (name,), why=str(error))
        key = (to_text(asked), kind)
        answer = self._cache.get(key)
        if answer is None:
            try:
                async with asyncio.timeout(self._question), self._free:
                    answer = await self._ask(asked, kind)
            except TimeoutError:
                why = f"no answer in {self._question:g} s"
                answer = Answer(Outcome.TEMPORARY, (), (key[0],), why=why)
        return cast("Answer[R]", answer)

    async def _ask(self, name: dns.name.Name, kind: type[Record]) -> Answer[Record]:
        """The answer from the wire, aliases followed where the resolver left off."""
        first = str(to_text(name))
        chain, octets, ttl, authenticated = [name], 0, limits.CACHE_TTL, True
        while True:
            reading, size = await self._read(chain[-1], kind)
            octets += size
            ttl = min(ttl, reading.ttl)
            authenticated = authenticated and reading.authenticated
            if not reading.outcome.known:
                return Answer(reading.outcome, (), tuple(map(to_text, chain)), why=reading.why)
            further = reading.chain[1:]
            if any(one in chain for one in further):
                why = f"the alias {to_text(further[-1])} leads to itself"
                return Answer(Outcome.TEMPORARY, (), (first,), why=why)
            chain += further
            if len(chain) > limits.ALIASES:
                why = f"more than {limits.ALIASES} aliases"
                return Answer(Outcome.TEMPORARY, (), (first,), why=why)
            if not reading.ask:
                break
        names = tuple(map(to_text, chain))
        answer = Answer(reading.outcome, reading.records, names, authenticated, ttl)
        self._cache.put((first, kind), answer, octets)
        return answer

    async def _read(self, name: dns.name.Name, kind: type[Record]) -> tuple[Reading, int]:
        """One answer's meaning, and its octets; a failure is looked at twice."""
        query = dns.message.make_query(
            name, TYPES[kind], use_edns=0, want_dnssec=True, payload=limits.UDP_PAYLOAD
        )
        query.flags |= dns.flags.AD
        try:
            message, server = await self._exchange(query)
        except Unanswered as error:
            return Reading(Outcome.TEMPORARY, why=str(error)), 0
        reading = read(message, name, kind, trusted=server.trusted and self.believed)
        if reading.failed and await self._answers_unchecked(name, kind, server):
            # RFC 4035 §4.7, §5.5: signatures that do not hold are a SERVFAIL, unless the question sets CD
            reading = Reading(
                Outcome.BOGUS, why=f"{reading.why}, but an answer where signatures are not checked"
            )
        return reading, len(message.wire or b"")

    async def _answers_unchecked(
        self, name: dns.name.Name, kind: type[Record], server: Server
    ) -> bool:
        """Does the server that failed have an answer when it need not check it? The answer itself is not used."""
        query = dns.message.make_query(
            name, TYPES[kind], use_edns=0, want_dnssec=True, payload=limits.UDP_PAYLOAD
        )
        query.flags |= dns.flags.CD
        try:
            message = await self._one(query, server)
        except Unanswered:
            return False
        return read(message, name, kind, trusted=False).outcome.known

    async def _exchange(self, query: dns.message.Message) -> tuple[dns.message.Message, Server]:
        """The first answer of any server; Unanswered says what each did."""
        failed = []
        for server in self._servers:
            try:
                message = await self._one(query, server)
            except Unanswered as error:
                failed.append(f"{server}: {error}")
                continue
            if message.rcode() != dns.rcode.REFUSED or server == self._servers[-1]:
                return message, server
            failed.append(f"{server}: REFUSED")  # not for us; the next may be
        for server in self._servers:
            try:
                return await exchange.tcp(query, server, self._attempt), server
            except Unanswered as error:
                failed.append(f"{server}: {error}")
        raise Unanswered("; ".join(failed))

    async def _one(self, query: dns.message.Message, server: Server) -> dns.message.Message:
        """By UDP, and by TCP when that answer cannot be used."""
        try:
            return await exchange.udp(query, server, self._attempt)
        except Unreadable:
            return await exchange.tcp(query, server, self._attempt)
