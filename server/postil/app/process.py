"""A server as a process: the event loop, signals, and telling whoever started it that it is ready."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, Final

import structlog

from postil.app.server import Server
from postil.base.tasks import Tasks

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("postil.app")

# A thread that computes may keep the loop from running for this long at a time; the default of 5 ms is
# felt in every command that waits for a read (measured: 0.04 ms becomes 10 ms).
SWITCH_INTERVAL: Final = 0.0005


# Everything the program consists of lives as long as it does: a full collection looks at some 60,000 objects in vain and holds up
# everybody for 18 ms. (What it costs in throughput was too little to be measured.)
GARBAGE: Final = (10_000, 20, 20)


def settle() -> None:
    """Leave what is there now out of garbage collection, and collect less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)


def new_loop() -> asyncio.AbstractEventLoop:
    """uvloop where it is installed; asyncio's own is slower and works the same."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


def announce(fd: int, server: Server) -> None:
    """One line of JSON with the ports to whoever waits at the other end, then end of file."""
    with os.fdopen(fd, "w") as out:
        out.write(json.dumps({"ports": server.ports, "certificate": str(server.certificate)}))
        out.write("\n")


async def _reload(server: Server, hangup: asyncio.Event) -> None:
    """Read the settings, and the certificates, again as often as the signal comes; several that come during one reload are one."""
    while server.live is not None:
        await hangup.wait()
        hangup.clear()
        await server.live.reload("SIGHUP")
        server.certificates.look()


def run(
    start: Callable[[], contextlib.AbstractAsyncContextManager[Server]],
    started: Callable[[Server], Any],
    *,
    reloads: bool = False,
) -> None:
    """Serve until SIGINT or SIGTERM; a second signal ends at once. With `reloads`, SIGHUP reads the settings again, also when it came
    during the start; without, it ends the process as it always does."""

    async def main() -> None:
        stop, hangup = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def asked() -> None:
            if stop.is_set():
                os._exit(1)
            stop.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, asked)
        if reloads:
            loop.add_signal_handler(signal.SIGHUP, hangup.set)
        async with start() as server:
            settle()
            started(server)
            tasks = Tasks(lambda name, error: _log.error("fault", task=name, exc_info=error))
            tasks.start("hangup", _reload(server, hangup))
            await stop.wait()
            await tasks.close()

    sys.setswitchinterval(SWITCH_INTERVAL)
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
