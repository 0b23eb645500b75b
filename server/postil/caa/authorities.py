"""CAs that say in public that they follow RFC 8657.

RFC 8657 §5.2: "Domains configuring CAA records for a CA MUST NOT assume that the restrictions implied by the "accounturi" and
"validationmethods" parameters are effective in the absence of explicit indication as such from that CA." So a CA is only here with the place where it says so. The rules of
the CA/Browser Forum make both compulsory for publicly trusted CAs from 15 March 2027 on (ballot SC-098); until that day a CA that is not here
may ignore them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA that documents both parameters."""

    name: str
    issuers: frozenset[str]  # its names in CAA records
    source: str  # where it says so


DOCUMENTED: Final = (
    Authority(
        "Let's Encrypt",
        frozenset({"letsencrypt.org"}),
        # Announced for production in December 2022, in its documentation since; the CPS names letsencrypt.org (§4.2.1).
        "https://community.letsencrypt.org/t/enabling-acme-caa-account-and-method-binding/189588",
    ),
)


def documents(issuer: str) -> Authority | None:
    """The CA of this name, if it documents the parameters."""
    return next((one for one in DOCUMENTED if issuer.lower() in one.issuers), None)
