"""IMAP on our ports: the words for refusing and stopping, and the session's settings.

RFC 9051 §7.1.5: BYE, untagged, is how a server says both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from postil.base.clock import Clock
from postil.daemon.service import Service, Surroundings, Words
from postil.imap.serving import serve
from postil.imap.session import Session
from postil.imap.settings import Limits, Settings
from postil.ports.accounts import Accounts
from postil.ports.sessions import Ended
from postil.ports.store import Store
from postil.ports.stream import Stream

_CODES: Final = {
    # RFC 5530 §3: "access is no longer permitted using that passphrase. The client or user should get a new passphrase."
    Ended.CREDENTIAL: "EXPIRED",
    # RFC 5530 §3: "The user should contact the system administrator or support desk."
    Ended.ACCOUNT: "CONTACTADMIN",
    Ended.LOGOUT: "UNAVAILABLE",  # the same login will do
}

# RFC 9051 §7.1.5: "The BYE response is always untagged and indicates that the server is about to
# close the connection."
WORDS: Final = Words(
    refuse=lambda reason: f"* BYE [UNAVAILABLE] {reason}\r\n".encode(),
    farewell=b"* BYE [UNAVAILABLE] the server stops, come back in a moment\r\n",
    fault=b"* BYE [SERVERBUG] an error of ours, written to the log\r\n",
    dismiss=lambda why: f"* BYE [{_CODES[why]}] {why.value}\r\n".encode(),
)


def imap_service(
    store: Store,
    accounts: Accounts,
    clock: Clock,
    surroundings: Surroundings,
    *,
    host: str,
    plaintext_login: bool,
    limits: Limits,
    entries: Mapping[str, bytes],
    cram_md5: bool = False,
    preauth: frozenset[str] = frozenset(),
) -> Service:
    """IMAP sessions on any port."""

    async def run(stream: Stream) -> None:
        await serve(Session(stream, store, accounts, clock, settings))

    service = Service("imap", WORDS, run, surroundings)
    settings = Settings(
        sleep=asyncio.sleep,
        later=lambda seconds, call: asyncio.get_running_loop().call_later(seconds, call).cancel,
        host=host,
        plaintext_login=plaintext_login,
        limits=limits,
        entries=entries,
        gate=surroundings.gate,
        present=service.present,
        cram_md5=cram_md5,
        preauth=preauth,
        event=service.event,
        failure=service.failure,
    )
    return service
