"""Names the state of a git working tree: the commit, and a hash of what differs from it.

Platform design, rule 5: a test result is fresh only while both are the tree's own. The plugin writes
them into the results file and whoever reads that file computes them again; both must come from here,
or nothing would ever be fresh.

`dirty` is None for a tree equal to its commit. Otherwise it is a SHA-256 over the binary diff of
the tracked files against HEAD and over path, kind and content of each untracked file that is not
ignored. It looks at contents only, so touching a file changes nothing. Settings of the user (external diff
programs, colours, rename detection, prefixes) are switched off: they would change the hash.

It does not follow submodules.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

_DIFF = (
    "diff",
    "--binary",
    "--full-index",
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--no-renames",
    "--src-prefix=a/",
    "--dst-prefix=b/",
    "--ignore-submodules=all",
    "--diff-algorithm=myers",
    "--unified=3",
    "--inter-hunk-context=0",
    "--indent-heuristic",
    "--no-relative",
    "-O/dev/null",
)

# What has no option on the command line.
_CONFIGURATION = ("-c", "core.quotePath=true", "-c", "diff.suppressBlankEmpty=false")


@dataclass(frozen=True, slots=True)
class TreeState:
    """Both are None outside git; commit alone is None before the first commit."""

    commit: str | None
    dirty: str | None


def tree_state(folder: Path) -> TreeState:
    """The state of the working tree that `folder` lies in."""
    top = _git(folder, "rev-parse", "--show-toplevel")
    if top is None:
        return TreeState(None, None)
    root = Path(os.fsdecode(top.rstrip(b"\n")))
    head = _git(root, "rev-parse", "--verify", "--quiet", "HEAD")
    commit = head.decode("ascii").strip() if head else None
    digest = hashlib.sha256()
    differs = False
    # Without a commit everything staged is a difference; git knows the empty tree by its hash.
    base = commit or (_git(root, "hash-object", "-t", "tree", os.devnull) or b"").decode().strip()
    diff = _git(root, *_DIFF, base, "--") or b""
    if diff:
        differs = True
        digest.update(b"diff %d\n" % len(diff))
        digest.update(diff)
    listing = _git(root, "ls-files", "--others", "--exclude-standard", "-z") or b""
    for name in sorted(filter(None, listing.split(b"\0"))):
        differs = True
        kind, content = _content(root / os.fsdecode(name))
        digest.update(b"%s %d %s %d\n" % (kind, len(name), name, len(content)))
        digest.update(content)
    return TreeState(commit, digest.hexdigest() if differs else None)


def _content(path: Path) -> tuple[bytes, bytes]:
    """What git would store of an untracked path; a file that cannot be read counts by its name."""
    try:
        if path.is_symlink():
            return b"link", os.fsencode(path.readlink())
        if path.is_file():
            return b"file", path.read_bytes()
    except OSError:
        return b"unreadable", b""
    return b"other", b""


def _git(folder: Path, *arguments: str) -> bytes | None:
    """The output of one git command, or None where git, or the repository, is absent."""
    try:
        done = subprocess.run(
            ["git", *_CONFIGURATION, *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None
