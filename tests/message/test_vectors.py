"""Messages that nobody here wrote: ../shared/vectors/mime.

For the mime4j messages the decoded parts are known. Where this parser differs on purpose, the
table below says why.
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest

from postil.message import content, fields
from postil.message.parse import parse
from postil.message.part import Part
from postil.message.section import section_range
from postil.message.structure import render
from postil.message.transfer import UnknownEncoding, decode

DIFFERENT = {
    "base64encoded-rfc822message": "RFC 2046 §5.2.1 forbids base64 on message/rfc822; its parts"
    " would be no slices of the message: application/octet-stream",
    "base64encoded-rfc822message-nested": "the same",
    "bad-newlines-multiple-parts-base64": "the same",
    "malformedHeader-noheader": "the expected text is empty, though the message says that all of it"
    " should be recognised as body",
    "malformedHeaderStartsBody-noheader": "the same",
    "missing-boundary": "a multipart without parts is shown as text, not hidden as a preamble",
    "multipartnopart": "the same",
    "missing-inner-boundary": "the same",
    "missing-inner-start-boundary": "the same",
    "weird-boundary": "RFC 2046 §5.1.1: blanks at the end of a delimiter line are deleted, so the"
    " line with one blank less is a delimiter",
    "very-long-boundary": "the same",
    "very-very-long-boundary": "the same",
    "malformedHeaderStartsBody-nocrlfcrlf": "the expectation of another policy than that of"
    " malformedHeader-nocrlfcrlf, for the same message: a header ends with its blank line",
}
MIME4J = "mime/mime4j-testmsgs"


@pytest.fixture(scope="session")
def vectors(shared_dir: Path) -> Path:
    """The folder of the vectors."""
    return shared_dir / "vectors"


def _messages(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in (folder / "mime").rglob("*")
        if path.suffix in (".eml", ".msg", ".txt")
        and "_decoded" not in path.name
        and path.is_file()
    )


def test_every_message_is_read_and_every_part_is_a_slice(vectors: Path) -> None:
    """All of them parse, sections stay in bounds, HEADER and TEXT are the whole, nothing fails."""
    paths = _messages(vectors)
    assert len(paths) > 100
    for path in paths:
        data = path.read_bytes()
        root = parse(data)
        for part in root.walk():
            assert 0 <= part.header_start <= part.body_start <= part.body_end <= len(data), path
            header = data[part.header_start : part.body_start]
            joined = b"".join(field.raw for field in fields.iter_fields(header))
            assert joined + fields.blank_line(header) == header, path
        assert section_range(root, (), "") == (0, len(data))
        render(root)
        render(root, utf8=True)
        content.search_text(data, root)
        content.preview(root, data)


def _events(data: bytes, part: Part) -> list[tuple[str, str, bytes]]:
    """Name of each leaf, in the order and with the numbers of mime4j, and its decoded octets.

    mime4j numbers every entity on its way down, the root and messages too.
    """
    found: list[tuple[str, str, bytes]] = []

    def walk(part: Part, numbers: list[int]) -> None:
        if part.message is not None:
            walk(part.message, [*numbers, 1])
            return
        if part.children:
            for number, child in enumerate(part.children, start=1):
                walk(child, [*numbers, number])
            return
        octets = data[part.body_start : part.body_end]
        with contextlib.suppress(UnknownEncoding):
            octets = decode(octets, part.encoding)
        kind = "text" if part.type == "text" else "binary"
        found.append((kind, "_".join(map(str, numbers)), octets))

    walk(part, [1])
    return found


def _normal(octets: bytes) -> bytes:
    """mime4j's files were written with one kind of line end; only what is between them is compared."""
    return octets.replace(b"\r\n", b"\n")


def _names(folder: Path) -> list[str]:
    return sorted(path.stem for path in (folder / MIME4J).glob("*.msg"))


def test_mime4j_decoded_parts(vectors: Path) -> None:
    """The decoded leaves of each message are those expected, in number, name, kind and octets."""
    folder = vectors / MIME4J
    names = _names(vectors)
    assert len(names) == 32
    compared = 0
    wrong: dict[str, str] = {}
    for name in names:
        xml = (folder / f"{name}_decoded.xml").read_text("utf-8", "replace")
        expected = re.findall(r'<(text|binary)-body name="([^"]*)"', xml)
        data = (folder / f"{name}.msg").read_bytes()
        ours = _events(data, parse(data))
        if len(ours) != len(expected):
            wrong[name] = f"{len(ours)} parts, expected {len(expected)}"
            continue
        for (_kind, number, octets), (_expected_kind, file) in zip(ours, expected, strict=True):
            stem = file.rsplit(".", 1)[0]
            if stem != f"{name}_decoded_{number}":
                wrong[name] = f"part {number}, expected {stem}"
            elif _normal(octets) != _normal((folder / file).read_bytes()):
                wrong[name] = f"octets of {file}"
            compared += 1
    # Both ways: an exemption that is no longer needed fails too.
    assert wrong.keys() == DIFFERENT.keys(), wrong
    assert compared >= 26
