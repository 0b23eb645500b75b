"""A certificate from the configuration to the disk: keys, account, order, state; and what a failure leaves behind.

The state on disk is read under the provider's lock each time, never remembered: a command may have changed it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from postil.acme import ari, chain, files, keys, limits, schedule, window
from postil.acme.account import Accounts, Tell
from postil.acme.chain import Facts
from postil.acme.files import CertificateFolder, Corrupt, Kept, Outcome, ProviderFolder
from postil.acme.jws import PrivateKey
from postil.acme.order import Ordering, Wanted
from postil.acme.problem import AcmeError, Refused, Unavailable, Unready
from postil.acme.session import Session, Signer, World
from postil.acme.solve import Solver
from postil.base.clock import Clock
from postil.config.acme import Certificate, Provider
from postil.http.exchange import Http, HttpError
from postil.ports.certs import Challenges, Issued

FOLDER: Final = "acme"  # below the data folder

Connect = Callable[[Provider], AbstractAsyncContextManager[Http]]


@dataclass(frozen=True, slots=True)
class Plan:
    """A certificate and where it comes from."""

    provider: Provider
    certificate: Certificate

    @property
    def label(self) -> str:
        """In logs: provider and name."""
        return f"{self.provider.name}/{self.certificate.label}"


def plans(providers: Sequence[Provider], certificates: Sequence[Certificate]) -> list[Plan]:
    """Of checked tables."""
    known = {provider.name: provider for provider in providers}
    return [Plan(known[one.provider], one) for one in certificates]


# Looks at the CAA records of the names before an order, and tells: the plan, the authority's names there, our account's URL.
CaaCheck = Callable[[Plan, Sequence[str], str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What comes from outside."""

    root: Path  # data/acme
    connect: Connect
    clock: Clock
    sleep: Callable[[float], Awaitable[None]]
    random: Callable[[], float]
    tell: Tell
    challenges: Challenges | None = None
    caa: CaaCheck | None = None
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)


@dataclass(frozen=True, slots=True)
class _Turn:
    """Which keys an order uses, and which there are after it."""

    kept: Kept
    key: PrivateKey
    fresh: bool  # another than the one before


