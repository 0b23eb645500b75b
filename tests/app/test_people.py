"""A whole server and its control database, which commands change beside it: mail over SMTP, logins over IMAP and submission."""

from __future__ import annotations

import asyncio
import contextlib
import imaplib
import re
import smtplib
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest
from tests.app.test_server import ANY_PORT, config

from postil.accounts import Administration, bulk
from postil.app.server import DATABASE, Server, serving
from postil.base.clock import SystemClock
from postil.config.model import Domain
from postil.ports.accounts import Incoming, Posts

PASSWORD = "correct horse"
OUTSIDE = "me@elsewhere.example"
_T = TypeVar("_T")


@dataclass
class Machine:
    """A running server; `people` is what commands do, in their own connection to the database."""

    server: Server
    people: Administration

    async def run(self, work: Callable[[], _T]) -> _T:
        return await asyncio.to_thread(work)

    def trust(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.server.certificate))
        context.check_hostname = False
        return context

    async def send(
        self, *to: str, sender: str = OUTSIDE, login: str = "", text: str = "x"
    ) -> list[str]:
        """The code and enhanced code of each RCPT, and of the end where one was taken."""

        def work() -> list[str]:
            port = self.server.ports["submission" if login else "smtp"]
            with smtplib.SMTP("127.0.0.1", port, timeout=60) as post:
                if login:
                    post.starttls(context=self.trust())
                    post.login(login, PASSWORD)
                post.ehlo("client.example")
                post.mail(sender, ["SMTPUTF8"] if not "".join(to).isascii() else [])
                answers = [post.rcpt(one) for one in to]
                if any(code == 250 for code, _ in answers):
                    answers.append(post.data(f"Subject: {text}\r\n\r\n{text}\r\n"))
                return [f"{code} {said.split()[0].decode()}" for code, said in answers]

        return await self.run(work)

    async def inbox(self, login: str, mailbox: str = "INBOX") -> list[str]:
        """The headers of all messages, as the account reads them over IMAP."""

        def work() -> list[str]:
            mail = imaplib.IMAP4_SSL(
                "127.0.0.1", self.server.ports["imaps"], ssl_context=self.trust(), timeout=60
            )
            with mail:
                mail.login(login, PASSWORD)
                status, count = mail.select(mailbox, readonly=True)
                assert status == "OK"
                if count == [b"0"]:
                    return []
                _, data = mail.fetch("1:*", "(BODY.PEEK[HEADER])")
                return [part[1].decode() for part in data if isinstance(part, tuple)]

        return await self.run(work)

    async def login(self, login: str, password: str = PASSWORD) -> str:
        """ "" when it logs in, else what the server says."""

        def work() -> str:
            mail = imaplib.IMAP4_SSL(
                "127.0.0.1", self.server.ports["imaps"], ssl_context=self.trust(), timeout=60
            )
            try:
                mail.login(login, password)
                return ""
            except imaplib.IMAP4.error as error:
                return str(error)
            finally:
                with contextlib.suppress(imaplib.IMAP4.error, OSError):
                    mail.logout()

        return await self.run(work)


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    """example.org and other.example with ann, bob and carol."""
    domains = (Domain(name="example.org"), Domain(name="other.example"))
    variant = ANY_PORT.__class__(any_port=True, grace=1.0, login_wait=0.0)
    async with serving(config(tmp_path, domain=domains), variant) as server:
        people = await Administration.open(tmp_path / "data" / DATABASE, clock=SystemClock())
        for name in ("ann", "bob", "carol"):
            await people.add(f"{name}@example.org", PASSWORD)
        yield Machine(server, people)
        await people.close()


def field(header: str, name: str) -> list[str]:
    """The values of a field, from the top."""
    return re.findall(rf"(?im)^{name}: ([^\r\n]*)\r?$", header)


