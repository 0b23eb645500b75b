"""What is done for each message of the client."""

from __future__ import annotations

import asyncio
from pathlib import Path

from lsprotocol import types
from pygls import uris

from postil_site.lsp import answers, offers
from postil_site.lsp.server import REST, Buffer, Server

_WATCHED = types.FileSystemWatcher("**/*")


def make(root: Path | None) -> Server:
    """The server; without a root, a repository is what lies around a file."""
    server = Server(root)
    _documents(server)
    _places(server)
    _typed(server)
    return server


def _documents(server: Server) -> None:
    @server.feature(types.INITIALIZED)
    async def initialized(ls: Server, params: types.InitializedParams) -> None:
        ls.start()
        watched = ls.client_capabilities.workspace
        files = watched.did_change_watched_files if watched else None
        if files and files.dynamic_registration:
            options = types.DidChangeWatchedFilesRegistrationOptions([_WATCHED])
            ls.client_register_capability(
                types.RegistrationParams(
                    [types.Registration("files", types.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)]
                )
            )
        for workspace in list(ls.workspaces.values()):
            await ls.read(workspace)

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    async def opened(ls: Server, params: types.DidOpenTextDocumentParams) -> None:
        before = len(ls.workspaces)
        ls.publish(params.text_document.uri)
        if len(ls.workspaces) != before:
            await ls.read(Buffer(ls, params.text_document.uri).workspace)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    async def changed(ls: Server, params: types.DidChangeTextDocumentParams) -> None:
        uri, version = params.text_document.uri, params.text_document.version
        await asyncio.sleep(REST)
        document = ls.workspace.text_documents.get(uri)
        if document is not None and document.version == version:
            ls.publish(uri)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    async def saved(ls: Server, params: types.DidSaveTextDocumentParams) -> None:
        await _behind(ls, [params.text_document.uri])

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def closed(ls: Server, params: types.DidCloseTextDocumentParams) -> None:
        uri = params.text_document.uri
        file = Path(uris.to_fs_path(uri) or uri)
        workspace = ls.around(file)
        workspace.close(workspace.relative(file) or file.as_posix())
        ls.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    async def watched(ls: Server, params: types.DidChangeWatchedFilesParams) -> None:
        await _behind(ls, [change.uri for change in params.changes])


async def _behind(ls: Server, changed: list[str]) -> None:
    """Files are other ones now: each repository they belong to is read once, however many they are."""
    touched: dict[Path, bool] = {}
    for uri in changed:
        file = Path(uris.to_fs_path(uri) or uri)
        if ".git" in file.parts or "build" in file.parts:
            continue
        workspace = ls.around(file)
        settles = workspace.settles(workspace.relative(file) or file.as_posix())
        touched[workspace.root] = touched.get(workspace.root, False) or settles
    for root, settings in touched.items():
        workspace = ls.workspaces[root]
        await ls.read(ls.forget(workspace) if settings else workspace)


def _places(server: Server) -> None:
    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def hover(ls: Server, params: types.HoverParams) -> types.Hover | None:
        buffer = Buffer(ls, params.text_document.uri)
        line, column = buffer.place(params.position)
        if buffer.rfc:
            ls.current()
            text = answers.hover_text(buffer.workspace, buffer.rfc, line)
            return types.Hover(_markdown(text)) if text else None
        found = answers.at(buffer.cited, line, column)
        if found is None:
            return None
        text = answers.hover(buffer.workspace, found.resolved)
        return types.Hover(_markdown(text), buffer.range(found.span))

    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    def definition(ls: Server, params: types.DefinitionParams) -> types.Location | None:
        buffer = Buffer(ls, params.text_document.uri)
        if buffer.rfc:
            place = answers.definition_in_text(
                buffer.workspace, buffer.rfc, *buffer.place(params.position)
            )
        else:
            found = buffer.at(params.position)
            place = answers.definition(found) if found else None
        return ls.location(buffer.workspace, place) if place else None

    @server.feature(types.TEXT_DOCUMENT_REFERENCES)
    def references(ls: Server, params: types.ReferenceParams) -> list[types.Location]:
        ls.current()
        buffer = Buffer(ls, params.text_document.uri)
        if buffer.rfc:
            line, _ = buffer.place(params.position)
            some = answers.cited_at(buffer.workspace, buffer.rfc, line)
        else:
            found = buffer.at(params.position)
            some = answers.same(buffer.workspace, found) if found else []
        places = [ls.of_code(buffer.workspace, one) for one in some]
        return [place for place in places if place is not None]


def _typed(server: Server) -> None:
    @server.feature(
        types.TEXT_DOCUMENT_COMPLETION,
        types.CompletionOptions(trigger_characters=["§", ".", '"', " "]),
    )
    def completion(ls: Server, params: types.CompletionParams) -> types.CompletionList:
        buffer = Buffer(ls, params.text_document.uri)
        line, column = buffer.place(params.position)
        some = [] if buffer.rfc else offers.completions(buffer.workspace, buffer.rows, line, column)
        items = [
            types.CompletionItem(
                label=one.label,
                detail=one.detail,
                kind=types.CompletionItemKind.Reference,
                documentation=_markdown(one.more) if one.more else None,
                filter_text=one.filter,
                sort_text=f"{number:05}",
                text_edit=types.TextEdit(buffer.range(one.edit.span), one.edit.text),
            )
            for number, one in enumerate(some)
        ]
        return types.CompletionList(is_incomplete=False, items=items)

    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION,
        types.CodeActionOptions(
            [types.CodeActionKind.QuickFix, types.CodeActionKind.RefactorRewrite]
        ),
    )
    def actions(ls: Server, params: types.CodeActionParams) -> list[types.CodeAction]:
        buffer = Buffer(ls, params.text_document.uri)
        found = answers.at(buffer.cited, *buffer.place(params.range.start))
        out = []
        for one in offers.actions(buffer.workspace, buffer.rows, found) if found else ():
            edits = [types.TextEdit(buffer.range(edit.span), edit.text) for edit in one.edits]
            document = types.OptionalVersionedTextDocumentIdentifier(
                buffer.document.uri, buffer.document.version
            )
            quick, rewrite = types.CodeActionKind.QuickFix, types.CodeActionKind.RefactorRewrite
            out.append(
                types.CodeAction(
                    title=one.title,
                    kind=quick if one.fix else rewrite,
                    edit=types.WorkspaceEdit(
                        document_changes=[types.TextDocumentEdit(document, edits)]
                    ),
                )
            )
        return out


def _markdown(text: str) -> types.MarkupContent:
    return types.MarkupContent(types.MarkupKind.Markdown, text)
