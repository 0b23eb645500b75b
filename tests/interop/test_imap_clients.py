"""Real IMAP clients against the running server: curl, imaplib, IMAPClient, mbsync. None of them is ours."""

from __future__ import annotations

import imaplib
import platform
import re
import ssl
import subprocess
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
from imapclient import IMAPClient, imap_utf7
from tests.support.counting import CountingProxy, evidence
from tests.support.localserve import Localserve
from tools.bench.generate import message
from tools.bench.imapload import Client

USER = "postil@localhost"
PASSWORD = "postilpostil"

Tool = Callable[[str, str], str]


def run(command: list[str], **more: object) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(command, capture_output=True, timeout=100, check=False, **more)  # type: ignore[call-overload]
    assert done.returncode == 0, (command, done.stdout[-2000:], done.stderr[-2000:])
    return done  # type: ignore[no-any-return]


def login(proxy: CountingProxy) -> imaplib.IMAP4:
    client = imaplib.IMAP4("127.0.0.1", proxy.port, timeout=60)
    client.login(USER, PASSWORD)
    return client


def test_curl(localserve: Localserve, require_tool: Tool, tmp_path: Path) -> None:
    """curl appends a message, lists, searches, fetches it back octet for octet, whole and in part, and deletes it."""
    curl = require_tool("curl", "curl")
    octets = message(7, 20_000)
    file = tmp_path / "message.eml"
    file.write_bytes(octets)
    said = run([curl, "--version"]).stdout.decode().split("\n")[0]
    with evidence("curl", said, localserve.imap) as proxy:
        url = f"imap://127.0.0.1:{proxy.port}"
        base = [curl, "-sS", "-u", f"{USER}:{PASSWORD}"]
        run([*base, url, "-X", "CREATE curl"])
        run([*base, f"{url}/curl", "-T", str(file)])
        assert b"curl" in run([*base, url]).stdout
        assert run([*base, f"{url}/curl;MAILINDEX=1"]).stdout == octets
        assert (
            run([*base, f"{url}/curl;UID=1;SECTION=TEXT"]).stdout
            == octets.partition(b"\r\n\r\n")[2]
        )
        assert run([*base, f"{url}/curl?SUBJECT%20{_word(octets)}"]).stdout.split() == [
            b"*",
            b"SEARCH",
            b"1",
        ]
        run([*base, f"{url}/curl", "-X", "STORE 1 +FLAGS (\\Deleted)"])
        assert b"1 EXPUNGE" in run([*base, "-v", f"{url}/curl", "-X", "EXPUNGE"]).stderr
    with evidence("curl imaps", said, localserve.imaps, encrypted=True) as proxy:
        url = f"imaps://localhost:{proxy.port}"
        trust = ["--cacert", str(localserve.certificate)]
        resolve = ["--resolve", f"localhost:{proxy.port}:127.0.0.1"]
        listed = run([*base, *trust, *resolve, url]).stdout
        assert b"INBOX" in listed


def _word(octets: bytes) -> str:
    found = re.search(rb"\r\nSubject: (\w+)", octets)
    assert found is not None
    return found[1].decode()


def test_imaplib(localserve: Localserve) -> None:
    """Python's imaplib: append, select, search, fetch, store, copy, expunge, and STARTTLS with a verified certificate."""
    messages = [message(number, 3000) for number in range(20)]
    with evidence("imaplib", platform.python_version(), localserve.imap) as proxy:
        client = login(proxy)
        assert client.create("imaplib")[0] == "OK"
        for octets in messages:
            assert client.append("imaplib", r"(\Flagged)", None, octets)[0] == "OK"
        assert client.select("imaplib") == ("OK", [b"20"])
        for number, octets in enumerate(messages, 1):
            _, data = client.fetch(str(number), "(BODY.PEEK[])")
            assert isinstance(data[0], tuple) and data[0][1] == octets
        assert client.search(None, "FROM", "rare.example")[1] == [b"1"]
        assert client.uid("SEARCH", "UNFLAGGED")[1] == [b""]
        client.store("2:5", "+FLAGS", r"(\Deleted)")
        assert client.copy("1:3", "INBOX")[0] == "OK"
        answer, gone = client.expunge()
        # any order is right as long as each number is that of its moment (RFC 9051 §7.5.1)
        left = list(range(1, 21))
        for number in gone:
            left.pop(int(number) - 1)
        assert (answer, left) == ("OK", [1, *range(6, 21)])
        assert client.select("imaplib") == ("OK", [b"16"])
        client.close()
        client.delete("imaplib")
        client.logout()
    context = ssl.create_default_context(cafile=str(localserve.certificate))
    with evidence("imaplib STARTTLS", platform.python_version(), localserve.imap) as proxy:
        client = imaplib.IMAP4("localhost", proxy.port, timeout=60)
        assert client.starttls(context)[0] == "OK"
        assert client.login(USER, PASSWORD)[0] == "OK"
        assert client.noop()[0] == "OK"
        client.logout()


