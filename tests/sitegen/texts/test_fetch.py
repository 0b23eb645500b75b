"""Fetching texts from a folder and from a server that cuts short, hangs up, or gives something else (rule 14)."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from postil_site.texts import lock as locks
from postil_site.texts.fetch import LOCK, Report, fetch

from .sample import SAMPLE

TEXT = SAMPLE.encode()
OTHER = SAMPLE.replace("A lamp is on or off.", "A lamp is on or gone.").encode()
ERRATA = [{"errata_id": "7", "doc-id": "RFC99999", "errata_status_code": "Verified"}]
INDEX = b"RFC INDEX\n\n0001 Host Software. S. Crocker. April 1969. (Status: UNKNOWN)\n"


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """A folder of texts with errata and index beside it, as ../shared/rfc is laid out."""
    folder = tmp_path / "mirror" / "txt"
    folder.mkdir(parents=True)
    (folder / "rfc99999.txt").write_bytes(TEXT)
    (tmp_path / "mirror" / "errata").mkdir()
    (tmp_path / "mirror" / "errata" / "rfc99999.json").write_text(json.dumps(ERRATA))
    (tmp_path / "mirror" / "rfc-index.txt").write_bytes(INDEX)
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty project."""
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def test_a_folder_with_errata_and_index_beside_it(mirror: Path, project: Path) -> None:
    """Text, errata and index come from the mirror and from beside it, octet for octet."""
    report = fetch(project, [99999], mirror=str(mirror))
    assert (report.fetched, report.missing, report.exit_code(True)) == ([99999], [], 0)
    assert (project / "rfc/txt/rfc99999.txt").read_bytes() == TEXT
    assert json.loads((project / "rfc/errata/rfc99999.json").read_text()) == ERRATA
    assert (project / "rfc/rfc-index.txt").read_bytes() == INDEX


def test_what_is_there_is_kept(mirror: Path, project: Path) -> None:
    """A second fetch asks for nothing that is there: a stopped one goes on where it was."""
    fetch(project, [99999], mirror=str(mirror))
    (mirror / "rfc99999.txt").unlink()
    report = fetch(project, [99999], mirror=str(mirror))
    assert (report.kept, report.fetched, report.missing) == ([99999], [], [])


def test_missing_is_counted_and_only_required_is_an_error(mirror: Path, project: Path) -> None:
    """A text that the mirror lacks is missing: exit 0, and 1 with --require."""
    report = fetch(project, [99998, 99999], mirror=str(mirror))
    assert report.missing == [99998]
    assert (report.exit_code(False), report.exit_code(True)) == (0, 1)
    assert "1 missing (99998)" in report.lines()[-1]


def test_a_changed_text_is_refused_and_named(mirror: Path, project: Path) -> None:
    """A text that differs from the lock never gets in; the file and the section are named."""
    assert fetch(project, [99999], mirror=str(mirror), lock=True).locked == 1
    (mirror / "rfc99999.txt").write_bytes(OTHER)
    (project / "rfc/txt/rfc99999.txt").unlink()
    report = fetch(project, [99999], mirror=str(mirror))
    assert report.refused == [("rfc99999.txt", "differs from rfc/lock.tsv: changed in §1")]
    assert report.exit_code(False) == 1 and not (project / "rfc/txt/rfc99999.txt").exists()


def test_a_text_changed_on_disk_is_fetched_again(mirror: Path, project: Path) -> None:
    """What is there but not what the lock says is replaced by what is."""
    fetch(project, [99999], mirror=str(mirror), lock=True)
    (project / "rfc/txt/rfc99999.txt").write_bytes(TEXT[:900])
    assert fetch(project, [99999], mirror=str(mirror)).fetched == [99999]
    assert (project / "rfc/txt/rfc99999.txt").read_bytes() == TEXT


def test_a_text_changed_on_disk_that_nobody_has_is_an_error(mirror: Path, project: Path) -> None:
    """Without a better copy the changed one is named, and left alone."""
    fetch(project, [99999], mirror=str(mirror), lock=True)
    (project / "rfc/txt/rfc99999.txt").write_bytes(OTHER)
    (mirror / "rfc99999.txt").unlink()
    report = fetch(project, [99999], mirror=str(mirror))
    assert [name for name, _ in report.refused] == ["rfc99999.txt"]
    assert (project / "rfc/txt/rfc99999.txt").read_bytes() == OTHER


def test_lock_rows_are_added_never_changed(mirror: Path, project: Path) -> None:
    """--lock adds rows; a row that is there stays, or a changed text would lock itself."""
    fetch(project, [99999], mirror=str(mirror), lock=True)
    before = (project / LOCK).read_text()
    assert fetch(project, [99999], mirror=str(mirror), lock=True).locked == 0
    assert (project / LOCK).read_text() == before
    row = locks.read(project / LOCK)[99999]
    assert list(row.sections) == ["1", "1.1", "2", "2.1", "A"]


