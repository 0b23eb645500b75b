"""Grammar rules of an RFC: where each is defined and where its name is used in other rules."""

from __future__ import annotations

import re

from postil_site.model import AbnfRule, Span
from postil_site.texts.decode import Text

_DEFINITION = re.compile(r"^(\s*)<?([A-Za-z][A-Za-z0-9-]*)>?\s*(=/|=|::=)(?=\s|$)\s*(.*)$")
_NAME = re.compile(r"(?<![A-Za-z0-9%\"'<-])<?([A-Za-z][A-Za-z0-9-]*)>?(?![A-Za-z0-9-])")
_HIDDEN = re.compile(r'"[^"]*"|%[bdxBDX][0-9A-Fa-f.-]+|<[^>]{25,}>|;.*$')
# Something of ABNF must stand on the right, or `size = 3` of an example would be a rule.
_GRAMMAR = re.compile(r'"|%[xbd]|/|\*|\d\*|\[|\(|^<?[A-Za-z][A-Za-z0-9-]*>?\s*(;.*)?$|^$')


def find(text: Text) -> tuple[AbnfRule, ...]:
    """All rules in order of definition; a name defined twice keeps its first place."""
    body = text.body()
    definitions: dict[str, Span] = {}
    grammar: list[tuple[int, int, str]] = []  # (line, column, right side)
    indent = -1
    for number, line in body:
        match = _DEFINITION.match(line)
        if match and _GRAMMAR.search(match[4]) and not match[4].rstrip().endswith("."):
            indent = len(match[1])
            start = match.start(2)
            definitions.setdefault(
                match[2].lower(), Span(number, start, number, start + len(match[2]))
            )
            grammar.append((number, match.start(4), match[4]))
        elif indent >= 0 and line.strip() and len(line) - len(line.lstrip()) > indent:
            grammar.append((number, 0, line))
        elif line.strip():
            indent = -1
    uses: dict[str, list[Span]] = {name: [] for name in definitions}
    for number, column, right in grammar:
        plain = _HIDDEN.sub(lambda hidden: " " * len(hidden.group()), right)
        for match in _NAME.finditer(plain):
            if (name := match[1].lower()) in uses:
                start = column + match.start(1)
                uses[name].append(Span(number, start, number, start + len(match[1])))
    return tuple(AbnfRule(name, place, tuple(uses[name])) for name, place in definitions.items())
