"""One order from its names to its chain of certificates (RFC 8555 §7.4, §7.5).

Theory of operation. An order lists authorizations; those not yet valid are proved: every answer is shown first, then the
authority is told of each, then it is asked until it has decided. The order is then ready for the request (CSR), and some time
later there is a certificate. Whatever happens, answers are hidden again and authorizations that nobody needs are given back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from postil.acme import chain, limits
from postil.acme.chain import Facts
from postil.acme.identifiers import Identifier, identifier
from postil.acme.jws import PrivateKey, b64url
from postil.acme.objects import Authorization, Challenge, Order, read
from postil.acme.problem import AcmeError, BadAnswer, OrderFailed, Refused, Unready
from postil.acme.session import Session, Signer
from postil.acme.solve import Solver

_UNSETTLED: Final = frozenset({"pending", "processing"})
_FINALIZE_TRIES: Final = (
    3  # the order was ready, then was not: another machine of the authority's is behind
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is ordered."""

    names: tuple[str, ...]
    key: PrivateKey  # of the certificate
    profile: str = ""
    replaces: str | None = None  # RFC 9773 §5


@dataclass(frozen=True, slots=True)
class _Task:
    """An authorization and how it is proved."""

    url: str
    name: Identifier
    challenge: Challenge


class Ordering:
    """One order; `run` does it."""

    def __init__(
        self, session: Session, who: Signer, solver: Solver, trouble: Callable[[str], None]
    ) -> None:
        self._session = session
        self._who = who
        self._solver = solver
        self._trouble = trouble  # told of what went wrong while cleaning up

    async def run(self, wanted: Wanted) -> tuple[bytes, Facts]:
        """The chain, PEM, and what it says; AcmeError when there is none."""
        url, order = await self._begin(wanted)
        names = frozenset(identifier(name) for name in wanted.names)
        if order.names != names:
            raise OrderFailed("the authority made an order for other names than ours")
        if order.status == "pending":
            await self._prove(order)
        # An authority may give us an order that a crash has cut off after its request: it is at work then, or done.
        order = await self._settled(url, order, limits.VALIDATION)
        order = await self._finalize(url, order, wanted)
        if order.status != "valid" or not order.certificate:
            raise OrderFailed(f"the order is {order.status}, without a certificate", order.problem)
        answer = await self._session.fetch(
            order.certificate,
            self._who,
            "fetching the certificate",
            accept="application/pem-certificate-chain",
        )
        return chain.accept(answer.body, wanted.names, wanted.key, self._session.world.clock.now())

    async def _begin(self, wanted: Wanted) -> tuple[str, Order]:
        directory = await self._session.directory()
        payload: dict[str, object] = {
            "identifiers": [
                {"type": one.type, "value": one.value} for one in map(identifier, wanted.names)
            ]
        }
        if wanted.profile:
            known = directory.meta.profiles
            if known is None or wanted.profile not in known:
                offered = ", ".join(known or {}) or "none"
                raise Unready(f"the authority has no profile {wanted.profile!r}; it has: {offered}")
            payload["profile"] = wanted.profile
        # RFC 9773 §5: "Clients SHOULD NOT include this field if the ACME server has not indicated that it supports this
        # protocol by advertising the renewalInfo resource in its Directory."
        if wanted.replaces and directory.renewal_info:
            payload["replaces"] = wanted.replaces
        doing = f"ordering {', '.join(wanted.names)}"
        try:
            answer = await self._session.post(directory.new_order, payload, self._who, doing)
        except Refused as refused:
            # RFC 9773 §5: somebody, perhaps we before a crash, has replaced that certificate already.
            if refused.said.kind != "alreadyReplaced" or "replaces" not in payload:
                raise
            del payload["replaces"]
            answer = await self._session.post(directory.new_order, payload, self._who, doing)
        url = answer.fields.get("location", "")
        if not url:
            raise BadAnswer("the authority made an order and does not say where it is")
        return url, read(answer.body, Order, "the order")

    async def _prove(self, order: Order) -> None:
        """Every authorization of the order becomes valid, or OrderFailed says which does not, and why."""
        tasks: list[_Task] = []
        shown: list[_Task] = []
        done: set[str] = set()
        stopping = False
        try:
            for url in order.authorizations[: limits.LIST]:
                task = await self._task(url)
                if task is not None:
                    tasks.append(task)
            for task in tasks:
                shown.append(task)
                await self._solver.show(task.name, task.challenge)
            await self._solver.settle([task.challenge for task in tasks])
            for task in tasks:
                # RFC 8555 §7.5.1: "by sending an empty JSON body ("{}") carried in a POST request to the challenge URL (not the
                # authorization URL)"
                await self._session.post(
                    task.challenge.url, {}, self._who, f"{task.name.value}: {task.challenge.type}"
                )
            for task in tasks:
                await self._decided(task)
                done.add(task.url)
        except asyncio.CancelledError:
            stopping = True
            raise
        finally:
            await self._undo(shown, [t.url for t in tasks if t.url not in done], stopping=stopping)

    async def _task(self, url: str) -> _Task | None:
        """What has to be done for an authorization; None when it is valid already."""
        answer = await self._session.fetch(url, self._who, "asking what has to be proved")
        found = read(answer.body, Authorization, "an authorization")
        name = found.name
        # RFC 8555 §7.1.3: "Clients SHOULD check the "status" field of an order to determine whether they need to take any
        # action."; of its authorizations too: one may be valid from an order before.
        if found.status == "valid":
            return None
        if found.status != "pending":
            raise OrderFailed(f"{name.value}: its authorization is {found.status}")
        challenge = self._solver.choose(name, found.challenges)
        if challenge is None:
            offered = ", ".join(one.type for one in found.challenges) or "nothing"
            ours = ", ".join(self._solver.methods)
            raise OrderFailed(
                f"{name.value} cannot be proved: the authority offers {offered}, we have {ours}"
            )
        return _Task(url, name, challenge)

    async def _decided(self, task: _Task) -> None:
        found = await self._session.poll(
            task.url,
            self._who,
            Authorization,
            f"waiting until {task.name.value} is proved",
            unsettled=_UNSETTLED,
            patience=limits.VALIDATION,
        )
        if found.status == "valid":
            return
        failed = [one for one in found.challenges if one.status == "invalid"]
        why = next((one.problem for one in failed if one.problem), None)
        raise OrderFailed(f"{task.name.value} was not proved by {task.challenge.type}", why)

    async def _undo(
        self, shown: Sequence[_Task], unneeded: Sequence[str], *, stopping: bool
    ) -> None:
        for task in shown:
            try:
                await self._solver.hide(task.name, task.challenge, stopping=stopping)
            except AcmeError as error:
                self._trouble(str(error))
        if stopping:
            return
        for url in unneeded:
            # What stays pending counts against us at authorities that limit it (RFC 8555 §7.5.2).
            try:
                await self._session.post(
                    url, {"status": "deactivated"}, self._who, "giving back an authorization"
                )
            except AcmeError:
                continue  # it is invalid already, or the authority is gone: its own time ends it

    async def _settled(self, url: str, order: Order, patience: float) -> Order:
        found = await self._session.poll(
            url,
            self._who,
            Order,
            "waiting for the order",
            unsettled=_UNSETTLED,
            patience=patience,
        )
        if found.names != order.names or set(found.authorizations) != set(order.authorizations):
            # RFC 8555 §7.1.3: "If a client observes a change in the contents of either array, then it SHOULD consider the order
            # invalid."
            raise OrderFailed("the authority changed the order after it was made")
        if found.status == "invalid":
            raise OrderFailed("the order came to nothing", found.problem)
        return found

    async def _finalize(self, url: str, order: Order, wanted: Wanted) -> Order:
        csr = await asyncio.to_thread(chain.request, wanted.names, wanted.key)
        for last in range(_FINALIZE_TRIES):
            if order.status != "ready":
                break
            try:
                # RFC 8555 §7.4: "The CSR is sent in the base64url-encoded version of the DER format."
                await self._session.post(
                    order.finalize, {"csr": b64url(csr)}, self._who, "asking for the certificate"
                )
            except Refused as refused:
                # RFC 8555 §7.4: "The client should then send a POST-as-GET request to the order resource to obtain its
                # current state."
                if refused.said.kind != "orderNotReady" or last + 1 == _FINALIZE_TRIES:
                    raise
            order = await self._settled(url, order, limits.ISSUANCE)
        return order
