"""The website of a repository while somebody writes it: in the folder `website` beside the pages of code, drafts included."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from postil_site.config import ConfigError
from postil_site.pages.output import NotOurs, Output
from postil_site.website import build as websites
from postil_site.website import settings

FOLDER = "website"


def there(root: Path) -> bool:
    """Has the repository a website?"""
    try:
        return settings.there(root)
    except ConfigError:
        return True  # what is wrong with its settings is said


@dataclass(slots=True)
class Written:
    """Renews the website after a save."""

    root: Path
    out: Path  # the folder of all pages
    errors: dict[str, str] = field(default_factory=dict)  # by page; "" is all of them
    _wanted: settings.Settings = field(default_factory=settings.Settings)

    def concerns(self, path: str) -> bool:
        """Is a file of the repository part of the website?"""
        wanted = self._wanted
        folders = (wanted.content, wanted.fragments, *wanted.static)
        files = (wanted.changelog, wanted.index, f"{settings.FOLDER}/site.toml", *wanted.reference)
        return path in files or path.startswith(tuple(f"{folder}/" for folder in folders))

    def build(self) -> frozenset[str]:
        """Build what changed; the pages that are other ones now, and `errors` renewed."""
        before, was = self._digests(), self.errors
        self.errors = {}
        try:
            self._wanted = settings.load(self.root)
            report = websites.build(self.root, self.out / FOLDER, drafts=True, pages="..")
        except (ConfigError, NotOurs, OSError) as error:
            self.errors[""] = f"the website could not be built: {error}"
            return frozenset(was) ^ frozenset(self.errors)
        for place, reason in report.problems:
            path = place.partition(":")[0]
            name = path.removeprefix(f"{self._wanted.content}/").removesuffix(".md") + ".html"
            page = f"{FOLDER}/{name}" if (self.out / FOLDER / name).is_file() else f"{FOLDER}/index.html"  # fmt: skip
            told = f"{place}: {reason}"
            self.errors[page] = f"{self.errors[page]}\n{told}" if page in self.errors else told
        after = self._digests()
        changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}  # fmt: skip
        return frozenset(f"{FOLDER}/{name}" for name in changed if name.endswith(".html"))

    def _digests(self) -> dict[str, str]:
        try:
            return dict(Output.open(self.out / FOLDER, websites.MARKER).old)
        except NotOurs:
            return {}
