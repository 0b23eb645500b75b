"""SEARCH and UID SEARCH through a session: every key, charsets, limits, both responses, `$`."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.imap.answers import answer
from tests.support.imap import Client, World, logged_in, world

from postil.imap import limits
from postil.imap.commands.search import parse
from postil.imap.errors import Bad
from postil.imap.tokens import Tokens
from postil.ports.ids import Uid

DAY = 86400
NOON = int(datetime.datetime(2020, 5, 10, 12, tzinfo=datetime.UTC).timestamp())


def mail(subject: str, date: str = "", body: str = "", extra: str = "") -> bytes:
    """A message of a few fields."""
    when = f"Date: {date}\r\n" if date else ""
    return (
        f"From: Ann <ann@example.org>\r\n{when}Subject: {subject}\r\n{extra}\r\n{body}\r\n".encode()
    )


async def furnished(made: World) -> None:
    """Six messages: see the table in the code."""
    deliver = made.deliver
    await deliver(
        "INBOX", mail("one", "Mon, 11 May 2020 00:30:00 +0900"), frozenset({"\\Seen"}), NOON
    )
    await deliver(
        "INBOX",
        mail("two", "Sun, 10 May 2020 23:59:59 -0800", "needle"),
        frozenset({"\\Flagged"}),
        NOON - DAY,
    )
    await deliver(
        "INBOX", mail("=?utf-8?q?gr=C3=BCn?=", "rubbish"), frozenset({"$Junk"}), NOON + DAY
    )
    await deliver(
        "INBOX",
        mail("four", body="x" * 500, extra="X-Empty:\r\n"),
        frozenset({"\\Seen", "\\Deleted"}),
        NOON,
    )
    await deliver(
        "INBOX",
        mail("five", extra="Cc: carol@example.org\r\n"),
        frozenset({"\\Answered", "\\Draft"}),
        NOON,
    )
    base64 = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n"
    await deliver("INBOX", mail("six", body="0L7RgtC/0YPRgdC6", extra=base64), frozenset(), NOON)


async def found(client: Client, criteria: str, command: str = "SEARCH") -> list[int]:
    """The numbers of the SEARCH response."""
    lines = await client.command(f"{command} {criteria}")
    assert lines[-1].startswith(b"t OK"), lines
    assert lines[0].split()[:2] == [b"*", b"SEARCH"], lines
    return [int(number) for number in lines[0].split()[2:]]


KEYS = [
    ("ALL", [1, 2, 3, 4, 5, 6]),
    ("SEEN", [1, 4]), ("UNSEEN", [2, 3, 5, 6]), ("FLAGGED", [2]), ("UNFLAGGED", [1, 3, 4, 5, 6]), ("DELETED", [4]), ("UNDELETED", [1, 2, 3, 5, 6]),
    ("ANSWERED", [5]), ("UNANSWERED", [1, 2, 3, 4, 6]), ("DRAFT", [5]), ("UNDRAFT", [1, 2, 3, 4, 6]),
    ("KEYWORD $junk", [3]), ("UNKEYWORD $Junk", [1, 2, 4, 5, 6]), ("KEYWORD never", []), ("UNKEYWORD never", [1, 2, 3, 4, 5, 6]),
    ("RECENT", [1, 2, 3, 4, 5, 6]), ("NEW", [2, 3, 5, 6]), ("OLD", []),
    ("BEFORE 10-May-2020", [2]), ("ON 10-May-2020", [1, 4, 5, 6]), ("SINCE 10-May-2020", [1, 3, 4, 5, 6]), ("SINCE 11-May-2020", [3]), ('on "9-May-2020"', [2]),
    ("ON 31-Dec-9999", []),
    # Days as written in the field, whatever the zone; a field that is no date matches nothing.
    ("SENTBEFORE 11-May-2020", [2]), ("SENTON 11-May-2020", [1]), ("SENTSINCE 11-May-2020", [1]), ("SENTSINCE 1-Jan-1990", [1, 2]), ("NOT SENTSINCE 1-Jan-1990", [3, 4, 5, 6]),
    ("LARGER 400", [4]), ("SMALLER 400", [1, 2, 3, 5, 6]), ("LARGER 9223372036854775807", []),
    ("2:3,5", [2, 3, 5]), ("*", [6]), ("UID 6:*", [6]), ("UID 9:*", [6]), ("UID 1,77", [1]), ("1000", []), ("NOT 1:4", [5, 6]),
    ("SUBJECT TWO", [2]), ("FROM ann@", [1, 2, 3, 4, 5, 6]), ("CC carol", [5]), ("TO ann", []), ("BCC x", []),
    ("BODY needle", [2]), ("TEXT needle", [2]), ("BODY two", []), ("TEXT two", [2]),
    ("HEADER X-Empty \"\"", [4]), ("HEADER subject five", [5]), ("HEADER nope \"\"", []), ("TEXT \"\"", [1, 2, 3, 4, 5, 6]),
    ("SUBJECT \"grün\"", [3]), ("CHARSET UTF-8 SUBJECT \"GRÜN\"", [3]), ("CHARSET us-ascii SUBJECT one", [1]), ("CHARSET \"utf-8\" SUBJECT one", [1]),
    ("BODY \"отпуск\"", [6]),
    ("SEEN DELETED", [4]), ("(SEEN DELETED)", [4]), ("OR SEEN FLAGGED", [1, 2, 4]), ("OR (SEEN DELETED) (FLAGGED)", [2, 4]), ("NOT NOT SEEN", [1, 4]),
    ("OR OR 1 2 NOT OR ALL ALL", [1, 2]), ("BODY needle OR SEEN FLAGGED", [2]), ("NOT (OR SEEN BODY needle)", [3, 5, 6]),
]  # fmt: skip


@pytest.mark.rfc(
    "9051",
    "6.4.4",
    "[MIME-IMB] content transfer encodings and [MIME-HDRS] strings in [RFC5322]/[MIME-IMB] headers MUST be decoded before comparing text.",
)
@pytest.mark.rfc(
    "9051",
    "6.4.4",
    "The matching SHOULD be case insensitive for characters within the ASCII range.",
)
@pytest.mark.rfc("9051", "6.4.4", "Servers MUST support US-ASCII and UTF-8 charsets;")
@pytest.mark.rfc("3501", "6.4.4", "US-ASCII MUST be supported;")
async def test_every_key() -> None:
    """Each key finds what it names, alone and combined, by number and by uid."""
    async with world() as made:
        await furnished(made)
        client = await logged_in(made, "INBOX")
        for criteria, want in KEYS:
            assert await found(client, criteria) == want, criteria
            assert await found(client, criteria, "UID SEARCH") == want, criteria


@pytest.mark.rfc(
    "9051",
    "6.4.4",
    "Messages that contain the specified string in the header (including MIME header fields) or body of the message.",
)
async def test_text_looks_into_the_headers_of_parts() -> None:
    """TEXT finds what stands in the MIME header of a part; BODY and HEADER do not."""
    async with world() as made:
        await made.deliver(
            "INBOX",
            b"Subject: top\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
            b"Content-ID: <one@example.org>\r\n\r\nx\r\n--b--\r\n",
        )
        await made.deliver("INBOX", mail("x"))
        client = await logged_in(made, "INBOX")
        assert await found(client, "TEXT one@example.org") == [1]
        assert await found(client, "BODY one@example.org") == []
        assert await found(client, "HEADER Content-ID one@example.org") == []


async def test_days_begin_at_midnight() -> None:
    """The first second of a day belongs to it, the second before does not (INTERNALDATE is in UTC)."""
    midnight = NOON - DAY // 2
    async with world() as made:
        await made.deliver("INBOX", mail("x"), date=midnight - 1)
        await made.deliver("INBOX", mail("x"), date=midnight)
        client = await logged_in(made, "INBOX")
        for criteria, want in (("SINCE", [2]), ("ON", [2]), ("BEFORE", [1])):
            assert await found(client, f"{criteria} 10-May-2020") == want


async def test_addresses_as_the_envelope_shows_them() -> None:
    """FROM finds an address behind its comments and quotes, and the text of the field as written."""
    async with world() as made:
        for field in (
            "<user (c)@ (d) example.org>",
            '"a b" <"us"@example.org>',
            "Ann (user@) <x@example.org>",
            "=?utf-8?q?us?= <er@example.org>",
        ):
            await made.deliver("INBOX", f"From: {field}\r\n\r\nx".encode())
        client = await logged_in(made, "INBOX")
        for criteria, want in [
            ("FROM USER@Example.org", [1]), ("FROM us@example", [2]), ("FROM user@", [1, 3]), ("FROM @example.org", [1, 2, 3, 4]), ("FROM ann", [3]),
            ("NOT FROM user@", [2, 4]), ("HEADER from us@example", []), ('FROM ""', [1, 2, 3, 4]), ('TO ""', []), ("FROM user@nowhere", []),
        ]:  # fmt: skip
            assert await found(client, criteria) == want, criteria


LEAVES = st.sampled_from(
    ["SEEN", "FLAGGED", "KEYWORD $Junk", "SINCE 10-May-2020", "LARGER 120", "2:4", "UID 3:*", "BODY needle", "SENTON 11-May-2020", "ALL"]
)  # fmt: skip
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        inner.map(lambda key: f"NOT {key}"),
        st.tuples(inner, inner).map(lambda pair: f"OR {pair[0]} {pair[1]}"),
        st.lists(inner, min_size=1, max_size=3).map(lambda keys: f"({' '.join(keys)})"),
    ),
    max_leaves=8,
)


def sets(words: list[str], leaves: dict[str, set[int]]) -> set[int]:
    """The words of one key, taken from the front, as a set; the RFC's rules one message at a time."""
    word = words.pop(0)
    if word == "NOT":
        return {1, 2, 3, 4, 5, 6} - sets(words, leaves)
    if word == "OR":
        return sets(words, leaves) | sets(words, leaves)
    if word == "(":
        result = sets(words, leaves)
        while words[0] != ")":
            result &= sets(words, leaves)
        words.pop(0)
        return result
    while word not in leaves:
        word += " " + words.pop(0)
    return set(leaves[word])


