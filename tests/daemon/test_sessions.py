"""The list of who is logged in: ended once, asked about no more than needed, and no crossing of login and withdrawal gets through."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pytest

from postil.daemon.sessions import LoggedIn
from postil.ports.accounts import AccountsUnavailable, Credential, Means
from postil.ports.ids import AccountId
from postil.ports.sessions import Ended, Held

GOOD, BAD = (Credential(Means.APP_PASSWORD, number, 0) for number in (1, 2))
ANN = AccountId(1)


class Judge:
    """Withdraws BAD; says whether anything changed, and breaks on request."""

    def __init__(self) -> None:
        self.news = True
        self.down = False
        self.asked: list[frozenset[Held]] = []

    async def changed(self) -> bool:
        news, self.news = self.news, False
        return news

    async def withdrawn(self, held: Collection[Held]) -> Mapping[Held, Ended]:
        if self.down:
            raise AccountsUnavailable("down")
        self.asked.append(frozenset(held))
        return {one: Ended.CREDENTIAL for one in held if one.credential is BAD}


async def test_ended_once() -> None:
    """Who rests on what is withdrawn hears of it, the others do not, and nobody twice."""
    sessions, judge = LoggedIn(), Judge()
    heard: list[tuple[str, Ended]] = []
    sessions.enter(ANN, GOOD, lambda why: heard.append(("good", why)))
    leave = sessions.enter(ANN, BAD, lambda why: heard.append(("bad", why)))
    assert await sessions.look(judge) == 1
    judge.news = True
    assert await sessions.look(judge) == 0
    assert heard == [("bad", Ended.CREDENTIAL)] and len(sessions) == 1
    leave()  # the session itself says that it is over, as always
    assert len(sessions) == 1


async def test_asked_when_needed() -> None:
    """Nothing new, nothing asked; somebody new is asked about even if nothing changed; each login once."""
    sessions, judge = LoggedIn(), Judge()
    await sessions.look(judge)
    for _ in range(3):
        sessions.enter(ANN, GOOD, lambda why: None)
    await sessions.look(judge)
    await sessions.look(judge)
    assert judge.asked == [{Held(ANN, GOOD)}]
    ended: list[Ended] = []
    sessions.enter(ANN, BAD, ended.append)  # his login and its withdrawal crossed
    assert await sessions.look(judge) == 1 and ended == [Ended.CREDENTIAL]
    assert judge.asked[1:] == [{Held(ANN, BAD)}]


async def test_who_left_is_forgotten() -> None:
    """Also in the middle of the question."""
    sessions, judge = LoggedIn(), Judge()
    ended: list[Ended] = []
    leave = sessions.enter(ANN, BAD, ended.append)

    class Slow(Judge):
        async def withdrawn(self, held: Collection[Held]) -> Mapping[Held, Ended]:
            leave()
            return await super().withdrawn(held)

    assert await sessions.look(Slow()) == 0
    assert not ended and len(sessions) == 0
    leave()
    assert await sessions.look(judge) == 0


async def test_a_database_that_is_down() -> None:
    """Nobody is ended; who was new then is asked about later, though nothing else changed."""
    sessions, judge = LoggedIn(), Judge()
    await sessions.look(judge)
    ended: list[Ended] = []
    sessions.enter(ANN, BAD, ended.append)
    judge.down = True
    with pytest.raises(AccountsUnavailable):
        await sessions.look(judge)
    assert not ended
    judge.down = False
    assert await sessions.look(judge) == 1 and ended


async def test_a_change_that_could_not_be_judged_is_judged_later() -> None:
    """The news came while the database was down: the next look asks about all."""
    sessions, judge = LoggedIn(), Judge()
    ended: list[Ended] = []
    sessions.enter(ANN, GOOD, ended.append)
    await sessions.look(judge)
    sessions.enter(ANN, BAD, ended.append)
    await sessions.look(judge)
    sessions.enter(ANN, GOOD, ended.append)
    await sessions.look(judge)
    judge.news, judge.down = True, True
    with pytest.raises(AccountsUnavailable):
        await sessions.look(judge)
    judge.down = False
    before = len(judge.asked)
    await sessions.look(judge)
    assert len(judge.asked) == before + 1