@pytest.mark.rfc(
    "5321", "3.9.1", "the rest of the envelope and the message body are left unchanged"
)
@pytest.mark.rfc(
    "9228", "4", "this new value SHOULD also be recorded into a separate Delivered-To: field"
)
async def test_an_alias(machine: Machine) -> None:
    """A message for sales reaches both, with the sender's own return path and the way it took."""
    await machine.people.aliases.add("sales@example.org", ["ann@example.org", "bob@example.org"])
    await machine.people.aliases.add("info@example.org", ["sales@example.org", "ann@example.org"])
    assert await machine.send("Info@example.org", "sales@example.org") == [
        "250 2.1.5", "250 2.1.5", "250 2.0.0",
    ]  # fmt: skip
    for login in ("ann@example.org", "bob@example.org"):
        [header] = await machine.inbox(login)
        assert field(header, "Return-Path") == [f"<{OUTSIDE}>"]
        assert field(header, "Delivered-To") == [login, "sales@example.org", "info@example.org"]
    assert await machine.inbox("carol@example.org") == []


@pytest.mark.rfc(
    "5321",
    "3.9",
    'the return address in the envelope ("MAIL FROM:") MUST be changed to be the address of a person or other entity '
    "who administers the list",
)
@pytest.mark.rfc("5321", "3.9", "the message header section (RFC 5322 [4]) MUST be left unchanged")
@pytest.mark.rfc(
    "3463", "3.8", "The sender is not authorized to send a message to the intended mailing list"
)
async def test_a_list_of_members(machine: Machine) -> None:
    """Members who are logged in write to it; somebody who only says to be one does not, nor does a notification."""
    people = machine.people
    await people.aliases.add(
        *("staff@example.org", ["ann@example.org", "bob@example.org"]),
        is_list=True,
        posts=Posts.MEMBERS,
        owner="carol@example.org",
    )
    refused = ["550 5.7.2"]
    ann, carol = "ann@example.org", "carol@example.org"
    assert await machine.send("staff@example.org") == refused
    assert await machine.send("staff@example.org", sender=ann) == refused
    assert await machine.send("staff@example.org", sender=carol, login=carol) == refused
    assert await machine.send("staff@example.org", sender="", login=ann) == refused
    assert await machine.send("staff@example.org", sender="") == refused
    # Who is refused for the list still reaches the others.
    assert await machine.send("staff@example.org", carol) == ["550 5.7.2", "250 2.1.5", "250 2.0.0"]
    sent = await machine.send("staff@example.org", sender=ann, login=ann, text="to all")
    assert sent == ["250 2.1.5", "250 2.0.0"]
    for login in (ann, "bob@example.org"):
        [header] = await machine.inbox(login)
        assert field(header, "Return-Path") == [f"<{carol}>"]
        assert field(header, "Delivered-To") == [login, "staff@example.org"]
        assert field(header, "Subject") == ["to all"] and not field(header, "List-Id")
    assert len(await machine.inbox(carol)) == 1
    assert await machine.send("staff-request@example.org", text="add me") == [
        "250 2.1.5",
        "250 2.0.0",
    ]
    assert len(await machine.inbox(carol)) == 2
    # An alias in front of the list does not open it, and being no member any more closes it at once.
    await people.aliases.add("door@example.org", ["staff@example.org"])
    assert await machine.send("door@example.org") == refused
    await people.aliases.leave("staff@example.org", [ann])
    async with asyncio.timeout(30):
        while await machine.send("staff@example.org", sender=ann, login=ann) != refused:
            pass  # what was found is trusted for a second


async def test_a_list_that_names_who_writes(machine: Machine) -> None:
    """A named address elsewhere as it stands, one of ours only from its login, nobody else."""
    await machine.people.aliases.add(
        *("news@example.org", ["bob@example.org"]),
        is_list=True,
        posts=Posts.NAMED,
        posters=["Press@Else.example", "ann@example.org"],
    )
    for sender, login, answer in (
        ("press@else.example", "", "250 2.1.5"),
        ("other@else.example", "", "550 5.7.2"),
        ("ann@example.org", "", "550 5.7.2"),
        ("ann@example.org", "ann@example.org", "250 2.1.5"),
        ("bob@example.org", "bob@example.org", "550 5.7.2"),
    ):
        assert (await machine.send("news@example.org", sender=sender, login=login))[0] == answer


