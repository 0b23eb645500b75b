"""Commands as the client writes them, read by the server's own reader and parsers."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.streams import MemoryStream

from postil.base import utf7
from postil.imap import limits
from postil.imap.client import commands, messages, uploads, watch
from postil.imap.client.compose import Astring, Command, Forms, NonSync, Text, Upload, Wait, render
from postil.imap.client.errors import Unsendable
from postil.imap.client.numbers import Numbers
from postil.imap.client.uploads import Message
from postil.imap.client.values import name as name_of
from postil.imap.client.watch import Group
from postil.imap.registry import COMMANDS, STREAMED
from postil.imap.wire import CommandReader, Request

ALL = Forms(literals=NonSync.ALL)
FORMS = [Forms(utf8, literals) for utf8 in (False, True) for literals in NonSync]


class Whole(MemoryStream):
    """All the client's octets at once."""

    def __init__(self, octets: bytes) -> None:
        super().__init__()
        self._octets = octets

    async def read(self, timeout: float) -> bytes:
        octets, self._octets = self._octets, b""
        return octets


def wire(command: Command, forms: Forms = ALL) -> bytes:
    """Everything of it, as if the server always said to go on."""
    out = b""
    for chunk in render("A1", command, forms):
        match chunk:
            case Text(octets):
                out += octets
            case Upload(source=source):
                assert isinstance(source, bytes)
                out += source
            case Wait():
                pass
    return out


async def understood(command: Command, forms: Forms = ALL) -> Any:
    """What the server makes of it."""
    stream = Whole(b"x NOOP\r\n" + wire(command, forms))
    reader = CommandReader(stream, COMMANDS.__contains__, STREAMED)
    await reader.next(1)
    reader.limits = limits.READER_AFTER_LOGIN
    reader.utf8 = forms.utf8
    request = await reader.next(1)
    assert isinstance(request, Request), request
    assert (request.tag, request.name) == (b"A1", command.name)
    parsed = COMMANDS[request.name].parse(request.tokens)
    if request.literal is None and request.name != "AUTHENTICATE":  # its handler reads what follows
        request.tokens.end()
    return parsed


WHEN = datetime.datetime(2024, 2, 3, 4, 5, 6, tzinfo=datetime.UTC)
EVERY = [
    commands.CAPABILITY, commands.NOOP, commands.LOGOUT, commands.STARTTLS, commands.COMPRESS, commands.UNAUTHENTICATE,
    commands.IDLE, commands.NAMESPACE, commands.CLOSE, commands.UNSELECT,
    commands.login('a"\\b', "p\r\nä"), commands.authenticate("PLAIN", b"AGEAYg=="), commands.authenticate("PLAIN", None),
    commands.enable(["QRESYNC", "UTF8=ACCEPT"]), commands.identify({"name": "x", "version": None}), commands.identify(None),
    commands.select("a b"), commands.select("a", condstore=True), commands.select("a", examine=True),
    commands.select("a", known=commands.Known(1, 2)),
    commands.select("a", known=commands.Known(1, 2, Numbers(((1, 5),)), (Numbers(((1, 1),)), Numbers(((3, 3),))))),
    commands.create("NIL"), commands.create("x", use=["\\Sent"]), commands.delete("ä"), commands.rename("a", "INBOX/b"),
    commands.subscribe("a"), commands.subscribe("a", on=False), commands.lsub(), commands.list_mailboxes(),
    commands.list_mailboxes(("a%", "ä*"), select=["SUBSCRIBED"], returns=["CHILDREN"], status=["MESSAGES"], metadata=["/private/a"]),
    commands.status("a", ["MESSAGES", "SIZE"]),
    messages.expunge(), messages.expunge("1:*"), messages.fetch([1, 2, 3, 7], "UID BODY.PEEK[HEADER.FIELDS (A B)]<0.5>"),
    messages.fetch("*", "ALL", uid=False), messages.fetch("$", "(FLAGS)", changed_since=7, vanished=True),
    messages.fetch("1:*", "UID", partial="-1:-5"), messages.store(1, ["\\Seen", "$x"], unchanged_since=3), messages.store(1, [], how="", uid=False),
    messages.copy(1, "x"), messages.copy(1, "x", uid=False, move=True), messages.search(), messages.search("OR SEEN", "SUBJECT", Astring(b"a\r\nb")),
    messages.search("1:3", uid=False, returns=["MIN", "PARTIAL 1:5"]), messages.search("ALL", returns=[], charset="UTF-8"),
    messages.search_mailboxes("SEEN", within='subtree ("a" b)', returns=["COUNT"]), messages.uid_batches(500), messages.uid_batches(500, 2, 3),
    uploads.append("a", [Message(b"xyz", ("\\Seen",), WHEN)]), uploads.append("a", [Message(b"x\0z", binary=True)]),
    uploads.replace("*", "a", Message(b"x"), uid=False), uploads.replace(7, "a", Message(b"x")),
    watch.notify([]), watch.notify([Group("selected", ("MessageNew", "MessageExpunge"), items="UID FLAGS"), Group("subtree", (), ("a", "ä"))], status=True),
    watch.get_metadata("", ["/shared/a"], depth="1", max_size=3), watch.set_metadata("a", {"/private/a": b"x", "/private/b": None}),
    watch.get_quota(""), watch.get_quota_root("a"),
]  # fmt: skip


