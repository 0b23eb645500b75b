"""The store port without a disk: for tests of everything above it, and the reference of the contract.

Files in reading order: `state` (accounts, mailboxes and messages as plain objects), `staging` (bodies on their way in), `store`
(the verbs). Rule: a verb checks everything first and changes things afterwards without awaiting, so each is all or nothing.
"""

from __future__ import annotations

from postil.store.memory.store import MemoryStore

__all__ = ["MemoryStore"]
