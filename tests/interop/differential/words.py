"""A response as nested lists of words; an atom and a string are not the same.

`Text` is what came quoted or as a literal, other octets are atoms, `[…]` inside an atom is part of it.
"""

from __future__ import annotations

import re
from typing import TypeAlias

Node: TypeAlias = "bytes | list[Node]"

_LITERAL = re.compile(rb"~?\{(\d+)\}\r\n")
_QUOTED = re.compile(rb'"((?:[^"\\\r\n]|\\["\\])*)"', re.DOTALL)


class Text(bytes):
    """A string: quoted or literal, which is the server's choice."""


def parse(octets: bytes) -> list[Node]:
    """Everything in the response behind `* ` or the tag; AssertionError where it breaks the grammar of words."""
    nodes, at = _nodes(octets, 0, b"")
    assert at == len(octets), octets
    return nodes


def _nodes(octets: bytes, at: int, end: bytes) -> tuple[list[Node], int]:
    nodes: list[Node] = []
    while at < len(octets):
        first = octets[at : at + 1]
        if end and first == end:
            return nodes, at + 1
        if first == b" ":
            at += 1
        elif first == b"(":
            inner, at = _nodes(octets, at + 1, b")")
            nodes.append(inner)
        elif first == b'"':
            quoted = _QUOTED.match(octets, at)
            assert quoted is not None, octets[at:]
            nodes.append(Text(re.sub(rb"\\(.)", rb"\1", quoted.group(1))))
            at = quoted.end()
        elif literal := _LITERAL.match(octets, at):
            at = literal.end() + int(literal.group(1))
            nodes.append(Text(octets[literal.end() : at]))
        else:
            word, at = _word(octets, at)
            nodes.append(word)
    assert not end, octets
    return nodes, at


def _word(octets: bytes, at: int) -> tuple[bytes, int]:
    start, depth = at, 0
    while at < len(octets):
        byte = octets[at : at + 1]
        if depth == 0 and byte in b" ()":
            break
        if byte == b"[":
            depth += 1
        elif byte == b"]" and depth:
            depth -= 1
        at += 1
    assert at > start, octets[at:]
    return octets[start:at], at


def show(node: Node) -> str:
    """A node for people, and for patterns: strings in quotation marks, octets beyond ASCII as \\xNN."""
    if isinstance(node, list):
        return f"({' '.join(map(show, node))})"
    text = node.decode("latin-1").encode("unicode_escape").decode()
    return f'"{text}"' if isinstance(node, Text) else text
