"""How login names, local parts and domains are compared.

Login names and local parts: Unicode NFC, without case. RFC 5321 §2.4 leaves the case of local parts to the
receiving host; people who write `Alice@` mean `alice@`, and a domain that wants it otherwise has a rule for it
(`accounts.rules`). Domains: A-labels in lower case (RFC 5890), or a literal.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import idna

from postil.sasl import precis

MAX_NAME = 320  # 64 octets of local part, @, 255 of domain: RFC 5321 §4.5.3.1


# RFC 5321 §4.5.1 and RFC 2142 §4: these exist at every domain whose mail ends here.
ROLES = frozenset({"postmaster", "abuse"})


class BadAddress(ValueError):
    """Not a name or address that can be kept; the text says why."""


def key(name: str) -> str:
    """The form in which names are compared."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def address_key(local: str, sensitive: bool) -> str:
    """The form in which local parts of a domain are compared; `sensitive` is the rule of the domain."""
    # RFC 6532 §3.1: "The NFKC normalization form [UNF] SHOULD NOT be used because it may lose information that is
    # needed to correctly spell some names in some unusual circumstances."
    folded = key(local)
    # RFC 5321 §4.5.1: postmaster is "a case-insensitive local name", whatever the domain does with the others
    return unicodedata.normalize("NFC", local) if sensitive and folded not in ROLES else folded


def login_key(login: str) -> str:
    """The form in which login names are compared.

    RFC 8265 §3.3 (UsernameCaseMapped), then as addresses are compared, since most login names are one.
    """
    # TODO(RFC 8265 §3.3.4): names that differ only in folding (ss and ß) cannot be two accounts; nobody is taken for another
    try:
        return key(precis.username(login))
    except precis.Unacceptable:
        return key(
            login
        )  # an address with a quoted local part, or a name from before there was a rule


def nobody(login: str) -> str:
    """One form of a name that leads nowhere, in all the spellings that would lead to one account if there were one."""
    name = login_key(login)
    try:
        local, domain = split_address(name)
    except BadAddress:
        return name
    return f"{address_key(local, False)}@{domain}"


@lru_cache(maxsize=4096)  # asked for each recipient, and IDNA costs more than the rest of RCPT
def domain_key(domain: str) -> str:
    """A-labels in lower case; literals and `localhost` as they are. BadAddress when it is no domain."""
    if domain.startswith("[") and domain.endswith("]"):
        return domain.lower()
    if domain.isascii() and "_" not in domain and domain.lower() == "localhost":
        return "localhost"
    try:
        return idna.encode(domain, uts46=True).decode("ascii").lower()
    except idna.IDNAError as error:
        raise BadAddress(f"{domain!r} is not a domain name: {error}") from error


def split_address(address: str) -> tuple[str, str]:
    """`local@domain` in two, the local part unquoted and in NFC, the domain in A-labels."""
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain:
        raise BadAddress(f"{address!r} is not an address: it needs local-part@domain")
    if len(local) >= 2 and local[0] == local[-1] == '"':
        # RFC 5321 §4.1.2: "all quoted forms MUST be treated as equivalent"
        local = re.sub(r"\\(.)", r"\1", local[1:-1])
    local = check_name(local)
    if len(local.encode("utf-8", "replace")) > 64:
        raise BadAddress("the local part is longer than 64 octets (RFC 5321 section 4.5.3.1.1)")
    return local, domain_key(domain)


def check_login(name: str) -> str:
    """A new login name in NFC; BadAddress unless RFC 8265 §3.3 allows it."""
    name = check_name(name)
    try:
        precis.username(name)
    except precis.Unacceptable as error:
        raise BadAddress(f"{name!r} cannot be a login name: {error}") from error
    return name


def check_name(name: str) -> str:
    """The name in NFC; BadAddress when it is empty, too long or not printable."""
    if not name or len(name) > MAX_NAME:
        raise BadAddress(f"a name has 1 to {MAX_NAME} characters")
    if not name.isprintable() or name != name.strip():
        raise BadAddress(f"{name!r} holds characters that cannot be typed or seen")
    return unicodedata.normalize("NFC", name)
