"""LIST: fast on many mailboxes, exact about subscriptions."""

from __future__ import annotations

import time

import pytest
from tests.support.imap import Client, World, logged_in, message, world

from postil.ports.ids import AccountId, MailboxId
from postil.ports.store import Mailbox, NoSuchMailbox, Status


@pytest.mark.rfc(
    "9051", "6.3.9", "The LIST command SHOULD return its data quickly, without undue delay."
)
async def test_many_mailboxes() -> None:
    """10,000 mailboxes are listed in well under two seconds, one line each."""
    async with world() as made:
        account = made.account.id
        boxes = [
            Mailbox(MailboxId(number), account, f"L{number % 50}/box{number}", 1, f"F{number}")
            for number in range(10_000)
        ]

        async def many(_: AccountId) -> list[Mailbox]:
            return boxes

        made.store.mailboxes = many  # type: ignore[method-assign, assignment]
        client = await logged_in(made)
        start = time.process_time()
        answer = await client.command('LIST "" "*x*" RETURN (SUBSCRIBED CHILDREN)')
        assert time.process_time() - start < 2.0
        assert len({line.rsplit(b" ", 1)[1] for line in answer[:-1]}) == len(answer) - 1 == 10_000


@pytest.mark.rfc(
    "9051",
    "6.3.9",
    "A server MUST respond to options it does not recognize with a BAD response.",
)
@pytest.mark.parametrize(
    "command", ['LIST (NEW) "" *', 'LIST "" * RETURN (NEW)', 'LIST "" * RETURN (STATUS)']
)
async def test_unknown_options(command: str) -> None:
    """An option that is not known, or lacks its argument, is BAD."""
    async with world() as made:
        client = await logged_in(made)
        assert (await client.command(command))[-1].startswith(b"t BAD")


@pytest.mark.rfc(
    "9051",
    "6.3.9",
    "if the client does this, the server MUST act as if it received the option only once.",
)
async def test_options_twice() -> None:
    """An option given twice counts once."""
    async with world() as made:
        client = await logged_in(made)
        once = await client.command('LIST (SUBSCRIBED) "" * RETURN (STATUS (MESSAGES))')
        twice = await client.command(
            'LIST (SUBSCRIBED SUBSCRIBED) "" * RETURN (STATUS (MESSAGES) STATUS (MESSAGES))'
        )
        assert once == twice


@pytest.mark.rfc(
    "9051",
    "6.3.9.1",
    "The RECURSIVEMATCH option MUST NOT occur as the only selection option (or only with REMOTE)",
)
@pytest.mark.rfc("9051", "6.3.9.1", "The server MUST return a BAD tagged response in such case.")
@pytest.mark.parametrize("options", ["RECURSIVEMATCH", "RECURSIVEMATCH REMOTE"])
@pytest.mark.rfc(
    "5258",
    "3.1",
    "The RECURSIVEMATCH option MUST NOT occur as the only selection option (or only with REMOTE), as it only makes sense when other selection options are also used.",
)
async def test_recursivematch_alone(options: str) -> None:
    """RECURSIVEMATCH without something to match is BAD."""
    async with world() as made:
        client = await logged_in(made)
        assert (await client.command(f'LIST ({options}) "" *'))[-1].startswith(b"t BAD")


@pytest.mark.rfc(
    "9051",
    "6.3.9",
    "Any syntactically valid pattern that is not accepted by a server for any reason MUST be silently ignored",
)
@pytest.mark.parametrize("pattern", ['"&AOQ*"', "*a" * 40, '"//"'])
@pytest.mark.rfc(
    "5258", "3", "If a server doesn't accept a particular pattern, it MUST silently ignore it."
)
async def test_useless_patterns(pattern: str) -> None:
    """A pattern we cannot use lists nothing and is no error."""
    async with world() as made:
        client = await logged_in(made)
        assert await client.command(f'LIST "" {pattern}') == [b"t OK LIST completed"]


@pytest.mark.rfc(
    "9051",
    "6.3.9.1",
    "In any case, the list MUST include exactly those mailbox names that match the canonical list pattern and are subscribed to.",
)
async def test_subscribed_exactly() -> None:
    """Subscribed names that do not exist are listed, names not subscribed are not."""
    async with world() as made:
        client = await logged_in(made)
        await made.mailbox("Q/kept")
        for command in ("SUBSCRIBE Q/gone", "SUBSCRIBE Q/kept", "CREATE Q/other"):
            await client.command(command)
        answer = await client.command('LIST (SUBSCRIBED) "" Q/*')
        assert [line.rsplit(b" ", 1)[1] for line in answer[:-1]] == [b"Q/gone", b"Q/kept"]


