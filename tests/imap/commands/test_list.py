"""LIST: fast on many mailboxes, exact about subscriptions."""

from __future__ import annotations

import time

import pytest
from tests.support.imap import logged_in, world

from postil.ports.ids import AccountId, MailboxId
from postil.ports.store import Mailbox


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
@pytest.mark.parametrize("options", ["RECURSIVEMATCH", "RECURSIVEMATCH REMOTE"])
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
