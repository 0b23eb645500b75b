"""Our client against our server over real sockets: every method, every layer, every way to log in."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import itertools
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from tests.support.localserve import LOGIN, PASSWORD, Localserve, in_process

from postil.imap.client.codes import AppendUid, Code, Listed
from postil.imap.client.commands import Known
from postil.imap.client.compose import Astring
from postil.imap.client.errors import Unsendable
from postil.imap.client.fetched import Fetched
from postil.imap.client.mailboxes import MailboxStatus, Metadata
from postil.imap.client.numbers import Numbers
from postil.imap.client.responses import Exists, Expunged, Vanished
from postil.imap.client.structure import Multipart, Part, walk
from postil.imap.client.uploads import Message
from postil.imap.client.watch import Group
from postil.net.imapclient import ImapClient, connect
from postil.net.imapengine import Tracing
from postil.net.imaperrors import ConnectionEnded, NoWay, RefusedBad, RefusedNo

MAIL = (
    b"From: Ann <ann@example.org>\r\nTo: bob@example.net\r\nSubject: caf\xc3\xa9?\r\nMessage-ID: <1@example.org>\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nHello\r\n"
    b"--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC\r\n--b--\r\n"
).replace(b"caf\xc3\xa9?", b"coffee")
_names = itertools.count()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Localserve]:
    async with in_process(tmp_path / "data") as running:
        yield running


@contextlib.asynccontextmanager
async def client_of(server: Localserve, **more: object) -> AsyncIterator[ImapClient]:
    """Connected by implicit TLS and logged in."""
    async with await connect(
        "127.0.0.1",
        server.imaps,
        context=server.context(),
        server_name="localhost",
        patience=20,
        **more,  # type: ignore[arg-type]
    ) as client:
        await client.login(LOGIN, PASSWORD)
        yield client


@pytest.fixture
async def client(server: Localserve) -> AsyncIterator[ImapClient]:
    async with client_of(server) as one:
        yield one


async def test_mailboxes(client: ImapClient) -> None:
    """Names with any character are made, listed, renamed, subscribed and removed, and come back as they went."""
    odd = 'Ärger & "Lärm" \\ 日本'
    await client.create(odd)
    await client.create("Old", use=["\\Archive"])
    assert odd in [one.name for one in await client.mailboxes()]
    await client.rename(odd, "新")
    await client.subscribe("新")
    assert [one.name for one in await client.lsub("新%")] == ["新"]
    listed = await client.mailboxes("新", "Old", returns=["SUBSCRIBED", "SPECIAL-USE"])
    assert {one.name: (one.has("\\subscribed"), one.has("\\archive")) for one in listed} == {
        "新": (True, False),
        "Old": (False, True),
    }
    assert "新" in [one.name for one in await client.mailboxes(select=["SUBSCRIBED"])]
    await client.unsubscribe("新")
    assert "新" not in [one.name for one in await client.lsub()]
    await client.delete("新")
    with pytest.raises(RefusedNo) as refusal:
        await client.delete("新")
    assert refusal.value.status.code == Code("NONEXISTENT")
    spaces = await client.namespace()
    assert spaces.personal[0].prefix == "" and spaces.personal[0].delimiter == "/"


async def test_status_and_lists_with_more(client: ImapClient) -> None:
    """STATUS has every item the server knows; LIST gives it beside each name."""
    items = ["MESSAGES", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "DELETED", "SIZE", "HIGHESTMODSEQ", "MAILBOXID", "APPENDLIMIT", "RECENT"]  # fmt: skip
    await client.append("INBOX", Message(MAIL))
    told = await client.status("inbox", *items)
    assert (told.name, told.messages, told.unseen, told.deleted) == ("INBOX", 1, 1, 0)
    assert told.size == len(MAIL) and told.uidnext == 2
    assert told.mailbox_id and told.highest_modseq and told.append_limit
    await client.set_metadata("INBOX", {"/private/comment": b"mine"})
    answer = await client.mailboxes_with(
        "INBOX", status=["MESSAGES"], metadata=["/private/comment"]
    )
    assert answer.of(MailboxStatus) == [MailboxStatus("INBOX", messages=1)]
    assert answer.of(Metadata) == [Metadata("INBOX", {"/private/comment": b"mine"})]


async def test_fetch(client: ImapClient) -> None:
    """Every item, typed; sections by name; octets as they are."""
    when = datetime.datetime(
        2024, 2, 3, 4, 5, 6, tzinfo=datetime.timezone(datetime.timedelta(hours=-7))
    )
    await client.append("INBOX", Message(MAIL, ("\\Seen", "$Junk"), when))
    await client.select("INBOX")
    (one,) = await client.fetch(
        "1",
        "UID FLAGS MODSEQ INTERNALDATE RFC822.SIZE ENVELOPE BODY BODYSTRUCTURE SAVEDATE EMAILID THREADID PREVIEW "
        "BODY.PEEK[] BODY.PEEK[1.MIME] BODY.PEEK[HEADER.FIELDS (From To)] BODY.PEEK[1]<1.3> BINARY.PEEK[2] BINARY.SIZE[2]",
    )
    assert (one.number, one.uid, one.size) == (1, 1, len(MAIL))
    assert set(one.flags or ()) >= {"\\Seen", "$Junk"} and one.modseq
    assert one.internal_date == when and one.save_date is not None
    assert one.email_id and one.preview is not None and "THREADID" in one.given
    assert one.envelope is not None and one.envelope.subject == b"coffee"
    assert one.envelope.from_[0].mailbox == b"ann" and one.envelope.message_id == b"<1@example.org>"
    assert isinstance(one.body, Multipart) and isinstance(one.structure, Multipart)
    assert [(number, part.type) for number, part in walk(one.structure)] == [
        ("1", "text"),
        ("2", "application"),
    ]
    assert isinstance(one.structure.parts[1], Part) and one.structure.parts[1].encoding == "base64"
    assert one.octets("") == MAIL
    assert one.octets("1.MIME") == b"Content-Type: text/plain\r\n\r\n"
    assert (
        one.octets("HEADER.FIELDS (FROM TO)")
        == b"From: Ann <ann@example.org>\r\nTo: bob@example.net\r\n\r\n"
    )
    assert one.octets("1") == b"ell" and one.octets("BINARY[2]") == b"\0\1\2"
    assert one.binary_sizes == {"2": 3}
    assert await client.fetch(1, "FAST", uid=False)
    assert await client.fetch("1:*", "FLAGS", partial="-1:-10")


async def test_store_copy_move_expunge(client: ImapClient) -> None:
    """Flags change, a conditional change tells what it left alone, messages go to other mailboxes and away."""
    await client.create("there")
    await client.append("INBOX", *(Message(MAIL) for _ in range(4)))
    box = await client.select("INBOX", condstore=True)
    assert box.exists == 4 and box.highest_modseq
    fetched, left = await client.store([1, 2], "\\Flagged")
    assert [one.uid for one in fetched] == [1, 2] and not left
    fetched, left = await client.store("1:3", "\\Draft", unchanged_since=box.highest_modseq)
    assert list(left) == [1, 2]
    told, _ = await client.store(3, "\\Seen", how="", uid=False, silent=True)
    assert all(one.flags is None for one in told), "silent, so at most the modseq"
    changed = await client.fetch("1:*", "FLAGS", changed_since=box.highest_modseq)
    assert {one.uid for one in changed} == {1, 2, 3}
    copied = await client.copy("1:2", "there")
    assert copied is not None and copied.pairs() == [(1, 1), (2, 2)]
    moved = await client.move(3, "there")
    assert moved is not None and moved.pairs() == [(3, 3)]
    await client.store(1, "\\Deleted")
    assert await client.expunge("1") == [Expunged(1)]
    await client.store(4, "\\Deleted")
    assert await client.expunge() == [Expunged(2)]
    await client.unselect()
    assert (await client.examine("there")).read_only
    await client.close_mailbox()


async def test_search(client: ImapClient) -> None:
    """SEARCH, with text that needs a literal, ESEARCH with each option, several mailboxes, batches."""
    await client.append(
        "INBOX", *(Message(MAIL.replace(b"coffee", b"tea %d" % n)) for n in range(3))
    )
    await client.select("INBOX")
    assert await client.search("SUBJECT", Astring(b"tea 1")) == (2,)
    assert await client.search("BODY", Astring("Grüße".encode()), charset="UTF-8") == ()
    assert await client.search("1:2", uid=False) == (1, 2)
    found = await client.esearch("ALL", returns=["MIN", "MAX", "COUNT", "ALL"])
    assert found is not None
    assert (found.lowest, found.highest, found.count, found.all) == (1, 3, 3, Numbers(((1, 3),)))
    found = await client.esearch("ALL", returns=["PARTIAL -1:-2"])
    assert found is not None and found.partial is not None and list(found.partial[1]) == [2, 3]
    assert await client.esearch("SUBJECT", Astring(b"tea 0"), returns=["SAVE"]) is None
    assert [one.uid for one in await client.fetch("$", "UID")] == [1]
    everywhere = await client.search_mailboxes("SUBJECT tea", returns=["COUNT"])
    assert [(one.mailbox, one.count) for one in everywhere] == [("INBOX", 3)]
    assert list(await client.uid_batches(500)) == [(3, 1)]
    await client.enable("IMAP4rev2")
    assert await client.search("ALL") == (1, 2, 3), "ESEARCH answers SEARCH now"


async def test_sort_and_thread_are_refused_by_a_server_without(client: ImapClient) -> None:
    """Our server has neither: BAD, typed, and the connection goes on."""
    await client.select("INBOX")
    for work in (client.sort(["DATE"], "ALL"), client.thread("REFERENCES", "ALL")):
        with pytest.raises(RefusedBad):
            await work
    await client.noop()


async def test_multiappend_and_replace(client: ImapClient) -> None:
    """Messages go up in pieces, several at once; REPLACE takes the place of one."""

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(MAIL), 7):
            yield MAIL[at : at + 7]

    large = MAIL + b"x" * 300_000
    told = await client.append(
        "INBOX", Message(MAIL), Message(pieces(), size=len(MAIL)), Message([large[:9], large[9:]], size=len(large)),
        Message(MAIL, binary=True),
    )  # fmt: skip
    assert told is not None and list(told.uids) == [1, 2, 3, 4]
    await client.select("INBOX")
    assert (await client.fetch(3, "BODY.PEEK[]"))[0].octets("") == large
    replaced = await client.replace(2, "INBOX", Message(MAIL + b"new", ("\\Draft",)))
    assert isinstance(replaced, AppendUid) and list(replaced.uids) == [5]
    replaced = await client.replace("*", "INBOX", Message(MAIL), uid=False)
    assert replaced is not None
    assert await client.search("ALL") == (1, 3, 4, 6)
    with pytest.raises(RefusedNo) as refusal:
        await client.append("nowhere", Message(MAIL))
    assert refusal.value.status.code_name == "TRYCREATE"
    with pytest.raises(RefusedNo):
        await client.append("INBOX", Message(b""))
    await client.noop()


async def test_utf8(client: ImapClient) -> None:
    """After ENABLE UTF8=ACCEPT names and headers travel as they are."""
    assert "UTF8=ACCEPT" in await client.enable("UTF8=ACCEPT")
    await client.create("Grüße")
    mail = MAIL.replace(b"coffee", "Kaffee für Jörg".encode())
    await client.append("Grüße", Message(mail))
    await client.select("Grüße")
    assert "Grüße" in [one.name for one in await client.mailboxes()]
    assert (await client.fetch(1, "BODY.PEEK[]"))[0].octets("") == mail


@pytest.mark.rfc("2971", "3", "Implementations MUST NOT send false information in an ID command.")
async def test_quota_metadata_and_id(client: ImapClient) -> None:
    """QUOTA, METADATA with depth and size limits, ID."""
    roots, quotas = await client.get_quota_root("INBOX")
    for root in roots:
        assert await client.get_quota(root) in quotas
    with pytest.raises((RefusedNo, RefusedBad)):
        await client.set_quota("", {"STORAGE": 10})
    await client.set_metadata("INBOX", {"/private/comment": b"a\r\nb\xff", "/private/a/b": b"deep"})
    assert await client.get_metadata("INBOX", "/private/comment") == {
        "/private/comment": b"a\r\nb\xff"
    }
    deep = await client.get_metadata("INBOX", "/private/a", depth="infinity", max_size=100)
    assert deep.get("/private/a/b") == b"deep"
    await client.set_metadata("INBOX", {"/private/comment": None})
    assert (await client.get_metadata("INBOX", "/private/comment")).get("/private/comment") is None
    told = await client.identify({"name": "postil tests", "version": None})
    assert told == {"name": "Postil"}


async def test_idle(server: Localserve, client: ImapClient) -> None:
    """News come while idle, also to whoever waits for them already; afterwards commands go on."""
    await client.select("INBOX")
    async with client_of(server) as other, client.idle() as news:
        await other.append("INBOX", Message(MAIL))
        assert await anyone(news.next, Exists) == Exists(1)
        await other.select("INBOX")
        await other.store(1, "\\Deleted")
        assert (await anyone(news.next, Fetched)).number == 1
        await other.expunge()
        assert await anyone(news.next, Expunged) == Expunged(1)
    assert await client.search("ALL") == ()


async def anyone(step: Callable[[], object], kind: type) -> object:  # type: ignore[type-arg]
    """The next news of that kind."""
    async with asyncio.timeout(20):
        while not isinstance(one := await step(), kind):  # type: ignore[misc]
            pass
    return one


async def test_notify(server: Localserve, client: ImapClient) -> None:
    """NOTIFY tells of other mailboxes, and of the selected one with items."""
    await client.create("watched")
    answer = await client.notify(
        [
            Group("selected", ("MessageNew", "MessageExpunge"), items="UID FLAGS"),
            Group("subtree", ("MessageNew", "MessageExpunge"), names=("watched", "other")),
        ],
        status=True,
    )
    assert [one.name for one in answer.of(MailboxStatus)] == ["watched"]
    await client.select("INBOX")
    async with client_of(server) as other:
        await other.append("watched", Message(MAIL))
        told = await anyone(client.news.next, MailboxStatus)
        assert (told.name, told.messages) == ("watched", 1)  # type: ignore[attr-defined]
        await other.append("INBOX", Message(MAIL))
        assert (await anyone(client.news.next, Fetched)).uid == 1  # type: ignore[attr-defined]
    with pytest.raises(RefusedNo) as refusal:
        await client.notify(
            [Group("personal", ("MessageNew", "MessageExpunge", "AnnotationChange"))]
        )
    assert (
        isinstance(refusal.value.status.code, Listed)
        and refusal.value.status.code.name == "BADEVENT"
    )
    await client.notify()


async def test_qresync(server: Localserve, client: ImapClient) -> None:
    """SELECT with what is known gives what changed and what is gone, and later expunges come by uid."""
    await client.append("INBOX", *(Message(MAIL) for _ in range(5)))
    before = await client.select("INBOX", condstore=True)
    async with client_of(server) as other:
        await other.select("INBOX")
        await other.store("2:3", "\\Deleted")
        await other.expunge()
        await other.store(5, "\\Flagged")
    await client.enable("QRESYNC")
    assert before.uidvalidity and before.highest_modseq
    known = Known(before.uidvalidity, before.highest_modseq, Numbers(((1, 5),)))
    now = await client.select("INBOX", known=known)
    assert list(now.vanished) == [2, 3] and [one.uid for one in now.changed] == [5]
    assert now.exists == 3
    fetched, gone = await client.fetch_changes("1:*", "FLAGS", before.highest_modseq)
    assert [one.uid for one in fetched] == [5] and list(gone) == [2, 3]
    await client.store(1, "\\Deleted")
    assert await client.expunge() == [Vanished(Numbers(((1, 1),)))]


async def test_uidonly(client: ImapClient) -> None:
    """After ENABLE UIDONLY messages are told by uid alone."""
    await client.append("INBOX", Message(MAIL), Message(MAIL))
    await client.enable("UIDONLY")
    await client.select("INBOX")
    assert [(one.number, one.uid) for one in await client.fetch("1:*", "FLAGS")] == [
        (None, 1),
        (None, 2),
    ]
    with pytest.raises(RefusedBad) as refusal:
        await client.fetch("1", "FLAGS", uid=False)
    assert refusal.value.status.code == Code("UIDREQUIRED")


async def test_compress_both_ways_at_the_right_octet(server: Localserve) -> None:
    """Everything behind the OK is deflated, commands that waited for it too; UNAUTHENTICATE ends it, on both sides."""
    async with await connect(
        "127.0.0.1", server.imaps, context=server.context(), server_name="localhost", patience=20
    ) as client:
        # A login bound to the connection cannot be made twice on it, and our server then has no UNAUTHENTICATE.
        await client.login(LOGIN, PASSWORD, mechanism="PLAIN")
        await asyncio.gather(
            client.compress(), client.noop(), client.append("INBOX", Message(MAIL * 50))
        )
        assert client.engine.connection.compressed
        await client.select("INBOX")
        assert (await client.fetch(1, "BODY.PEEK[]"))[0].octets("") == MAIL * 50
        await client.unauthenticate()
        assert not client.engine.connection.compressed
        assert client.offers("AUTH=PLAIN")
        await client.login(LOGIN, PASSWORD)
        await client.compress()
        assert (await client.select("INBOX")).exists == 1
        with pytest.raises(NoWay, match="UNAUTHENTICATE"):
            await client.unauthenticate()


@pytest.mark.rfc(
    "9051",
    "11.2",
    "the client MUST implement both TLS negotiation on an Implicit TLS port and TLS negotiation using the STARTTLS command on a cleartext port.",
)
@pytest.mark.rfc(
    "9051", "11.2", "The server MUST implement TLS negotiation on an Implicit TLS port."
)
@pytest.mark.rfc(
    "9051",
    "11.2",
    "If the server listens on a cleartext port, it MUST allow the STARTTLS command on it.",
)
@pytest.mark.rfc(
    "9051",
    "11.1",
    "the client MUST check its understanding of the server hostname against the server's identity as presented in the server Certificate message,",
)
@pytest.mark.rfc(
    "3501",
    "11.1",
    "During the [TLS] negotiation, the client MUST check its understanding of the server hostname against the server's identity as presented in the server Certificate message, in order to prevent man-in-the-middle attacks.",
)
@pytest.mark.rfc(
    "3501",
    "11.1",
    "The client MUST use the server hostname it used to open the connection as the value to compare against the server name as expressed in the server certificate.",
)
async def test_starttls(server: Localserve) -> None:
    """The capabilities of before are forgotten, and those inside TLS are asked for."""
    async with await connect(
        "127.0.0.1", server.imap, tls="starttls", context=server.context(), server_name="localhost"
    ) as client:
        assert client.engine.connection.tls is not None and client.capabilities == frozenset()
        await client.login(LOGIN, PASSWORD)
        assert client.offers("IDLE") and not client.offers("STARTTLS")
        await client.logout()
    with pytest.raises(ConnectionEnded, match="certificate"):
        await connect("127.0.0.1", server.imap, tls="starttls", server_name="localhost")
    with pytest.raises(ConnectionEnded, match="certificate"):
        await connect("127.0.0.1", server.imaps, server_name="localhost")
    for port, tls in ((server.imap, "starttls"), (server.imaps, "implicit")):
        async with await connect(
            "127.0.0.1", port, tls=tls, context=server.context(), server_name="localhost"
        ) as client:
            await client.noop()
        with pytest.raises(ConnectionEnded, match="certificate"):
            await connect(
                "127.0.0.1", port, tls=tls, context=server.context(), server_name="mail.example.org"
            )


@pytest.mark.parametrize(
    "mechanism",
    [
        None,
        "LOGIN",
        "PLAIN",
        "SCRAM-SHA-256-PLUS",
        "SCRAM-SHA-1-PLUS",
        "SCRAM-SHA-256",
        "scram-sha-1",
    ],
)
async def test_no_secret_in_the_trace(server: Localserve, mechanism: str | None) -> None:
    """Every way to log in works, wrong ones are typed, and neither password nor SASL data nor a message is in the log."""
    lines: list[str] = []
    tracing = Tracing(lines.append)
    context = server.context()
    async with await connect(
        "127.0.0.1", server.imaps, context=context, server_name="localhost", tracing=tracing
    ) as client:
        with pytest.raises(RefusedNo) as refusal:
            await client.login(LOGIN, "wrong-" + PASSWORD, mechanism=mechanism)
        assert refusal.value.status.code == Code("AUTHENTICATIONFAILED")
    async with await connect(
        "127.0.0.1", server.imaps, context=context, server_name="localhost", tracing=tracing
    ) as client:
        await client.login(LOGIN, PASSWORD, mechanism=mechanism)
        await client.append("INBOX", Message(MAIL))
        await client.select("INBOX")
        await client.fetch(1, "BODY.PEEK[]")
    log = "\n".join(lines)
    used = mechanism or "SCRAM-SHA-256-PLUS"
    assert used.upper() in log.upper() and "FETCH" in log, "it is a trace after all"
    nothing_of(log, PASSWORD, "wrong-")
    assert "ann@example.org" not in log
    for line in lines:
        if line.startswith("S: +"):
            assert line in ("S: +", "S: + <hidden>", "S: + Ready for the literal")
        if "AUTHENTICATE" in line and line.startswith("C: "):
            assert line.upper().endswith((used.upper(), "<HIDDEN>")), line
    assert not [line for line in lines if "=" in line and line.startswith("C: ")]


def nothing_of(log: str, *secrets: str) -> None:
    """Neither as they are nor in base64, at any of its three offsets."""
    import base64

    for secret in secrets:
        assert secret not in log
        for shift in range(3):
            packed = base64.b64encode(b"\0" * shift + secret.encode())
            core = packed[4 if shift else 0 : -4].decode()
            assert len(core) < 4 or core not in log


async def test_a_password_in_a_literal_is_no_more_in_the_trace(server: Localserve) -> None:
    """LOGIN with a password that only a literal can carry; the server's answer to it is hidden too."""
    lines: list[str] = []
    secret = 'wo"rd\r\nwith line ends ü'
    async with await connect(
        "127.0.0.1", server.imaps, context=server.context(), server_name="localhost", tracing=Tracing(lines.append, literals=True)
    ) as client:  # fmt: skip
        with pytest.raises(RefusedNo):
            await client.login(LOGIN, secret, mechanism="LOGIN")
    log = "\n".join(lines)
    assert "LOGIN" in log and "<hidden>" in log
    nothing_of(log, "with line ends", 'wo"rd', "\\xc3")