async def _tree(made: World) -> Client:
    """Mailboxes at three levels, subscribed here and there, one subscription without a mailbox."""
    client = await logged_in(made)
    for name in ("T/a/x", "T/b", "U/gone/deep", "U/kept"):
        await client.command(f"CREATE {name}")
    await client.command("DELETE U/gone/deep")
    await client.command("DELETE U/gone")
    for name in ("T/a/x", "T/nowhere", "U/kept", "U/gone/deep"):
        await client.command(f"SUBSCRIBE {name}")
    return client


def _names(lines: list[bytes]) -> list[str]:
    return [line.split(b'"/" ')[1].split(b" (")[0].decode() for line in lines if b"LIST" in line]


@pytest.mark.rfc(
    "9051", "6.3.9", "The returned mailbox names MUST match the supplied mailbox name pattern(s)."
)
@pytest.mark.rfc(
    "9051",
    "6.3.9",
    "Return options MUST NOT cause the server to report information about additional mailbox names other than those that match the canonical LIST patterns and selection options.",
)
@pytest.mark.parametrize(
    ("arguments", "want"),
    [
        ('"" T/%', ["T/a", "T/b"]), ('"" T/*', ["T/a", "T/a/x", "T/b"]), ('"" (T/b U/%)', ["T/b", "U/kept"]), ('T/ %', ["T/a", "T/b"]),
        ('"" T*b', ["T/b"]), ('"" t/%', []), ('"" T', ["T"]), ('(SUBSCRIBED) "" T/*', ["T/a/x", "T/nowhere"]), ('"" (T/b T/% T/b)', ["T/a", "T/b"]),
    ],
)  # fmt: skip
@pytest.mark.rfc(
    "3501", "6.3.8", "The returned mailbox names MUST match the supplied mailbox name pattern."
)
@pytest.mark.rfc(
    "5258",
    "3",
    "Note that return options MUST NOT cause the server to report information about additional mailbox names.",
)
async def test_what_is_listed(arguments: str, want: list[str]) -> None:
    """Exactly what the patterns and selection options say, with and without every return option."""
    async with world() as made:
        client = await _tree(made)
        for returns in ("", " RETURN (SUBSCRIBED CHILDREN SPECIAL-USE STATUS (MESSAGES))"):
            said = await client.command(f"LIST {arguments}{returns}")
            assert said[-1].startswith(b"t OK")
            assert sorted(_names([one for one in said if one.startswith(b"* LIST")])) == want


