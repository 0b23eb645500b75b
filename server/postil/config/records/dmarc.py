"""The DMARC policy record: RFC 9989 §4.7 and §4.8; the consent of others who get the reports: RFC 9990 §4."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from postil.config.domain import Dmarc
from postil.config.names import a_labels
from postil.config.records.zone import Record


def text(dmarc: Dmarc) -> str:
    """The tags, those with their default left out."""
    # RFC 9989 §4.7: "This tag MUST be the first tag in the list."
    tags = ["v=DMARC1", f"p={dmarc.p}"]
    for tag, value, default in (
        ("sp", dmarc.sp, None),
        ("np", dmarc.np, None),
        ("adkim", dmarc.adkim, "r"),
        ("aspf", dmarc.aspf, "r"),
        ("psd", dmarc.psd, "u"),
        ("t", "y" if dmarc.t else "n", "n"),
        ("rua", ",".join(dmarc.rua), ""),
        ("ruf", ",".join(dmarc.ruf), ""),
    ):
        if value != default:
            tags.append(f"{tag}={value}")
    # RFC 9989 §4.7: "This tag's content MUST be ignored if a "ruf" tag (below) is not also specified."
    if dmarc.ruf and dmarc.fo != ("0",):
        tags.append(f"fo={':'.join(dmarc.fo)}")
    return "; ".join(tags)


def records(domain: str, dmarc: Dmarc) -> Iterator[Record]:
    """The policy, and what other domains must publish so that their addresses may get its reports."""
    yield Record(f"_dmarc.{domain}", "TXT", text(dmarc), "DMARC policy")
    for host in dict.fromkeys(map(_host, (*dmarc.rua, *dmarc.ruf))):
        if host and not _together(host, domain):
            # RFC 9990 §4: "Prepend the string "_report._dmarc"."
            consent = f"{domain}._report._dmarc.{host}"
            yield Record(consent, "TXT", "v=DMARC1", f"{host} agrees to get reports about {domain}")


def _host(uri: str) -> str:
    if uri.lower().startswith("mailto:"):
        address = unquote(uri.partition(":")[2].partition("?")[0])
        return a_labels(address.rpartition("@")[2])
    return urlsplit(uri).hostname or ""


def _together(host: str, domain: str) -> bool:
    """The same organization, as far as the names alone tell."""
    return host == domain or host.endswith(f".{domain}") or domain.endswith(f".{host}")
