"""What a domain's settings mean for the DNS: the records to publish, as zone lines and as data.

RFC 6376 §3.6 and RFC 8463 (DKIM keys), RFC 9989 (DMARC), RFC 8461 (MTA-STS), RFC 8460 (TLSRPT), RFC 5321 §5.1 (MX).

Files in reading order: `zone` (a record, and how it is written in a zone file), `dkim`, `dmarc`, `mtasts`, `tlsrpt` (the text of each
record), `all` (every record of a domain).

Rules: pure, settings that were checked in, text out. Only what others must find is made here: reading other people's records is the
protocols' business. Nothing signs mail or serves the MTA-STS policy yet.
"""

from postil.config.records.all import records
from postil.config.records.zone import Record

__all__ = ["Record", "records"]
