"""Changes in the text of a TOML file that leave every other octet as it was: comments, order, blank lines, ways of writing.

Theory of operation. `locate` says where each path is written and how, so a value is replaced where it stands, a new field goes behind
the last one of its table, a new table behind the last line of what it belongs to, and a table is removed from its header to its last
line, with the comments in between and no other. Whichever way the file was written in is kept: headers, dotted keys, inline tables.
(tomlkit was tried: a field that it adds to a table lands behind the comment that stands above the next one.)

After each change the TOML reader reads the new text, which is compared with what it shall mean; where that differs, nothing is changed and
the person is asked to edit by hand. So a way of writing that nobody thought of costs a sentence, never a setting.
"""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from postil.config.locate import Kind, Path, Place, after_blank, places
from postil.config.write import header, inline, key, section


class CannotEdit(Exception):
    """The file is written in a way that is not understood here."""


class Document:
    """A text and what it means; a change that succeeds makes it another one."""

    def __init__(self, text: str) -> None:
        self._read(text)

    def _read(self, text: str) -> None:
        self.text = text
        self.data: dict[str, Any] = tomllib.loads(text)
        self._line = "\r\n" if "\r\n" in text else "\n"
        self._places = places(text)

    # --- changes

    def put(self, path: Path, value: object) -> None:
        """Set a field to a text, number, truth, date or list of those; tables around it are made where they are missing."""
        wanted = copy.deepcopy(self.data)
        _inside(wanted, path[:-1])[path[-1]] = list(value) if isinstance(value, tuple) else value
        place = self._places.get(path)
        if place is None:
            self._become(self._new_field(path, value), wanted)
        elif place.kind is Kind.PAIR:
            made = self.text[: place.value] + inline(value) + self.text[place.end :]
            self._become(made, wanted)
        else:
            raise CannotEdit("has a table where a value belongs: please edit it by hand")

    def add(self, path: Path, row: Mapping[str, Any]) -> None:
        """A new last row in an array of tables."""
        wanted = copy.deepcopy(self.data)
        _inside(wanted, path[:-1]).setdefault(path[-1], []).append(copy.deepcopy(dict(row)))
        self._become(self._new_row(path, row), wanted)

    def drop(self, path: Path) -> None:
        """Remove a field, a table or a row, with the comments within it."""
        wanted = copy.deepcopy(self.data)
        del _inside(wanted, path[:-1])[path[-1]]
        self._become(self._without(path), wanted)

    def move(self, path: Path, to: int) -> None:
        """A row of an array of tables in front of row `to`, or behind the last; comments right above a row go with it."""
        array, at = path[:-1], path[-1]
        assert isinstance(at, int)
        wanted = copy.deepcopy(self.data)
        rows = _inside(wanted, array)
        count = len(rows)
        rows.insert(to - 1 if to > at else to, rows.pop(at))
        if self._places[path].kind is not Kind.HEADER:
            raise CannotEdit("has these in one list: please edit it by hand")
        start, end = self._block(path)
        block = self.text[start:end].rstrip() + self._line
        where = self._block((*array, min(to, count - 1)))
        target = where[0] if to < count else where[1]
        before, after = self.text[:target], self.text[target:]
        if target > start:
            before = _cut_lines(before, start, end)
        else:
            after = _cut_lines(after, start - target, end - target)
        if before.strip():
            before = before.rstrip() + self._line * 2
        after = after.lstrip("\r\n")
        self._become(before + block + (self._line + after if after.strip() else ""), wanted)

    def _become(self, text: str, wanted: Mapping[str, Any]) -> None:
        try:
            right = _pruned(tomllib.loads(text)) == _pruned(wanted)
        except tomllib.TOMLDecodeError:
            right = False
        if not right:
            raise CannotEdit(
                "is written in a way that this command cannot change: please edit it by hand"
            )
        self._read(text)

    # --- something new

    def _new_field(self, path: Path, value: object) -> str:
        table, name = path[:-1], path[-1]
        place = self._places.get(table)
        if place is None or self._is_header_of_another(table, place):
            return self._new_table(path, value)
        holder = self._holder(table)
        pair = f"{key(*path[len(holder) :])} = {inline(value)}"
        if self._is_inline(holder):
            return self._into_inline(holder, pair)
        assert isinstance(name, str)
        end = self._section_end(holder, table)
        return self._after(end, [pair])

    def _new_table(self, path: Path, value: object) -> str:
        """A field whose table is not there, or only as a part of the names of other tables."""
        known = path[:-1]
        while known not in self._places:
            known = known[:-1]
        holder = self._holder(known)
        names = path[len(holder) : -1]
        if self._is_inline(holder):
            inner: Any = {path[-1]: value}
            for one in reversed(names[1:]):
                inner = {one: inner}
            return self._into_inline(holder, f"{key(names[0])} = {inline(inner)}")
        lines = [header(path[:-1], row=False), f"{key(path[-1])} = {inline(value)}"]
        return self._after(self._extent(_row(path[:-1])), ["", *lines])

    def _new_row(self, path: Path, row: Mapping[str, Any]) -> str:
        place = self._places.get(path)
        first = self._places.get((*path, 0))
        if place is not None and (first is None or first.kind is not Kind.HEADER):
            if place.kind is not Kind.PAIR:
                raise CannotEdit("is no array: please edit it by hand")
            return self._into_array(path, inline(row))
        holder = self._holder(self._known(path[:-1]))
        if place is None and self._is_inline(holder):
            return self._into_inline(holder, f"{key(*path[len(holder) :])} = [{inline(row)}]")
        lines = section(path, row)
        if len(path) > 1:
            return self._after(self._extent(_row(path)), ["", *lines])
        text = self.text
        if text and not text.endswith("\n"):
            text += self._line
        gap = [""] if text.strip() else []
        return text + self._line.join([*gap, *lines, ""])

    def _known(self, path: Path) -> Path:
        while path not in self._places:
            path = path[:-1]
        return path

    def _after(self, end: int, lines: list[str]) -> str:
        """New lines behind the line in which `end` lies, indented as it is."""
        at = self._line_end(end)
        start = self.text.rfind("\n", 0, end) + 1
        line = self.text[start:end]
        indent = line[: len(line) - len(line.lstrip(" \t"))]
        new = self._line.join(indent + line if line else "" for line in lines)
        return self.text[:at] + (self._line + new if self.text[:at].strip() else new) + self.text[at:]  # fmt: skip

    def _into_inline(self, holder: Path, pair: str) -> str:
        """Behind the last pair between the braces."""
        opening = self._places[holder].value
        ends = [one.end for one in self._within(holder) if one.kind is Kind.PAIR and one.start > opening]  # fmt: skip
        if ends:
            return self.text[: max(ends)] + f", {pair}" + self.text[max(ends) :]
        return self.text[: opening + 1] + f" {pair} " + self.text[opening + 1 :]

    def _into_array(self, path: Path, value: str) -> str:
        count = len(_inside(self.data, path))
        if not count:
            at = self._places[path].value + 1
            return self.text[:at] + value + self.text[at:]
        last = self._places[(*path, count - 1)]
        before = self.text[self.text.rfind("\n", 0, last.start) + 1 : last.start]
        gap = self._line + before if not before.strip() else " "
        comma = after_blank(self.text, last.end)
        if self.text.startswith(",", comma):
            # Behind the comment that follows the comma on its line.
            at = self._line_end(comma) if gap != " " else comma + 1
            return self.text[:at] + gap + value + "," + self.text[at:]
        return self.text[: last.end] + "," + gap + value + self.text[last.end :]

    # --- something less

    def _without(self, path: Path) -> str:
        place = self._places[path]
        text = self.text
        if place.kind is Kind.IMPLIED:
            below = sorted(
                (one for at, one in self._places.items() if at[: len(path)] == path and one.kind in (Kind.PAIR, Kind.HEADER)),
                key=lambda one: one.start,
            )  # fmt: skip
            spans = [one for one in below if not any(other.start < one.start and one.end <= other.end for other in below)]  # fmt: skip
            inside = self._is_inline(self._holder(path))
            for one in reversed(spans):
                text = _cut_element(text, one) if inside else _cut_lines(text, one.start, one.end)
            return text
        if place.kind is Kind.HEADER:
            end = self._extent(path)
            for at, one in self._places.items():
                foreign = at[: len(path)] != path and one.kind is Kind.HEADER
                if foreign and place.start < one.start < end:
                    raise CannotEdit("has other tables in between: please edit it by hand")
            return _cut_lines(text, place.start, end)
        if place.kind is Kind.ELEMENT or self._is_inline(self._holder(path[:-1])):
            return _cut_element(text, place)
        return _cut_lines(text, place.start, place.end)

    # --- where things are

    def _within(self, path: Path) -> Iterator[Place]:
        """What is written within a path, itself included."""
        return (one for at, one in self._places.items() if at[: len(path)] == path)

    def _holder(self, path: Path) -> Path:
        """The table that is written out, by a header or braces, in which a table that is only implied stands."""
        while path and self._places[path].kind is Kind.IMPLIED:
            path = path[:-1]
        return path

    def _is_inline(self, holder: Path) -> bool:
        place = self._places[holder]
        return place.kind in (Kind.PAIR, Kind.ELEMENT) and self.text[place.value] in "{["

    def _is_header_of_another(self, table: Path, place: Place) -> bool:
        """Is a table only there as a part of the headers of tables within it?"""
        return place.kind is Kind.IMPLIED and self.text[place.start] == "["

    def _section_end(self, holder: Path, table: Path) -> int:
        """The end of the last pair that stands under a header; of those of one table, where it has any."""
        start = self._places[holder].start if holder else -1
        headers = [one.start for one in self._places.values() if one.kind is Kind.HEADER]
        until = min((one for one in headers if one > start), default=len(self.text) + 1)
        pairs = [
            one.end
            for at, one in self._places.items()
            if one.kind is Kind.PAIR and start < one.start < until and at[: len(table)] == table
        ]
        return max(pairs, default=self._places[holder].end if holder else 0)

    def _extent(self, path: Path) -> int:
        return max(one.end for one in self._within(path)) if path else len(self.text.rstrip())

    def _block(self, path: Path) -> tuple[int, int]:
        """From the comments right above a row to the end of its last line."""
        start = self.text.rfind("\n", 0, self._places[path].start) + 1
        while start:
            above = self.text.rfind("\n", 0, start - 1) + 1
            if not self.text[above:start].lstrip(" \t").startswith("#"):
                break
            start = above
        return start, self._line_end(self._extent(path))

    def _line_end(self, at: int) -> int:
        end = self.text.find("\n", at)
        end = len(self.text) if end < 0 else end
        return end - 1 if self.text[:end].endswith("\r") and end > at else end


