"""SASL mechanisms as pure functions: octets of the exchange in, identities out.

RFC 4422 is the framework; the mechanisms are PLAIN (RFC 4616), SCRAM (RFC 5802, RFC 7677; server and client), EXTERNAL (RFC 4422
Appendix A) and, off by default, CRAM-MD5 (RFC 2195). A protocol (IMAP's
AUTHENTICATE, SMTP's AUTH) does its own framing, calls a mechanism here for what the octets mean, and asks
`ports.accounts` whether it is true.

Files in reading order: `plain`, `external`, `encoding` (base64), `cram` and `md5` (its contexts), `precis` (user names and passwords, RFC 8265), `saslprep` (RFC 4013, for
keys that clients make so), `scram` (keys and grammar), `scram_server`, `scram_client`, `login` (the
attempts of one connection, for every protocol).

Rules: no I/O, no clock, the directory only in `login`; a malformed exchange is an exception of the
mechanism's module, never a guess. Secrets are not part of any repr.
"""
