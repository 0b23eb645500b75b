"""Sentences of the small extensions of IMAP that are announced, one by one, each against a session."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode

import pytest
from tests.support.imap import Client, World, logged_in, message, world

from postil.ports import store as ports
from postil.ports.ids import MailboxId
from postil.sasl import plain

RIGHT = b64encode(b"\0user\0secret").decode("ascii")


async def stranger(made: World) -> Client:
    """A client before login."""
    client = Client(await made.connect())
    await client.greeting()
    return client


async def names(made: World, client: Client) -> list[bytes]:
    """The capabilities this client is shown."""
    return (await client.command("CAPABILITY"))[0].split()[2:]


# --- RFC 2177, IDLE


@pytest.mark.rfc(
    "2177",
    "3",
    "and then MUST immediately send the tagged response to the IDLE command and prepare to process other commands.",
)
@pytest.mark.parametrize("word", ["DONE", "done"])
async def test_done_ends_idle(word: str) -> None:
    """DONE is answered with the tagged OK and nothing else, and the next command is understood."""
    async with world() as made:
        client = await logged_in(made, "INBOX")
        client.stream.client_write(b"a IDLE\r\n")
        assert (await client.stream.client_line()).startswith(b"+ ")
        client.stream.client_write(word.encode() + b"\r\n")
        assert await client.until(b"a") == [b"t OK IDLE terminated"]
        assert (await client.command("NOOP"))[-1].startswith(b"t OK")


@pytest.mark.rfc(
    "2177", "3", "At that point, the server MAY send any remaining queued untagged responses"
)
async def test_news_between_idle_and_done() -> None:
    """What happened while DONE was on its way is told at the latest with the tagged line."""
    async with world() as made:
        client = await logged_in(made, "INBOX")
        client.stream.client_write(b"a IDLE\r\n")
        await client.stream.client_line()
        client.stream.client_write(b"DONE\r\n")
        await made.deliver("INBOX", message(1))
        assert (await client.until(b"a"))[0] == b"* 1 EXISTS"


# --- RFC 2342, NAMESPACE


@pytest.mark.rfc(
    "2342",
    "4",
    "IMAP4 servers that support this extension MUST list the keyword NAMESPACE in their CAPABILITY response.",
)
async def test_namespace_is_announced() -> None:
    """NAMESPACE is in CAPABILITY, and switched off it is neither there nor a command."""
    async with world() as made:
        client = await logged_in(made)
        assert b"NAMESPACE" in await names(made, client)
        assert (await client.command("NAMESPACE"))[-1].startswith(b"t OK")
        made.directory.off[made.account.id] = frozenset({"NAMESPACE"})
        client = await logged_in(made)
        assert b"NAMESPACE" not in await names(made, client)
        assert (await client.command("NAMESPACE"))[-1].startswith(b"t BAD")


@pytest.mark.rfc(
    "2342",
    "2",
    "If an INBOX exists for a user, it MUST appear within the user's personal namespace.",
)
@pytest.mark.rfc(
    "2342", "2", "In the typical case, there SHOULD be only one Personal Namespace on a server."
)
async def test_inbox_is_in_the_personal_namespace() -> None:
    """The one personal namespace has an empty prefix, and INBOX is listed under it."""
    async with world() as made:
        client = await logged_in(made)
        answer = await client.command("NAMESPACE")
        assert answer[0] == b'* NAMESPACE (("" "/")) NIL NIL'
        assert b'* LIST (\\HasNoChildren) "/" INBOX' in await client.command('LIST "" *')


@pytest.mark.rfc(
    "2342",
    "2",
    "To access mailboxes in the Other Users' Namespace, the currently authenticated user MUST be explicitly granted access rights.",
)
async def test_mailboxes_of_others_are_out_of_reach() -> None:
    """Nothing of another account can be named, listed or opened."""
    async with world() as made:
        other = made.directory.accounts["other"]
        await made.store.create(other.id, "Private")
        client = await logged_in(made)
        for command in ("SELECT Private", "STATUS Private (MESSAGES)", "SELECT other/Private"):
            assert (await client.command(command))[-1].startswith(b"t NO [NONEXISTENT]")
        for pattern in ("*", "other/*", "~other/*", "#user/*"):
            assert b"Private" not in b"".join(await client.command(f'LIST "" {pattern}'))


# --- RFC 3691, UNSELECT


@pytest.mark.rfc(
    "3691", "4", "Implementations MUST accept these strings in a case-insensitive fashion."
)
@pytest.mark.parametrize("spelling", ["UNSELECT", "unselect", "uNsElEcT"])
async def test_unselect_in_any_case(spelling: str) -> None:
    """UNSELECT leaves the mailbox without an expunge, however it is spelled."""
    async with world() as made:
        await made.deliver("INBOX", message(1), frozenset({"\\Deleted"}))
        client = await logged_in(made, "INBOX")
        assert await client.command(spelling) == [b"t OK UNSELECT completed"]
        assert (await client.command("CHECK"))[-1].startswith(b"t BAD")
        assert b"* STATUS INBOX (MESSAGES 1)" in await client.command("STATUS INBOX (MESSAGES)")


# --- RFC 4959, SASL-IR


@pytest.mark.rfc("4959", "3", "It also MUST be transmitted outside of a quoted string or literal.")
async def test_initial_response_is_no_string() -> None:
    """A quoted initial response is BAD, the same octets without quotes are a login."""
    async with world() as made:
        client = await stranger(made)
        assert (await client.command(f'AUTHENTICATE PLAIN "{RIGHT}"'))[-1].startswith(b"t BAD")
        client.stream.client_write(
            b"a AUTHENTICATE PLAIN {%d+}\r\n%b\r\n" % (len(RIGHT), RIGHT.encode())
        )
        assert (await client.until(b"a"))[-1].startswith(b"t BAD")
        assert (await client.command(f"AUTHENTICATE PLAIN {RIGHT}"))[-1].startswith(b"t OK")


@pytest.mark.rfc(
    "4959",
    "3",
    "this initial client response MUST be encoded as defined in Section 4 of [RFC4648].",
)
async def test_only_the_base64_of_section_4() -> None:
    """The alphabet for URLs is BAD where the ordinary one is read."""
    message_ = b"\0user\0" + "ÿÿþ?".encode()
    ordinary, other = b64encode(message_).decode(), urlsafe_b64encode(message_).decode()
    assert ordinary != other
    async with world() as made:
        client = await stranger(made)
        answer = await client.command(f"AUTHENTICATE PLAIN {ordinary}")
        assert answer[-1].startswith(b"t NO [AUTHENTICATIONFAILED]")
        assert (await client.command(f"AUTHENTICATE PLAIN {other}"))[-1].startswith(b"t BAD")


@pytest.mark.rfc(
    "4959",
    "3",
    'To send a zero-length initial response, the client MUST send a single pad character ("=").',
)
async def test_one_pad_character_is_an_empty_response() -> None:
    """ "=" is an empty message, which PLAIN refuses; it is not asked for again and not bad base64."""
    async with world() as made:
        client = await stranger(made)
        answer = await client.command("AUTHENTICATE PLAIN =")
        assert len(answer) == 1
        assert answer[0].startswith(b"t NO [AUTHENTICATIONFAILED] Malformed message of PLAIN")


@pytest.mark.rfc(
    "4959",
    "3",
    "When decoding the BASE64 [RFC4648] data in the initial client response, decoding errors MUST be treated as IMAP [RFC3501] would handle them in any normal SASL client response.",
)
@pytest.mark.parametrize("broken", ["=AAA", "AAA=BBB", "A", "!!!!", "AAAA=", "AA=A"])
async def test_broken_base64_is_the_same_in_both_places(broken: str) -> None:
    """BAD, with the initial response as behind the continuation."""
    async with world() as made:
        client = await stranger(made)
        with_command = await client.command(f"AUTHENTICATE PLAIN {broken}")
        client.stream.client_write(b"a AUTHENTICATE PLAIN\r\n")
        assert await client.stream.client_line() == b"+ \r\n"
        client.stream.client_write(broken.encode() + b"\r\n")
        assert await client.until(b"a") == with_command == [b"t BAD Not base64"]


@pytest.mark.rfc(
    "4959",
    "3",
    "Servers that implement this extension MUST support clients that omit the initial client response,",
)
@pytest.mark.rfc(
    "4959",
    "4",
    "Note that even when a server supports this extension, the following negotiation (which does not use the initial response) is still valid and MUST be supported by the server:",
)
@pytest.mark.rfc(
    "4959",
    "6",
    "Server implementations MUST treat the omission of an initial client response from the AUTHENTICATE command as defined by [RFC3501] (as if this extension did not exist).",
)
async def test_without_an_initial_response() -> None:
    """An empty challenge asks for the response, and the login works; SASL-IR is announced all the while."""
    async with world() as made:
        client = await stranger(made)
        assert b"SASL-IR" in await names(made, client)
        client.stream.client_write(b"a AUTHENTICATE PLAIN\r\n")
        assert await client.stream.client_line() == b"+ \r\n"
        client.stream.client_write(RIGHT.encode() + b"\r\n")
        assert (await client.until(b"a"))[-1].startswith(b"t OK")


@pytest.mark.rfc(
    "4959",
    "6",
    "Such implementations MUST be aware that the addition of the initial response parameter to AUTHENTICATE may increase the maximum line length that IMAP parsers may expect to support.",
)
@pytest.mark.rfc(
    "4959",
    "6",
    "Server implementations MUST be able to receive the largest possible initial client response that their supported mechanisms might receive.",
)
async def test_the_longest_initial_response() -> None:
    """Three fields as long as PLAIN takes them arrive whole and are a wrong password, not a long line."""
    longest = b"\0".join([b"x" * plain.LONGEST] * 3)
    async with world() as made:
        client = await stranger(made)
        answer = await client.command(f"AUTHENTICATE PLAIN {b64encode(longest).decode()}")
        assert answer[-1] == b"t NO [AUTHENTICATIONFAILED] Wrong name or password"


# --- RFC 5161, ENABLE


@pytest.mark.rfc(
    "5161",
    "3.1",
    "If the argument is not an extension known to the server, the server MUST ignore the argument.",
)
@pytest.mark.rfc(
    "5161",
    "3.1",
    "If the argument is an extension known to the server, and it is not specifically permitted to be enabled using ENABLE, the server MUST ignore the argument.",
)
async def test_enable_ignores_the_rest() -> None:
    """Unknown names, and known ones that need no ENABLE, are left out; the others take effect."""
    async with world() as made:
        client = await logged_in(made)
        answer = await client.command("ENABLE X-NEVER-HEARD MOVE IMAP4rev2 IDLE")
        assert answer == [b"* ENABLED IMAP4rev2", b"t OK ENABLE completed"]
        assert made.sessions[-1].enabled == {"IMAP4REV2"}


@pytest.mark.rfc(
    "5161",
    "3.1",
    "If the argument is an extension that is supported by the server and that needs to be enabled, the server MUST enable the extension for the duration of the connection.",
)
async def test_enabled_for_the_connection() -> None:
    """After ENABLE IMAP4rev2 every later SELECT speaks it, whatever came between; a new connection does not."""
    async with world() as made:
        client = await logged_in(made)
        await client.command("ENABLE IMAP4rev2")
        for command in ("SELECT INBOX", "UNSELECT", "NONSENSE", "ENABLE X", "SELECT INBOX"):
            answer = await client.command(command)
        assert not any(line.endswith(b" RECENT") for line in answer)
        assert any(line.startswith(b"* LIST") for line in answer)
        answer = await (await logged_in(made)).command("SELECT INBOX")
        assert any(line.endswith(b" RECENT") for line in answer)


@pytest.mark.rfc(
    "5161",
    "3.1",
    "If the ENABLE command is successful, the server MUST send an untagged ENABLED response (see Section 3.2).",
)
@pytest.mark.parametrize("wanted", ["IMAP4rev2", "X-NEVER-HEARD"])
async def test_enabled_is_always_sent(wanted: str) -> None:
    """ENABLED comes before the OK, also when there was nothing to enable."""
    async with world() as made:
        client = await logged_in(made)
        answer = await client.command(f"ENABLE {wanted}")
        assert len(answer) == 2
        assert answer[0].startswith(b"* ENABLED")


@pytest.mark.rfc(
    "5161",
    "3.1",
    "The server MUST NOT change the CAPABILITY list as a result of executing ENABLE;",
)
async def test_enable_changes_no_capability() -> None:
    """The list is the same before and after."""
    async with world() as made:
        client = await logged_in(made)
        before = await names(made, client)
        await client.command("ENABLE IMAP4rev2")
        assert await names(made, client) == before


@pytest.mark.rfc(
    "5161",
    "3.1",
    "a CAPABILITY command issued right after an ENABLE command MUST list the same capabilities as a CAPABILITY command issued before the ENABLE command.",
)
async def test_capability_pipelined_around_enable() -> None:
    """The same with the three commands in one piece."""
    async with world() as made:
        client = await logged_in(made)
        client.stream.client_write(b"a CAPABILITY\r\nb ENABLE IMAP4rev2\r\nc CAPABILITY\r\n")
        before = await client.until(b"a")
        assert (await client.until(b"b"))[0] == b"* ENABLED IMAP4rev2"
        assert (await client.until(b"c"))[0] == before[0]


@pytest.mark.rfc(
    "5161",
    "3.1",
    "When multiple ENABLE commands are issued, each corresponding ENABLED response SHOULD only contain extensions enabled by the corresponding ENABLE command.",
)
async def test_enabled_names_what_is_new() -> None:
    """The second ENABLE of the same extension names nothing."""
    async with world() as made:
        client = await logged_in(made)
        assert (await client.command("ENABLE IMAP4rev2"))[0] == b"* ENABLED IMAP4rev2"
        assert (await client.command("ENABLE IMAP4rev2"))[0] == b"* ENABLED"


@pytest.mark.rfc(
    "5161", "4", "Implementations MUST accept these strings in a case-insensitive fashion."
)
async def test_enable_in_any_case() -> None:
    """Command and extension in any case."""
    async with world() as made:
        client = await logged_in(made)
        assert (await client.command("eNaBlE imap4REV2"))[0] == b"* ENABLED IMAP4rev2"


# --- RFC 6851, MOVE


@pytest.mark.rfc(
    "6851", "5", "Implementations MUST accept these strings in a case-insensitive fashion."
)
@pytest.mark.parametrize("command", ["move 1 Archive", "uId mOvE 1 Archive"])
async def test_move_in_any_case(command: str) -> None:
    """MOVE and UID MOVE however they are spelled."""
    async with world() as made:
        await made.mailbox("Archive")
        await made.deliver("INBOX", message(1))
        client = await logged_in(made, "INBOX")
        assert b"* 1 EXPUNGE" in await client.command(command)


@pytest.mark.rfc(
    "6851",
    "3.3",
    "The server MUST leave each message in a state where it is in at least one of the source or target mailboxes (no message can be lost or orphaned).",
)
@pytest.mark.rfc(
    "6851",
    "3.3",
    "The server SHOULD NOT leave any message in both mailboxes (it would be bad for a partial failure to result in a bunch of duplicate messages).",
)
async def test_each_message_is_in_one_mailbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a MOVE, good or failed, each message is in exactly one of the two mailboxes."""
    async with world() as made:
        await made.mailbox("Archive")
        for number in (1, 2, 3):
            await made.deliver("INBOX", message(number))
        client = await logged_in(made, "INBOX")

        async def counts() -> list[bytes]:
            return [
                (await client.command(f"STATUS {name} (MESSAGES)"))[0]
                for name in ("INBOX", "Archive")
            ]

        assert (await client.command("MOVE 1:2 Missing"))[-1].startswith(b"t NO")
        assert await counts() == [b"* STATUS INBOX (MESSAGES 3)", b"* STATUS Archive (MESSAGES 0)"]
        with monkeypatch.context() as patch:

            async def full(*_: object) -> None:
                raise ports.StoreUnavailable("disk full")

            patch.setattr(made.store, "move", full)
            assert (await client.command("MOVE 1:2 Archive"))[-1].startswith(b"t NO [UNAVAILABLE]")
        assert await counts() == [b"* STATUS INBOX (MESSAGES 3)", b"* STATUS Archive (MESSAGES 0)"]
        assert (await client.command("MOVE 1:2 Archive"))[-1].startswith(b"t OK")
        assert await counts() == [b"* STATUS INBOX (MESSAGES 1)", b"* STATUS Archive (MESSAGES 2)"]


