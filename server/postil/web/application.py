"""The routes of the HTTP ports, put together for localserve or for a real machine."""

from __future__ import annotations

import datetime
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import jinja2
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from postil.ports.ids import MailboxId, Uid
from postil.web.challenge import PATH as CHALLENGE
from postil.web.challenge import challenge
from postil.web.docs import Docs
from postil.web.guard import Guard
from postil.web.health import Ready, healthz, readyz
from postil.web.overview import SOURCE, Overview

_HERE: Final = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Port:
    """A port as the start page lists it."""

    use: str  # "IMAP", "Submission" …
    number: int
    tls: str  # "TLS", "STARTTLS", "plain"


@dataclass(frozen=True, slots=True)
class Trial:
    """A line to paste into a terminal."""

    purpose: str
    command: str


@dataclass(frozen=True, slots=True)
class Welcome:
    """What a developer wants to know of a localserve."""

    version: str
    host: str
    login: str
    password: str
    data: Path
    certificate: Path
    ports: tuple[Port, ...]
    trials: tuple[Trial, ...]


@dataclass(frozen=True, slots=True)
class Parts:
    """What the application is put together from."""

    registry: CollectorRegistry
    ready: Ready
    overview: Overview | None = None  # None: no page may show accounts and mail
    welcome: Welcome | None = None
    site: Path | None = None  # the built documentation, shown under /docs/
    loopback_names_only: bool = True
    challenges: Mapping[str, str] | None = None  # token to answer; None: nobody orders certificates


def _size(octets: int) -> str:
    """A size for people."""
    if octets < 1024:
        return f"{octets} B"
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        octets_in_unit = octets / 1024
        if octets_in_unit < 1024 or unit == "TiB":
            return f"{octets_in_unit:.1f} {unit}"
        octets //= 1024
    raise AssertionError("unreachable")


def _when(moment: datetime.datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def templates() -> jinja2.Environment:
    """Templates that escape everything and refuse a name they do not know."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        enable_async=False,
    )
    environment.filters["size"] = _size
    environment.filters["when"] = _when
    return environment


def application(parts: Parts) -> Starlette:
    """The ASGI application."""
    pages = templates()
    routes: list[BaseRoute] = [
        Route("/healthz", healthz),
        Route("/readyz", readyz(parts.ready)),
        Route("/metrics", _metrics(parts.registry)),
        Mount("/static", StaticFiles(directory=_HERE / "static")),
    ]
    if parts.overview is not None and parts.welcome is not None:
        routes.append(Route("/", _start(pages, parts, parts.overview, parts.welcome)))
        routes.append(Route("/source/{mailbox:int}/{uid:int}", _source(parts.overview)))
    else:
        routes.append(Route("/", _plain))
    if parts.challenges is not None:
        routes.append(Route(CHALLENGE, challenge(parts.challenges)))
    if parts.site is not None:
        routes.append(Mount("/docs", Docs(parts.site)))
    return Starlette(
        routes=routes,
        middleware=[Middleware(Guard, loopback_names_only=parts.loopback_names_only)],
    )


_Endpoint = Callable[[Request], Awaitable[Response]]


def _metrics(registry: CollectorRegistry) -> _Endpoint:
    async def metrics(request: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return metrics


async def _plain(request: Request) -> Response:
    return PlainTextResponse("Postil, a mail server.\n")


def _start(
    pages: jinja2.Environment, parts: Parts, overview: Overview, welcome: Welcome
) -> _Endpoint:
    template = pages.get_template("start.html")

    async def start(request: Request) -> Response:
        accounts = await overview.lines()
        html = template.render(welcome=welcome, accounts=accounts, site=parts.site is not None)
        return HTMLResponse(html)

    return start


def _source(overview: Overview) -> _Endpoint:
    async def source(request: Request) -> Response:
        found = await overview.source(
            MailboxId(request.path_params["mailbox"]), Uid(request.path_params["uid"])
        )
        if found is None:
            raise HTTPException(404, "no such message")
        octets, size = found
        if size > SOURCE:
            octets += f"\n[… {size - SOURCE} more octets]\n".encode()
        # As text, whatever it says it is: a message is never rendered here.
        return Response(octets, media_type="text/plain; charset=utf-8")

    return source
