"""Levels per package, and the same form for everything that is logged."""

from __future__ import annotations

import io
import json
import logging

import pytest
import structlog

from postil.app.logs import BadLevel, configure, parse_levels


@pytest.fixture(autouse=True)
def restore() -> object:
    """Other tests find logging as it was."""
    top = logging.getLogger()
    before = list(top.handlers), top.level
    yield
    top.handlers[:], level = before[0], before[1]
    top.setLevel(level)
    for name in ("postil", "postil.imap", "postil.smtp"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    structlog.reset_defaults()


def test_levels() -> None:
    """One for all, others for packages; the last word counts."""
    assert parse_levels(("warning", "imap=debug,smtp=error")) == {
        "": logging.WARNING,
        "imap": logging.DEBUG,
        "smtp": logging.ERROR,
    }


def test_levels_of_one_package() -> None:
    """Asking for more of one package leaves the others as the command has them."""
    assert parse_levels(("imap=debug",), "warning") == {
        "": logging.WARNING,
        "imap": logging.DEBUG,
    }
    assert parse_levels(("imap=debug",)) == {"": logging.INFO, "imap": logging.DEBUG}


@pytest.mark.parametrize("text", ["loud", "imap=loud", "=debug", "imap=", ""])
def test_bad_levels(text: str) -> None:
    """What is no level says how to write one."""
    with pytest.raises(BadLevel, match="imap=debug"):
        parse_levels((text,))


def test_per_package() -> None:
    """Debug of imap shows; debug of smtp does not."""
    out = io.StringIO()
    configure(parse_levels(("info", "imap=debug")), "json", out)
    structlog.contextvars.bind_contextvars(cid="c1")
    structlog.stdlib.get_logger("postil.imap").debug("shown", n=1)
    structlog.stdlib.get_logger("postil.imap.view").debug("shown-below")
    structlog.stdlib.get_logger("postil.smtp").debug("hidden")
    logging.getLogger("postil.store").warning("of the %s", "stdlib")
    structlog.contextvars.clear_contextvars()
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["shown", "shown-below", "of the stdlib"]
    assert all(line["cid"] == "c1" and line["timestamp"] for line in lines)
    assert lines[0]["n"] == 1 and lines[2]["logger"] == "postil.store"


def test_a_line_is_a_line() -> None:
    """What a peer chose (its name in EHLO, a login) cannot start a line of its own, in either form."""
    for form in ("logfmt", "json"):
        out = io.StringIO()
        configure({"": logging.INFO}, form, out)  # type: ignore[arg-type]
        structlog.stdlib.get_logger("postil.smtp").info(
            "hello", name='a b"\r\nevent=forged \x1b[2J'
        )
        assert out.getvalue().count("\n") == 1 and "\r" not in out.getvalue()
        assert "\x1b" not in out.getvalue()


def test_configured_twice() -> None:
    """The second configuration replaces the first: nothing is written twice."""
    first, second = io.StringIO(), io.StringIO()
    configure({"": logging.INFO}, "logfmt", first)
    configure({"": logging.INFO}, "logfmt", second)
    structlog.stdlib.get_logger("postil.app").info("once")
    assert first.getvalue() == "" and second.getvalue().count("event=once") == 1
