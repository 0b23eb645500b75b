"""The pipeline: which step is asked when, and the message's way through them.

Implements `ports.delivery.Inbound`. RFC 5321 §3.3 (when what is decided), §4.2.5 (what 250 promises).

At MAIL the `sender` steps are asked, at RCPT the `recipient` steps, at the end of DATA the `message` steps; the first that
refuses decides, and its verdict names it. Then `deliver` writes all copies in one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from postil.base.clock import Clock
from postil.base.ids import object_id
from postil.inbound.deliver import Deliverer
from postil.inbound.header import HeaderWatch
from postil.inbound.loops import too_many_hops
from postil.inbound.posting import may_post
from postil.inbound.quota import room_for
from postil.inbound.rates import Rates
from postil.inbound.recipient import enabled, recipient_exists
from postil.inbound.relay import relaying
from postil.inbound.sender import may_send
from postil.inbound.settings import Settings
from postil.ports.accounts import Accounts, Delivery
from postil.ports.delivery import Path, Receiving, Transaction, Verdict
from postil.ports.ids import AccountId
from postil.ports.store import BodyWriter, Store


class Pipeline:
    """Local delivery for every SMTP listener of a machine."""

    def __init__(self, store: Store, accounts: Accounts, clock: Clock, settings: Settings) -> None:
        self._store = store
        self._accounts = accounts
        self._clock = clock
        self._settings = settings
        self._rates = Rates(clock, settings)
        self._deliverer = Deliverer(store, clock, settings)

    async def begin(self, transaction: Transaction) -> Receiving | Verdict:
        """MAIL: rate, then the right to send under this address."""
        verdict = self._rates.message(transaction) or await may_send(self._accounts, transaction)
        if verdict is not None:
            return verdict
        return Reception(
            self._store,
            self._accounts,
            self._rates,
            self._deliverer,
            transaction,
        )


class Reception:
    """One message on its way in (`ports.delivery.Receiving`)."""

    def __init__(
        self,
        store: Store,
        accounts: Accounts,
        rates: Rates,
        deliverer: Deliverer,
        transaction: Transaction,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._rates = rates
        self._deliverer = deliverer
        self._transaction = transaction
        self._rcpt_to: list[Path] = []
        self._targets: dict[tuple[AccountId, str, str], Delivery] = {}
        self._header = HeaderWatch()
        self._writer: BodyWriter | None = None

    async def recipient(self, path: Path) -> Verdict:
        """RCPT: rate, ours or relayed, existing, open to this sender, enabled, not full."""
        transaction = self._transaction
        refusal = self._rates.recipient(transaction) or await relaying(
            self._accounts, transaction, path
        )
        if refusal is not None:
            return refusal
        found = await recipient_exists(self._accounts, path)
        if isinstance(found, Verdict):
            return found
        refusal = await may_post(self._accounts, transaction, found)
        if refusal is not None:
            return refusal
        usable = enabled(found)
        if isinstance(usable, Verdict):
            return usable
        fitting = await room_for(self._store, usable, transaction.declared_size)
        if isinstance(fitting, Verdict):
            return fitting
        self._add(fitting)
        self._rcpt_to.append(path)
        return Verdict(250, "2.1.5", "recipient ok", "recipient")

    def _add(self, found: Sequence[Delivery]) -> None:
        """Two addresses that lead to one mailbox of one account get one copy; what is not of a list comes first."""
        for delivery in found:
            key = (delivery.account.id, delivery.mailbox, delivery.tag)
            known = self._targets.get(key)
            if known is None or (known.lists and not delivery.lists):
                self._targets[key] = delivery

    async def write(self, piece: bytes | memoryview) -> None:
        """Octets into the store, in memory or on disk as it likes."""
        if self._writer is None:
            accounts = {delivery.account.id for delivery in self._targets.values()}
            only = next(iter(accounts)) if len(accounts) == 1 else None
            self._writer = self._store.stage(only, self._transaction.declared_size)
        self._header.feed(piece)
        await self._writer.write(piece)

    async def finish(self) -> Verdict:
        """All is here: the message steps, then delivery."""
        if self._writer is None:  # an empty message
            await self.write(b"")
        writer, self._writer = self._writer, None
        assert writer is not None
        refusal = too_many_hops(self._header)
        if refusal is not None:
            await writer.abort()
            return refusal
        whole = replace(self._transaction, rcpt_to=tuple(self._rcpt_to), queue_id=object_id("q"))
        return await self._deliverer.deliver(
            whole, list(self._targets.values()), self._header, writer
        )

    async def abort(self) -> None:
        """Nothing is kept."""
        writer, self._writer = self._writer, None
        if writer is not None:
            await writer.abort()
