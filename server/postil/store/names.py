"""Names of mailboxes: levels, superiors, inferiors, and what a new account starts with.

RFC 9051 §5.1 (names), §5.1.1 (hierarchy), §6.3.4 (CREATE makes superiors), RFC 6154 §2 (special use). Names are `str` in NFC with "/"
between levels; `INBOX` is in capitals. How a client spells a name on the wire is not this module's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from postil.ports.store import NotPermitted
from postil.store.limits import NAME_LEVELS_MAX, NAME_OCTETS_MAX

INBOX = "INBOX"
SEPARATOR = "/"

USUAL = (
    ("Archive", "\\Archive"),
    ("Drafts", "\\Drafts"),
    ("Junk", "\\Junk"),
    ("Sent", "\\Sent"),
    ("Trash", "\\Trash"),
)
"""What an account gets with its INBOX: names most clients use, so that none makes a second set."""


def check_name(name: str) -> None:
    """NotPermitted when no mailbox may have this name."""
    levels = name.split(SEPARATOR)
    if not all(levels):
        raise NotPermitted("a mailbox name has no empty levels")
    if len(levels) > NAME_LEVELS_MAX:
        raise NotPermitted(f"a mailbox name has at most {NAME_LEVELS_MAX} levels")
    if any(ord(character) < 32 or character == "\x7f" for character in name):
        raise NotPermitted("a mailbox name has no control characters")
    try:
        octets = name.encode()
    except UnicodeEncodeError as error:
        raise NotPermitted("the mailbox name is not Unicode text") from error
    if len(octets) > NAME_OCTETS_MAX:
        raise NotPermitted(f"a mailbox name has at most {NAME_OCTETS_MAX} octets")


def superiors(name: str) -> Sequence[str]:
    """The names above, the topmost first."""
    levels = name.split(SEPARATOR)
    return [SEPARATOR.join(levels[:count]) for count in range(1, len(levels))]


def renamed(names: Iterable[str], old: str, new: str) -> dict[str, str]:
    """Old name to new name for a mailbox and its inferiors, among these names."""
    below = old + SEPARATOR
    return {name: new + name[len(old) :] for name in names if name == old or name.startswith(below)}
