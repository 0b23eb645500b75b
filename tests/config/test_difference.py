"""Differences: by field, rows by name, and no secret in sight."""

from __future__ import annotations

from pathlib import Path

import msgspec

from postil.config import Domain, parse, reference
from postil.config.difference import between, from_defaults
from postil.config.domain import Dmarc
from postil.config.secrets import Secret

TOP = 'hostname = "mail.example.org"\ndata = "d"\n[[domain]]\nname = "a.example"\n'


def read(text: str) -> object:
    return parse(text, "postil.toml", Path("/srv"))


def test_between() -> None:
    """Fields by path, rows by name wherever they stand; a row more is one line with what is not the default."""
    one = parse(TOP, "postil.toml", Path("/srv"))
    text = TOP.replace("[[domain]]", 'tls = { certificate = "c", key = "k" }\n[[domain]]\nname = "b.example"\n[domain.dmarc]\np = "reject"\n[[domain]]')  # fmt: skip
    other = parse(text, "postil.toml", Path("/srv"))
    changes = {change.field: (change.before, change.after, change.live) for change in between(one, other)}  # fmt: skip
    assert changes == {
        "domain[b.example]": (None, {"name": "b.example", "dmarc.p": "reject", **_rest()}, True),
        "tls.certificate": ("", "/srv/c", False),
        "tls.key": ("", "/srv/k", False),
    }
    assert between(one, one) == []
    named = {change.field: change.after for change in between(other, one)}
    assert named["domain[b.example]"] is None


def _rest() -> dict[str, object]:
    """Of a table that need not be there every field is shown."""
    shown = msgspec.to_builtins(Dmarc())
    return {f"dmarc.{name}": value for name, value in shown.items() if name != "p" and value is not None}  # fmt: skip


def test_from_defaults() -> None:
    """Only what was set, and what has no default."""
    config = parse("limits.recipients = 200\n" + TOP, "postil.toml", Path("/srv"))
    fields = [change.field for change in from_defaults(config)]
    assert fields[:2] == ["hostname", "data"] and "listener" not in fields


def test_secrets_are_compared_and_not_shown() -> None:
    """Another secret is a change; neither is in it."""

    class Table(msgspec.Struct):
        name: str
        key: Secret | None = None

    changes = list(between(Table("x", Secret("canary1")), Table("x", Secret("canary2"))))  # type: ignore[arg-type]
    assert [change.field for change in changes] == ["key"]
    assert "canary" not in str(changes) and "hidden" in str(changes)
    assert between(Table("x", Secret("same")), Table("x", Secret("same"))) == []  # type: ignore[arg-type]
    assert "canary" not in str(from_defaults(Table("x", Secret("canary"))))


def test_reference_knows_what_is_live() -> None:
    """The reference and the differences agree on which fields wait for a restart."""
    live = {field.path for table in reference.tables() for field in table.fields if field.live}
    assert "domain[].dmarc.p" in live and "domains_file" in live
    assert not {"hostname", "listener[].port", "limits.recipients"} & live
    rows = {table.header for table in reference.tables()}
    assert {"[[domain.dkim.selector]]", "[domain.tlsrpt]", "[[listener]]", "[tls]", ""} <= rows
    assert Domain.__struct_fields__[0] == "name"
