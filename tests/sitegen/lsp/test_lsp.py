"""`rfclinks lsp` as an editor meets it: the real process, a client that others wrote (pygls), unsaved buffers."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from lsprotocol import types as lsp
from pygls.lsp.client import BaseLanguageClient
from tests.sitegen.pages.example import LAMP, repository


class Editor:
    """A client with one repository open."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.client = BaseLanguageClient("editor", "1")
        self.told: asyncio.Queue[lsp.PublishDiagnosticsParams] = asyncio.Queue()
        self.shown: asyncio.Queue[str] = asyncio.Queue()
        self._versions: dict[str, int] = {}

        @self.client.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def _(told: lsp.PublishDiagnosticsParams) -> None:
            self.told.put_nowait(told)

        @self.client.feature(lsp.WINDOW_SHOW_MESSAGE)
        def _(shown: lsp.ShowMessageParams) -> None:
            self.shown.put_nowait(shown.message)

    async def start(self) -> lsp.InitializeResult:
        command = [sys.executable, "-m", "postil_site.commands.rfclinks", "lsp"]
        await self.client.start_io(*command, "--root", str(self.root))
        result = await self.client.initialize_async(
            lsp.InitializeParams(capabilities=lsp.ClientCapabilities(), root_uri=self.root.as_uri())
        )
        self.client.initialized(lsp.InitializedParams())
        return result

    async def stop(self) -> None:
        await self.client.shutdown_async(None)
        self.client.exit(None)
        await self.client.stop()

    def uri(self, name: str) -> str:
        return (self.root / name).as_uri()

    async def open(self, name: str, text: str) -> list[lsp.Diagnostic]:
        uri = self.uri(name)
        self._versions[uri] = 1
        item = lsp.TextDocumentItem(uri, "python", 1, text)
        self.client.text_document_did_open(lsp.DidOpenTextDocumentParams(item))
        return await self.diagnostics(uri)

    async def change(self, name: str, text: str) -> list[lsp.Diagnostic]:
        """The whole buffer is another; nothing is saved."""
        uri = self.uri(name)
        self._versions[uri] += 1
        self.client.text_document_did_change(
            lsp.DidChangeTextDocumentParams(
                lsp.VersionedTextDocumentIdentifier(self._versions[uri], uri),
                [lsp.TextDocumentContentChangeWholeDocument(text)],
            )
        )
        return await self.diagnostics(uri)

    async def diagnostics(self, uri: str) -> list[lsp.Diagnostic]:
        told = await asyncio.wait_for(self.told.get(), 30)
        assert told.uri == uri
        return list(told.diagnostics)

    def where(self, name: str, line: int, column: int) -> dict[str, Any]:
        return {
            "text_document": lsp.TextDocumentIdentifier(self.uri(name)),
            "position": lsp.Position(line, column),
        }

    async def hover(self, name: str, line: int, column: int) -> str | None:
        found = await self.client.text_document_hover_async(
            lsp.HoverParams(**self.where(name, line, column))
        )
        if found is None:
            return None
        assert isinstance(found.contents, lsp.MarkupContent)
        return found.contents.value

    async def complete(self, name: str, line: int, column: int) -> list[lsp.CompletionItem]:
        found = await self.client.text_document_completion_async(
            lsp.CompletionParams(**self.where(name, line, column))
        )
        assert isinstance(found, list)
        return found

    async def actions(self, name: str, line: int, column: int) -> list[lsp.CodeAction]:
        at = lsp.Position(line, column)
        found = await self.client.text_document_code_action_async(
            lsp.CodeActionParams(
                lsp.TextDocumentIdentifier(self.uri(name)),
                lsp.Range(at, at),
                lsp.CodeActionContext([]),
            )
        )
        return [one for one in found or [] if isinstance(one, lsp.CodeAction)]


@pytest_asyncio.fixture
async def editor(tmp_path: Path, own_cache: Path) -> AsyncIterator[Editor]:
    made = Editor(repository(tmp_path))
    await made.start()
    yield made
    await made.stop()


def _place(text: str, words: str) -> tuple[int, int]:
    """Line and character, both from 0, of the middle of the words."""
    at = text.index(words) + len(words) // 2
    return text.count("\n", 0, at), at - (text.rfind("\n", 0, at) + 1)


