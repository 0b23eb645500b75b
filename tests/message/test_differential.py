"""Beside the stdlib's email package, on a generated corpus."""

from __future__ import annotations

import email
import email.policy
import email.utils
from email.message import EmailMessage, Message

import pytest
from tests.message.corpus import Corpus

from postil.message import content, words
from postil.message.addresses import mailboxes, parse_addresses
from postil.message.dates import parse_date
from postil.message.fields import Field, iter_fields
from postil.message.params import find_param
from postil.message.parse import parse
from postil.message.part import Part
from postil.message.transfer import decoded

CORPUS = list(Corpus(seed=5322).messages(150))


def test_the_corpus_is_about_23_kb_a_message() -> None:
    """The mark of the benchmark is about such messages."""
    sizes = [len(message) for message in Corpus(seed=1).messages(300)]
    assert 20_000 < sum(sizes) / len(sizes) < 27_000


def _same_tree(data: bytes, ours: Part, theirs: Message) -> int:
    assert f"{ours.type}/{ours.subtype}" == theirs.get_content_type()
    assert [(name.decode(), value.decode()) for name, value in ours.params] == theirs.get_params(
        []
    )[1:]
    assert ours.encoding == theirs.get("content-transfer-encoding", "7bit")
    assert [field.name.decode() for field in _fields(data, ours)] == [
        name.lower()
        for name in theirs.keys()  # noqa: SIM118
    ]
    if ours.message is not None:
        payload = theirs.get_payload()
        assert isinstance(payload, list)
        (inner,) = payload
        assert isinstance(inner, Message)
        return 1 + _same_tree(data, ours.message, inner)
    if ours.children:
        inside = theirs.get_payload()
        assert isinstance(inside, list)
        assert len(ours.children) == len(inside)
        return 1 + sum(map(_same_tree, [data] * len(inside), ours.children, inside))
    octets = theirs.get_payload(decode=True)
    assert isinstance(octets, bytes)
    assert b"".join(decoded(data, ours)) == octets
    name = theirs.get_filename()
    assert content.file_name(ours) == (name or "")
    return 1


def _fields(data: bytes, part: Part) -> list[Field]:
    return list(iter_fields(data[part.header_start : part.body_start]))


@pytest.mark.parametrize("number", range(len(CORPUS)))
def test_the_same_tree_as_the_stdlib(number: int) -> None:
    """Types, parameters, field names, decoded bodies and file names agree, part by part."""
    data = CORPUS[number]
    count = _same_tree(data, parse(data), email.message_from_bytes(data))
    assert count >= 1


@pytest.mark.parametrize("number", range(0, len(CORPUS), 3))
def test_the_same_fields_as_the_stdlib(number: int) -> None:
    """Subject, addresses and date agree with policy.default."""
    data = CORPUS[number]
    ours = parse(data)
    theirs = email.message_from_bytes(data, policy=email.policy.default)
    assert isinstance(theirs, EmailMessage)
    assert words.decode(ours.fields[b"subject"]) == theirs["subject"]
    for name in ("from", "to", "cc"):
        if theirs[name] is None:
            assert name.encode() not in ours.fields
            continue
        found = mailboxes(parse_addresses(ours.fields[name.encode()]))
        assert [(a.display, a.spec) for a in found] == [
            (a.display_name, a.addr_spec) for a in theirs[name].addresses
        ]
    date = parse_date(ours.fields[b"date"])
    assert date is not None
    assert date.epoch == theirs["date"].datetime.timestamp()


def test_header_parameters_agree_on_rfc2231() -> None:
    """Continuations and charsets decode as the stdlib decodes them."""
    data = (
        b"Content-Type: a/b; name*0*=iso-8859-1''Gr%FC; name*1*=%DFe; name*2=.txt\r\n"
        b"Content-Disposition: attachment; filename*=utf-8''%E6%BC%A2.txt\r\n\r\n"
    )
    root, theirs = parse(data), email.message_from_bytes(data)
    name = theirs.get_param("name")
    assert isinstance(name, tuple)
    assert find_param(root.params, b"name") == email.utils.collapse_rfc2231_value(name).encode()
    assert content.file_name(root) == theirs.get_filename() == "漢.txt"
