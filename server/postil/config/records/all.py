"""Every record that a domain's settings mean."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from postil.config.domain import Domain, Selector
from postil.config.records import dkim, dmarc, mtasts, tlsrpt
from postil.config.records.zone import Record

PREFERENCE = 10  # of the only MX there is here; any number will do


def records(domain: Domain, hostname: str, public: Callable[[Selector], bytes]) -> Iterator[Record]:
    """`public` gives the public key of a selector, as `records.dkim.text` takes it."""
    yield Record(domain.name, "MX", f"{PREFERENCE} {hostname}", "where mail for the domain goes")
    for one in domain.dkim.selector:
        made = dkim.record(one.name, domain.name, one.algorithm, public(one))
        yield made
    if domain.dmarc is not None:
        yield from dmarc.records(domain.name, domain.dmarc)
    if domain.mta_sts is not None:
        yield mtasts.record(domain.name, domain.mta_sts, hostname)
    if domain.tlsrpt is not None:
        yield tlsrpt.record(domain.name, domain.tlsrpt)
