"""The servers we are measured against, from Debian's packages and PyPI, on loopback ports under a folder of their own.

Dovecot speaks IMAP without TLS, any user with one password in plain text, mail in Maildir or sdbox, fsync as it is by default
(`mail_fsync = optimized`). Postfix in front of its LMTP is in `postfix`. aiosmtpd is the Python peer for reception: a handler writes each message to a file of its own, fsyncs it and the folder.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.bench import meter
from tools.ports import free_port

USER = "bench"
PASSWORD = "benchbench"


class MissingPeer(Exception):
    """The peer is not installed; the text says how to get it."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    name: str
    pid: int
    imap: int = 0
    smtp: int = 0
    about: str = ""
    folder: Path = Path()
    imaps: int = 0
    more: tuple[int, ...] = ()  # processes that belong to it beside `pid` and its children
    configuration: str = ""

    @property
    def pids(self) -> tuple[int, ...]:
        return (self.pid, *self.more)


def wait_port(port: int, seconds: float = 20) -> None:
    """Until somebody answers there."""
    end = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


DOVECOT = """\
base_dir = {dir}/run
state_dir = {dir}/run
instance_name = postil-bench
protocols = {protocols}
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
log_path = {dir}/dovecot.log
auth_mechanisms = plain
first_valid_uid = 1
default_login_user = dovenull
default_internal_user = dovecot
auth_username_format = %Ln
mail_location = {format}:~/{format}
mail_fsync = {fsync}
mail_max_userip_connections = 2000
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={dir}/mail/%n allow_all_users=yes
}}
namespace inbox {{
  inbox = yes
}}
service imap-login {{
  inet_listener imap {{
    address = 127.0.0.1
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
"""

# Settings that stand later win: everything runs as one user, and nothing needs chroot.
UNPRIVILEGED = """\
default_login_user = {name}
default_internal_user = {name}
default_internal_group = {group}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
}}
"""
NOBODY = 65534


LMTP = """\
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {port}
  }}
}}
"""


def fill_maildir(server: Server, mailbox: str, messages: Sequence[bytes], count: int) -> None:
    """Messages put beside a running Dovecot as files: appending 100,000 takes a quarter of an hour.

    Named as Dovecot names them, with both sizes, and with its line ends.
    """
    folder = server.folder / "mail" / USER / "maildir" / f".{mailbox}" / "cur"
    unix = [(message.replace(b"\r\n", b"\n"), len(message)) for message in messages]
    for number in range(count):
        octets, size = unix[number % len(unix)]
        file = folder / f"{1_700_000_000 + number}.M{number}.bench,S={len(octets)},W={size}:2,"
        file.write_bytes(octets)
        os.chown(file, 5000, 5000)


@contextlib.contextmanager
def dovecot(
    folder: Path,
    mail_format: str = "maildir",
    lmtp: int = 0,
    fsync: str = "optimized",
    more: str = "",
    unprivileged: bool = False,
    password: str = PASSWORD,
) -> Iterator[Server]:
    """A Dovecot of our own; as it comes it needs root, for its users. MissingPeer when it cannot be.

    `more` is added to its configuration. `unprivileged`: as whoever we are, or as nobody when that is root. `password` is everybody's, with
    a {SCHEME} or without.
    Its mail stays in the folder, for the next one started on it.
    """
    program = shutil.which("dovecot", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if program is None or (os.geteuid() != 0 and not unprivileged):
        raise MissingPeer("needs Dovecot and root: apt-get install dovecot-imapd")
    shutil.rmtree(folder / "run", ignore_errors=True)
    (folder / "run").mkdir(parents=True)
    (folder / "mail").mkdir(exist_ok=True)
    root = os.geteuid() == 0
    uid, gid = os.geteuid(), os.getegid()
    if root:
        uid = gid = NOBODY if unprivileged else 5000
        os.chown(folder / "mail", uid, gid)
    if root and unprivileged:
        os.chown(folder, uid, gid)
        os.chown(folder / "run", uid, gid)
    port = free_port()
    text = DOVECOT.format(
        dir=folder,
        port=port,
        format=mail_format,
        fsync=fsync,
        password=password,
        protocols="imap lmtp" if lmtp else "imap",
        uid=uid,
        gid=gid,
    )
    if unprivileged:
        user, group = pwd.getpwuid(uid).pw_name, grp.getgrgid(gid).gr_name
        text += UNPRIVILEGED.format(name=user, group=group)
    text += more
    if lmtp:
        text += LMTP.format(port=lmtp)
    (folder / "dovecot.conf").write_text(text)
    drop: dict[str, Any] = (
        {"user": uid, "group": gid, "extra_groups": []} if root and unprivileged else {}
    )
    process = subprocess.Popen(
        [program, "-F", "-c", str(folder / "dovecot.conf")],
        preexec_fn=lambda: os.sched_setaffinity(0, {meter.SERVER_CPU}),
        **drop,
    )
    try:
        wait_port(port)
        version = subprocess.check_output([program, "--version"], text=True).strip()
        about = f"Dovecot {version}, {mail_format}, mail_fsync={fsync}, no TLS"
        name = f"dovecot {mail_format}"
        yield Server(name, process.pid, port, about=about, folder=folder, configuration=text)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@contextlib.contextmanager
def aiosmtpd(folder: Path) -> Iterator[Server]:
    """aiosmtpd with one fsynced file a message."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.bench.peers", "--port", str(port), "--folder", str(folder)],
        preexec_fn=lambda: os.sched_setaffinity(0, {meter.SERVER_CPU}),
    )
    try:
        wait_port(port)
        from importlib.metadata import version

        about = (
            f"aiosmtpd {version('aiosmtpd')} on uvloop, a file a message, fsync of file and folder"
        )
        yield Server("aiosmtpd", process.pid, smtp=port, about=about, folder=folder)
    finally:
        process.terminate()
        process.wait(30)


class _Files:
    """aiosmtpd's handler: durable before the 250."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._directory = os.open(folder, os.O_RDONLY)
        self._count = 0

    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:
        self._count += 1
        content = getattr(envelope, "content", b"")
        file = os.open(
            self._folder / f"{self._count}.eml", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600
        )
        os.write(file, content)
        os.fsync(file)
        os.close(file)
        os.fsync(self._directory)
        return "250 kept"


async def _serve(port: int, folder: Path) -> None:
    from aiosmtpd.smtp import SMTP

    loop = asyncio.get_running_loop()
    handler = _Files(folder)
    server = await loop.create_server(
        lambda: SMTP(handler, hostname="bench", loop=loop), "127.0.0.1", port, backlog=1024
    )
    await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    arguments = argparse.ArgumentParser()
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--folder", type=Path, required=True)
    given = arguments.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(_serve(given.port, given.folder))
