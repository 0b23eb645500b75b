"""What a log may show of a conversation: one printable line for each line, secrets and long literals left out.

RFC 9051 §6.2.2, §6.2.3 (where secrets travel). What we send is masked where it is made (`compose.Secret`); what comes back is masked here: challenges of SASL, and a password that a server repeats
in its answer ("BAD unknown command: LOGIN ann secret" has been seen in the field).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence

from postil.imap.client import compose
from postil.imap.client.compose import MASK, Command, Secret, SecretWord
from postil.imap.client.framer import Frame

_LITERAL = re.compile(rb"~?\{[0-9]+\+?\}\r\n")
_UNPRINTABLE = re.compile(rb"[^\x20-\x7e]")
# Octets of a secret that is looked for in answers; shorter ones would blacken the log.
_SHORTEST = 4


def secrets_of(command: Command) -> tuple[bytes, ...]:
    """What must not be shown while this command runs: as it is, as it stands in quotes, and inside base64."""
    found: list[bytes] = []
    for argument in command.arguments:
        if isinstance(argument, Secret):
            octets = argument.octets
            found += [octets, compose.escaped(octets), base64.b64encode(octets).rstrip(b"=")]
        elif isinstance(argument, SecretWord):
            found.append(argument.octets)
    return tuple(one for one in found if len(one) >= _SHORTEST)


def sent(shown: bytes) -> Iterator[str]:
    """Lines of what we send, from what may be shown of it."""
    for line in shown.split(b"\r\n"):
        if line:
            yield _printable(line)


def received(
    frame: Frame, *, literals: bool = False, secrets: Sequence[bytes] = (), challenge: bool = False
) -> Iterator[str]:
    """Lines of what the server sends; `challenge`: hide what follows `+`."""
    if challenge and frame.text.startswith(b"+"):
        yield f"+ {MASK.decode()}" if len(frame.text) > 2 else "+"
        return
    at = 0
    text = b""
    for header, octets in zip(_LITERAL.finditer(frame.text), frame.literals, strict=False):
        text += frame.text[at : header.end() - 2]
        text += _escape(octets) if literals else b"<%d octets>" % len(octets)
        at = header.end()
    text += frame.text[at:]
    for secret in secrets:
        text = text.replace(secret, MASK)
    yield _printable(text)


def masked(text: str, secrets: Sequence[bytes]) -> str:
    """Text of a server without what must not be shown."""
    for secret in secrets:
        text = text.replace(secret.decode("utf-8", "replace"), MASK.decode())
    return text


def _escape(octets: bytes) -> bytes:
    return b"<" + octets + b">"


def _printable(line: bytes) -> str:
    r"""Other octets as `\x0a`: a log line is one line."""
    return _UNPRINTABLE.sub(lambda match: b"\\x%02x" % match.group()[0], line).decode("ascii")
