"""`rfclinks lsp` as an editor meets it: the real process, a client library, real files and unsaved buffers."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from lsprotocol import types
from tests.sitegen import lamp

from .editor import Editor, applied, editing, position

pytestmark = pytest.mark.usefixtures("own_cache")

CODE = """\
# RFC 7777 §2: "A server MUST answer within a second" nothing waits
x = 1
# 💡 RFC 7777 §2.1: light
y = 2
# RFC 7777 §3: "somebody
# who knows how" may do it
z = 3
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with an RFC and code."""
    return lamp.make(tmp_path / "repo", {"code.py": CODE, "other.py": "# RFC 7777 §2.1\na = 1\n"})


def at(uri: str, place: types.Position) -> dict[str, object]:
    """The parameters that most requests have."""
    return {"text_document": types.TextDocumentIdentifier(uri), "position": place}


async def hovered(editor: Editor, uri: str, place: types.Position) -> str:
    """The hover's markdown; "" when there is none."""
    found = await editor.client.text_document_hover_async(types.HoverParams(**at(uri, place)))
    if found is None:
        return ""
    assert isinstance(found.contents, types.MarkupContent)
    return found.contents.value


async def test_hover(root: Path) -> None:
    """The title, the paragraph as it stands in the text, and nothing away from a reference; errata are at their words."""
    async with editing(root) as editor:
        uri = editor.open("code.py")
        quoted = await hovered(editor, uri, position(CODE, "MUST answer"))
        assert quoted.startswith("**RFC 7777 §2 Commands** · The Lamp Switching Protocol")
        assert (
            "   A server MUST answer within a second.  It SHOULD NOT blink.  A client\n" in quoted
        )
        assert "Erratum" not in quoted
        section = await hovered(editor, uri, position(CODE, "7777 §2.1"))
        assert "The lamp MUST give light" in section
        assert "**Erratum 501** (Verified, Technical)" in section
        assert "dusted every month" in section
        assert "a day by somebody who\n   knows how." in await hovered(
            editor, uri, position(CODE, "knows how")
        )
        assert await hovered(editor, uri, position(CODE, "x = 1")) == ""


async def test_definition(root: Path) -> None:
    """It opens the unmodified text at the very words; of a section at its heading."""
    text = (root / "rfc/txt/rfc7777.txt").read_text("utf-8").split("\n")
    async with editing(root) as editor:
        uri = editor.open("code.py")
        for words, line in (("MUST answer", "   A server MUST answer"), ("§2.1", "2.1.  Light It")):
            found = await editor.client.text_document_definition_async(
                types.DefinitionParams(**at(uri, position(CODE, words)))
            )
            assert isinstance(found, types.Location)
            assert found.uri == editor.uri("rfc/txt/rfc7777.txt")
            assert text[found.range.start.line].startswith(line)


async def references(editor: Editor, uri: str, place: types.Position) -> list[tuple[str, int]]:
    """File and line of each."""
    found = await editor.client.text_document_references_async(
        types.ReferenceParams(context=types.ReferenceContext(True), **at(uri, place))
    )
    return [(one.uri.rpartition("/")[2], one.range.start.line + 1) for one in found or ()]


async def test_references(root: Path) -> None:
    """From a line of the RFC to the code that cites it, unsaved code too; from a heading to all of its section."""
    async with editing(root) as editor:
        code = editor.open("code.py")
        # The repository has been read when what only it knows is told: there is no such finding here, so a save is waited for.
        text = editor.open("rfc/txt/rfc7777.txt")
        body = (root / "rfc/txt/rfc7777.txt").read_text("utf-8")
        await editor.findings(code)
        assert await references(editor, text, position(body, "A server MUST answer")) == [
            ("code.py", 1)
        ]
        assert await references(editor, text, position(body, "knows how")) == [("code.py", 5)]
        heading = position(body, "2.1.  Light")
        while ("other.py", 1) not in await references(editor, text, heading):
            pass  # each question is an answer awaited; the first reading of the repository ends by itself
        assert await references(editor, text, heading) == [("code.py", 3), ("other.py", 1)]
        editor.type(code, "\n" + CODE)
        assert await references(editor, text, heading) == [("code.py", 4), ("other.py", 1)]
        assert await references(editor, code, position("\n" + CODE, "§2.1")) == [
            ("code.py", 4),
            ("other.py", 1),
        ]
        assert await references(editor, text, position(body, "The window is")) == []
        assert "`code.py:2`" in await hovered(editor, text, position(body, "A server MUST answer"))


