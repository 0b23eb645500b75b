"""A message from outside into mailboxes: which verdict, and what is on disk afterwards."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from tests.support.delivery import Post, path, post
from tests.support.smtp import Directory

from postil.inbound import Pipeline, Settings, limits
from postil.ports.delivery import Verdict
from postil.ports.store import LimitReached, OverQuota, StoreError, StoreUnavailable
from postil.store.memory import MemoryStore

MESSAGE = b"From: sender@client.example\r\nSubject: x\r\n\r\nbody \xff\x00\r\n"


def code(verdict: Verdict) -> str:
    return f"{verdict.code} {verdict.enhanced} {verdict.step}"


@pytest.mark.rfc("5321", "4.4", "This use of return-path is required; mail systems MUST support it")
@pytest.mark.rfc(
    "5321",
    "4.4",
    "When an SMTP server receives a message for delivery or further processing, it MUST insert trace",
)
async def test_delivered_octet_for_octet() -> None:
    """Return-Path, Delivered-To and Received stand first, in this order; the rest is as received."""
    async with post() as p:
        verdict = await p.send(MESSAGE)
        assert code(verdict) == "250 2.0.0 deliver"
        [octets] = await p.inbox()
        assert octets.endswith(MESSAGE)
        names = re.findall(rb"(?m)^([A-Za-z-]+):", octets.removesuffix(MESSAGE))
        assert names == [b"Return-Path", b"Delivered-To", b"Received"]
        assert octets.startswith(
            b"Return-Path: <sender@client.example>\r\nDelivered-To: alice@example.org\r\n"
        )
        assert b"for <alice@example.org>" in octets
        queue_id = verdict.text.split()[-1].encode()
        assert b"id " + queue_id in octets.replace(b"\r\n", b"")


async def test_null_path() -> None:
    """A notification has `Return-Path: <>`."""
    async with post() as p:
        assert (await p.send(MESSAGE, sender="")).ok
        assert (await p.inbox())[0].startswith(b"Return-Path: <>\r\n")


async def test_several_recipients() -> None:
    """Everyone gets a copy with their own Delivered-To; nobody sees the others in Received."""
    async with post() as p:
        assert (await p.send(MESSAGE, "alice@example.org", "bob@example.org")).ok
        [first], [second] = await p.inbox("alice"), await p.inbox("bob")
        assert b"Delivered-To: alice@example.org" in first
        assert b"Delivered-To: bob@example.org" in second
        assert b" for " not in first
        assert b"bob" not in first


async def test_one_copy_per_mailbox() -> None:
    """Two addresses of one account are one delivery."""
    async with post() as p:
        assert (
            await p.send(
                MESSAGE, "alice@example.org", "postmaster@example.org", "Alice@example.org"
            )
        ).ok
        assert len(await p.inbox()) == 1


@pytest.mark.rfc(
    "5321",
    "4.5.1",
    'MUST support the reserved mailbox "postmaster" as a case-insensitive local name',
)
@pytest.mark.parametrize(
    "address",
    [
        "postmaster@example.org",
        "POSTMASTER@example.org",
        "Postmaster@xn--bcher-kva.example",
        "PostMaster",
    ],
)
async def test_postmaster(address: str) -> None:
    """At every domain of ours, in any case, and without a domain."""
    async with post() as p:
        assert (await p.send(MESSAGE, address)).ok
        assert len(await p.inbox()) == 1


@pytest.mark.parametrize("address", ["abuse@example.org", "ABUSE@xn--bcher-kva.example"])
async def test_abuse(address: str) -> None:
    """RFC 2142 §4 at every domain of ours."""
    async with post() as p:
        assert (await p.send(MESSAGE, address)).ok
        assert len(await p.inbox()) == 1


async def test_unknown_and_foreign() -> None:
    """Unknown here 550 5.1.1; elsewhere 550 5.7.1; from a login elsewhere 451 until there is a queue."""
    async with post() as p:
        assert code(await p.send(MESSAGE, "nobody@example.org")) == "550 5.1.1 recipient"
        assert code(await p.send(MESSAGE, "x@elsewhere.example")) == "550 5.7.1 relay"
        assert code(await p.send(MESSAGE, "x@[192.0.2.1]")) == "550 5.7.1 relay"
        alice = p.account()
        answer = await p.send(
            MESSAGE, "x@elsewhere.example", sender="alice@example.org", account=alice
        )
        assert code(answer) == "451 4.3.0 relay"
        assert "not possible yet" in answer.text
        assert await p.inbox() == []


@pytest.mark.rfc(
    "6409", "4.2", "The MSA MUST ensure that all domains in the SMTP envelope are fully qualified"
)
async def test_unqualified_domains() -> None:
    """A login's recipient at a bare host name is refused for good; our own bare names would be local."""
    async with post() as p:
        answer = await p.send(MESSAGE, "x@sales", sender="alice@example.org", account=p.account())
        assert code(answer) == "554 5.1.2 relay"
        answer = await p.send(
            MESSAGE, "x@[192.0.2.1]", sender="alice@example.org", account=p.account()
        )
        assert code(answer) == "451 4.3.0 relay"


