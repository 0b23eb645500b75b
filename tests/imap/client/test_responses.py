"""Responses as values: what stands where."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postil.imap.client import parse
from postil.imap.client.fetched import Fetched, Section
from postil.imap.client.found import Batches, Extended, Found, Sorted, Thread, Threads
from postil.imap.client.framer import Framer
from postil.imap.client.mailboxes import (
    Mailbox,
    MailboxStatus,
    Metadata,
    MetadataChanged,
    Namespace,
    Namespaces,
    Quota,
    QuotaRoots,
    Resource,
)
from postil.imap.client.numbers import Numbers
from postil.imap.client.parse import Response
from postil.imap.client.responses import (
    Capabilities,
    Condition,
    Continuation,
    Enabled,
    Expunged,
    Flags,
    Identified,
    Recent,
    Status,
    Unknown,
    Vanished,
)
from postil.imap.client.structure import Address, Extension, Multipart, Part, walk


def read(line: bytes, *, utf8: bool = False) -> Response:
    framer = Framer()
    framer.feed(line + b"\r\n")
    frame = framer.next()
    assert frame is not None
    return parse.response(frame, utf8=utf8)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (b"* CAPABILITY imap4rev1 X ", Capabilities(("IMAP4REV1", "X"))),
        (b"* ENABLED", Enabled(())),
        (b"+ ", Continuation(b"")),
        (b"+", Continuation(b"")),
        (b"* 3 RECENT", Recent(3)),
        (b"* 4 EXPUNGE", Expunged(4)),
        (b"* FLAGS (\\Seen a)", Flags(("\\Seen", "a"))),
        (b"* BYE", Status(Condition.BYE)),
        (b"* VANISHED (EARLIER) 1:2,9", Vanished(Numbers(((1, 2), (9, 9))), earlier=True)),
        (b'* ID ("name" "x" "v" NIL)', Identified({"name": "x", "v": None})),
        (b"* ID NIL", Identified(None)),
        (b"* 7 XNEW {2}\r\n)( a", Unknown("XNEW", 7, b"{2}\r\n a", (b")(",))),
        (b'* LIST (\\HasNoChildren) "/" "&AOQ-"', Mailbox("ä", ("\\HasNoChildren",), "/")),
        (b"* LIST () NIL inBox", Mailbox("INBOX", (), None)),
        (b'* LIST () "/" "a" ("OLDNAME" ("b"))', Mailbox("a", (), "/", old_name="b")),
        (b'* LIST () "/" a (CHILDINFO ("SUBSCRIBED" "X") "Y" (Z (1)))', Mailbox("a", (), "/", None, ("SUBSCRIBED", "X"), {"Y": (b"Z", (b"1",))})),
        (b'* LSUB () "." {3}\r\na"b', Mailbox('a"b', (), ".", lsub=True)),
        (b"* STATUS a (MESSAGES 1 APPENDLIMIT NIL MAILBOXID (F1) SIZE 9999999999 X-Y (1 2))",
         MailboxStatus("a", messages=1, append_limit=-1, mailbox_id="F1", size=9999999999, more={"X-Y": (b"1", b"2")})),
        (b'* NAMESPACE (("" "/" "X" ("y"))) NIL (("#s" NIL)("b" "."))',
         Namespaces((Namespace("", "/", {"X": (b"y",)}),), (), (Namespace("#s", None), Namespace("b", ".")))),
        (b'* QUOTA "" (STORAGE 10 512 MESSAGE 1 2)', Quota("", (Resource("STORAGE", 10, 512), Resource("MESSAGE", 1, 2)))),
        (b'* QUOTAROOT INBOX "" b', QuotaRoots("INBOX", ("", "b"))),
        (b'* METADATA "" (/shared/comment {3}\r\na\r\n /private/x NIL)', Metadata("", {"/shared/comment": b"a\r\n", "/private/x": None})),
        (b'* METADATA "INBOX" /shared/a /private/b', MetadataChanged("INBOX", ("/shared/a", "/private/b"))),
        (b"* SEARCH", Found(())),
        (b"* SEARCH 2 5 (MODSEQ 917162500)", Found((2, 5), 917162500)),
        (b"* SORT 5 2", Sorted((5, 2))),
        (b"* THREAD (2)(3 6 (4 23)(44 7 96))",
         Threads((Thread((2,)), Thread((3, 6), (Thread((4, 23)), Thread((44, 7, 96))))))),
        (b"* THREAD ((3)(5))", Threads((Thread((), (Thread((3,)), Thread((5,)))),))),
        (b'* ESEARCH (TAG "t" MAILBOX "a" UIDVALIDITY 1) UID MIN 1 MAX 9 COUNT 2 MODSEQ 7 ALL 1,9',
         Extended("t", True, "a", 1, 1, 9, 2, Numbers(((1, 1), (9, 9))), 7)),
        (b'* ESEARCH (TAG "t") UID PARTIAL (-1:-3 NIL) X (1 2)', Extended("t", True, partial=("-1:-3", Numbers()), more={"X": (b"1", b"2")})),
        (b"* ESEARCH", Extended()),
        (b'* UIDBATCHES (TAG "t") 9:5,4:1', Batches("t", ((9, 5), (4, 1)))),
        (b'* UIDBATCHES (TAG "t")', Batches("t", ())),
        (b"* 1 FETCH (UID 7 FLAGS () MODSEQ (12) RFC822.SIZE 3)",
         Fetched(1, 7, (), 12, 3, given=frozenset({"UID", "FLAGS", "MODSEQ", "RFC822.SIZE"}))),
        (b"* 9 UIDFETCH (FLAGS (a))", Fetched(None, 9, ("a",), given=frozenset({"FLAGS"}))),
        (b'* 1 FETCH (BODY[HEADER.FIELDS ("from" {2}\r\nto)]<3> {1}\r\nx BINARY[1] ~{1}\r\n\0 BINARY.SIZE[1.2] 4 RFC822 NIL X-Y (a))',
         Fetched(1, sections=(Section("BODY[HEADER.FIELDS (FROM TO)]", b"x", 3), Section("BINARY[1]", b"\0"), Section("RFC822", None)),
                 binary_sizes={"1.2": 4}, more={"X-Y": (b"a",)}, given=frozenset({"BODY", "BINARY", "BINARY.SIZE", "RFC822", "X-Y"}))),
        (b'* 1 FETCH (EMAILID (M1) THREADID NIL SAVEDATE NIL PREVIEW "a \\"b\\" \xff" INTERNALDATE " 7-Feb-2024 01:02:03 -0130")',
         Fetched(1, email_id="M1", preview=b'a "b" \xff', internal_date=datetime.datetime(
             2024, 2, 7, 1, 2, 3, tzinfo=datetime.timezone(-datetime.timedelta(hours=1, minutes=30))),
             given=frozenset({"EMAILID", "THREADID", "SAVEDATE", "PREVIEW", "INTERNALDATE"}))),
    ],
)  # fmt: skip
def test_values(line: bytes, value: Response) -> None:
    """Each kind, with what servers of the field do to spaces and quotes."""
    assert read(line) == value


def test_envelope() -> None:
    """NIL, empty lists, groups, octets as they came."""
    found = read(
        b'* 12 FETCH (ENVELOPE ("Wed" {3}\r\nSub (("Terry" NIL "gray" "cac.example")) NIL () (("g" NIL NIL NIL)(NIL NIL NIL NIL)) NIL NIL NIL "<B@x>"))'
    )
    assert isinstance(found, Fetched) and found.envelope is not None
    assert found.envelope.subject == b"Sub" and found.envelope.message_id == b"<B@x>"
    assert found.envelope.from_ == (Address(b"Terry", None, b"gray", b"cac.example"),)
    assert found.envelope.sender == found.envelope.reply_to == ()
    assert found.envelope.to == (Address(b"g", None, None, None), Address(None, None, None, None))


def test_structure() -> None:
    """A multipart with a message in it, extension data as far as the server gives it."""
    found = read(
        b'* 1 FETCH (BODYSTRUCTURE (("TEXT" "PLAIN" ("CHARSET" "UTF-8") NIL NIL "7BIT" 10 2 NIL ("INLINE" ("A" "b")) ("de" "en") "loc" (1 (2)))'
        b'("MESSAGE" "RFC822" NIL NIL NIL "8bit" 99 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) (("TEXT" "HTML" NIL NIL NIL "7BIT" 1 1)'
        b'("IMAGE" "PNG" NIL "<i>" "d" "BASE64" 5) "MIXED") 7) "MIXED" ("BOUNDARY" "b") NIL "fr"))'
    )
    assert isinstance(found, Fetched) and isinstance(found.structure, Multipart)
    text, message = found.structure.parts
    assert isinstance(text, Part) and isinstance(message, Part)
    assert (text.parameters, text.encoding, text.octets, text.lines) == (
        (("charset", b"UTF-8"),),
        "7bit",
        10,
        2,
    )
    assert text.extension == Extension(
        None, "inline", (("a", b"b"),), (b"de", b"en"), b"loc", ((b"1", (b"2",)),)
    )
    assert message.lines == 7 and message.envelope is not None
    assert found.structure.parameters == (("boundary", b"b"),)
    assert found.structure.extension.language == (b"fr",)
    assert [(number, part.subtype) for number, part in walk(found.structure)] == [
        ("1", "plain"), ("2", "rfc822"), ("2.1", "html"), ("2.2", "png"),
    ]  # fmt: skip


@pytest.mark.rfc(
    "9051", "5.1", "MUST interpret any 8-bit mailbox names returned by LIST as [NET-UNICODE]."
)
def test_names_of_mailboxes() -> None:
    """Modified UTF-7 until ENABLE, UTF-8 after it; what is neither comes through and goes back as it was."""
    from postil.imap.client.compose import wire_name

    for wire, utf8, name in (
        (b'"&AOQ-"', False, "ä"),
        ('"ä&"'.encode(), True, "ä&"),
        (b'"\xff&x"', False, "\udcff&x"),
    ):
        found = read(b"* LIST () NIL " + wire, utf8=utf8)
        assert isinstance(found, Mailbox) and found.name == name
        assert b'"' + wire_name(name, utf8) + b'"' == wire


FLAG = st.sampled_from(["\\Seen", "\\Deleted", "$Work", "é", "a[b", "NIL"])


@given(
    st.lists(FLAG, max_size=4),
    st.integers(1, 2**32 - 1),
    st.integers(0, 2**63 - 1),
    st.booleans(),
    st.booleans(),
)
def test_the_short_way_and_the_long_way_agree(
    flags: list[str], uid: int, modseq: int, with_uid: bool, with_modseq: bool
) -> None:
    """A space too many makes the parser go item by item; what it reads is the same."""
    items = (
        [f"UID {uid}"] * with_uid
        + [f"FLAGS ({' '.join(flags)})"]
        + [f"MODSEQ ({modseq})"] * with_modseq
    )
    short, long = (read(b"* 5 FETCH (" + " ".join(items).encode() + end) for end in (b")", b" )"))
    assert short == long
    assert isinstance(short, Fetched) and short.flags == tuple(flags)
