"""Clients of others that negotiate COMPRESS=DEFLATE: Mail::IMAPClient (Perl) and offlineimap3. What goes over the wire is counted, and much less than what was read."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.counting import evidence
from tests.support.localserve import LOGIN, PASSWORD, Localserve
from tools.bench.generate import message

Tool = Callable[[str, str], str]
TEXT = "Subject: packed\r\n\r\n" + "the same words again and again\r\n" * 4000

PERL = r"""
use strict; use warnings; use Mail::IMAPClient;
my ($port, $user, $password, $file) = @ARGV;
my $imap = Mail::IMAPClient->new(Server => "127.0.0.1", Port => $port, User => $user, Password => $password, Uid => 1, Timeout => 30)
  or die "no connection: $@";
die "not announced" unless $imap->has_capability("COMPRESS=DEFLATE");
$imap->compress or die "no compression: " . $imap->LastError;
$imap->create("perl") or die $imap->LastError;
local $/; open(my $in, "<:raw", $file) or die; my $text = <$in>;
my $uid = $imap->append_string("perl", $text) or die $imap->LastError;
$imap->select("perl") or die $imap->LastError;
my $back = $imap->message_string($uid) or die $imap->LastError;
die "not what was appended" unless $back eq $text;
die "search" unless join(",", $imap->search("SUBJECT", "packed")) eq $uid;
$imap->set_flag("Flagged", $uid) or die $imap->LastError;
$imap->move("INBOX", $uid) or die $imap->LastError;
$imap->expunge;
die "still there" if $imap->message_count;
$imap->logout;
print "done\n";
"""


def test_mail_imapclient(localserve: Localserve, require_tool: Tool, tmp_path: Path) -> None:
    """Append, read back octet for octet, search, flag, move: all of it compressed."""
    perl = require_tool("perl", "perl")
    known = subprocess.run(
        [perl, "-MMail::IMAPClient", "-MCompress::Zlib", "-e", "print $Mail::IMAPClient::VERSION"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if known.returncode:
        require_tool("Mail::IMAPClient of Perl", "libmail-imapclient-perl")
    file = tmp_path / "message"
    file.write_bytes(TEXT.encode())
    with evidence("Mail::IMAPClient", known.stdout, localserve.imap) as proxy:
        done = subprocess.run(
            [perl, "-e", PERL, str(proxy.port), LOGIN, PASSWORD, str(file)],
            capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
    counts = proxy.counts
    assert counts.sent < len(TEXT) / 4
    assert counts.received < len(TEXT) / 4


SETTINGS = """
[general]
accounts = here
metadata = {folder}/state
ui = basic
fsync = False

[Account here]
localrepository = local
remoterepository = remote

[Repository local]
type = Maildir
localfolders = {folder}/mail

[Repository remote]
type = IMAP
remotehost = 127.0.0.1
remoteport = {port}
remoteuser = {login}
remotepass = {password}
ssl = no
starttls = no
usecompression = yes
folderfilter = lambda name: name == "offline"
"""


def test_offlineimap(localserve: Localserve, require_tool: Tool, tmp_path: Path) -> None:
    """Down into a Maildir, a change on each side, and both again."""
    program = require_tool("offlineimap", "offlineimap3")
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    (tmp_path / "mail").mkdir()
    settings = tmp_path / "settings"

    def synchronise(port: int) -> str:
        settings.write_text(
            SETTINGS.format(folder=tmp_path, port=port, login=LOGIN, password=PASSWORD)
        )
        done = subprocess.run(
            [program, "-o", "-c", str(settings)], capture_output=True, text=True, timeout=60, check=False
        )  # fmt: skip
        assert done.returncode == 0, (done.stdout, done.stderr)
        return done.stdout + done.stderr

    import imaplib

    other = imaplib.IMAP4("127.0.0.1", localserve.imap)
    other.login(LOGIN, PASSWORD)
    other.create("offline")
    for number in range(20):
        # As mail is: imaplib2, which it uses, stalls where a kilobyte becomes more than 32 (it waits for the socket while zlib
        # holds its last octets back), and no server can help that.
        octets = message(number, 20_000)
        assert other.append("offline", None, None, octets)[0] == "OK"  # type: ignore[arg-type]
    version = re.search(r"[0-9.]+", said)
    with evidence("offlineimap3", version.group() if version else said, localserve.imap) as proxy:
        synchronise(proxy.port)
        folder = tmp_path / "mail" / "offline"
        files = sorted((folder / "new").iterdir()) + sorted((folder / "cur").iterdir())
        assert len(files) == 20
        assert sum(file.stat().st_size for file in files) > 1.5 * proxy.counts.received
        # Read here, deleted there.
        one = files[0]
        one.rename(folder / "cur" / (one.name.partition(":")[0] + ":2,S"))
        other.select("offline")
        other.store("20", "+FLAGS", r"(\Deleted)")
        other.expunge()
        synchronise(proxy.port)
    left = [file for part in ("new", "cur") for file in (folder / part).iterdir()]
    assert len([file for file in left if not file.name.endswith("T")]) == 19
    other.select("offline")
    assert len(other.search(None, "SEEN")[1][0].split()) == 1
    other.logout()


@pytest.fixture(autouse=True)
def _own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What a client finds in the home of whoever runs the tests plays no part."""
    monkeypatch.setenv("HOME", str(tmp_path))
