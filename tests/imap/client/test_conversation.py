"""Which answer belongs to which command, and what may be sent when: transcripts without a network."""

from __future__ import annotations

import pytest

from postil.imap.client import commands, messages, uploads
from postil.imap.client.codes import (
    AppendUid,
    Code,
    CopyUid,
    InProgress,
    Listed,
    MetadataCode,
    Modified,
    NoUpdate,
    Number,
)
from postil.imap.client.compose import Command, Text, Upload
from postil.imap.client.conversation import Answered, Challenge, Conversation, Event, Greeting, News
from postil.imap.client.errors import ProtocolViolation
from postil.imap.client.found import Extended
from postil.imap.client.numbers import Numbers
from postil.imap.client.responses import Exists, Status, Vanished
from postil.imap.client.uploads import Message


class Peer:
    """A conversation and what has gone over the wire."""

    def __init__(self, greeting: bytes = b"* OK [CAPABILITY IMAP4rev1] hello") -> None:
        self.talk = Conversation()
        self.uploads: list[Upload] = []
        assert isinstance(self.hear(greeting)[0], Greeting)

    def hear(self, *lines: bytes) -> list[Event]:
        self.talk.feed(b"".join(line + b"\r\n" for line in lines))
        out = []
        while (event := self.talk.next()) is not None:
            out.append(event)
        return out

    def say(self, *begun: Command) -> bytes:
        for command in begun:
            self.talk.start(command)
        out = b""
        while (chunk := self.talk.output()) is not None:
            out += chunk.octets if isinstance(chunk, Text) else b"<message>"
        return out


FETCH = messages.fetch(1, "UID", uid=False)
STORE = messages.store(1, ["\\Seen"], uid=False)
SEARCH = messages.search("SEEN", uid=False)
COPY = messages.copy(1, "x", uid=False)


@pytest.mark.rfc(
    "9051",
    "5.5",
    "Therefore, if the client sends any command other than FETCH, STORE, or SEARCH, it MUST wait for the completion result "
    "response before sending a command with message sequence numbers.",
)
@pytest.mark.rfc(
    "9051",
    "5.5",
    "If the client sends a UID command, it MUST wait for a completion result response before sending a command that uses message sequence numbers (this may include UID SEARCH).",
)
@pytest.mark.rfc(
    "9051",
    "6.2.1",
    "Once a client issues a STARTTLS command, it MUST NOT issue further commands until a server response is seen and the TLS negotiation is complete.",
)
@pytest.mark.rfc(
    "9051",
    "6.3.13",
    "The client MUST NOT send a command while the server is waiting for the DONE, since the server will not be able to distinguish a command from a continuation.",
)
@pytest.mark.parametrize(
    ("begun", "sent"),
    [
        ([messages.fetch(1, "UID"), FETCH], 1),
        ([messages.store(1, ["\\Seen"]), STORE], 1),
        ([commands.STARTTLS, commands.NOOP], 1),
        ([commands.IDLE, commands.NOOP], 1),
        ([FETCH, commands.NOOP, STORE], 2),
        ([STORE, COPY, FETCH], 2),
        ([COPY, COPY], 1),
        ([FETCH, SEARCH, commands.NOOP], 3),
        ([STORE, COPY, messages.expunge()], 3),
        ([messages.search("SEEN"), FETCH], 1),
        ([messages.search("SEEN", returns=["ALL"]), messages.search("1:3", returns=["ALL"])], 1),
        ([messages.search("SEEN", returns=["ALL"]), messages.search("DRAFT", returns=["ALL"])], 2),
        ([messages.search("SEEN"), messages.search("DRAFT")], 1),
        ([commands.COMPRESS, commands.NOOP], 1),
        ([commands.NOOP, commands.STARTTLS], 1),
    ],
    ids=repr,
)
@pytest.mark.rfc(
    "3501",
    "5.5",
    "Clients MUST NOT send multiple commands without waiting if an ambiguity would result.",
)
@pytest.mark.rfc(
    "3501",
    "5.5",
    "Therefore, if the client sends any command other than FETCH, STORE, or SEARCH, it MUST wait for the completion result response before sending a command with message sequence numbers.",
)
@pytest.mark.rfc(
    "3501",
    "6.2.1",
    "Once a client issues a STARTTLS command, it MUST NOT issue further commands until a server response is seen and the [TLS] negotiation is complete.",
)
def test_what_may_run_at_once(begun: list[Command], sent: int) -> None:
    """The examples of the RFC, and those that could not be told apart afterwards; the rest goes when the first has ended."""
    peer = Peer()
    assert peer.say(*begun).count(b"\r\n") == sent
    for number in range(len(begun)):
        peer.hear(b"A%d OK done" % (number + 1))
        sent += peer.say().count(b"\r\n")
    assert sent == len(begun)


