"""Identifiers, references, base subjects."""

from __future__ import annotations

import pytest

from postil.message.parse import parse
from postil.message.threading import base_subject, message_id, message_ids, references


@pytest.mark.parametrize(
    ("subject", "base", "derived"),
    [
        (b"hello", "hello", False),
        (b"Re: hello", "hello", True),
        (b"RE: re: Fwd: FW: hello", "hello", True),
        (b"Re [tag]: hello", "hello", True),
        (b"[list] Re: [list] hello", "hello", True),
        (b"[list] hello", "hello", False),
        (b"[list]", "[list]", False),
        (b"[a] [b]", "[b]", False),
        (b"[a] [b] hello", "hello", False),
        (b"[a] [b] Re: [c] [d] hello", "hello", True),
        (b"hello (fwd)", "hello", True),
        (b"hello (fwd) (FWD) ", "hello", True),
        (b"[Fwd: hello]", "hello", True),
        (b"[fwd: Re: [x] hello (fwd)]", "hello", True),
        (b"Re: ", "", True),
        (b"a   b\t c", "a b c", False),
        (b"=?utf-8?Q?Re=3A_Gr=C3=BC=C3=9Fe?=", "Grüße", True),
        (b"Reply: hello", "Reply: hello", False),
        (b"", "", False),
    ],
)
@pytest.mark.rfc(
    "5256",
    "2.1",
    "clients MUST use exactly this algorithm to determine the 'base subject'",
)
def test_base_subject(subject: bytes, base: str, derived: bool) -> None:
    """The steps of the RFC, in their order."""
    assert base_subject(subject) == (base, derived)


@pytest.mark.rfc("5256", "3", "MUST be interpreted as being the same Message ID.")
def test_identifiers_are_compared_without_their_quoting() -> None:
    """The two spellings of the RFC's example are one identifier."""
    quoted = message_ids(b'<"01KF8JCEOCBS0045PS"@xxx.yyy.com>')
    assert quoted == message_ids(b"<01KF8JCEOCBS0045PS@xxx.yyy.com>")
    assert quoted == [b"<01KF8JCEOCBS0045PS@xxx.yyy.com>"]


def test_references_and_their_fallback() -> None:
    """References count, each once; without them the first identifier of In-Reply-To does."""
    both = parse(b"References: <a@x> junk\r\n <b@x> <a@x>\r\nIn-Reply-To: <c@x>\r\n\r\n")
    assert references(both) == [b"<a@x>", b"<b@x>"]
    only = parse(b"In-Reply-To: Your message of <now> by <d@x>\r\n\r\n")
    assert references(only) == [b"<now>"]
    assert references(parse(b"\r\n")) == []


def test_message_id() -> None:
    """The identifier normalised; a malformed one as it is; none when there is none."""
    assert message_id(parse(b"Message-ID:  < a@x >\r\n\r\n")) == b"<a@x>"
    assert message_id(parse(b"Message-ID: bare\r\n\r\n")) == b"bare"
    assert message_id(parse(b"Message-ID:\r\n\r\n")) is None
