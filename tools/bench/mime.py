"""Reading messages beside the stdlib: structure, ENVELOPE and BODYSTRUCTURE of a generated corpus.

`python -m tools.bench.mime [--messages N] [--rounds N]`. Both sides run in turn, in one process,
on the same messages; the medians of the rounds are compared. The stdlib's side does what
it has: it parses with `policy.default` and reads the fields that an envelope needs.
The mark: ours at least 8 times faster.
"""

from __future__ import annotations

import argparse
import email
import email.policy
import statistics
import sys
import time
from collections.abc import Callable

from tests.message.corpus import Corpus

from postil.message.parse import parse
from postil.message.structure import render

MARK = 8.0


def ours(data: bytes) -> object:
    """Tree, ENVELOPE, BODYSTRUCTURE."""
    return render(parse(data))


def stdlib(data: bytes) -> object:
    """Tree, and the fields of an envelope and of a body structure, as far as the stdlib goes."""
    message = email.message_from_bytes(data, policy=email.policy.default)
    return (
        [
            message[name]
            for name in ("date", "subject", "from", "sender", "reply-to", "to", "cc", "bcc")
        ],
        [
            (part.get_content_type(), part.get_params(), part["content-transfer-encoding"])
            for part in message.walk()
        ],
    )


def stdlib_parse_only(data: bytes) -> object:
    """The tree alone: the least the stdlib can be charged with."""
    return email.message_from_bytes(data, policy=email.policy.default)


def main() -> int:
    """Measure and print; the exit status says whether the mark was met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    messages = list(Corpus(seed=1).messages(options.messages))
    sizes = sorted(map(len, messages))
    print(
        f"{len(messages)} messages, mean {sum(sizes) // len(sizes)} octets,"
        f" median {sizes[len(sizes) // 2]}, largest {sizes[-1]}; Python {sys.version.split()[0]}"
    )
    sides = (ours, stdlib, stdlib_parse_only)
    rounds: dict[str, list[float]] = {side.__name__: [] for side in sides}
    for _ in range(options.rounds):
        for side in sides:
            rounds[side.__name__].append(_seconds(side, messages) / len(messages) * 1e6)
    medians = {name: statistics.median(taken) for name, taken in rounds.items()}
    for name, median in medians.items():
        taken = rounds[name]
        print(f"{name:20} median {median:8.1f} us a message ({min(taken):.1f} to {max(taken):.1f})")
    ratio = medians["stdlib"] / medians["ours"]
    bare = medians["stdlib_parse_only"] / medians["ours"]
    print(f"ratio {ratio:.1f} (mark {MARK:g}); {bare:.1f} to the stdlib's parse alone")
    return 0 if ratio >= MARK else 1


def _seconds(side: Callable[[bytes], object], messages: list[bytes]) -> float:
    start = time.perf_counter()
    for data in messages:
        side(data)
    return time.perf_counter() - start


if __name__ == "__main__":
    raise SystemExit(main())
