"""Certificates: one that was issued, and where an answer to a challenge is shown while an authority looks for it.

The ACME client (`acme`) fills neither TLS contexts nor web pages; it hands over what this module describes. Those who hold
the ports implement `Challenges`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate with its key, ready to be shown."""

    names: tuple[str, ...]  # A-labels in lower case, "*.example.org", or IP addresses as text
    chain_pem: bytes  # the certificate itself first
    key_pem: bytes  # PKCS #8, not encrypted


class Challenges(Protocol):
    """Shows answers to challenges. What is shown twice replaces itself; hiding what is not shown does nothing."""

    def show_tls(self, name: str, certificate_pem: bytes, key_pem: bytes) -> None:
        """Show the certificate to who asks for `name` by SNI and offers the one protocol `acme-tls/1` (RFC 8737 §3).

        `name` is in lower case; for an IP address it is the name under in-addr.arpa or ip6.arpa (RFC 8738 §6).
        """
        ...

    def hide_tls(self, name: str) -> None:
        """Nobody asks for it any more."""
        ...

    def show_http(self, token: str, text: str) -> None:
        """Answer GET /.well-known/acme-challenge/TOKEN with the text (RFC 8555 §8.3)."""
        ...

    def hide_http(self, token: str) -> None:
        """Nobody asks for it any more."""
        ...
