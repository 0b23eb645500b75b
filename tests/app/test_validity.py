"""Certificates that clients refuse, or soon will: who is told, when, and in which words."""

from __future__ import annotations

import asyncio
import datetime
import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog
from tests.app.test_server import ANY_PORT
from tests.support.machine import command

from postil.app.identities import Watch
from postil.app.server import serving
from postil.app.validity import doubtful
from postil.base.clock import FixedClock, SystemClock
from postil.base.tasks import Tasks
from postil.config import Config, load
from postil.config.problems import Finding
from postil.daemon.metrics import Metrics
from postil.net.certificates import LIFETIME, self_signed
from postil.net.identities import Chain, Identities

DAY = 24 * 3600.0
LIFE = LIFETIME.total_seconds()


def pair(folder: Path, left: float, *names: str) -> Path:
    """The folder of a pair that is valid for so many days more."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.pem"):
        old.unlink()
    made = SystemClock().now() + left * DAY - LIFE
    self_signed(folder, names, FixedClock(wall=made))
    return folder


def configured(folder: Path, further: str = "") -> Config:
    """A machine whose pairs lie in `first`, and `second` where that is there."""
    (folder / "postil.toml").write_text(
        'hostname = "mail.example.org"\ndata = "data"\n'
        '[tls]\ncertificate = "first/tls-certificate.pem"\nkey = "first/tls-key.pem"\n'
        + (
            '[[tls.chain]]\ncertificate = "second/tls-certificate.pem"\nkey = "second/tls-key.pem"\n'
            if (folder / "second").exists()
            else ""
        )
        + further
        + '[[domain]]\nname = "example.org"\n'
    )
    return load(folder / "postil.toml")


def said(config: Config) -> list[tuple[object, ...]]:
    """Places and words, without the file's name."""
    now = SystemClock().now()
    return [(one.path, one.what.partition(") ")[2] or one.what) for one in doubtful(config, now)]


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (-1, "ended on 20"),
        (13.9, "and nothing has renewed it"),
        (14.1, None),
        (LIFE / DAY - 1, None),
        (LIFE / DAY + 1, "is not valid before 20"),
    ],
)
def test_the_time(tmp_path: Path, left: float, words: str | None) -> None:
    """Over, about to be, or not begun; any of the certificates, each at its own place."""
    pair(tmp_path / "first", 200, "mail.example.org")
    pair(tmp_path / "second", left, "other.example")
    found = said(configured(tmp_path))
    if words is None:
        assert found == []
    else:
        ((path, what),) = found
        assert path == ("tls", "chain", 0, "certificate") and words in str(what)


def test_a_short_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate for six days is not doubted from its first hour on."""
    monkeypatch.setattr("postil.net.certificates.LIFETIME", datetime.timedelta(days=6))
    pair(tmp_path / "first", 3 + LIFE / DAY - 6, "mail.example.org")
    assert said(configured(tmp_path)) == []
    pair(tmp_path / "first", 1.9 + LIFE / DAY - 6, "mail.example.org")
    assert len(said(configured(tmp_path))) == 1


@pytest.mark.parametrize(
    ("first", "second", "further", "fine"),
    [
        (("mail.example.org",), None, "", True),
        (("*.example.org",), None, "", True),
        (("example.org", "a.b"), None, "", False),
        (("other.example",), ("mail.example.org",), "", True),
        (("other.example",), ("third.example",), "", False),
        (("other.example",), None, '[[acme]]\nname = "a"\ndirectory = "https://ca.example/d"\nagree_terms = true\n', True),
    ],
)  # fmt: skip
def test_the_name(
    tmp_path: Path, first: tuple[str, ...], second: tuple[str, ...] | None, further: str, fine: bool
) -> None:
    """One of all certificates, those by ACME too, has to hold the host's name."""
    pair(tmp_path / "first", 200, *first)
    if second:
        pair(tmp_path / "second", 200, *second)
    found = list(doubtful(configured(tmp_path, further), SystemClock().now()))
    assert [one.path for one in found] == ([] if fine else [("tls", "certificate")])
    if not fine:
        assert (
            "no certificate is for mail.example.org" in found[0].what and first[0] in found[0].what
        )


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """Who reports them is another; and without files there is nothing to say."""
    assert said(configured(tmp_path)) == []
    (tmp_path / "postil.toml").write_text(
        'hostname = "mail.example.org"\ndata = "data"\n[[domain]]\nname = "example.org"\n'
    )
    assert said(load(tmp_path / "postil.toml")) == []


def test_config_check(tmp_path: Path) -> None:
    """A warning with its line, in words and as JSON; status 0."""
    pair(tmp_path / "first", -1, "mail.example.org")
    configured(tmp_path)
    plain = command(tmp_path, "config", "check")
    assert plain.returncode == 0
    assert "postil.toml:4: tls.certificate: " in plain.stdout and "ended on 20" in plain.stdout
    warnings = json.loads(command(tmp_path, "config", "check", "--json").stdout)["warnings"]
    assert any(one["line"] == 4 and "ended on 20" in one["what"] for one in warnings)