@given(st.lists(TREES, min_size=5, max_size=5))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
async def test_trees_mean_what_they_say(trees: list[str]) -> None:
    """Any nesting of NOT, OR and lists is the set the words describe."""
    async with world() as made:
        await furnished(made)
        client = await logged_in(made, "INBOX")
        leaves: dict[str, set[int]] = {}
        for key in ("SEEN", "FLAGGED", "KEYWORD $Junk", "SINCE 10-May-2020", "LARGER 120", "2:4", "UID 3:*", "BODY needle", "SENTON 11-May-2020", "ALL"):  # fmt: skip
            leaves[key] = set(await found(client, key))
        for tree in trees:
            words = tree.replace("(", "( ").replace(")", " )").split()
            assert set(await found(client, tree)) == sets(words, leaves), tree


@pytest.mark.parametrize(
    "arguments",
    [
        b"", b" ", b" FOO", b" SEEN ", b" SEEN  SEEN", b" ()", b" (SEEN", b" NOT", b" OR SEEN", b" KEYWORD", b" KEYWORD \\Seen", b" LARGER x", b" LARGER -1",
        b" BEFORE x", b" SENTON 32-Jan-2020", b" HEADER a", b' HEADER "" x', b' HEADER "a:" x', b" UID", b" UID x", b" 0", b" 1,", b" CHARSET", b" CHARSET UTF-8",
        b" RETURN", b" RETURN MIN ALL", b" RETURN (FOO) ALL", b" RETURN (MIN", b" RETURN (NOTHING) ALL", b" RETURN ()", b" CHARSET UTF-8 RETURN () ALL",
        b" TEXT {1}\r\n", b" " + b"(" * 40 + b"ALL" + b")" * 40, b" " + b"NOT " * 40 + b"ALL", b" " + b" ".join([b"ALL"] * 2000),
    ],
)  # fmt: skip
def test_not_a_search(arguments: bytes) -> None:
    """What the grammar does not allow is BAD, and so is too deep, too much, and text that is not in the charset."""
    with pytest.raises(Bad):
        parse(Tokens(arguments, [b"\xff"]))


