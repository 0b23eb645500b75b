"""What SELECT told, gathered from its responses.

RFC 9051 §6.3.2; RFC 7162 §3.1.2, §3.2.5; RFC 8474 §4.1.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from postil.imap.client.codes import Listed, MailboxId, Number
from postil.imap.client.fetched import Fetched
from postil.imap.client.mailboxes import Mailbox
from postil.imap.client.numbers import Numbers
from postil.imap.client.parse import Response
from postil.imap.client.responses import Exists, Flags, Recent, Status, Vanished


@dataclass(frozen=True, slots=True)
class Selected:
    """A mailbox as SELECT told it; None is what was not told."""

    exists: int = 0
    recent: int | None = None
    flags: tuple[str, ...] = ()
    permanent_flags: tuple[str, ...] | None = None
    uidvalidity: int | None = None
    uidnext: int | None = None
    unseen: int | None = None
    highest_modseq: int | None = None  # None after NOMODSEQ too
    mailbox_id: str | None = None
    read_only: bool = False
    mailbox: Mailbox | None = None  # RFC 9051 tells LIST, with OLDNAME when the name is another
    vanished: Numbers = Numbers()  # QRESYNC: gone since the modseq that was given
    changed: tuple[Fetched, ...] = ()  # QRESYNC: changed since


def gather(responses: Iterable[Response], tagged: Status) -> Selected:
    """One picture of all of them."""
    exists, recent = 0, None
    flags: tuple[str, ...] = ()
    permanent: tuple[str, ...] | None = None
    numbers: dict[str, int] = {}
    object_id, mailbox = None, None
    vanished: list[tuple[int, int]] = []
    changed: list[Fetched] = []
    for response in responses:
        match response:
            case Exists(count):
                exists = count
            case Recent(count):
                recent = count
            case Flags(names):
                flags = names
            case Mailbox():
                mailbox = response
            case Vanished(uids):
                vanished.extend(uids.ranges)
            case Fetched():
                changed.append(response)
            case Status(code=Number(name, value)):
                numbers[name] = value
            case Status(code=Listed("PERMANENTFLAGS", items)):
                permanent = items
            case Status(code=MailboxId(id_)):
                object_id = id_
    return Selected(
        exists,
        recent,
        flags,
        permanent,
        numbers.get("UIDVALIDITY"),
        numbers.get("UIDNEXT"),
        numbers.get("UNSEEN"),
        numbers.get("HIGHESTMODSEQ"),
        object_id,
        tagged.code_name == "READ-ONLY",
        mailbox,
        Numbers(tuple(vanished)),
        tuple(changed),
    )
