"""Which states are allowed after a crash: that after everything acknowledged, and after whole requests that were under way.

The answers stand in the record in the order of the commits. The memory store does the same requests in that order: first its answers must be those
the recorded store gave, then its state after each request is what a disk may show that was cut off there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.store.contract.bench import all_gone

from postil.base.clock import FixedClock
from postil.ports.ids import AccountId, MailboxId
from postil.ports.store import (
    Appended,
    Copied,
    FlagChange,
    Flagged,
    Mailbox,
    NewMessage,
    Store,
)
from postil.store.memory import MemoryStore

from .load import ACCOUNTS, PEOPLE, THREADS, Request, perform

State = dict[str, Any]
UIDVALIDITY_SHIFT = 1  # both count up from the clock; the memory store begins one lower


async def state_of(store: Store) -> State:
    """Everything clients can see, by account and name."""
    shift = UIDVALIDITY_SHIFT if isinstance(store, MemoryStore) else 0
    state: State = {}
    for account in ACCOUNTS:
        state[f"{account} subscriptions"] = await store.subscriptions(account)
        state[f"{account} usage"] = await store.usage(account)
        state[f"{account} acquaintances"] = await _acquaintances(store, account)
        for mailbox in await store.mailboxes(account):
            state[f"{account} {mailbox.name}"] = await _mailbox(store, account, mailbox, shift)
    return state


async def _acquaintances(store: Store, account: AccountId) -> Any:
    """What the account has to do with each of the people, and each of the threads."""
    found = []
    for person, thread in [(person, "") for person in PEOPLE] + [("", one) for one in THREADS]:
        writer = store.stage(account, None)
        await writer.write(f"From: {person}\r\nReferences: {thread}\r\n\r\n".encode())
        body = await writer.finish()
        found.append(await store.acquaintance(account, body))
        await store.discard(body)
    return found


async def _mailbox(store: Store, account: AccountId, mailbox: Mailbox, shift: int) -> Any:
    view = await store.open(mailbox.id)
    try:
        shown = view.generation
        rows = tuple(
            [
                (
                    uid,
                    view.flagsets.names(shown.flags[place]),
                    shown.modseqs[place],
                    shown.dates[place],
                    shown.save_dates[place],
                    (await store.body(view, place)).buffer(),
                )
                for place, uid in enumerate(shown.uids)
            ]
        )
        return (
            mailbox.uidvalidity + shift,
            mailbox.special_use,
            view.uidnext,
            view.highest_modseq,
            tuple(await all_gone(store, mailbox.id, 0)),
            await store.annotations(account, mailbox.id),
            rows,
        )
    finally:
        view.close()


def plain(result: Any, shift: int = 0) -> Any:
    """An answer without the ids that each store makes up."""
    match result:
        case Mailbox():
            return result.name, result.uidvalidity + shift
        case Appended(_, uidvalidity, uids, modseq):
            return uidvalidity + shift, uids, modseq
        case Copied(_, uidvalidity, sources, targets, modseq):
            return uidvalidity + shift, sources, targets, modseq
        case Flagged():
            return result
        case list() | tuple():
            return tuple(plain(one, shift) for one in result)
    return result


@dataclass(frozen=True, slots=True)
class Expected:
    """States by number of requests done, in the order of their commits."""

    order: Sequence[int]  # request numbers in that order
    states: Sequence[State]  # one more than requests

    def differences(self, found: State, acknowledged: int, begun: frozenset[int]) -> str | None:
        """None when the state is allowed: all that was acknowledged, and then only what was begun."""
        done = acknowledged
        while found != self.states[done]:
            if done == len(self.order) or self.order[done] not in begun:
                return difference(self.states[acknowledged], found)
            done += 1
        return None


def difference(wanted: State, found: State) -> str:
    """The first thing that is not as it was acknowledged, in words."""
    for key in sorted(wanted.keys() | found.keys()):
        if wanted.get(key) != found.get(key):
            return f"{key}: {_short(found.get(key))} instead of {_short(wanted.get(key))}"
    return ""


def _short(value: Any) -> str:
    if isinstance(value, tuple) and len(value) == 7:
        rows = [
            (uid, sorted(flags), modseq, len(octets)) for uid, flags, modseq, *_, octets in value[6]
        ]
        return f"{value[:6]} {rows}"
    return repr(value)


async def expect(
    requests: Mapping[int, Request],
    answers: Sequence[tuple[int, Any]],
    provisioned: Mapping[tuple[AccountId, str], int],
    clock: FixedClock,
) -> Expected:
    """Do the requests to the memory store, compare the answers, and keep all states."""
    store = MemoryStore(clock)
    ids: dict[int, MailboxId] = {}
    states = [await state_of(store)]
    for number, answer in answers:
        given: list[Any] = []
        await perform(store, requests[number], ids.__getitem__, given.append)
        assert plain(given[0], UIDVALIDITY_SHIFT) == plain(answer), (
            requests[number],
            given[0],
            answer,
        )
        if isinstance(answer, Mailbox):
            ids[answer.id] = given[0].id
        elif requests[number].verb == "provision":
            (account, *_) = requests[number].arguments
            for mailbox in await store.mailboxes(account):
                ids[provisioned[account, mailbox.name]] = mailbox.id
        states.append(await state_of(store))
    return Expected([number for number, _ in answers], states)


async def still_works(store: Store, before: State, greatest_uidvalidity: int) -> str | None:
    """New messages, flags and mailboxes get numbers that nobody had."""
    for account in ACCOUNTS:
        for mailbox in await store.mailboxes(account):
            _, _, uidnext, highest, *_ = before[f"{account} {mailbox.name}"]
            writer = store.stage(account, 9)
            await writer.write(b"S: a\r\n\r\nb")
            body = await writer.finish()
            appended = await store.append(mailbox.id, [NewMessage(body)])
            await store.discard(body)
            flagged = await store.change_flags(
                mailbox.id, appended.uids, FlagChange.ADD, frozenset({"New"})
            )
            if appended.uids != (uidnext,) or not highest < appended.modseq < flagged.modseq:
                return f"{mailbox.name}: {appended}, {flagged} after {uidnext}, {highest}"
            break
        made = await store.create(account, "afterwards")
        if made.uidvalidity <= greatest_uidvalidity:
            return f"uidvalidity {made.uidvalidity} was given before"
        greatest_uidvalidity = made.uidvalidity
    return None
