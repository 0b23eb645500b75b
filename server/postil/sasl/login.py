"""A login over one connection, whatever the protocol: the mechanisms on one side, the directory and the gate on the other.

RFC 4422 §3 (the exchange), §3.4.1 (acting as somebody else), Appendix A (EXTERNAL); RFC 9266 §4.1 (one use of tls-exporter per connection).

A protocol frames the messages: it hands in `ask`, which sends a challenge and gives the decoded response, and ends by an exception of its own
when the client cancels. It turns `Failed` into a reply, waits `Failed.wait` seconds before it, and ends the connection when `spent` is true and
nobody is logged in.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol

from postil.base.clock import Clock, SystemClock
from postil.ports.accounts import (
    Account,
    AccountDisabled,
    Accounts,
    AccountsUnavailable,
    SecondFactorOn,
)
from postil.ports.channel import Channel
from postil.ports.logins import Attempt, Gate, Leave, Result
from postil.ports.peer import Peer
from postil.sasl import cram, external, plain, scram
from postil.sasl.scram_server import ServerExchange

Ask = Callable[[bytes], Awaitable[bytes]]
LONGEST_SHOWN: Final = (
    320  # characters of a login name that are written down: the longest address there is
)


class Line(Protocol):
    """The connection, as far as a login is concerned; `ports.stream.Stream` is one."""

    @property
    def peer(self) -> Peer: ...

    @property
    def channel(self) -> Channel: ...


class Failed(Exception):
    """Nobody is logged in; the text is for the client."""

    def __init__(self, result: Result, text: str, wait: float = 0.0) -> None:
        super().__init__(text)
        self.result = result
        self.text = text
        self.wait = wait
        self.login = ""


def _limited(leave: Leave) -> Failed:
    text = f"Too many wrong logins from your network, try again in {max(1, round(leave.again))} s"
    return Failed(Result.LIMITED, text, leave.wait)


@dataclass(slots=True)
class _Trying:
    """What is known of the attempt so far."""

    mechanism: str
    login: str = ""
    asking: bool = False  # it is the client's turn


def _turns(trying: _Trying, ask: Ask) -> Ask:
    """`ask`, and whose turn it is."""

    async def asked(challenge: bytes) -> bytes:
        trying.asking = True
        response = await ask(challenge)
        trying.asking = False
        return response

    return asked


WRONG: Final = "Wrong name or password"


EXTERNAL: Final = "EXTERNAL"
CRAM: Final = "CRAM-MD5"


@dataclass(frozen=True, slots=True)
class Policy:
    """What differs from one machine to the other."""

    cram_md5: bool = False
    host: str = "localhost"


def mechanisms(line: Line, policy: Policy = Policy()) -> tuple[str, ...]:
    """What to announce where a password may be sent, the best first."""
    # RFC 5802 §6: "If the server cannot support channel binding, it SHOULD advertise only the non-PLUS-variant."
    bound = bool(line.channel.types)
    # EXTERNAL is shown to whoever has proved to have a key, registered or not: the list is no way to find out which are. And to nobody
    # else: RFC 4422 §6.1.2: "implementations SHOULD NOT advertise mechanisms and/or features that cannot meet their minimum
    # security requirements"
    outside = (EXTERNAL,) if line.peer.client_key is not None else ()
    family = [name for name, item in scram.MECHANISMS.items() if bound or not item.plus]
    # Last, since it is the worst.
    return (*outside, *family, "PLAIN", "LOGIN", *((CRAM,) if policy.cram_md5 else ()))


def begins(mechanism: str) -> bool:
    """Does the client send the first message?"""
    return mechanism != CRAM


class Login:
    """The attempts of one connection."""

    def __init__(
        self,
        line: Line,
        directory: Accounts,
        gate: Gate,
        protocol: str,
        client: Callable[[], str] = lambda: "",
        *,
        policy: Policy = Policy(),
        clock: Clock | None = None,
    ) -> None:
        self._line = line
        self._policy = policy
        self._clock = clock or SystemClock()
        self._directory = directory
        self._gate = gate
        self._protocol = protocol
        self._client = client
        self.spent = False  # tls-exporter was used, by an exchange that failed or one that did not

    async def password(self, login: str, password: str, mechanism: str) -> Account:
        """A name and a password that came in one command; Failed."""
        trying = _Trying(mechanism, login)
        return await self._try(trying, self._check(login, password, ""))

    async def exchange(self, mechanism: str, initial: bytes | None, ask: Ask) -> Account:
        """An exchange of a mechanism of `mechanisms`; Failed, and whatever `ask` raises."""
        trying = _Trying(mechanism)
        ask = _turns(trying, ask)
        if mechanism in scram.MECHANISMS:
            run = self._scram(trying, initial, ask)
        elif mechanism == "PLAIN":
            run = self._plain(trying, initial, ask)
        elif mechanism == EXTERNAL:
            run = self._external(trying, initial, ask)
        elif mechanism == CRAM:
            # RFC 4422 §3: "Should a client include an initial response in its request where the mechanism does not allow the client
            # to send data first, the authentication exchange fails." The protocols have their own replies for that
            assert initial is None
            run = self._cram(trying, ask)
        else:
            assert mechanism == "LOGIN"
            run = self._login(trying, initial, ask)
        return await self._try(trying, run)

    async def by_key(self) -> Account | None:
        """Who the TLS key says it is, before anybody asked (RFC 9051 §7.1.4); None where it does not say.

        Written down when it logs somebody in. Keys of others are no guesses, and are not counted.
        """
        key = self._line.peer.client_key
        if key is None or not self._gate.ask(self._line.peer.ip).granted:
            return None
        try:
            account = await self._directory.by_key(key, protocol=self._protocol)
        except AccountDisabled:
            return None  # who asks to log in is told
        if account is not None:
            self._record(_Trying(EXTERNAL, account.name), Result.OK, account, "before the greeting")
        return account

    async def _try(self, trying: _Trying, run: Awaitable[Account]) -> Account:
        """Ask the gate, run, write down what came of it."""
        leave = self._gate.ask(self._line.peer.ip)
        if not leave.granted:
            run.close()  # type: ignore[attr-defined]
            self._record(trying, Result.LIMITED)
            raise self._failed(trying, _limited(leave))
        try:
            account = await run
        except plain.Malformed as error:
            self._record(trying, Result.MALFORMED)
            text = f"Malformed message of {trying.mechanism}: {error}"
            raise self._failed(trying, Failed(Result.MALFORMED, text, leave.wait)) from None
        except scram.Refused as error:
            result = Result.BINDING if error.suspicious else Result.MALFORMED
            if error.value == "invalid-proof":
                result = Result.CREDENTIALS
            self._record(trying, result, detail=error.value)
            # RFC 5802 §5.1: "a server implementation MAY conclude the SASL exchange with a failure without sending the
            # server-final-message." Its word stands in the reply's text: there every client shows it
            text = WRONG if result is Result.CREDENTIALS else f"{trying.mechanism}: {error.value}"
            if str(error) not in (error.value, text):
                text += f" ({error})"
            raise self._failed(trying, Failed(result, text, leave.wait)) from None
        except SecondFactorOn:
            # The client is told what every wrong login is told: else a guesser would learn that the password was right.
            self._record(trying, Result.SECOND_FACTOR)
            raise self._failed(trying, Failed(Result.SECOND_FACTOR, WRONG, leave.wait)) from None
        except Failed as error:
            self._record(trying, error.result)
            error.wait = max(error.wait, leave.wait)
            raise self._failed(trying, error) from None
        except AccountDisabled as error:
            # Not a wrong guess, so nobody waits longer for it; whoever hears the reason knows the password.
            self._record(trying, Result.DISABLED)
            reason = str(error).encode("ascii", "replace").decode("ascii")
            failed = Failed(Result.DISABLED, f"This account is disabled: {reason}", leave.wait)
            raise self._failed(trying, failed) from None
        except AccountsUnavailable:
            self._record(trying, Result.UNAVAILABLE)
            raise
        except Exception:
            self._record(trying, Result.ABORTED if trying.asking else Result.FAULT)
            raise
        self._record(trying, Result.OK, account)
        return account

    def _failed(self, trying: _Trying, error: Failed) -> Failed:
        error.login = trying.login
        return error

    def _record(
        self, trying: _Trying, result: Result, account: Account | None = None, detail: str = ""
    ) -> None:
        self._gate.record(
            Attempt(
                protocol=self._protocol,
                mechanism=trying.mechanism,
                login=trying.login[:LONGEST_SHOWN],
                peer=self._line.peer,
                result=result,
                account=None if account is None else account.id,
                client=self._client()[:LONGEST_SHOWN],
                detail=detail,
            )
        )

    # --- mechanisms

    async def _check(self, login: str, password: str, authorize: str) -> Account:
        async with self._gate.turn(self._line.peer.ip) as leave:
            if not leave.granted:
                raise _limited(leave)
            account = await self._directory.authenticate(
                login, password, protocol=self._protocol, peer=self._line.peer.ip
            )
        if account is None:
            raise Failed(Result.CREDENTIALS, WRONG)
        return await self._act_as(account, login, authorize)

    async def _act_as(self, account: Account, login: str, authorize: str) -> Account:
        """The account the client wants to be; the one that logged in, unless it says otherwise."""
        if not authorize or authorize == login:
            return account
        other = await self._directory.authorize(account, authorize)
        if other is None:
            raise Failed(Result.AUTHORIZATION, "Not allowed to act as that account")
        return other

    async def _plain(self, trying: _Trying, initial: bytes | None, ask: Ask) -> Account:
        claim = plain.parse(await ask(b"") if initial is None else initial)
        trying.login = claim.login
        return await self._check(claim.login, claim.password, claim.authorize)

    async def _external(self, trying: _Trying, initial: bytes | None, ask: Ask) -> Account:
        # RFC 4422 §A.1: "Where the client does not provide an initial response data in its request to initiate the
        # authentication exchange, the server is to respond to the request with an empty initial challenge and then the client is to
        # provide its initial response."
        trying.login = external.parse(await ask(b"") if initial is None else initial)
        key = self._line.peer.client_key
        assert key is not None, "it is not among `mechanisms` then"
        async with self._gate.turn(self._line.peer.ip) as leave:
            if not leave.granted:
                raise _limited(leave)
            account = await self._directory.by_key(key, protocol=self._protocol)
        if account is None:
            raise Failed(Result.CREDENTIALS, WRONG)
        asked, trying.login = trying.login, trying.login or account.name
        return await self._act_as(account, "", asked)

    async def _cram(self, trying: _Trying, ask: Ask) -> Account:
        number = secrets.randbelow(10**18)
        text = cram.challenge(number, self._clock.now(), self._policy.host)
        claim = cram.parse(await ask(text))
        trying.login = claim.login
        async with self._gate.turn(self._line.peer.ip) as leave:
            if not leave.granted:
                raise _limited(leave)
            account = await self._directory.cram_md5(
                claim.login, text, claim.digest, protocol=self._protocol
            )
        if account is None:
            raise Failed(Result.CREDENTIALS, WRONG)
        return account

    async def _login(self, trying: _Trying, initial: bytes | None, ask: Ask) -> Account:
        """LOGIN has no RFC: two prompts, two answers. The server begins, but smtplib and others send the name at once."""
        name = await ask(b"Username:") if initial is None else initial
        password = await ask(b"Password:")
        claim = plain.parse(b"\0" + name + b"\0" + password)
        trying.login = claim.login
        return await self._check(claim.login, claim.password, "")

    async def _scram(self, trying: _Trying, initial: bytes | None, ask: Ask) -> Account:
        mechanism = scram.MECHANISMS[trying.mechanism]
        nonce = scram.encode64(secrets.token_bytes(scram.NONCE_OCTETS))
        exchange = ServerExchange(mechanism, self._line.channel, nonce)
        first = exchange.first(await ask(b"") if initial is None else initial)
        self.spent = self.spent or exchange.used_exporter
        trying.login = first.user
        # Nobody is told yet whether there is such a user: the salt of one that is not is made up, and stays the same.
        salt = await self._directory.scram(
            first.user, mechanism.hash.value, protocol=self._protocol
        )
        claim = exchange.final(await ask(exchange.challenge(salt.salt, salt.iterations)))
        async with self._gate.turn(self._line.peer.ip) as leave:
            if not leave.granted:
                raise _limited(leave)
            proved = await salt.prove(claim.auth_message, claim.proof)
            if proved is None:
                raise scram.Refused("invalid-proof")
        # RFC 5802 §5.1: "Failed verification results in failed authentication exchange."
        account = await self._act_as(proved.account, first.user, first.authorize)
        await ask(exchange.outcome(proved.signature))
        return account