def test_answers_out_of_order() -> None:
    """Each answer goes to the command of its tag; ESEARCH to the one it names; the rest is news."""
    peer = Peer()
    peer.say(messages.search("SEEN", returns=["ALL"]), messages.search("DRAFT", returns=["ALL"]))
    events = peer.hear(
        b'* ESEARCH (TAG "A2") UID ALL 2', b"* 3 EXISTS", b'* ESEARCH (TAG "A1") UID ALL 1',
        b"A2 OK done", b'* ESEARCH (TAG "A2") UID ALL 9', b"A1 NO [EXPUNGEISSUED] some are gone",
    )  # fmt: skip
    first, second, late, third = events
    assert first == News(Exists(3))
    assert isinstance(second, Answered) and second.running.responses == [
        Extended("A2", True, all=Numbers(((2, 2),)))
    ]
    assert late == News(Extended("A2", True, all=Numbers(((9, 9),))))
    assert isinstance(third, Answered) and third.status.code == Code("EXPUNGEISSUED")


@pytest.mark.rfc(
    "9051",
    "4.3",
    "the client MUST wait to receive a command continuation request (described later in this document) before sending the octet data (and the remainder of the command).",
)
@pytest.mark.rfc(
    "9051",
    "4.3",
    "Note: Even if the octet count is 0, a client transmitting a synchronizing literal MUST wait to receive a command continuation request.",
)
@pytest.mark.rfc(
    "9051",
    "5.5",
    "However, any command continuation request responses and command continuations MUST be negotiated before any subsequent command is initiated.",
)
@pytest.mark.rfc(
    "9051",
    "2.2.1",
    "the client MUST send a complete command (including receiving all command continuation request responses and sending command continuations for the command) before initiating a new command.",
)
@pytest.mark.parametrize("octets", [b"", b"xyz"])
@pytest.mark.rfc(
    "3501",
    "2.2.1",
    "In all cases, the client MUST send a complete command (including receiving all command continuation request responses and command continuations for the command) before initiating a new command.",
)
@pytest.mark.rfc(
    "3501",
    "4.3",
    "In the case of literals transmitted from client to server, the client MUST wait to receive a command continuation request (described later in this document) before sending the octet data (and the remainder of the command).",
)
@pytest.mark.rfc(
    "3501",
    "4.3",
    "Note: Even if the octet count is 0, a client transmitting a literal MUST wait to receive a command continuation request.",
)
@pytest.mark.rfc(
    "3501",
    "5.5",
    "However, any command continuation request responses and command continuations MUST be negotiated before any subsequent command is initiated.",
)
def test_a_synchronising_literal_waits(octets: bytes) -> None:
    """Nothing behind the header goes out before `+`, not even of an empty one, and then all of it."""
    peer = Peer()
    append = Command("APPEND", (b" a ", Upload(len(octets), octets)))
    assert peer.say(append, commands.NOOP) == b"A1 APPEND a {%d}\r\n" % len(octets)
    peer.hear(b"* 1 EXISTS")
    assert peer.say() == b""
    peer.hear(b"+ go on")
    assert peer.say() == b"<message>\r\nA2 NOOP\r\n"


