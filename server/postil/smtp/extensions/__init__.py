"""The service extensions (RFC 5321 §2.2), one file each, named after the EHLO keyword.

`pipelining` (RFC 2920), `size` (RFC 1870), `eightbitmime` (RFC 6152), `smtputf8` (RFC 6531), `enhancedstatuscodes`
(RFC 2034), `starttls` (RFC 3207), `auth` (RFC 4954), `help` (RFC 5321 §4.1.1.8).

Each makes one `EXTENSION`; `registry.EXTENSIONS` is the visible list from which the EHLO reply, the verbs and the parameters
of MAIL come. To add one: write the file, add it to the list.
"""
