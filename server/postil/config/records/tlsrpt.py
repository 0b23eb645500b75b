"""The record that asks for reports of TLS that failed: RFC 8460 §3."""

from __future__ import annotations

from postil.config.domain import TlsRpt
from postil.config.records.zone import Record


def record(domain: str, settings: TlsRpt) -> Record:
    """The record to publish."""
    # RFC 8460 §3: "the Policy Domain can specify a comma-separated list of URIs"
    text = f"v=TLSRPTv1; rua={','.join(settings.rua)}"
    return Record(f"_smtp._tls.{domain}", "TXT", text, "TLSRPT: who gets reports")
