"""The self-signed pair: kept, private, and made anew when it must be."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from postil.base.clock import FixedClock
from postil.net.certificates import BadCertificate, self_signed, server_context

NAMES = ["localhost", "127.0.0.1", "::1"]
DAY = 86400


def test_kept_between_starts(tmp_path: Path) -> None:
    """The same pair is found again; key and certificate are readable by the owner only."""
    clock = FixedClock()
    certificate, key = self_signed(tmp_path, NAMES, clock)
    first = certificate.read_bytes(), key.read_bytes()
    assert self_signed(tmp_path, NAMES, clock) == (certificate, key)
    assert (certificate.read_bytes(), key.read_bytes()) == first
    assert {stat.S_IMODE(path.stat().st_mode) for path in (certificate, key)} == {0o600}
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([certificate.name, key.name])


def test_renewed_before_it_expires(tmp_path: Path) -> None:
    """A month before its end, and after it, another is made."""
    clock = FixedClock()
    certificate, _ = self_signed(tmp_path, NAMES, clock)
    first = certificate.read_bytes()
    clock.advance(300 * DAY)
    self_signed(tmp_path, NAMES, clock)
    assert certificate.read_bytes() == first
    clock.advance(70 * DAY)
    self_signed(tmp_path, NAMES, clock)
    assert certificate.read_bytes() != first


@pytest.mark.parametrize("damage", ["certificate", "key", "swap", "names"])
def test_made_anew_when_unusable(tmp_path: Path, damage: str) -> None:
    """A damaged file, a key that does not fit, or a missing name: a new pair, and it works."""
    clock = FixedClock(wall=1_790_000_000)
    certificate, key = self_signed(tmp_path, ["localhost"] if damage == "names" else NAMES, clock)
    before = certificate.read_bytes()
    if damage == "certificate":
        certificate.write_bytes(b"no certificate")
    elif damage == "key":
        key.write_bytes(b"")
    elif damage == "swap":
        other = tmp_path / "other"
        other.mkdir()
        key.write_bytes(self_signed(other, NAMES, clock)[1].read_bytes())
    self_signed(tmp_path, NAMES, clock)
    assert certificate.read_bytes() != before
    server_context(certificate, key)


def test_files_that_make_no_certificate(tmp_path: Path) -> None:
    """The error names the files."""
    (tmp_path / "c.pem").write_text("nothing")
    with pytest.raises(BadCertificate, match=r"c\.pem"):
        server_context(tmp_path / "c.pem", tmp_path / "missing.pem")
