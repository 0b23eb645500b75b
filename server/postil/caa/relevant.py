"""Which records count for a name: those at the name, else at its parent, and so on, up to the top-level domain.

RFC 8659 §3. Aliases are followed by the resolver; the parents of an alias's target are not asked (RFC 8659 §7 says what was
given up). A failure ends the search: what is above it does not count when there might have been something at it.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import Final

from postil.caa.properties import Property, parse
from postil.caa.values import shown
from postil.ports.resolver import Answer, Caa, Ns, Outcome, Resolver

_NAME: Final = re.compile(
    r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
)
_LONGEST: Final = 253  # RFC 1035 §2.3.4: 255 octets on the wire


class BadDomain(ValueError):
    """No certificate can be asked for by this name; the text says why."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A name for a certificate: `mail.example.org`, or with `wildcard` everything one label below."""

    name: str  # A-labels in lower case, without the dot at the end and without "*."
    wildcard: bool = False

    def __str__(self) -> str:
        return f"*.{self.name}" if self.wildcard else self.name

    @classmethod
    def parse(cls, text: str) -> Subject:
        """From A-labels, with or without "*." in front; BadDomain."""
        name = text.lower().removesuffix(".")
        # RFC 8659 §3: of *.X the records of X count
        wildcard = name.startswith("*.")
        name = name.removeprefix("*.")
        if len(name) > _LONGEST or not _NAME.fullmatch(name):
            raise BadDomain(f"{shown(text)} is no domain name")
        if name.rpartition(".")[2].isdigit():
            # RFC 1123 §2.1: the top label is alphabetic, which is how addresses are told from names
            raise BadDomain(
                f"{shown(text)} is no domain name: CAA records are about names, not addresses"
            )
        return cls(name, wildcard)


class Signing(enum.Enum):
    """Can somebody on the way alter the answers unseen?"""

    SIGNED = "signed"
    UNSIGNED = "not signed"
    UNCHECKED = "the resolver does not check signatures"
    REMOTE = "the resolver is not on this machine"


@dataclass(frozen=True, slots=True)
class Relevant:
    """The outcome of a search."""

    name: str
    steps: tuple[
        Answer[Caa], ...
    ]  # one for each name asked, the last decides; `chain[0]` is that name
    properties: tuple[Property, ...] = ()
    signing: Signing = Signing.REMOTE

    @property
    def failed(self) -> Answer[Caa] | None:
        """The answer that ended the search without saying whether there are records."""
        return None if self.steps[-1].outcome.known else self.steps[-1]

    @property
    def at(self) -> str:
        """The name whose records these are; "" when there are none."""
        return self.steps[-1].chain[0] if self.properties else ""

    @property
    def alias_of(self) -> str:
        """Where the records really are when `at` is an alias; else ""."""
        last = self.steps[-1]
        return last.canonical if self.properties and len(last.chain) > 1 else ""

    @property
    def unsigned(self) -> list[str]:
        """The names whose answers were not authenticated."""
        return [step.chain[0] for step in self.steps if not step.authenticated]


async def find(name: str, resolver: Resolver) -> Relevant:
    """The relevant records of a name (`Subject.name`); never raises."""
    steps: list[Answer[Caa]] = []
    labels = name.split(".")
    # RFC 8659 §3: "The search for a CAA RRset climbs the DNS name tree from the specified label up to, but not including, the DNS root "." until a CAA RRset is found."
    for at in range(len(labels)):
        answer = await resolver.query(".".join(labels[at:]), Caa)
        steps.append(answer)
        if answer.outcome is Outcome.FOUND or not answer.outcome.known:
            break
    properties = tuple(map(parse, steps[-1].records))
    return Relevant(name, tuple(steps), properties, await _signing(steps, resolver))


async def _signing(steps: list[Answer[Caa]], resolver: Resolver) -> Signing:
    # Empty answers count as much as the last one: whoever suppresses records below has the ones above obeyed.
    if all(step.authenticated for step in steps):
        return Signing.SIGNED
    if not resolver.believed:
        return Signing.REMOTE
    if any(step.authenticated for step in steps):
        return Signing.UNSIGNED
    # The root has been signed since 2010: a resolver that does not say so of it does not check.
    root = await resolver.query(".", Ns)
    return Signing.UNSIGNED if root.authenticated else Signing.UNCHECKED
