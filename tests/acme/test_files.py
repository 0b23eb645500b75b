"""The folder on disk: whole or not at all, private, never overwritten unread; a crash at any step leaves a pair that fits."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from postil.acme.files import (
    Ask,
    Busy,
    CertificateFolder,
    Corrupt,
    Kept,
    KeptAccount,
    ProviderFolder,
)
from postil.acme.problem import AcmeError

KEPT = Kept(names=["a.example"], key="key-1.pem", next_key="key-2.pem")


def test_round_trip(tmp_path: Path) -> None:
    """What is kept is read back; folders and files are ours alone."""
    folder = ProviderFolder(tmp_path / "acme", "ca")
    assert folder.account() is None
    account = KeptAccount(
        directory="https://ca", key="pem", url="https://ca/1", contact=["mailto:a@b"]
    )
    folder.keep_account(account)
    assert folder.account() == account
    one = folder.certificate("a.example")
    assert one.state() is None and one.stamp() == (0, 0)
    one.keep(KEPT, {"key-1.pem": b"1", "key-2.pem": b"2"})
    assert one.state() == KEPT and one.octets("key-2.pem") == b"2" and one.octets("") is None
    for path in (tmp_path / "acme").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_what_goes(tmp_path: Path) -> None:
    """Files that only the state before named go; a file that nobody named stays."""
    one = CertificateFolder(tmp_path / "x")
    one.keep(KEPT, dict.fromkeys(("key-1.pem", "key-2.pem", "key-0.pem"), b""))
    after = Kept(names=["a.example"], key="key-2.pem", next_key="key-3.pem")
    before = one.stamp()
    one.keep(after, {"key-3.pem": b""}, before=KEPT)
    assert {path.name for path in one.path.iterdir()} == {
        "state.json",
        "key-0.pem",
        "key-2.pem",
        "key-3.pem",
    }
    assert one.stamp() != before


@pytest.mark.parametrize(
    "octets", [b"", b"{", b"[]", b"{}", b"\xff", b'{"names": 1}', b"[" * 100_000]
)
def test_corrupt(octets: bytes, tmp_path: Path) -> None:
    """The file is named, and put aside under a name that is free."""
    one = CertificateFolder(tmp_path)
    state = tmp_path / "state.json"
    (tmp_path / "state.json.broken-1").write_text("an older one")
    state.write_bytes(octets)
    with pytest.raises(Corrupt, match="state\\.json cannot be used"):
        one.state()
    assert state.read_bytes() == octets, "reading changes nothing"
    assert one.put_state_aside() == tmp_path / "state.json.broken-2"
    assert not state.exists() and one.state() is None
    assert (tmp_path / "state.json.broken-1").read_text() == "an older one"


def test_no_way_out(tmp_path: Path) -> None:
    """A state cannot name a file elsewhere, which would be read, or deleted."""
    one = CertificateFolder(tmp_path)
    one.keep(Kept(names=[], key="../../etc/passwd", next_key="x"))
    with pytest.raises(Corrupt, match="no name of a file"):
        one.state()


def test_power_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupted at each rename of a renewal: the state always names files that are there, of one certificate."""
    after = Kept(names=["a.example"], key="key-2.pem", next_key="key-3.pem", chain="chain-2.pem")
    rename = Path.replace
    for at in range(4):
        one = CertificateFolder(tmp_path / str(at))
        one.keep(KEPT, {"key-1.pem": b"1", "key-2.pem": b"2"})
        count = 0

        def dying(self: Path, target: Path, at: int = at) -> Path:
            nonlocal count
            count += 1
            if count > at:
                raise KeyboardInterrupt
            return rename(self, target)

        with monkeypatch.context() as patched:
            patched.setattr(Path, "replace", dying)
            try:
                one.keep(after, {"chain-2.pem": b"c", "key-3.pem": b"3"}, before=KEPT)
            except KeyboardInterrupt:
                assert at < 3
        found = one.state()
        assert found == (after if at == 3 else KEPT)
        assert all(one.octets(name) is not None for name in (found.key, found.next_key))
        assert not [path for path in one.path.iterdir() if path.name.startswith(".")]


def test_lock_between_processes(tmp_path: Path) -> None:
    """Another process that orders is named; when it dies, however it dies, the way is free."""
    code = (
        "import sys; from pathlib import Path; from postil.acme.files import ProviderFolder\n"
        f"with ProviderFolder(Path({str(tmp_path)!r}), 'ca').locked():\n"
        "    print('in', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None and process.stdin is not None
    with process:
        assert process.stdout.readline() == b"in\n"
        folder = ProviderFolder(tmp_path, "ca")
        with (
            pytest.raises(Busy, match=f"process {process.pid} is at work with ca"),
            folder.locked(),
        ):
            pass
        process.kill()
        process.wait()
        with folder.locked():
            pass


def test_ask(tmp_path: Path) -> None:
    """A wish is taken away by who takes it; a broken one too, and it is named."""
    one = CertificateFolder(tmp_path / "x")
    assert one.asked() is None
    one.ask(Ask(id="7", new_key=True))
    assert one.asked() == Ask(id="7", new_key=True) and one.asked() is None
    (one.path / "ask.json").write_text("?")
    with pytest.raises(Corrupt, match=r"ask\.json"):
        one.asked()
    assert one.asked() is None


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    """The same for root: something that cannot be read is told, and stays."""
    one = CertificateFolder(tmp_path)
    (tmp_path / "state.json").mkdir()
    with pytest.raises(AcmeError, match="cannot be read: Is a directory"):
        one.state()
