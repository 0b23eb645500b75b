"""Answers to challenges, shown and hidden again: by the ports that show them, or by a program that changes a zone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from postil.acme import answers, hook, limits
from postil.acme.identifiers import Identifier, server_name
from postil.acme.jws import PrivateKey
from postil.acme.objects import Challenge
from postil.base.clock import Clock
from postil.ports.certs import Challenges


@dataclass(frozen=True, slots=True)
class Solver:
    """How this machine can prove a name, for one account."""

    account: PrivateKey
    clock: Clock
    sleep: Callable[[float], Awaitable[None]]
    methods: Sequence[str]  # in order of preference
    challenges: Challenges | None = None  # None: nothing here listens for an authority
    dns_hook: Sequence[str] = ()
    dns_wait: float = 0.0

    def choose(self, name: Identifier, offered: Sequence[Challenge]) -> Challenge | None:
        """The challenge to answer; None when there is none that we can."""
        for method in self.methods:
            if not self._can(method, name):
                continue
            for challenge in offered:
                if challenge.type == method and challenge.usable:
                    return challenge
        return None

    def _can(self, method: str, name: Identifier) -> bool:
        if method == "dns-01":
            # RFC 8738 §7: "The existing "dns-01" challenge MUST NOT be used to validate IP identifiers."
            return bool(self.dns_hook) and name.type == "dns"
        return method in ("http-01", "tls-alpn-01") and self.challenges is not None

    async def show(self, name: Identifier, challenge: Challenge) -> None:
        """Ready to be looked at once this returns, but for `settle`."""
        authorization = answers.key_authorization(challenge.token, self.account)
        if challenge.type == "dns-01":
            value = answers.record_value(authorization)
            await hook.run(self.dns_hook, "add", name, value, limits.HOOK)
            return
        assert self.challenges is not None, "chosen by `choose`"
        if challenge.type == "http-01":
            # RFC 8555 §8.3: "The value of the resource MUST be the ASCII representation of the key authorization."
            self.challenges.show_http(challenge.token, authorization)
            return
        certificate, key = answers.certificate(name, authorization, self.clock.now())
        # RFC 8737 §3: "Once this certificate has been created, it MUST be provisioned such that it is returned during a TLS
        # handshake where the "acme-tls/1" application-layer protocol has been negotiated"
        self.challenges.show_tls(server_name(name), certificate, key)

    async def settle(self, shown: Sequence[Challenge]) -> None:
        """Wait for name servers; RFC 8555 §8.2: "Clients SHOULD NOT respond to challenges until they believe that the server's
        queries will succeed."."""
        if self.dns_wait and any(challenge.type == "dns-01" for challenge in shown):
            await self.sleep(self.dns_wait)

    async def hide(self, name: Identifier, challenge: Challenge, *, stopping: bool) -> None:
        """RFC 8555 §8.3: "The client SHOULD de-provision the resource provisioned for this challenge once the challenge is
        complete"; `stopping`: in a hurry."""
        if challenge.type == "dns-01":
            value = answers.record_value(answers.key_authorization(challenge.token, self.account))
            patience = limits.HOOK_STOPPING if stopping else limits.HOOK
            await hook.run(self.dns_hook, "remove", name, value, patience)
            return
        assert self.challenges is not None, "chosen by `choose`"
        if challenge.type == "http-01":
            self.challenges.hide_http(challenge.token)
        else:
            self.challenges.hide_tls(server_name(name))