@pytest.mark.rfc("9051", "6.3.9", "Initial options defined in this document MUST be supported.")
@pytest.mark.rfc("9051", "6.3.9.1", 'The "\\Subscribed" attribute MUST')
@pytest.mark.rfc(
    "9051",
    "6.3.9.1",
    "be supported and MUST be accurately computed when the SUBSCRIBED selection option is specified.",
)
@pytest.mark.rfc(
    "9051",
    "6.3.9.1",
    'The "\\Remote" attribute MUST be accurately computed when the REMOTE option is specified.',
)
@pytest.mark.rfc("9051", "6.3.9.2", 'The "\\Subscribed" attribute MUST')
@pytest.mark.rfc(
    "9051",
    "6.3.9.2",
    "be supported and MUST be accurately computed when the SUBSCRIBED return option is specified.",
)
@pytest.mark.rfc(
    "9051", "6.3.9.2", "Furthermore, all other mailbox attributes MUST be accurately computed"
)
@pytest.mark.rfc(
    "9051",
    "6.3.9.5",
    "The CHILDREN return option defines two new attributes that MUST be returned within a LIST response: \\HasChildren and \\HasNoChildren.",
)
@pytest.mark.rfc(
    "9051",
    "6.3.9.5",
    "If the CHILDREN return option is present, the server MUST return these attributes even if their computation is expensive.",
)
@pytest.mark.rfc("5258", "3", 'The "\\NonExistent" attribute MUST')
@pytest.mark.rfc("5258", "3", "be supported and MUST be accurately computed.")
@pytest.mark.rfc("5258", "3.1", 'The "\\Subscribed" attribute MUST')
@pytest.mark.rfc(
    "5258",
    "3.1",
    "be supported and MUST be accurately computed when the SUBSCRIBED selection option is specified.",
)
@pytest.mark.rfc(
    "5258",
    "3.1",
    'The "\\Remote" attribute MUST be accurately computed when the REMOTE option is specified.',
)
@pytest.mark.rfc("5258", "3.2", 'The "\\Subscribed" attribute MUST')
@pytest.mark.rfc(
    "5258",
    "3.2",
    "be supported and MUST be accurately computed when the SUBSCRIBED return option is specified.",
)
@pytest.mark.rfc(
    "5258",
    "3.2",
    "Further, all mailbox flags MUST be accurately computed (this differs from the behavior of the LSUB command).",
)
@pytest.mark.rfc("5258", "3.2", "This option MUST be supported by all servers.")
@pytest.mark.rfc(
    "5258",
    "4",
    "The CHILDREN return option defines two new attributes that MUST be returned within a LIST response: \\HasChildren and \\HasNoChildren.",
)
@pytest.mark.rfc(
    "5258",
    "4",
    "If the CHILDREN return option is present, the server MUST return these attributes even if their computation is expensive.",
)
async def test_attributes() -> None:
    """\\Subscribed where it is, \\NonExistent where no mailbox is, children as they are, and nothing is \\Remote."""
    async with world() as made:
        client = await _tree(made)
        plain = (await client.command('LIST (SUBSCRIBED REMOTE) "" (T/* U/*)'))[:-1]
        assert plain == [
            b'* LIST (\\Subscribed \\HasNoChildren) "/" T/a/x',
            b'* LIST (\\NonExistent \\Subscribed \\HasNoChildren) "/" T/nowhere',
            b'* LIST (\\NonExistent \\Subscribed \\HasNoChildren) "/" U/gone/deep',
            b'* LIST (\\Subscribed \\HasNoChildren) "/" U/kept',
        ]
        returned = (await client.command('LIST "" (T T/* U*) RETURN (SUBSCRIBED CHILDREN)'))[:-1]
        assert returned == [
            b'* LIST (\\HasChildren) "/" T',
            b'* LIST (\\HasChildren) "/" T/a',
            b'* LIST (\\Subscribed \\HasNoChildren) "/" T/a/x',
            b'* LIST (\\HasNoChildren) "/" T/b',
            b'* LIST (\\HasChildren) "/" U',
            b'* LIST (\\Subscribed \\HasNoChildren) "/" U/kept',
        ]
        await client.command("UNSUBSCRIBE U/kept")
        await client.command("DELETE T/a/x")
        again = await client.command('LIST "" (T/a U/kept) RETURN (SUBSCRIBED CHILDREN)')
        assert again[:-1] == [
            b'* LIST (\\HasNoChildren) "/" T/a',
            b'* LIST (\\HasNoChildren) "/" U/kept',
        ]


@pytest.mark.rfc(
    "9051",
    "6.3.9.6",
    "The CHILDINFO extended data item MUST NOT be returned unless the client has specified the RECURSIVEMATCH selection option.",
)
@pytest.mark.rfc(
    "5258",
    "3",
    "The server MUST NOT return any extended data item unless the client has expressed its ability to support extended LIST responses, for example, by using an extended LIST command.",
)
@pytest.mark.rfc(
    "5258",
    "3.5",
    "The CHILDINFO extended data item MUST NOT be returned unless the client has specified the RECURSIVEMATCH selection option.",
)
@pytest.mark.rfc(
    "5258",
    "3.5",
    'The LSUB command indicates this condition by using the "\\NoSelect" attribute, but the LIST (SUBSCRIBED) command MUST NOT do that, since "\\NoSelect" retains its original meaning here.',
)
async def test_childinfo_only_when_asked() -> None:
    """With RECURSIVEMATCH the level above a subscription says so; without, no line has extended data."""
    async with world() as made:
        client = await _tree(made)
        with_it = await client.command('LIST (SUBSCRIBED RECURSIVEMATCH) "" T/%')
        assert b'* LIST (\\HasChildren) "/" T/a ("CHILDINFO" ("SUBSCRIBED"))' in with_it
        for command in (
            'LIST "" *', 'LIST (SUBSCRIBED) "" *', 'LIST "" % RETURN (SUBSCRIBED CHILDREN)', 'LIST (SPECIAL-USE) "" *', 'LSUB "" %',
        ):  # fmt: skip
            assert not [one for one in await client.command(command) if b"CHILDINFO" in one], (
                command
            )


