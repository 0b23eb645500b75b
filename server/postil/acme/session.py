"""A conversation with one authority: its directory, nonces, signed requests, patience (RFC 8555 §6).

Theory of operation. Every answer may bring a nonce, and every signed request uses one up. What the authority refuses as a bad
nonce is signed again with the nonce of the refusal. What met nobody, or a server in trouble, is tried again a few times,
each time with another nonce. Everything else that is not a success is an exception with the authority's own words.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

import msgspec

from postil.acme import limits, problem
from postil.acme.jws import PrivateKey, sign
from postil.acme.objects import Directory, read
from postil.acme.problem import BadAnswer, Problem, Refused, Unavailable
from postil.base.clock import Clock
from postil.http.exchange import Answer, Http, HttpError, Unreachable

# RFC 8555 §6.5.1: "Replay-Nonce = 1*base64url"
_NONCE: Final = re.compile(rf"[A-Za-z0-9_-]{{1,{limits.NONCE}}}")
_JOSE: Final = "application/jose+json"


class _Stateful(Protocol):
    @property
    def status(self) -> str: ...


_S = TypeVar("_S", bound=_Stateful)


@dataclass(frozen=True, slots=True)
class World:
    """What comes from outside."""

    http: Http
    clock: Clock
    sleep: Callable[[float], Awaitable[None]]
    random: Callable[[], float]  # 0 to 1


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs: a key, and the account's URL once it has one."""

    key: PrivateKey
    url: str | None