def test_needle_limit() -> None:
    """A search string has a limit, which holds with room what a person types."""
    parse(Tokens(b" TEXT {1}\r\n", [b"x" * limits.SEARCH_NEEDLE]))
    with pytest.raises(Bad):
        parse(Tokens(b" TEXT {1}\r\n", [b"x" * (limits.SEARCH_NEEDLE + 1)]))


@pytest.mark.rfc(
    "9051",
    "6.4.4",
    "If the server does not support the specified [CHARSET], it MUST return a tagged NO response (not a BAD).",
)
@pytest.mark.rfc("9051", "6.4.4", "This response SHOULD contain the BADCHARSET response code,")
@pytest.mark.rfc(
    "3501",
    "6.4.4",
    "If the server does not support the specified [CHARSET], it MUST return a tagged NO response (not a BAD).",
)
@pytest.mark.rfc("3501", "6.4.4", "This response SHOULD contain the BADCHARSET response code,")
async def test_unknown_charset() -> None:
    """A charset that is not known is NO with the list of those that are."""
    async with world() as made:
        client = await logged_in(made, "INBOX")
        lines = await client.command(b"SEARCH CHARSET KOI8-R TEXT {2+}\r\n\xc1\xc2")
        assert lines == [b"t NO [BADCHARSET (US-ASCII UTF-8)] search strings are taken in UTF-8"]


