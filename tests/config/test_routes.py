"""Transports and routes in the second file: what is taken, and each mistake with its line and field."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from postil.config import Config, ConfigError, read
from postil.config.doubts import check_secrets, doubts
from postil.config.routes import FIELDS, Transport
from postil.config.secrets import Secret

TOP = 'hostname = "mail.example.org"\ndata = "d"\n[[domain]]\nname = "example.org"\n'
RELAY = '[[transport]]\nname = "relay"\nkind = "submission"\nhost = "smtp.example"\n'
ROUTE = '[[route]]\nname = "r"\ntransport = "direct"\n'


def load(folder: Path, text: str) -> Config:
    (folder / "postil.toml").write_text(TOP)
    (folder / "domains.toml").write_text(text)
    return read(folder / "postil.toml").config


def transport(folder: Path, text: str) -> Transport:
    return load(folder, "[[transport]]\nname = 'x'\n" + text).transport[0]


def test_what_is_filled_in(tmp_path: Path) -> None:
    """Ports and TLS by kind; names as A-labels; files beside the file they stand in."""
    for text, expected in (
        ("kind='smtp'\nhost='h'", ("h", 25, "starttls")),
        ("kind='smtp'\nhost='h'\ntls='none'", ("h", 25, "none")),
        ("kind='smtp'\nhost='h'\ntls='implicit'", ("h", 465, "implicit")),
        ("kind='submission'\nhost='BÜCHER.example'", ("xn--bcher-kva.example", 465, "implicit")),
        ("kind='submission'\nhost='h'\ntls='starttls'", ("h", 587, "starttls")),
        ("kind='submission'\nhost='::1'\nport=2525\ntls='none'", ("::1", 2525, "none")),
        ("kind='lmtp'\nhost='h'", ("h", 24, "")),
        ("kind='direct'", ("", 0, "")),
        ("kind='fail'", ("", 0, "")),
    ):
        one = transport(tmp_path, text)
        assert (one.host, one.port, one.tls) == expected, text
    one = transport(tmp_path, "kind='lmtp'\nsocket='run/lmtp'")
    assert (one.socket, one.port) == (str(tmp_path / "run/lmtp"), 0)
    one = transport(tmp_path, "kind='smtp'\nhost='h'\nuser='u'\npassword={file='pw'}")
    assert one.password == Secret(file=str(tmp_path / "pw"))
    routes = load(
        tmp_path, ROUTE + "to_domain=['.BÜCHER.example','A.example']\nfrom_domain=['<>']"
    ).route
    assert routes[0].to_domain == (".xn--bcher-kva.example", "a.example")
    assert routes[0].from_domain == ("<>",)


@pytest.mark.parametrize(
    ("text", "line", "field", "words"),
    [
        (RELAY + "colour = 1", 5, "transport[0].colour", "unknown field"),
        ("[[transport]]\nname='x'\nkind='smpt'", 3, "transport[0].kind", "did you mean `smtp`"),
        ("[[transport]]\nname='x'", 1, "transport[0]", "missing required field `kind`"),
        (RELAY.replace('"relay"', '"re lay"'), 2, "transport[0].name", "is no name"),
        (RELAY + RELAY.replace("relay", "Relay"), 6, "transport[1].name", "is there twice"),
        (RELAY.replace('"relay"', '"direct"'), 3, "transport[0].kind", "must be of kind direct"),
        (RELAY + "code = 451", 5, "transport[0].code", "has no such field; it has from_ips"),
        ("[[transport]]\nname='x'\nkind='fail'\nhost='h'", 4, "transport[0].host", "no such field"),
        ("[[transport]]\nname='x'\nkind='direct'\nuser='u'", 4, "transport[0].user", "no such"),
        ("[[transport]]\nname='x'\nkind='smtp'", 1, "transport[0]", "needs a `host`"),
        ("[[transport]]\nname='x'\nkind='lmtp'", 1, "transport[0]", "one of the two"),
        (
            "[[transport]]\nname='x'\nkind='lmtp'\nhost='h'\nsocket='s'",
            1,
            "transport[0]",
            "one of the two",
        ),
        (
            "[[transport]]\nname='x'\nkind='lmtp'\nport=24\nsocket='s'",
            4,
            "transport[0].port",
            "a socket has no port",
        ),
        (
            "[[transport]]\nname='x'\nkind='lmtp'\nhost='h'\nport=25",
            5,
            "transport[0].port",
            "not be used on port 25",
        ),
        (RELAY + "port = 65536", 5, "transport[0].port", "is no port"),
        (RELAY + "port = -1", 5, "transport[0].port", "is no port"),
        (RELAY.replace("smtp.example", "-.example"), 4, "transport[0].host", "not a domain name"),
        (RELAY + "user = 'u'", 1, "transport[0]", "belong together"),
        (RELAY + "password = 'p'", 1, "transport[0]", "belong together"),
        (
            RELAY + "user='u'\npassword='p'\ntls='none'",
            7,
            "transport[0].tls",
            "never sent in clear",
        ),
        (
            RELAY + "user='u'\npassword='p'\nverify=false",
            7,
            "transport[0].verify",
            "certificate was verified",
        ),
        (RELAY + "password = { pw = 'x' }", 5, "transport[0].password", 'file = "NAME"'),
        (RELAY + "ip = '5'", 5, "transport[0].ip", "none of any, 4, 6"),
        (RELAY + "from_ips = ['x']", 5, "transport[0].from_ips[0]", "is no IP address"),
        (
            RELAY + "from_ips = ['::1','::2']",
            5,
            "transport[0].from_ips[1]",
            "a second address of IPv6",
        ),
        (
            RELAY + "ip='4'\nfrom_ips = ['::1']",
            6,
            "transport[0].from_ips[0]",
            "only IPv4 used",
        ),
        (RELAY + "socks = 'proxy'", 5, "transport[0].socks", "no IP address"),
        (
            RELAY + "socks='127.0.0.1'\nfrom_ips=['::1']",
            6,
            "transport[0].from_ips",
            "the proxy decides",
        ),
        (RELAY + "helo = 'a b'", 5, "transport[0].helo", "not a domain name"),
        ("[[transport]]\nname='x'\nkind='fail'\ncode=250", 4, "transport[0].code", "400 to 599"),
        (
            "[[transport]]\nname='x'\nkind='fail'\nstatus='4.7.1'",
            4,
            "transport[0].status",
            "different classes",
        ),
        (
            "[[transport]]\nname='x'\nkind='fail'\nstatus='5.07.1'",
            4,
            "transport[0].status",
            "no enhanced status code",
        ),
        (
            "[[transport]]\nname='x'\nkind='fail'\ntext='a\\r\\nb'".replace("'a", '"a').replace(
                "b'", 'b"'
            ),
            4,
            "transport[0].text",
            "on one line",
        ),
        (ROUTE.replace("direct", "rely") + RELAY, 3, "route[0].transport", "did you mean `relay`"),
        (ROUTE.replace('"r"', '""'), 2, "route[0].name", "is no name"),
        (ROUTE + ROUTE.replace('"r"', '"R"'), 5, "route[1].name", "is there twice"),
        (ROUTE + "minimum_attempts = 101", 4, "route[0].minimum_attempts", "from 0 to 100"),
        (ROUTE + "to_domain = ['*.example']", 4, "route[0].to_domain[0]", "write example.org"),
        (ROUTE + "to_domain = ['a@b.example']", 4, "route[0].to_domain[0]", "write example.org"),
        (ROUTE + "to_domain = ['<>']", 4, "route[0].to_domain[0]", "not a domain name"),
        (ROUTE + "from_account = [' ']", 4, "route[0].from_account[0]", "names no account"),
        ("[[route]]\nname='r'", 1, "route[0]", "missing required field `transport`"),
        ("route = 1", 1, "route", "expected an array of tables"),
    ],
)
def test_mistakes(tmp_path: Path, text: str, line: int, field: str, words: str) -> None:
    """File, line and field, and what to write instead."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    (one,) = caught.value.problems
    assert (Path(one.file).name, one.line, one.field) == ("domains.toml", line, field)
    assert words in one.what


