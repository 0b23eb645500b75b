"""SEARCH, taken apart: the criteria as a tree, and how the tree is decided for 100,000 messages.

RFC 9051 §6.4.4, §7.3.4; RFC 3501 §6.4.4, §7.2.5 with erratum 261. The command itself is `commands/search.py`; what RETURN may ask for
is `extensions/esearch.py`, the saved result `extensions/searchres.py`.

In reading order: `keys.py` (the tree), `parse.py` (from the command's text to the tree), `mask.py` (sets of messages), `evaluate.py` (the
tree against the mailbox).

What needs no text is decided from the picture in memory, whole columns at a time; what needs text is asked of the store, and only for the
messages the cheap keys left over.
"""
