"""Work on many pages by several processes that share what the first one has gathered.

The processes are forked, so the project is there without being sent; where a system cannot fork, or there are too few pages for it to pay,
everything is done here. What a page looks like depends on neither.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar, cast

ENOUGH = 24  # pages for which processes cost less than they save
PART = 6  # pages handed out at a time
_T = TypeVar("_T")
_R = TypeVar("_R")
_work: Callable[[int], object] | None = (
    None  # of the run under way; the forked processes inherit it
)


def each(work: Callable[[_T], _R], items: Sequence[_T], jobs: int | None) -> Iterator[_R]:
    """`work` of each item, in order."""
    processes = min(jobs or os.cpu_count() or 1, len(items) // PART)
    if processes < 2 or len(items) < ENOUGH or not _can_fork():
        yield from map(work, items)
        return
    global _work
    _work = lambda at: work(items[at])  # noqa: E731
    try:
        context = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(processes, mp_context=context) as pool:
            results = pool.map(_one, range(len(items)), chunksize=PART)
            yield from cast("Iterator[_R]", results)
    finally:
        _work = None


def _one(at: int) -> object:
    assert _work is not None
    return _work(at)


def _can_fork() -> bool:
    # A fork of a process with threads may inherit a lock that nobody lets go.
    return "fork" in multiprocessing.get_all_start_methods() and threading.active_count() == 1
