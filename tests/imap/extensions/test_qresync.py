"""QRESYNC: nobody misses anything, whatever happened while the client was away."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field

import pytest
from tests.support.imap import Client, World, logged_in, message, world

from postil.imap.session import Session
from postil.ports.ids import Uid
from postil.store.limits import GONE_PAGE


async def _deliver(made: World, count: int) -> None:
    for number in range(count):
        await made.deliver("INBOX", message(number))


async def _enabled(made: World, select: bool = True) -> Client:
    client = await logged_in(made)
    await client.command("ENABLE QRESYNC")
    if select:
        await client.command("SELECT INBOX")
    return client


@pytest.mark.rfc(
    "7162",
    "3.2.3",
    "A server MUST respond with a tagged BAD response if the QRESYNC parameter to the SELECT/EXAMINE command or the VANISHED UID FETCH modifier is specified",
)
@pytest.mark.rfc(
    "7162",
    "3.2.5",
    "A server MUST respond with a tagged BAD response if the Quick Resynchronization parameter to the SELECT/EXAMINE command is specified and the client hasn't issued",
)
@pytest.mark.rfc(
    "7162",
    "3.2.6",
    "A server MUST respond with a tagged BAD response if the VANISHED UID FETCH modifier is specified and the client hasn't issued",
)
async def test_needs_enable() -> None:
    """BAD before ENABLE QRESYNC, and CONDSTORE alone is not it."""
    async with world() as made:
        await _deliver(made, 1)
        client = await logged_in(made, "INBOX")
        await client.command("ENABLE CONDSTORE")
        for command in (
            "SELECT INBOX (QRESYNC (1 1))",
            "UID FETCH 1 UID (CHANGEDSINCE 1 VANISHED)",
        ):
            assert (await client.command(command))[-1].startswith(b"t BAD")
        assert (await client.command("FETCH 1 UID"))[-1].startswith(b"t OK")


@pytest.mark.rfc(
    "7162", "3.2.3", 'is REQUIRED to support "ENABLE QRESYNC" and "ENABLE QRESYNC CONDSTORE"'
)
@pytest.mark.rfc(
    "7162",
    "3.2.10.2",
    "the server MUST use the VANISHED response without the EARLIER tag instead of the EXPUNGE response",
)
@pytest.mark.rfc("7162", "3.2.10.2", "Such a VANISHED response MUST NOT contain the EARLIER tag.")
@pytest.mark.parametrize("enable", ["QRESYNC", "QRESYNC CONDSTORE", "CONDSTORE QRESYNC"])
@pytest.mark.rfc(
    "7162",
    "3.2.3",
    'The "ENABLE QRESYNC"/"ENABLE QRESYNC CONDSTORE" command also tells the server that it MUST start sending VANISHED responses (see Section 3.2.10) instead of EXPUNGE responses for all mailboxes for which the server doesn\'t return the NOMODSEQ response code.',
)
@pytest.mark.rfc(
    "7162",
    "3.2.10",
    'Once a client has issued "ENABLE QRESYNC" (and the server has positively responded to that command with the untagged ENABLED response containing QRESYNC), the server MUST use the VANISHED response without the EARLIER tag instead of the EXPUNGE response for all mailboxes that don\'t return NOMODSEQ when selected.',
)
@pytest.mark.rfc(
    "7162",
    "3.2.10",
    "Such a VANISHED response MUST NOT contain the EARLIER tag.",
)
async def test_vanished(enable: str) -> None:
    """Own expunges and those of others come as uids."""
    async with world() as made:
        await _deliver(made, 5)
        client, other = await logged_in(made), await logged_in(made, "INBOX")
        answer = await client.command(f"ENABLE {enable}")
        assert answer[0].startswith(b"* ENABLED ")
        await client.command("SELECT INBOX")
        await client.command("STORE 2,4 +FLAGS (\\Deleted)")
        assert (await client.command("EXPUNGE"))[0] == b"* VANISHED 2,4"
        await other.command("NOOP")
        await other.command("STORE 2 +FLAGS (\\Deleted)")
        await other.command("EXPUNGE")
        assert (await client.command("NOOP"))[0] == b"* VANISHED 3"


@pytest.mark.rfc(
    "7162",
    "3.2.7",
    "the server MUST send the updated per-mailbox modification sequence using the HIGHESTMODSEQ response code",
)
@pytest.mark.rfc(
    "7162",
    "3.2.9",
    "the server MUST send the updated per-mailbox modification sequence using the HIGHESTMODSEQ response code",
)
@pytest.mark.rfc(
    "6851",
    "4.4",
    "the server MUST send the updated per-mailbox modification sequence using the HIGHESTMODSEQ response code",
)
@pytest.mark.rfc(
    "8508",
    "4.5",
    "MUST treat the message being replaced as if it were being removed with a UID EXPUNGE command.",
)
@pytest.mark.parametrize(
    "command",
    [b"EXPUNGE", b"UID EXPUNGE 2", b"MOVE 2 Other", b"UID REPLACE 2 INBOX {8+}\r\nA: b\r\n\r\n"],
)
@pytest.mark.rfc(
    "7162",
    "3.2",
    "Each mailbox that supports persistent storage of mod-sequences, i.e., for which the server would send a HIGHESTMODSEQ untagged OK response code on a successful SELECT/EXAMINE, MUST increment the per-mailbox mod-sequence when one or more messages are expunged due to EXPUNGE, UID EXPUNGE, CLOSE, or MOVE [RFC6851];",
)
@pytest.mark.rfc(
    "7162",
    "3.2.7",
    "If the server is capable of storing modification sequences for the selected mailbox, it MUST increment the per-mailbox mod-sequence if at least one message was permanently removed due to the execution of the EXPUNGE command.",
)
@pytest.mark.rfc(
    "7162",
    "3.2.9",
    "If the server is capable of storing modification sequences for the selected mailbox, it MUST increment the per-mailbox mod-sequence if at least one message was permanently removed due to the execution of the UID EXPUNGE command.",
)
async def test_highest_modseq_after_an_expunge(command: bytes) -> None:
    """In the tagged OK, and it is the mailbox's own; not when nothing went."""
    async with world() as made:
        await _deliver(made, 3)
        await made.mailbox("Other")
        client = await _enabled(made)
        await client.command("STORE 2 +FLAGS.SILENT (\\Deleted)")
        answer = await client.command(command)
        assert b"* VANISHED 2" in answer
        match = re.match(rb"t OK \[HIGHESTMODSEQ (\d+)\] ", answer[-1])
        assert match is not None
        status = await made.store.status((await made.mailbox("INBOX")).id)
        assert int(match.group(1)) == status.highest_modseq
        assert (await client.command("EXPUNGE"))[-1] == b"t OK EXPUNGE completed"


