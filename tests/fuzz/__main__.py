"""`make fuzz`: atheris over each target, one after the other: `python -m tests.fuzz [--seconds N] [TARGET …]`.

What it finds is written to `tests/fuzz/regressions/TARGET-…`; what it learnt is kept in `build/fuzz` for the next run.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REGRESSIONS = ROOT / "tests" / "fuzz" / "regressions"
SHARED = Path(os.environ.get("POSTIL_SHARED") or ROOT.parent / "shared") / "vectors" / "fuzz"
SLOWEST = 10  # seconds for one input of at most LARGEST octets; then it is a finding
LARGEST = 4096
MEMORY = 1024  # MiB


def one(name: str, options: list[str]) -> None:
    """Run in a process of its own: atheris never returns."""
    import atheris

    # Only what is under test is followed; the rest would only cost time.
    with atheris.instrument_imports(include=["postil"]):
        from tests.fuzz.targets import TARGETS
    target, _ = TARGETS[name]
    atheris.Setup([sys.argv[0], *options], target)
    atheris.Fuzz()


def options_of(
    name: str, dictionaries: tuple[str, ...], seeds: list[bytes], seconds: int
) -> list[str]:
    """What libFuzzer is told."""
    corpus = ROOT / "build" / "fuzz" / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds):
        (corpus / f"seed{number}").write_bytes(seed)
    options = [
        f"-max_total_time={seconds}", f"-max_len={LARGEST}", f"-timeout={SLOWEST}", f"-rss_limit_mb={MEMORY}",
        f"-artifact_prefix={REGRESSIONS}/{name}-", "-print_final_stats=1", "-verbosity=0",
    ]  # fmt: skip
    known = [SHARED / one for one in dictionaries if (SHARED / one).is_file()]
    if known:
        # libFuzzer takes one dictionary.
        joined = corpus.with_suffix(".dict")
        joined.write_text("\n".join(file.read_text("latin-1") for file in known), "latin-1")
        options.append(f"-dict={joined}")
    return [*options, str(corpus)]


def main() -> int:
    """Each target for its time; 1 when one has found something."""
    from tests.fuzz.targets import SEEDS, TARGETS

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    arguments = parser.parse_args()
    unknown = [name for name in arguments.targets if name not in TARGETS]
    if unknown:
        parser.error(f"there is no target {unknown[0]}; there are {', '.join(TARGETS)}")
    try:
        import atheris  # noqa: F401
    except ImportError:
        print(
            "postil: atheris is not installed (it has files for Linux and CPython only): "
            f"{sys.executable} -m pip install --require-hashes -r requirements/fuzz.txt",
            file=sys.stderr,
        )
        return 2
    bad = 0
    for name in arguments.targets or TARGETS:
        _, dictionaries = TARGETS[name]
        options = options_of(name, dictionaries, SEEDS[name], arguments.seconds)
        done = subprocess.run(
            [sys.executable, "-c", f"from tests.fuzz.__main__ import one; one({name!r}, {options!r})"],
            cwd=ROOT, capture_output=True, text=True, errors="replace", check=False,
        )  # fmt: skip
        stats = dict(
            line.removeprefix("stat::").split(":", 1)
            for line in done.stderr.splitlines()
            if line.startswith("stat::")
        )
        ran = stats.get("number_of_executed_units", "?").strip()
        print(
            f"{name}: {ran} inputs, {'nothing found' if done.returncode == 0 else 'FOUND SOMETHING'}",
            flush=True,
        )
        if done.returncode:
            bad += 1
            print(done.stderr[-3000:])
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
