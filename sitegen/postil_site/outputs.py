"""Findings and coverage for other programs: SARIF 2.1.0, JUnit XML, LCOV over the RFC texts."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree

from postil_site.checking import CODES, Checked
from postil_site.model import FindingClass
from postil_site.project import Project
from postil_site.status.verdicts import DONE

_LEVELS = {"error": "error", "warning": "warning", "note": "note"}
SAID = {
    FindingClass.UNKNOWN_RFC: "There is no such RFC.",
    FindingClass.UNKNOWN_SECTION: "The RFC has no such section, line or page.",
    FindingClass.OBSOLETED: "The RFC has a successor.",
    FindingClass.STALE_QUOTE: "The quoted words are not in the section.",
    FindingClass.AMBIGUOUS_QUOTE: "The quoted words stand several times in the section.",
    FindingClass.QUOTE_TOO_WIDE: "A marker's quote holds more than one keyword.",
    FindingClass.ERRATUM: "An erratum concerns these words, or is not known.",
    FindingClass.UNCOVERED: "Nothing in the code cites this MUST.",
    FindingClass.CONTRADICTION: "Evidence and decision contradict each other.",
    FindingClass.YES_WITHOUT_EVIDENCE: "The index says Yes and no test shows it.",
    FindingClass.UNREADABLE: "A file could not be read.",
    FindingClass.DECISION: "A decision cannot be read or no longer resolves.",
    FindingClass.RESULT: "A result cannot be told from another.",
}


def sarif(checked: Checked) -> str:
    """SARIF 2.1.0."""
    results = [
        {
            "ruleId": one.kind.value,
            "level": _LEVELS[one.severity],
            "message": {"text": one.message + "".join(f"\n{more}" for more in one.suggestions)},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": one.path, "uriBaseId": "%SRCROOT%"},
                        "region": {"startLine": max(one.line, 1)},
                    }
                }
            ],
            "partialFingerprints": {"rfclinks/v1": f"{one.kind.value}:{one.path}:{one.reference}"},
        }
        for one in checked.findings
    ]
    rules = [
        {
            "id": kind.value,
            "shortDescription": {"text": SAID[kind]},
            "properties": {"exitCode": CODES[kind]},
        }
        for kind in FindingClass
    ]
    run = {
        "tool": {"driver": {"name": "rfclinks", "rules": rules}},
        "results": results,
        "columnKind": "unicodeCodePoints",
    }
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def junit(checked: Checked) -> str:
    """JUnit XML: a case per class, failed when it has errors."""
    errors = [one for one in checked.findings if one.severity == "error"]
    suite = ElementTree.Element("testsuite", name="rfclinks", tests=str(len(FindingClass)))
    failed = 0
    for kind in FindingClass:
        case = ElementTree.SubElement(suite, "testcase", classname="rfclinks", name=kind.value)
        own = [one for one in errors if one.kind is kind]
        if own:
            failed += 1
            failure = ElementTree.SubElement(
                case, "failure", message=f"{len(own)} findings", type=kind.value
            )
            failure.text = _xml("\n".join(f"{one.path}:{one.line}: {one.message}" for one in own))
        rest = [one for one in checked.findings if one.kind is kind and one.severity != "error"]
        if rest:
            out = ElementTree.SubElement(case, "system-out")
            out.text = _xml(
                "\n".join(f"{one.path}:{one.line}: {one.severity}: {one.message}" for one in rest)
            )
    suite.set("failures", str(failed))
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suite, "unicode") + "\n"
    )


def _xml(text: str) -> str:
    """Without the control characters that XML has no way to write."""
    return "".join(char for char in text if char >= " " or char in "\n\t")


def lcov(project: Project) -> str:
    """LCOV over the RFC texts: the lines of each requirement, hit as often as code and tests cite it."""
    out: list[str] = []
    for rfc in project.rfcs:
        hits: dict[int, int] = {}
        for verdict in project.verdicts(rfc):
            if not verdict.counted:
                continue
            number = len(verdict.references) + len(verdict.tests) if verdict.status in DONE else 0
            span = verdict.requirement.span
            for line in range(span.line, span.end_line + 1):
                hits[line] = max(hits.get(line, 0), number)
        if hits:
            out += ["TN:", f"SF:{project.config.texts}/rfc{rfc}.txt"]
            out += [f"DA:{line},{number}" for line, number in sorted(hits.items())]
            out += [
                f"LF:{len(hits)}",
                f"LH:{sum(1 for number in hits.values() if number)}",
                "end_of_record",
            ]
    return "\n".join(out) + "\n"