@pytest.mark.rfc("6851", "3.3", "response codes for a STORE MUST NOT be generated")
@pytest.mark.rfc("6851", "3.3", "and the \\DELETED flag MUST NOT be set for any message.")
async def test_move_is_no_store() -> None:
    """MOVE answers with COPYUID and EXPUNGE only, and nothing is marked, in either place."""
    async with world() as made:
        await made.mailbox("Archive")
        for number in (1, 2):
            await made.deliver("INBOX", message(number))
        client = await logged_in(made, "INBOX")
        answer = await client.command("MOVE 1 Archive")
        assert [line.split()[1:3] for line in answer[:-1]] == [
            [b"OK", b"[COPYUID"],
            [b"1", b"EXPUNGE"],
        ]
        for name in ("INBOX", "Archive"):
            assert (await client.command(f"STATUS {name} (DELETED)"))[0].endswith(b"(DELETED 0)")


@pytest.mark.rfc(
    "6851",
    "4.3",
    "Servers supporting UIDPLUS [RFC4315] SHOULD send COPYUID in response to a UID MOVE command.",
)
async def test_uid_move_tells_copyuid() -> None:
    """COPYUID names the old uid and the new one."""
    async with world() as made:
        await made.mailbox("Archive")
        for number in (1, 2):
            await made.deliver("INBOX", message(number))
        client = await logged_in(made, "INBOX")
        answer = await client.command("UID MOVE 2 Archive")
        assert answer[0].startswith(b"* OK [COPYUID ")
        assert answer[0].split(b"]")[0].endswith(b" 2 1")
        assert answer[1] == b"* 2 EXPUNGE"


