"""The record of a DKIM key: RFC 6376 §3.6.1, RFC 8463 §4.2."""

from __future__ import annotations

import base64

from postil.config.domain import Algorithm
from postil.config.records.zone import Record


def name(selector: str, domain: str) -> str:
    """Where verifiers look for the key."""
    # RFC 6376 §3.6.2.1: "All DKIM keys are stored in a subdomain named "_domainkey"."
    return f"{selector}._domainkey.{domain}"


def text(algorithm: Algorithm, public: bytes) -> str:
    """The tag-list; `public`: for rsa the DER of SubjectPublicKeyInfo, for ed25519 the 32 octets of the key."""
    # RFC 6376 §3.6.1 speaks of an RSAPublicKey, its appendix C and every signer and verifier there is of
    # SubjectPublicKeyInfo.
    # RFC 6376 §3.6.1: "This tag MUST be the first tag in the record."
    # RFC 8463 §4.2: "The p= value in the key record is the Ed25519 public key encoded in base64."
    return f"v=DKIM1; k={algorithm}; p={base64.b64encode(public).decode('ascii')}"


def record(selector: str, domain: str, algorithm: Algorithm, public: bytes) -> Record:
    """The record to publish."""
    purpose = f"DKIM key {selector}, {algorithm}"
    return Record(name(selector, domain), "TXT", text(algorithm, public), purpose)
