"""Certificates of the configuration that clients will refuse, now or soon: expired, about to, or for other names.

Said by `postil config check`, and by the log at a start and once a day. Certificates by ACME are not looked at: their
renewal reports for itself, and short-lived ones always end soon. Nor is the self-signed pair, which is made anew in time.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from postil.config import Config
from postil.config.locate import Path as Steps
from postil.config.problems import Finding
from postil.net.certificates import BadCertificate, lasts, names_of
from postil.net.naming import known, spelled

# Whatever renews a certificate of 90 days has then failed for two weeks. One with a short life ends soon from its last third on.
SOON: Final = datetime.timedelta(days=14)
_MOST_NAMED: Final = 5  # names of a certificate in a sentence


def doubtful(config: Config, now: float) -> Iterator[Finding]:
    """What a client would find wrong; a file that cannot be read is somebody else's to report."""
    tls = config.tls
    files: list[tuple[Steps, str]] = [(("tls", "certificate"), tls.certificate)]
    files += [
        (("tls", "chain", at, "certificate"), one.certificate) for at, one in enumerate(tls.chain)
    ]
    held: set[str] = {name for one in config.acme_certificate for name in one.names}
    for path, file in files:
        if not file:
            continue
        try:
            names, (begins, ends) = names_of(Path(file)), lasts(Path(file))
        except BadCertificate:
            held.add(config.hostname)  # nobody can say what it is for
            continue
        held |= names
        if (what := _lived(begins, ends, now)) is not None:
            yield Finding(path, f"{file} ({_some(names)}) {what}")
    if tls.certificate and known(spelled(config.hostname.encode()), held) is None:
        what = f"no certificate is for {config.hostname} (hostname): they are for {_some(held)}, and clients that check the name refuse them"
        yield Finding(("tls", "certificate"), what)


def _lived(begins: datetime.datetime, ends: datetime.datetime, now: float) -> str | None:
    at = datetime.datetime.fromtimestamp(now, datetime.UTC)
    if at < begins:
        return f"is not valid before {begins:%Y-%m-%d %H:%M} UTC: clients refuse it until then"
    if at > ends:
        return f"ended on {ends:%Y-%m-%d %H:%M} UTC: clients refuse it"
    if ends - at < min(SOON, (ends - begins) / 3):
        return f"ends on {ends:%Y-%m-%d %H:%M} UTC, and nothing has renewed it"
    return None


def _some(names: frozenset[str] | set[str]) -> str:
    shown = sorted(names)[:_MOST_NAMED]
    return ", ".join([*shown, "…"] if len(names) > _MOST_NAMED else shown) or "no name"
