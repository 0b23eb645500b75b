"""CREATE, DELETE, RENAME and SUBSCRIBE: what happens to the levels above and below, and to the names."""

from __future__ import annotations

import pytest
from tests.support.imap import Client, logged_in, message, world


async def names(client: Client, pattern: str = "*") -> list[bytes]:
    """What LIST shows."""
    lines = await client.command(f'LIST "" "{pattern}"')
    return [line.rsplit(b" ", 1)[1] for line in lines[:-1]]


@pytest.mark.rfc("9051", "6.3.5", "The DELETE command MUST NOT remove inferior hierarchical names.")
@pytest.mark.rfc("9051", "6.3.5", 'removing "foo" MUST NOT remove "foo.bar".')
@pytest.mark.rfc("3501", "6.3.4", "The DELETE command MUST NOT remove inferior hierarchical names.")
@pytest.mark.rfc(
    "3501",
    "6.3.4",
    'For example, if a mailbox "foo" has an inferior "foo.bar" (assuming "." is the hierarchy delimiter character), removing "foo" MUST NOT remove "foo.bar".',
)
async def test_what_is_below_stays() -> None:
    """With its messages; the name above is no mailbox any more, and cannot be selected."""
    async with world() as made:
        await made.deliver("foo/bar", message(1))
        await made.mailbox("foo")
        client = await logged_in(made)
        assert (await client.command("DELETE foo"))[-1].startswith(b"t OK")
        assert b"foo/bar" in await names(client)
        assert b"* 1 EXISTS" in await client.command("SELECT foo/bar")
        assert (await client.command("SELECT foo"))[-1].startswith(b"t NO")


@pytest.mark.rfc(
    "9051",
    "6.3.4",
    "Server implementations that do not require this declaration MUST ignore the declaration.",
)
@pytest.mark.rfc(
    "3501",
    "6.3.3",
    "Server implementations that do not require this declaration MUST ignore the declaration.",
)
@pytest.mark.rfc(
    "9051",
    "5.1.1",
    "mailbox names MUST be left-to-right hierarchical, using a single ASCII character to separate levels of hierarchy.",
)
@pytest.mark.rfc(
    "9051",
    "7.3.1",
    "All children of a top-level hierarchy node MUST use the same separator character.",
)
@pytest.mark.rfc(
    "9051",
    "7.3.1",
    "The name represents an unambiguous left-to-right hierarchy and MUST be valid for use as a reference in LIST command.",
)
@pytest.mark.rfc(
    "9051",
    "7.3.1",
    "the name MUST also be valid as an argument for commands, such as SELECT, that accept mailbox names.",
)
@pytest.mark.rfc(
    "3501",
    "5.1.1",
    "If it is desired to export hierarchical mailbox names, mailbox names MUST be left-to-right hierarchical using a single character to separate levels of hierarchy.",
)
@pytest.mark.rfc(
    "3501",
    "7.2.2",
    "All children of a top-level hierarchy node MUST use the same separator character.",
)
@pytest.mark.rfc(
    "3501",
    "7.2.2",
    "The name represents an unambiguous left-to-right hierarchy, and MUST be valid for use as a reference in LIST and LSUB commands.",
)
@pytest.mark.rfc(
    "3501",
    "7.2.2",
    "Unless \\Noselect is indicated, the name MUST also be valid as an argument for commands, such as SELECT, that accept mailbox names.",
)
async def test_hierarchy() -> None:
    """A `/` at the end declares nothing new; every name listed can be selected, and is a reference for those below."""
    async with world() as made:
        client = await logged_in(made)
        await client.command("CREATE a/b/c/")
        await client.command('CREATE "a/x y"')
        await client.command('CREATE "a/&AOk-"')
        lines = (await client.command('LIST "" "a*"'))[:-1]
        assert all(b'"/" ' in line for line in lines)
        shown = [line.split(b'"/" ', 1)[1] for line in lines]
        assert shown == [b"a", b"a/b", b"a/b/c", b'"a/x y"', b"a/&AOk-"]
        for name in shown:
            assert (await client.command(b"SELECT " + name))[-1].startswith(b"t OK"), name
            below = await client.command(b"LIST " + name + b' "/%"')
            assert below[-1].startswith(b"t OK")
        assert (await client.command('LIST a/b "/%"'))[0].endswith(b"a/b/c")


