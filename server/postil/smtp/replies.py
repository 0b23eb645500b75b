"""Replies: three digits, perhaps an enhanced status code, and text, as octets.

RFC 5321 §4.2 (syntax, several lines), §4.5.3.1.5 (length); RFC 2034 §4 and RFC 3463 (enhanced codes);
RFC 6531 §3.7.4.2 (ASCII only).
"""

from __future__ import annotations

import textwrap
from functools import lru_cache
from typing import NamedTuple

from postil.smtp import limits


class Reply(NamedTuple):
    """An answer to one command. `enhanced` is empty where RFC 2034 §4 has none: greeting, EHLO, 3xx."""

    code: int
    enhanced: str
    lines: tuple[str, ...]

    @property
    def closes(self) -> bool:
        """Does the server close the channel after this reply (221, 421)?"""
        return self.code in (221, 421)

    @property
    def ok(self) -> bool:
        return self.code < 400

    def encode(self) -> bytes:
        """The octets, CRLF included."""
        return _encoded(self)


@lru_cache(maxsize=256)  # most are the same few
def _encoded(answer: Reply) -> bytes:
    # RFC 2034 §4: "When responses are continued across multiple lines the same status code must appear
    # at the beginning of the text in each line of the response."
    status = f"{answer.enhanced} " if answer.enhanced else ""
    room = limits.REPLY_LINE - len("250-\r\n") - len(status)
    lines = answer.lines or ("",)
    if len(lines) == 1 and len(lines[0]) <= room:  # nearly always
        return f"{answer.code} {status}{_plain(lines[0])}\r\n".encode("ascii")
    texts: list[str] = []
    for line in lines:
        texts += _wrapped(_plain(line), room)
    last = len(texts) - 1
    # RFC 5321 §4.2.1: "every line, except the last, begin with the reply code, followed immediately by
    # a hyphen, '-' (also known as minus), followed by text."
    return "".join(
        f"{answer.code}{' ' if at == last else '-'}{status}{text}\r\n"
        for at, text in enumerate(texts)
    ).encode("ascii")


def reply(code: int, enhanced: str, *lines: str) -> Reply:
    """A reply; `enhanced` must agree with the code's first digit or be empty."""
    assert not enhanced or enhanced[0] == str(code)[0], (code, enhanced)
    return Reply(code, enhanced, lines)


class SmtpReply(Exception):
    """The peer's fault, or a refusal: ends a command with this reply."""

    def __init__(self, code: int, enhanced: str, *lines: str) -> None:
        super().__init__(code, enhanced, *lines)
        self.reply = reply(code, enhanced, *lines)


def _plain(text: str) -> str:
    """Printable ASCII only: what a client wrote may be in a text, and must not end its line."""
    # RFC 6531 §3.7.4.2: "SMTPUTF8-aware SMTP servers MUST NOT include non-ASCII characters in replies except
    # in the limited cases specifically permitted in this section."
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if " " <= c <= "~" else "?" for c in text)


def _wrapped(text: str, room: int) -> list[str]:
    if len(text) <= room:
        return [text]
    return textwrap.wrap(text, room, break_on_hyphens=False) or [""]