# --- RFC 5819, LIST-STATUS


@pytest.mark.rfc(
    "5819",
    "2",
    "For each selectable mailbox matching the list pattern and selection options, the server MUST return an untagged LIST response followed by an untagged STATUS response containing the information requested in the STATUS return option.",
)
async def test_status_behind_each_list() -> None:
    """Each mailbox has its LIST and behind it its STATUS; a level that is no mailbox has none."""
    async with world() as made:
        await made.mailbox("Q/box")
        await made.deliver("Q/box", message(1))
        client = await logged_in(made)
        await client.command("DELETE Q")
        answer = await client.command('LIST "" (INBOX Q/%) RETURN (STATUS (MESSAGES UNSEEN))')
        assert answer[:-1] == [
            b'* LIST (\\HasNoChildren) "/" INBOX',
            b"* STATUS INBOX (MESSAGES 0 UNSEEN 0)",
            b'* LIST (\\HasNoChildren) "/" Q/box',
            b"* STATUS Q/box (MESSAGES 1 UNSEEN 1)",
        ]
        assert not any(
            b"STATUS Q " in line
            for line in await client.command('LIST "" Q RETURN (STATUS (MESSAGES))')
        )


@pytest.mark.rfc("5819", "2", "and the LIST response MUST include the \\NoSelect attribute.")
@pytest.mark.rfc(
    "5819",
    "2",
    "If an attempted STATUS for a listed mailbox fails because the mailbox can't be selected",
)
async def test_a_mailbox_deleted_between_list_and_status(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is listed as one that cannot be selected, without STATUS; the others are as always."""
    async with world() as made:
        gone = await made.mailbox("Gone")
        await made.mailbox("Kept")
        client = await logged_in(made)
        status = made.store.status

        async def raced(mailbox: MailboxId) -> ports.Status:
            if mailbox == gone.id:
                raise ports.NoSuchMailbox("No such mailbox")
            return await status(mailbox)

        monkeypatch.setattr(made.store, "status", raced)
        assert await client.command('LIST "" (Gone Kept) RETURN (STATUS (MESSAGES))') == [
            b'* LIST (\\Noselect \\HasNoChildren) "/" Gone',
            b'* LIST (\\HasNoChildren) "/" Kept',
            b"* STATUS Kept (MESSAGES 0)",
            b"t OK LIST completed",
        ]


@pytest.mark.rfc("5819", "2", "it MAY drop the corresponding STATUS reply.")
async def test_a_status_that_fails_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """LIST is still whole and OK."""
    async with world() as made:
        client = await logged_in(made)

        async def broken(_: MailboxId) -> ports.Status:
            raise ports.StoreUnavailable("disk")

        monkeypatch.setattr(made.store, "status", broken)
        assert await client.command('LIST "" INBOX RETURN (STATUS (MESSAGES))') == [
            b'* LIST (\\HasNoChildren) "/" INBOX',
            b"t OK LIST completed",
        ]


# --- RFC 6154, SPECIAL-USE


async def special(made: World) -> Client:
    """A client of an account with one mailbox for sent mail."""
    sent = await made.mailbox("Sent")
    await made.mailbox("Other")
    await made.store.set_special_use(sent.id, frozenset({"\\Sent"}))
    return await logged_in(made)


@pytest.mark.rfc(
    "6154",
    "2",
    'Supporting implementations MUST include the "SPECIAL-USE" capability string in response to an IMAP CAPABILITY command.',
)
async def test_special_use_is_announced() -> None:
    """SPECIAL-USE is there, and CREATE-SPECIAL-USE beside it."""
    async with world() as made:
        announced = await names(made, await special(made))
        assert b"SPECIAL-USE" in announced
        assert b"CREATE-SPECIAL-USE" in announced


@pytest.mark.rfc(
    "6154",
    "2",
    'If the client specifies the "SPECIAL-USE" selection option, the LIST command MUST return only those mailboxes that have a special-use attribute set.',
)
async def test_only_special_ones() -> None:
    """Only the mailbox with a use is listed."""
    async with world() as made:
        client = await special(made)
        answer = await client.command('LIST (SPECIAL-USE) "" *')
        assert b'* LIST (\\HasNoChildren \\Sent) "/" Sent' in answer
        listed = {line.rsplit(b" ", 1)[1].decode() for line in answer[:-1]}
        boxes = await made.store.mailboxes(made.account.id)
        assert listed == {box.name for box in boxes if box.special_use}
        assert {"INBOX", "Other"} <= {box.name for box in boxes} - listed


@pytest.mark.rfc(
    "6154",
    "2",
    'If the client specifies the "SPECIAL-USE" return option, the LIST command MUST return the new special-use attributes on those mailboxes that have them set.',
)
@pytest.mark.rfc(
    "6154",
    "2",
    "The extended LIST command MAY return SPECIAL-USE attributes even if the client does not specify the return option.",
)
@pytest.mark.rfc(
    "6154",
    "2",
    "MAY include any or all of the following attributes in responses to the non-extended IMAP LIST command.",
)
@pytest.mark.parametrize("asked", [" RETURN (SPECIAL-USE)", " RETURN (CHILDREN)", ""])
async def test_uses_are_shown(asked: str) -> None:
    """The use is shown where it is set, asked for or not; switched off, never."""
    async with world() as made:
        client = await special(made)
        answer = await client.command(f'LIST "" *{asked}')
        assert b'* LIST (\\HasNoChildren \\Sent) "/" Sent' in answer
        assert b'* LIST (\\HasNoChildren) "/" Other' in answer
        made.directory.off[made.account.id] = frozenset({"SPECIAL-USE"})
        answer = await (await logged_in(made)).command('LIST "" *')
        assert b'* LIST (\\HasNoChildren) "/" Sent' in answer


# --- RFC 8438, STATUS=SIZE


@pytest.mark.rfc(
    "8438",
    "3",
    "it MUST be equal to or greater than the sum of the values of the RFC822.SIZE FETCH message data item [IMAP4rev1] of all messages in the mailbox.",
)
async def test_size_is_the_sum() -> None:
    """SIZE is what the messages' RFC822.SIZE add up to, while they come and go."""
    async with world() as made:
        client = await logged_in(made, "INBOX")
        assert (await client.command("STATUS INBOX (SIZE)"))[0].endswith(b"(SIZE 0)")
        for number in (1, 2, 30):
            await made.deliver("INBOX", message(number) * number)
            await client.command("NOOP")
        await client.command("STORE 2 +FLAGS.SILENT (\\Deleted)")
        await client.command("EXPUNGE")
        sizes = [
            int(line.split(b"RFC822.SIZE ")[1].rstrip(b")"))
            for line in (await client.command("FETCH 1:* RFC822.SIZE"))[:-1]
        ]
        assert len(sizes) == 2
        assert b"* STATUS INBOX (SIZE %d)" % sum(sizes) in await client.command(
            "STATUS INBOX (SIZE)"
        )