async def test_without_tls_no_password_leaves(server: Localserve) -> None:
    """LOGINDISABLED is obeyed, and the error says so; the wrong mechanism is named."""
    async with await connect("127.0.0.1", server.imap, tls="none") as client:
        await client.capability()
        if client.offers("LOGINDISABLED"):
            with pytest.raises(NoWay, match="LOGINDISABLED"):
                await client.login(LOGIN, PASSWORD, mechanism="LOGIN")
        with pytest.raises(NoWay, match="nothing on this connection to bind to"):
            await client.login(LOGIN, PASSWORD, mechanism="SCRAM-SHA-256-PLUS")
        with pytest.raises(NoWay, match="KERBEROS"):
            await client.login(LOGIN, PASSWORD, mechanism="KERBEROS_V4")


async def test_cancelling_leaves_the_connection_usable(client: ImapClient) -> None:
    """An answer nobody waits for any more is not taken for another's; a command not sent yet is taken back."""
    await client.select("INBOX")
    tasks = [asyncio.ensure_future(client.search("ALL")) for _ in range(5)]  # noqa: TID251 several at once are the test
    await asyncio.wait(tasks[:1])
    for task in tasks[1:]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await client.append("INBOX", Message(MAIL))
    assert await client.search("ALL") == (1,)


