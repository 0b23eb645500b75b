"""A mailbox packed: its columns cut into chunks of 8,192 uids, each a run of octets.

The octets are the machine's own arrays one after the other; a shard does not move between machines of different byte order without `search` and snapshots
being made anew, so the format carries its order and its version in four octets and is simply not used when they differ.
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence

from postil.store.generation import Columns
from postil.store.limits import CHUNK_UIDS

_MARK = b"PS1" + (b"<" if sys.byteorder == "little" else b">")


def pack(columns: Columns, chunks: Sequence[int]) -> Mapping[int, bytes]:
    """The octets of some chunks; empty for one without messages."""
    packed = {}
    for chunk in chunks:
        start = bisect_left(columns.uids, chunk * CHUNK_UIDS)
        end = bisect_left(columns.uids, (chunk + 1) * CHUNK_UIDS)
        if start == end:
            packed[chunk] = b""
        else:
            parts = [column[start:end].tobytes() for column in columns]
            packed[chunk] = b"".join((_MARK, *parts))
    return packed


def unpack(chunks: Iterable[bytes]) -> Columns:
    """The columns of all chunks. ValueError when they were packed by another kind of machine."""
    columns = Columns.empty()
    width = sum(column.itemsize for column in columns)
    for data in chunks:
        if data[:4] != _MARK or (len(data) - 4) % width:
            raise ValueError("not a snapshot of this kind of machine")
        count = (len(data) - 4) // width
        view = memoryview(data)
        at = 4
        for column in columns:
            end = at + count * column.itemsize
            column.frombytes(view[at:end])
            at = end
    return columns
