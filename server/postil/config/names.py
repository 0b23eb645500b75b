"""Names of domains and hosts, and URIs that get reports, as the configuration takes them."""

from __future__ import annotations

import functools
import re
from typing import Final
from urllib.parse import unquote

import idna

from postil.config.locate import Path
from postil.config.problems import Finding

LONGEST: Final = (
    253  # characters of a name in the DNS, written with dots: RFC 1035 §2.3.4 has 255 octets
)

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
# RFC 6376 §3.1: selector = sub-domain *( "." sub-domain ); sub-domain as in RFC 5321 §4.1.2
_SELECTOR = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
# RFC 3986 §2 and §3: unreserved, percent-encoded and reserved characters, without the three that would end a URI
# in these records.
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?#\[\]@$&'()*+=-]|%[0-9A-Fa-f]{2})+")


@functools.lru_cache(
    maxsize=65536
)  # a reload asks for every name again, and IDNA costs more than TOML
def a_labels(name: str) -> str:
    """The name as A-labels in lower case, without a dot at the end; ValueError with a sentence when it is none."""
    if name == "localhost":
        return name
    try:
        return idna.encode(name.removesuffix("."), uts46=True).decode("ascii").lower()
    except idna.IDNAError as error:
        raise ValueError(f"{name!r} is not a domain name: {error}") from error


def domain(name: str, path: Path, found: list[Finding]) -> str:
    """The name as A-labels, or as it is with a finding."""
    try:
        return a_labels(name)
    except ValueError as error:
        found.append(Finding(path, str(error)))
        return name


def selector(name: str) -> bool:
    """Can this be a DKIM selector?"""
    return bool(_SELECTOR.fullmatch(name)) and all(len(one) <= 63 for one in name.split("."))


def uri_fault(uri: str, schemes: tuple[str, ...] = ()) -> str | None:
    """What is wrong with a URI that shall get reports; `schemes`: those allowed, empty for any."""
    # RFC 9989 §4.8 and RFC 8460 §3 have commas and exclamation points encoded, the latter semicolons too; a semicolon would end a
    # tag of the former.
    for character, code in ((",", "%2C"), ("!", "%21"), (";", "%3B")):
        if character in uri:
            return f"{uri!r} holds {character!r}: write {code}"
    if not _URI.fullmatch(uri):
        hint = f"; did you mean mailto:{uri}?" if "@" in uri and ":" not in uri else ""
        return f"{uri!r} is no URI{hint}"
    scheme, _, rest = uri.partition(":")
    if schemes and scheme.lower() not in schemes:
        return f"{uri!r} is no {' or '.join(schemes)} URI"
    if scheme.lower() == "mailto":
        local, at, host = unquote(rest.partition("?")[0]).rpartition("@")
        try:
            if not (local and at and host and a_labels(host)):
                return f"{uri!r} names no address"
        except ValueError:
            return f"{uri!r} names no address: {host!r} is not a domain name"
    elif scheme.lower() == "https" and not re.match(r"//[^/?#]+", rest):
        return f"{uri!r} names no host"
    return None