@pytest.mark.rfc(
    "9051",
    "6.3.4",
    "the server MUST reject the creation or convert the name to Net-Unicode prior to creating the mailbox.",
)
async def test_net_unicode() -> None:
    """What can be composed is; what is no Unicode or holds controls is refused; LIST shows Net-Unicode, and takes both forms."""
    async with world() as made:
        client = await logged_in(made)
        await client.command("ENABLE IMAP4rev2")
        before = await names(client)
        assert (await client.command('CREATE "cafe\u0301"'))[-1].startswith(b"t OK")
        for bad in (b'"\xed\xa0\x80"', b'"a\xc2\x85b"', b'"a\xe2\x80\xa8b"', b'"\xff"'):
            said = (await client.command(b"CREATE " + bad))[-1]
            assert said.startswith((b"t NO", b"t BAD")), bad
        for pattern in ("caf*", "caf\u00e9", "cafe\u0301"):
            listed = await client.command(f'LIST "" "{pattern}"')
            assert listed[0].endswith('"caf\u00e9"'.encode()), pattern
        assert sorted(await names(client)) == sorted([*before, '"caf\u00e9"'.encode()])


@pytest.mark.rfc(
    "9051",
    "5.1.2",
    "If an INBOX exists for a user, it MUST appear within the user's Personal Namespace.",
)
@pytest.mark.rfc("9051", "6.3.10", "Responses:    REQUIRED untagged responses:  NAMESPACE")
@pytest.mark.rfc("2342", "2", "it MUST appear within the user's personal namespace.")
async def test_inbox_is_personal() -> None:
    """The one namespace has an empty prefix, and INBOX is listed in it."""
    async with world() as made:
        client = await logged_in(made)
        assert (await client.command("NAMESPACE"))[0] == b'* NAMESPACE (("" "/")) NIL NIL'
        assert b"INBOX" in await names(client)


@pytest.mark.rfc(
    "3501",
    "6.3.6",
    "However, it MUST NOT unilaterally remove an existing mailbox name from the subscription list even if a mailbox by that name no longer exists.",
)
@pytest.mark.rfc(
    "3501",
    "6.3.9",
    'A "%" wildcard to LSUB must return foo, not foo/bar, in the LSUB response, and it MUST be flagged with the \\Noselect attribute.',
)
@pytest.mark.rfc(
    "3501",
    "6.3.9",
    "The server MUST NOT unilaterally remove an existing mailbox name from the subscription list even if a mailbox by that name no longer exists.",
)
async def test_subscriptions_outlive_mailboxes() -> None:
    """A deleted mailbox stays subscribed until the client says otherwise; a level that only leads to one is \\Noselect for `%`."""
    async with world() as made:
        client = await logged_in(made)
        for command in (
            "CREATE foo/bar",
            "SUBSCRIBE foo/bar",
            "CREATE gone",
            "SUBSCRIBE gone",
            "DELETE gone",
        ):
            assert (await client.command(command))[-1].startswith(b"t OK"), command
        level = [line for line in await client.command('LSUB "" %') if line.endswith(b" foo")]
        assert level == [b'* LSUB (\\Noselect) "/" foo']
        await client.command("RENAME foo/bar foo/new")
        listed = [line.split()[-1] for line in (await client.command('LSUB "" *'))[:-1]]
        assert {b"gone", b"foo/bar"} <= set(listed)
        await client.command("UNSUBSCRIBE gone")
        assert b"gone" not in [
            line.split()[-1] for line in (await client.command('LSUB "" *'))[:-1]
        ]
