"""The value of issue, issuewild and issuemail: who, and under which conditions.

RFC 8659 §4.2 (the grammar), RFC 9495 §3 (the same for issuemail). The characters allowed leave no choice in reading: a value fits, or it is malformed
and names nobody.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

# RFC 8659 §4.2: `label`, `issuer-domain-name`, `tag` and `value`
_LABEL: Final = r"[A-Za-z0-9](?:-*[A-Za-z0-9])*"
_ISSUER: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_TAG: Final = re.compile(_LABEL)
_VALUE: Final = re.compile(r"[\x21-\x3a\x3c-\x7e]*")
_WSP: Final = " \t"
_SHOWN: Final = 80  # characters of somebody else's text in a sentence of ours


def shown(text: str) -> str:
    """Somebody else's text in a sentence: quoted, escaped, not too long."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A condition; what it means is up to the CA, but for those of RFC 8657."""

    tag: str
    value: str = ""

    def __post_init__(self) -> None:
        if not _TAG.fullmatch(self.tag):
            raise ValueError(f"{shown(self.tag)} cannot be the name of a parameter of a CAA record")
        if not _VALUE.fullmatch(self.value):
            raise ValueError(
                f"{shown(self.value)} cannot stand in a CAA record: only printable ASCII without spaces and semicolons can"
            )


@dataclass(frozen=True, slots=True)
class Issuance:
    """A value taken apart. `issuer` "" names nobody; so does a malformed value."""

    issuer: str = ""  # lower case
    parameters: tuple[Parameter, ...] = ()
    malformed: str = ""  # why it does not fit the grammar

    def all(self, tag: str) -> list[str]:
        """The values of a parameter.

        RFC 8659 §4.1 matches property tags without case and says nothing of parameters. A CA that does not know `AccountURI` ignores it, one that does
        obeys: whoever wants a certificate must reckon with the second.
        """
        return [one.value for one in self.parameters if one.tag.lower() == tag]


def read(value: bytes) -> Issuance:
    """Take a value apart; never fails.

    RFC 8659 §4.2: "An issue Property Tag where the issue-value does not match the ABNF grammar MUST be treated the same as one specifying an empty
    issuer-domain-name."
    """
    try:
        text = value.decode("ascii")
    except UnicodeDecodeError:
        return Issuance(malformed="it holds octets that are no ASCII")
    issuer, _, rest = text.partition(";")
    issuer = issuer.strip(_WSP)
    if issuer and not _ISSUER.fullmatch(issuer):
        return Issuance(malformed=f"{shown(issuer)} is no domain name of a CA")
    # issuer-domain-name, a semicolon, and nothing behind it: allowed, unlike a semicolon behind the last parameter
    parameters = []
    for part in rest.split(";") if rest.strip(_WSP) else ():
        tag, equals, content = part.partition("=")
        try:
            if not equals:
                return Issuance(malformed=f"{shown(part.strip(_WSP))} is no parameter: TAG=VALUE")
            parameters.append(Parameter(tag.strip(_WSP), content.strip(_WSP)))
        except ValueError as error:
            return Issuance(malformed=str(error))
    return Issuance(issuer.lower(), tuple(parameters))


def write(issuance: Issuance) -> bytes:
    """The value as it is published; ValueError when it could not be read back."""
    if issuance.malformed:
        raise ValueError(f"a malformed value is not written: {issuance.malformed}")
    if issuance.issuer and not _ISSUER.fullmatch(issuance.issuer):
        raise ValueError(
            f"{issuance.issuer!r} cannot name a CA in a CAA record: letters, digits and hyphens, with dots between"
        )
    parts = [issuance.issuer, *(f"{one.tag}={one.value}" for one in issuance.parameters)]
    return ("; ".join(parts) if len(parts) > 1 else parts[0] or ";").encode("ascii")
