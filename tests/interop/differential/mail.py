"""Messages of many shapes for the dialogues, by name."""

from __future__ import annotations

from typing import Final


def _crlf(text: str) -> bytes:
    return text.lstrip("\n").replace("\n", "\r\n").encode()


_PLAIN = """
From: Alice Doe <alice@example.org>
To: Bob <bob@example.org>, carol@example.net
Subject: Lunch on Friday
Date: Mon, 7 Feb 2022 21:52:25 -0800
Message-ID: <plain@example.org>

Shall we meet at noon?
It is quiet then.
"""
_REPLY = """
From: bob@example.org
To: Alice Doe <alice@example.org>
Cc: Zed <zed@example.net>
Subject: Re: Lunch on Friday
Date: Tue, 8 Feb 2022 09:00:00 +0100
Message-ID: <reply@example.org>
In-Reply-To: <plain@example.org>
References: <plain@example.org>

Yes.
"""
_MIXED = """
From: "Doe, Bob" <bob@example.org>
Sender: robot@example.org
Reply-To: list@example.org
To: undisclosed recipients:;
Bcc: hidden@example.org
Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?= und mehr
Date: Wed, 9 Feb 2022 10:00:00 +0000
Message-ID: <mixed@example.org>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="outer"

This is the preamble.
--outer
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Gr=C3=BC=C3=9Fe aus der Ferne=
, lieber Bob.
--inner
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: base64
Content-Language: de, en

PHA+R3LDvMOfZTwvcD4=
--inner--
--outer
Content-Type: application/octet-stream; name="data.bin"
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="data.bin"; size=4
Content-ID: <part2@example.org>
Content-Description: four octets
Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==
Content-Location: http://example.org/data

AAECAw==
--outer
Content-Type: message/rfc822

From: inner@example.org
To: outer@example.org
Subject: Inside
Date: Thu, 10 Feb 2022 10:00:00 +0000
Message-ID: <inside@example.org>

The forwarded text.
--outer--
This is the epilogue.
"""
_NESTED = """
From: n@example.org
Subject: nested
MIME-Version: 1.0
Content-Type: message/rfc822

From: middle@example.org
Subject: middle
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=m

--m

one
--m
Content-Type: message/rfc822

From: deep@example.org
Subject: deep
MIME-Version: 1.0
Content-Type: multipart/digest; boundary=d

--d

From: digest@example.org
Subject: in a digest

digested
--d--
--m--
"""
_BARE = """
Subject: no more than this

x
"""
_ODD = """
From: odd@example.org
To: "quoted \\"name\\"" <q@example.org>, <@route.example:a@b.example>, =?ISO-8859-1?Q?J=F6rg?= <j@example.org>
Cc: friends: ann@example.org, ben@example.org;, last@example.org
Subject: folded
 over two
\tlines
Date: 7 Feb 2022 21:52 EST
Message-ID: <odd@example.org>
Comments: first
Comments: second
Content-Type: text/plain; format=flowed; charset="us-ascii" (a comment)
X-Empty:

odd body
"""
_RFC2231 = """
From: p@example.org
Subject: parameters
MIME-Version: 1.0
Content-Type: application/pdf; name*0*=UTF-8''Gr%C3%BC;
 name*1*=%C3%9Fe; name*2=.pdf
Content-Disposition: attachment; filename*=UTF-8''Gr%C3%BC%C3%9Fe.pdf
Content-Transfer-Encoding: base64

JVBERg==
"""
_FORWARDED = """
From: f@example.org
Subject: forwarded  with  spaces
MIME-Version: 1.0
Content-Type: message/rfc822

From: inner@example.org
Subject: encoded
MIME-Version: 1.0
Content-Type: application/octet-stream; name=lines
Content-Transfer-Encoding: BASE64

TGluZQ0KTGluZQ0K
"""
_DIGEST = """
From: d@example.org
Subject: digest
MIME-Version: 1.0
Content-Type: multipart/digest; boundary=d

--d
Content-Transfer-Encoding: quoted-printable

Subject: encoded, which a message must not be

x=3Dy
--d--
"""
_LATIN = b"From: l@example.org\r\nSubject: latin\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGr\xfc\xdfe\r\n"

MESSAGES: Final[dict[str, bytes]] = {
    "plain": _crlf(_PLAIN),
    "reply": _crlf(_REPLY),
    "mixed": _crlf(_MIXED),
    "nested": _crlf(_NESTED),
    "bare": _crlf(_BARE),
    "odd": _crlf(_ODD),
    "parameters": _crlf(_RFC2231),
    "forwarded": _crlf(_FORWARDED),
    "digest": _crlf(_DIGEST),
    "latin": _LATIN,
    "headers-only": b"From: h@example.org\r\nSubject: nothing below\r\n\r\n",
    "no-blank-line": b"From: n@example.org\r\nSubject: cut\r\n",
    "long": b"From: x@example.org\r\nSubject: long\r\n\r\n" + b"0123456789abcdef\r\n" * 600,
    "no-last-crlf": b"From: e@example.org\r\nSubject: end\r\n\r\nno end of line",
}