async def test_cancelling_in_the_middle_of_a_message_ends_the_connection(
    client: ImapClient,
) -> None:
    """Nobody could tell the server that the rest will not come."""
    began, never = asyncio.Event(), asyncio.Event()

    async def stuck() -> AsyncIterator[bytes]:
        yield b"From: "
        began.set()
        await never.wait()

    task = asyncio.ensure_future(client.append("INBOX", Message(stuck(), size=100)))  # noqa: TID251 it is cancelled here
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(ConnectionEnded, match="APPEND was cancelled in the middle"):
        await client.noop()


@pytest.mark.parametrize("octets", [b"x" * 9, b"x" * 11])
async def test_a_message_of_another_size_than_announced(client: ImapClient, octets: bytes) -> None:
    """The error says so, and nothing is stored."""
    with pytest.raises(ConnectionEnded, match="announced"):
        await client.append("INBOX", Message([octets], size=10))


async def test_what_cannot_be_sent_is_not(client: ImapClient) -> None:
    """No line break gets out by any argument, and the connection goes on."""
    for work in (
        client.search("SUBJECT", Astring(b"a\0b")),
        client.fetch("1\r\nA9 LOGOUT", "FLAGS"),
        client.fetch(1, "FLAGS\r\nA9 LOGOUT"),
        client.search("ALL\r\nA9 LOGOUT"),
        client.store(1, "a b"),
        client.store([], "\\Seen"),
        client.status("INBOX"),
        client.append("INBOX"),
        client.append("INBOX", Message([b""])),
    ):
        with pytest.raises(Unsendable):
            await work
    await client.noop()


