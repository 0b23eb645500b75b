"""Mailbox names: which are taken, and how they travel."""

from __future__ import annotations

import pytest
from tests.support.imap import logged_in, world

from postil.imap import limits, names
from postil.imap.errors import Bad, No


@pytest.mark.parametrize("wire", [b"inbox", b"INBOX", b"iNbOx"])
@pytest.mark.rfc(
    "9051", "5.1", "The case-insensitive mailbox name INBOX is a special name reserved to mean"
)
def test_inbox_in_any_case(wire: bytes) -> None:
    """INBOX is INBOX however it is spelled."""
    assert names.read(wire, utf8=False) == "INBOX"


def test_inbox_above_others() -> None:
    """The level INBOX is one level, however it is spelled."""
    assert names.read(b"inbox/Work", utf8=False) == "INBOX/Work"
    assert names.read(b"inboxes", utf8=False) == "inboxes"


@pytest.mark.rfc(
    "9051",
    "5.1",
    "Servers that choose to accept such denormalized UTF-8 mailbox names MUST accept them in all IMAP commands that have a mailbox name parameter.",
)
def test_denormalized_names_become_nfc() -> None:
    """One mailbox has one name, in NFC."""
    assert names.read("Cafe\u0301".encode(), utf8=True) == "Café"
    assert names.read(b"Cafe&AwE-", utf8=False) == "Café"


@pytest.mark.rfc(
    "9051",
    "A",
    "Servers advertising both IMAP4rev1 and IMAP4rev2 MUST NOT generate UTF-8-quoted strings unless the client has issued 'ENABLE IMAP4rev2'.",
)
def test_writing_depends_on_enable() -> None:
    """A name is modified UTF-7 for those who enabled nothing."""
    assert names.write("pää", utf8=False) == b"p&AOQA5A-"
    assert names.write("pää", utf8=True) == '"pää"'.encode()


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("a b", b'"a b"'),
        ("nil", b'"nil"'),
        ('a"b\\c', b'"a\\"b\\\\c"'),
        ("", b'""'),
        ("a%", b'"a%"'),
    ],
)
def test_quoting(name: str, wire: bytes) -> None:
    """What is no atom is quoted, and NIL is never a name by accident."""
    assert names.write(name, utf8=False) == wire


@pytest.mark.rfc(
    "9051",
    "5.1",
    "Server implementations MUST prohibit the creation of 8-bit mailbox names that do not comply with Net-Unicode.",
)
@pytest.mark.parametrize("name", ["a\x85b", "a\u2028b", "\ufeffa", "a\U000e0080", "a\u0378b"])
def test_not_net_unicode(name: str) -> None:
    """C1 controls, separators, byte order marks and unassigned characters are refused, letters are not."""
    names.check_new("aäб漢")
    with pytest.raises(No) as caught:
        names.check_new(name)
    assert caught.value.code == "CANNOT"


@pytest.mark.rfc(
    "9051", "5.1", "Servers MAY refuse to create mailbox names containing Unicode CTL characters."
)
@pytest.mark.parametrize("name", ["a\tb", "a\x7fb", "a\x00b"])
def test_control_characters(name: str) -> None:
    """No mailbox can have a name that no screen can show; any other can."""
    names.check_new("aäб漢")
    with pytest.raises(No):
        names.check_new(name)


@pytest.mark.parametrize(
    "name",
    [
        "a" * (limits.LEVEL_OCTETS + 1),
        "/".join(["a"] * (limits.LEVELS + 1)),
        "/".join(["a" * 200] * 6),
    ],
)
def test_limits(name: str) -> None:
    """Names beyond a limit are refused as such."""
    with pytest.raises(No) as caught:
        names.check_new(name)
    assert caught.value.code == "LIMIT"


@pytest.mark.parametrize("wire", [b"R&D", b"&AGE-", b"a&Jjo!", b"\xff"])
@pytest.mark.rfc(
    "3501",
    "5.1.3",
    "Modified BASE64 MUST NOT be used to represent any printing US-ASCII character which can represent itself.",
)
@pytest.mark.rfc(
    "9051",
    "A.1",
    "Modified base64 MUST NOT be used to represent any printing of a US-ASCII character that can represent itself.",
)
def test_broken_modified_utf7(wire: bytes) -> None:
    """Another spelling of a name is no name, so two spellings never mean one mailbox."""
    with pytest.raises(No):
        names.read(wire, utf8=False)


def test_broken_utf8() -> None:
    """Octets that are no UTF-8 are a protocol error once UTF-8 was agreed."""
    with pytest.raises(Bad):
        names.read(b"a\xff", utf8=True)


@pytest.mark.rfc("9051", "A.1", "However, all names start in US-ASCII and MUST end in US-ASCII;")
@pytest.mark.rfc(
    "9051",
    "A.1",
    'that is, a name that ends with a non-ASCII ISO-10646 character MUST end with a "-".',
)
@pytest.mark.rfc(
    "9051",
    "A.1",
    'MUST convert any mailbox name that contains either non-ASCII characters or the "&" character to modified UTF-7.',
)
@pytest.mark.rfc(
    "9051",
    "A.1",
    "server implementations MUST preserve the exact form of the modified base64 portion of a modified UTF-7 name and treat that text as case sensitive, even if names are otherwise case insensitive or case folded.",
)
@pytest.mark.rfc("3501", "5.1.3", "However, all names start in US-ASCII, and MUST end in US-ASCII;")
@pytest.mark.rfc(
    "3501",
    "5.1.3",
    'that is, a name that ends with a non-ASCII ISO-10646 character MUST end with a "-").',
)
@pytest.mark.rfc(
    "3501",
    "5.1.3",
    "In particular, server implementations MUST preserve the exact form of the modified BASE64 portion of a modified UTF-7 name and treat that text as case-sensitive, even if names are otherwise case-insensitive or case-folded.",
)
@pytest.mark.rfc(
    "3501",
    "5.1.3",
    'Server implementations which export a mail store that does not follow the modified UTF-7 convention MUST convert to modified UTF-7 any mailbox name that contains either non-ASCII characters or the "&" character.',
)
async def test_modified_utf7_there_and_back() -> None:
    """A name made by either kind of client is listed to the other in its spelling; capitals of the base64 matter."""
    async with world() as made:
        old, new = await logged_in(made), await logged_in(made)
        await new.command("ENABLE IMAP4rev2")
        for name, wire in (
            ("caf\u00e9", b"caf&AOk-"), ("a&b", b"a&-b"), ("\u65e5\u672c\u8a9e", b"&ZeVnLIqe-"), ("x\u00e9y\U0001f600", b"x&AOk-y&2D3eAA-"),
        ):  # fmt: skip
            for client, spelled in ((old, wire), (new, f'"{name}"'.encode())):
                assert (await client.command(b"CREATE " + spelled))[-1].startswith(b"t OK")
                assert (await old.command(b'LIST "" ' + wire))[0].endswith(b'"/" ' + wire)
                shown = (await new.command(f'LIST "" "{name}"'))[0]
                assert shown.endswith(name.encode() if name == "a&b" else f'"{name}"'.encode())
                assert (await old.command(b"DELETE " + wire))[-1].startswith(b"t OK")
        assert (await old.command("CREATE &AOk-"))[-1].startswith(b"t OK")
        assert (await old.command("STATUS &aOK- (MESSAGES)"))[-1].startswith(b"t NO")
