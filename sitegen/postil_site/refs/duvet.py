"""Quote blocks in the syntax of the duvet tool, so that repositories which have them run unchanged.

    //= https://www.rfc-editor.org/rfc/rfc9000#section-8.1
    //= type=exception
    //= reason=we never do that
    //# words of the requirement,
    //# which may take several lines

Leaders are configurable; `//# sourceMappingURL` and Python's `//=` operator are not ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from postil_site.model import Role
from postil_site.refs import grammar, words

DEFAULT_LEADERS = (("//=", "//#"), ("#=", "##"), ("--=", "--#"), ("%=", "%#"), ("*=", "*#"))

ROLES = {
    "citation": Role.IMPLEMENTS,
    "implication": Role.IMPLEMENTS,
    "implements": Role.IMPLEMENTS,
    "test": Role.TESTS,
    "todo": Role.TODO,
    "exception": Role.EXCEPTION,
    "spec": Role.MENTION,
}


@dataclass(slots=True)
class Annotation:
    """One block."""

    line: int
    column: int
    end_line: int
    rfc: int
    section: str | None  # as written
    quote: str
    role: Role | None
    reason: str
    fields: dict[str, str] = field(default_factory=dict)


def find(text: str, leaders: Sequence[tuple[str, str]] = DEFAULT_LEADERS) -> list[Annotation]:
    """All blocks of a file."""
    if not any(meta in text for meta, _ in leaders):
        return []
    out: list[Annotation] = []
    for meta, content in leaders:
        if meta in text:
            out.extend(_with(text, meta, content))
    return sorted(out, key=lambda annotation: annotation.line)


def _with(text: str, meta: str, content: str) -> Iterator[Annotation]:
    current: Annotation | None = None
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.lstrip()
        column = len(raw) - len(line) + 1
        if line.startswith(meta) and line[len(meta) :][:1] in (" ", "\t"):
            body = line[len(meta) :].strip()
            name, equals, value = body.partition("=")
            field_name = name.strip().replace("-", "_").isidentifier()
            if current is not None and not current.quote and equals and field_name:
                current.fields[name.strip().lower()] = value.strip()
                current.end_line = number
                continue
            if current is not None:
                yield _finished(current)
            current = _begun(body, number, column)
        elif current is not None and line.startswith(content) and not line.startswith("//# source"):
            current.quote = f"{current.quote} {line[len(content) :].strip()}".strip()
            current.end_line = number
        elif current is not None:
            yield _finished(current)
            current = None
    if current is not None:
        yield _finished(current)


def _begun(body: str, line: int, column: int) -> Annotation | None:
    match = words.URL.match(body)
    path, fragment = "", ""
    if match is not None:
        path, _, fragment = match["path"].partition("#")
    elif "://" not in body and " " not in body:
        path, _, fragment = body.partition("#")
    number = words.URL_RFC.search("/" + path.rstrip("/").rsplit("/", 1)[-1])
    if number is None or number["rfc"] is None:
        return None
    target = grammar.fragment_target(fragment)
    return Annotation(line, column, line, int(number["rfc"]), target.section, "", None, "")


def _finished(annotation: Annotation) -> Annotation:
    kind = annotation.fields.get("type", "").lower()
    annotation.role = ROLES.get(kind)
    annotation.reason = annotation.fields.get("reason", "")
    return annotation
