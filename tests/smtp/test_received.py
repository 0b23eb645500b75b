"""The Received field and its protocol word."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.smtp import SMTP_PEER

from postil.ports.delivery import Path, Transaction
from postil.smtp.received import cipher_suite, protocol_word, received

TRANSACTION = Transaction(
    peer=SMTP_PEER,
    helo="client.example",
    protocol="ESMTP",
    mail_from=Path("", ""),
    account=None,
    smtputf8=False,
    eight_bit=False,
    declared_size=None,
    queue_id="q1",
)


@pytest.mark.parametrize(
    ("extended", "utf8", "tls", "login", "word"),
    [
        (False, False, True, False, "SMTP"),
        (True, False, False, False, "ESMTP"),
        (True, False, True, False, "ESMTPS"),
        (True, False, False, True, "ESMTPA"),
        (True, False, True, True, "ESMTPSA"),
        (True, True, False, False, "UTF8SMTP"),
        (True, True, False, True, "UTF8SMTPA"),
        (True, True, True, False, "UTF8SMTPS"),
        (True, True, True, True, "UTF8SMTPSA"),
    ],
)
def test_protocol_words(extended: bool, utf8: bool, tls: bool, login: bool, word: str) -> None:
    """RFC 3848 §1 and RFC 6531 §4.3."""
    assert protocol_word(extended=extended, utf8=utf8, tls=tls, login=login) == word


@pytest.mark.rfc(
    "5321",
    "4.4",
    "SHOULD use explicit offsets in the dates (e.g., -0800), rather than time zone names of any type",
)
def test_the_field() -> None:
    """From, by, with, id, for, and a date with an offset; unfolded it is one line."""
    field = received(
        TRANSACTION,
        Path("a b", "example.org", '"a b"@example.org'),
        "mx.example.org",
        1_700_000_000,
        120,
    )
    assert field.replace(b"\r\n ", b" ").replace(b"\r\n", b"").decode() == (
        "Received: from client.example ([192.0.2.1]) by mx.example.org with ESMTP id q1"
        ' for <"a b"@example.org>; Wed, 15 Nov 2023 00:13:20 +0200'
    )
    assert all(len(line) <= 78 for line in field.split(b"\r\n"))


@pytest.mark.rfc(
    "5321",
    "4.4",
    "If the FOR clause appears, it MUST contain exactly one <path> entry, even when multiple RCPT commands have been given",
)
def test_no_for_clause_for_several() -> None:
    """Several recipients: nobody learns of the others; a single one is named once."""
    assert b" for " not in received(TRANSACTION, None, "mx.example.org", 0, 0)
    field = received(TRANSACTION, Path("a", "b.example", "a@b.example"), "mx.example.org", 0, 0)
    assert field.count(b"for <") == field.count(b"for <a@b.example>") == 1


@pytest.mark.rfc(
    "6531",
    "3.7.3",
    "SHOULD use the U-label form for internationalized domain names in the new trace field",
)
def test_international_domains() -> None:
    """The recipient stands there in UTF-8."""
    path = Path("ü", "xn--bcher-kva.example", "ü@bücher.example")
    field = received(replace(TRANSACTION, smtputf8=True, protocol="UTF8SMTP"), path, "mx", 0, 0)
    assert "for <ü@bücher.example>;".encode() in field.replace(b"\r\n", b"")


def test_ipv6_and_tls() -> None:
    """An IPv6 literal has its tag (RFC 5321 §4.1.3), the cipher suite its registered name (RFC 8314 §4.3)."""
    peer = replace(SMTP_PEER, ip="2001:db8::1", tls="TLSv1.2", cipher="ECDHE-RSA-AES128-GCM-SHA256")
    field = received(replace(TRANSACTION, peer=peer), None, "mx", 0, 0)
    assert b"([IPv6:2001:db8::1])" in field
    assert b"tls TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256;" in field.replace(b"\r\n", b"")


@pytest.mark.parametrize(
    ("openssl", "registered"),
    [
        ("TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384"),
        ("ECDHE-ECDSA-AES256-GCM-SHA384", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
        ("DHE-RSA-CHACHA20-POLY1305", "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
        ("AES128-SHA", None),
        (None, None),
    ],
)
def test_cipher_names(openssl: str | None, registered: str | None) -> None:
    """Registered names, or nothing."""
    assert cipher_suite(openssl) == registered
