"""FETCH, taken apart: what may be asked of a message and how each answer is made.

RFC 9051 §6.4.5, §7.5.2; RFC 3501 §6.4.5, §7.4.2. The command itself is `commands/fetch.py`.

Three costs decide how a command runs. What the picture in memory knows (UID, FLAGS, INTERNALDATE, RFC822.SIZE) is formatted in
columns, 1,500 lines at a time (`picture.py`). What the index keeps ready (ENVELOPE, BODYSTRUCTURE, the header) comes in pages of 256
messages. Octets of the body are read in slices while they are sent, so that a client that reads slowly costs one slice.

In reading order: `items.py` (what an item is; the simple ones), `message.py` (one message, loaded as far as needed),
`sections.py` (BODY[…]), `picture.py` (the fast lines), `bulk.py` (columns of a page for them), `remembered.py` (header fields asked for before).

NULs. A message may hold NUL octets (appended as literal8, or received). No string but literal8 may carry
one, so BODY[…] shows each as the octet 0x80, which changes no size and no offset; BINARY[…] gives the very octets.
"""