@pytest.mark.rfc(
    "7162",
    "3.2.8",
    "The server MUST NOT send the updated per-mailbox modification sequence using the HIGHESTMODSEQ response code",
)
@pytest.mark.rfc(
    "7162",
    "3.2.8",
    "it MUST increment the per-mailbox mod-sequence if at least one message was permanently removed due to the execution of the CLOSE command.",
)
@pytest.mark.rfc(
    "7162",
    "3.2.8",
    "For each permanently removed message, the server MUST remember the incremented mod-sequence and corresponding UID.",
)
@pytest.mark.rfc(
    "7162",
    "3.2",
    "the server MUST associate the incremented mod-sequence with the UIDs of the expunged messages.",
)
async def test_close() -> None:
    """CLOSE says nothing, but a later SELECT tells of what it removed."""
    async with world() as made:
        await _deliver(made, 3)
        client = await _enabled(made, select=False)
        opened = await client.command("SELECT INBOX")
        validity, highest = _codes(opened)
        await client.command("STORE 2 +FLAGS.SILENT (\\Deleted)")
        assert await client.command("CLOSE") == [b"t OK CLOSE completed"]
        answer = await client.command(f"SELECT INBOX (QRESYNC ({validity} {highest}))")
        assert b"* VANISHED (EARLIER) 2" in answer
        assert _codes(answer)[1] > highest


@pytest.mark.rfc(
    "7162",
    "3.2.10.2",
    "servers MUST NOT send UIDs for previously expunged messages or messages that were not announced to the client via EXISTS.",
)
@pytest.mark.rfc(
    "7162",
    "3.2.10.2",
    "A VANISHED response without the EARLIER tag MUST refer only to messages that are visible to the client in the current session at the time the VANISHED response is sent.",
)
async def test_came_and_went() -> None:
    """A message that came and went between two commands is never mentioned."""
    async with world() as made:
        await _deliver(made, 2)
        client = await _enabled(made)
        await _deliver(made, 1)
        await made.store.expunge(
            (await made.mailbox("INBOX")).id, [Uid(1), Uid(3)], marked_only=False
        )
        assert await client.command("NOOP") == [b"* VANISHED 1", b"t OK NOOP completed"]


