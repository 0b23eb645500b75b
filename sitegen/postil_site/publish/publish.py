"""One version put beside the others, or taken away."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from postil_site.pages import build, gather
from postil_site.publish import changes, moved, staging, versions
from postil_site.publish.versions import BadName, Version
from postil_site.website import settings
from postil_site.worktree import tree_state

CHANGES = "changes.html"
MOVED = "data/moved"


class Refused(RuntimeError):
    """It is not done; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a publication did."""

    report: build.Report
    versions: tuple[Version, ...]
    shared: int  # files that became one with another version's


def publish(
    root: Path,
    folder: Path,
    name: str,
    *,
    results: Sequence[Path] | None = None,
    dirty: bool = False,
    jobs: int | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Done:
    """Build the pages of `root` as version `name` of `folder`. BadName, Refused, staging.Busy, ConfigError stop it; the versions stay as they are."""
    root, folder = root.resolve(), folder.resolve()
    state = tree_state(root)
    if state.dirty and versions.Version(name).release and not dirty:
        raise Refused(
            f"{root} has changes that are not committed, and {name} is a release: commit them, or say --dirty"
        )
    with staging.locked(folder):
        known = _known(folder)
        versions.checked(name, folder, known)
        others = [one for one in known if one.name != name]
        like = name if (folder / name).is_dir() else (others[0].name if others else None)
        new = staging.begin(folder, name, like)
        report = build.build(root, new, results=results, say=say, jobs=jobs)
        this = Version(name, state.commit or "", _date(root, state.commit))
        _stamp(new, this, settings.there(root))
        (new / CHANGES).unlink(missing_ok=True)
        shutil.rmtree(new / MOVED, ignore_errors=True)
        shared = staging.share(folder, new.name, [one.name for one in others])
        staging.exchange(folder, name)
        every = versions.compared([*others, this])
        _beside(folder, every, gather.name_of(root), this.name)
        versions.write(folder, every)
    return Done(report, tuple(every), shared)


def remove(root: Path, folder: Path, name: str) -> list[Version]:
    """Take a version away; the others stay as they are but for what they said of it."""
    folder = folder.resolve()
    with staging.locked(folder):
        known = _known(folder)
        if all(one.name != name for one in known):
            there = ", ".join(one.name for one in known) or "none"
            raise BadName(f"{folder} has no version {name!r}; there are: {there}")
        left = versions.compared([one for one in known if one.name != name])
        versions.write(folder, left)
        for one in left:
            (folder / one.name / MOVED / f"{name}.js").unlink(missing_ok=True)
        shutil.rmtree(folder / name, ignore_errors=True)
        _beside(
            folder, left, gather.name_of(root.resolve()), ""
        )  # the latest release may be another one now
    return left


def _known(folder: Path) -> list[Version]:
    try:
        found = versions.read(folder)
    except ValueError as error:
        raise Refused(str(error)) from error
    return [one for one in found if (folder / one.name).is_dir()]


def _date(root: Path, commit: str | None) -> str:
    if not commit:
        return ""
    done = subprocess.run(
        ["git", "-C", str(root), "show", "-s", "--format=%cI", commit],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout.strip()


def _stamp(new: Path, version: Version, website: bool) -> None:
    """Rule 12: only version.js knows which version this is."""
    file = new / "version.js"
    text = file.read_text("utf-8")
    table: dict[str, Any] = json.loads(text[text.index("{") : text.rindex("}") + 1])
    table.update(
        name=version.name, commit=version.commit, date=version.date, published=True, website=website
    )
    _put(file, f"window.postilVersion={json.dumps(table, ensure_ascii=False)};\n")


def _beside(folder: Path, every: Sequence[Version], site: str, fresh: str) -> None:
    """What versions say of each other: where lines moved, and what was gained. Only pairs with the fresh version, or with a new latest one, change."""
    newest = versions.latest(list(every))
    mapped = {"dev", newest.name if newest else "dev"}
    for here in every:
        for there in every:
            if here.name == there.name:
                continue
            lines = {here.name, there.name} == mapped
            file = folder / here.name / MOVED / f"{there.name}.js"
            if fresh in (here.name, there.name) or lines or not file.is_file():
                text = moved.script(folder / here.name, folder / there.name, there.name, lines)
                _put(file, text)
        page = folder / here.name / CHANGES
        if here.changes:
            _put(page, changes.page(folder, site, here.name, here.changes))
        else:
            page.unlink(missing_ok=True)


def _put(file: Path, text: str) -> None:
    """Replace a file, never write into it: it may be one with another version's."""
    if file.is_file() and file.read_text("utf-8") == text:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(file.name[:200] + ".part")
    part.write_text(text, "utf-8")
    part.replace(file)


__all__ = ["BadName", "Done", "Refused", "publish", "remove"]
