"""The log: one line per event, logfmt for people or JSON for machines, with the connection's id and levels per package.

Everything goes through the stdlib's loggers under `postil.`, so that `--log-level imap=debug` means the logger
`postil.imap` and all below it, and messages of libraries come out in the same form.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from typing import Final, Literal, TextIO

import structlog

LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}

Form = Literal["logfmt", "json"]


class BadLevel(ValueError):
    """A level that is none; the text says how to write one."""


def parse_levels(texts: tuple[str, ...], others: str = "info") -> dict[str, int]:
    """`("info", "imap=debug")` as levels per package; "" is for the packages that none of them names."""
    levels = {"": LEVELS[others]}
    for text in texts:
        for one in text.split(","):
            package, equals, level = one.rpartition("=")
            number = LEVELS.get(level.strip().lower())
            if number is None or (equals and not package.strip()):
                raise BadLevel(
                    f"{one!r} is no log level: write {', '.join(LEVELS)}, or PACKAGE=LEVEL such as imap=debug"
                )
            levels[package.strip()] = number
    return levels


def _printable(
    logger: object, method: str, facts: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """What a peer chose must not draw on a terminal or begin a line; line ends are the renderers' own business."""
    for name, value in facts.items():
        if isinstance(value, str) and not value.isprintable():
            facts[name] = "".join(
                c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in value
            )
    return facts


def configure(
    levels: Mapping[str, int] = {"": logging.INFO}, form: Form = "logfmt", out: TextIO | None = None
) -> None:
    """Set up logging for this process; may be called again."""
    before: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *before,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    last: structlog.typing.Processor
    if form == "json":
        last = structlog.processors.JSONRenderer()
    else:
        last = structlog.processors.LogfmtRenderer(
            key_order=["timestamp", "level", "logger", "event", "cid"], bool_as_flag=False
        )
    handler = logging.StreamHandler(out or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _printable,
                last,
            ],
        )
    )
    top = logging.getLogger()
    for old in list(top.handlers):
        if isinstance(old.formatter, structlog.stdlib.ProcessorFormatter):
            top.removeHandler(old)
    top.addHandler(handler)
    top.setLevel(logging.WARNING)
    logging.getLogger("postil").setLevel(levels.get("", logging.INFO))
    for name in list(logging.Logger.manager.loggerDict):
        if name.startswith("postil."):
            logging.getLogger(name).setLevel(logging.NOTSET)
    for package, level in levels.items():
        if package:
            logging.getLogger(f"postil.{package}").setLevel(level)
