"""Many accounts from a file: all of them, or none and every error with line and field."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postil.accounts import AccountsDatabase, Administration, bulk, limits
from postil.accounts.bulk import BadFile, Problem
from postil.accounts.passwords import hash_password

HASH = hash_password("from elsewhere")


async def right(directory: AccountsDatabase, name: str, password: str) -> bool:
    found = await directory.authenticate(name, password, protocol="imap", peer="")
    return found is not None


async def test_all_columns(people: Administration, directory: AccountsDatabase) -> None:
    """Names with quotes and lines, passwords clear and hashed, limits with units, several addresses."""
    text = (
        "\ufeffaddresses,name,quota,display_name,password,password_hash,quota_messages,quota_mailboxes\r\n"
        'info@example.org sales@other.example,ann@example.org,5G,"Ann, of ""Sales""", blanks count ,,100,7\r\n'
        "\r\n"
        f",bob@example.org,,,,\"{HASH}\",,\r\n"
        ",carol,1024,Zoë,,,,\r\n"
    )  # fmt: skip
    counted: list[int] = []
    planned = bulk.read(text.removeprefix("\ufeff"))
    assert await people.bulk.add(planned, hashed=counted.append) == 3
    assert counted == [1, 2, 3]
    ann = await people.show("ann@example.org")
    assert ann.display_name == 'Ann, of "Sales"' and ann.quota == 5 << 30
    assert (ann.quota_messages, ann.quota_mailboxes) == (100, 7)
    assert ann.addresses == ("ann@example.org", "info@example.org", "sales@other.example")
    carol = await people.show("carol")
    assert (carol.quota, carol.display_name, carol.addresses, carol.password_set) == (
        1024, "Zoë", (), False,
    )  # fmt: skip
    assert await right(directory, "ann@example.org", " blanks count ")
    assert await right(directory, "bob@example.org", "from elsewhere")
    assert not await right(directory, "bob@example.org", "something else")


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", [(1, "")]),
        ("\n", [(1, "name")]),
        ("name,nmae\n", [(1, "nmae")]),
        ("name,name\n", [(1, "name"), (1, "name")]),
        ("password\n", [(1, "name")]),
        ("name,quota\na@example.org\n", [(2, "")]),
        ("name\na@example.org\n\n\"a\n\"\nA@EXAMPLE.org\n", [(6, "name")]),
        ("name,addresses\na,x@example.org\nb,y@example.org x@example.org\n", [(3, "addresses")]),
        ("name,password\na,short\nb,longenough\nc,x\n", [(2, "password"), (4, "password")]),
        (f"name,password,password_hash\na,longenough,{HASH.replace(',', ';')}\n", [(2, "password_hash")] * 2),
        ("name,password_hash\na,{SSHA}x\n", [(2, "password_hash")]),
        (f"name,password_hash\na,\"{HASH.replace('m=19456', 'm=9999999')}\"\n", [(2, "password_hash")]),
        ("name,quota,quota_messages\na,5X,1G\n", [(2, "quota"), (2, "quota_messages")]),
        ("name,addresses\na,x@-\n", [(2, "addresses")]),
        ('name\n"a\n', [(2, "")]),
        ("name,display_name\na,x\x1b[2J\n", [(2, "display_name")]),
        (f"name,display_name\na,{'x' * 201}\n", [(2, "display_name")]),
        ("name,quota\na,8388607T\nb,8388608T\n", [(3, "quota")]),
    ],
)  # fmt: skip
def test_errors_have_line_and_field(text: str, problems: list[tuple[int, str]]) -> None:
    """Each error says where it is, and all are told at once."""
    with pytest.raises(BadFile) as told:
        bulk.read(text)
    assert [(one.line, one.field) for one in told.value.problems] == problems


async def test_all_or_nothing(people: Administration) -> None:
    """What is there already is an error of its line; nothing of the file is added, nothing is in the log."""
    await people.add("ann@example.org", None)
    await people.aliases.add("sales@example.org", ["ann@example.org"])
    before = await people.log.read()
    planned = bulk.read(
        "name,addresses\nnew@example.org,\nAnn@example.org,\nx,sales@example.org\ny,\n"
    )
    with pytest.raises(BadFile) as told:
        await people.bulk.add(planned)
    assert told.value.problems == (
        Problem(3, "name", "an account Ann@example.org exists already"),
        Problem(3, "addresses", "Ann@example.org is taken"),
        Problem(4, "addresses", "sales@example.org is taken"),
    )
    assert "line 3, name: an account" in str(told.value)
    assert len(await people.every()) == 1 and await people.log.read() == before


async def test_only_a_look(people: Administration) -> None:
    """Checked is not added; and it finds the same errors."""
    planned = bulk.read("name\na@example.org\nb@example.org\n")
    assert await people.bulk.add(planned, dry=True) == 2
    assert list(await people.every()) == [] and await people.log.read() == []
    await people.add("b@example.org", None)
    with pytest.raises(BadFile):
        await people.bulk.add(planned, dry=True)


async def test_one_address_in_two_spellings(people: Administration) -> None:
    """The rule of the domain decides whether two lines want the same address."""
    text = "name,addresses\na,X@other.example\nb,x@other.example\n"
    with pytest.raises(BadFile) as told:
        await people.bulk.add(bulk.read(text))
    assert [(one.line, one.field) for one in told.value.problems] == [(3, "addresses")]
    await people.rules.set("other.example", case_sensitive=True)
    assert await people.bulk.add(bulk.read(text)) == 2
    assert await people.bulk.add(bulk.read("name,addresses\nc@example.org,C@example.org\n")) == 1


def test_limits_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many lines are one error; of too many errors the first are told, and how many more there are."""
    monkeypatch.setattr(limits, "IMPORT_ROWS", 2)
    with pytest.raises(BadFile, match="line 4: more than 2 accounts"):
        bulk.read("name\na\nb\nc\nd\n")
    monkeypatch.setattr(limits, "IMPORT_ROWS", 200)
    monkeypatch.setattr(limits, "IMPORT_ERRORS", 3)
    with pytest.raises(BadFile, match=r"and 47 more$") as told:
        bulk.read("name,password\n" + "".join(f"u{n},x\n" for n in range(50)))
    assert str(told.value).count("\n") == 4


def test_secrets_are_not_shown() -> None:
    """A plan that lands in a log shows neither passwords nor hashes."""
    planned = bulk.read(f'name,password,password_hash\na,longenough,\nb,,"{HASH}"\n')
    assert "longenough" not in repr(planned) and "argon2id" not in repr(planned)


@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    """Whatever the file holds, it is read or refused with lines that exist."""
    for whole in (text, "name,password,addresses\n" + text):
        try:
            for one in bulk.read(whole):
                assert one.name
        except BadFile as error:
            assert error.problems
            assert all(1 <= one.line <= len(whole.splitlines()) + 1 for one in error.problems)
