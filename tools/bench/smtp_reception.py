"""Mark: SMTP reception, durable, 10 KiB, 50 sessions: at least 3 times aiosmtpd with one fsynced file a message."""

from __future__ import annotations

import argparse
import functools
import tempfile
from pathlib import Path

from tools.bench import generate, meter, ours, peers, smtpload

SIZE = 10 * 1024


def send(load: smtpload.Load) -> int:
    """Hand over the load; how many messages were accepted."""
    return len(smtpload.run(load).finished)


def main() -> None:
    """Run the comparison."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("-n", type=int, default=3000, help="messages a run")
    arguments.add_argument("--runs", type=int, default=3)
    arguments.add_argument("--sessions", type=int, default=50)
    arguments.add_argument("--out", help="append JSON lines here")
    given = arguments.parse_args()
    meter.pin_client()
    bodies = tuple(generate.message(number, SIZE) for number in range(200))
    comparison = meter.Comparison(
        f"SMTP reception, {SIZE} octets, {given.sessions} sessions, ms a message",
        "wall at most 0.33 of aiosmtpd's (3 times its rate)",
    )
    with tempfile.TemporaryDirectory(prefix="postil-bench") as name:
        folder = Path(name)
        with ours.postil(folder / "ours") as we, peers.aiosmtpd(folder / "aiosmtpd") as they:
            for server in (we, they):
                print(f"{server.name}: {server.about}")
            for _ in range(given.runs):
                for server, runs in ((we, comparison.ours), (they, comparison.peer)):
                    load = smtpload.Load(
                        port=server.smtp,
                        recipients=("postil@localhost",),
                        bodies=bodies,
                        count=given.n,
                        sessions=given.sessions,
                    )
                    run = meter.measured(server.pid, functools.partial(send, load), given.n)
                    runs.append(run)
                    print(f"  {server.name}: {given.n / run.wall:.0f} messages/s")
    meter.save(given.out, [comparison.show()])


if __name__ == "__main__":
    main()
