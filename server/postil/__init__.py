"""Postil, the mail server: what arrives by SMTP is kept safe and read by IMAP.

Each package below opens with a page like this one: what it is, which RFCs, its files in reading order, its rules. Each
line that exists because of an RFC says which sentence it implements.

Packages in reading order, from the protocols outward; each may import those that come before it here, as
`make check` enforces (the exact table is in `website/content/design.md`):

1. `base` and `message`: clock, ids, tasks, UTF-7; RFC 5322 and MIME, parsed by an own parser over octets.
2. `ports`: the seams. Protocols and frozen records through which everything below and above meets.
3. `sasl`, then `smtp` and `imap`: the protocols, pure. Octets in, octets out, no sockets; a test hands them octets. `caa`: DNS records in, a verdict out. `routing`: a message in, a transport out.
4. `config`: the TOML file. `store`, `net`, `dns` and `http`: SQLite and segments; sockets and TLS; the resolver; the HTTP client.
5. `accounts` (who has mail here), `acme` (certificates from authorities) and `inbound` (what happens to a message that arrives).
6. `daemon` and `web`: protocol, sockets and store brought together; the start page.
7. `app`, the only place that constructs things, and `cli`, the commands.

Begin with `ports.store` for what is kept, `imap.serving` for how a connection lives, `store.writer` for why an OK means: on disk.
"""
