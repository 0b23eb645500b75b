"""What is known of the other end of a connection when protocol code needs it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Peer:
    """The remote end and the listener it came through; TLS facts are those of this moment."""

    ip: str  # textual address without zone; "" for a pipe
    port: int
    local_ip: str
    local_port: int
    listener: str  # "smtp", "submission", "imaps" …: the configuration's name for it
    connection: str  # id for log lines
    tls: str | None = None  # "TLSv1.3" … or None
    cipher: str | None = None
    server_name: str | None = None  # SNI
    client_key: str | None = None  # SHA-256 of the key that the client proved to have, in hex

    @property
    def loopback(self) -> bool:
        """Did it come from this machine?"""
        return self.ip == "::1" or self.ip.startswith("127.") or self.ip.startswith("::ffff:127.")