async def completed(editor: Editor, text: str) -> list[str]:
    """What the buffer becomes with each proposal at its end, its first line alone."""
    uri = editor.open("new.py", text)
    found = await editor.client.text_document_completion_async(
        types.CompletionParams(**at(uri, position(text, text, behind=True)))
    )
    assert isinstance(found, types.CompletionList)
    out = []
    for one in found.items:
        assert isinstance(one.text_edit, types.TextEdit)
        out.append(f"{one.label}|{applied(text, [one.text_edit])}")
    return out


@pytest.mark.parametrize(
    ("typed", "label", "becomes"),
    [
        ("# RFC 7777 §", "2.1 Light It", "# RFC 7777 §2.1"),
        ("# RFC 7777 §2.", "2.1 Light It", "# RFC 7777 §2.1"),
        ("# RFC 7777, section ", "3.1 Doors", "# RFC 7777, section 3.1"),
        ('@pytest.mark.rfc("7777", "', "4 Summary", '@pytest.mark.rfc("7777", "4'),
        ('# RFC 7777 §2: "', "server MUST", '# RFC 7777 §2: "server MUST"'),
        (
            '@pytest.mark.rfc("7777", "2", "',
            "server MUST",
            '@pytest.mark.rfc("7777", "2", "server MUST"',
        ),
    ],
)
async def test_completion(root: Path, typed: str, label: str, becomes: str) -> None:
    """Sections with their titles, and the shortest words of each clause."""
    async with editing(root) as editor:
        assert f"{label}|{becomes}" in await completed(editor, typed)


async def test_nothing_to_complete(root: Path) -> None:
    """Away from a reference, and for an RFC that is not here, nothing is offered."""
    async with editing(root) as editor:
        assert await completed(editor, "x = §") == []
        assert await completed(editor, "# RFC 7999 §") == []


async def test_findings_while_typing(root: Path) -> None:
    """A wrong section and a stale quote are told from the buffer, at their characters, and go when they are right; the file is never saved."""
    async with editing(root) as editor:
        uri = editor.open("code.py")
        assert await editor.findings(uri) == []
        wrong = CODE.replace("§2.1", "§9.9")
        editor.type(uri, wrong)
        (one,) = await editor.findings(uri, "unknown-section")
        assert one.range == types.Range(position(wrong, "💡 ", True), position(wrong, "§9.9", True))
        assert one.severity is types.DiagnosticSeverity.Error
        assert "no section 9.9" in one.message
        editor.type(uri, CODE.replace("within a second", "within a minute"))
        (one,) = await editor.findings(uri, "stale-quote")
        assert "nearest" in one.message
        editor.type(uri, CODE.replace("x = 1", "x = ("))  # a syntax error on the way breaks nothing
        assert await editor.findings(uri) == []
        editor.type(uri, CODE)
        assert await editor.findings(uri) == []
        assert (root / "code.py").read_text("utf-8") == CODE


async def test_finding_of_the_whole(root: Path) -> None:
    """What only the whole repository shows is told too: one file says it does what another says is not planned."""
    lamp.write(
        root,
        {"no.py": '# RFC 7777 §2, not planned: "A server MUST answer within a second"\nb = 1\n'},
    )
    async with editing(root) as editor:
        uri = editor.open("no.py")
        told = await editor.findings(uri)
        text = '# RFC 7777 §2: "A server MUST answer within a second", not planned: slow\nb = 1\n'
        editor.type(uri, text)
        (root / "no.py").write_text(text, "utf-8")
        editor.client.text_document_did_save(
            types.DidSaveTextDocumentParams(types.TextDocumentIdentifier(uri))
        )
        del told
        code = editor.open("code.py")
        both = {"contradiction"}
        while {
            str(one.code) for one in [*editor.told.get(uri, []), *editor.told.get(code, [])]
        } != both:
            async with editor.news:
                await editor.news.wait()


