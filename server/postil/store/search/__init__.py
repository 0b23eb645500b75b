"""Substring search over what messages say (RFC 9051 §6.4.4, RFC 5051).

Files in reading order: `fold` (i;unicode-casemap), `text` (what of a message is searched, and the plain scan that defines the
right answer), `scan` (that answer, message by message), `database` (search.db), `pending` (texts
of the newest messages, until the index has them), `index` (follows the bodies, proposes what the scan decides).
"""
