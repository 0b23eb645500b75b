"""The objects of an authority, read tolerantly: RFC 8555 §7.1; unknown fields are nobody's fault, missing ones are.

Times stay text until somebody needs them: an authority that spells "expires" oddly still issues certificates.
"""

from __future__ import annotations

import datetime
import re
from typing import Any, Final, TypeVar

import msgspec

from postil.acme import limits, problem
from postil.acme.identifiers import Identifier
from postil.acme.problem import BadAnswer, Problem

_T = TypeVar("_T")
# RFC 8555 §8.3: "It MUST NOT contain any characters outside the base64url alphabet"
_TOKEN: Final = re.compile(rf"[A-Za-z0-9_-]{{1,{limits.TOKEN}}}")


class Meta(msgspec.Struct, frozen=True, rename="camel"):
    """What a directory says about the authority."""

    terms_of_service: str | None = None
    website: str | None = None
    caa_identities: list[str] | None = None
    external_account_required: bool | None = None
    profiles: dict[str, str] | None = None


class Directory(msgspec.Struct, frozen=True, rename="camel"):
    """Where everything is (RFC 8555 §7.1.1)."""

    new_nonce: str
    new_account: str
    new_order: str
    revoke_cert: str | None = None
    key_change: str | None = None
    renewal_info: str | None = None  # RFC 9773 §3
    meta: Meta = Meta()


class Account(msgspec.Struct, frozen=True, rename="camel"):
    """An account (RFC 8555 §7.1.2)."""

    status: str
    contact: list[str] | None = None


class _Identifier(msgspec.Struct, frozen=True):
    type: str
    value: str

    def known(self) -> Identifier:
        return Identifier(self.type, self.value.lower())


class Challenge(msgspec.Struct, frozen=True):
    """One way to prove an identifier (RFC 8555 §8)."""

    type: str
    url: str = ""
    status: str = "pending"
    token: str = ""
    error: Any = None

    @property
    def problem(self) -> Problem | None:
        """Why it failed."""
        return problem.read(self.error) if self.error else None

    @property
    def usable(self) -> bool:
        """Has it what an answer needs?"""
        return bool(self.url) and _TOKEN.fullmatch(self.token) is not None


class Authorization(msgspec.Struct, frozen=True):
    """An identifier to prove (RFC 8555 §7.1.4)."""

    status: str
    identifier: _Identifier
    challenges: list[Challenge] = []
    wildcard: bool | None = None

    @property
    def name(self) -> Identifier:
        """The identifier, without "*."."""
        return self.identifier.known()


class Order(msgspec.Struct, frozen=True):
    """An order (RFC 8555 §7.1.3)."""

    status: str
    finalize: str
    authorizations: list[str]
    identifiers: list[_Identifier]
    certificate: str | None = None
    error: Any = None

    @property
    def names(self) -> frozenset[Identifier]:
        """What the certificate is for; RFC 8555 §7.4 lets an authority put them in any order."""
        return frozenset(one.known() for one in self.identifiers)

    @property
    def problem(self) -> Problem | None:
        """Why it failed."""
        return problem.read(self.error) if self.error else None


class _Window(msgspec.Struct, frozen=True):
    start: str
    end: str


class RenewalInfo(msgspec.Struct, frozen=True, rename="camel"):
    """When the authority would like a certificate renewed (RFC 9773 §4.2)."""

    suggested_window: _Window
    # RFC 9773 §4.2 names the field with three capitals
    explanation_url: str | None = msgspec.field(name="explanationURL", default=None)


def read(body: bytes, kind: type[_T], what: str) -> _T:
    """The object in the body; BadAnswer names `what` when it is none."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise BadAnswer(f"{what} is not what RFC 8555 describes: {error}") from error


def moment(text: str) -> float:
    """Seconds since the epoch of an RFC 3339 time; ValueError when it is none."""
    found = datetime.datetime.fromisoformat(text.strip().upper())
    if found.tzinfo is None:
        raise ValueError(f"{text!r} names no zone")
    return found.timestamp()
