"""dns-01 through a program of the operator's: it is called to add a record and to remove it.

    PROGRAM [FIRST ARGUMENTS …] add    _acme-challenge.example.org VALUE
    PROGRAM [FIRST ARGUMENTS …] remove _acme-challenge.example.org VALUE

It ends with status 0 when the zone's name servers have (or no longer have) a TXT record of that name and value; there may be
two records of one name at the same time. The domain is also in POSTIL_ACME_DOMAIN. Whatever it prints is shown when it fails.
"""

from __future__ import annotations

import asyncio
import asyncio.subprocess
import contextlib
import os
import signal
from collections.abc import Sequence

from postil.acme import limits
from postil.acme.identifiers import Identifier, record_name
from postil.acme.problem import OrderFailed


async def run(
    program: Sequence[str], action: str, name: Identifier, value: str, seconds: float
) -> None:
    """Call it; OrderFailed when it cannot be started, takes too long or does not end with status 0."""
    arguments = [*program, action, record_name(name), value]
    environment = {**os.environ, "POSTIL_ACME_DOMAIN": name.base}
    try:
        process = await asyncio.create_subprocess_exec(
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=environment,
            start_new_session=True,  # ended as a whole, with what it has started
        )
    except OSError as error:
        raise OrderFailed(
            f"the DNS hook {program[0]} cannot be started: {error.strerror}"
        ) from error
    assert process.stdout is not None
    said = b""
    try:
        async with asyncio.timeout(seconds):
            while piece := await process.stdout.read(limits.HOOK_OUTPUT):
                said = (said + piece)[-limits.HOOK_OUTPUT :]
            status = await process.wait()
    except TimeoutError as error:
        raise OrderFailed(f"the DNS hook {program[0]} took over {seconds:.0f} seconds") from error
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if status != 0:
        text = " ".join(said.decode("utf-8", "replace").split())
        shown = "".join(c if c.isprintable() else "?" for c in text)
        raise OrderFailed(
            f"the DNS hook {program[0]} {action} {record_name(name)} ended with status {status}: {shown or 'no output'}"
        )
