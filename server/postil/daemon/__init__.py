"""The daemons: a connection from `net`, a session from a pure core, and what happens around them.

A daemon decides nothing about a protocol. It lets a connection in or refuses it in the protocol's own words, runs the
session as a task that the server knows, writes the log and the counters, and at the end asks every session to leave.

Files in reading order: `metrics` what is counted; `service` the life of a connection, the same for every mail
protocol; `sessions` who is logged in and must perhaps go; `imap`, `smtp` the words each protocol has for "too many" and "we stop"; `http` the same for HTTP; `notify`
what the service manager is told.

RFCs: 9051 §7.1.5 (BYE), 5321 §3.8 and §4.3.2 (421), 3463 (enhanced codes), 5530 §3 (why a session ends).

Rules: a session's fault ends that connection and no other; passwords and message text never reach the log.
"""