def _row(path: Path) -> Path:
    """The row of an array that a path lies in; () for none."""
    while path and not isinstance(path[-1], int):
        path = path[:-1]
    return path


def _cut_lines(text: str, start: int, end: int) -> str:
    """Without the lines from `start` to `end`; of two blank lines that would meet, one goes, too."""
    first = text.rfind("\n", 0, start) + 1
    last = text.find("\n", end)
    before, after = text[:first], "" if last < 0 else text[last + 1 :]
    if not before or before.replace("\r", "").endswith("\n\n"):
        if not after:
            return before.removesuffix("\n").removesuffix("\r") if before else ""
        if not after.partition("\n")[0].strip():
            after = after.partition("\n")[2]
    return before + after


def _cut_element(text: str, place: Place) -> str:
    """Without an element of an array or a pair of an inline table, and one comma."""
    after = after_blank(text, place.end)
    if text.startswith(",", after):
        rest = text[place.end : after] + text[after + 1 :]
        return text[: place.start] + (rest.removeprefix(" ") if text[place.start - 1 : place.start] in (" ", "[") else rest)  # fmt: skip
    before = text[: place.start].rstrip()
    if before.endswith(","):
        return before[:-1] + text[len(before) : place.start].rstrip(" ") + text[place.end :]
    return text[: place.start] + text[place.end :]


def _inside(data: Any, path: Path) -> Any:
    for step in path:
        data = data.setdefault(step, {}) if isinstance(data, dict) else data[step]
    return data


def _pruned(value: Any) -> Any:
    """Without empty tables and lists: a row less may leave one behind, or not."""
    if isinstance(value, dict):
        inner = {name: _pruned(one) for name, one in value.items()}
        return {name: one for name, one in inner.items() if one not in ({}, [])}
    return [_pruned(one) for one in value] if isinstance(value, list) else value
