"""The protocol, by pygls: positions of the client in and out, when a buffer is looked at, when the repository is read again.

Theory of operation. A change is scanned once the keys have rested for a tenth of a second; every request works on the buffer as it is. After a
save, and when files change behind the editor's back, the repository is read again in a thread, one reading at a time. A
repository is what lies around a file up to `.git` or `rfclinks.toml`; a client may have several open.

Standard output belongs to the protocol: nothing here prints.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from lsprotocol import types
from pygls import uris
from pygls.lsp.server import LanguageServer
from pygls.workspace import TextDocument

from postil_site.config import ConfigError
from postil_site.lsp import answers
from postil_site.lsp.answers import Place
from postil_site.lsp.workspace import Cited, Whole, Workspace
from postil_site.model import Span
from postil_site.refs.resolve import Resolved

REST = 0.1  # seconds without a key after which a buffer is scanned
SEVERITY = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "note": types.DiagnosticSeverity.Information,
}


class Buffer:
    """An open document, in lines as the platform counts them."""

    def __init__(self, server: Server, uri: str) -> None:
        self.document: TextDocument = server.workspace.get_text_document(uri)
        self.rows = self.document.source.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self._codec = server.workspace.position_codec
        file = uris.to_fs_path(uri) or uri
        self.workspace = server.around(Path(file))
        self.path = self.workspace.relative(Path(file)) or Path(file).as_posix()
        self.rfc = answers.text_of(self.path)

    @property
    def cited(self) -> Sequence[Cited]:
        """What it cites."""
        return () if self.rfc else self.workspace.cited(self.path, self.document.source)

    def place(self, position: types.Position) -> tuple[int, int]:
        """Line and column of a position."""
        found = self._codec.position_from_client_units(self.rows, position)
        return found.line + 1, found.character

    def range(self, span: Span) -> types.Range:
        """The client's range of characters of this buffer."""
        return self._codec.range_to_client_units(self.rows, plain(span))

    def at(self, position: types.Position) -> Resolved | None:
        """The reference under the cursor."""
        found = answers.at(self.cited, *self.place(position))
        return found.resolved if found else None


def plain(span: Span) -> types.Range:
    """A span as a range, in characters."""
    return types.Range(
        types.Position(span.line - 1, max(span.column, 0)),
        types.Position(span.end_line - 1, max(span.end_column, 0)),
    )


class Server(LanguageServer):
    """The repositories that are open."""

    def __init__(self, root: Path | None) -> None:
        # Whole texts: pygls applies changes to lines as Python splits them, and a form feed, which ends none for
        # an editor, is common in old C. The buffer is scanned whole in any case.
        super().__init__("rfclinks", "1", types.TextDocumentSyncKind.Full)
        self.root = root
        self.workspaces: dict[Path, Workspace] = {}
        self._reading: dict[Path, bool] = {}  # true: read once more when this one is done

    def around(self, file: Path) -> Workspace:
        """The repository that a file belongs to; the first one for a text that lies elsewhere."""
        for known in self.workspaces.values():
            rfc = answers.text_of(file.as_posix())
            if rfc and known.library.path(rfc) == file:
                return (
                    known  # wherever a text lies, it is asked about by the repository that cites it
                )
        root = self.root or repository(file)
        if root is None:
            folder = self.workspace.root_path
            root = next(iter(self.workspaces), None) or Path(folder or file.parent)
        root = root.resolve()
        if root not in self.workspaces:
            self.workspaces[root] = Workspace(root)
        return self.workspaces[root]

    def start(self) -> None:
        """The repository of the folder that the editor has open."""
        folder = self.workspace.root_path
        if self.root or folder:
            found = self.around(Path(folder or ".") / "x")
            if found.error:
                self.window_show_message(
                    types.ShowMessageParams(types.MessageType.Error, f"rfclinks: {found.error}")
                )

    def publish(self, uri: str) -> None:
        """The findings of one open buffer."""
        buffer = Buffer(self, uri)
        told = (
            []
            if buffer.rfc
            else answers.findings(buffer.workspace, buffer.path, buffer.cited, len(buffer.rows))
        )
        rows = [
            types.Diagnostic(
                range=buffer.range(one.span),
                message=one.finding.message,
                severity=SEVERITY[one.finding.severity],
                code=one.finding.kind.value,
                source="rfclinks",
            )
            for one in told
        ]
        self.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(uri, rows, buffer.document.version)
        )

    async def read(self, workspace: Workspace) -> None:
        """The repository anew, in a thread; whoever asks meanwhile gets one more reading, not a queue of them."""
        root = workspace.root
        if root in self._reading:
            self._reading[root] = True
            return
        again = True
        while again:
            self._reading[root] = False
            try:
                whole = await asyncio.to_thread(Whole.read, root)
            except ConfigError:
                whole = (
                    Whole()
                )  # said when the server began, and by the diagnostics of the file itself
            finally:
                again = self._reading.pop(root)
            self.workspaces[root].whole = whole
        for uri in list(self.workspace.text_documents):
            self.publish(uri)

    def forget(self, workspace: Workspace) -> Workspace:
        """Begin anew with a repository whose settings or texts have changed."""
        fresh = Workspace(workspace.root)
        fresh.whole = workspace.whole
        self.workspaces[workspace.root] = fresh
        return fresh

    def current(self) -> None:
        """Scan what was typed since the keys last rested; a question about the repository means it as it is now."""
        for uri in self.workspace.text_documents:
            _ = Buffer(self, uri).cited

    def location(self, workspace: Workspace, place: Place) -> types.Location | None:
        """Lines of a text, as a place that an editor can open."""
        file = workspace.library.path(place.rfc)
        document = workspace.document(place.rfc)
        uri = uris.from_fs_path(str(file.resolve())) if file else None
        if uri is None or document is None:
            return None
        codec = self.workspace.position_codec
        return types.Location(uri, codec.range_to_client_units(document.lines, plain(place.span)))

    def of_code(self, workspace: Workspace, one: Resolved) -> types.Location | None:
        """A reference as a place; in a file that is not open its lines are all that is known."""
        file = workspace.root / one.reference.path
        uri = uris.from_fs_path(str(file))
        if uri is None:
            return None
        if uri in self.workspace.text_documents:
            buffer = Buffer(self, uri)
            for each in buffer.cited:
                if each.reference == one.reference:
                    return types.Location(uri, buffer.range(each.span))
        start = types.Position(one.reference.line - 1, one.reference.column - 1)
        return types.Location(uri, types.Range(start, start))


def repository(file: Path) -> Path | None:
    """The folder around a file that has a repository or a configuration."""
    for folder in file.absolute().parents:
        if (folder / "rfclinks.toml").is_file() or (folder / ".git").exists():
            return folder
    return None
