"""What is beyond the commands of RFC 9051 §6, or was an extension before: a file for each.

Each holds dataclass, parse, handle and a tuple `COMMANDS` (or `FETCH_ITEMS`, `SEARCH_KEYS`) that the registry
joins; what it announces stands in `imap/capabilities.py`.
"""