async def test_catch_all_and_tags(machine: Machine) -> None:
    """Unknown addresses to the catch-all, tags to the person and, once it exists, the mailbox of that name."""
    people = machine.people
    assert await machine.send("nobody@example.org") == ["550 5.1.1"]
    await people.rules.set("example.org", catch_all="carol@example.org", tag_mailboxes=True)
    for to in (
        "whoever@example.org",
        "ann+news@example.org",
        "ann+Trash@example.org",
        "postmaster@example.org",
    ):
        assert await machine.send(to, text=to) == ["250 2.1.5", "250 2.0.0"]
    assert [field(h, "Delivered-To") for h in await machine.inbox("carol@example.org")] == [
        ["whoever@example.org"]
    ]
    assert len(await machine.inbox("ann@example.org")) == 3  # the third is postmaster's
    ann = (await machine.server.accounts.first(1))[0]
    await machine.server.store.create(ann.id, "News")
    assert await machine.send("Ann+NEWS@example.org", "ann@example.org") == [
        "250 2.1.5", "250 2.1.5", "250 2.0.0",
    ]  # fmt: skip
    assert len(await machine.inbox("ann@example.org", "News")) == 1
    assert await machine.inbox("ann@example.org", "Trash") == []
    # Two tags without mailboxes are one copy.
    before = len(await machine.inbox("ann@example.org"))
    await machine.send("ann+a@example.org", "ann+b@example.org", "ann@example.org")
    assert len(await machine.inbox("ann@example.org")) == before + 1


@pytest.mark.rfc("5530", "3", "The user should contact the system administrator or support desk")
@pytest.mark.rfc(
    "5248", "2.4", "This error code occurs after a successful authentication to a disabled account"
)
@pytest.mark.rfc("3463", "3.3", "The mailbox exists, but is not accepting messages")
async def test_a_disabled_account(machine: Machine) -> None:
    """The reason for whoever knows the password, and nothing for whoever does not; mail as was chosen; all ends when enabled."""
    people, bob = machine.people, "bob@example.org"
    await people.disable(bob, "unpaid – call us", mail=Incoming.LATER)
    said = await machine.login(bob)
    assert said == "b'[CONTACTADMIN] This account is disabled: unpaid ? call us'"
    wrong, unknown = (
        await machine.login(bob, "wrong"),
        await machine.login("x@example.org", "wrong"),
    )
    assert wrong == unknown and "AUTHENTICATIONFAILED" in wrong
    with pytest.raises(smtplib.SMTPAuthenticationError) as told:
        await machine.send("ann@example.org", sender=bob, login=bob)
    assert told.value.smtp_code == 525 and told.value.smtp_error.startswith(b"5.7.13 ")
    for mail, answer in (
        (Incoming.LATER, "451 4.2.1"),
        (Incoming.REFUSE, "550 5.2.1"),
        (Incoming.ACCEPT, "250 2.1.5"),
    ):
        await people.disable(bob, "unpaid", mail=mail)
        async with asyncio.timeout(30):
            while (await machine.send(bob))[0] != answer:
                pass  # an address that was found is trusted for a second
    await people.enable(bob)
    assert await machine.login(bob) == ""
    assert len(await machine.inbox(bob)) == 1


