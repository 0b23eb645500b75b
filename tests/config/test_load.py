"""The configuration: what is right is read whole, what is wrong is named with file, line and field."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postil.config import EXAMPLE, EXAMPLE_DOMAINS, Config, ConfigError, decode, load, parse
from postil.config.model import DEFAULT_LISTENERS

GOOD = 'hostname = "mail.example.org"\ndata = "d"\n[[domain]]\nname = "example.org"\n'


def read(text: str) -> Config:
    return parse(text, "postil.toml", Path("/srv"))


def test_the_example_is_the_default(tmp_path: Path) -> None:
    """The example that people copy reads back and says what the defaults say."""
    file = tmp_path / "postil.toml"
    file.write_text(EXAMPLE)
    (tmp_path / "domains.toml").write_text(EXAMPLE_DOMAINS)
    config = load(file)
    assert config.local_domains() == {"example.org"}
    assert config.listener == DEFAULT_LISTENERS
    assert config.limits == read(GOOD).limits
    assert config.data == str(tmp_path / "data")


@pytest.mark.rfc("5464", "3.2.1.1", "The value MUST be a URI (e.g., a mailto: or tel: URL).")
@pytest.mark.rfc("5464", "6.2.2", "The value MUST be a URI (e.g., a mailto: or tel: URL).")
def test_what_imap_says_of_the_server() -> None:
    """The administrator's address is a URI, entries of vendors have their place; both become METADATA entries."""
    good = read(
        GOOD + '[metadata]\nadmin = "mailto:a@example.org"\ncomment = "hello"\n'
        '[metadata.vendor]\n"/shared/vendor/x/Colour" = "blue"\n'
    )
    assert good.metadata.entries() == {
        "/shared/admin": b"mailto:a@example.org",
        "/shared/comment": b"hello",
        "/shared/vendor/x/colour": b"blue",
    }
    for wrong in ("a@example.org", "mailto:", "mailto:a b"):
        with pytest.raises(ConfigError, match=r"metadata\.admin.*URI"):
            read(f'{GOOD}[metadata]\nadmin = "{wrong}"\n')
    for wrong in ("/private/vendor/x/y", "/shared/vendor/x", "/shared/other", "/shared/vendor//y"):
        with pytest.raises(ConfigError, match="/shared/vendor/NAME"):
            read(f'{GOOD}[metadata.vendor]\n"{wrong}" = "x"\n')


def test_every_field_is_in_the_examples() -> None:
    """No field exists, in any table, that the commented examples do not show."""
    both = EXAMPLE + EXAMPLE_DOMAINS

    def shown(table: type[msgspec.Struct]) -> None:
        for name, kind in decode.hints(table).items():
            below = decode.row_of(kind) or decode.optional(kind)
            if decode.is_table(below):
                assert re.search(rf"^(# ?)?\[+([a-z_]+\.)*{name}\]", both, re.MULTILINE), name
                shown(below)
            else:
                pattern = rf"^(# ?)?({name} = |\[[a-z]+\.{name}\])"
                assert re.search(pattern, both, re.MULTILINE), name

    shown(Config)


def test_domains_become_a_labels() -> None:
    """A domain in letters of any script is compared as DNS does."""
    config = read(GOOD.replace('"example.org"', '"BÜCHER.example"'))
    assert config.local_domains() == {"xn--bcher-kva.example"}


