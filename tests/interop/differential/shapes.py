"""Messages by chance: headers people write (what the two servers see differently on purpose is in `mail`), parts inside parts, every transfer encoding, texts in two charsets."""

from __future__ import annotations

import base64
import quopri
from collections.abc import Sequence

from hypothesis import strategies as st

_WORD = st.sampled_from(["alpha", "beta", "gamma", "Lunch", "noon", "Grüße", "x", ""])
_TEXT = st.lists(_WORD, min_size=1, max_size=6).map(" ".join)
_ADDRESS = st.sampled_from([
    "a@example.org", "Ann <ann@example.org>", '"Doe, Bob" <bob@example.org>', "<c@example.org>",
    "Friends: d@example.org, e@example.org;", "=?UTF-8?Q?Gr=C3=BC?= <g@example.org>",
    "undisclosed recipients:;", '"quo\\"ted" <q@example.org>', "x@[192.0.2.1]", "old@example.org (Old Style)",
])  # fmt: skip
_ADDRESSES = st.lists(_ADDRESS, min_size=1, max_size=3).map(", ".join)
_DATE = st.sampled_from([
    "Mon, 7 Feb 2022 21:52:25 -0800", "8 Feb 2022 01:00:00 +0000", "Wed, 09 Feb 2022 10:00:00 GMT",
    "Thu, 10 Feb 2022 23:30:00 +1400",
])  # fmt: skip
_SUBJECT = st.sampled_from([
    "Lunch", "Re: Lunch", "=?UTF-8?B?R3LDvMOfZQ==?=", "folded\r\n line", "", "noon (comment)", '"quoted"',
])  # fmt: skip
_FIELDS: dict[str, st.SearchStrategy[str]] = {
    "From": _ADDRESSES, "To": _ADDRESSES, "Cc": _ADDRESSES, "Bcc": _ADDRESSES, "Sender": _ADDRESS,
    "Reply-To": _ADDRESSES, "Date": _DATE, "Subject": _SUBJECT, "Message-ID": st.just("<m@example.org>"),
    "In-Reply-To": st.just("<o@example.org>"), "References": st.just("<o@example.org> <p@example.org>"),
    "X-Note": _TEXT.filter(str.isascii),
}  # fmt: skip
_DISPOSITIONS = st.sampled_from([
    "", "Content-Disposition: inline\r\n", 'Content-Disposition: attachment; filename="f.txt"\r\n',
    "Content-Disposition: attachment;\r\n filename=g.bin; size=12\r\n",
])  # fmt: skip
_MORE = st.sampled_from([
    "", "Content-ID: <part@example.org>\r\n", "Content-Description: a part\r\n",
    "Content-Language: en, de\r\n", "Content-Location: http://example.org/x\r\n",
    "Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\r\n",
])  # fmt: skip


@st.composite
def _leaf(draw: st.DrawFn) -> bytes:
    kind = draw(
        st.sampled_from(["text/plain", "text/html", "application/octet-stream", "image/png", ""])
    )
    charset = draw(st.sampled_from(["utf-8", "iso-8859-1", "us-ascii"]))
    if charset == "us-ascii" or not kind.startswith("text"):
        text = draw(_TEXT.filter(str.isascii))
    else:
        text = draw(_TEXT)
    octets = "\r\n".join([text] * draw(st.integers(1, 3))).encode(charset)
    encoding = draw(st.sampled_from(["", "7bit", "8bit", "quoted-printable", "base64"]))
    if not kind and encoding != "7bit":
        encoding = ""  # in a digest it is a message, which has no encoding
    if encoding == "base64":
        octets = base64.encodebytes(octets).replace(b"\n", b"\r\n")
    elif encoding == "quoted-printable":
        octets = quopri.encodestring(octets).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    head = ""
    if kind:
        head = f"Content-Type: {kind}"
        head += f"; charset={charset}" if kind.startswith("text") else "; name=data"
        head += "\r\n"
    if encoding:
        head += f"Content-Transfer-Encoding: {encoding}\r\n"
    head += draw(_DISPOSITIONS) + draw(_MORE)
    return head.encode() + b"\r\n" + octets + draw(st.sampled_from([b"\r\n", b""]))


def _several(parts: Sequence[bytes], kind: str, around: tuple[bytes, bytes]) -> bytes:
    # Deeper boundaries are longer, so that none is the beginning of one around it.
    mark = b"b%d" % sum(map(len, parts))
    head = b'Content-Type: multipart/%s; boundary="%s"\r\n\r\n' % (kind.encode(), mark)
    body = b"".join(b"--" + mark + b"\r\n" + part + b"\r\n" for part in parts)
    return head + around[0] + body + b"--" + mark + b"--" + around[1]


def _wrapped(inner: bytes) -> bytes:
    return b"Content-Type: message/rfc822\r\n\r\n" + inner


@st.composite
def _header(draw: st.DrawFn) -> bytes:
    names = draw(st.lists(st.sampled_from(sorted(_FIELDS)), unique=True, max_size=7))
    return "".join(f"{name}: {draw(_FIELDS[name])}\r\n" for name in names).encode()


def _whole(pair: tuple[bytes, bytes]) -> bytes:
    head, body = pair
    return head + b"MIME-Version: 1.0\r\n" + body


_BODY = st.recursive(
    _leaf(),
    lambda inner: st.one_of(
        st.builds(
            _several,
            st.lists(inner, min_size=1, max_size=3),
            st.sampled_from(["mixed", "alternative", "related", "digest", "x-odd"]),
            st.sampled_from([(b"", b""), (b"preamble\r\n", b"\r\nepilogue\r\n"), (b"", b"\r\n")]),
        ),
        st.builds(_wrapped, st.tuples(_header(), inner).map(_whole)),
    ),
    max_leaves=5,
)
MESSAGE = st.tuples(_header(), _BODY).map(_whole)
