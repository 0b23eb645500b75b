"""The numbers of the protocols, kept apart by type so that one is never passed for another."""

from __future__ import annotations

from typing import NewType

AccountId = NewType("AccountId", int)
MailboxId = NewType("MailboxId", int)  # row number; never on the wire (that is `Mailbox.object_id`)
Uid = NewType("Uid", int)  # 1 … 2**32-1, RFC 9051 §2.3.1.1
Seq = NewType("Seq", int)  # 1 … number of messages, RFC 9051 §2.3.1.2
ModSeq = NewType("ModSeq", int)  # 1 … 2**63-1, RFC 7162 §3.1.1
