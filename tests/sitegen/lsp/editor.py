"""An editor in a few lines: pygls' client over the standard input and output of the real process."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from lsprotocol import types
from pygls.lsp.client import LanguageClient

SECONDS = 60


class Editor:
    """One editor with one folder open."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.client = LanguageClient("test", "1")
        self.told: dict[str, list[types.Diagnostic]] = {}
        self.news = asyncio.Condition()
        self._versions: dict[str, int] = {}
        self._seen: dict[str, int] = {}

        @self.client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        async def published(params: types.PublishDiagnosticsParams) -> None:
            async with self.news:
                self.told[params.uri] = list(params.diagnostics)
                self._seen[params.uri] = params.version or 0
                self.news.notify_all()

        @self.client.feature(types.CLIENT_REGISTER_CAPABILITY)
        async def registered(params: types.RegistrationParams) -> None:
            return None

        self.said: list[str] = []

        @self.client.feature(types.WINDOW_SHOW_MESSAGE)
        def shown(params: types.ShowMessageParams) -> None:
            self.said.append(params.message)

    def uri(self, name: str) -> str:
        """The address of a file."""
        return (self.root / name).resolve().as_uri()

    def open(self, name: str, text: str | None = None) -> str:
        """Open a file, by default as it is on disk."""
        uri = self.uri(name)
        if text is None:
            text = (self.root / name).read_text("utf-8")
        self._versions[uri] = 1
        item = types.TextDocumentItem(uri, "python", 1, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        return uri

    def type(self, uri: str, text: str) -> None:
        """The buffer is this now; nothing is saved."""
        self._versions[uri] += 1
        self.client.text_document_did_change(
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(self._versions[uri], uri),
                [types.TextDocumentContentChangeWholeDocument(text)],
            )
        )

    async def findings(self, uri: str, *codes: str) -> list[types.Diagnostic]:
        """Those of the buffer as it is now; with codes, wait until there are exactly these."""

        def ready() -> bool:
            if self._seen.get(uri, 0) < self._versions[uri]:
                return False
            return not codes or sorted(str(one.code) for one in self.told[uri]) == sorted(codes)

        async with self.news:
            try:
                await asyncio.wait_for(self.news.wait_for(ready), SECONDS)
            except TimeoutError:
                raise AssertionError((codes, self.told.get(uri))) from None
        return self.told[uri]


@asynccontextmanager
async def editing(root: Path, *arguments: str) -> AsyncIterator[Editor]:
    """The server's process with a client that has `root` open."""
    editor = Editor(root)
    client = editor.client
    await client.start_io(
        sys.executable, "-m", "postil_site.commands.rfclinks", "lsp", *arguments, cwd=str(root)
    )
    try:
        await client.initialize_async(
            types.InitializeParams(
                capabilities=types.ClientCapabilities(),
                root_uri=root.resolve().as_uri(),
                process_id=None,
            )
        )
        client.initialized(types.InitializedParams())
        yield editor
        await client.shutdown_async(None)
    finally:
        client.exit(None)
        await client.stop()


def position(text: str, words: str, behind: bool = False) -> types.Position:
    """Where words stand in a text, in UTF-16 units as editors count."""
    at = text.index(words) + (len(words) if behind else 1)
    before = text[:at].split("\n")
    return types.Position(len(before) - 1, len(before[-1].encode("utf-16-le")) // 2)


def applied(text: str, edits: list[types.TextEdit]) -> str:
    """A text after edits, as an editor applies them."""
    rows = text.split("\n")

    def offset(place: types.Position) -> int:
        row = rows[place.line].encode("utf-16-le")[: place.character * 2].decode("utf-16-le")
        return sum(len(each) + 1 for each in rows[: place.line]) + len(row)

    for edit in sorted(
        edits, key=lambda one: (one.range.start.line, one.range.start.character), reverse=True
    ):
        text = text[: offset(edit.range.start)] + edit.new_text + text[offset(edit.range.end) :]
    return text