@pytest.mark.rfc(
    "5321",
    "3.7.2",
    "receiving systems MUST NOT reject mail based on the format of a trace header field",
)
@pytest.mark.rfc(
    "5321",
    "3.3",
    "they MUST NOT reject messages in which the numbers of Resent-header fields do not match",
)
@pytest.mark.rfc(
    "5321",
    "3.3",
    "SHOULD NOT reject messages based on perceived defects in the RFC 822 or MIME",
)
@pytest.mark.rfc("5321", "4.4", "they MUST NOT change the order of existing lines")
@pytest.mark.rfc(
    "6152",
    "3",
    "the server SMTP must deliver or relay the content in such a way as to preserve all bits in each octet",
)
@pytest.mark.parametrize(
    "message",
    [
        b"Received: nonsense\r\nReceived:\r\nRECEIVED: ;;;\r\n\r\n",
        b"Resent-To: x\r\nResent-From: a@b.example\r\nResent-From: c@d.example\r\n\r\nx\r\n",
        b"no header at all\r\n",
        b"Content-Type: multipart/mixed\r\nContent-Transfer-Encoding: nonsense\r\n\r\n--\xff\r\n",
        bytes(octet for octet in range(256) if octet not in b"\r\n") + b"\r\n",
        b"From: \xff\xfe\r\nDate: never\r\nDate: twice\r\n\r\n\x00\r\n",
        b"\r\n",
        b"",
    ],
)
async def test_odd_messages_are_kept_as_they_are(message: bytes) -> None:
    """Whatever is wrong with a message, it is delivered octet for octet."""
    async with post() as p:
        assert (await p.send(message)).ok
        [octets] = await p.inbox()
        assert octets.endswith(b" +0000\r\n" + message)
        assert octets.count(b"Return-Path: ") == 1


async def test_disabled() -> None:
    """A disabled account's mailbox takes nothing."""
    async with post() as p:
        p.directory.accounts["bob"] = replace(p.account("bob"), disabled="left")
        assert code(await p.send(MESSAGE, "bob@example.org")) == "550 5.2.1 recipient"


async def test_directory_down() -> None:
    """Nobody can tell: temporary, never unknown."""
    async with post() as p:
        p.directory.down = True
        assert code(await p.send(MESSAGE)) == "451 4.3.0 relay"
        assert code(await p.send(MESSAGE, "postmaster")) == "451 4.3.0 recipient"
        answer = await p.send(MESSAGE, sender="alice@example.org", account=p.account())
        assert code(answer) == "451 4.3.0 sender"


async def test_too_many_messages() -> None:
    """452 4.2.2 at RCPT once the account has as many messages as it may have."""
    async with post() as p:
        p.directory.accounts["alice"] = replace(p.account(), quota_messages=1)
        await p.store.provision(p.account().id, None, 1)
        assert (await p.send(MESSAGE, "alice@example.org")).ok
        assert code(await p.send(MESSAGE)) == "452 4.2.2 quota"
        assert len(await p.inbox()) == 1


async def test_over_quota() -> None:
    """452 4.2.2 at RCPT when full or when the declared size does not fit, and at the end when it was not declared."""
    async with post() as p:
        p.directory.accounts["alice"] = replace(p.account(), quota=5000)
        await p.store.provision(p.account().id, 5000)
        assert code(await p.send(MESSAGE, declared_size=5001)) == "452 4.2.2 quota"
        assert code(await p.send(b"x" * 6000, "alice@example.org")) == "452 4.2.2 deliver"
        assert await p.inbox() == []
        assert (await p.send(b"x" * 4000, "alice@example.org")).ok
        assert (
            code(await p.send(b"x" * 4000, "alice@example.org", "bob@example.org"))
            == "452 4.2.2 deliver"
        )
        assert await p.inbox("bob") == []
        assert len(await p.inbox()) == 1


@pytest.mark.rfc("6409", "6.1", "MAY issue an error response to a MAIL command")
async def test_senders_of_a_login() -> None:
    """A login sends under its own addresses and the null path only."""
    async with post() as p:
        alice = p.account()
        for sender, answer in (
            ("alice@example.org", "250 2.0.0 deliver"),
            ("postmaster@example.org", "250 2.0.0 deliver"),
            ("", "250 2.0.0 deliver"),
            ("bob@example.org", "550 5.7.1 sender"),
            ("alice@elsewhere.example", "550 5.7.1 sender"),
        ):
            assert (
                code(await p.send(MESSAGE, "bob@example.org", sender=sender, account=alice))
                == answer
            )


