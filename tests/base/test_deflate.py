"""DEFLATE on a connection: where it ends, in whatever pieces the octets come."""

from __future__ import annotations

import zlib

import pytest

from postil.base.deflate import Inflater

LAST = b"u UNAUTHENTICATE\r\n"
PLAIN = b"v LOGIN a b\r\nw NOOP\r\n"
ENDS = {
    "sync": (zlib.Z_SYNC_FLUSH,),
    "full": (zlib.Z_FULL_FLUSH,),
    "finish": (zlib.Z_FINISH,),
    "sync, then finish": (zlib.Z_SYNC_FLUSH, zlib.Z_FINISH),
}


def read(pieces: list[bytes]) -> tuple[bytes, bytes]:
    """As a connection does it: what was compressed up to its last line, and what is plain."""
    inflater, parting, lines, plain = Inflater(), None, b"", b""
    for piece in pieces:
        if parting is not None:
            plain += piece if parting.done else parting.feed(piece)
            continue
        lines += inflater.feed(piece)
        if LAST in lines:
            lines, _, behind = lines.partition(LAST)
            parting = inflater.part(len(behind))
            plain = parting.feed(b"")
    return lines, plain


@pytest.mark.parametrize("level", [0, 1, 6, 9])
@pytest.mark.parametrize("end", ENDS)
def test_plain_again(end: str, level: int) -> None:
    """The first octet that is plain is found wherever the packets end, and however the peer ends its stream."""
    for words in (b"", b"a NOOP\r\n", b"".join(b"%x NOOP %d\r\n" % (n * n, n) for n in range(400))):
        packer = zlib.compressobj(level, zlib.DEFLATED, -15)
        octets = packer.compress(words + LAST) + b"".join(packer.flush(how) for how in ENDS[end])
        wire = octets + PLAIN
        for at in range(max(1, len(octets) - 20), len(wire)):
            assert read([wire[:at], wire[at:]]) == (words, PLAIN), (at - len(octets), words[:10])
        assert read([wire]) == (words, PLAIN)
        assert read([bytes((octet,)) for octet in wire]) == (words, PLAIN)


def test_good_before_bad() -> None:
    """What stands before octets that make no sense is given, be it much or little."""
    for count in (1, 5000):
        words = b"".join(b"%x NOOP\r\n" % (n * n) for n in range(count))
        packer = zlib.compressobj(6, zlib.DEFLATED, -15)
        inflater = Inflater()
        got = inflater.feed(packer.compress(words) + packer.flush(zlib.Z_SYNC_FLUSH) + b"\xff" * 9)
        while inflater.more:
            got += inflater.feed(b"")
        assert (got, bool(inflater.broken)) == (words, True)
