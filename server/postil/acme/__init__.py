"""Certificates from authorities that speak ACME: an own client (RFC 8555) with tls-alpn-01 (RFC 8737), addresses (RFC 8738)
and renewal information (RFC 9773).

Files in reading order. Pure: `limits` every number with its reason; `jws` signatures; `keys` private keys; `problem` what an
authority says is wrong, and the errors of this package; `identifiers` names and addresses; `objects` what an authority sends;
`answers` what answers a challenge; `chain` the request and the certificate that comes back; `ari` renewal information;
`schedule` when to order. With the world: `session` signed requests, nonces, patience; `hook` a program that changes a zone;
`solve` shows answers; `order` from names to a chain; `files` what is on disk; `account` the account; `window` asks for renewal
information; `issue` a certificate from configuration to disk; `revoke` its end before its time; `renew` the task that keeps all of them current.

Rules: an authority is not trusted: whatever it sends has a limit and a type, and goes to no terminal unclean. Time, chance and
HTTP come in through parameters. Nothing is remembered that is not on disk. Keys never leave this machine and are in no log.
"""