def test_a_refused_literal_is_not_sent() -> None:
    """NO instead of `+`: the next command follows at once."""
    peer = Peer()
    peer.say(uploads.append("a", [Message(b"xyz")]), commands.NOOP)
    (event,) = peer.hear(b"A1 NO [TRYCREATE] no such mailbox")
    assert isinstance(event, Answered) and event.status.code == Code("TRYCREATE")
    assert peer.say() == b"A2 NOOP\r\n"


def test_a_refused_literal_that_did_not_wait_is_sent() -> None:
    """The server counts its octets, so they must come."""
    peer = Peer(b"* OK [CAPABILITY LITERAL+] hello")
    peer.talk.start(uploads.append("a", [Message(b"xyz")]))
    chunk = peer.talk.output()
    assert isinstance(chunk, Text) and chunk.octets == b"A1 APPEND a {3+}\r\n"
    peer.hear(b"A1 NO no")
    assert peer.say(commands.NOOP) == b"<message>\r\nA2 NOOP\r\n"


@pytest.mark.rfc(
    "7162",
    "3.2.11",
    "all responses before the CLOSED response code relate to the mailbox that was closed, and all subsequent responses relate "
    "to the newly opened mailbox.",
)
def test_closed_is_a_boundary() -> None:
    """What SELECT hears before CLOSED is news of the old mailbox."""
    peer = Peer()
    peer.say(commands.select("b"))
    events = peer.hear(
        b"* 9 EXISTS",
        b"* OK [CLOSED] closed",
        b"* 1 EXISTS",
        b"* VANISHED (EARLIER) 3",
        b"* VANISHED 4",
        b"A1 OK [READ-WRITE] done",
    )
    assert events[0] == News(Exists(9))
    assert News(Vanished(Numbers(((4, 4),)))) in events
    answered = events[-1]
    assert isinstance(answered, Answered)
    assert [one for one in answered.running.responses if not isinstance(one, Status)] == [
        Exists(1),
        Vanished(Numbers(((3, 3),)), earlier=True),
    ]


def test_a_dialogue() -> None:
    """IDLE: challenges go to it, nothing else is sent until it ends."""
    peer = Peer()
    assert peer.say(commands.IDLE, commands.NOOP) == b"A1 IDLE\r\n"
    (event,) = peer.hear(b"+ idling")
    assert isinstance(event, Challenge)
    assert peer.talk.respond(event.running, b"DONE", secret=False).octets == b"DONE\r\n"
    assert peer.say() == b""
    peer.hear(b"A1 OK done")
    assert peer.say() == b"A2 NOOP\r\n"


def test_a_command_of_which_nothing_was_sent_is_taken_back() -> None:
    """And one that was begun is not."""
    peer = Peer()
    first, second = peer.talk.start(commands.COMPRESS), peer.talk.start(commands.NOOP)
    assert peer.say() == b"A1 COMPRESS DEFLATE\r\n"
    assert peer.talk.drop(second) and not peer.talk.drop(first)
    peer.hear(b"A1 NO no")
    assert peer.say() == b""


@pytest.mark.rfc(
    "9051",
    "6.2.1",
    "Once TLS has been started, the client MUST discard cached information about server capabilities",
)
@pytest.mark.rfc("3501", "6.2.1", "Once [TLS] has been started, the client MUST")
def test_capabilities_are_forgotten() -> None:
    """With STARTTLS and with a login, unless the answer tells the new ones."""
    peer = Peer()
    assert peer.talk.capabilities == {"IMAP4REV1"}
    peer.say(commands.STARTTLS)
    peer.hear(b"A1 OK go")
    assert peer.talk.capabilities is None
    peer.say(commands.login("a", "b"))
    peer.hear(b"A2 OK [CAPABILITY IMAP4rev2 Literal-] in")
    assert peer.talk.capabilities == {"IMAP4REV2", "LITERAL-"}


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([b"A9 OK done"], "no command that runs"),
        ([b"+ go on"], "no command waits"),
        ([b"A1 MAYBE done"], "OK, NO or BAD"),
        ([b"* 1 FETCH (UID x)"], "'1 FETCH"),
        ([b"* STATUS a (MESSAGES)"], "expected a space"),
    ],
)
def test_violations_name_what_was_wrong(lines: list[bytes], words: str) -> None:
    """One error, with the place."""
    peer = Peer()
    with pytest.raises(ProtocolViolation, match=words):
        peer.hear(*lines)
    with pytest.raises(ProtocolViolation, match="no greeting"):
        Peer(b"220 smtp.example.org ESMTP")


