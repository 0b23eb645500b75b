"""Searching text through the port."""

from __future__ import annotations

from postil.ports.store import SearchField, TextSearch

from .bench import Bench, uids

TEXT, BODY, HEADER = SearchField.TEXT, SearchField.BODY, SearchField.HEADER


async def test_search(bench: Bench) -> None:
    """Header, body and fields, decoded and folded; among the positions asked for; dead ones too."""
    inbox = await bench.id()
    await bench.put(inbox, octets=b"Subject: =?utf-8?q?Gr=C3=B6=C3=9Fe?=\r\n\r\nplain words\r\n")
    await bench.put(
        inbox,
        octets=b"Subject: x\r\nTo: W@example.org\r\nContent-Transfer-Encoding: base64\r\n\r\nUGxhaW4gd29yZHM=\r\n",
    )
    await bench.put(inbox, octets=b"Subject:\r\n\r\nnothing\r\n")
    view = await bench.view(inbox)

    async def search(
        where: SearchField, needle: str, field: str = "", among: object = None
    ) -> list[int]:
        positions = range(3) if among is None else among
        found = await bench.port.search(view, positions, TextSearch(where, needle, field))  # type: ignore[arg-type]
        return list(found)

    assert await search(TEXT, "PLAIN word") == [0, 1]
    assert await search(BODY, "PLAIN word", among=[2, 1]) == [1]
    assert await search(TEXT, "GRO\u0308ß") == [0]
    assert await search(BODY, "größe") == []
    assert await search(HEADER, "größe", "subject") == [0]
    assert await search(HEADER, "", "subject") == [0, 1, 2]
    assert await search(HEADER, "", "to") == [1]
    assert await search(HEADER, "example", "to") == [1]
    assert await search(HEADER, "example", "from") == []
    assert await search(TEXT, "", among=[0, 2]) == [0, 2]
    assert await search(TEXT, "w") == [0, 1]
    assert await search(TEXT, "word", among=[]) == []
    await bench.port.expunge(inbox, uids(1), marked_only=False)
    assert await search(TEXT, "words") == [0, 1]
    view.advance()
    assert await search(TEXT, "words", among=range(2)) == [0]


async def test_search_follows_copies(bench: Bench) -> None:
    """A copy is found in its mailbox, after its source is gone and in another account too."""
    inbox, archive = await bench.id(), await bench.id("Archive")
    await bench.put(inbox, times=2)
    await bench.port.copy(inbox, uids(1), archive)
    await bench.port.expunge(inbox, uids(1, 2), marked_only=False)
    view = await bench.view(archive)
    assert list(await bench.port.search(view, [0], TextSearch(TEXT, "BODY TEXT"))) == [0]