@pytest.mark.rfc(
    "9051",
    "6.3.9.2",
    "the server MUST return an untagged LIST response followed by an untagged STATUS response containing the information requested in the STATUS return option,",
)
async def test_status_of_each() -> None:
    """Behind its LIST line, and none for what is no mailbox."""
    async with world() as made:
        client = await _tree(made)
        await made.deliver("T/b", message(1))
        said = await client.command('LIST "" (T/* U/gone*) RETURN (STATUS (MESSAGES UIDNEXT))')
        assert [one for one in said if b" T/b" in one] == [
            b'* LIST (\\HasNoChildren) "/" T/b',
            b"* STATUS T/b (MESSAGES 1 UIDNEXT 2)",
        ]
        kinds = [one.split()[1] for one in said[:-1]]
        assert kinds == [b"LIST", b"STATUS"] * 3
        subscribed = await client.command('LIST (SUBSCRIBED) "" T/* RETURN (STATUS (MESSAGES))')
        assert [one.split()[1] for one in subscribed[:-1]] == [b"LIST", b"STATUS", b"LIST"]


@pytest.mark.rfc(
    "9051",
    "6.3.9.2",
    "If an attempted STATUS for a listed mailbox fails because the mailbox can't be selected",
)
@pytest.mark.rfc("9051", "6.3.9.2", "and the LIST response MUST include the \\NoSelect attribute.")
async def test_mailboxes_that_go_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deleted after the tree was read and before their STATUS: \\Noselect, and no STATUS; the others have theirs."""
    async with world() as made:
        client = await _tree(made)
        gone = {(await made.mailbox(name)).id for name in ("T/a", "T/b")}
        await made.mailbox("T/c")
        status = made.store.status

        async def racing(mailbox: MailboxId) -> Status:
            if mailbox in gone:
                raise NoSuchMailbox("deleted meanwhile")
            return await status(mailbox)

        monkeypatch.setattr(made.store, "status", racing)
        said = await client.command('LIST "" T/% RETURN (STATUS (MESSAGES))')
        assert said == [
            b'* LIST (\\Noselect \\HasChildren) "/" T/a',
            b'* LIST (\\Noselect \\HasNoChildren) "/" T/b',
            b'* LIST (\\HasNoChildren) "/" T/c',
            b"* STATUS T/c (MESSAGES 0)",
            b"t OK LIST completed",
        ]


@pytest.mark.rfc(
    "5258",
    "3",
    "However, ANY extended LIST command (extended in any of 3 ways specified in Section 1, or any combination thereof) MUST NOT treat the empty mailbox name as such a special request, and any regular processing described in this document applies.",
)
@pytest.mark.rfc(
    "5258",
    "3",
    "In particular, if an extended LIST command has multiple mailbox names and one (or more) of them is the empty string, the empty string MUST be ignored for the purpose of matching.",
)
async def test_the_empty_name() -> None:
    """Alone in a plain LIST it asks for the delimiter; in any extended LIST it is a pattern that matches nothing."""
    async with world() as made:
        client = await _tree(made)
        assert (await client.command('LIST "" ""'))[:-1] == [b'* LIST (\\Noselect) "/" ""']
        for command in ('LIST "" "" RETURN (CHILDREN)', 'LIST (SUBSCRIBED) "" ""', 'LIST "" ("")'):
            assert (await client.command(command)) == [b"t OK LIST completed"], command
        for command in ('LIST "" ("" T/b)', 'LIST "" (T/b "") RETURN (CHILDREN)'):
            assert _names((await client.command(command))[:-1]) == ["T/b"], command


@pytest.mark.rfc(
    "5258",
    "3",
    "When multiple selection options are specified, the server MUST return information about mailbox names that satisfy every selection option, unless a description of a particular specified option prescribes special rules.",
)
async def test_every_selection_option_counts() -> None:
    """SUBSCRIBED and SPECIAL-USE together: names that are both."""
    async with world() as made:
        client = await _tree(made)
        for command in (
            "CREATE S/one (USE (\\Junk))",
            "CREATE S/two (USE (\\Sent))",
            "SUBSCRIBE S/two",
        ):
            await client.command(command)
        said = await client.command('LIST (SUBSCRIBED SPECIAL-USE) "" (S/* T/*)')
        assert _names(said[:-1]) == ["S/two"]