@pytest.mark.rfc(
    "7162",
    "3.2.10.2",
    "A VANISHED response MUST NOT be sent when no command is in progress, nor while responding to a FETCH, STORE, or SEARCH command.",
)
@pytest.mark.rfc(
    "7162",
    "3.2.10.2",
    "the VANISHED response MUST NOT be sent during a UID SEARCH command that contains message numbers in the search criteria.",
)
@pytest.mark.rfc(
    "7162",
    "3.2",
    "the server MUST send the HIGHESTMODSEQ response code with a lower value than the EXPUNGE's mod-sequence.",
)
@pytest.mark.rfc(
    "7162",
    "3.2.10.2",
    "A VANISHED response MAY be sent during a UID command.",
)
async def test_held_back() -> None:
    """Where numbers may not change no VANISHED comes, and HIGHESTMODSEQ says what is certain."""
    async with world() as made:
        await _deliver(made, 4)
        client = await _enabled(made, select=False)
        _, highest = _codes(await client.command("SELECT INBOX"))
        inbox = (await made.mailbox("INBOX")).id
        await made.store.expunge(inbox, [Uid(2)], marked_only=False)
        for command in ("FETCH 1 UID", "STORE 1 +FLAGS (x)", "SEARCH ALL", "UID SEARCH NOT 3"):
            answer = await client.command(command)
            assert not any(b"VANISHED" in line for line in answer), command
            assert any(b"[HIGHESTMODSEQ %d]" % highest in line for line in answer), command
        assert b"* VANISHED 2" in await client.command("UID SEARCH NOT UID 3")


@pytest.mark.rfc(
    "7162",
    "3.2.6",
    "If the VANISHED UID FETCH modifier is used without the CHANGEDSINCE UID FETCH modifier, the server MUST respond with a tagged BAD response.",
)
@pytest.mark.rfc(
    "7162",
    "3.2.6",
    "The server MUST return a tagged BAD response if this response is specified as a modifier to the FETCH command.",
)
@pytest.mark.rfc(
    "7162",
    "3.2.6",
    "Any VANISHED (EARLIER) responses MUST be returned before any FETCH responses",
)
@pytest.mark.rfc(
    "7162",
    "3.2.10",
    "Because clients handle the two different forms of the VANISHED response differently, servers MUST NOT combine them.",
)
async def test_uid_fetch_vanished() -> None:
    """Exactly those of the set that left since, before the FETCH lines; what is still counted comes without EARLIER."""
    async with world() as made:
        await _deliver(made, 6)
        client = await _enabled(made, select=False)
        _, highest = _codes(await client.command("SELECT INBOX"))
        inbox = (await made.mailbox("INBOX")).id
        await made.store.expunge(inbox, [Uid(1), Uid(4)], marked_only=False)
        await client.command("NOOP")
        await made.store.expunge(inbox, [Uid(5)], marked_only=False)
        await client.command("UID STORE 3 +FLAGS.SILENT (x)")
        await made.store.expunge(inbox, [Uid(2)], marked_only=False)
        answer = await client.command(f"UID FETCH 1:* (FLAGS) (CHANGEDSINCE {highest} VANISHED)")
        assert answer[0] == b"* VANISHED (EARLIER) 1,4:5"
        assert answer[1].startswith(b"* 2 FETCH (UID 3 FLAGS (")
        assert answer[2:-1] == [b"* VANISHED 2"]
        answer = await client.command(f"UID FETCH 2:4 (FLAGS) (VANISHED CHANGEDSINCE {highest})")
        assert answer[0] == b"* VANISHED (EARLIER) 2,4"
        for command in ("UID FETCH 1 UID (VANISHED)", "FETCH 1 UID (CHANGEDSINCE 1 VANISHED)"):
            assert (await client.command(command))[-1].startswith(b"t BAD")


