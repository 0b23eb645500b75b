"""SASL mechanisms as pure functions: octets of the exchange in, identities out.

RFC 4422 is the framework, RFC 4616 the mechanism PLAIN. A protocol (IMAP's AUTHENTICATE, SMTP's AUTH)
does its own framing, calls a mechanism here for what the octets mean, and asks
`ports.accounts` whether it is true.

Files in reading order: `plain`, `encoding` (base64).

Rules: no I/O, no directory, no clock; a malformed exchange is an exception of the
mechanism's module, never a guess. Secrets are not part of any repr.
"""