class Issuer:
    """Orders the certificate of one plan."""

    def __init__(self, plan: Plan, around: Surroundings) -> None:
        self.plan = plan
        self._around = around
        self._provider = ProviderFolder(around.root, plan.provider.name)
        self.folder: CertificateFolder = self._provider.certificate(plan.certificate.label)

    # --- what is there

    def kept(self) -> Kept | None:
        """The state; one that cannot be read is put aside and reported."""
        try:
            return self.folder.state()
        except Corrupt as corrupt:
            aside = self.folder.put_state_aside()
            self._tell("put-aside", {"file": str(aside), "reason": str(corrupt)})
            return None

    def issued(self, kept: Kept) -> Issued | None:
        """The certificate on disk; None when it is not whole."""
        try:
            chain_pem, key_pem = self.folder.octets(kept.chain), self.folder.octets(kept.key)
            if chain_pem is None or key_pem is None:
                return None
            fits = chain.facts(chain_pem).spki_sha256 == keys.digest(keys.load(key_pem))
        except (AcmeError, ValueError) as error:
            self._tell("unreadable", {"certificate": self.plan.label, "reason": str(error)})
            return None
        return Issued(tuple(kept.names), chain_pem, key_pem) if fits else None

    def due(self, kept: Kept | None) -> schedule.Due:
        """When to order next."""
        if kept is None:
            return schedule.Due(0.0, "there is none")
        wrong = (
            "revoked" if kept.revoked else "its key must not be used any more" if kept.spent else ""
        )
        if kept.issued is not None and set(kept.names) != set(self.plan.certificate.names):
            wrong = "other names are wanted"
        if kept.issued is not None and not wrong and self.issued(kept) is None:
            wrong = "its files are gone or broken"
        return schedule.due(
            issued=kept.issued,
            not_before=kept.not_before,
            not_after=kept.not_after,
            turn_at=kept.turn,
            ari_at=kept.window.chosen,
            wrong=wrong,
            failed=kept.failed,
            again=kept.again,
        )

    def _tell(self, what: str, facts: Mapping[str, object]) -> None:
        self._around.tell(what, {"certificate": self.plan.label, **facts})

    # --- an order

    async def order(self, *, new_key: bool = False, ask: str = "") -> Issued:
        """A new certificate, on disk when this returns; AcmeError when there is none, and that is on disk too."""
        with self._provider.locked():
            try:
                turn = await asyncio.to_thread(self._turn, new_key)
                issued, after = await self._order(turn, ask)
            except (AcmeError, OSError) as error:
                failure = error if isinstance(error, AcmeError) else AcmeError(str(error))
                self._tell("failed", await asyncio.to_thread(self._failed, failure, ask))
                raise failure from error
        self._tell(
            "issued",
            {"issuer": after.issuer, "not_after": int(after.not_after), "new_key": turn.fresh},
        )
        return issued

    def _turn(self, new_key: bool) -> _Turn:
        """The keys, on disk: the one that is kept, or the one made ahead."""
        key_type = self.plan.certificate.key_type
        kept = self.kept()
        if kept is None:
            first, second = keys.make(key_type), keys.make(key_type)
            kept = Kept(
                names=list(self.plan.certificate.names), key=_file(first), next_key=_file(second)
            )
            self.folder.keep(kept, {_file(one): keys.dump(one) for one in (first, second)})
            return _Turn(kept, first, fresh=True)
        current, ahead = self._key(kept.key), self._key(kept.next_key)
        if ahead is None:
            ahead = keys.make(key_type)
            kept = replace(kept, next_key=_file(ahead))
            self.folder.keep(kept, {_file(ahead): keys.dump(ahead)})
        keeps = self.plan.certificate.keep_key or kept.issued is None
        if current is not None and keeps and not new_key and not kept.spent:
            return _Turn(kept, current, fresh=False)
        return _Turn(kept, ahead, fresh=True)

    def _key(self, name: str) -> PrivateKey | None:
        """A key of ours; one that cannot be read is put aside."""
        pem = self.folder.octets(name)
        if pem is None:
            self._tell("lost", {"file": str(self.folder.path / name)})
            return None
        try:
            return keys.load(pem)
        except keys.BadKey as error:
            aside = files.put_aside(self.folder.path / name)
            self._tell("put-aside", {"file": str(aside), "reason": str(error)})
            return None

    def _check_key(self, key: PrivateKey) -> None:
        # RFC 8555 §11.1: "ACME clients and servers MUST verify that a CSR submitted in a finalize request does not contain a
        # public key for any known account key pair."
        for pem in files.account_keys(self._around.root):
            try:
                same = keys.digest(keys.load(pem.encode())) == keys.digest(key)
            except (keys.BadKey, UnicodeError):
                continue
            if same:
                raise Unready(
                    f"{self.folder.path / _file(key)} is the key of an account, which no certificate may have: remove it"
                )

    async def _order(self, turn: _Turn, ask: str) -> tuple[Issued, Kept]:
        async with connected(self.plan.provider, self._around) as session:
            accounts = self.accounts(session)
            who = await accounts.ready()
            await asyncio.to_thread(self._check_key, turn.key)
            issuers = await accounts.names_in_caa()
            if self._around.caa is not None:
                await self._around.caa(self.plan, issuers, who.url or "")
            wanted = Wanted(
                names=self.plan.certificate.names,
                key=turn.key,
                profile=self.plan.provider.profile,
                replaces=turn.kept.identifier or None,
            )
            failed = turn.kept.failed
            try:
                chain_pem, facts = await self._run(session, who, wanted, failed)
            except Refused as refused:
                if refused.said.kind != "accountDoesNotExist":
                    raise await accounts.explain(refused) from refused
                who = await accounts.again()
                chain_pem, facts = await self._run(session, who, wanted, failed)
            after = await asyncio.to_thread(self._keep, turn, facts, chain_pem, ask)
            # RFC 9773 §4.3: "Clients SHOULD fetch a certificate's RenewalInfo immediately after issuance."
            seen = await window.look(session, after.identifier, after.window)
            after = replace(after, window=seen)
            await asyncio.to_thread(self.folder.keep, after)
        return Issued(tuple(after.names), chain_pem, keys.dump(turn.key)), after

    async def _run(
        self, session: Session, who: Signer, wanted: Wanted, failed: int
    ) -> tuple[bytes, Facts]:
        around, provider = self._around, self.plan.provider
        # After a failure another way has its turn: port 443 may be shut where port 80 is open.
        start = failed % len(provider.challenges)
        solver = Solver(
            account=who.key,
            clock=around.clock,
            sleep=around.sleep,
            methods=provider.challenges[start:] + provider.challenges[:start],
            challenges=around.challenges,
            dns_hook=provider.dns_hook,
            dns_wait=provider.dns_wait,
        )

        def trouble(what: str) -> None:
            self._tell("left-behind", {"reason": what})

        return await Ordering(session, who, solver, trouble).run(wanted)

    def _keep(self, turn: _Turn, facts: Facts, chain_pem: bytes, ask: str) -> Kept:
        """The state that follows a success, on disk with the files that it names."""
        kept, now = turn.kept, self._around.clock.now()
        chain_file = f"chain-{facts.serial:x}.pem"
        fresh_files = {chain_file: chain_pem}
        used = _file(turn.key)
        following, previous = kept.next_key, kept.previous_key
        if used == kept.next_key:
            fresh = keys.make(self.plan.certificate.key_type)
            following = _file(fresh)
            fresh_files[following] = keys.dump(fresh)
            previous = kept.key if kept.issued is not None else ""
        after = Kept(
            names=list(self.plan.certificate.names),
            key=used,
            next_key=following,
            previous_key=previous,
            chain=chain_file,
            issued=now,
            not_before=facts.not_before,
            not_after=facts.not_after,
            issuer=facts.issuer,
            identifier=ari.certificate_id(facts) or "",
            turn=schedule.turn(facts.not_before, facts.not_after, self._around.random()),
            last=Outcome(at=now, ok=True, ask=ask),
        )
        self.folder.keep(after, fresh_files, before=kept)
        return after

    def _failed(self, error: AcmeError, ask: str) -> dict[str, object]:
        """Written down, so that a restart does not forget to wait; what a log shows of it."""
        shown: dict[str, object] = {"reason": str(error)}
        try:
            kept = self.folder.state()
            if kept is None:
                return shown
            now = self._around.clock.now()
            problem = error.problem.as_dict() if error.problem else None
            last = Outcome(at=now, ok=False, what=str(error), problem=problem, ask=ask)
            after = replace(kept, last=last)
            if not isinstance(error, Unready):  # nobody was asked for anything
                failed = kept.failed + 1
                most = limits.HOUR if isinstance(error, Unavailable) else limits.BACKOFF_MOST
                wait = schedule.after_failure(
                    failed, self._around.random(), error.retry_after, most
                )
                after = replace(after, failed=failed, again=now + wait)
                shown |= {"failed": failed, "again_in": int(wait)}
            self.folder.keep(after)
        except (AcmeError, OSError) as trouble:
            shown["unwritten"] = str(trouble)
        return shown

    # --- renewal information

    async def look(self, kept: Kept) -> None:
        """Ask for the authority's window (RFC 9773), choose a moment in it, and write it down."""
        async with connected(self.plan.provider, self._around) as session:
            seen = await window.look(session, kept.identifier, kept.window)
        with self._provider.locked():
            current = self.folder.state()
            if current is None or current.identifier != kept.identifier:
                return  # replaced meanwhile
            await asyncio.to_thread(self.folder.keep, replace(current, window=seen))
        if seen.chosen != kept.window.chosen:
            self._tell(
                "window",
                {
                    "start": int(seen.start),
                    "end": int(seen.end),
                    "chosen": int(seen.chosen or 0),
                    # RFC 9773 §4.2: "Clients SHOULD provide this URL to their operator, if present."
                    "explanation": seen.explanation,
                },
            )

    # --- what commands need too

    def accounts(self, session: Session) -> Accounts:
        """The account that orders this."""
        around = self._around
        return Accounts(
            self.plan.provider, self._provider, session, around.environment, around.tell
        )


@contextlib.asynccontextmanager
async def connected(provider: Provider, around: Surroundings) -> AsyncIterator[Session]:
    """A session with a provider; Unready when its roots cannot be read."""
    async with contextlib.AsyncExitStack() as stack:
        try:
            http = await stack.enter_async_context(around.connect(provider))
        except HttpError as error:
            raise Unready(str(error)) from error
        yield Session(provider.directory, World(http, around.clock, around.sleep, around.random))


def _file(key: PrivateKey) -> str:
    return f"key-{keys.digest(key)[:16]}.pem"
