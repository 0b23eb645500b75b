"""What the settings of domains must fulfil beyond their types."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from postil.config import names
from postil.config.domain import Dkim, Dmarc, Domain, MtaSts, TlsRpt
from postil.config.locate import Path
from postil.config.problems import Finding

MAX_AGE = 31557600  # seconds; RFC 8461 §3.2
MAX_WAIT = 366 * 86400  # seconds: a longer wait is a slip of the hand


def domains(given: Sequence[Domain], found: list[Finding]) -> tuple[Domain, ...]:
    """All domains with their names as A-labels; a name may be there once."""
    checked = tuple(_domain(one, ("domain", at), found) for at, one in enumerate(given))
    seen: set[str] = set()
    for at, one in enumerate(checked):
        if one.name in seen:
            found.append(Finding(("domain", at, "name"), f"{one.name} is listed twice"))
        seen.add(one.name)
    return checked


def _domain(one: Domain, path: Path, found: list[Finding]) -> Domain:
    name = names.domain(one.name, (*path, "name"), found)
    _dkim(one.dkim, name, (*path, "dkim"), found)
    if one.dmarc is not None:
        _fits(f"_dmarc.{name}", (*path, "dmarc"), found)
        _dmarc(one.dmarc, (*path, "dmarc"), found)
    mta_sts = one.mta_sts
    if mta_sts is not None:
        _fits(f"_mta-sts.{name}", (*path, "mta_sts"), found)
        mta_sts = _mta_sts(mta_sts, (*path, "mta_sts"), found)
    if one.tlsrpt is not None:
        _fits(f"_smtp._tls.{name}", (*path, "tlsrpt"), found)
        _tlsrpt(one.tlsrpt, (*path, "tlsrpt"), found)
    return msgspec.structs.replace(one, name=name, mta_sts=mta_sts)


def _fits(name: str, path: Path, found: list[Finding]) -> None:
    if len(name) > names.LONGEST:
        found.append(Finding(path, f"{name} is too long for the DNS ({names.LONGEST} characters)"))


def _dkim(dkim: Dkim, domain: str, path: Path, found: list[Finding]) -> None:
    for field in ("publish_wait", "retire_wait"):
        if not 0 <= (value := getattr(dkim, field)) <= MAX_WAIT:
            found.append(Finding((*path, field), f"must be from 0 to {MAX_WAIT}, not {value}"))
    seen: set[str] = set()
    states: Counter[tuple[str, str]] = Counter()
    for at, one in enumerate(dkim.selector):
        here = (*path, "selector", at)
        if not names.selector(one.name):
            what = f"{one.name!r} is no selector: letters, digits, hyphens, dots between"
            found.append(Finding((*here, "name"), what))
        else:
            _fits(f"{one.name}._domainkey.{domain}", (*here, "name"), found)
        # A name in the DNS is the same in any case.
        if one.name.lower() in seen:
            # RFC 6376 §3.6.2.2: "TXT RRs MUST be unique for a particular selector name"
            found.append(Finding((*here, "name"), f"the selector {one.name} is there twice"))
        seen.add(one.name.lower())
        if one.since.tzinfo is None:
            what = "needs a zone, such as the Z of 2026-01-31T12:00:00Z"
            found.append(Finding((*here, "since"), what))
        states[one.algorithm, one.state] += 1
        if one.state != "retiring" and states[one.algorithm, one.state] > 1:
            what = f"two {one.algorithm} keys cannot both be {one.state!r}"
            found.append(Finding((*here, "state"), what))


def _dmarc(dmarc: Dmarc, path: Path, found: list[Finding]) -> None:
    for field in ("rua", "ruf"):
        _uris(getattr(dmarc, field), (), (*path, field), found)
    # RFC 9989 §4.7: "the values may appear in the list in any order", "with the exception that "0" and "1" are mutually
    # exclusive"
    fo = dmarc.fo
    for at, one in enumerate(fo):
        if one not in ("0", "1", "d", "s"):
            found.append(Finding((*path, "fo", at), f"{one!r} is none of 0, 1, d, s"))
        elif one in fo[:at]:
            found.append(Finding((*path, "fo", at), f"{one!r} is there twice"))
    if not fo:
        found.append(Finding((*path, "fo"), "is empty; the usual value is 0"))
    if {"0", "1"} <= set(fo):
        found.append(Finding((*path, "fo"), "0 and 1 exclude each other"))


def _mta_sts(policy: MtaSts, path: Path, found: list[Finding]) -> MtaSts:
    # RFC 8461 §3.2: "plaintext non-negative integer seconds, maximum value of 31557600"
    if not 0 <= policy.max_age <= MAX_AGE:
        found.append(
            Finding((*path, "max_age"), f"must be from 0 to {MAX_AGE}, not {policy.max_age}")
        )
    # RFC 8461 §3.2: "the "mx" value MUST specify the Punycode-encoded A-label [RFC3492] to match against"
    patterns = []
    for at, one in enumerate(policy.mx):
        star = "*." if one.startswith("*.") else ""
        patterns.append(star + names.domain(one.removeprefix(star), (*path, "mx", at), found))
    return msgspec.structs.replace(policy, mx=tuple(patterns))


def _tlsrpt(tlsrpt: TlsRpt, path: Path, found: list[Finding]) -> None:
    if not tlsrpt.rua:
        found.append(Finding((*path, "rua"), "names nobody who gets the reports"))
    # RFC 8460 §3: "Two URI schemes are supported: "mailto" and "https"."
    _uris(tlsrpt.rua, ("mailto", "https"), (*path, "rua"), found)


def _uris(uris: Sequence[str], schemes: tuple[str, ...], path: Path, found: list[Finding]) -> None:
    for at, uri in enumerate(uris):
        if (fault := names.uri_fault(uri, schemes)) is not None:
            found.append(Finding((*path, at), fault))