def _as_set(numbers: list[int], dice: random.Random) -> str:
    """Ascending numbers as a set in which neighbours sometimes make a range, cut anywhere."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and parts[-1][-1] == number - 1 and dice.random() < 0.7:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ",".join(f"{part[0]}:{part[-1]}" if part[1:] else f"{part[0]}" for part in parts)


@pytest.mark.parametrize("seed", range(25))
async def test_match_data(seed: int) -> None:
    """What left below the highest pair that is still right is not told again, all above it is; however the pairs are written."""
    dice = random.Random(seed)
    async with world() as made:
        await _deliver(made, 14)
        client = await _enabled(made, select=False)
        validity, highest = _codes(await client.command("SELECT INBOX"))
        inbox = (await made.mailbox("INBOX")).id
        await client.command("UNSELECT")
        gone = sorted(dice.sample(range(1, 15), dice.randint(1, 8)))
        await made.store.expunge(inbox, [Uid(uid) for uid in gone], marked_only=False)
        left = [uid for uid in range(1, 15) if uid not in gone]
        # The client knows of some of the expunges: its numbers are right below the first it missed.
        missed = dice.choice(gone)
        known = [uid for uid in range(1, 15) if uid not in gone or uid >= missed]
        pairs = sorted(dice.sample(list(enumerate(known, 1)), dice.randint(1, len(known))))
        right = [uid for seq, uid in pairs if seq <= len(left) and left[seq - 1] == uid]
        told = [uid for uid in gone if uid > max(right, default=0)]
        match = " ".join(_as_set([pair[side] for pair in pairs], dice) for side in (0, 1))
        command = f"SELECT INBOX (QRESYNC ({validity} {highest} ({match})))"
        lines = [line for line in await client.command(command) if b"VANISHED" in line]
        said = b"".join(lines).rpartition(b" ")[2].decode()
        spans = [span.partition(":") for span in said.split(",")] if said else []
        uids = [uid for low, _, high in spans for uid in range(int(low), int(high or low) + 1)]
        assert uids == told, (known, match)


async def test_uid_fetch_vanished_up_to_the_end() -> None:
    """`*` is the highest uid there was: of `n:*` it is what left above n, at the end too, and nothing below it."""
    async with world() as made:
        await _deliver(made, 8)
        client = await _enabled(made)
        await client.command("STORE 1:3,7:8 +FLAGS.SILENT (\\Deleted)")
        await client.command("EXPUNGE")
        for numbers, told in ((b"5:*", b"7:8"), (b"3:*", b"3,7:8"), (b"8:*", b"8"), (b"*", b"8")):
            command = b"UID FETCH %b UID (CHANGEDSINCE 1 VANISHED)" % numbers
            assert (await client.command(command))[0] == b"* VANISHED (EARLIER) " + told
        # Everything that left lies below what is asked for.
        await client.command("NOOP")
        await _deliver(made, 2)
        await client.command("NOOP")
        answer = await client.command("UID FETCH 9:* UID (CHANGEDSINCE 1 VANISHED)")
        assert not any(b"VANISHED" in line for line in answer)


async def test_a_long_history_is_told_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others have their turn between two pages of what left; the client hears of each uid once."""
    async with world() as made:
        inbox = (await made.mailbox("INBOX")).id
        await made.deliver("INBOX", message(0))
        client = await _enabled(made, select=False)
        validity, highest = _codes(await client.command("SELECT INBOX"))
        everyone = [Uid(1)]
        while len(everyone) <= 2 * GONE_PAGE:
            await made.store.copy(inbox, everyone, inbox)
            everyone = [Uid(uid) for uid in range(1, 2 * len(everyone) + 1)]
        await made.store.expunge(inbox, everyone, marked_only=False)
        await client.command("UNSELECT")
        turns = []
        pause = Session.pause

        async def counted(session: Session) -> None:
            turns.append(session)
            await pause(session)

        monkeypatch.setattr(Session, "pause", counted)
        lines = await client.command(f"SELECT INBOX (QRESYNC ({validity} {highest}))")
        told = [line.split()[-1].decode() for line in lines if b"EARLIER" in line]
        assert len(told) == len(turns) + 1 == -(-len(everyone) // GONE_PAGE)
        spans = [span.partition(":") for text in told for span in text.split(",")]
        uids = [uid for low, _, high in spans for uid in range(int(low), int(high or low) + 1)]
        assert uids == everyone


@pytest.mark.rfc(
    "7162",
    "3.2.5",
    "then the server MUST ignore the remaining parameters and behave as if no dynamic message data changed.",
)
async def test_other_uidvalidity() -> None:
    """Nothing is told to a client that knows another mailbox."""
    async with world() as made:
        await _deliver(made, 3)
        client = await _enabled(made, select=False)
        answer = await client.command("SELECT INBOX (QRESYNC (1 1 1:3 (1 1)))")
        assert not any(b" FETCH " in line or b"VANISHED" in line for line in answer)
        assert answer[-1].startswith(b"t OK [READ-WRITE]")


@pytest.mark.rfc(
    "7162",
    "3.2.11",
    "A server implementing the extension defined in this document MUST return the CLOSED response code when the currently selected mailbox is closed implicitly",
)
async def test_closed() -> None:
    """CLOSED parts the news of the old mailbox from those of the new one, enabled or not."""
    async with world() as made:
        await made.mailbox("Other")
        client = await logged_in(made, "INBOX")
        assert (await client.command("SELECT Other"))[0].startswith(b"* OK [CLOSED] ")


@dataclass
class _Away:
    """What a client remembers of a mailbox while it is away."""

    validity: int
    highest: int
    uids: list[int] = field(default_factory=list)
    flags: dict[int, frozenset[bytes]] = field(default_factory=dict)

    def learn(self, lines: list[bytes]) -> None:
        """VANISHED, EXISTS, FETCH and HIGHESTMODSEQ, as RFC 7162 tells a client to."""
        for line in lines:
            if vanished := re.fullmatch(rb"\* VANISHED (?:\(EARLIER\) )?([0-9,:]+)", line):
                gone = set(_expand(vanished.group(1)))
                assert b"EARLIER" in line or gone <= set(self.uids)
                self.uids = [uid for uid in self.uids if uid not in gone]
            elif fetched := re.fullmatch(rb"\* (\d+) FETCH \(UID (\d+) (.*)\)", line):
                number, uid = int(fetched.group(1)), int(fetched.group(2))
                if uid not in self.uids:
                    self.uids.append(uid)
                assert self.uids[number - 1] == uid, (line, self.uids)
                if found := re.search(rb"FLAGS \(([^)]*)\)", fetched.group(3)):
                    self.flags[uid] = frozenset(found.group(1).split()) - {b"\\Recent"}
            elif code := re.search(rb"\[HIGHESTMODSEQ (\d+)\]", line):
                self.highest = int(code.group(1))


def _expand(numbers: bytes) -> list[int]:
    found: list[int] = []
    for part in numbers.split(b","):
        low, _, high = part.partition(b":")
        found.extend(range(int(low), int(high or low) + 1))
    return found


def _codes(lines: list[bytes]) -> tuple[int, int]:
    text = b"\n".join(lines)
    validity = re.search(rb"\[UIDVALIDITY (\d+)\]", text)
    highest = re.search(rb"\[HIGHESTMODSEQ (\d+)\]", text)
    assert validity is not None
    assert highest is not None
    return int(validity.group(1)), int(highest.group(1))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.rfc(
    "7162",
    "3.2",
    "A server implementing QRESYNC MUST send untagged events to a client in a way that the client doesn't lose any changes in case of connectivity loss.",
)
@pytest.mark.rfc(
    "7162",
    "3.2.5.1",
    "The server sends the client any pending flag changes (using FETCH responses that MUST contain UIDs) and expunges those that have occurred in this mailbox since the provided modification sequence.",
)
async def test_coming_back(seed: int) -> None:
    """Cut off anywhere, a client that resynchronizes has the mailbox as it is: uids and flags."""
    dice = random.Random(seed)
    async with world() as made:
        await _deliver(made, dice.randint(0, 12))
        inbox = (await made.mailbox("INBOX")).id
        other = await logged_in(made, "INBOX")
        client = await _enabled(made, select=False)
        away = _Away(*_codes(await client.command("SELECT INBOX")))
        away.learn(await client.command("UID FETCH 1:* (FLAGS)"))
        for _ in range(12):
            for _ in range(dice.randint(0, 8)):
                await _something(made, other, dice)
                if dice.random() < 0.5:
                    away.learn(await client.command(dice.choice(_COMMANDS)))
            # Cut off: what was not told yet is lost with the connection.
            client.stream.client_eof()
            client = await _enabled(made, select=False)
            known = ""
            if away.uids and dice.random() < 0.5:
                sample = sorted(dice.sample(range(len(away.uids)), dice.randint(1, len(away.uids))))
                numbers = ",".join(str(place + 1) for place in sample)
                uids = ",".join(str(away.uids[place]) for place in sample)
                known = f" 1:{away.uids[-1]} ({numbers} {uids})"
            since = away.highest
            answer = await client.command(
                f"SELECT INBOX (QRESYNC ({away.validity} {since}{known}))"
            )
            assert answer[-1].startswith(b"t OK"), answer
            away.learn(answer)
            after = max(away.uids, default=0) + 1
            away.learn(await client.command(f"UID FETCH {after}:* (FLAGS)"))
            view = await made.store.open(inbox)
            generation, sets = view.generation, view.flagsets
            assert away.uids == list(generation.uids)
            for position, uid in enumerate(generation.uids):
                names = {name.encode() for name in sets.names(generation.flags[position])}
                assert away.flags[uid] == names
            view.close()


_COMMANDS = (
    "NOOP",
    "FETCH 1:* (UID FLAGS)",
    "UID FETCH 1:* (FLAGS MODSEQ)",
    "UID SEARCH ALL",
    "UID SEARCH 1:*",
)


async def _something(made: World, other: Client, dice: random.Random) -> None:
    await other.command("NOOP")
    match dice.randrange(4):
        case 0:
            await _deliver(made, dice.randint(1, 3))
        case 1:
            await other.command(f"STORE 1:{dice.randint(1, 4)} +FLAGS ({dice.choice('abc')})")
        case 2:
            await other.command(f"UID STORE {dice.randint(1, 30)}:* -FLAGS ({dice.choice('abc')})")
        case _:
            await other.command(f"UID STORE {dice.randint(1, 30)} +FLAGS (\\Deleted)")
            await other.command("EXPUNGE")


@pytest.mark.rfc(
    "7162",
    "3.2.2",
    'For compatibility with clients that only support the CONDSTORE IMAP extension, servers SHOULD also advertise "CONDSTORE" in the CAPABILITY response.',
)
@pytest.mark.rfc(
    "7162",
    "3.2.3",
    "Servers supporting QRESYNC MUST implement and advertise support for the ENABLE [RFC5161] IMAP extension.",
)
async def test_announced() -> None:
    """QRESYNC, CONDSTORE and ENABLE stand beside each other."""
    async with world() as made:
        words = (await (await logged_in(made)).command("CAPABILITY"))[0].split()
        assert {b"QRESYNC", b"CONDSTORE", b"ENABLE"} <= set(words)


@pytest.mark.rfc(
    "7162",
    "3.2.5",
    "In particular, this means that the server MUST send all untagged responses as specified in Sections 6.3.1 and 6.3.2 of [RFC3501].",
)
async def test_usual_responses() -> None:
    """A SELECT that resynchronizes tells everything that SELECT tells, and then the news."""
    async with world() as made:
        await _deliver(made, 3)
        client = await _enabled(made, select=False)
        usual = await client.command("SELECT INBOX")
        validity, highest = _codes(usual)
        lines = await client.command(f"SELECT INBOX (QRESYNC ({validity} {highest}))")
        assert lines[0].startswith(b"* OK [CLOSED]")
        kinds = [re.sub(rb"\d+", b"", line) for line in usual]
        assert [re.sub(rb"\d+", b"", line) for line in lines[1:]] == kinds


@pytest.mark.parametrize("command", ["EXPUNGE", "UID EXPUNGE 2"])
@pytest.mark.rfc(
    "7162",
    "3.2.7",
    "For each permanently removed message, the server MUST remember the incremented mod-sequence and corresponding UID.",
)
@pytest.mark.rfc(
    "7162",
    "3.2.9",
    "For each permanently removed message, the server MUST remember the incremented mod-sequence and corresponding UID.",
)
async def test_remembered(command: str) -> None:
    """Which uids went, and when, is told later to whoever asks from before."""
    async with world() as made:
        await _deliver(made, 3)
        client = await _enabled(made, select=False)
        _, before = _codes(await client.command("SELECT INBOX"))
        await client.command("STORE 2 +FLAGS.SILENT (\\Deleted)")
        answer = await client.command(command)
        after = int(re.findall(rb"HIGHESTMODSEQ (\d+)", answer[-1])[0])
        assert after > before
        for since, told in ((before, True), (after - 1, True), (after, False)):
            lines = await client.command(f"UID FETCH 1:* (UID) (CHANGEDSINCE {since} VANISHED)")
            assert (b"* VANISHED (EARLIER) 2" in lines) == told, since


@pytest.mark.rfc(
    "7162",
    "7",
    "Implementations MUST accept these strings in a case-insensitive fashion.",
)
async def test_any_case() -> None:
    """Words in any case of letters."""
    async with world() as made:
        await _deliver(made, 2)
        client = await logged_in(made)
        assert (await client.command("enable qresync"))[0] == b"* ENABLED QRESYNC"
        validity, highest = _codes(await client.command("select INBOX (condStore)"))
        for command in (
            f"examine INBOX (qreSync ({validity} {highest}))",
            "uid fetch 1:* (modSeq) (changedsince 1 vanished)",
            "search modseq 1",
            "status INBOX (highestmodseq)",
        ):
            assert (await client.command(command))[-1].startswith(b"t OK"), command
