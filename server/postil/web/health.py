"""/healthz: this process answers. /readyz: it can take and give mail now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

# None when mail can be read and written, otherwise the reason in words.
Ready = Callable[[], Awaitable[str | None]]


async def healthz(request: Request) -> Response:
    """The loop turns."""
    return PlainTextResponse("ok\n")


def readyz(ready: Ready) -> Callable[[Request], Awaitable[Response]]:
    """The store is open and a write reached the disk."""

    async def answer(request: Request) -> Response:
        reason = await ready()
        if reason is None:
            return PlainTextResponse("ready\n")
        return PlainTextResponse(f"not ready: {reason}\n", status_code=503)

    return answer
