"""The commands of RFC 9051 §6 and RFC 3501 §6, a file for each, or for a small noun.

Each file holds the command as a frozen dataclass, `parse` (tokens to dataclass), `handle` (an async generator of
responses) and a tuple `COMMANDS` that `imap/registry.py` joins. Reading order is that of the RFC: capability, noop,
logout; starttls, authenticate, login; enable, select, create, delete, rename, subscribe, list, lsub, namespace, status,
append; close, expunge, search, fetch, store, copy.
"""
