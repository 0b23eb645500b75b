"""Who may ask, and the headers of every answer.

DNS rebinding: a web page elsewhere can make its own name point to 127.0.0.1, and a browser then lets it read what we
answer. The name it asked for is still in the Host field, so on loopback only loopback names are answered.
"""

from __future__ import annotations

import ipaddress
from typing import Final

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'none';"
    " base-uri 'none'; frame-ancestors 'none'"
)

HEADERS: Final = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)


def is_loopback_name(host: str) -> bool:
    """Is `host`, the Host field, this machine by a name that nobody else can give out?"""
    name = host.rpartition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
    name = name.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761 §6.3
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class Guard:
    """Around the application."""

    def __init__(self, app: ASGIApp, *, loopback_names_only: bool) -> None:
        self._app = app
        self._loopback_names_only = loopback_names_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(header for header in HEADERS if header[0] not in present),
                ]
            await send(message)

        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if self._loopback_names_only and not (
            len(hosts) == 1 and is_loopback_name(hosts[0].decode("latin-1"))
        ):
            refusal = PlainTextResponse(
                "Ask for localhost or a loopback address: this server answers to no other name.\n",
                status_code=421,  # RFC 9110 §15.5.20
            )
            await refusal(scope, receive, send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)
