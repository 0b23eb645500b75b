"""Who has mail here: accounts, their passwords, their addresses, what they may do (`ports.accounts` filled).

Files in reading order: `schema` (the control database `postil.db` and its migrations), `passwords` (Argon2id, and the
cache that makes the second login cheap), `scramkeys` (what SCRAM keeps of a password), `apppasswords` (passwords for single programs), `sealed` (secrets that must
be read again), `names` (how login names and addresses are compared), `credentials` (which of an account's passwords and keys it was), `database` (the
directory the protocols ask), `revocations` (what no longer holds), `admin` (what `postil account` and `postil address` change), `closing`, `tlskeys`, `totp`, `secondfactor` and `passkeys` (more
of it), `gate` (who has failed
too often and must wait), `attempts` (the list of logins).

Rules: a secret never leaves this package and is never logged; every wrong login costs the same time and says the
same; an answer "unknown" is given only when the database was read, otherwise `AccountsUnavailable`. The database is
opened through the standard library's SQLite only (aiosqlite), by the server and by commands at the same time.
"""

from postil.accounts.admin import AccountError, Administration
from postil.accounts.database import AccountsDatabase

__all__ = ["AccountError", "AccountsDatabase", "Administration"]