async def test_hover(editor: Editor) -> None:
    """The paragraph as it stands in the text, the erratum, what is required; nothing where nothing is."""
    await editor.open("lamp.py", LAMP)
    shown = await editor.hover("lamp.py", *_place(LAMP, "RFC 99999 §1.1"))
    assert shown is not None
    assert "**RFC 99999** The Lamp Switching Protocol" in shown
    assert "§1.1 Words" in shown
    assert 'A server MUST answer within a second (e.g. by "OK"), and it SHOULD\nNOT blink.' in shown
    assert "**Erratum 7** (Verified, Technical)" in shown
    assert "within two seconds" in shown
    assert "**MUST** (§1.1): A server MUST answer within a second" in shown
    section = await editor.hover("lamp.py", *_place(LAMP, "RFC 99999 §2.1"))
    assert section is not None
    assert 'light   =  "LIGHT" SP lamp CRLF' in section
    assert await editor.hover("lamp.py", *_place(LAMP, "def light")) is None
    missing = "# RFC 5321 §4.5\n"
    await editor.change("lamp.py", missing)
    shown = await editor.hover("lamp.py", 0, 4)
    assert shown is not None and "rfclinks fetch --only 5321" in shown


async def test_a_sentence_over_a_page_break(editor: Editor) -> None:
    """The paragraph is whole although the page ends in it."""
    text = '# RFC 99999 §1.1: "hangs, MUST give light"\n'
    await editor.open("lamp.py", text)
    shown = await editor.hover("lamp.py", 0, 5)
    assert shown is not None
    assert "switched on, whatever its colour" in shown
    assert "hangs, MUST give light." in shown
    assert "[Page 2]" not in shown and "January 2026" not in shown


async def test_definition_and_references(editor: Editor) -> None:
    """To the very words in the RFC's own file, and from there, or from a reference, to all code that cites them."""
    await editor.open("lamp.py", LAMP)
    line, column = _place(LAMP, "RFC 99999 §1.1")
    found = await editor.client.text_document_definition_async(
        lsp.DefinitionParams(**editor.where("lamp.py", line, column))
    )
    assert isinstance(found, lsp.Location)
    assert found.uri == editor.uri("rfc/txt/rfc99999.txt")
    lines = (editor.root / "rfc/txt/rfc99999.txt").read_text().split("\n")
    row = lines[found.range.start.line]
    assert row[found.range.start.character :].startswith("A server MUST answer within a second")
    assert row[: found.range.end.character].endswith("a second")
    context = lsp.ReferenceContext(include_declaration=True)
    cited = await editor.client.text_document_references_async(
        lsp.ReferenceParams(
            context, **editor.where("rfc/txt/rfc99999.txt", found.range.start.line, 5)
        )
    )
    assert [(one.uri, one.range.start) for one in cited or []] == [
        (editor.uri("lamp.py"), lsp.Position(line, LAMP.split("\n")[line].index("RFC")))
    ]
    shown = await editor.hover("rfc/txt/rfc99999.txt", found.range.start.line, 5)
    assert shown is not None and f"lamp.py:{line + 1}" in shown
    same = await editor.client.text_document_references_async(
        lsp.ReferenceParams(context, **editor.where("lamp.py", *_place(LAMP, "RFC 99999 §2.1")))
    )
    assert {one.uri for one in same or []} == {editor.uri("lamp.py"), editor.uri("go/lamp #1.go")}


@pytest.mark.parametrize(
    ("typed", "labels"),
    [
        ("# RFC 99999 §", ["1", "1.1", "2", "2.1", "A"]),
        ("# RFC 99999 §2", ["2", "2.1"]),
        ("# RFC 99999, section 1.", ["1.1"]),
        ('@pytest.mark.rfc("99999", "2', ["2", "2.1"]),
        ("# RFC 9999", ["99998", "99999"]),
        ("# RFC 4711 §", []),
        ("x = 1", []),
    ],
)
async def test_completion(editor: Editor, typed: str, labels: list[str]) -> None:
    """Sections with their titles, numbers of RFCs; what was typed is replaced, also behind characters of two code units."""
    before = "😀 "
    await editor.open("lamp.py", before + typed)
    column = len((before + typed).encode("utf-16-le")) // 2
    found = await editor.complete("lamp.py", 0, column)
    assert [one.label for one in found] == labels
    if "2.1" in labels:
        item = found[labels.index("2.1")]
        assert item.detail == "LIGHT"
        edit = item.text_edit
        assert isinstance(edit, lsp.TextEdit)
        assert edit.new_text == "2.1"
        assert edit.range.end == lsp.Position(0, column)
        assert column - edit.range.start.character == len(typed) - typed.rindex(
            typed.rstrip("0123456789.")
        ) - len(typed.rstrip("0123456789."))


