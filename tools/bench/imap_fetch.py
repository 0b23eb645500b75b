"""Mark: FETCH 1:* (UID FLAGS) of 100,000 messages at most 1.2 times Dovecot (Maildir)."""

from __future__ import annotations

import argparse
import functools
import tempfile
from collections.abc import Callable
from pathlib import Path

from tools.bench import generate, imapload, meter, ours, peers


def main() -> None:
    """Run the comparison."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("-n", type=int, default=100_000, help="messages in the mailbox")
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("--size", type=int, default=600, help="octets of a message")
    arguments.add_argument("--out", help="append JSON lines here")
    given = arguments.parse_args()
    meter.pin_client()
    with tempfile.TemporaryDirectory(prefix="postil-bench") as name:
        folder = Path(name)
        Path(name).chmod(0o755)
        with ours.postil(folder / "ours") as we, peers.dovecot(folder / "dovecot") as they:
            rows = compare(given, we, they)
    meter.save(given.out, rows)


def compare(
    given: argparse.Namespace, we: peers.Server, they: peers.Server
) -> list[dict[str, object]]:
    """Fill both mailboxes with the same messages, then alternate."""
    clients = []
    messages = [generate.message(number, given.size) for number in range(500)]
    for server, user, password in (
        (we, ours.USER, ours.PASSWORD),
        (they, peers.USER, peers.PASSWORD),
    ):
        print(f"{server.name}: {server.about}")
        client = imapload.Client(server.imap).login(user, password)
        client.command("CREATE bench")
        fill: Callable[[], object]
        if server is we:
            fill = functools.partial(
                client.fill, "bench", (messages[number % 500] for number in range(given.n))
            )
        else:
            fill = functools.partial(peers.fill_maildir, server, "bench", messages, given.n)
        run = meter.measured(server.pid, lambda fill=fill: bool(fill()), given.n)  # type: ignore[misc]
        print(f"  filled with {given.n} messages: {given.n / run.wall:.0f}/s")
        client.command("SELECT bench")
        clients.append((server, client))
    rows = []
    for title, mark, work in TASKS:
        comparison = meter.Comparison(f"{title}, {given.n} messages", mark)
        for _, client in clients:
            work(client)  # warm
        for _ in range(given.runs):
            for (server, client), runs in zip(
                clients, (comparison.ours, comparison.peer), strict=True
            ):
                runs.append(meter.measured(server.pid, functools.partial(work, client)))
        rows.append(comparison.show())
    for _, client in clients:
        client.close()
    return rows


def _fetch(client: imapload.Client) -> int:
    return client.command("FETCH 1:* (UID FLAGS)").count(b" FETCH (")


TASKS: tuple[tuple[str, str, Callable[[imapload.Client], int]], ...] = (
    # Only this one: Dovecot's mailbox comes from files put beside it, which would make its SELECT and STORE do other work.
    ("FETCH 1:* (UID FLAGS)", "wall and cpu at most 1.2", _fetch),
)


if __name__ == "__main__":
    main()