async def test_the_server_says_bye(server: Localserve, client: ImapClient) -> None:
    """After LOGOUT everything says that it was closed; a lost connection ends the news."""
    await client.logout()
    with pytest.raises(ConnectionEnded, match=r"closed|BYE"):
        await client.noop()
    async with asyncio.timeout(20):
        async for _ in client.news:
            pass


@pytest.mark.rfc(
    "9051",
    "5.3",
    "Server implementations that send such responses MUST deal with flow control considerations.",
)
@pytest.mark.rfc(
    "9051",
    "5.3",
    "Specifically, they MUST either (1) verify that the size of the data does not exceed the underlying transport's available window size or (2) use non-blocking writes.",
)
@pytest.mark.rfc(
    "3501",
    "5.3",
    "Server implementations that send such responses MUST deal with flow control considerations.",
)
@pytest.mark.rfc(
    "3501",
    "5.3",
    "Specifically, they MUST either (1) verify that the size of the data does not exceed the underlying transport's available window size, or (2) use non-blocking writes.",
)
async def test_a_client_that_does_not_listen_stops_nobody(
    server: Localserve, client: ImapClient
) -> None:
    """Far more than any window takes is to be told unasked: others are served meanwhile, and who listens again hears all of it."""
    count, octets = 60, b"A: b\r\n\r\n" + b"x" * 256 * 1024
    reader, writer = await asyncio.open_connection("127.0.0.1", server.imap, limit=4096)
    await reader.readline()
    for number, command in enumerate(
        (
            f"LOGIN {LOGIN} {PASSWORD}",
            "SELECT INBOX",
            "NOTIFY SET (selected (MessageNew (BODY.PEEK[]) MessageExpunge))",
        )
    ):
        writer.write(f"a{number} {command}\r\n".encode())
        while not (line := await reader.readline()).startswith(b"a%d " % number):
            pass
        assert line.startswith(b"a%d OK" % number)
    async with asyncio.timeout(60):
        for number in range(count):
            assert (await client.append("INBOX", Message(octets))) is not None
            assert (await client.status("INBOX", "MESSAGES")).messages == number + 1
        pieces: list[bytes] = []
        while sum(map(len, pieces)) < count * len(octets):
            pieces.append(await reader.read(1 << 20))
            assert pieces[-1]
        writer.close()
    heard = b"".join(pieces)
    assert heard.count(b"FETCH (BODY[] {%d}" % len(octets)) == count