async def test_diagnostics_while_typing(editor: Editor) -> None:
    """What check would say of the buffer as it is, not as it was saved; gone as soon as it is mended; half-typed code is no error."""
    await editor.open("lamp.py", LAMP)
    wrong = LAMP.replace("within a second", "within a minute").replace("§2.1", "§9.9")
    found = await editor.change("lamp.py", wrong)
    assert {one.code for one in found} == {"stale-quote", "unknown-section"}
    (stale,) = [one for one in found if one.code == "stale-quote"]
    line, _ = _place(wrong, "within a minute")
    assert stale.range.start == lsp.Position(line, wrong.split("\n")[line].index("RFC"))
    assert stale.severity == lsp.DiagnosticSeverity.Error and stale.source == "rfclinks"
    broken = 'def f(:\n  """\n# RFC 99999 §9\n'
    await editor.change("lamp.py", broken)
    good = LAMP.replace("RFC 99999 §1.1", "RFC 99999 §2.1: the lamp; RFC 99999 §1.1")
    # the sentence has an erratum, and that is all there is to say
    assert [one.code for one in await editor.change("lamp.py", good)] == ["erratum"]
    assert (editor.root / "lamp.py").read_text() == LAMP


async def _apply(editor: Editor, text: str, action: lsp.CodeAction) -> str:
    assert action.edit is not None and action.edit.changes is not None
    (edit,) = action.edit.changes[editor.uri("lamp.py")]
    rows = text.split("\n")
    assert edit.range.start.line == edit.range.end.line
    row = rows[edit.range.start.line]
    rows[edit.range.start.line] = (
        row[: edit.range.start.character] + edit.new_text + row[edit.range.end.character :]
    )
    return "\n".join(rows)


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("def f():\n    # RFC 99999 §1.1: never blinks\n    return blink\n", '§1.1: "'),
        ("# RFC 99999 §1.1\ndef f(): ...\n", '§1.1: "'),
        ('import pytest\n\n\n@pytest.mark.rfc("99999", "1.1")\ndef test_x(): ...\n', '"1.1", "'),
    ],
)
async def test_quotes_to_insert(editor: Editor, text: str, inside: str) -> None:
    """Each requirement of the section is offered; what is inserted pins it, without a finding, as `check` sees it."""
    await editor.open("lamp.py", text)
    offered = await editor.actions("lamp.py", *_place(text, "99999"))
    assert {one.title.split(":")[0] for one in offered} == {
        "Quote MUST",
        "Quote SHOULD NOT",
        "Quote MAY",
    }
    for action in offered:
        changed = await _apply(editor, text, action)
        assert inside in changed
        assert {one.code for one in await editor.change("lamp.py", changed)} <= {"erratum"}
        shown = await editor.hover("lamp.py", *_place(changed, "99999"))
        assert shown is not None
        keyword = action.title.split(":")[0].removeprefix("Quote ")
        assert f"**{keyword}** (§1.1)" in shown
    assert await editor.actions("lamp.py", 0, 0) == [] or text.startswith("# RFC")


async def test_patch(editor: Editor) -> None:
    """A quote with a letter missing is mended by one action."""
    text = '# RFC 99999 §2.1: "The lamp\'s number is REQUIRD."\nx = 1\n'
    assert [one.code for one in await editor.open("lamp.py", text)] == ["stale-quote"]
    first = (await editor.actions("lamp.py", 0, 10))[0]
    assert first.title.startswith("Replace by ") and first.is_preferred
    changed = await _apply(editor, text, first)
    assert [one.code for one in await editor.change("lamp.py", changed)] == []


async def test_saving_looks_again(editor: Editor) -> None:
    """What was saved counts for references elsewhere; a configuration that broke is told and the old one stays."""
    await editor.open("lamp.py", LAMP)
    (editor.root / "new.py").write_text("# RFC 99999 §2: commands\n")
    uri = editor.uri("lamp.py")
    saved = lsp.DidSaveTextDocumentParams(lsp.TextDocumentIdentifier(uri))
    editor.client.text_document_did_save(saved)
    await editor.diagnostics(uri)
    lines = (editor.root / "rfc/txt/rfc99999.txt").read_text().split("\n")
    shown = await editor.hover("rfc/txt/rfc99999.txt", lines.index("2.  Commands"), 0)
    assert shown is not None and "new.py:1" in shown
    (editor.root / "rfclinks.toml").write_text("txets = 'x'\n")
    editor.client.text_document_did_save(saved)
    await editor.diagnostics(uri)
    assert "rfclinks.toml:1: txets" in await asyncio.wait_for(editor.shown.get(), 30)
    assert await editor.hover("lamp.py", *_place(LAMP, "RFC 99999 §1.1")) is not None


async def test_broken_configuration_at_the_start(tmp_path: Path, own_cache: Path) -> None:
    """One sentence and exit code 2, before any protocol."""
    root = repository(tmp_path)
    (root / "rfclinks.toml").write_text("texts = 1\n")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "postil_site.commands.rfclinks", "lsp", "--root", str(root),
        stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 2
    assert out == b"" and err.startswith(b"rfclinks: rfclinks.toml:1: texts ")