@pytest.mark.rfc("9585", "6", "In these cases, the notification MUST be disregarded.")
@pytest.mark.parametrize(
    ("code", "read"),
    [
        (b"ALERT", Code("ALERT")), (b"UIDNEXT 7", Number("UIDNEXT", 7)), (b"UIDNEXT x", Code("UIDNEXT", b"x")),
        (b"APPENDUID 1 4:6", AppendUid(1, Numbers(((4, 6),)))), (b"COPYUID 1 1:2 7:6", CopyUid(1, Numbers(((1, 2),)), Numbers(((7, 6),)))),
        (b"COPYUID 1 1:2 7", Code("COPYUID", b"1 1:2 7")), (b"MODIFIED 7,9", Modified(Numbers(((7, 7), (9, 9))))),
        (b"PERMANENTFLAGS (\\Seen \\*)", Listed("PERMANENTFLAGS", ("\\Seen", "\\*"))), (b"NOMODSEQ", Code("NOMODSEQ")),
        (b'INPROGRESS ("A]1" 4 NIL)', InProgress("A]1", 4, None)), (b"INPROGRESS", InProgress()), (b"INPROGRESS (NIL 4 5)", InProgress(None, 4, 5)),
        (b"INPROGRESS (NIL 0 0)", Code("INPROGRESS", b"(NIL 0 0)")), (b"INPROGRESS (NIL 6 5)", Code("INPROGRESS", b"(NIL 6 5)")),
        (b"INPROGRESS (NIL 4294967296 NIL)", Code("INPROGRESS", b"(NIL 4294967296 NIL)")), (b"INPROGRESS (NIL -1 5)", Code("INPROGRESS", b"(NIL -1 5)")),
        (b"INPROGRESS (NIL 1 4294967296)", Code("INPROGRESS", b"(NIL 1 4294967296)")), (b"INPROGRESS (NIL NIL 0)", Code("INPROGRESS", b"(NIL NIL 0)")),
        (b"METADATA LONGENTRIES 2199", MetadataCode("LONGENTRIES", 2199)), (b"METADATA NOPRIVATE", MetadataCode("NOPRIVATE")),
        (b"BADEVENT (A B)", Listed("BADEVENT", ("A", "B"))), (b'NOUPDATE "B02"', NoUpdate("B02")), (b"X-NEW a (b)", Code("X-NEW", b"a (b)")),
        (b"BADCHARSET (UTF-8 {5}\r\nKOI 8)", Listed("BADCHARSET", ("UTF-8", "KOI 8"))), (b"BADCHARSET", Listed("BADCHARSET", ())),
    ],
)  # fmt: skip
def test_codes(code: bytes, read: object) -> None:
    """Known ones typed, unknown and broken ones kept; the text behind is the text."""
    peer = Peer()
    (event,) = peer.hear(b"* NO [" + code + b"] some [text]")
    assert isinstance(event, News) and isinstance(event.response, Status)
    assert (event.response.code, event.response.text) == (read, "some [text]")


def test_text_that_only_begins_like_a_code() -> None:
    """A bracket without its end is text."""
    (event,) = Peer().hear(b"* OK [never closed")
    assert isinstance(event, News) and event.response.code is None  # type: ignore[union-attr]
