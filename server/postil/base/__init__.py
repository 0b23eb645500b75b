"""What every other package may stand on: the standard library only, no mail knowledge beyond spelling.

Files in reading order: `clock` (time enters through a parameter), `ids` (random object ids),
`tasks` (background work that is never lost), `utf7` (mailbox names as RFC 3501 spells them),
`deflate` (RFC 1951 in both directions of a connection), `endpoints` (addresses with ports), `durable` (small files that must survive).

Rule of the package: nothing here imports another package of Postil, and nothing here opens
a socket; `durable` alone touches files.
"""