def test_in_the_wrong_file(tmp_path: Path) -> None:
    """The machine's file waits for restarts and is not changed by commands: these do not belong there."""
    (tmp_path / "postil.toml").write_text(TOP + RELAY + ROUTE)
    with pytest.raises(ConfigError) as caught:
        read(tmp_path / "postil.toml")
    said = [(one.line, one.field) for one in caught.value.problems]
    assert said == [(5, "transport[0]"), (9, "route[0]")]
    assert re.search(r"belongs into .*domains\.toml", caught.value.what)


def test_a_login_on_this_machine(tmp_path: Path) -> None:
    """Nobody stands between: a password may go in clear to a program here."""
    for host in ("127.0.0.1", "::1", "localhost"):
        text = f"kind='smtp'\nhost='{host}'\ntls='none'\nuser='u'\npassword='p'"
        assert transport(tmp_path, text).user == "u"


def test_what_is_doubtful(tmp_path: Path) -> None:
    """A route that gets nothing, TLS with whoever answers, a password that cannot be read: named, and the server starts all the same."""
    load(
        tmp_path,
        RELAY + "user = 'u'\npassword = { file = 'gone' }\n"
        "[[transport]]\nname = 'lax'\nkind = 'smtp'\nhost = 'h'\nverify = false\n"
        "[[route]]\nname = 'all'\ntransport = 'relay'\n"
        "[[route]]\nname = 'never'\nto_domain = ['a.example']\ntransport = 'lax'\n",
    )
    loaded = read(tmp_path / "postil.toml")
    said = {(one.line, one.field): one.what for one in doubts(loaded) if "domains.toml" in one.file}
    assert "all before it takes" in said.pop((15, "route[1]"))
    assert "stands between" in said.pop((11, "transport[1].verify"))
    assert "gone cannot be read" in said.pop((6, "transport[0].password"))
    assert said == {}
    check_secrets(loaded)


def test_fields_of_kinds() -> None:
    """Each field but name and kind belongs to a kind, and no kind has one that is not there."""
    every = {field for fields in FIELDS.values() for field in fields}
    assert every | {"name", "kind"} == set(Transport.__struct_fields__)
