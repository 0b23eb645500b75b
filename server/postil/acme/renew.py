"""The task that keeps certificates current: orders what is due, asks for windows, does what commands ask for.

Theory of operation. One loop per provider, so that an authority that does not answer holds up nobody else. A loop looks every few
seconds at each certificate: has its state changed on disk (a command may have ordered), has a command left a wish, is an order
due, is a look at the authority's window due. All of that is on disk; what is remembered here can be lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from postil.acme import limits, window
from postil.acme.files import Ask, Busy, Corrupt, Kept
from postil.acme.issue import Issuer, Plan, Surroundings
from postil.acme.problem import AcmeError
from postil.acme.schedule import Due
from postil.ports.certs import Issued

_REREAD: Final = 60.0  # seconds after which files are looked at even when the state has not changed


@dataclass(slots=True)
class _View:
    """What is remembered of a certificate."""

    issuer: Issuer
    stamp: tuple[int, int] = (-1, -1)
    read: float = 0.0  # monotonic
    kept: Kept | None = None
    due: Due = Due(0.0, "there is none")
    chain: str = ""  # the file that was handed over last
    hold: float = 0.0  # monotonic: nothing is tried before


class Renewal:
    """Keeps the certificates of a configuration current; `run` never ends."""

    def __init__(
        self,
        plans: Sequence[Plan],
        around: Surroundings,
        installed: Callable[[Issued], None],
        observed: Callable[[Plan, Kept | None, Due], None] = lambda plan, kept, due: None,
    ) -> None:
        self._around = around
        self._installed = installed
        self._observed = observed
        self._views = [_View(Issuer(plan, around)) for plan in plans]

    def start(self) -> None:
        """Hand over what is on disk, before anybody connects."""
        for view in self._views:
            self._refresh(view)

    async def run(self) -> None:
        """One loop per provider."""
        providers = {view.issuer.plan.provider.name: None for view in self._views}
        async with asyncio.TaskGroup() as group:
            for name in providers:
                mine = [view for view in self._views if view.issuer.plan.provider.name == name]
                group.create_task(self._loop(mine), name=f"acme {name}")

    async def _loop(self, views: Sequence[_View]) -> None:
        while True:
            for view in views:
                await self.turn(view)
            await self._around.sleep(limits.LOOK)

    async def turn(self, view: _View) -> None:
        """Whatever is to be done for one certificate now."""
        clock = self._around.clock
        try:
            self._refresh(view)
            ask = self._asked(view)
            if ask is None and clock.monotonic() < view.hold:
                return
            if ask is not None or view.due.at <= clock.now():
                await self._order(view, ask)
            elif view.kept is not None and window.wanted(view.kept, clock.now()):
                await view.issuer.look(view.kept)
                self._refresh(view)
        except Busy:
            view.hold = clock.monotonic() + limits.BUSY
        except AcmeError as error:
            self._around.tell(
                "trouble", {"certificate": view.issuer.plan.label, "reason": str(error)}
            )
            view.hold = clock.monotonic() + limits.BACKOFF
        except Exception as error:  # noqa: BLE001 (our fault; the mail goes on, and so do the other certificates)
            self._around.tell("fault", {"certificate": view.issuer.plan.label, "error": error})
            view.hold = clock.monotonic() + limits.BACKOFF

    def _asked(self, view: _View) -> Ask | None:
        try:
            return view.issuer.folder.asked()
        except Corrupt as corrupt:
            self._around.tell("put-aside", {"file": str(corrupt.path), "reason": str(corrupt)})
            return None

    async def _order(self, view: _View, ask: Ask | None) -> None:
        try:
            if ask is None:
                await view.issuer.order()
            else:
                await view.issuer.order(new_key=ask.new_key, ask=ask.id)
        except Busy:
            if ask is not None:
                view.issuer.folder.ask(ask)
            raise
        except AcmeError:
            # Told and written down by the issuer, with the time of the next try; where nothing could be written, this one.
            view.hold = self._around.clock.monotonic() + limits.BACKOFF
        self._refresh(view)

    def _refresh(self, view: _View) -> None:
        """Read the state again when it has changed, and hand over a certificate that is new."""
        now = self._around.clock.monotonic()
        stamp = view.issuer.folder.stamp()
        if stamp == view.stamp and now < view.read + _REREAD:
            return
        view.stamp, view.read = stamp, now
        view.kept = view.issuer.kept()
        view.due = view.issuer.due(view.kept)
        self._observed(view.issuer.plan, view.kept, view.due)
        if view.kept is None or not view.kept.chain or view.kept.chain == view.chain:
            return
        issued = view.issuer.issued(view.kept)
        if issued is not None:
            view.chain = view.kept.chain
            self._installed(issued)
