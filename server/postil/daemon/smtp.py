"""SMTP on our ports, reception and submission: the words for refusing and stopping, and the session's settings.

RFC 5321 §3.8 and §4.2.2: 421 is how a server says both.
"""

from __future__ import annotations

import asyncio

from postil.base.clock import Clock
from postil.daemon.service import Service, Surroundings, Words
from postil.ports.accounts import Accounts
from postil.ports.delivery import Inbound
from postil.ports.stream import Stream
from postil.smtp.session import Session
from postil.smtp.settings import Limits, Settings


def words(host: str) -> Words:
    """What SMTP says instead of a greeting, and at the end."""
    # RFC 5321 §3.8: the session says it where it can; these are for connections that no session serves
    return Words(
        refuse=lambda reason: f"421 4.7.0 {host} {reason}\r\n".encode(),
        farewell=f"421 4.3.2 {host} is shutting down, try again later\r\n".encode(),
        fault=f"421 4.3.0 {host} an error of ours, written to the log\r\n".encode(),
        dismiss=lambda why: f"421 4.7.0 {host} {why.value}\r\n".encode(),
    )


def smtp_service(
    inbound: Inbound,
    accounts: Accounts,
    clock: Clock,
    surroundings: Surroundings,
    *,
    host: str,
    submission: bool,
    plaintext_login: bool,
    limits: Limits,
    cram_md5: bool = False,
) -> Service:
    """SMTP sessions on any port; `submission` demands a login."""

    async def run(stream: Stream) -> None:
        await Session(stream, inbound, accounts, clock, settings).run()

    service = Service("submission" if submission else "smtp", words(host), run, surroundings)
    settings = Settings(
        sleep=asyncio.sleep,
        host=host,
        offer_login=submission,
        require_login=submission,
        plaintext_login=plaintext_login,
        limits=limits,
        gate=surroundings.gate,
        present=service.present,
        cram_md5=cram_md5,
        event=service.event,
        failure=service.failure,
    )
    return service