@pytest.mark.rfc(
    "9051",
    "6.4.4",
    "Note that if CHARSET is not provided, IMAP4rev2 servers MUST assume UTF-8,",
)
async def test_utf8_without_charset() -> None:
    """A literal without CHARSET is UTF-8."""
    async with world() as made:
        await furnished(made)
        client = await logged_in(made, "INBOX")
        said = await answer(client, "SEARCH SUBJECT {5+}\r\ngrün".encode())
        assert said.startswith(b"* SEARCH 3\r\n")


@pytest.mark.rfc("3501", "6.4.4", "Responses:  REQUIRED untagged response: SEARCH")
async def test_no_matches_is_an_empty_response() -> None:
    """RFC 3501 clients get `* SEARCH` even when nothing matches, also in an empty mailbox."""
    async with world() as made:
        client = await logged_in(made, "INBOX")
        for criteria in ("ALL", "1:*", "*", "UID 1:*", "TEXT x", "SENTON 1-Jan-2020"):
            assert await found(client, criteria) == []


async def test_rev2_gets_esearch() -> None:
    """After ENABLE IMAP4rev2 every SEARCH is answered with ESEARCH."""
    async with world() as made:
        await furnished(made)
        client = await logged_in(made)
        await client.command("ENABLE IMAP4rev2")
        await client.command("SELECT INBOX")
        client.stream.client_write(b"a1 SEARCH SEEN\r\n")
        assert await client.stream.client_line() == b'* ESEARCH (TAG "a1") ALL 1,4\r\n'
        assert (await client.stream.client_line()).startswith(b"a1 OK")


@pytest.mark.rfc(
    "9051",
    "7.5.1",
    "An EXPUNGE response MUST NOT be sent when no command is in progress, nor while responding to a FETCH, STORE, or SEARCH command.",
)
async def test_untold_and_expunged_messages_are_not_found() -> None:
    """SEARCH finds what the client knows of: nothing that arrived since, nothing that is gone."""
    async with world() as made:
        await furnished(made)
        client = await logged_in(made, "INBOX")
        inbox = await made.mailbox("INBOX")
        await made.store.expunge(inbox.id, [Uid(2)], marked_only=False)
        await made.deliver("INBOX", mail("seven"))
        lines = await client.command("SEARCH ALL")
        assert lines[0] == b"* SEARCH 1 3 4 5 6"
        assert not any(b"EXPUNGE" in line for line in lines)
        assert await found(client, "SUBJECT seven") == [7]