@dataclass
class Log:
    """Lines of the watch."""

    lines: list[dict[str, object]]

    def __len__(self) -> int:
        return sum(one["event"] == "doubtful certificate" for one in self.lines)


def test_the_log_and_the_metrics(tmp_path: Path) -> None:
    """Told when the server begins, once a day, and when files change; a look each minute repeats nothing."""
    pair(tmp_path / "first", 5, "mail.example.org")
    config = configured(tmp_path)
    chain = Chain(Path(config.tls.certificate), Path(config.tls.key))
    metrics, identities = Metrics(), Identities([chain])
    now = SystemClock().now
    watch = Watch(identities, lambda: [chain], metrics, lambda: doubtful(config, now()))

    def left() -> float:
        labels = {"file": config.tls.certificate}
        ends = metrics.registry.get_sample_value("postil_tls_certificate_ends_seconds", labels)
        assert ends is not None
        return (ends - now()) / DAY

    with structlog.testing.capture_logs() as lines:
        log = Log(lines)  # type: ignore[arg-type]
        watch.tell()
        assert len(log) == 1 and 4.9 < left() < 5.1
        watch.look()
        assert len(log) == 1
        watch.look(anyway=True)
        assert len(log) == 2
        pair(tmp_path / "first", -2, "mail.example.org")
        watch.look()
        assert len(log) == 3 and -2.1 < left() < -1.9
        pair(tmp_path / "first", 100, "mail.example.org")
        watch.look()
        assert len(log) == 3 and 99 < left() < 101


async def test_a_server_says_it_at_its_start(tmp_path: Path) -> None:
    """The server's own watch looks at what its configuration names, before the first minute is over."""
    pair(tmp_path / "first", 5, "mail.example.org")
    config = configured(tmp_path)
    with structlog.testing.capture_logs() as lines:
        async with serving(config, ANY_PORT) as server:
            labels = {"file": config.tls.certificate}
            value = server.metrics.registry.get_sample_value
            async with asyncio.timeout(60):
                while value("postil_tls_certificate_ends_seconds", labels) is None:
                    await asyncio.sleep(0)
    assert len(Log(lines)) == 1  # type: ignore[arg-type]


def test_files_that_come_and_go(tmp_path: Path) -> None:
    """A certificate that is shown no longer has no figure; one whose file was taken away a moment ago is left to the next look."""
    pair(tmp_path / "first", 50, "mail.example.org")
    pair(tmp_path / "second", 60, "other.example")
    first, second = (
        Chain(tmp_path / one / "tls-certificate.pem", tmp_path / one / "tls-key.pem")
        for one in ("first", "second")
    )
    metrics, identities = Metrics(), Identities([first, second])
    watch = Watch(identities, lambda: [first], metrics)

    def files() -> set[str]:
        return {
            Path(sample.labels["file"]).parent.name
            for family in metrics.registry.collect()
            if family.name == "postil_tls_certificate_ends_seconds"
            for sample in family.samples
        }

    watch.tell()
    assert files() == {"first", "second"}
    first.certificate.unlink()
    watch.tell()
    assert files() == {"second"}
    pair(tmp_path / "first", 50, "mail.example.org")
    watch.look(anyway=True)
    assert files() == {"first"}


def test_many_names(tmp_path: Path) -> None:
    """Five of them are enough to know which certificate is meant."""
    pair(tmp_path / "first", -1, "mail.example.org", *(f"{one}.example" for one in "abcdef"))
    (found,) = doubtful(configured(tmp_path), SystemClock().now())
    assert "(a.example, b.example, c.example, d.example, e.example, …) ended" in found.what


async def test_once_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said at the start, and again with each day's look, not with those between."""
    monkeypatch.setattr("postil.app.identities.LOOK_EVERY", 0.0625)
    monkeypatch.setattr("postil.app.identities.FRESH_KEYS", 0.25)
    pair(tmp_path / "first", 5, "mail.example.org")
    chain = Chain(tmp_path / "first/tls-certificate.pem", tmp_path / "first/tls-key.pem")
    looks: list[bool] = []
    told = asyncio.Event()
    config, now = configured(tmp_path), SystemClock().now

    def doubts() -> list[Finding]:
        looks.append(True)
        if sum(looks) == 3:
            told.set()
        return list(doubtful(config, now()))

    watch = Watch(Identities([chain]), lambda: [chain], Metrics(), doubts)
    look = watch.look

    def counted(*, anyway: bool = False) -> None:
        looks.append(False)
        look(anyway=anyway)

    monkeypatch.setattr(watch, "look", counted)
    tasks = Tasks(lambda name, error: pytest.fail(str(error)))
    tasks.start("watch", watch.run())
    async with asyncio.timeout(60):
        await told.wait()
    await tasks.close()
    assert looks == [True, *[False] * 4, True, *[False] * 4, True]
