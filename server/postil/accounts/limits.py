"""Every number of aliases, lists and the log of changes, with its reason."""

from __future__ import annotations

from typing import Final

# An alias in an alias in an alias: people lose track at three; a file made by a program may need more.
DEPTH: Final = 8

# Members of one alias or list. RFC 5321 §4.5.3.1.8 asks a server to take 100 recipients of a message; the list of
# everybody of a large school fits.
MEMBERS: Final = 5000

# Copies that one recipient address may become, over all it leads to: each is a row in one transaction.
COPIES: Final = 10_000

# Addresses that a list names as those who may write to it.
POSTERS: Final = 1000

# Characters of the reason why an account is disabled: a sentence, shown to whoever logs in with the right password.
REASON: Final = 200

# Characters of a person's name: shown in lists and in the log of changes, which keeps each old one.
DISPLAY_NAME: Final = 200

# RFC 9208 §4.1 and RFC 9051 §4: a limit is a number of 63 bits, and so is the database's.
QUOTA: Final = 2**63 - 1

# The end of the year 9999, after which no calendar can show a time.
LAST_TIME: Final = 253_402_300_799

# What may stand between local part and tag. All are atext (RFC 5322 §3.2.3) that nobody's name ends with, and the
# dot, which some prefer.
SEPARATORS: Final = "+-_=#~."

# The log of changes: who was let in a year ago is asked at the yearly review, which is never on the day.
AUDIT_SECONDS: Final = 400 * 86400
# A busy machine's import of 100,000 accounts must not fill the disk; about 500 octets a row.
AUDIT_ROWS: Final = 1_000_000

# Rows of a file of accounts, and the errors told of it at a time.
IMPORT_ROWS: Final = 200_000
IMPORT_ERRORS: Final = 100
