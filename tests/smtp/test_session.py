"""A session from greeting to QUIT, and everything that ends it otherwise."""

from __future__ import annotations

from tests.support.smtp import short, world


async def test_a_message_arrives() -> None:
    """MAIL, RCPT, DATA: envelope and octets reach the pipeline."""
    async with world() as w:
        client = await w.client()
        await client.envelope()
        assert short(await client.message(b"Subject: x\r\n\r\n..dot\r\n.\r\n")) == "250 2.0.0"
        assert w.recorder.kept == [b"Subject: x\r\n\r\n.dot\r\n"]
        transaction = w.recorder.messages[0].transaction
        assert (transaction.mail_from.wire, transaction.helo) == (
            "sender@client.example",
            "client.example",
        )
        assert transaction.protocol == "ESMTP"
        assert short(await client.ask("QUIT")) == "221 2.0.0"
        assert await client.reply() == ""
