"""The two parameters of RFC 8657: which account of the CA, and how it may validate.

RFC 8657 §3 (accounturi), §4 (validationmethods). They bind only a CA that documents them: `authorities`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from postil.caa.values import Issuance, Parameter, shown

ACCOUNT: Final = "accounturi"
METHODS: Final = "validationmethods"

# RFC 8657 §4: "label = 1*(ALPHA / DIGIT / "-")"
_LABEL: Final = re.compile(r"[A-Za-z0-9-]+")
# RFC 3986 §3: a scheme and something behind it, in the characters of §2
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")

# Methods for which nothing but the DNS is asked: RFC 8657 §5.6 has them as the other way to be safe in a signed zone
BY_DNS: Final = frozenset({"dns-01"})

# The registry "ACME Validation Methods" as far as it is about names of servers: RFC 8555 §9.7.8, RFC 8737 §6.3, RFC 9799 §7.1
REGISTERED: Final = frozenset({"http-01", "dns-01", "tls-alpn-01", "onion-csr-01"})


@dataclass(frozen=True, slots=True)
class Binding:
    """What a property demands; None: it does not say. One that cannot be satisfied grants nothing."""

    account: str | None = None
    methods: frozenset[str] | None = None
    unsatisfiable: str = ""  # why


def of(issuance: Issuance) -> Binding:
    """The conditions of a value."""
    accounts, lists = issuance.all(ACCOUNT), issuance.all(METHODS)
    if len(accounts) > 1:
        # RFC 8657 §3: "A Property with multiple "accounturi" parameters is unsatisfiable."
        return Binding(unsatisfiable=f"it has {len(accounts)} parameters accounturi")
    account = accounts[0] if accounts else None
    if account is not None and not is_uri(account):
        # RFC 8657 §3: "A Property with an invalid or unrecognized "accounturi" parameter is unsatisfiable."
        return Binding(unsatisfiable=f"its accounturi {shown(account)} is no URI")
    methods: frozenset[str] | None = None
    for one in lists:
        labels = one.split(",") if one else []
        if not all(map(_LABEL.fullmatch, labels)):
            return Binding(unsatisfiable=f"its validationmethods {shown(one)} is no list of labels")
        # Each constrains the property, so of several lists what is in all of them
        methods = frozenset(labels) if methods is None else methods & frozenset(labels)
    if methods is not None and not methods:
        return Binding(account, methods, "its validationmethods allow no method")
    return Binding(account, methods)


def is_uri(text: str) -> bool:
    """Does it look like an absolute URI?"""
    return _URI.fullmatch(text) is not None


def is_method(label: str) -> bool:
    """May we write this label?

    RFC 8657 §4: "Each validation method label MUST be either the label of a method defined in the "ACME Validation Methods" IANA registry [RFC8555]
    or a CA-specific non-ACME validation method label"; the latter begin with "ca-".
    """
    return label in REGISTERED or (label.startswith("ca-") and _LABEL.fullmatch(label) is not None)


def parameters(account: str | None, methods: Iterable[str]) -> tuple[Parameter, ...]:
    """The parameters that bind so; ValueError when they cannot be written."""
    found = []
    if account is not None:
        # RFC 8657 §3: "MUST be a URI [RFC3986] identifying a specific CA account."
        if not is_uri(account):
            raise ValueError(f"{account!r} is no URI of an account")
        found.append(Parameter(ACCOUNT, account))
    if labels := tuple(methods):
        for label in labels:
            if not is_method(label):
                raise ValueError(
                    f"{label!r} is no validation method: {', '.join(sorted(REGISTERED))}, or the CA's own, ca-…"
                )
        found.append(Parameter(METHODS, ",".join(labels)))
    return tuple(found)
