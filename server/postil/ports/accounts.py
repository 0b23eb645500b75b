"""Who may log in, which addresses lead where, and what an account may do.

Protocols ask; the accounts package answers from its database; localserve answers from memory. Secrets never
pass through a record here: a password goes in, an account comes out.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from postil.ports.ids import AccountId


class AccountsUnavailable(Exception):
    """The directory cannot answer for now: temporary failure, never "unknown user"."""


class SecondFactorOn(Exception):
    """The account's own password was right, and is not enough; clients are told what every wrong login is told."""


class Means(enum.Enum):
    """With what somebody can log in; the value is what a log shows."""

    PASSWORD = "password"
    APP_PASSWORD = "app password"
    TLS_KEY = "TLS key"


@dataclass(frozen=True, slots=True)
class Credential:
    """What a login rested on: when it is withdrawn, the sessions it opened end."""

    means: Means
    number: (
        int  # which app password or key; of the account's own password: how often it was changed
    )
    epoch: int  # of the account: how often all its sessions were ended


class AccountDisabled(Exception):
    """The login was right, and the account is disabled; the text is the reason, for its owner's eyes."""


class NotExpandable(Exception):
    """The address is an alias or list that leads to nobody, too deep or to too many; `later`: that may be mended."""

    def __init__(self, text: str, *, later: bool) -> None:
        super().__init__(text)
        self.later = later


class Incoming(enum.Enum):
    """What becomes of mail for an account while it is disabled."""

    ACCEPT = "accept"  # it is delivered as always
    LATER = "later"  # the sender is told to try again
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Account:
    """An account as sessions see it."""

    id: AccountId
    name: str  # login name, usually an address
    display_name: str = ""
    quota: int | None = None  # octets; None: no limit
    quota_messages: int | None = None
    quota_mailboxes: int | None = None
    shows_free_space: bool = (
        False  # without a limit of octets, clients are shown what the disk has left
    )
    marks_important: bool = True  # what arrives may get $Important (RFC 8457)
    disabled: str | None = None  # a reason to show, or None
    disabled_mail: Incoming = Incoming.REFUSE  # counts only while disabled
    switched_off: frozenset[str] = field(
        default_factory=frozenset
    )  # capabilities hidden from this account, as of the login
    credential: Credential | None = field(default=None, compare=False)  # only after a login


class Posts(enum.Enum):
    """Who may write to a list."""

    ANYONE = "anyone"
    MEMBERS = "members"
    NAMED = "named"


@dataclass(frozen=True, slots=True)
class MailingList:
    """A list that a message passes on its way to an account, and who may send it that way."""

    address: str
    owner: str  # address that hears of failures: RFC 5321 §3.9.2
    posts: Posts = Posts.ANYONE
    members: frozenset[AccountId] = frozenset()
    named: frozenset[str] = frozenset()  # addresses without case, domains in A-labels


@dataclass(frozen=True, slots=True)
class Delivery:
    """A recipient address led to an account."""

    account: Account
    address: str  # the last address on the way; canonical, quoted where it must be
    mailbox: str = "INBOX"
    tag: str = ""  # a mailbox of that name is preferred when there is one: alice+news
    via: tuple[str, ...] = ()  # the addresses before, in the order in which mail passes them
    lists: tuple[MailingList, ...] = ()  # those among them that are lists
    sends: bool = True  # may the account use the recipient address as sender


@dataclass(frozen=True, slots=True)
class Proved:
    """A login by SCRAM was right, and how we prove ourselves in turn."""

    account: Account
    signature: bytes = field(repr=False)


class Salted(Protocol):
    """What a client of SCRAM needs to make its proof, and who judges it; for unknown names too."""

    @property
    def salt(self) -> bytes: ...

    @property
    def iterations(self) -> int: ...

    async def prove(self, auth_message: bytes, proof: bytes) -> Proved | None:
        """Whose proof it is; None for every wrong login. Takes the same time for each; AccountDisabled, SecondFactorOn, AccountsUnavailable."""
        ...


class Accounts(Protocol):
    """The directory."""

    async def authenticate(
        self, login: str, password: str, *, protocol: str, peer: str
    ) -> Account | None:
        """The account, or None for every wrong login: unknown, wrong password.

        Takes the same time for each; SecondFactorOn; AccountDisabled where everything was right but that; AccountsUnavailable when nobody can tell now.
        """
        ...

    async def scram(self, login: str, hash_name: str, *, protocol: str) -> Salted:
        """The beginning of a login by SCRAM with that hash (hashlib's name); AccountsUnavailable.

        An unknown name gets a salt as well, the same each time.
        """
        ...

    async def cram_md5(
        self, login: str, challenge: bytes, digest: bytes, *, protocol: str
    ) -> Account | None:
        """The account whose password made the digest of the challenge (RFC 2195); as `authenticate`."""
        ...

    async def by_key(self, key: str, *, protocol: str) -> Account | None:
        """Whose TLS key it is (`ports.peer.Peer.client_key`); None for an unknown one and a disabled account."""
        ...

    async def authorize(self, account: Account, identity: str) -> Account | None:
        """May `account` act as `identity` (RFC 4616 authzid)? The account it then is, or None."""
        ...

    async def resolve(self, local_part: str, domain: str) -> Sequence[Delivery]:
        """Where mail for the address goes, each account once; empty when the address does not exist here; NotExpandable.

        `domain` is in A-label form and lower case, or a literal such as `[127.0.0.1]`; the local part is unquoted.
        postmaster and abuse exist at every local domain. With an empty domain: bare `<Postmaster>`.
        """
        ...

    async def is_local(self, domain: str) -> bool:
        """Are we the final place for this domain?"""
        ...

    async def may_send_as(self, account: Account, local_part: str, domain: str) -> bool:
        """May the account use the address as MAIL FROM or From?"""
        ...