def test_a_broken_lock_names_its_line(mirror: Path, project: Path) -> None:
    """A lock file that cannot be understood stops the fetch: it may not pass unchecked."""
    (project / "rfc").mkdir()
    (project / LOCK).write_text("# head\nnonsense\n")
    with pytest.raises(locks.BadLock, match=r"lock\.tsv:2"):
        fetch(project, [99999], mirror=str(mirror))


Answer = Callable[[BaseHTTPRequestHandler], None]


class _Server:
    """A mirror behind HTTP on this machine; what it answers is set by path."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                answer = outer.answers.get(self.path)
                if answer is None:
                    self.send_error(404)
                else:
                    answer(self)

            def log_message(self, format: str, *args: object) -> None:
                """Nothing: the test says what happened."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/rfc/"


@pytest.fixture
def server() -> Iterator[_Server]:
    """The server, running."""
    one = _Server()
    thread = threading.Thread(target=one.server.serve_forever, args=(0.01,))
    thread.start()
    yield one
    one.server.shutdown()
    thread.join()
    one.server.server_close()


def _whole(octets: bytes) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(octets)))
        handler.end_headers()
        handler.wfile.write(octets)

    return answer


def _cut(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(TEXT)))
    handler.end_headers()
    handler.wfile.write(TEXT[:500])
    handler.close_connection = True


def _cut_without_length(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(TEXT[:900])
    handler.close_connection = True


def _hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


def _get(project: Path, server: _Server, *rfcs: int, lock: bool = False) -> Report:
    return fetch(project, rfcs or [99999], mirror=server.url, lock=lock)


def test_from_an_address(server: _Server, project: Path) -> None:
    """Texts come over HTTP; the one errata.json beside them is split, and says of the others that they have none."""
    server.answers = {
        "/rfc/rfc99999.txt": _whole(TEXT),
        "/rfc/rfc99998.txt": _whole(TEXT),
        "/errata.json": _whole(json.dumps(ERRATA).encode()),
        "/rfc-index.txt": _whole(INDEX),
    }
    report = _get(project, server, 99998, 99999)
    assert (report.fetched, report.errata) == ([99998, 99999], 1)
    assert json.loads((project / "rfc/errata/rfc99998.json").read_text()) == []
    assert (project / "rfc/rfc-index.txt").read_bytes() == INDEX
    asked = len(server.asked)
    _get(project, server, 99998, 99999)
    assert len(server.asked) == asked


def test_a_download_cut_short_is_refused(server: _Server, project: Path) -> None:
    """Fewer octets than announced are no file."""
    server.answers = {"/rfc/rfc99999.txt": _cut}
    report = _get(project, server)
    assert report.refused == [
        ("rfc99999.txt", f"was cut short: 500 of {len(TEXT)} octets came"),
    ]
    assert report.exit_code(False) == 1 and not list((project / "rfc").rglob("*.txt"))


def test_the_lock_sees_what_the_length_did_not(
    mirror: Path, server: _Server, project: Path
) -> None:
    """A download cut short without a length to compare agrees with no lock."""
    fetch(project, [99999], mirror=str(mirror), lock=True)
    (project / "rfc/txt/rfc99999.txt").unlink()
    server.answers = {"/rfc/rfc99999.txt": _cut_without_length}
    report = _get(project, server)
    assert [name for name, _ in report.refused] == ["rfc99999.txt"]
    assert "lock.tsv" in report.refused[0][1] and report.exit_code(False) == 1


def test_html_instead_of_text_is_refused(server: _Server, project: Path) -> None:
    """A page that says "log in first" is no RFC."""
    server.answers = {"/rfc/rfc99999.txt": _whole(b"<!DOCTYPE html><title>Log in</title>")}
    report = _get(project, server)
    assert report.refused == [("rfc99999.txt", "is HTML, XML or PDF, not the plain text")]


def test_three_failed_connections_and_it_is_offline(server: _Server, project: Path) -> None:
    """A server that hangs up is asked three times or as often as connections were under way; then nothing is an error."""
    numbers = range(99900, 99960)
    server.answers = {f"/rfc/rfc{rfc}.txt": _hang_up for rfc in numbers}
    report = _get(project, server, *numbers)
    assert report.offline and len(report.missing) == 60 and len(server.asked) < 10
    assert report.exit_code(False) == 0 and "does not answer" in report.lines()[0]


def test_nobody_listens(project: Path) -> None:
    """Offline is normal: exit 0, all counted as missing."""
    report = fetch(project, range(99900, 99910), mirror="http://127.0.0.1:9/rfc/")
    assert report.offline and report.exit_code(False) == 0 and len(report.missing) == 10


def test_bad_errata_are_refused_by_name(server: _Server, project: Path) -> None:
    """Errata that are no list are named, and the texts stay."""
    server.answers = {"/rfc/rfc99999.txt": _whole(TEXT), "/errata.json": _whole(b"{oops")}
    report = _get(project, server)
    assert report.fetched == [99999] and [name for name, _ in report.refused] == ["errata.json"]