@pytest.mark.rfc("9051", "7.5.1", "An EXPUNGE response MAY be sent during a UID command.")
async def test_uid_search_may_tell_expunges() -> None:
    """UID SEARCH answers with uids and then tells of expunges, which SEARCH may not."""
    async with world() as made:
        await furnished(made)
        client = await logged_in(made, "INBOX")
        inbox = await made.mailbox("INBOX")
        await made.store.expunge(inbox.id, [Uid(2)], marked_only=False)
        lines = await client.command("UID SEARCH UID 3:4")
        assert lines[0] == b"* SEARCH 3 4"
        assert b"* 2 EXPUNGE" in lines


async def test_many_flag_sets() -> None:
    """Flags are found also in a mailbox with more flag sets than an octet numbers."""
    async with world() as made:
        for number in range(300):
            await made.deliver("INBOX", mail("x"), frozenset({f"k{number}"}))
        await made.deliver("INBOX", mail("y"), frozenset({"\\Seen", "k7"}))
        client = await logged_in(made, "INBOX")
        assert await found(client, "KEYWORD K7") == [8, 301]
        assert await found(client, "SEEN") == [301]


async def test_long_responses() -> None:
    """A response of more numbers than one piece holds is one line."""
    async with world() as made:
        inbox = await made.mailbox("INBOX")
        count = limits.NUMBERS_PER_PIECE * 2 + 5
        from postil.ports.store import NewMessage

        writer = made.store.stage(made.account.id, None)
        await writer.write(mail("x"))
        staged = await writer.finish()
        seen = frozenset({"\\Seen"})
        await made.store.append(inbox.id, [NewMessage(staged, seen if n % 2 else frozenset()) for n in range(count)])  # fmt: skip
        client = await logged_in(made, "INBOX")
        assert await found(client, "ALL") == list(range(1, count + 1))
        lines = await client.command("SEARCH RETURN (ALL COUNT) UNSEEN")
        want = b",".join(b"%d" % n for n in range(1, count + 1, 2))
        assert lines[0].endswith(b" COUNT %d ALL %b" % ((count + 1) // 2, want))
        assert len(lines) == 2


@pytest.mark.rfc(
    "9051",
    "6.4.4",
    "strings in [RFC5322]/[MIME-IMB] headers MUST be decoded before comparing text.",
)
@pytest.mark.rfc(
    "3501",
    "6.4.4",
    "[MIME-IMB] content transfer encodings, and [MIME-HDRS] strings in [RFC-2822]/[MIME-IMB] headers, MUST be decoded before comparing text in a [CHARSET] other than US-ASCII.",
)
async def test_decoded_before_it_is_compared() -> None:
    """Encoded words in Subject and names, quoted-printable and base64 in bodies, each in its own charset."""
    async with world() as made:
        for headers, body in (
            (b"Subject: =?iso-8859-1?Q?caf=E9?=\r\nFrom: =?utf-8?B?w4ljb2xl?= <a@b>", b"x"),
            (b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable", b"un caf=E9 no=\r\nir"),
            (b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64", b"Y2Fmw6kgYXUgbGFpdA=="),
            (b"Subject: cafe", b"caf=E9"),
        ):  # fmt: skip
            await made.deliver("INBOX", headers + b"\r\n\r\n" + body)
        client = await logged_in(made, "INBOX")
        for key, found in (
            ("SUBJECT {5+}\r\ncaf\u00e9", b"1"), ("FROM {6+}\r\n\u00e9cole", b"1"), ("BODY {5+}\r\ncaf\u00e9", b"2 3"), ("TEXT {5+}\r\nCAF\u00c9", b"1 2 3"),
            ("BODY noir", b"2"), ("SUBJECT {5+}\r\ncaf=E", b""),
        ):  # fmt: skip
            said = await client.command(f"SEARCH CHARSET UTF-8 {key}")
            assert said[0].removeprefix(b"* SEARCH").strip() == found, key
