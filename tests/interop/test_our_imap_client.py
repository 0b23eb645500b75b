"""Our client against Dovecot: a server that has SORT and THREAD, LITERAL+ without MULTIAPPEND's answers of ours, and habits of its own."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tools.bench import peers

from postil.imap.client.commands import Known
from postil.imap.client.compose import Astring
from postil.imap.client.responses import Exists, Vanished
from postil.imap.client.structure import Part
from postil.imap.client.uploads import Message
from postil.imap.client.watch import Group
from postil.net.imapclient import ImapClient, connect
from postil.net.imaperrors import RefusedNo

MAIL = b"From: a@example.org\r\nSubject: one\r\nMessage-ID: <1@x>\r\n\r\nHello\r\n"
REPLY = b"From: b@example.org\r\nSubject: Re: one\r\nMessage-ID: <2@x>\r\nIn-Reply-To: <1@x>\r\nReferences: <1@x>\r\n\r\nHi\r\n"


@pytest.fixture(scope="module")
def dovecot() -> Iterator[peers.Server]:
    try:
        # Not below pytest's folder, which is closed to all others: its users are not ours.
        with tempfile.TemporaryDirectory(prefix="dovecot-") as folder:
            Path(folder).chmod(0o755)
            with peers.dovecot(Path(folder)) as server:
                yield server
    except peers.MissingPeer as missing:
        pytest.skip(str(missing))


async def logged_in(server: peers.Server, user: str) -> ImapClient:
    client = await connect("127.0.0.1", server.imap, tls="none", patience=30)
    await client.login(user, peers.PASSWORD)
    return client


async def test_a_day_with_dovecot(dovecot: peers.Server) -> None:
    """Compressed where it offers that, with names beyond ASCII: in, found, sorted, threaded, changed, copied, moved, away."""
    async with await logged_in(dovecot, "day") as client:
        assert client.offers("SORT") and client.offers("QRESYNC")
        assert await client.identify({"name": "postil"})
        if client.offers("COMPRESS=DEFLATE"):
            await client.compress()
        await client.create("Grüße & mehr")
        assert "Grüße & mehr" in [one.name for one in await client.mailboxes()]
        told = await client.append(
            "INBOX", Message(MAIL, ("\\Seen",)), Message([REPLY[:9], REPLY[9:]], size=len(REPLY))
        )
        assert told is not None and list(told.uids) == [1, 2]
        box = await client.select("INBOX", condstore=True)
        assert box.exists == 2 and box.highest_modseq and not box.read_only
        assert await client.search("BODY", Astring("Größe".encode()), charset="UTF-8") == ()
        assert await client.sort(["REVERSE", "FROM"]) == (2, 1)
        (thread,) = await client.thread("REFERENCES")
        assert thread.numbers == (1, 2)
        found = await client.esearch("ALL", returns=["COUNT", "MAX"])
        assert found is not None and (found.count, found.highest) == (2, 2)
        one, _ = await client.fetch(
            "1:2",
            "FLAGS ENVELOPE BODYSTRUCTURE INTERNALDATE RFC822.SIZE MODSEQ BODY.PEEK[] BINARY.PEEK[1]",
        )
        assert one.octets("") == MAIL and one.octets("BINARY[1]") == b"Hello\r\n"
        assert one.envelope is not None and one.envelope.subject == b"one" and one.modseq
        assert isinstance(one.structure, Part) and one.structure.type == "text"
        fetched, _ = await client.store("1:2", "$Work")
        assert all("$Work" in (message.flags or ()) for message in fetched)
        copied = await client.copy(1, "Grüße & mehr")
        moved = await client.move(2, "Grüße & mehr")
        assert copied is not None and moved is not None and moved.pairs() == [(2, 2)]
        status = await client.status("Grüße & mehr", "MESSAGES", "UIDNEXT", "HIGHESTMODSEQ")
        assert (status.messages, status.uidnext) == (2, 3)
        await client.store(1, "\\Deleted")
        assert len(await client.expunge("1")) == 1
        with pytest.raises(RefusedNo) as refusal:
            await client.append("nowhere", Message(MAIL))
        assert refusal.value.status.code_name == "TRYCREATE"
        assert (await client.namespace()).personal
        await client.logout()


async def test_idle_notify_and_qresync_with_dovecot(dovecot: peers.Server) -> None:
    """What another session does arrives; what happened meanwhile is told at SELECT."""
    async with await logged_in(dovecot, "two") as client, await logged_in(dovecot, "two") as other:
        await client.append("INBOX", Message(MAIL), Message(REPLY))
        await client.enable("QRESYNC")
        box = await client.select("INBOX")
        assert box.uidvalidity and box.highest_modseq
        async with client.idle() as news, asyncio.timeout(30):
            await other.append("INBOX", Message(MAIL))
            while await news.next() != Exists(3):
                pass
            await other.select("INBOX")
            await other.store(1, "\\Deleted")
            await other.expunge()
            while not isinstance(await news.next(), Vanished):
                pass
        await client.unselect()
        known = Known(box.uidvalidity, box.highest_modseq)
        again = await client.select("INBOX", known=known)
        assert list(again.vanished) == [1] and 3 in [one.uid for one in again.changed]
        await client.notify([Group("selected", ("MessageNew", "MessageExpunge"), items="UID")])
        await client.notify()
