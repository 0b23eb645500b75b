"""What is beyond the commands of RFC 9051 §6, or was an extension before: a file for each.

`id` (RFC 2971), `idle` (RFC 2177), `esearch` (RFC 4731), `searchres` (RFC 5182), `partial` (RFC 9394), `multisearch` (RFC 7377), `uidonly` (RFC 9586), `uidbatches` (RFC 10022), `inprogress` (RFC 9585), `binary` (RFC 3516), `objectid` (RFC 8474), `preview` (RFC 8970), `savedate` (RFC 8514), `appendlimit` (RFC 7889), `quota` (RFC 9208), `metadata` (RFC 5464, 9590), `notify` (RFC 5465), `specialuse` (RFC 6154) with `important` (RFC 8457), `utf8` (RFC 9755), `condstore` and `qresync` (RFC 7162), `compress` (RFC 4978), `replace` (RFC 8508),
`unauthenticate` (RFC 8437).

Each holds dataclass, parse, handle and a tuple `COMMANDS` (or `FETCH_ITEMS`, `SEARCH_KEYS`) that the registry
joins; what it announces stands in `imap/capabilities.py`.
"""