class Session:
    """One authority, for one order or command."""

    def __init__(self, directory_url: str, world: World) -> None:
        self._directory_url = directory_url
        self._directory: Directory | None = None
        self._nonces: list[str] = []
        self.world = world

    async def directory(self) -> Directory:
        """Where everything is; asked once."""
        if self._directory is None:
            answer = await self.get(self._directory_url, f"asking {self._directory_url}")
            self._directory = read(answer.body, Directory, f"the directory {self._directory_url}")
        return self._directory

    async def get(self, url: str, doing: str) -> Answer:
        """What needs no signature: the directory, nonces, renewal information."""

        async def once() -> Answer:
            return await self._send("GET", url, {"accept": "application/json"}, b"", doing)

        answer = await self._patiently(once, doing)
        self._success(answer, doing)
        return answer

    async def post(
        self,
        url: str,
        payload: Mapping[str, Any] | None,
        who: Signer,
        doing: str,
        *,
        accept: str = "application/json",
    ) -> Answer:
        """A signed request; `payload` None only fetches (POST-as-GET). Refused, Unavailable or BadAnswer otherwise."""
        fields = {"content-type": _JOSE, "accept": accept}
        given: list[str] = []  # the nonce of a refusal

        async def once() -> Answer:
            nonce = given.pop() if given else await self._nonce(doing)
            # RFC 8555 §6.4: "the client MUST set the "url" header parameter to the exact string provided by the server"
            body = json.dumps(sign(who.key, payload, url=url, nonce=nonce, kid=who.url))
            return await self._send("POST", url, fields, body.encode("ascii"), doing)

        for _ in range(limits.NONCE_TRIES):
            answer = await self._patiently(once, doing)
            nonce = _nonce_of(answer)
            if answer.status == 400 and _problem(answer).kind == "badNonce":
                # RFC 8555 §6.5: "when retrying in response to a "badNonce" error, the client MUST use the nonce provided in the
                # error response."
                self._nonces.clear()
                given[:] = [nonce] if nonce else []
                continue
            if nonce:
                self._nonces.append(nonce)
                del self._nonces[: -limits.NONCES]
            self._success(answer, doing)
            return answer
        raise Unavailable(
            f"{doing}: the authority refused {limits.NONCE_TRIES} nonces of its own in a row"
        )

    async def fetch(self, url: str, who: Signer, doing: str, *, accept: str = "") -> Answer:
        """RFC 8555 §6.3: "If a client wishes to fetch a resource from the server", it signs nothing at all."""
        return await self.post(url, None, who, doing, accept=accept or "application/json")

    async def poll(
        self,
        url: str,
        who: Signer,
        kind: type[_S],
        doing: str,
        *,
        unsettled: frozenset[str],
        patience: float,
        first: _S | None = None,
    ) -> _S:
        """The object once its status is none of `unsettled`; Unavailable after so many seconds."""
        clock = self.world.clock
        until = clock.monotonic() + patience
        pause = limits.POLL
        found, asked = first, None
        while True:
            if found is None:
                answer = await self.fetch(url, who, doing)
                found = read(answer.body, kind, doing)
                asked = answer.retry_after(clock.now())
            if found.status not in unsettled:
                return found
            # RFC 8555 §7.5.1: the server "MAY include a Retry-After header field to suggest a polling interval to the client"
            wait = pause if asked is None else min(max(asked, limits.POLL), limits.POLL_MOST)
            if clock.monotonic() + wait > until:
                raise Unavailable(f"{doing}: still {found.status!r} after {patience:.0f} seconds")
            await self.world.sleep(wait)
            pause = min(pause * 2, limits.POLL_SLOW)
            found = None

    async def _nonce(self, doing: str) -> str:
        if self._nonces:
            return self._nonces.pop()
        url = (await self.directory()).new_nonce
        # RFC 8555 §7.2: "To get a fresh nonce, the client sends a HEAD request to the newNonce resource on the server."
        answer = await self._send("HEAD", url, {}, b"", doing)
        if answer.status >= 500:
            raise _Trouble(answer)
        self._success(answer, doing)
        nonce = _nonce_of(answer)
        if nonce is None:
            raise BadAnswer(f"{doing}: {url} gives no nonce")
        return nonce

    async def _send(
        self, method: str, url: str, fields: Mapping[str, str], body: bytes, doing: str
    ) -> Answer:
        try:
            return await self.world.http.send(
                method, url, fields=fields, body=body, most=limits.BODY, seconds=limits.REQUEST
            )
        except Unreachable as error:
            raise Unavailable(f"{doing}: {error}") from error
        except HttpError as error:
            raise BadAnswer(f"{doing}: {error}") from error

    async def _patiently(self, once: Callable[[], Awaitable[Answer]], doing: str) -> Answer:
        """The answer of one that is not in trouble."""
        tries = 0
        while True:
            tries += 1
            try:
                answer = await once()
                if answer.status < 500:
                    return answer
                raise _Trouble(answer)
            except _Trouble as trouble:
                asked = trouble.answer.retry_after(self.world.clock.now())
                failure = Unavailable(
                    f"{doing}: the authority is in trouble",
                    _problem(trouble.answer),
                    retry_after=asked,
                )
            except Unavailable as error:
                failure, asked = error, None
            pause = limits.PAUSE * 2 ** (tries - 1) * (1 + self.world.random())
            pause = max(pause, asked or 0.0)
            if tries >= limits.TRIES or pause > limits.PATIENCE:
                raise failure
            await self.world.sleep(pause)

    def _success(self, answer: Answer, doing: str) -> None:
        if 200 <= answer.status < 300:
            return
        if 300 <= answer.status < 400:
            # A signed request is for one URL; whoever takes our place there may ask for anything.
            to = answer.fields.get("location", "elsewhere")[: limits.URL]
            raise BadAnswer(f"{doing}: it has moved to {to!r}; redirects are not followed")
        raise Refused(
            doing,
            _problem(answer),
            answer.status,
            retry_after=answer.retry_after(self.world.clock.now()),
        )


class _Trouble(Exception):
    """An answer of the 5xx kind."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(str(answer.status))
        self.answer = answer


def _nonce_of(answer: Answer) -> str | None:
    value = answer.fields.get("replay-nonce", "")
    # RFC 8555 §6.5.1: "Clients MUST ignore invalid Replay-Nonce values."
    return value if _NONCE.fullmatch(value) else None


def _problem(answer: Answer) -> Problem:
    """What the answer says is wrong; for pages of a proxy in between, its status."""
    try:
        found = problem.read(msgspec.json.decode(answer.body))
    except (msgspec.MsgspecError, RecursionError):
        found = Problem()
    if found.type == "about:blank" and not found.detail:
        return Problem(detail=f"HTTP status {answer.status}")
    terms = [url for relation, url in answer.links if relation == "terms-of-service"]
    if found.kind == "userActionRequired" and terms:
        # RFC 8555 §7.3.3: what a person has to agree to is in a link, not in the document.
        return dataclasses.replace(
            found, detail=f"{found.detail} (terms: {terms[0][: limits.URL]})"
        )
    return found
