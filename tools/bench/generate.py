"""Messages for load: number n of a size is the same octets on every machine and for every server."""

from __future__ import annotations

import random
import time
from functools import cache

DOMAIN = "bench.example"
RARE_EVERY = (
    50  # every 50th is from alice@rare.example; every 50th (+1) has "quarterly" in its subject
)
RARE, COMMON = "xylophone", "harmonica"  # made of syllables that no other word has


@cache
def words() -> tuple[str, ...]:
    """A vocabulary of 3,000 words that no language has."""
    rnd = random.Random(2026)
    syllables = [a + b for a in "bdfgklmnprstvz" for b in "aeiou"]
    return tuple("".join(rnd.choices(syllables, k=rnd.randint(1, 4))) for _ in range(3000))


def message(number: int, size: int, to: str = f"bench@{DOMAIN}") -> bytes:
    """About `size` octets with CRLF ends: trace fields, addresses, text, every third multipart/alternative."""
    rnd = random.Random(number)
    who = "Alice <alice@rare.example>" if number % RARE_EVERY == 0 else _sender(number)
    subject = " ".join(rnd.choices(words(), k=6)) + (
        " quarterly" if number % RARE_EVERY == 1 else ""
    )
    date = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(1_700_000_000 + number * 60))
    head = [
        f"Received: from mx{number % 9}.example (mx{number % 9}.example [192.0.2.{number % 250}])",
        f"\tby mail.{DOMAIN} with ESMTPS id {number:08x};\r\n\t{date}",
        f"From: {who}",
        f"To: <{to}>",
        f"Cc: Team <team@{DOMAIN}>, =?utf-8?q?Zo=C3=AB?= <zoe@{DOMAIN}>",
        f"Subject: {subject}",
        f"Date: {date}",
        f"Message-ID: <{number}.{rnd.getrandbits(48):x}@host{number % 31}.example>",
        f"In-Reply-To: <{number - 1}.0@host.example>",
        "MIME-Version: 1.0",
    ]
    room = max(size - sum(len(line) + 2 for line in head) - 120, 80)
    if number % 3:
        head.append("Content-Type: text/plain; charset=utf-8")
        body = _text(rnd, room)
    else:
        bound = f"{rnd.getrandbits(64):016x}"
        head.append(f'Content-Type: multipart/alternative; boundary="{bound}"')
        half = max(room // 2 - 120, 80)
        body = (
            f"--{bound}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{_text(rnd, half)}\r\n"
            f"--{bound}\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>{_text(rnd, half)}</p>\r\n"
            f"--{bound}--\r\n"
        )
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode()


def with_words(number: int, size: int) -> bytes:
    """A message whose text has RARE in one of 997 and COMMON in two of three."""
    whole = message(number, size)
    words_ = b"".join(
        word.encode() + b"\r\n"
        for word, there in ((RARE, number % 997 == 5), (COMMON, number % 3 != 1))
        if there
    )
    # Behind the header of the message, or of its first part.
    head, text = whole.split(b"charset=utf-8\r\n\r\n", 1)
    return head + b"charset=utf-8\r\n\r\n" + words_ + text


def _sender(number: int) -> str:
    return f"Sender {number % 997} <user{number % 997}@host{number % 31}.example>"


def _text(rnd: random.Random, size: int) -> str:
    lines = []
    while size > 0:
        line = " ".join(rnd.choices(words(), k=10))
        lines.append(line)
        size -= len(line) + 2
    return "\r\n".join(lines) + "\r\n"
