"""ID: who is talking to whom, for statistics and bug reports only.

RFC 2971. It may come in any state; nothing here may depend on what the client claims to be.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from postil.imap import limits
from postil.imap.command import Done, Spec, State
from postil.imap.errors import Bad
from postil.imap.tokens import Tokens

if TYPE_CHECKING:
    from postil.imap.session import Session


@dataclass(frozen=True, slots=True)
class Id:
    """ID NIL, or ID ("field" "value" …)"""

    fields: dict[str, str | None]


def parse(tokens: Tokens) -> Id:
    tokens.sp()
    fields: dict[str, str | None] = {}
    if not tokens.accept_word("NIL"):
        pairs = iter(_strings(tokens))
        for name in pairs:
            if name is None:
                raise Bad("a field of ID has no name")
            # RFC 2971 §3.3 counts pairs; a repeated field name would make the log ambiguous
            if name.lower() in fields:
                raise Bad(f"the field {name} is there twice")
            fields[name.lower()] = next(pairs)
    tokens.end()
    return Id(fields)


def _strings(tokens: Tokens) -> list[str | None]:
    """The strings of the list, within the RFC's limits."""
    # RFC 2971 §3.3: "Implementations MUST NOT send more than 30 field-value pairs."
    strings: list[str | None] = []
    tokens.open_list()
    while not tokens.accept(b")"):
        if strings:
            tokens.sp()
        octets = tokens.nstring()
        most = limits.ID_VALUE_OCTETS if len(strings) % 2 else limits.ID_FIELD_OCTETS
        if octets is not None and len(octets) > most:
            raise Bad(f"a string of ID is longer than {most} octets")
        strings.append(None if octets is None else octets.decode("utf-8", "replace"))
        if len(strings) > 2 * limits.ID_FIELDS:
            raise Bad(f"ID has more than {limits.ID_FIELDS} fields")
    if len(strings) % 2:
        raise Bad("a field of ID has no value")
    return strings


async def handle(session: Session, command: Id) -> AsyncIterator[bytes | Done]:
    """Log theirs, show ours."""
    session.event("id", fields=command.fields)
    told = [command.fields.get("name"), command.fields.get("version")]
    session.client_name = " ".join(filter(None, told))
    pairs = " ".join(f'"{name}" "{value}"' for name, value in session.settings.identity.items())
    # RFC 2971 §3.2: ID is answered, with NIL when there is nothing to tell
    yield f"* ID ({pairs})\r\n".encode("ascii") if pairs else b"* ID NIL\r\n"


COMMANDS = (Spec("ID", State.ANY, parse, handle, capability="ID"),)
