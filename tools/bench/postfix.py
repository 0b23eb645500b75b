"""Postfix in front of Dovecot's LMTP: how most mail is received today. Both on one core, as we are.

Postfix's queue and Dovecot's mailbox are on disk before each says so; nothing is filtered, no DNS is asked, mail for
anybody else is refused. A message counts when it is in the mailbox, which for us is the 250.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tools.bench import generate, meter, peers
from tools.ports import free_port

MAIN = """\
compatibility_level = 3.6
queue_directory = {dir}/queue
data_directory = {dir}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {dir}/maillog
maillog_file_prefixes = /
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = postfix.bench.example
mydestination =
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
virtual_mailbox_domains = {domain}
virtual_transport = lmtp:inet:127.0.0.1:{lmtp}
default_transport = error:nothing leaves this machine
disable_dns_lookups = yes
smtp_dns_support_level = disabled
smtpd_peername_lookup = no
alias_maps =
local_recipient_maps =
smtpd_client_connection_count_limit = 0
"""

# service, kind, private, wakeup, processes, program; nothing is chrooted
SERVICES = (
    ("127.0.0.1:{port}", "inet", "n", "-", "-", "smtpd"),
    ("cleanup", "unix", "n", "-", "0", "cleanup"),
    ("qmgr", "unix", "n", "300", "1", "qmgr"),
    ("rewrite", "unix", "-", "-", "-", "trivial-rewrite"),
    ("proxymap", "unix", "-", "-", "-", "proxymap"),
    ("lmtp", "unix", "-", "-", "-", "lmtp"),
    ("postlog", "unix-dgram", "n", "-", "1", "postlogd"),
    *(
        (name, "unix", "-", "-", "0", "bounce")
        for name in ("bounce", "defer", "trace")
    ),
    *((name, "unix", "-", "-", "-", "error") for name in ("error", "retry")),
    *((name, "unix", "-", "-", "1", name) for name in ("anvil", "scache", "verify")),
)  # fmt: skip


def _master(port: int) -> str:
    rows = (
        f"{service.format(port=port)} {kind} {private} - n {wakeup} {processes} {program}\n"
        for service, kind, private, wakeup, processes, program in SERVICES
    )
    return "".join(rows)


@contextlib.contextmanager
def postfix(folder: Path, mail_format: str = "maildir") -> Iterator[peers.Server]:
    """Both of them; the process to measure is the parent of both. MissingPeer when one is not installed."""
    program = shutil.which("postfix", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if program is None or os.geteuid() != 0:
        raise peers.MissingPeer("needs Postfix and root: apt-get install postfix dovecot-lmtpd")
    lmtp, port = free_port(), free_port()
    for part in ("etc", "queue", "data"):
        (folder / part).mkdir(parents=True)
    shutil.chown(folder / "data", "postfix")
    text = MAIN.format(dir=folder, domain=generate.DOMAIN, lmtp=lmtp)
    (folder / "etc" / "main.cf").write_text(text)
    (folder / "etc" / "master.cf").write_text(_master(port))
    with peers.dovecot(folder / "dovecot", mail_format, lmtp=lmtp) as box:
        log = (folder / "start.log").open("wb")
        process = subprocess.Popen(
            [program, "-c", str(folder / "etc"), "start-fg"],
            preexec_fn=lambda: os.sched_setaffinity(0, {meter.SERVER_CPU}),
            stdout=log,
            stderr=log,
        )
        try:
            peers.wait_port(port, 60)
            about = f"Postfix with its queue, and LMTP into {box.about}"
            yield peers.Server(
                f"postfix+{box.name}",
                process.pid,
                box.imap,
                port,
                about,
                folder,
                more=(box.pid,),
                configuration=f"{text}{box.configuration}",
            )
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
            log.close()
