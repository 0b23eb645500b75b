"""Mailbox paths and command parameters, by the grammar of SMTP and nothing looser.

RFC 5321 §4.1.2 (Path, Mailbox), §4.1.3 (address literals), §4.5.3.1 (lengths), Appendix C (source routes: read,
checked, ignored); RFC 6531 §3.3 (UTF-8 in local parts and domains); RFC 5890 (A-labels).

`parse_path` reads one path at the start of a text and gives the rest back. Whether non-ASCII is allowed here is known
only after the parameters behind the path were read: `Parsed.international` says that it occurred.
It does not know which domains exist; addresses of header fields are another grammar (`message.addresses`).
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache

import idna

from postil.ports.delivery import Path
from postil.smtp import limits


class BadPath(ValueError):
    """Not a path; `domain` when the part right of the @ is to blame."""

    def __init__(self, text: str, *, domain: bool = False) -> None:
        super().__init__(text)
        self.domain = domain


@dataclass(frozen=True, slots=True)
class Parsed:
    """A path and what follows it."""

    path: Path
    rest: str
    international: bool  # non-ASCII in it: needs SMTPUTF8


# RFC 5321 §4.1.2 Atom, RFC 5322 §3.2.3 atext, RFC 6531 §3.3: any non-ASCII character is atext.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u0080-\U0010ffff]+"
_DOT_STRING = re.compile(rf"{_ATOM}(?:\.{_ATOM})*+")
_QUOTED = re.compile(r'"((?:[ !#-\[\]-~\u0080-\U0010ffff]|\\[ -~])*+)"')
_PAIR = re.compile(r"\\(.)")
_LITERAL = re.compile(r"\[([!-Z^-~]*)\]")
_DOMAIN_CHARS = re.compile(r"[A-Za-z0-9.\-\u0080-\U0010ffff]+")
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?")
_SNUM = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}", re.ASCII)
_ROUTE = re.compile(r"@(?:[^,:<>@\s\[\]]+|\[[^\]]*\])(?:,@(?:[^,:<>@\s\[\]]+|\[[^\]]*\]))*:")
_TAG = re.compile(r"[A-Za-z0-9-]*[A-Za-z0-9]:[!-Z^-~]+")


@lru_cache(maxsize=1024)  # a sender and a recipient seldom come alone
def parse_path(text: str, *, null: bool = False, postmaster: bool = False) -> Parsed:
    """The path that `text` begins with. `null`: `<>` is one; `postmaster`: so is bare `<Postmaster>`."""
    if not text.startswith("<"):
        raise BadPath("an address stands in angle brackets: <local-part@domain>")
    if text.startswith("<>"):
        if null:
            return Parsed(Path("", "", ""), text[2:], False)
        raise BadPath("the null path is not a recipient")
    at = 1
    if text.startswith("@", at):
        at = _after_route(text, at)
    start = at
    local, at = _local_part(text, at)
    if postmaster and text.startswith(">", at) and local.casefold() == "postmaster":
        # RFC 5321 §4.1.1.3: "Note that, in a departure from the usual rules for local-parts, the 'Postmaster'
        # string shown above is treated as case-insensitive."
        return Parsed(Path(local, "", local), text[at + 1 :], False)
    if not text.startswith("@", at):
        raise BadPath("the local part is not well-formed, or the @ and domain are missing")
    domain, at = parse_domain(text, at + 1)
    if not text.startswith(">", at):
        raise BadPath("something that is no domain stands before the >", domain=True)
    wire = text[start:at]
    if len(wire.encode()) + 2 > limits.PATH:
        # RFC 5321 §4.5.3.1.3: "The maximum total length of a reverse-path or forward-path is 256 octets
        # (including the punctuation and element separators)."
        raise BadPath("the path is longer than 256 octets")
    return Parsed(Path(local, domain, wire), text[at + 1 :], not wire.isascii())


def _after_route(text: str, at: int) -> int:
    # RFC 5321 §4.1.1.3: "Receiving systems MUST recognize source route syntax but SHOULD strip off the source route
    # specification and utilize the domain name associated with the mailbox as if the source route had not been provided."
    route = _ROUTE.match(text, at)
    if route is None:
        raise BadPath("the source route is not well-formed")
    for hop in route.group()[:-1].split(",@"):
        name = hop.removeprefix("@")
        if parse_domain(name, 0)[1] != len(name):
            raise BadPath("the source route is not well-formed", domain=True)
    return route.end()


def _local_part(text: str, at: int) -> tuple[str, int]:
    """The local part without its quotes."""
    match = _QUOTED.match(text, at)
    # RFC 5321 §4.1.2: "all quoted forms MUST be treated as equivalent"
    if match is not None:
        return _PAIR.sub(r"\1", match[1]), match.end()
    match = _DOT_STRING.match(text, at)
    if match is None:
        raise BadPath("the local part is not well-formed")
    return match.group(), match.end()


def parse_domain(text: str, at: int) -> tuple[str, int]:
    """The domain (lower case, A-labels) or address literal at `at`, and where it ends."""
    if text.startswith("[", at):
        match = _LITERAL.match(text, at)
        if match is None:
            raise BadPath("the address literal is not well-formed", domain=True)
        return f"[{_literal(match[1])}]", match.end()
    match = _DOMAIN_CHARS.match(text, at)
    if match is None:
        raise BadPath("the domain is missing or not well-formed", domain=True)
    return _domain(match.group()), match.end()


def _domain(name: str) -> str:
    if not name.isascii():
        # RFC 6531 §3.2: "transform the internationalized domain name to A-label form"
        try:
            name = idna.encode(name, uts46=True).decode("ascii")
        except idna.IDNAError as error:
            raise BadPath(
                "the domain is not a valid internationalized name", domain=True
            ) from error
    name = name.lower()
    if len(name) > limits.DOMAIN:
        raise BadPath("the domain is longer than 255 octets", domain=True)
    for label in name.split("."):
        # RFC 5321 §4.1.2: "In particular, the underscore character is not permitted."
        if len(label) > limits.LABEL or _LABEL.fullmatch(label) is None:
            raise BadPath("the domain has a label that no domain name may have", domain=True)
    return name


def _literal(inside: str) -> str:
    """An address literal in one spelling, lower case."""
    if _SNUM.fullmatch(inside):
        numbers = [int(number) for number in inside.split(".")]
        if max(numbers) <= 255:
            return ".".join(map(str, numbers))
    elif inside[:5].lower() == "ipv6:":
        try:
            if "%" in inside:
                raise ValueError("a zone means nothing to another host")
            return f"ipv6:{ipaddress.IPv6Address(inside[5:])}"
        except ValueError as error:
            raise BadPath("the literal is not an IPv6 address", domain=True) from error
    elif _TAG.fullmatch(inside):
        return inside.lower()
    raise BadPath("the address literal is not well-formed", domain=True)


def mailbox(local: str, domain: str) -> str:
    """The mailbox as text, quoted only if it must be (RFC 5321 §4.1.2); without a domain the local part alone."""
    if _DOT_STRING.fullmatch(local) is None:
        local = '"' + re.sub(r'(["\\])', r"\\\1", local) + '"'
    return f"{local}@{domain}" if domain else local


_KEYWORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_VALUE = re.compile(r"[!-<>-~\u0080-\U0010ffff]+")


class BadParameters(ValueError):
    """What follows a path is not a list of parameters."""


def parse_parameters(text: str) -> dict[str, str | None]:
    """`SP keyword[=value]` …, keywords in upper case, in order."""
    if text and not text.startswith((" ", "\t")):
        raise BadParameters("a blank belongs between the path and its parameters")
    found: dict[str, str | None] = {}
    for word in text.split():
        keyword, equals, value = word.partition("=")
        if _KEYWORD.fullmatch(keyword) is None or (equals and _VALUE.fullmatch(value) is None):
            raise BadParameters("a parameter is KEYWORD or KEYWORD=value")
        # RFC 1870 §6: "Only one SIZE parameter may be specified in a single MAIL command."
        # RFC 6152 §3: "Only one BODY parameter may be used in a single MAIL command."
        if keyword.upper() in found:
            raise BadParameters(f"{keyword.upper()} stands there twice")
        found[keyword.upper()] = value if equals else None
    return found


_CLIENT_NAME = re.compile(r"[A-Za-z0-9._\-]+|\[[!-Z^-~]+\]")


def client_name(argument: str) -> str | None:
    """What EHLO names itself, or None when it is nothing of the kind.

    Looser than a domain: hosts with an underscore in their name send real mail, and what follows the name is
    ignored because RFC 5321 §4.1.1.1 has it "probably wise for servers to be prepared for this string to occur".
    """
    words = argument.split(None, 1)
    if words and len(words[0]) <= limits.DOMAIN and _CLIENT_NAME.fullmatch(words[0]):
        return words[0]
    return None
