"""The change feed: who listens to which account (`ports.store.Store.listen`).

A hint after each commit; RFC 5465 and RFC 9051 §6.3.13 (IDLE) are built on it. Called in the event loop, in
commit order, when the pictures show the change and before its acknowledgement goes out.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeAlias

from postil.ports.ids import AccountId
from postil.ports.store import Change

Hear: TypeAlias = Callable[[Change], None]

_log = logging.getLogger("postil.store")


class Feed:
    """Listeners by account."""

    def __init__(self) -> None:
        self._listeners: dict[AccountId, dict[object, Hear]] = {}

    def listen(self, account: AccountId, hear: Hear) -> Callable[[], None]:
        """Begin to listen; what it returns stops it, idempotent."""
        token = object()
        self._listeners.setdefault(account, {})[token] = hear

        def stop() -> None:
            of_account = self._listeners.get(account)
            if of_account is not None:
                of_account.pop(token, None)
                if not of_account:
                    self._listeners.pop(account, None)

        return stop

    def tell(self, change: Change) -> None:
        """Let everybody of the account hear it; one that fails does not keep it from the others."""
        listeners = self._listeners.get(change.account)
        if listeners:
            for hear in tuple(listeners.values()):
                try:
                    hear(change)
                except Exception:  # noqa: BLE001 a listener's bug must not fail somebody's commit
                    _log.exception("a listener of the change feed failed")
