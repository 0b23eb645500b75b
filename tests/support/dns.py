"""A name server of the tests: real datagrams and connections on loopback, zones as text, and everything that can go wrong.

It answers as a recursive resolver that validates: aliases are followed through all its zones, AD is set where every zone that was
touched is in `signed`. A rule for a name replaces the answer: `rules["x.example.org"] = silent`.

    with Nameserver({"example.org": '@ CAA 0 issue "ca.example.net"'}, signed=["example.org"]) as server:
        StubResolver([Server(server.ip, server.port)])
"""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.zone
from dns.message import Message
from dns.rdatatype import RdataType

SOA = "$TTL 300\n@ SOA ns.invalid. root.invalid. 1 7200 900 86400 60\n"


@dataclass(frozen=True)
class Asked:
    """A question as it came."""

    transport: str  # "udp" or "tcp"
    name: str
    kind: str
    query: Message


Rule = Callable[[Asked, Message], "Message | bytes | None"]  # the question, the ordinary answer


def silent(asked: Asked, answer: Message) -> None:
    """No answer, by neither way."""


def only_tcp(asked: Asked, answer: Message) -> Message | None:
    """A firewall that lets no datagram through."""
    return answer if asked.transport == "tcp" else None


def truncated(asked: Asked, answer: Message) -> Message:
    """By UDP only the head, with the bit that says so."""
    if asked.transport == "udp":
        answer.flags |= dns.flags.TC
        answer.answer.clear()
    return answer


def failing(code: str, extended: int | None = None, text: str | None = None) -> Rule:
    """A code for an answer, with an extended error (RFC 8914) if wanted."""

    def rule(asked: Asked, answer: Message) -> Message:
        made = dns.message.make_response(asked.query, recursion_available=True)
        made.set_rcode(dns.rcode.from_text(code))
        if extended is not None:
            made.use_edns(0, options=[dns.edns.EDEOption(dns.edns.EDECode(extended), text)])
        return made

    return rule


def bogus(asked: Asked, answer: Message) -> Message:
    """Signatures that do not hold: refused, unless the question says not to check."""
    if asked.query.flags & dns.flags.CD:
        return answer
    return failing("SERVFAIL")(asked, answer)  # type: ignore[return-value]


@dataclass
class Nameserver:
    """Zones by origin; runs inside `with`."""

    zones: Mapping[str, str]
    signed: Iterable[str] = ()
    ip: str = "127.0.0.1"
    port: int = 0
    rules: dict[str, Rule] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._zones: dict[dns.name.Name, dns.zone.Zone] = {}
        for origin, text in {".": "", **self.zones}.items():
            self.put(origin, text)
        self._signed = {dns.name.from_text(origin) for origin in self.signed}

    def put(self, origin: str, text: str) -> None:
        """A zone, in place of what was there."""
        self._zones[dns.name.from_text(origin)] = dns.zone.from_text(
            SOA + text, origin, relativize=False, check_origin=False
        )

    def __enter__(self) -> Nameserver:
        outer = self

        class Udp(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                wire, sender = self.request
                if answer := outer.reply(wire, "udp"):
                    sender.sendto(answer, self.client_address)

        class Tcp(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                while len(head := self.rfile.read(2)) == 2:
                    answer = outer.reply(self.rfile.read(struct.unpack("!H", head)[0]), "tcp")
                    if answer is None:
                        self.rfile.read(1)  # until the client gives up
                        return
                    self.wfile.write(struct.pack("!H", len(answer)) + answer)

        family = socket.AF_INET6 if ":" in self.ip else socket.AF_INET

        class UdpServer(socketserver.ThreadingUDPServer):
            address_family = family

        class TcpServer(socketserver.ThreadingTCPServer):
            address_family, daemon_threads = family, True

        while True:
            udp = UdpServer((self.ip, self.port), Udp)
            self.port = udp.server_address[1]
            try:
                tcp = TcpServer((self.ip, self.port), Tcp)
                break
            except OSError:  # somebody else's port for TCP: another one
                udp.server_close()
                self.port = 0
        self._servers = (udp, tcp)
        for one in self._servers:
            threading.Thread(target=one.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        for one in self._servers:
            one.shutdown()
            one.server_close()

    @property
    def names(self) -> list[str]:
        """The names that were asked for, in order."""
        return [one.name for one in self.asked]

    def reply(self, wire: bytes, transport: str) -> bytes | None:
        """The octets that answer a question, or silence."""
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        asked = Asked(transport, name, dns.rdatatype.to_text(question.rdtype), query)
        self.asked.append(asked)
        answer: Message | bytes | None = self.answer(query)
        assert isinstance(answer, Message)
        if rule := self.rules.get(name):
            answer = rule(asked, answer)
        return answer.to_wire(max_size=65535) if isinstance(answer, Message) else answer

    def answer(self, query: Message) -> Message:
        """What is in the zones."""
        response = dns.message.make_response(query, recursion_available=True)
        name, kind = query.question[0].name, query.question[0].rdtype
        secure = not query.flags & dns.flags.CD
        seen = set()
        while name not in seen:
            seen.add(name)
            origin = max((one for one in self._zones if name.is_subdomain(one)), key=len)
            zone = self._zones[origin]
            secure = secure and origin in self._signed
            if found := zone.get_rrset(name, kind):
                response.answer.append(found)
                break
            if alias := zone.get_rrset(name, RdataType.CNAME):
                response.answer.append(alias)
                name = alias[0].target
                continue
            exists = any(node.is_subdomain(name) for one in self._zones.values() for node in one)
            response.set_rcode(dns.rcode.NOERROR if exists else dns.rcode.NXDOMAIN)
            soa = zone.get_rrset(origin, RdataType.SOA)
            assert soa is not None
            response.authority.append(soa)
            break
        if secure:
            response.flags |= dns.flags.AD
        return response