@pytest.mark.rfc(
    "9051",
    "2.2.1",
    "Clients MUST follow the syntax outlined in this specification strictly.",
)
@pytest.mark.parametrize("forms", FORMS, ids=str)
@pytest.mark.rfc(
    "3501", "2.2.1", "Clients MUST follow the syntax outlined in this specification strictly."
)
async def test_the_server_reads_every_command(forms: Forms) -> None:
    """Each builder, in each form: no error in the server's parser."""
    for command in EVERY:
        await understood(command, forms)


def test_no_command_of_the_server_is_missing() -> None:
    """The client can give every command the server knows; CHECK is a NOOP and the server's own affair."""
    assert set(COMMANDS) - {command.name for command in EVERY} <= {
        "CHECK", "FETCH", "SEARCH", "STORE", "COPY", "UID MOVE", "MOVE", "ESEARCH", "SETQUOTA",
    }  # fmt: skip


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)


@given(NAMES, st.sampled_from(FORMS))
@pytest.mark.rfc(
    "3501", "5.1", "Client implementations MUST NOT attempt to create 8-bit mailbox names,"
)
async def test_names_go_there_and_back(name: str, forms: Forms) -> None:
    """A mailbox's name reaches the server as it is, and its wire form is read as the same name."""
    try:
        chunks = render("A1", commands.delete(name), forms)
    except Unsendable:
        assert "\0" in name
        return
    assert chunks
    if not forms.utf8:
        assert name_of(utf7.encode(name), False) == ("INBOX" if name.upper() == "INBOX" else name)


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


@given(TEXTS, TEXTS, st.sampled_from(FORMS))
async def test_login_gives_what_was_typed(user: str, password: str, forms: Forms) -> None:
    """Whatever octets name and password have, the server gets them; no log shows the password."""
    parsed = await understood(commands.login(user, password), forms)
    assert (parsed.user, parsed.password) == (user, password)
    shown = b"".join(
        chunk.shown
        for chunk in render("A1", commands.login("u", password + "-secret"), forms)
        if isinstance(chunk, Text)
    )
    assert b"-secret" not in shown and b"<hidden>" in shown


@pytest.mark.rfc(
    "9051", "4.3", "Any literal larger than 4096 bytes MUST be sent as a synchronizing literal."
)
@pytest.mark.rfc(
    "9051",
    "4.3",
    "Unless otherwise specified in an IMAP extension, non-synchronizing literals MUST NOT be larger than 4096 octets.",
)
def test_the_kind_of_literal() -> None:
    """LITERAL+ never waits, LITERAL- only for large ones, without either every literal waits."""
    for size, literals, waits in (
        (4096, NonSync.SMALL, False),
        (4097, NonSync.SMALL, True),
        (4097, NonSync.ALL, False),
        (1, NonSync.NONE, True),
    ):
        command = uploads.append("a", [Message(b"x" * size)])
        chunks = render("A1", command, Forms(literals=literals))
        assert (Wait.GO_AHEAD in chunks) == waits
        assert isinstance(chunks[0], Text) and chunks[0].octets.endswith(
            b"}\r\n" if waits else b"+}\r\n"
        )


@pytest.mark.parametrize(
    "make",
    [
        lambda: messages.fetch("1:", "UID"), lambda: messages.fetch([], "UID"), lambda: messages.store(1, ["a)"]),
        lambda: messages.store(1, ["a"], how="x"), lambda: commands.enable(["a b"]), lambda: messages.search("ü"),
        lambda: uploads.append("a", [Message([b""])]), lambda: uploads.replace(0, "a", Message(b"x")),
        lambda: uploads.append("a", [Message(b"x", date=datetime.datetime(2024, 1, 1))]),
        lambda: wire(watch.set_metadata("a", {"/b\0": b""})), lambda: wire(messages.fetch(1, "UID\r\nA2 NOOP")),
        lambda: wire(commands.create("\ud800")), lambda: wire(commands.login("a", "\0")),
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_refused(make: Any) -> None:
    """Before anything is sent."""
    with pytest.raises(Unsendable):
        make()


@pytest.mark.rfc("10022", "3.1.3.1", "Clients MUST request at least 500 messages per batch")
@pytest.mark.rfc(
    "10022",
    "3.1.5",
    "Batch ranges such as 1:4 in the above example MUST be ordered lowest to highest, i.e., be sent as 1:4 and not as 4:1.",
)
@pytest.mark.rfc(
    "10022",
    "3.1.5",
    "Clients MUST NOT request batch ranges that span more than 100,000 messages",
)
@pytest.mark.rfc(
    "10022",
    "3.1.5",
    "the number of batches multiplied by the batch size MUST NOT be larger than 100,000.",
)
def test_batches_no_client_may_ask_for() -> None:
    """Too small, in the wrong order, too many at once: refused before anything is sent; what is just within goes out."""
    for size, first, last in (
        (499, None, None), (0, None, None), (-500, None, None), (500, 4, 1), (500, 0, 1), (500, 1, 201), (100_001, 1, 1),
    ):  # fmt: skip
        with pytest.raises(Unsendable):
            messages.uid_batches(size, first, last)
    good: list[tuple[int, int | None, int | None, str]] = [
        (500, 1, 200, "500 1:200"), (100_000, 3, None, "100000 3:3"), (500, None, 2, "500 1:2"), (200_000, None, None, "200000"),
    ]  # fmt: skip
    for size, first, last, text in good:
        assert wire(messages.uid_batches(size, first, last)) == f"A1 UIDBATCHES {text}\r\n".encode()
