"""The watch over the files of certificates, where they change at a bad moment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from postil.app.identities import Watch
from postil.base.clock import SystemClock
from postil.daemon.metrics import Metrics
from postil.net.certificates import self_signed
from postil.net.identities import Chain, Identities


@dataclass(frozen=True, slots=True)
class Rewritten(Chain):
    """Whatever renews it writes once more as soon as the server has read it."""

    def all_names(self) -> frozenset[str]:
        found = Chain.all_names(self)
        if "second.example" in found:
            renew(self.certificate.parent, "third.example")
        return found


def renew(folder: Path, name: str) -> None:
    """Write a pair for that name."""
    self_signed(folder, (name,), SystemClock())


def test_written_again_while_it_is_read(tmp_path: Path) -> None:
    """The next look finds it: what was seen is what lay there before the files were read."""
    renew(tmp_path, "first.example")
    chain = Rewritten(tmp_path / "tls-certificate.pem", tmp_path / "tls-key.pem")
    identities = Identities([chain])
    looks = 0

    def wanted() -> list[Chain]:
        nonlocal looks
        looks += 1
        return [chain]

    watch = Watch(identities, wanted, Metrics())
    watch.look()
    assert looks == 0
    renew(tmp_path, "second.example")
    watch.look()
    watch.look()
    assert looks == 2
    watch.look()
    assert looks == 2
