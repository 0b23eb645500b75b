"""HTTP over the network: httpx2 with our bounds around it."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from collections.abc import AsyncIterator, Mapping
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import httpx2

from postil.http.exchange import (
    Answer,
    HttpError,
    Misused,
    TimedOut,
    TooBig,
    Unreachable,
    Untrusted,
)

# RFC 8555 §6.1: "ACME clients MUST send a User-Agent header field, in accordance with [RFC7231]. This header field SHOULD
# include the name and version of the ACME software in addition to the name and version of the underlying HTTP client software."
AGENT: Final = f"postil/{version('postil')} httpx2/{version('httpx2')}"
CONNECT: Final = 20.0  # seconds for TCP and TLS; over it a machine is not there
_KEPT: Final = 5  # seconds a connection waits for the next request
_LINKS: Final = re.compile(r'<([^<>]*)>((?:\s*;\s*[!-~]+?=(?:"[^"]*"|[^\s";,]+))*)')
_RELATION: Final = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s";,]+))', re.IGNORECASE)


class NoRoots(HttpError):
    """The file of trusted roots cannot be used."""


def trust(ca_file: str = "") -> ssl.SSLContext:
    """A context that believes the roots in the file, or the system's."""
    if not ca_file:
        return ssl.create_default_context()
    try:
        context = ssl.SSLContext(
            ssl.PROTOCOL_TLS_CLIENT
        )  # trusts nobody yet; an empty file must not mean "the system's"
        context.load_verify_locations(cadata=Path(ca_file).read_text("ascii"))
    except (OSError, ValueError, ssl.SSLError) as error:
        raise NoRoots(f"{ca_file} has no certificates to trust: {error}") from error
    if not context.cert_store_stats()["x509"]:
        raise NoRoots(f"{ca_file} has no certificates to trust: it is empty")
    return context


class Client:
    """Implements `exchange.Http`; `async with`, so that connections end."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._client = httpx2.AsyncClient(
            verify=context,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx2.Timeout(None, connect=CONNECT),  # the whole has an end of its own
            limits=httpx2.Limits(max_connections=4, keepalive_expiry=_KEPT),
            headers={
                "user-agent": AGENT,
                # RFC 8555 §6.1: "ACME clients SHOULD send an Accept-Language header field in accordance with [RFC7231]"
                "accept-language": "en",
                "accept-encoding": "identity",  # a limit on octets means nothing for what unpacks to more
            },
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def send(
        self,
        method: str,
        url: str,
        *,
        fields: Mapping[str, str] = {},
        body: bytes = b"",
        most: int,
        seconds: float,
    ) -> Answer:
        """See `exchange.Http.send`."""
        try:
            target = httpx2.URL(url)
        except (httpx2.InvalidURL, ValueError) as error:
            raise Misused(f"{url[:200]!r} is no URL: {error}") from error
        if target.scheme != "https" or not target.host:
            raise Misused(f"{url[:200]!r} is not https")
        try:
            async with asyncio.timeout(seconds):
                return await self._exchange(method, target, fields, body, most)
        except TimeoutError as error:
            raise TimedOut(f"{target.host} did not answer in {seconds:.0f} seconds") from error
        except httpx2.ConnectError as error:
            if _is_trust(error):
                raise Untrusted(f"{target.host}: {_words(error)}") from error
            raise Unreachable(f"{target.host} port {_port(target)}: {_words(error)}") from error
        except httpx2.TimeoutException as error:
            raise TimedOut(f"{target.host} port {_port(target)}: no connection") from error
        except (httpx2.HTTPError, httpx2.StreamError) as error:
            raise Unreachable(f"{target.host}: {_words(error)}") from error

    async def _exchange(
        self, method: str, target: httpx2.URL, fields: Mapping[str, str], body: bytes, most: int
    ) -> Answer:
        request = self._client.build_request(
            method, target, headers=dict(fields), content=body or None
        )
        response = await self._client.send(request, stream=True)
        try:
            if int(response.headers.get("content-length", "0") or "0") > most:
                raise TooBig(f"{target.host} answers with more than {most} octets")
            whole = bytearray()
            async for piece in response.aiter_raw():
                whole += piece
                if len(whole) > most:
                    raise TooBig(f"{target.host} answers with more than {most} octets")
        except ValueError as error:
            raise Unreachable(f"{target.host} answers with a length that is none") from error
        finally:
            await response.aclose()
        return Answer(
            status=response.status_code,
            fields={name.lower(): value for name, value in response.headers.items()},
            links=tuple(links(response.headers.get_list("link"))),
            body=bytes(whole),
        )


@contextlib.asynccontextmanager
async def connect(ca_file: str = "") -> AsyncIterator[Client]:
    """A client that trusts the roots in the file, or the system's. Reading those takes some 20 ms, so not in the event loop."""
    async with Client(await asyncio.to_thread(trust, ca_file)) as client:
        yield client


def links(values: list[str]) -> list[tuple[str, str]]:
    """Relation and URL of each link (RFC 8288 §3), as far as it can be read."""
    found: list[tuple[str, str]] = []
    for value in values:
        for link in _LINKS.finditer(value):
            relation = _RELATION.search(link.group(2))
            if relation:
                words = (relation.group(1) or relation.group(2) or "").lower().split()
                found += [(word, link.group(1)) for word in words]
    return found


def _port(target: httpx2.URL) -> int:
    return target.port or 443


def _is_trust(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return "CERTIFICATE_VERIFY_FAILED" in str(error)


def _words(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
