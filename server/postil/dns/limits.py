"""Every number of the resolver, with its reason."""

from __future__ import annotations

from typing import Final

# --- seconds

# A resolver that must ask around itself answers within a second or two; DNS libraries wait 5, but they have no second way.
ATTEMPT: Final = 3.0
# A question with all attempts, aliases and the second look at a failure. RFC 7208 §4.6.4 wants at least 20 for a whole SPF check.
QUESTION: Final = 15.0

# --- octets

# RFC 6891 §6.2.5 lets a requestor choose; above this, datagrams are fragmented on ordinary paths and get lost.
UDP_PAYLOAD: Final = 1232
# The largest sets of real domains (TXT) have a few KiB.
ANSWER: Final = 16 * 1024

# --- counts

# Records in an answer, all sections: dnspython needs up to 60 us of the loop for each, and whoever sends us mail chooses what we ask
# for. So many are 8 ms; domains with the most TXT records have about 100.
RECORDS: Final = 128
# Aliases of one name, as resolvers of the field have it (11 to 16).
ALIASES: Final = 12
# Questions on the wire at a time; each has a descriptor. More wait.
AT_ONCE: Final = 128
# Systems know at most three (resolv.conf); a longer list would only make a failure slow.
SERVERS: Final = 3

# --- the cache: at most 4,096 answers of 8 KiB, in practice some hundred octets each

CACHE_ANSWERS: Final = 4096
CACHE_OCTETS: Final = 8 * 1024
# RFC 2181 §8 lets a TTL be 68 years; a record that was changed should be seen within the day.
CACHE_TTL: Final = 86_400
# RFC 2308 §5: "Values of one to three hours have been found to work well"; a name set up just now should not be missing for long.
CACHE_NEGATIVE_TTL: Final = 3600