@pytest.mark.parametrize(
    ("text", "line", "field", "words"),
    [
        ("hostname = \n", 1, "", "Invalid value"),
        ('hostname = "a.example"\n', 1, "", "missing required field `data`"),
        (GOOD + "colour = 1\n", 5, "domain[0].colour", "unknown field"),
        ("colour = 1\n" + GOOD, 1, "colour", "unknown field"),
        (GOOD + '[[listener]]\nprotocol = "imap"\nport = "143"\n', 7, "listener[0].port", "number"),
        (GOOD + '[[listener]]\nprotocol = "imap"\nport = 70000\n', 7, "listener[0].port", "70000"),
        (GOOD + '[[listener]]\nprotocol = "pop3"\nport = 1\n', 6, "listener[0].protocol", "pop3"),
        (
            GOOD + '[[listener]]\nprotocol = "imap"\nport = 1\nips = ["here"]\n',
            8,
            "listener[0].ips[0]",
            "'here' is no IP address",
        ),
        (
            GOOD + '[[listener]]\nprotocol="imap"\nport=1\n[[listener]]\nprotocol="smtp"\nport=1\n',
            10,
            "listener[1].port",
            "imap-1's",
        ),
        (GOOD + '[[domain]]\nname = "EXAMPLE.org"\n', 6, "domain[1].name", "listed twice"),
        (GOOD.replace('"example.org"', '"exa mple"'), 4, "domain[0].name", "not a domain name"),
        (GOOD + "[limits]\nrecipients = 50\n", 6, "limits.recipients", "at least 100"),
        (GOOD + "[limits]\nmessage_size = 0\n", 6, "limits.message_size", "above zero"),
        (GOOD + '[tls]\nkey = "k.pem"\n', 5, "tls", "belong together"),
        (
            GOOD + '[[tls.chain]]\ncertificate = "c.pem"\nkey = ""\n',
            5,
            "tls.chain[0]",
            "give both",
        ),
        (GOOD + '[tls]\nnames = ["a b"]\n', 6, "tls.names[0]", "not a domain name"),
        (
            GOOD + '[[listener]]\nprotocol = "smtp"\nport = 25\nsni = "strict"\n',
            8,
            "listener[0].sni",
            "for every name",
        ),
        (
            GOOD + '[[listener]]\nprotocol = "imap"\nport = 993\nalso = ["imap"]\n',
            8,
            "listener[0].also",
            "implicit TLS",
        ),
        (
            GOOD + '[[listener]]\nprotocol = "imap"\nport = 993\nproxies = ["10.0.0.0/33"]\n',
            8,
            "listener[0].proxies[0]",
            "no IP address or network",
        ),
        (
            GOOD + '[[listener]]\nprotocol = "http"\nport = 1\ntls = "starttls"\n',
            8,
            "listener[0].tls",
            "no STARTTLS",
        ),
        ('hostname = "a.example"\ndata = "d"\ndomain = []\n', 3, "domain", "at least one domain"),
    ],
)
def test_wrong_is_named(text: str, line: int, field: str, words: str) -> None:
    """The error names the file, the line and the field, and says what is wrong with it."""
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert (caught.value.line, caught.value.field) == (line, field), str(caught.value)
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"postil.toml:{line}: ")


@pytest.mark.rfc(
    "5321",
    "4.5.3.1.8",
    "The minimum total number of recipients that MUST be buffered is 100 recipients",
)
def test_addresses_as_names_of_certificates() -> None:
    """Of both families, written as a connection to them shows them, which is what they are compared with."""
    pairs = 'certificate = "c"\nkey = "k"\nnames = '
    config = read(
        GOOD + '[tls]\nnames = ["2001:0DB8:0::1", "192.0.2.1", "Mail.Example.org."]\n'
        f'[[tls.chain]]\n{pairs}["::ffff:192.0.2.2", "0::1"]\n'
    )
    assert config.tls.names == ("2001:db8::1", "192.0.2.1", "mail.example.org")
    assert config.tls.chain[0].names == ("192.0.2.2", "::1")
    with pytest.raises(ConfigError, match="has a zone"):
        read(GOOD + '[tls]\nnames = ["fe80::1%eth0"]\n')


def test_never_less_than_100_recipients() -> None:
    """Nobody can configure a server that takes fewer than 100."""
    assert read(GOOD + "[limits]\nrecipients = 100\n").limits.recipients == 100
    with pytest.raises(ConfigError, match="at least 100"):
        read(GOOD + "[limits]\nrecipients = 99\n")


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    """A missing file and one that is not UTF-8 are errors that name it."""
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read"):
        load(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b"a = 1\n# \xe9\n")
    with pytest.raises(ConfigError, match=r"latin\.toml:2: is not UTF-8"):
        load(tmp_path / "latin.toml")


@given(st.text(alphabet="[]=.\"'# \nabc1", max_size=60))
def test_any_text_is_a_configuration_or_an_error(text: str) -> None:
    """Nothing a person can type makes anything but a configuration or a ConfigError."""
    try:
        read(text)
    except ConfigError as error:
        assert error.line >= 1


def test_a_byte_order_mark_is_named(tmp_path: Path) -> None:
    """TOML has none, and some editors write one: the error says what to do, in either file."""
    (tmp_path / "postil.toml").write_text(
        'hostname = "a.example"\n[[domain]]\nname = "a.example"\n'
    )
    for name in ("domains.toml", "postil.toml"):
        (tmp_path / name).write_bytes(codecs.BOM_UTF8 + b"# x\n")
        with pytest.raises(ConfigError, match=rf"{name}:1: begins with a byte order mark: save"):
            load(tmp_path / "postil.toml")