def test_imapclient(localserve: Localserve) -> None:
    """IMAPClient: folders in every script, special use, idle seeing another session's append, move, uid expunge."""
    with evidence("IMAPClient", version("IMAPClient"), localserve.imap) as proxy:
        client = IMAPClient("127.0.0.1", proxy.port, ssl=False, timeout=60)
        client.login(USER, PASSWORD)
        name = "Entwürfe & 書類/été"
        client.create_folder(name)
        assert name in [folder for _, _, folder in client.list_folders()]
        client.select_folder(name)
        other = login(proxy)
        client.idle()
        wire = b'"' + imap_utf7.encode(name) + b'"'
        assert other.append(wire.decode("ascii"), None, None, message(1, 900))[0] == "OK"
        seen: list[tuple[object, ...]] = []
        while not any(event[1:] == (b"EXISTS",) for event in seen):
            news = client.idle_check(timeout=30)
            assert news, "nothing came in IDLE"
            seen.extend(news)
        client.idle_done()
        (uid,) = client.search("ALL")
        fetched = client.fetch(
            [uid], ["ENVELOPE", "BODYSTRUCTURE", "RFC822.SIZE", "FLAGS", "INTERNALDATE"]
        )
        assert fetched[uid][b"RFC822.SIZE"] == len(message(1, 900))
        assert fetched[uid][b"ENVELOPE"].message_id in message(1, 900)
        client.add_flags([uid], [b"$Forwarded", rb"\Seen"])
        assert set(client.get_flags([uid])[uid]) >= {b"$Forwarded", rb"\Seen"}
        client.move([uid], "Trash")
        assert client.search("ALL") == []
        client.unselect_folder()
        client.rename_folder(name, "Entwürfe & 書類/hiver")
        client.delete_folder("Entwürfe & 書類/hiver")
        other.logout()
        client.logout()


MBSYNCRC = """\
IMAPStore far
Host 127.0.0.1
Port {port}
User {user}
Pass {password}
{tls} None
AuthMechs LOGIN

MaildirStore near
Path {folder}/
Inbox {folder}/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns sync
Create Both
Expunge Both
Sync All
SyncState *
"""


def test_mbsync(localserve: Localserve, require_tool: Tool, tmp_path: Path) -> None:
    """mbsync: 1,000 messages down octet for octet, then a change on each side, and both sides are equal again."""
    mbsync = require_tool("mbsync", "isync")
    said = run([mbsync, "--version"]).stdout.decode().split("\n")[0]
    count = 1000
    with evidence("mbsync", said, localserve.imap) as proxy:
        setup = login(proxy)
        setup.create("sync")
        # Filled by pipelining: imaplib's two small writes a message would wait for Nagle 1,000 times.
        filler = Client(localserve.imap).login(USER, PASSWORD)
        filler.fill("sync", (message(number, 700) for number in range(count)))
        filler.close()
        folder = tmp_path / "mail"
        folder.mkdir()
        (tmp_path / "mbsyncrc").write_text(
            MBSYNCRC.format(
                port=proxy.port, user=USER, password=PASSWORD, folder=folder, tls="SSLType"
            )
        )
        sync = [mbsync, "-c", str(tmp_path / "mbsyncrc"), "all"]
        run(sync)
        near = sorted((folder / "sync" / "new").iterdir()) + sorted(
            (folder / "sync" / "cur").iterdir()
        )
        assert len(near) == count
        ours = {_bare(file.read_bytes()) for file in near}
        assert ours == {_bare(message(number, 700)) for number in range(count)}
        # one change here: a message seen and one gone; one there: a flag, an expunge and an arrival
        chosen = {number: _find(near, message(number, 700)) for number in (3, 4)}
        seen = folder / "sync" / "cur" / (chosen[3].name.partition(":")[0] + ":2,S")
        chosen[3].rename(seen)
        chosen[4].unlink()
        setup.select("sync")
        setup.store("10", "+FLAGS", r"(\Flagged)")
        setup.store("20", "+FLAGS", r"(\Deleted)")
        setup.expunge()
        setup.append("sync", None, None, message(count, 700))
        run(sync)
        setup.noop()
        assert setup.search(None, "SEEN")[1] == [b"4"]
        assert setup.search(None, "ALL")[1][0].split()[-1] == b"%d" % (count - 1)
        files = [*(folder / "sync" / "cur").iterdir(), *(folder / "sync" / "new").iterdir()]
        assert len(files) == count - 1
        expected = {
            _bare(message(number, 700)) for number in range(count + 1) if number not in (4, 19)
        }
        assert {_bare(file.read_bytes()) for file in files} == expected
        flagged = [file for file in files if "F" in file.name.partition(":2,")[2]]
        assert [_bare(file.read_bytes()) for file in flagged] == [_bare(message(9, 700))]
        _, data = setup.fetch(f"1:{count - 1}", "(BODY.PEEK[])")
        theirs = {_bare(part[1]) for part in data if isinstance(part, tuple)}
        assert theirs == expected
        setup.logout()


def _bare(octets: bytes) -> bytes:
    """The message as Maildir keeps it: LF ends, without the marker field mbsync adds."""
    return re.sub(rb"X-TUID: .*\n", b"", octets.replace(b"\r\n", b"\n"))


def _find(files: list[Path], octets: bytes) -> Path:
    return next(file for file in files if _bare(file.read_bytes()) == _bare(octets))


@pytest.mark.parametrize("size", [0, 1, 100_000])
def test_what_is_appended_is_given_back(localserve: Localserve, size: int) -> None:
    """Octets that are no message at all come back as they were; nothing at all is refused with NO."""
    octets = bytes(range(1, 128)) * (size // 127) + b"x" * (size % 127)
    octets = octets.replace(b"\r", b"").replace(b"\n", b"\r\n")
    client = imaplib.IMAP4("127.0.0.1", localserve.imap, timeout=60)
    client.login(USER, PASSWORD)
    name = f"octets{size}"
    client.create(name)
    answer, _ = client.append(name, None, None, octets)
    if not size:
        assert answer == "NO"
    else:
        client.select(name)
        _, data = client.fetch("1", "(BODY.PEEK[])")
        assert isinstance(data[0], tuple) and data[0][1] == octets
    client.logout()
