"""A client of IMAP servers: connect, log in, and a method for every command, each with typed answers.

RFC 9051, RFC 3501 and the extensions of `imap.client`. What the octets mean is decided there, when they go and what waits for them in `imapengine`.

    async with await connect("mail.example.org", 993, tls="implicit") as client:
        await client.login("ann@example.org", "correct horse")
        box = await client.select("INBOX")
        for message in await client.fetch("1:*", "FLAGS ENVELOPE"):
            ...

Methods may run at the same time; what the protocol cannot run at once waits for its turn. What the server tells unasked is in `news`.
Failures are exceptions of `imaperrors`; what cannot be written in IMAP is `Unsendable`.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import TypeVar

from postil.imap.client import commands, messages, selected, uploads, watch
from postil.imap.client.codes import AppendUid, CopyUid, Modified
from postil.imap.client.commands import Known
from postil.imap.client.compose import Command
from postil.imap.client.fetched import Fetched
from postil.imap.client.found import Batches, Extended, Found, Sorted, Thread, Threads
from postil.imap.client.limits import ReplyLimits
from postil.imap.client.mailboxes import (
    Mailbox,
    MailboxStatus,
    Metadata,
    Namespaces,
    Quota,
    QuotaRoots,
)
from postil.imap.client.messages import Criterion, Messages
from postil.imap.client.numbers import Numbers
from postil.imap.client.responses import (
    Enabled,
    Expunged,
    Identified,
    Status,
    Vanished,
)
from postil.imap.client.selected import Selected
from postil.imap.client.uploads import Message
from postil.imap.client.watch import Group
from postil.net import imaplogin
from postil.net.imapanswers import Answer, NewsQueue
from postil.net.imapengine import Engine, Tracing
from postil.net.imaperrors import ImapError, NoWay, Violation
from postil.net.imapopen import PATIENCE, Tls, opened

_T = TypeVar("_T")


class ImapClient:
    """One connection, from `connect`."""

    def __init__(self, engine: Engine, greeting: Status) -> None:
        self.engine = engine
        self.greeting = greeting

    async def __aenter__(self) -> ImapClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def run(self, command: Command) -> Answer:
        """Any command: those below are made of it."""
        return await self.engine.run(command)

    @property
    def news(self) -> NewsQueue:
        """What the server tells unasked."""
        return self.engine.news

    @property
    def capabilities(self) -> frozenset[str]:
        """What the server offers, as far as it has been told; in capitals."""
        return self.engine.conversation.capabilities or frozenset()

    def offers(self, name: str) -> bool:
        """Is the capability announced?"""
        return name.upper() in self.capabilities

    async def close(self) -> None:
        """End without a word; `logout` is the polite way. Idempotent."""
        await self.engine.close()

    # --- any state

    async def capability(self) -> frozenset[str]:
        await self.run(commands.CAPABILITY)
        return self.capabilities

    async def noop(self) -> Answer:
        return await self.run(commands.NOOP)

    async def identify(
        self, fields: Mapping[str, str | None] | None = None
    ) -> Mapping[str, str | None]:
        found = (await self.run(commands.identify(fields))).of(Identified)
        return (found[-1].fields or {}) if found else {}

    async def logout(self) -> None:
        """Say goodbye, and close whatever the answer is."""
        with contextlib.suppress(ImapError):
            await self.run(commands.LOGOUT)
        await self.close()

    async def compress(self) -> None:
        """COMPRESS=DEFLATE, from here on and both ways."""
        await self.run(commands.COMPRESS)

    # --- logging in

    async def login(
        self, user: str, password: str, *, mechanism: str | None = None, authorize: str = ""
    ) -> None:
        """By the best mechanism both sides have, or the one named (`LOGIN`, `PLAIN`, `SCRAM-SHA-256-PLUS` …)."""
        if self.engine.conversation.capabilities is None:
            await self.capability()
        await imaplogin.log_in(
            self.engine, user, password, mechanism=mechanism, authorize=authorize
        )
        if self.engine.conversation.capabilities is None:
            await self.capability()

    async def unauthenticate(self) -> None:
        """Back to before the login."""
        if not self.offers("UNAUTHENTICATE"):
            # We stop compressing behind it whatever the answer is, so it is not for trying.
            raise NoWay("the server does not know UNAUTHENTICATE")
        await self.run(commands.UNAUTHENTICATE)
        await self.capability()

    async def enable(self, *names: str) -> frozenset[str]:
        """What of these is on now."""
        answer = await self.run(commands.enable(names))
        return frozenset(name for one in answer.of(Enabled) for name in one.names)

    # --- mailboxes

    async def select(
        self, name: str, *, condstore: bool = False, known: Known | None = None
    ) -> Selected:
        answer = await self.run(commands.select(name, condstore=condstore, known=known))
        return selected.gather(answer.responses, answer.status)

    async def examine(
        self, name: str, *, condstore: bool = False, known: Known | None = None
    ) -> Selected:
        answer = await self.run(
            commands.select(name, examine=True, condstore=condstore, known=known)
        )
        return selected.gather(answer.responses, answer.status)

    async def create(self, name: str, *, use: Sequence[str] = ()) -> Answer:
        return await self.run(commands.create(name, use=use))

    async def delete(self, name: str) -> None:
        await self.run(commands.delete(name))

    async def rename(self, old: str, new: str) -> None:
        await self.run(commands.rename(old, new))

    async def subscribe(self, name: str) -> None:
        await self.run(commands.subscribe(name))

    async def unsubscribe(self, name: str) -> None:
        await self.run(commands.subscribe(name, on=False))

    async def mailboxes(
        self,
        *patterns: str,
        reference: str = "",
        select: Sequence[str] = (),
        returns: Sequence[str] = (),
    ) -> list[Mailbox]:
        command = commands.list_mailboxes(
            patterns or ("*",), reference=reference, select=select, returns=returns
        )
        return (await self.run(command)).of(Mailbox)

    async def mailboxes_with(
        self, *patterns: str, status: Sequence[str] = (), metadata: Sequence[str] = ()
    ) -> Answer:
        """LIST with STATUS or METADATA of each: all kinds of responses, in their order."""
        return await self.run(
            commands.list_mailboxes(patterns or ("*",), status=status, metadata=metadata)
        )

    async def lsub(self, pattern: str = "*", *, reference: str = "") -> list[Mailbox]:
        return (await self.run(commands.lsub(pattern, reference=reference))).of(Mailbox)

    async def namespace(self) -> Namespaces:
        return (await self.run(commands.NAMESPACE)).one(Namespaces)

    async def status(self, name: str, *items: str) -> MailboxStatus:
        return (await self.run(commands.status(name, items))).one(MailboxStatus)

    # --- messages in

    async def append(self, name: str, *messages: Message) -> AppendUid | None:
        """One or several, all or none; what comes in pieces is streamed."""
        if len(messages) > 1 and not self.offers("MULTIAPPEND"):
            raise NoWay("the server takes one message at a time (no MULTIAPPEND)")
        return (await self.run(uploads.append(name, messages))).appended

    async def replace(
        self, number: int | str, name: str, message: Message, *, uid: bool = True
    ) -> AppendUid | None:
        return (await self.run(uploads.replace(number, name, message, uid=uid))).appended

    # --- messages of the selected mailbox

    async def fetch(
        self,
        numbers: Messages,
        items: str,
        *,
        uid: bool = True,
        changed_since: int | None = None,
        partial: str | None = None,
    ) -> list[Fetched]:
        command = messages.fetch(
            numbers, items, uid=uid, changed_since=changed_since, partial=partial
        )
        return (await self.run(command)).of(Fetched)

    async def fetch_changes(
        self, numbers: Messages, items: str, since: int
    ) -> tuple[list[Fetched], Numbers]:
        """UID FETCH with CHANGEDSINCE and VANISHED (QRESYNC): what changed, and which are gone."""
        answer = await self.run(messages.fetch(numbers, items, changed_since=since, vanished=True))
        return answer.of(Fetched), answer.gone

    async def store(
        self,
        numbers: Messages,
        *flags: str,
        how: str = "+",
        uid: bool = True,
        silent: bool = False,
        unchanged_since: int | None = None,
    ) -> tuple[list[Fetched], Numbers]:
        """What was told of them, and which were left alone, since they had changed (MODIFIED)."""
        answer = await self.run(
            messages.store(
                numbers, flags, how=how, uid=uid, silent=silent, unchanged_since=unchanged_since
            )
        )
        code = answer.status.code
        return answer.of(Fetched), code.numbers if isinstance(code, Modified) else Numbers()

    async def copy(self, numbers: Messages, target: str, *, uid: bool = True) -> CopyUid | None:
        return (await self.run(messages.copy(numbers, target, uid=uid))).copied

    async def move(self, numbers: Messages, target: str, *, uid: bool = True) -> CopyUid | None:
        return (await self.run(messages.copy(numbers, target, uid=uid, move=True))).copied

    async def expunge(self, uids: Messages | None = None) -> Sequence[Expunged | Vanished]:
        """Which went: by number, or by uid after ENABLE QRESYNC or UIDONLY."""
        answer = await self.run(messages.expunge(uids))
        return [one for one in answer.responses if isinstance(one, Expunged | Vanished)]

    async def close_mailbox(self) -> None:
        await self.run(commands.CLOSE)

    async def unselect(self) -> None:
        await self.run(commands.UNSELECT)

    async def search(
        self, *criteria: Criterion, uid: bool = True, charset: str | None = None
    ) -> Sequence[int]:
        """The numbers; of ESEARCH too, which is how servers answer after ENABLE IMAP4rev2."""
        answer = await self.run(messages.search(*criteria, uid=uid, charset=charset))
        for one in answer.responses:
            if isinstance(one, Found):
                return one.numbers
            if isinstance(one, Extended):
                return tuple(one.all or ())
        return ()

    async def esearch(
        self,
        *criteria: Criterion,
        returns: Sequence[str] = (),
        uid: bool = True,
        charset: str | None = None,
    ) -> Extended | None:
        """SEARCH RETURN; None when only SAVE was asked for."""
        command = messages.search(*criteria, uid=uid, returns=returns, charset=charset)
        return next(iter((await self.run(command)).of(Extended)), None)

    async def search_mailboxes(
        self, *criteria: Criterion, within: str = "personal", returns: Sequence[str] = ()
    ) -> list[Extended]:
        """MULTISEARCH"""
        command = messages.search_mailboxes(*criteria, within=within, returns=returns)
        return (await self.run(command)).of(Extended)

    async def sort(
        self, keys: Sequence[str], *criteria: Criterion, uid: bool = True
    ) -> Sequence[int]:
        return (await self.run(messages.sort(keys, *criteria, uid=uid))).one(Sorted).numbers

    async def thread(
        self, algorithm: str, *criteria: Criterion, uid: bool = True
    ) -> Sequence[Thread]:
        return (await self.run(messages.thread(algorithm, *criteria, uid=uid))).one(Threads).threads

    async def uid_batches(
        self, size: int, first: int | None = None, last: int | None = None
    ) -> Sequence[tuple[int, int]]:
        return (await self.run(messages.uid_batches(size, first, last))).one(Batches).ranges

    # --- around mail

    async def get_quota(self, root: str) -> Quota:
        return (await self.run(watch.get_quota(root))).one(Quota)

    async def get_quota_root(self, name: str) -> tuple[Sequence[str], list[Quota]]:
        answer = await self.run(watch.get_quota_root(name))
        return answer.one(QuotaRoots).roots, answer.of(Quota)

    async def set_quota(self, root: str, limits: Mapping[str, int]) -> list[Quota]:
        return (await self.run(watch.set_quota(root, limits))).of(Quota)

    async def get_metadata(
        self, name: str, *entries: str, depth: str | None = None, max_size: int | None = None
    ) -> Mapping[str, bytes | None]:
        answer = await self.run(watch.get_metadata(name, entries, depth=depth, max_size=max_size))
        return {k: v for one in answer.of(Metadata) for k, v in one.entries.items()}

    async def set_metadata(self, name: str, entries: Mapping[str, bytes | None]) -> None:
        await self.run(watch.set_metadata(name, entries))

    async def notify(self, groups: Iterable[Group] = (), *, status: bool = False) -> Answer:
        """NOTIFY SET; without groups NOTIFY NONE. What follows is in `news`."""
        return await self.run(watch.notify(tuple(groups), status=status))

    @contextlib.asynccontextmanager
    async def idle(self) -> AsyncIterator[NewsQueue]:
        """IDLE until the block ends; other commands wait so long."""
        engine = self.engine
        running, future = engine.start(commands.IDLE)
        if await engine.challenge(running) is None:
            await engine.finish(running, future)
            raise Violation("IDLE: OK before it began")
        try:
            yield engine.news
        finally:
            if engine.ended is None and running.status is None:
                # RFC 2177 §3: "The IDLE command is terminated by the receipt of a "DONE" continuation from the client"
                engine.respond(running, b"DONE", secret=False)
            if engine.ended is None:
                await engine.finish(running, future)


async def connect(
    host: str,
    port: int,
    *,
    tls: Tls = "implicit",
    context: ssl.SSLContext | None = None,
    server_name: str | None = None,
    patience: float = PATIENCE,
    tracing: Tracing | None = None,
    limits: ReplyLimits | None = None,
) -> ImapClient:
    """A greeted connection, inside TLS unless `tls` is "none"; it never goes on in plain when TLS was asked for."""
    if tls != "none" and context is None:
        context = ssl.create_default_context()
    name = server_name or host
    engine, greeting = await opened(host, port, tls, context, name, patience, tracing, limits)
    return ImapClient(engine, greeting)
