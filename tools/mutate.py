"""`make mutate`: does breaking the code that a sentence cites make a test of that sentence fail?

On a copy of the working tree, for requirements chosen at random (seed printed) that code implements and tests mark: one statement of
the cited code is changed (a condition negated, a statement dropped), the marked tests run, the statement is put back. A mutant that every
test survives is printed; more than 10 % of them is a failure.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from postil_site.model import Problems, Role
from postil_site.project import Project

ROOT = Path(__file__).resolve().parents[1]
ALLOWED = 0.10
LEFT_OUT = ("build", ".git", ".venv", ".mypy_cache", ".ruff_cache", ".hypothesis", "localserve")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A requirement with the code that cites it and the tests that mark it."""

    requirement: str
    sentence: str
    path: str
    first: int
    last: int
    tests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A change of one statement."""

    line: int
    what: str
    text: str  # of the whole file


def candidates(project: Project) -> list[Candidate]:
    """Every pair of cited code and marked tests."""
    code: dict[str, list[tuple[str, int, int]]] = {}
    tests: dict[str, set[str]] = {}
    sentences: dict[str, str] = {}
    for resolved in project.resolved:
        reference = resolved.reference
        for requirement in resolved.requirements:
            sentences[requirement.id] = requirement.clause
            if reference.role is Role.TESTS and reference.test:
                tests.setdefault(requirement.id, set()).add(f"{reference.path}::{reference.test}")
            elif (
                reference.role is Role.IMPLEMENTS
                and reference.path.endswith(".py")
                and reference.code_line is not None
                and reference.code_end_line is not None
            ):
                place = (reference.path, reference.code_line, reference.code_end_line)
                code.setdefault(requirement.id, []).append(place)
    return [
        Candidate(identity, sentences[identity], *place, tuple(sorted(tests[identity])))
        for identity, places in sorted(code.items())
        if identity in tests
        for place in places
    ]


def mutants(source: str, first: int, last: int) -> Iterator[Mutant]:
    """What can be broken between two lines, the cited statement's own condition first."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if not first <= getattr(node, "lineno", 0) <= last:
            continue
        match node:
            case ast.IfExp(test=condition):
                text = ast.get_source_segment(source, condition) or ""
                yield Mutant(
                    node.lineno, f"not ({text})", _put(source, condition, f"(not ({text}))")
                )
            case ast.keyword(value=ast.Constant(value=bool()) as value):
                yield Mutant(value.lineno, "another constant", _put(source, value, _other(value)))
            case ast.Continue() | ast.Assign(targets=[ast.Attribute()], value=ast.expr()):
                yield Mutant(node.lineno, "dropped", _put(source, node, "pass"))
            case ast.If() | ast.While():
                test = ast.get_source_segment(source, node.test)
                if test is not None:
                    yield Mutant(
                        node.lineno, f"not ({test})", _put(source, node.test, f"not ({test})")
                    )
            case ast.Raise() | ast.Expr(value=ast.Call() | ast.Await()) | ast.AugAssign():
                yield Mutant(node.lineno, "dropped", _put(source, node, "pass"))
            case ast.Return(value=ast.expr() as value):
                text = ast.get_source_segment(source, value) or ""
                if isinstance(value, ast.Compare | ast.BoolOp | ast.UnaryOp | ast.Call):
                    # `not` of a call gives False or True: what it returned is lost either way
                    yield Mutant(node.lineno, f"not ({text})", _put(source, value, f"not ({text})"))
            case (
                ast.Assign(value=ast.Constant(value=int() | float() | bytes() | str()) as value)
                | ast.AnnAssign(value=ast.Constant(value=int() | float()) as value)
            ):
                yield Mutant(node.lineno, "another constant", _put(source, value, _other(value)))
            case ast.Expr(value=ast.Yield()):
                yield Mutant(node.lineno, "dropped", _put(source, node, "pass"))
            case _:
                pass


def _other(value: ast.Constant) -> str:
    match value.value:
        case bool(flag):
            return str(not flag)
        case int(number) | float(number):
            # A limit keeps a margin over what the sentence demands, so a little more or less changes nothing.
            return "1" if number > 1 else str(number + 1)
        case bytes():
            return "b'mutant'"
        case _:
            return "'mutant'"


def _put(source: str, node: ast.stmt | ast.expr, text: str) -> str:
    """The source with the node's own text replaced; columns count octets of UTF-8."""
    rows = source.encode().split(b"\n")
    assert node.end_lineno is not None and node.end_col_offset is not None
    head = rows[node.lineno - 1][: node.col_offset]
    tail = rows[node.end_lineno - 1][node.end_col_offset :]
    rows[node.lineno - 1 : node.end_lineno] = [head + text.encode() + tail]
    return b"\n".join(rows).decode()


def killed(copy: Path, tests: tuple[str, ...]) -> bool | None:
    """Does a marked test fail? None when the tests cannot be run at all."""
    environment = {
        **os.environ,
        "PYTHONPATH": f"{copy / 'server'}{os.pathsep}{copy / 'sitegen'}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "POSTIL_SHARED": os.environ.get("POSTIL_SHARED", str(ROOT.parent / "shared")),
    }
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "no:randomly",
        "--timeout",
        "60",
        *tests,
    ]
    try:
        done = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, check=False, timeout=300
        )
    except subprocess.TimeoutExpired:
        return True
    return None if done.returncode in (4, 5) else done.returncode != 0


def main() -> int:
    """0 when at most a tenth survived."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("-n", type=int, default=50, help="mutants")
    arguments.add_argument("--seed", type=int, default=None)
    given = arguments.parse_args()
    seed = given.seed if given.seed is not None else int(time.time())
    chance = random.Random(seed)
    project = Project.open(ROOT, Problems(), None)
    pool = candidates(project)
    chance.shuffle(pool)
    print(f"seed {seed}; {len(pool)} pairs of cited code and marked tests")
    survivors = tried = 0
    with tempfile.TemporaryDirectory(prefix="postil-mutate") as name:
        copy = Path(name) / "tree"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*LEFT_OUT), symlinks=True)
        seen: set[str] = set()
        for candidate in pool:
            if tried >= given.n:
                break
            if candidate.requirement in seen:
                continue
            file = copy / candidate.path
            source = file.read_text(encoding="utf-8")
            choices = list(mutants(source, candidate.first, candidate.last))
            if not choices:
                continue
            seen.add(candidate.requirement)
            mutant = chance.choice(choices)
            file.write_text(mutant.text, encoding="utf-8")
            try:
                dead = killed(copy, candidate.tests)
            finally:
                file.write_text(source, encoding="utf-8")
            if dead is None:
                print(f"not run: {' '.join(candidate.tests)}")
                continue
            tried += 1
            if not dead:
                survivors += 1
                print(f"survived: {candidate.path}:{mutant.line} {mutant.what}")
                print(f"  {candidate.requirement} {candidate.sentence[:110]}")
                print(f"  {' '.join(candidate.tests)}")
    share = survivors / tried if tried else 0.0
    print(f"mutants: {tried - survivors} killed, {survivors} survived ({share:.0%})")
    return 0 if tried and share <= ALLOWED else 1


if __name__ == "__main__":
    sys.exit(main())