@pytest.mark.rfc("6409", "8.3", "SHOULD add or replace the")
@pytest.mark.rfc("6409", "8.2", "MAY add a")
async def test_submissions_are_completed() -> None:
    """Missing Date and Message-ID are added for a login, never for strangers, never twice."""
    async with post() as p:
        alice = p.account()
        await p.send(MESSAGE, sender="alice@example.org", account=alice)
        await p.send(
            b"date: x\r\nMESSAGE-ID : <a@b>\r\n\r\nDate: in the body\r\n",
            sender="alice@example.org",
            account=alice,
        )
        await p.send(MESSAGE)
        added, complete, stranger = await p.inbox()
        assert len(re.findall(rb"(?m)^Date: Tue, 14 Nov 2023 22:13:20 \+0000\r$", added)) == 1
        assert len(re.findall(rb"(?m)^Message-ID: <[A-Za-z0-9_-]+@mx.example.org>\r$", added)) == 1
        assert added.endswith(MESSAGE)
        assert b"Message-ID: " not in complete
        assert b"Date: T" not in complete
        assert b"Date:" not in stranger


@pytest.mark.rfc(
    "5321", "6.3", "SHOULD use a large rejection threshold, normally at least 100 Received entries"
)
async def test_loops() -> None:
    """A hundred Received fields pass, one more does not; those in the body do not count."""
    async with post() as p:
        hop = b"received: from a\r\n by b; Tue, 14 Nov 2023 22:13:20 +0000\r\n"
        assert (await p.send(hop * 100 + MESSAGE)).ok
        assert code(await p.send(hop * 101 + MESSAGE)) == "554 5.4.6 loops"
        assert (await p.send(MESSAGE + hop * 101)).ok
        assert (await p.send(b"\r\n" + hop * 101)).ok
        assert len(await p.inbox()) == 3


async def test_abort_keeps_nothing() -> None:
    """After abort nothing is delivered and nothing stays staged; twice is fine."""
    async with post() as p:
        receiving = await p.begin()
        assert not isinstance(receiving, Verdict)
        await receiving.recipient(path("alice@example.org"))
        await receiving.write(MESSAGE)
        await receiving.abort()
        await receiving.abort()
        assert await p.inbox() == []
        assert len(p.store._stage) == 0
        assert (await p.send(MESSAGE)).ok
        assert len(p.store._stage) == 0


async def test_a_mailbox_that_was_deleted() -> None:
    """A remembered mailbox that is gone: INBOX instead, and again the mailbox once it is back."""
    async with post() as p:

        class Filing(Directory):
            async def resolve(self, local_part: str, domain: str):  # type: ignore[no-untyped-def]
                found = await super().resolve(local_part, domain)
                return [replace(delivery, mailbox="Lists") for delivery in found]

        p.pipeline._accounts = Filing()
        await p.store.create(p.account().id, "Lists")
        assert (await p.send(MESSAGE)).ok
        assert len(await p.inbox(mailbox="Lists")) == 1
        await p.store.delete(p.account().id, "Lists")
        assert (await p.send(MESSAGE)).ok
        assert len(await p.inbox()) == 1


class Broken(MemoryStore):
    """A store that fails at delivery."""

    fault: StoreError

    async def deliver(self, targets):  # type: ignore[no-untyped-def]
        raise self.fault


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        (StoreUnavailable("disk full"), "452 4.3.1 deliver"),
        (OverQuota("full"), "452 4.2.2 deliver"),
        (LimitReached("uids used up"), "451 4.3.0 deliver"),
        (StoreError("odd"), "451 4.3.0 deliver"),
    ],
)
async def test_store_errors(fault: StoreError, answer: str) -> None:
    """Each has its temporary code, and nothing stays staged."""
    async with post() as p:
        store = Broken(p.clock)
        store.fault = fault
        await store.provision(p.account().id, None)
        broken = Post(
            store, Pipeline(store, p.directory, p.clock, Settings()), p.directory, p.clock
        )
        assert code(await broken.send(MESSAGE)) == answer
        assert len(store._stage) == 0


async def test_flags_of_new_mail() -> None:
    """A new message has no flags and the time of its arrival."""
    async with post() as p:
        await p.send(MESSAGE)
        inbox = next(m for m in await p.store.mailboxes(p.account().id) if m.name == "INBOX")
        view = await p.store.open(inbox.id)
        assert view.flagsets.names(view.generation.flags[0]) == frozenset()
        assert view.generation.dates[0] == int(p.clock.now())
        view.close()


async def test_long_headers_are_bounded() -> None:
    """What is kept to look at has a limit, whatever comes."""
    async with post() as p:
        receiving = await p.begin()
        assert not isinstance(receiving, Verdict)
        await receiving.recipient(path("alice@example.org"))
        for _ in range(40):
            await receiving.write(b"X: " + b"y" * 10_000 + b"\r\n")
        assert len(receiving._header._octets) <= limits.HEADER_OCTETS  # type: ignore[attr-defined]
        assert (await receiving.finish()).ok
