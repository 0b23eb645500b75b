"""Sockets and TLS: what turns octets of a network into a `ports.stream.Stream`, and back.

Every protocol runs on one pump: plain transports of the event loop below, OpenSSL working in memory above, and
between them code we can read. That is what makes STARTTLS drop what was smuggled in behind it, gives back-pressure in
both directions, and costs 18 KiB for an idle connection where asyncio's own TLS takes 280.

RFCs: 8446 and 5246 through OpenSSL (closure alerts: RFC 8446 §6.1), 6066 §3 (server name), 7301 (ALPN), 9266 and 5929 (channel binding),
3207 §4.2 and 9051 §6.2.1 (STARTTLS).

Files in reading order:
`limits` every number with its reason; `hello` what a client asks for before anything is encrypted; `naming` what it gets for that, by rules;
`openssl` what Python's ssl does not offer; `clientkeys` TLS keys of clients; `certificates` contexts and the self-signed pair; `identities` all certificates of a server, exchanged while connections run;
`tls` OpenSSL in memory: octets in, octets out, no sockets; `proxy` who is behind a load balancer;
`binding` what both ends of TLS know, for SCRAM's channel binding; `wheel` time-outs for thousands of connections at the price of an attribute; `waiting`, `inbox` and `introduction` the wait, what has arrived, and the
ends of a connection; `stream` a connection that a protocol
session reads and writes; `transport` the same for a library that wants an asyncio transport (HTTP);
`admission` who may connect, how often; `dial` a connection that we open; `imaperrors`, `imapanswers`, `imapengine`, `imapopen`, `imaplogin` and `imapclient` the client of IMAP servers on it;
`listeners` sockets bound and accepted; `control` how a command reaches the server that runs.

Rules: nothing here knows a mail protocol but the clients, whose cores are pure and stand beside the servers' (`imap.client`). A session never sees a socket; whoever accepts a connection
decides what runs on it. TLS versions below 1.2 do not exist.
"""
