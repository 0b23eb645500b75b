"""Mailbox names as LIST shows them: the tree, its attributes, and matching of patterns.

RFC 9051 §6.3.9, §7.3.1; RFC 3501 §6.3.8; RFC 5258; RFC 6154 §2. `commands/list.py` selects with it, SELECT and CREATE show
single names. A pattern becomes one regular expression without nested backtracking, so that 10,000 names take milliseconds and no
pattern takes seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from postil.imap import limits, names
from postil.ports.store import Mailbox

_RUN = re.compile(r"[*%]{2,}")


def ancestors(name: str) -> Iterator[str]:
    """The levels above a name, nearest first."""
    while (cut := name.rfind(names.DELIMITER)) > 0:
        name = name[:cut]
        yield name


@dataclass(frozen=True, slots=True)
class Tree:
    """All mailboxes of an account at one moment."""

    mailboxes: dict[str, Mailbox]
    subscribed: frozenset[str] = frozenset()
    parents: frozenset[str] = field(default_factory=frozenset)  # names with a mailbox below

    def attributes(self, name: str) -> list[str]:
        """The attributes that need no option to be asked for."""
        shown = ["\\HasChildren" if name in self.parents else "\\HasNoChildren"]
        mailbox = self.mailboxes.get(name)
        if mailbox is not None:
            shown.extend(sorted(mailbox.special_use))
        return shown


def tree(mailboxes: Sequence[Mailbox], subscribed: frozenset[str] = frozenset()) -> Tree:
    """The tree of what exists; a level may exist only as the parent of another."""
    parents: set[str] = set()
    for mailbox in mailboxes:
        for above in ancestors(mailbox.name):
            if above in parents:
                break
            parents.add(above)
    return Tree({mailbox.name: mailbox for mailbox in mailboxes}, subscribed, frozenset(parents))


@dataclass(frozen=True, slots=True)
class Pattern:
    """A canonical LIST pattern."""

    text: str
    expression: re.Pattern[str]

    @property
    def shows_levels(self) -> bool:
        """RFC 9051 §6.3.9: does it end in `%`, so that levels that are no mailbox are shown too?"""
        return self.text.endswith("%")

    def matches(self, name: str) -> bool:
        """Does the whole name match?"""
        return self.expression.match(name) is not None


def pattern(reference: str, wanted: str) -> Pattern | None:
    """The pattern a reference and a mailbox argument mean; None for one that can match nothing."""
    # RFC 9051 §6.3.9: "If a server implementation has no concept of break out characters, the canonical form
    # is normally the reference name appended with the mailbox name."
    text = names.canonical(reference + wanted) if wanted[-1:] != "/" else reference + wanted
    text = _RUN.sub(lambda run: "*" if "*" in run.group() else "%", text)
    if text.count("*") + text.count("%") > limits.WILDCARDS:
        # RFC 9051 §6.3.9: "Any syntactically valid pattern that is not accepted by a server for any reason MUST
        # be silently ignored"
        return None
    return Pattern(text, re.compile(_expression(text), re.DOTALL))


def _expression(text: str) -> str:
    """A regular expression whose groups give nothing back once matched.

    For "*" the earliest end of what follows is always the best one, and for "%" too within one level, so each piece is an
    atomic group; only the last piece, bound to the end, is searched for. Cost: name length times pieces.
    """
    first, *rest = text.split("*")
    if not rest:
        return _chunk(first, last=True) + r"\Z"
    middle = "".join(f"(?>.*?{_chunk(chunk, last=False)})" for chunk in rest[:-1])
    return f"{_chunk(first, last=False)}{middle}.*?{_chunk(rest[-1], last=True)}\\Z"


def _chunk(chunk: str, *, last: bool) -> str:
    literal, *others = (re.escape(piece) for piece in chunk.split("%"))
    if not others:
        return literal
    inner = others[:-1] if last else others
    tail = f"[^/]*?{others[-1]}" if last else ""
    return literal + "".join(f"(?>[^/]*?{piece})" for piece in inner) + tail


def line(
    kind: str, attributes: Sequence[str], name: bytes, extended: Sequence[bytes] = ()
) -> bytes:
    """`* LIST (attributes) "/" name (extended items)`"""
    more = b" (%b)" % b" ".join(extended) if extended else b""
    return b'* %b (%b) "/" %b%b\r\n' % (
        kind.encode("ascii"),
        " ".join(attributes).encode("ascii"),
        name,
        more,
    )


def renamed(now: bytes, supplied: bytes, attributes: Sequence[str] = ()) -> bytes:
    """LIST with OLDNAME: what the client called it is called otherwise (RFC 9051 §6.3.9.7)."""
    return line("LIST", attributes, now, [b'"OLDNAME" (%b)' % supplied])
