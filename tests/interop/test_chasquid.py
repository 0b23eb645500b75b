"""chasquid's own SMTP dialogues against our sessions: the codes are the same, or the table says why not.

The files are not ours (POSTIL_SHARED/vectors/smtp). Only those that talk to an SMTP server run; the others drive programs of
chasquid's own and are listed in `NOT_RUN`.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.support.delivery import post
from tests.support.smtp import Directory, World, world
from tests.support.streams import MemoryStream

from postil.ports.accounts import Account, Delivery
from postil.ports.ids import AccountId
from postil.smtp import Limits

RUN = (
    "auth_multi_dialog",
    "auth_too_many_failures",
    "bad_data_dot",
    "bad_data_dot_on_message_too_big",
    "bad_rcpt_to",
    "empty_helo",
    "line_too_long",
    "sendmail",
    "wrong_proto",
)
NOT_RUN = {
    "chasquid-util": "a command line tool",
    "dovecot-auth-cli": "Dovecot's authentication protocol, client side",
    "mda-lmtp": "an LMTP client",
    "t-04-aliases": "a command line tool",
}

# (file, what was sent) -> (the code there, ours, why)
DEVIATIONS: dict[tuple[str, str], tuple[str, str, str]] = {
    ("auth_multi_dialog", "AUTH SOMETHINGELSE"): (
        "534",
        "504",
        "RFC 4954 §4: an unsupported mechanism is rejected with 504; 534 is for one that is too weak for the user",
    ),
    ("bad_rcpt_to", "RCPT LALA: <>"): (
        "500",
        "501",
        "RFC 5321 §4.2.2: the command is known, its argument is not well-formed",
    ),
    ("bad_rcpt_to", "RCPT TO:"): (
        "500",
        "501",
        "RFC 5321 §4.2.2: the command is known, its argument is not well-formed",
    ),
    ("bad_rcpt_to", "RCPT TO:<henryⅣ@testserver>"): (
        "550",
        "553",
        "RFC 6531 §3.5: a RCPT that must be ASCII is 553",
    ),
    ("line_too_long", "HELO aaaaaaaaa1"): (
        "554",
        "501",
        "RFC 5321 §4.5.3.1.9: the line fits our limit, the domain does not (255 octets)",
    ),
    ("bad_data_dot", "xxx\r\n.\r\n"): (
        "521",
        "550",
        "RFC 7504 §3: 521 means that a host accepts no mail at all; RFC 5321 §4.3.2 has 550 for policy after DATA",
    ),
    ("bad_data_dot_on_message_too_big", "."): (
        "521",
        "552",
        "RFC 1870 §4: too big is 552; the bare line feed came later, and 521 is another thing (RFC 7504 §3)",
    ),
}
# Their dialogues write addresses without angle brackets; RFC 5321 §4.1.2 Path: 501. So that the rest of the
# dialogue can be played, the runner puts them in.
BARE_ADDRESS = re.compile(r"(RCPT TO|MAIL FROM): ([^<\s]+@\S+)$")


class Users(Directory):
    """The user of chasquid's tests."""

    async def authenticate(
        self, login: str, password: str, *, protocol: str, peer: str
    ) -> Account | None:
        known = (login, password) == ("user@testserver", "secretpassword")
        return self.accounts["alice"] if known else None

    async def is_local(self, domain: str) -> bool:
        return domain == "testserver"

    async def resolve(self, local_part: str, domain: str) -> list[Delivery]:
        found = (local_part, domain) == ("user", "testserver")
        return [Delivery(self.accounts["alice"], "user@testserver")] if found else []


@dataclass
class Runner:
    """Plays one file; collects what differs."""

    name: str
    world: World
    wire: MemoryStream | None = None
    sent: str = ""
    exchanges: int = 0

    async def play(self, path: Path) -> None:
        for line in path.read_text(encoding="utf-8").splitlines():
            if not line.startswith("c "):
                assert not line or line.startswith("#"), line
                continue
            await self._step(line[2:])

    async def _step(self, step: str) -> None:
        match step.partition(" "):
            case ("tcp_connect" | "tls_connect") as how, _, _:
                self.world.tls = self.world.require_login = how == "tls_connect"
                self.world.offer_login = how == "tls_connect"
                self.wire = await self.world.connect()
            case "close", _, _:
                self.wire = None
            case "->", _, text:
                self._send(BARE_ADDRESS.sub(r"\1:<\2>", text) + "\r\n", text)
            case "~>", _, text:
                self._send(evaluate(text), text)
            case "<...", _, text:
                while text not in await self._line():
                    pass
            case (("<-" | "<~"), _, text):
                await self._compare(text[:3])
            case other:
                raise ValueError(other)

    def _send(self, data: str, text: str) -> None:
        assert self.wire is not None
        self.sent = ast.literal_eval(text) if text.startswith("'") and "*" not in text else text
        self.wire.client_write(data.encode())

    async def _line(self) -> str:
        assert self.wire is not None
        line = (await self.wire.client_line()).decode("ascii")
        assert line, f"{self.name}: closed after {self.sent!r}"
        return line

    async def _compare(self, expected: str) -> None:
        line = await self._line()
        self.exchanges += 1
        known = [
            deviation
            for (name, sent), deviation in DEVIATIONS.items()
            if name == self.name
            and (sent == self.sent or (sent.endswith("1") and self.sent.startswith(sent)))
        ]
        if expected != line[:3] and known:
            assert known[0][:2] == (expected, line[:3]), f"{self.name}: {self.sent!r} -> {line!r}"
            return
        assert line[:3] == expected, f"{self.name}: {self.sent!r} -> {line!r}"


def evaluate(text: str) -> str:
    """`'a' * 899 + '\\r\\n'` and the like, without running it."""

    def value(node: ast.expr) -> str | int:
        match node:
            case ast.Constant(value=str() | int() as constant):
                return constant
            case ast.BinOp(left, ast.Add(), right):
                return str(value(left)) + str(value(right))
            case ast.BinOp(left, ast.Mult(), right):
                return str(value(left)) * int(value(right))
            case _:
                raise ValueError(text)

    return str(value(ast.parse(text, mode="eval").body))


@pytest.mark.parametrize("name", RUN)
async def test_dialogue(shared_dir: Path, name: str) -> None:
    """The codes are those of the file, but for the deviations listed."""
    path = shared_dir / "vectors/smtp/chasquid-dialogs/t-12-minor_dialogs" / f"{name}.cmy"
    users = Users()
    users.accounts["alice"] = replace(
        Account(AccountId(1), "user@testserver"), display_name="user of chasquid's tests"
    )
    async with post() as delivery:
        delivery.pipeline._accounts = users
        async with world(delivery.pipeline) as w:
            w.directory = users
            # chasquid gives up after three errors, and takes a MiB.
            w.limits = Limits(message_size=1024 * 1024, errors=3)
            runner = Runner(name, w)
            await runner.play(path)
            assert runner.exchanges
            if name == "sendmail":
                assert len(await delivery.inbox()) == 1
            elif name.startswith("bad_data"):
                assert await delivery.inbox() == []


def test_every_file_is_accounted_for(shared_dir: Path) -> None:
    """A dialogue that is neither run nor named as not run would be forgotten."""
    folder = shared_dir / "vectors/smtp/chasquid-dialogs"
    for path in folder.rglob("*.cmy"):
        assert path.stem in RUN or path.parent.name in NOT_RUN, path
