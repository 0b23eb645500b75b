"""What an authority says is wrong: problem documents (RFC 8555 §6.7), read from anything and shown to people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from postil.acme import limits

URN: Final = "urn:ietf:params:acme:error:"


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem document; whatever was missing or of another type is empty."""

    type: str = "about:blank"
    detail: str = ""
    instance: str = ""  # where a person has to go, for userActionRequired
    identifier: str = ""  # of a subproblem
    subproblems: tuple[Problem, ...] = field(default=())

    @property
    def kind(self) -> str:
        """The word for the type, "rateLimited", "dns", …; another authority's own types as they are."""
        return self.type.removeprefix(URN)

    def lines(self) -> Iterator[str]:
        """For people: a line, and one for each subproblem."""
        about = f"{self.identifier}: " if self.identifier else ""
        go = f" (see {self.instance})" if self.instance else ""
        # RFC 8555 §6.7: "Clients SHOULD display the "detail" field of all errors."
        yield f"{about}{self.kind}: {self.detail or 'no detail given'}{go}"
        for one in self.subproblems:
            yield from one.lines()

    def __str__(self) -> str:
        return "; ".join(self.lines())

    def as_dict(self) -> dict[str, Any]:
        """As JSON shows it."""
        out: dict[str, Any] = {"type": self.type, "detail": self.detail}
        if self.instance:
            out["instance"] = self.instance
        if self.identifier:
            out["identifier"] = self.identifier
        if self.subproblems:
            out["subproblems"] = [one.as_dict() for one in self.subproblems]
        return out


def read(value: object, depth: int = 0) -> Problem:
    """A problem from decoded JSON, whatever it is."""
    if not isinstance(value, Mapping):
        return Problem()
    identifier = value.get("identifier")
    # RFC 8555 §6.7.1: "The "identifier" field MUST NOT be present at the top level in ACME problem documents."
    about = _text(identifier.get("value")) if depth and isinstance(identifier, Mapping) else ""
    below = value.get("subproblems")
    return Problem(
        type=_text(value.get("type")) or "about:blank",
        detail=_text(value.get("detail")) or _text(value.get("title")),
        instance=_text(value.get("instance")),
        identifier=about,
        subproblems=tuple(read(one, depth + 1) for one in below[: limits.SUBPROBLEMS])
        if isinstance(below, list) and depth < 2
        else (),
    )


def _text(value: object) -> str:
    """It goes to terminals and logs: what does not print is left out."""
    if not isinstance(value, str):
        return ""
    return "".join(c if c.isprintable() else " " for c in value)[: limits.DETAIL]


class AcmeError(Exception):
    """An order or a request failed; `retry_after` are seconds that the authority asked to wait, if it did."""

    def __init__(
        self, what: str, problem: Problem | None = None, *, retry_after: float | None = None
    ) -> None:
        super().__init__(f"{what}: {problem}" if problem else what)
        self.problem = problem  # what the authority said, when it said something
        self.retry_after = retry_after


class Unavailable(AcmeError):
    """No answer, or one that says: not now. Worth another try."""


class BadAnswer(AcmeError):
    """The authority answered what no ACME server should."""


class OrderFailed(AcmeError):
    """The order came to nothing: a challenge that failed, a name that cannot be proved, a wrong certificate."""


class Unready(AcmeError):
    """Something here is missing before the authority can be asked: its terms, a key, a program."""


class Refused(AcmeError):
    """The authority says no, and why."""

    def __init__(
        self, doing: str, problem: Problem, status: int, *, retry_after: float | None = None
    ) -> None:
        super().__init__(f"{doing}: the authority says", problem, retry_after=retry_after)
        self.said = problem
        self.status = status


class AccountUnusable(Refused):
    """The account was deactivated or revoked; a person has to decide what happens."""
