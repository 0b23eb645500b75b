"""Pages of a folder, with a script more, and the stream of news (Server-Sent Events)."""

from __future__ import annotations

import html
import http.server
import json
import queue
import urllib.parse
from functools import cache
from http import HTTPStatus
from pathlib import Path

from postil_site.live.session import Board, News

BEAT = 15.0  # seconds between signs of life: so a browser that went away is noticed
_LACKING = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Not here</title>
<link rel="stylesheet" href="/assets/site.css"></head><body><main id="main"><h1>{name}</h1><p>There is no such page{reason}.
It appears here as soon as there is one.</p><p><a href="/index.html">All pages</a></p></main></body></html>"""


@cache
def _script() -> bytes:
    return (Path(__file__).parent / "live.js").read_bytes()


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files of one folder, with nothing else allowed to load."""

    protocol_version = "HTTP/1.1"  # a page's files come over few connections
    board: Board  # set by a subclass, as the folder is by partial

    def do_GET(self) -> None:
        """A page, a file, the script or the stream."""
        path, _, query = self.path.partition("?")
        if path == "/-/live.js":
            self._send(HTTPStatus.OK, _script(), "text/javascript; charset=utf-8")
        elif path == "/-/live":
            since = urllib.parse.parse_qs(query).get("since", ["0"])[0]
            self._stream(int(since) if since.isdecimal() else 0)
        elif path.endswith((".html", "/")):
            self._page(path)
        else:
            super().do_GET()

    def _page(self, path: str) -> None:
        number = self.board.number  # before the file is read: what changes after it is told
        file = Path(self.translate_path(path if path.endswith(".html") else path + "index.html"))
        status = HTTPStatus.OK
        try:
            page = file.read_bytes()
        except OSError:
            status = HTTPStatus.NOT_FOUND
            name = urllib.parse.unquote(path).lstrip("/")
            reason = self.board.errors.get(name, "")
            page = _LACKING.format(
                name=html.escape(name), reason=html.escape(f": {reason}" if reason else "")
            ).encode("utf-8", "replace")
        tag = b'<script src="/-/live.js" data-number="%d" defer></script></head>' % number
        self._send(status, page.replace(b"</head>", tag, 1), "text/html; charset=utf-8")

    def _send(self, status: HTTPStatus, octets: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(octets)))
        self.end_headers()
        self.wfile.write(octets)

    def _stream(self, since: int) -> None:
        first, later = self.board.listen(since)
        try:
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")  # it ends only with the connection
            self.end_headers()
            self._tell(first)
            while True:
                try:
                    news = later.get(timeout=BEAT)
                except queue.Empty:
                    self.wfile.write(b":\n\n")
                    continue
                if news is None:
                    return
                self._tell(news)
        except OSError:
            pass  # the browser has gone
        finally:
            self.board.leave(later)

    def _tell(self, news: News) -> None:
        pages = None if news.pages is None else sorted(news.pages)
        value = {"number": news.number, "pages": pages, "errors": news.errors}
        self.wfile.write(b"data: " + json.dumps(value).encode() + b"\n\n")

    def end_headers(self) -> None:
        """Everything a page needs is beside it."""
        self.send_header("Content-Security-Policy", "default-src 'self'; frame-ancestors 'self'")
        # What all pages share changes only with this program: a reloaded page need not ask for it again.
        shared = self.path.startswith(("/assets/", "/-/live.js"))
        self.send_header("Cache-Control", "max-age=60" if shared else "no-cache")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """No line for each file of a page."""
