"""PIPELINING: several commands may be sent without waiting (RFC 2920).

The behaviour is everywhere: `conversation` holds replies and sends them when the input is used up, `Verb.grouped` says whose
replies may be held, and nothing but STARTTLS throws input away.
"""

from __future__ import annotations

from postil.smtp.extension import Extension

EXTENSION = Extension(announce=lambda conversation: "PIPELINING")
