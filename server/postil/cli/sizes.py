"""Sizes and limits as options of commands take them."""

from __future__ import annotations

import re

import click

from postil.accounts import limits

_DIGITS = len(str(limits.QUOTA))
_SIZE = re.compile(r"([0-9]+)\s*(k|m|g|t)?i?b?", re.IGNORECASE)
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}


class Size(click.ParamType[int]):
    """`500M`, `2GiB` or a number of octets."""

    name = "size"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        match = _SIZE.fullmatch(str(value).strip())
        if match is None:
            self.fail(f"{value!r} is no size: write 500M, 2G or a number of octets", param, ctx)
        # Digits are counted first: Python refuses to read some thousands of them.
        unit = _UNITS[(match[2] or "").lower()]
        if len(match[1]) > _DIGITS or (number := int(match[1]) * unit) > limits.QUOTA:
            self.fail(f"{str(value)[:40]} is too large: at most {limits.QUOTA}", param, ctx)
        return number


class Limit(click.ParamType[int]):
    """A number, or `none`; `size` reads 500M and 2G as well."""

    def __init__(self, *, size: bool = False) -> None:
        self.name = "size" if size else "number"
        self._size = size

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """-1 stands for none."""
        text = str(value).strip()
        if text.lower() == "none":
            return -1
        if self._size:
            return Size().convert(text, param, ctx)
        if not (text.isascii() and text.isdecimal()):
            self.fail(f"{value!r} is no number: write one, or none", param, ctx)
        return Size().convert(text, param, ctx)
