"""ENHANCEDSTATUSCODES: replies carry a second, finer code (RFC 2034, RFC 3463, RFC 5248).

The codes stand where the replies are made; `replies.Reply.encode` puts them on every line.
"""

from __future__ import annotations

from postil.smtp.extension import Extension

EXTENSION = Extension(announce=lambda conversation: "ENHANCEDSTATUSCODES")
