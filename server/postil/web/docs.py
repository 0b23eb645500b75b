"""Code and RFCs side by side under /docs/: a folder of pages that another program makes, perhaps only after this server has started.

The folder is looked at when a page is asked for, never before. Until it has an index there is a page that says so and asks again by itself.
These pages have scripts and frames of their own, all from this host, so their policy is wider than that of our own pages.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; frame-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)
AGAIN: Final = 5  # seconds until the browser asks again: a build takes about half a minute
BEING_BUILT: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Being built</title><link rel="stylesheet" href="/static/postil.css"></head>
<body><main><h1>Being built</h1><p>The pages that show code and RFCs side by side are being built; this page asks again by itself.
Where nobody builds them, <code>make site</code> does.</p><p><a href="/">Start page</a></p></main></body></html>
"""


class Docs:
    """The folder as an application, to be mounted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: ASGIApp = StaticFiles(directory=folder, html=True, check_dir=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    (b"content-security-policy", POLICY.encode()),
                    (b"cache-control", b"no-cache"),
                ]
            await send(message)

        if (self._folder / "index.html").is_file():
            await self._files(scope, receive, send_with_policy)
            return
        answer: Response
        if scope["path"].rstrip("/").endswith("/docs"):
            answer = HTMLResponse(
                BEING_BUILT,
                status_code=503,
                headers={"refresh": str(AGAIN), "retry-after": str(AGAIN)},
            )
        else:
            answer = RedirectResponse("/docs/", status_code=307)
        await answer(scope, receive, send)
