"""MTA-STS: the policy's text and the record that announces it, RFC 8461 §3.

The id is made of the policy's text, so it changes when, and only when, the policy does; nobody can forget it.
"""

from __future__ import annotations

import hashlib

from postil.config.domain import MtaSts
from postil.config.records.zone import Record


def policy(settings: MtaSts, hostname: str) -> str:
    """What https://mta-sts.DOMAIN/.well-known/mta-sts.txt must answer."""
    # RFC 8461 §3.2: "each MX MUST have its own "mx:" key, and each MX key/value pair MUST be on its own line in the policy file"
    lines = [
        "version: STSv1",
        f"mode: {settings.mode}",
        *(f"mx: {one}" for one in settings.mx or (hostname,)),
        f"max_age: {settings.max_age}",
    ]
    # RFC 8461 §3.2: "This resource contains the following CRLF-separated key/value pairs"
    return "".join(f"{line}\r\n" for line in lines)


def policy_id(text: str) -> str:
    """1 to 32 letters and digits."""
    # RFC 8461 §3.1: "This string MUST uniquely identify a given instance of a policy, such that senders can determine when the
    # policy has been updated by comparing to the "id" of a previously seen policy."
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:20]


def record(domain: str, settings: MtaSts, hostname: str) -> Record:
    """The record to publish."""
    # RFC 8461 §3.1: "The TXT record MUST begin with the sts-version field"
    text = f"v=STSv1; id={policy_id(policy(settings, hostname))};"
    return Record(f"_mta-sts.{domain}", "TXT", text, "MTA-STS: there is a policy, of this id")
