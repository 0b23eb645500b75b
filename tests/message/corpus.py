"""A corpus of made-up mail, the same for the same seed: about 23 KB a message on average.

Kinds and their shares are those of a personal mailbox: plain notes, newsletters in two
alternatives, attachments, forwarded messages. Every line ends with CRLF; all of it is well-formed,
so that the stdlib's parser, which is the oracle, and ours must agree.
"""

from __future__ import annotations

import base64
import quopri
from collections.abc import Iterator
from random import Random

_WORDS = [
    "the",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "lazy",
    "dog",
    "meeting",
    "agenda",
    "project",
    "invoice",
    "regards",
    "please",
    "attached",
    "review",
    "deadline",
    "server",
    "mail",
    "update",
    "release",
    "quarter",
    "budget",
    "team",
    "notes",
    "customer",
    "order",
    "shipment",
]
_FOREIGN = ("Grüße", "été", "naïve", "漢字", "привет", "señor", "über")
_NAMES = ("Alice Doe", '"Doe, Bob"', "Zoë Müller", "", "carol", '"O\'Neil \\"Tip\\" T."', "Ahmed")


class Corpus:
    """An endless supply of messages."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def messages(self, count: int) -> Iterator[bytes]:
        """So many messages."""
        for _ in range(count):
            yield self.message()

    def message(self, depth: int = 0) -> bytes:
        """One message; with a depth, one that is forwarded inside another."""
        kind = self._random.random()
        if depth > 1 or kind < 0.3:
            return self._header() + self._text(self._random.randint(5, 80))
        if kind < 0.65:
            return self._header() + self._alternative(self._random.randint(10, 150))
        if kind < 0.92:
            parts = [self._alternative(self._random.randint(10, 150))]
            for number in range(self._random.randint(1, 3)):
                parts.append(self._attachment(number))
            return self._header() + self._multipart("mixed", parts)
        forwarded = b"Content-Type: message/rfc822\r\n\r\n" + self.message(depth + 1)
        return self._header() + self._multipart("mixed", [self._text(5), forwarded])

    def _sentence(self, low: int, high: int) -> str:
        random = self._random
        return " ".join(random.choice(_WORDS) for _ in range(random.randint(low, high)))

    def _paragraph(self, lines: int) -> str:
        return "\r\n".join(self._sentence(6, 12) for _ in range(lines)) + "\r\n"

    def _address(self) -> str:
        random = self._random
        name = random.choice(_NAMES)
        spec = (
            f"{random.choice(_WORDS)}{random.randint(1, 999)}@{random.choice(_WORDS)}.example.com"
        )
        return f"{_encoded(name)} <{spec}>" if name else spec

    def _identifier(self) -> str:
        return f"<{self._random.getrandbits(64):016x}@example.com>"

    def _header(self) -> bytes:
        random = self._random
        lines = [
            f"Received: from {random.choice(_WORDS)}.example.com"
            f" (host.example.com [192.0.2.{random.randint(1, 254)}])\r\n"
            f"\tby mx{hop}.example.net with ESMTPS id {random.getrandbits(32):08X}\r\n"
            f"\tfor <user@example.net>; Mon, {random.randint(1, 28)} Feb 2028 21:52:25 -0800 (PST)"
            for hop in range(random.randint(2, 6))
        ]
        signature = base64.b64encode(random.randbytes(96)).decode()
        lines += [
            "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=sel;\r\n"
            f"\th=from:to:subject:date:message-id; bh={signature[:44]};\r\n"
            f"\tb={signature[:64]}\r\n\t {signature[64:]}",
            f"From: {self._address()}",
            "To: " + ",\r\n\t".join(self._address() for _ in range(random.randint(1, 4))),
        ]
        if random.random() < 0.4:
            lines.append("Cc: " + ", ".join(self._address() for _ in range(random.randint(1, 3))))
        subject = self._sentence(2, 8)
        if random.random() < 0.3:
            subject = _encoded(f"{random.choice(_FOREIGN)} {subject[:20]}")
        lines += [
            f"Subject: {subject}",
            f"Date: Mon, {random.randint(1, 28)} Feb 2028 21:52:25 -0800",
            f"Message-ID: {self._identifier()}",
            "MIME-Version: 1.0",
        ]
        if random.random() < 0.5:
            parent = self._identifier()
            lines += [f"In-Reply-To: {parent}", f"References: {self._identifier()}\r\n\t{parent}"]
        lines += ["X-Mailer: Example 1.2", "List-Id: <list.example.com>"]
        return ("\r\n".join(lines) + "\r\n").encode()

    def _text(self, lines: int) -> bytes:
        text = self._paragraph(lines) + self._random.choice(_FOREIGN) + "\r\n"
        return (
            'Content-Type: text/plain; charset="utf-8"\r\n'
            "Content-Transfer-Encoding: 8bit\r\n\r\n" + text
        ).encode()

    def _html(self, lines: int) -> bytes:
        marked = self._paragraph(lines).replace("quick", '<b style="color:red">quick</b>')
        text = quopri.encodestring(f"<html><body>{marked}</body></html>\r\n".encode())
        return (
            b'Content-Type: text/html; charset="utf-8"\r\n'
            b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
            + text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        )

    def _alternative(self, lines: int) -> bytes:
        return self._multipart("alternative", [self._text(lines), self._html(lines * 2)])

    def _attachment(self, number: int) -> bytes:
        name = f"document {number}.pdf"
        octets = self._random.randbytes(self._random.randint(2000, 22000))
        return (
            f'Content-Type: application/pdf; name="{name}"\r\n'
            f'Content-Disposition: attachment;\r\n filename="{name}"; size={len(octets)}\r\n'
            "Content-Transfer-Encoding: base64\r\n\r\n"
        ).encode() + base64.encodebytes(octets).replace(b"\n", b"\r\n")

    def _multipart(self, subtype: str, parts: list[bytes]) -> bytes:
        boundary = f"=_{self._random.getrandbits(64):016x}"
        whole = [
            f'Content-Type: multipart/{subtype};\r\n\tboundary="{boundary}"\r\n\r\n'.encode(),
            b"This is a multi-part message in MIME format.\r\n",
        ]
        for part in parts:
            whole.append(b"\r\n--%b\r\n%b" % (boundary.encode(), part))
        whole.append(b"\r\n--%b--\r\n" % boundary.encode())
        return b"".join(whole)


def _encoded(text: str) -> str:
    if text.isascii():
        return text
    return f"=?utf-8?B?{base64.b64encode(text.encode()).decode()}?="
