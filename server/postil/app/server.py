"""A server: everything constructed, every port open, until it is told to stop; then everything undone in reverse.

Order of starting. The store comes first: it owns the data folder's lock, so a second server is refused before it has touched
anything. Then the accounts, then every port is bound (one in use ends the start with one sentence), then sessions may
come. Stopping: no new connections, sessions asked to leave, the rest cut after the grace, accounts, store.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Final

import structlog

from postil.accounts import AccountsDatabase
from postil.accounts.attempts import FILE, Attempts
from postil.accounts.gate import Allowed as AllowedFailures
from postil.accounts.gate import LoginGate
from postil.app.certs import Orders
from postil.app.identities import ALSO, Watch, chooser
from postil.app.live import Live
from postil.app.validity import doubtful
from postil.base.clock import Clock, SystemClock
from postil.base.tasks import Tasks
from postil.config import Config, Domain, Loaded
from postil.config.model import Listener
from postil.daemon.http import HttpService
from postil.daemon.imap import imap_service
from postil.daemon.metrics import Metrics
from postil.daemon.notify import notify
from postil.daemon.service import Service, Surroundings
from postil.daemon.smtp import smtp_service
from postil.imap.settings import Limits as ImapLimits
from postil.inbound import Pipeline, Simulation
from postil.inbound import Settings as PipelineSettings
from postil.net import binding, clientkeys, control
from postil.net.admission import Admission, Allowed
from postil.net.identities import Identities
from postil.net.listeners import Listeners, Spec
from postil.net.wheel import Wheel
from postil.ports.accounts import Account, Accounts, AccountsUnavailable
from postil.ports.delivery import Inbound
from postil.ports.store import Store, StoreError
from postil.smtp.settings import Limits
from postil.store.sqlite import SqliteStore
from postil.web.application import Parts, Welcome, application
from postil.web.overview import ACCOUNTS, Overview

DATABASE: Final = "postil.db"
ERASE_EVERY: Final = 10.0  # seconds between looks for accounts that a command has removed
GRACE: Final = 10.0  # seconds that sessions get to finish what they are at; systemd kills after 90

FAILED_LOGIN_WAIT: Final = 1.0  # seconds: guessing gets slow before it gets far

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("postil.app")


@dataclass(frozen=True, slots=True)
class Variant:
    """In what a localserve differs from a real machine."""

    plaintext_login: bool = False
    # Given the accounts' database, the directory that the sessions ask.
    directory: Callable[[AccountsDatabase], Awaitable[Accounts]] | None = None
    # Given the ports by name, what the start page says; None: no start page.
    welcome: Callable[[dict[str, int], Path], Welcome] | None = None
    any_port: bool = False
    local: bool = False  # any recipient, simulated errors, only loopback names in HTTP
    certificate_names: tuple[str, ...] = ()
    site: Path | None = None
    grace: float = GRACE
    login_wait: float = FAILED_LOGIN_WAIT  # seconds before a wrong login is answered


@dataclass(slots=True)
class Server:
    """What runs."""

    config: Config
    ports: dict[str, int]
    certificate: Path
    store: Store
    accounts: AccountsDatabase
    metrics: Metrics
    certificates: Watch
    proofs: dict[str, str] = field(default_factory=dict)  # of http-01, token to answer
    live: Live | None = None  # None: the settings came from no file
    failed: asyncio.Event = field(default_factory=asyncio.Event)


def _specs(
    config: Config, variant: Variant, identities: Identities, metrics: Metrics
) -> list[Spec]:
    specs = []
    for listener in config.listener:
        several = len(listener.ips) > 1
        for ip in listener.ips:
            name = f"{listener.label}-v6" if several and ":" in ip else listener.label
            choose = (
                chooser(identities, listener, name, metrics) if listener.tls != "none" else None
            )
            specs.append(
                Spec(
                    name=name,
                    ip=ip,
                    port=0 if variant.any_port else listener.port,
                    implicit_tls=choose if listener.tls == "implicit" else None,
                    start_tls=choose if listener.tls == "starttls" else None,
                    also=tuple(ALSO[other] for other in listener.also),
                    proxies=tuple(ip_network(one, strict=False) for one in listener.proxies),
                )
            )
    return specs


def _preauth(config: Config) -> frozenset[str]:
    """Names of the listeners that log in by a TLS key before the greeting."""
    labels = [one.label for one in config.listener if one.client_keys == "preauth"]
    return frozenset(name for label in labels for name in (label, f"{label}-v6"))


def _listener_of(config: Config, spec: Spec) -> Listener:
    return next(
        listener
        for listener in config.listener
        if spec.name in (listener.label, f"{listener.label}-v6")
    )


def ready_probe(
    store: Store,
    accounts: Callable[[], Awaitable[Sequence[Account]]],
    data: Path,
    free_space: int,
) -> Callable[[], Awaitable[str | None]]:
    """Can mail be read and written now? What is asked of the store leaves no trace in it."""

    async def ready() -> str | None:
        try:
            known = await accounts()
            if known:
                await store.mailboxes(known[0].id)
                # Through the writer and a transaction, and nothing is changed: no name is empty.
                await store.subscribe(known[0].id, "", False)
            if shutil.disk_usage(data).free < free_space:
                return "the disk is nearly full"
        except (StoreError, AccountsUnavailable, OSError) as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 (whatever it is, we are not ready)
            _log.error("not ready", exc_info=error)
            return "an error of ours, written to the log"
        return None

    return ready


async def _erase_removed(store: Store, accounts: AccountsDatabase) -> None:
    """What `postil account rm` left to us."""
    while True:
        for account in await accounts.removed():
            await store.erase(account)
            try:
                await accounts.erased(account)
            except AccountsUnavailable:
                break  # a command holds the database for long (an import); erasing once more does no harm
            _log.info("erased", account=int(account))
        await asyncio.sleep(ERASE_EVERY)


@contextlib.asynccontextmanager
async def serving(
    config: Config,
    variant: Variant = Variant(),
    clock: Clock | None = None,
    *,
    files: tuple[Path, Loaded] | None = None,
) -> AsyncIterator[Server]:
    """A running server; leaving the block stops it. `files`: where the settings came from, so that they can be read again."""
    clock = clock or SystemClock()
    loop = asyncio.get_running_loop()
    data = Path(config.data)
    async with contextlib.AsyncExitStack() as stack:
        store = await SqliteStore.at(data, clock=clock, free_space_floor=config.limits.free_space)
        stack.push_async_callback(store.close)
        database = await _open_accounts(config, data, store, clock)
        stack.push_async_callback(database.close)
        accounts = await variant.directory(database) if variant.directory else database
        orders = Orders(config, clock)
        wanted = orders.beside(data, variant.certificate_names)
        identities = Identities(wanted())
        _warn_of_missing()
        metrics = Metrics()
        watch = Watch(identities, wanted, metrics, lambda: doubtful(config, clock.now()))
        metrics.wal.set_function(lambda: store.wal_octets)
        attempts = await Attempts.open(data / FILE, clock)
        stack.push_async_callback(attempts.close)
        metrics.attempts_lost.set_function(lambda: attempts.lost)
        wheel = Wheel(loop)
        stack.callback(wheel.close)
        around = _surroundings(config, variant, wheel, metrics, attempts, clock)
        listeners = Listeners(around.admission)
        stack.callback(listeners.close)
        for spec in _specs(config, variant, identities, metrics):
            listeners.bind(spec)
        certificate = identities.chains[0].certificate
        server = Server(config, listeners.ports, certificate, store, database, metrics, watch)
        server.proofs = orders.texts

        tasks = Tasks(_failed)
        stack.push_async_callback(tasks.close)
        tasks.start("erase", _erase_removed(store, database))
        tasks.start("certificates", watch.run())
        tasks.start("sessions", around.sessions.watch(database.revocations, _unreadable))
        services = _services(config, variant, server, accounts, around, clock)
        stack.push_async_callback(_drain, list(services.values()), variant.grace)
        stack.callback(listeners.close)
        stack.callback(notify, "STOPPING=1")
        await listeners.open(
            lambda spec: services[_listener_of(config, spec).protocol].accept(spec)
        )
        tasks.start("acme", orders.run(identities, watch, metrics.registry))  # the ports are open
        if files is not None:
            server.live = await _stay_live(files, database, metrics, clock, tasks, stack)
        _log.info("ready", data=str(data), **{f"port_{k}": v for k, v in listeners.ports.items()})
        notify("READY=1")
        yield server
        _log.info("stopping")


def _warn_of_missing() -> None:
    """What this interpreter and its OpenSSL do not give."""
    if (trouble := binding.self_test()) is not None:
        _log.warning("no channel binding, so no SCRAM-…-PLUS", reason=trouble)
    if (trouble := clientkeys.self_test()) is not None:
        _log.warning("clients cannot log in by TLS keys", reason=trouble)


def _unreadable(error: AccountsUnavailable) -> None:
    _log.warning("sessions of withdrawn logins cannot be found", reason=str(error))


def _failed(name: str, error: BaseException) -> None:
    _log.error("fault", task=name, exc_info=error)


def _postmasters(domains: Sequence[Domain]) -> dict[str, str]:
    return {domain.name: domain.postmaster for domain in domains}


async def _stay_live(
    files: tuple[Path, Loaded],
    database: AccountsDatabase,
    metrics: Metrics,
    clock: Clock,
    tasks: Tasks,
    stack: contextlib.AsyncExitStack,
) -> Live:
    """Changes of the domains count while the server runs: watched for, and asked for by commands."""
    path, loaded = files
    live = Live(
        loaded, path, lambda domains: database.set_domains(_postmasters(domains)), metrics, clock
    )
    await live.begin()
    tasks.start("watch", live.watch())
    try:
        folder = Path(loaded.config.data)
        await stack.enter_async_context(control.answering(folder, live.answer))
    except OSError as error:
        _log.warning("commands cannot reach this server", reason=str(error))
    return live


def _surroundings(
    config: Config,
    variant: Variant,
    wheel: Wheel,
    metrics: Metrics,
    attempts: Attempts,
    clock: Clock,
) -> Surroundings:
    limits = config.limits
    return Surroundings(
        wheel,
        Admission(Allowed(total=limits.connections, per_ip=limits.connections_per_ip)),
        metrics,
        clock,
        LoginGate(clock, (attempts.add, metrics.login), _allowed_failures(config, variant)),
    )


def _allowed_failures(config: Config, variant: Variant) -> AllowedFailures:
    logins = config.logins
    return AllowedFailures(
        logins.failures_per_minute,
        logins.failures_per_hour,
        logins.failures_per_day,
        # A localserve talks to this machine only, and programs under test log in wrongly all day.
        (*logins.allow, "127.0.0.0/8") if variant.local else logins.allow,
    )


def _zone(epoch: float) -> int:
    """This machine's zone at that moment, in minutes east of UTC."""
    return time.localtime(epoch).tm_gmtoff // 60


