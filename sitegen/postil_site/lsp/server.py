"""The Language Server Protocol on standard input and output, by pygls: positions in and out, nothing else."""

from __future__ import annotations

from pathlib import Path

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path, to_fs_path
from pygls.workspace import TextDocument

from postil_site.config import ConfigError
from postil_site.lsp import complete, hover, offers
from postil_site.lsp.desk import Desk, Place
from postil_site.refs.resolve import Resolved

SEVERITIES = {
    "error": lsp.DiagnosticSeverity.Error,
    "warning": lsp.DiagnosticSeverity.Warning,
    "note": lsp.DiagnosticSeverity.Information,
}


def make(root: Path, version: str) -> LanguageServer:
    """A server for the repository at `root`. ConfigError."""
    server = LanguageServer("rfclinks", version)
    desk = Desk(root)

    def document(uri: str) -> TextDocument:
        return server.workspace.get_text_document(uri)

    def path_of(uri: str) -> Path:
        return Path(to_fs_path(uri) or uri)

    def position(where: TextDocument, at: lsp.Position) -> tuple[int, int]:
        """Line from 1, character from 0."""
        inside = where.position_codec.position_from_client_units(where.lines, at)
        return inside.line + 1, inside.character

    def spread(place: Place, lines: list[str]) -> lsp.Range:
        """A place of a file whose lines are known, as a range of the client."""
        last = place.end_line or place.line
        end = place.end_column
        if last > place.line and not end and last <= len(lines):
            end = len(lines[last - 1].rstrip("\r\n"))
        whole = lsp.Range(
            lsp.Position(place.line - 1, place.column),
            lsp.Position(last - 1, max(end, place.column if last == place.line else 0)),
        )
        return server.workspace.position_codec.range_to_client_units(lines, whole)

    def location(place: Place) -> lsp.Location | None:
        uri = from_fs_path(str(place.path))
        if uri is None:
            return None
        try:
            lines = document(uri).lines
        except OSError:
            return None
        return lsp.Location(uri, spread(place, list(lines)))

    def found(uri: str, at: lsp.Position) -> Resolved | None:
        where = document(uri)
        return desk.at(path_of(uri), where.source, *position(where, at))

    # --- what is asked

    @server.feature(lsp.TEXT_DOCUMENT_HOVER)
    def on_hover(asked: lsp.HoverParams) -> lsp.Hover | None:
        uri = asked.text_document.uri
        rfc = desk.rfc_of(path_of(uri))
        if rfc is not None:
            text = hover.of_text(desk, rfc, asked.position.line + 1)
        else:
            one = found(uri, asked.position)
            text = hover.of_reference(desk, one) if one is not None else None
        return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, text)) if text else None

    @server.feature(lsp.TEXT_DOCUMENT_DEFINITION)
    def on_definition(asked: lsp.DefinitionParams) -> lsp.Location | None:
        one = found(asked.text_document.uri, asked.position)
        place = desk.target(one) if one is not None else None
        return location(place) if place is not None else None

    @server.feature(lsp.TEXT_DOCUMENT_REFERENCES)
    def on_references(asked: lsp.ReferenceParams) -> list[lsp.Location]:
        uri = asked.text_document.uri
        rfc = desk.rfc_of(path_of(uri))
        if rfc is not None:
            places = desk.cited(rfc, asked.position.line + 1)
        else:
            one = found(uri, asked.position)
            places = desk.same(one) if one is not None else []
        return [where for place in places if (where := location(place)) is not None]

    @server.feature(
        lsp.TEXT_DOCUMENT_COMPLETION,
        lsp.CompletionOptions(trigger_characters=["§", ".", " ", '"']),
    )
    def on_completion(asked: lsp.CompletionParams) -> list[lsp.CompletionItem]:
        where = document(asked.text_document.uri)
        line, column = position(where, asked.position)
        row = where.lines[line - 1] if line <= len(where.lines) else ""
        out = []
        for number, item in enumerate(complete.items(desk, row[:column])):
            start = lsp.Position(asked.position.line, asked.position.character - item.typed)
            out.append(
                lsp.CompletionItem(
                    label=item.text,
                    label_details=lsp.CompletionItemLabelDetails(description=item.detail),
                    detail=item.detail,
                    documentation=item.documentation or None,
                    kind=lsp.CompletionItemKind.Reference,
                    sort_text=f"{number:06d}",
                    text_edit=lsp.TextEdit(lsp.Range(start, asked.position), item.text),
                )
            )
        return out

    @server.feature(
        lsp.TEXT_DOCUMENT_CODE_ACTION,
        lsp.CodeActionOptions(code_action_kinds=[lsp.CodeActionKind.QuickFix]),
    )
    def on_action(asked: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        uri = asked.text_document.uri
        one = found(uri, asked.range.start)
        if one is None:
            return []
        where = document(uri)
        out = []
        for offer in offers.offers(desk, path_of(uri), where.source, one):
            edit = lsp.TextEdit(spread(offer.place, list(where.lines)), offer.text)
            out.append(
                lsp.CodeAction(
                    offer.title,
                    lsp.CodeActionKind.QuickFix,
                    is_preferred=offer.preferred,
                    edit=lsp.WorkspaceEdit(changes={uri: [edit]}),
                )
            )
        return out

    # --- what is told

    def tell(uri: str, version: int | None) -> None:
        """Diagnostics of a buffer as it is now, saved or not."""
        path = path_of(uri)
        if desk.rfc_of(path) is not None:
            return
        where = document(uri)
        lines = list(where.lines)
        out = []
        for one in desk.references(path, where.source):
            for finding in one.findings:
                allowed = desk.project.config.severity(finding.kind)
                order = ("off", "note", "warning", "error")
                severity = min(allowed, finding.severity, key=order.index)
                if severity == "off":
                    continue
                out.append(
                    lsp.Diagnostic(
                        spread(desk.place(one), lines),
                        finding.message,
                        severity=SEVERITIES[severity],
                        code=finding.kind.value,
                        source="rfclinks",
                    )
                )
        server.text_document_publish_diagnostics(
            lsp.PublishDiagnosticsParams(uri, out, version=version)
        )

    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    def on_open(told: lsp.DidOpenTextDocumentParams) -> None:
        tell(told.text_document.uri, told.text_document.version)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def on_change(told: lsp.DidChangeTextDocumentParams) -> None:
        tell(told.text_document.uri, told.text_document.version)

    @server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    def on_save(told: lsp.DidSaveTextDocumentParams) -> None:
        try:
            desk.refresh()
        except ConfigError as error:
            # The configuration that worked stays; whoever broke it is told.
            message = lsp.ShowMessageParams(lsp.MessageType.Error, f"rfclinks: {error}")
            server.window_show_message(message)
        tell(told.text_document.uri, None)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def on_close(told: lsp.DidCloseTextDocumentParams) -> None:
        server.text_document_publish_diagnostics(
            lsp.PublishDiagnosticsParams(told.text_document.uri, [])
        )

    return server
