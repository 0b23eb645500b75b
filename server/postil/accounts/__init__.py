"""Who has mail here: accounts, their passwords, their addresses, what they may do (`ports.accounts` filled).

Files in reading order: `limits`; `schema` (the control database `postil.db` and its migrations), `passwords` (Argon2id, and the
cache that makes the second login cheap), `scramkeys` (what SCRAM keeps of a password), `apppasswords` (passwords for single programs), `sealed` (secrets that must be read again), `credentials` (which of
an account's passwords and keys it was), `names` (how login
names and addresses are compared).
What the protocols ask: `expanding` (aliases and lists to accounts), `routing` (where an address leads), `database` (the directory), `revocations` (what no longer
holds).
What commands change: `roles` (who may), `changes` (one transaction with its row in the log), `audit` (that log), `rows` (accounts as lists show them), `places`
(addresses as commands name them), `addresses`, `rules` (how a domain reads addresses), `aliasrows`, `membership` (never in a circle) and `aliases`, `labels` and `programs` (passwords for single
programs), `granting` (roles given and taken), `bulk` (many accounts from a file), `admin` (accounts and their passwords; has the others as attributes); beside it `closing`, `tlskeys`, `totp`, `secondfactor` and `passkeys`.
Logins: `gate` (who has failed too often and must wait), `attempts` (the list of logins).

Rules: a secret never leaves this package and is never logged; every wrong login costs the same time and says the
same; an answer "unknown" is given only when the database was read, otherwise `AccountsUnavailable`. Commands change everything through `changes`, so there is a row for it. The database is
opened through the standard library's SQLite only (aiosqlite), by the server and by commands at the same time.
"""

from postil.accounts.admin import Administration
from postil.accounts.changes import AccountError, NotAllowed
from postil.accounts.database import AccountsDatabase
from postil.accounts.roles import Actor

__all__ = ["AccountError", "AccountsDatabase", "Actor", "Administration", "NotAllowed"]
