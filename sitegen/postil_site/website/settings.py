"""`site.toml`, in the folder of the website: what it is called, where it will stand, and what it is made of."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path

from postil_site.config import ConfigError, told

FOLDER = "website"


@dataclass(frozen=True, slots=True)
class Settings:
    """Paths are relative to the repository."""

    title: str = told("Documentation", "What the website is called.")
    description: str = told(
        "", "One sentence for search engines, where a page has none of its own."
    )
    address: str = told(
        "",
        "Where the website stands, with a slash at its end; without one there are no canonical links, sitemap and feed.",
    )
    edit: str = told("", "The address of a page's source, with {path}; empty: no link.")
    content: str = told("website/content", "The folder of the Markdown.")
    static: tuple[str, ...] = told(
        ("website/static",), "Folders of files that are copied as they are; a later one wins."
    )
    sections: tuple[str, ...] = told((), "Sections of the menu, in order; others follow by name.")
    pages: str = told("dev", "The folder of the pages of code and RFCs, beside the website's own.")
    reference: tuple[str, ...] = told(
        (), "JSON files of commands and settings, such as `postil docs export --json` prints."
    )
    changelog: str = told("CHANGELOG.md", "The changelog: a page, and the feed.")
    fragments: str = told(
        "changelog.d",
        "The folder of notes for the next version, a file each: NAME.added.md, .changed, .fixed, .removed, .security.",
    )
    index: str = told("rfc/index.txt", "The list of RFCs that the page of protocols is made from.")


def there(root: Path) -> bool:
    """Has a repository a website?"""
    return (root / load(root).content).is_dir()


def load(root: Path) -> Settings:
    """The settings of a repository; ConfigError names file and field."""
    file = root / FOLDER / "site.toml"
    name = f"{FOLDER}/site.toml"
    try:
        table = tomllib.loads(file.read_text("utf-8-sig"))
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{name}: {error}") from error
    known = {one.name: one.type for one in fields(Settings)}
    values: dict[str, object] = {}
    for key, value in table.items():
        if key not in known:
            raise ConfigError(f"{name}: {key} is no setting; there are {', '.join(sorted(known))}")
        if "tuple" in str(known[key]):
            if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
                raise ConfigError(f"{name}: {key} must be a list of texts")
            values[key] = tuple(value)
        elif not isinstance(value, str):
            raise ConfigError(f"{name}: {key} must be a text")
        else:
            values[key] = value
    made = Settings(**values)  # type: ignore[arg-type]
    if made.address and not made.address.endswith("/"):
        raise ConfigError(f"{name}: address must end with a slash")
    return made
