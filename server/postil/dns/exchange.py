"""One message to one server, and its answer: by UDP, by TCP.

RFC 1035 §4.2.1 and §4.2.2 (the two ways), RFC 2181 §9 (truncated), RFC 5452 §9.1 (what makes a datagram an answer to ours), RFC 7766 §5 (TCP is as good).

Theory of operation. Each question has a socket of its own, connected, so that the kernel drops datagrams from elsewhere, tells of a port where
nobody listens, and picks a port that is hard to guess. What does not belong to the question is passed over as if it had not come; an
answer to it that is truncated or cannot be read is a reason to ask by TCP at once.
"""

from __future__ import annotations

import asyncio
import struct

import dns.exception
import dns.flags
import dns.message

from postil.dns import limits
from postil.dns.mending import mend
from postil.dns.servers import Server


class Unanswered(Exception):
    """No usable answer by this way; the text says why."""


class Unreadable(Unanswered):
    """There was an answer, truncated or malformed: TCP may bring a better one."""


def parse(wire: bytes, query: dns.message.Message) -> dns.message.Message | None:
    """The answer to `query`; None when these octets are something else, Unreadable when they are a broken one."""
    if len(wire) < 12 or struct.unpack_from("!H", wire)[0] != query.id:
        return None
    if len(wire) > limits.ANSWER:
        raise Unreadable(f"the answer has more than {limits.ANSWER} octets")
    if sum(struct.unpack_from("!HHH", wire, 6)) > limits.RECORDS:
        raise Unreadable(f"the answer has more than {limits.RECORDS} records")
    message: dns.message.Message | None
    try:
        message = dns.message.from_wire(wire, ignore_trailing=True)
    except (dns.exception.DNSException, ValueError) as error:
        message = _mended(wire)
        if message is None:
            raise Unreadable(f"the answer is malformed: {error or type(error).__name__}") from error
    if not query.is_response(message):
        return None
    return message


def _mended(wire: bytes) -> dns.message.Message | None:
    try:
        return mend(wire)
    except (dns.exception.DNSException, ValueError):
        return None


class _Asked(asyncio.DatagramProtocol):
    def __init__(self, query: dns.message.Message) -> None:
        self._query = query
        self.answer: asyncio.Future[dns.message.Message] = (
            asyncio.get_running_loop().create_future()
        )

    def datagram_received(self, data: bytes, addr: object) -> None:
        if self.answer.done():
            return
        try:
            message = parse(data, self._query)
        except Unreadable as error:
            self.answer.set_exception(error)
            return
        if message is None:
            return
        if message.flags & dns.flags.TC:
            self.answer.set_exception(Unreadable("the answer is truncated"))
        else:
            self.answer.set_result(message)

    def error_received(self, exc: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(Unanswered(f"UDP: {_reason(exc)}"))


async def udp(query: dns.message.Message, server: Server, seconds: float) -> dns.message.Message:
    """Ask by UDP; Unanswered, Unreadable."""
    loop = asyncio.get_running_loop()
    try:
        transport, asked = await loop.create_datagram_endpoint(
            lambda: _Asked(query), remote_addr=(server.ip, server.port)
        )
    except OSError as error:
        raise Unanswered(f"UDP: {_reason(error)}") from error
    try:
        transport.sendto(query.to_wire())
        async with asyncio.timeout(seconds):
            return await asked.answer
    except TimeoutError:
        raise Unanswered(f"UDP: no answer in {seconds:g} s") from None
    finally:
        transport.close()


async def tcp(query: dns.message.Message, server: Server, seconds: float) -> dns.message.Message:
    """Ask by TCP; Unanswered, Unreadable."""
    writer = None
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(server.ip, server.port)
            # RFC 7766 §8: length and message in one write, since some servers read them together
            writer.write(query.to_wire(prepend_length=True))
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            message = parse(await reader.readexactly(length), query)
    except TimeoutError:
        raise Unanswered(f"TCP: no answer in {seconds:g} s") from None
    except asyncio.IncompleteReadError:
        raise Unanswered("TCP: the connection ended before the answer did") from None
    except OSError as error:
        raise Unanswered(f"TCP: {_reason(error)}") from error
    finally:
        if writer is not None:
            # Nothing of ours waits to be sent; a peer that reads on may not hold us up.
            writer.transport.abort()
    if message is None:
        raise Unanswered("TCP: the answer is to another question")
    return message


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else "") or str(error)