async def acted(editor: Editor, text: str, words: str) -> dict[str, str]:
    """The buffer after each action at some words, by title."""
    uri = editor.open("act.py", text)
    place = position(text, words)
    found = await editor.client.text_document_code_action_async(
        types.CodeActionParams(
            types.TextDocumentIdentifier(uri),
            types.Range(place, place),
            types.CodeActionContext([]),
        )
    )
    out = {}
    for one in found or ():
        assert isinstance(one, types.CodeAction) and one.edit is not None
        (change,) = one.edit.document_changes or ()
        assert isinstance(change, types.TextDocumentEdit)
        out[one.title] = applied(text, list(change.edits))  # type: ignore[arg-type]
    return out


@pytest.mark.parametrize(
    ("before", "title", "after"),
    [
        (
            "# RFC 7777 §2.1\n",
            "Quote “lamp MUST”: The lamp MUST give light,",
            '# RFC 7777 §2.1: "lamp MUST"\n',
        ),
        (
            "# é RFC 7777 §2.1: why so\n",
            "Quote “lamp MUST”: The lamp MUST give light,",
            '# é RFC 7777 §2.1: "lamp MUST" why so\n',
        ),
        (
            "# see section 2.1 of RFC 7777\n",
            "Quote “lamp MUST”: The lamp MUST give light,",
            '# see section 2.1 of RFC 7777: "lamp MUST"\n',
        ),
        (
            '@pytest.mark.rfc("7777", "2.1")\ndef test(): ...\n',
            "Quote “lamp MUST”: The lamp MUST give light,",
            '@pytest.mark.rfc("7777", "2.1", "lamp MUST")\ndef test(): ...\n',
        ),
        ("# RFC 7777 §2.9\n", "Change to §2 Commands", "# RFC 7777 §2\n"),
        (
            '# RFC 7777 §2: "A server MUST answer within one second."\n',
            'Correct to: RFC 7777 §2: "A server MUST answer within a second."',
            '# RFC 7777 §2: "A server MUST answer within a second."\n',
        ),
    ],
)
async def test_actions(root: Path, before: str, title: str, after: str) -> None:
    """The shortest unique quote is inserted where the form of the reference has it; a wrong reference is repaired. What results is clean."""
    async with editing(root) as editor:
        found = await acted(editor, before, "7777")
        assert found.get(title) == after, found
        uri = editor.uri("act.py")
        editor.type(uri, after)
        assert await editor.findings(uri) == []


async def test_settings_changed(root: Path) -> None:
    """A broken configuration is told and the server goes on; a repaired one counts as soon as it is saved."""
    lamp.write(root, {"rfclinks.toml": "colour = 1\n"})
    async with editing(root) as editor:
        uri = editor.open("bad.py", "# RFC 7777 §9.9\n")
        await editor.findings(uri, "unknown-section")
        assert "colour is no setting" in editor.said[0]
        lamp.write(root, {"rfclinks.toml": '[severity]\nunknown-section = "off"\n'})
        change = types.FileEvent(editor.uri("rfclinks.toml"), types.FileChangeType.Changed)
        editor.client.workspace_did_change_watched_files(
            types.DidChangeWatchedFilesParams([change])
        )
        editor.type(uri, "# RFC 7777 §9.9!\n")
        while await editor.findings(uri):
            async with editor.news:
                await editor.news.wait()


async def test_a_keystroke_does_not_read_the_repository(root: Path) -> None:
    """With 2,000 files that cite, a change is answered from its buffer alone, in less than a reading of the whole takes."""
    lamp.write(
        root, {f"many/m{n}.py": "# RFC 7777 §2.1\n" * 20 + f"n = {n}\n" for n in range(2000)}
    )
    async with editing(root) as editor:
        uri = editor.open("code.py")
        await editor.findings(uri)
        seconds = []
        for number in range(20):
            editor.type(uri, CODE + f"\n# RFC 7777 §9.{number}\n")
            begun = time.monotonic()
            await editor.findings(uri, "unknown-section")
            seconds.append(time.monotonic() - begun)
        middle = sorted(seconds)[10]
        print(
            f"key to finding, 2,000 files: median {middle * 1000:.0f} ms, of which 100 are the rest"
        )
        assert middle < 0.4
