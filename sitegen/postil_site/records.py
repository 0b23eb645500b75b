"""Records as JSON has them; the published form of a reference is `schemas/refs.json`."""

from __future__ import annotations

from typing import Any

from postil_site.model import Finding
from postil_site.refs.resolve import Resolved


def reference(one: Resolved) -> dict[str, Any]:
    """A reference as `rfclinks refs --json` prints it."""
    ref = one.reference
    code = None
    if ref.code_line is not None:
        code = {"line": ref.code_line, "end_line": ref.code_end_line or ref.code_line}
    return {
        "path": ref.path,
        "line": ref.line,
        "column": ref.column,
        "end_line": ref.end_line,
        "rfc": ref.rfc,
        "target": {
            "kind": ref.target.kind.value,
            "value": ref.target.value,
            "section": ref.target.section,
        },
        "resolved": None if one.line is None else {"section": one.section, "line": one.line},
        "role": ref.role.value,
        "style": ref.style,
        "weak": ref.weak,
        "text": ref.text,
        "todo": ref.todo,
        "code": code,
    }


def finding(one: Finding) -> dict[str, Any]:
    """A finding as `rfclinks check --json` prints it."""
    return {
        "class": one.kind.value,
        "severity": one.severity,
        "path": one.path,
        "line": one.line,
        "reference": one.reference,
        "message": one.message,
        "suggestions": list(one.suggestions),
        "patch": one.patch,
    }