async def test_disabled_behind_an_alias_and_a_list(machine: Machine) -> None:
    """An alias waits for everybody whose mail shall come later; a list goes on without; refused ones are left out of both."""
    people, members = machine.people, ["ann@example.org", "bob@example.org"]
    await people.aliases.add("alias@example.org", members)
    await people.aliases.add("list@example.org", members, is_list=True)
    await people.disable("bob@example.org", "moving", mail=Incoming.LATER)
    assert await machine.send("alias@example.org") == ["451 4.2.1"]
    assert await machine.send("list@example.org") == ["250 2.1.5", "250 2.0.0"]
    await people.disable("bob@example.org", "left", mail=Incoming.REFUSE)
    async with asyncio.timeout(30):
        while await machine.send("alias@example.org") == ["451 4.2.1"]:
            pass
    await people.disable("ann@example.org", "left", mail=Incoming.REFUSE)
    async with asyncio.timeout(30):
        while (await machine.send("list@example.org"))[0] != "550 5.2.1":
            pass
    await people.enable("bob@example.org")
    assert await machine.inbox("bob@example.org") == []


async def test_a_full_member(machine: Machine) -> None:
    """One full mailbox does not stop a list, whether the size was declared or not; an alias waits for it."""
    people, members = machine.people, ["ann@example.org", "bob@example.org"]
    await people.set_quota("bob@example.org", quota=20_000)
    await people.aliases.add("alias@example.org", members)
    await people.aliases.add("list@example.org", members, is_list=True)
    big = "x" * 900 + "\r\n"
    assert await machine.send("alias@example.org", text="small") == ["250 2.1.5", "250 2.0.0"]
    assert await machine.send("alias@example.org", text="s\r\n\r\n" + big * 30) == [
        "250 2.1.5",
        "452 4.2.2",
    ]
    assert await machine.send("list@example.org", text="s\r\n\r\n" + big * 30) == [
        "250 2.1.5",
        "250 2.0.0",
    ]
    assert len(await machine.inbox("ann@example.org")) == 2
    assert len(await machine.inbox("bob@example.org")) == 1
    await people.set_quota("bob@example.org", quota=100)
    async with asyncio.timeout(30):
        while (await machine.send("alias@example.org"))[0] != "452 4.2.2":
            pass
    assert await machine.send("list@example.org") == ["250 2.1.5", "250 2.0.0"]
    assert len(await machine.inbox("bob@example.org")) == 1 + (
        len(await machine.inbox("ann@example.org")) - 3
    )


async def test_an_address_in_unicode(machine: Machine) -> None:
    """A local part beyond ASCII in any normal form and case, quoted where it must be."""
    await machine.people.addresses.add("ann@example.org", "Zoë@example.org")
    await machine.people.addresses.add("ann@example.org", '"ann of sales"@example.org')
    for to in ("<zoë@example.org>", "<ZOE\u0308@example.org>", '<"Ann of Sales"@example.org>'):
        assert (await machine.send(to))[0] == "250 2.1.5"
    headers = await machine.inbox("ann@example.org")
    assert [field(h, "Delivered-To")[0] for h in headers] == [
        *["Zoë@example.org"] * 2,
        '"ann of sales"@example.org',
    ]


async def test_an_alias_with_nobody(machine: Machine) -> None:
    """Refused for good with the code for lists that cannot be expanded."""
    await machine.people.aliases.add("empty@example.org", [])
    assert await machine.send("empty@example.org") == ["550 5.2.4"]


async def test_a_long_list(machine: Machine) -> None:
    """Everybody on it gets one copy of one message, accounts that the store never heard of included."""
    people = machine.people
    names = [f"u{number}@example.org" for number in range(250)]
    await people.bulk.add(bulk.read("name\n" + "\n".join(names)))
    await people.aliases.add("half@example.org", names[:150])
    await people.aliases.add("all@example.org", ["half@example.org", *names[100:]], is_list=True)
    assert await machine.send("all@example.org", "u7@example.org") == [
        "250 2.1.5", "250 2.1.5", "250 2.0.0",
    ]  # fmt: skip
    store = machine.server.store
    accounts = {a.name: a.id for a in await machine.server.accounts.first(1000)}
    for name in names:
        inbox = next(m for m in await store.mailboxes(accounts[name]) if m.name == "INBOX")
        assert (await store.status(inbox.id)).messages == 1, name
