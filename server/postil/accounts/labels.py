"""What persons, passwords for programs, TLS keys and passkeys are called, and for which protocols they are good."""

from __future__ import annotations

from collections.abc import Sequence

from postil.accounts import apppasswords, limits
from postil.accounts.changes import AccountError

MAX_LABEL = 100  # characters


def checked_label(label: str) -> str:
    """The label as it is kept; AccountError."""
    label = label.strip()
    if not 1 <= len(label) <= MAX_LABEL or not label.isprintable():
        raise AccountError(f"a label has 1 to {MAX_LABEL} characters that can be seen")
    return label


def protocol_words(protocols: Sequence[str]) -> str:
    """Protocols as a row keeps them; AccountError unless there are some, and all known."""
    unknown = sorted(set(protocols) - set(apppasswords.PROTOCOLS))
    if unknown or not protocols:
        known = ", ".join(apppasswords.PROTOCOLS)
        raise AccountError(
            f"{unknown[0] if unknown else 'nothing'} is no protocol: name some of {known}"
        )
    return " ".join(one for one in apppasswords.PROTOCOLS if one in protocols)


def checked_display_name(name: str) -> str:
    """A person's name, which may be empty; AccountError."""
    if len(name) > limits.DISPLAY_NAME or (name and not name.isprintable()):
        raise AccountError(
            f"a person's name holds at most {limits.DISPLAY_NAME} characters, and only such as can be seen"
        )
    return name
