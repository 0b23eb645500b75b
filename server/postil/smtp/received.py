"""The Received field we write, and the word in it for how the message came.

RFC 5321 §4.4 (syntax), §7.2 (no recipients of others); RFC 3848 and RFC 6531 §4.3 (protocol words);
RFC 8314 §4.3 (the TLS clause).
"""

from __future__ import annotations

import re

from postil.message.compose import fold_field
from postil.message.dates import format_date
from postil.ports.delivery import Path, Transaction


def protocol_word(*, extended: bool, utf8: bool, tls: bool, login: bool) -> str:
    """The word behind "with": SMTP, ESMTP, ESMTPSA, UTF8SMTPS …"""
    if not extended:
        return "SMTP"
    # RFC 6531 §3.7.3: "The protocol value of the 'WITH' clause when this extension is used is one of the SMTPUTF8
    # values"; RFC 3848 §1 for the others.
    return ("UTF8SMTP" if utf8 else "ESMTP") + ("S" if tls else "") + ("A" if login else "")


_SUITE = re.compile(r"TLS_[A-Z0-9_]+")
# OpenSSL's own names of the TLS 1.2 suites that are still offered; those of 1.3 are the registered ones.
_OLD_SUITE = re.compile(
    r"(ECDHE-ECDSA|ECDHE-RSA|DHE-RSA)-(AES(?:128|256)-GCM-SHA(?:256|384)|CHACHA20-POLY1305)"
)


def cipher_suite(name: str | None) -> str | None:
    """The registered name of an OpenSSL cipher, if known."""
    if name is None or _SUITE.fullmatch(name):
        return name
    match = _OLD_SUITE.fullmatch(name)
    if match is None:
        return None
    cipher = match[2].replace("AES", "AES_").replace("-", "_")
    if cipher.startswith("CHACHA20"):
        cipher += "_SHA256"
    return f"TLS_{match[1].replace('-', '_')}_WITH_{cipher}"


def address_literal(ip: str) -> str:
    """An IP address as RFC 5321 §4.1.3 writes it."""
    if not ip:
        return "[127.0.0.1]"  # a pipe: this machine
    return f"[IPv6:{ip}]" if ":" in ip else f"[{ip}]"


def received(
    transaction: Transaction, rcpt_to: Path | None, host: str, epoch: float, offset: int
) -> bytes:
    """The field; `rcpt_to` is the only recipient or None, `offset` our zone in minutes east of UTC."""
    peer = transaction.peer
    # RFC 5321 §4.4: "SHOULD contain both (1) the name of the source host as presented in the EHLO command and (2) an address
    # literal containing the IP address of the source, determined from the TCP connection"
    words = [f"from {transaction.helo} ({address_literal(peer.ip)})", f"by {host}"]
    words.append(f"with {transaction.protocol}")
    if transaction.queue_id:
        words.append(f"id {transaction.queue_id}")
    # RFC 5321 §4.4: "If the FOR clause appears, it MUST contain exactly one <path> entry, even when multiple RCPT commands
    # have been given."
    if rcpt_to is not None:
        # As it came. RFC 6531 §3.7.3: "that server SHOULD use the U-label form for internationalized domain
        # names in the new trace field", which is how such clients write them.
        words.append(f"for <{rcpt_to.wire}>")
    suite = cipher_suite(peer.cipher) if peer.tls else None
    if suite is not None:
        # RFC 8314 §4.3: "This clause SHOULD be included whenever a Submission server generates a Received header field
        # for a message received via TLS."
        words.append(f"tls {suite}")
    # RFC 5321 §4.4: "SMTP servers that create Received header fields SHOULD use explicit offsets in the
    # dates (e.g., -0800), rather than time zone names of any type."
    return fold_field("Received", " ".join(words) + f"; {format_date(int(epoch), offset)}")
