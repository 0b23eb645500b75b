"""Both servers, started for real: ours as its user starts it, Dovecot from Debian as an unprivileged process."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.interop.differential.connection import Connection
from tests.interop.differential.steps import USUAL, Peer
from tests.support import localserve
from tools.bench import peers

from postil.accounts import Administration
from postil.app.server import DATABASE
from postil.base.clock import SystemClock

# Dovecot has these extensions as plugins; its special uses are a matter of configuration.
MORE = """
mail_attribute_dict = file:%h/attributes
mail_plugins = quota notify
protocol imap {
  mail_plugins = quota notify imap_quota imap_zlib
  imap_metadata = yes
}
plugin {
  quota = count:User quota
  quota_rule = *:storage=1048576
  quota_vsizes = yes
}
namespace inbox {
  separator = /
  mailbox Archive {
    special_use = \\Archive
  }
  mailbox Drafts {
    special_use = \\Drafts
  }
  mailbox Junk {
    special_use = \\Junk
  }
  mailbox Sent {
    special_use = \\Sent
  }
  mailbox Trash {
    special_use = \\Trash
  }
}
"""
QUOTA = 1 << 30  # octets; MORE says it in KiB


@dataclass
class Both:
    """The two servers, and accounts nobody has used yet."""

    ours: localserve.Localserve
    theirs: peers.Server
    names: list[str]

    @contextlib.contextmanager
    def account(self) -> Iterator[tuple[Peer, Peer]]:
        """A new account on both, with the same mailboxes."""
        name = self.names.pop()
        ours = Peer("ours", self.ours.imap, f"{name}@localhost", peers.PASSWORD)
        theirs = Peer("dovecot", self.theirs.imap, name, peers.PASSWORD)
        try:
            for usual in USUAL:
                theirs.do(f"CREATE {usual}")
            for line in ours.do('LSUB "" *').untagged:
                theirs.do(f"SUBSCRIBE {line.split()[-1].decode()}")
            yield ours, theirs
        finally:
            ours.close()
            theirs.close()

    def capabilities(self) -> frozenset[str]:
        """What both announce to who has logged in."""
        found = []
        name = self.names.pop()
        for port, login in ((self.ours.imap, f"{name}@localhost"), (self.theirs.imap, name)):
            connection = Connection(port, login, peers.PASSWORD)
            (line,) = connection.command(b"CAPABILITY").untagged
            connection.close()
            found.append(frozenset(line.decode().upper().split()[1:]))
        ours, theirs = found
        return ours & theirs


async def _add(path: Path, names: list[str]) -> None:
    administration = await Administration.open(path, clock=SystemClock())
    for name in names:
        await administration.add(f"{name}@localhost", peers.PASSWORD, quota=QUOTA)
    await administration.close()


@contextlib.contextmanager
def both(folder: Path, accounts: int) -> Iterator[Both]:
    """Started; peers.MissingPeer when there is no Dovecot."""
    ours = folder / "ours"
    ours.mkdir(mode=0o700)
    names = [f"user{number}" for number in range(accounts)]
    with contextlib.ExitStack() as stack:
        # Not below pytest's folder, which is closed to all others: Dovecot's user is not ours.
        theirs = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dovecot-")))
        theirs.chmod(0o755)
        dovecot = stack.enter_context(
            peers.dovecot(theirs, "sdbox", fsync="never", more=MORE, unprivileged=True)
        )
        asyncio.run(_add(ours / DATABASE, names))
        yield Both(stack.enter_context(localserve.running(ours)), dovecot, names)