async def _open_accounts(
    config: Config, data: Path, store: Store, clock: Clock
) -> AccountsDatabase:
    async def prepare(account: Account) -> None:
        await store.provision(
            account.id, account.quota, account.quota_messages, account.quota_mailboxes
        )

    return await AccountsDatabase.open(
        data / DATABASE,
        clock=clock,
        domains=_postmasters(config.domain),
        prepare=prepare,
    )


async def _drain(services: Sequence[Service | HttpService], grace: float) -> None:
    await asyncio.gather(*(service.drain(grace) for service in services))


def _services(
    config: Config,
    variant: Variant,
    server: Server,
    accounts: Accounts,
    around: Surroundings,
    clock: Clock,
) -> dict[str, Service | HttpService]:
    """Protocol to the service that speaks it."""
    store = server.store
    inbound: Inbound = Pipeline(
        store, accounts, clock, PipelineSettings(host=config.hostname, offset=_zone)
    )
    if variant.local:
        inbound = Simulation(inbound, asyncio.sleep)
    imap_limits = ImapLimits(
        largest_message=config.limits.message_size, failed_login_wait=variant.login_wait
    )
    smtp_limits = Limits(
        message_size=config.limits.message_size,
        recipients=config.limits.recipients,
        failed_login_wait=variant.login_wait,
    )

    def smtp(submission: bool) -> Service:
        return smtp_service(
            inbound,
            accounts,
            clock,
            around,
            host=config.hostname,
            submission=submission,
            plaintext_login=variant.plaintext_login,
            limits=smtp_limits,
            cram_md5=config.logins.cram_md5,
        )

    submission = smtp(submission=True)
    imap = imap_service(
        store,
        accounts,
        clock,
        around,
        host=config.hostname,
        plaintext_login=variant.plaintext_login,
        limits=imap_limits,
        entries=config.metadata.entries(),
        cram_md5=config.logins.cram_md5,
        preauth=_preauth(config),
    )
    pages = application(_pages(config, variant, server))
    return {
        "smtp": smtp(submission=False),
        "submission": submission,
        "imap": imap,
        "http": HttpService(pages, around, {"imap": imap, "smtp": submission}),
    }


def _pages(config: Config, variant: Variant, server: Server) -> Parts:
    """What the web pages show."""
    store = server.store
    welcome = variant.welcome(server.ports, server.certificate) if variant.welcome else None
    return Parts(
        registry=server.metrics.registry,
        ready=ready_probe(
            store,
            lambda: server.accounts.first(1),
            Path(config.data),
            config.limits.free_space,
        ),
        overview=Overview(store, lambda: server.accounts.first(ACCOUNTS)) if welcome else None,
        welcome=welcome,
        site=variant.site,
        loopback_names_only=variant.local,
        challenges=server.proofs if config.acme else None,
    )
