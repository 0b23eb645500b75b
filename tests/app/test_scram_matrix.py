"""SCRAM over real sockets and real TLS: every mechanism, version, binding and fault, on IMAP and submission.

The table that the test prints behind the run is the answer to "what happens when …". What must happen is written down
a second time in `expected`, by the rules of the RFCs and without the code under test.
"""

from __future__ import annotations

import asyncio
import itertools
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from tests.support.localserve import LOGIN, PASSWORD
from tests.support.loginclient import Answer, Client, context

from postil.app.localserve import Options, localserving
from postil.sasl import scram
from postil.sasl.scram import ClientKeys
from postil.sasl.scram_client import Binding, ClientExchange

TLS: Final = ("none", "1.2", "1.3")
FLAGS: Final = ("n", "y", "tls-unique", "tls-exporter", "tls-server-end-point", "x-unknown")
FAULTS: Final = ("", "wrong password", "unknown user", "other data", "gives up")
OF_VERSION: Final = {
    "none": (),
    "1.2": ("tls-unique", "tls-server-end-point"),
    "1.3": ("tls-exporter", "tls-server-end-point"),
}
WRONG: Final = "Wrong name or password"


@dataclass(frozen=True)
class Case:
    """One login."""

    protocol: str
    mechanism: str
    tls: str
    flag: str
    fault: str

    @property
    def binds(self) -> bool:
        return self.flag not in ("n", "y")


CASES: Final = [
    Case(*values)
    for values in itertools.product(("imap", "smtp"), scram.MECHANISMS, TLS, FLAGS, FAULTS)
    # Without a binding there is no data to be wrong.
    if not (values[4] == "other data" and values[3] in ("n", "y"))
]


def expected(case: Case) -> tuple[str, bool]:
    """What must happen, in a word or two, and whether the server ends the connection."""
    plus = case.mechanism.endswith("PLUS")
    if case.tls == "none":
        if plus:
            return "unknown mechanism", False
        if case.binds:
            return "channel-binding-not-supported", False
    elif case.flag == "y":
        return "server-does-support-channel-binding", False
    elif plus and case.flag == "n":
        return "other-error", False
    elif case.binds and case.flag not in OF_VERSION[case.tls]:
        return "unsupported-channel-binding-type", False
    spent = case.flag == "tls-exporter"
    match case.fault:
        case "wrong password" | "unknown user":
            return WRONG, spent
        case "other data":
            return "channel-bindings-dont-match", spent
        case "gives up":
            return "cancelled", spent
    return "logged in", False


class Keys:
    """Salts each password once: what a client may keep (RFC 5802 §5.1), and it is what makes the test quick."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, scram.Hash], tuple[bytes, int, ClientKeys]] = {}

    def exchange(self, case: Case, binding: Binding, number: int) -> ClientExchange:
        user = "nobody@localhost" if case.fault == "unknown user" else LOGIN
        password = "guess" if case.fault == "wrong password" else PASSWORD
        mechanism = scram.MECHANISMS[case.mechanism]
        made = ClientExchange(mechanism, user, password, b"nonce%d" % number, binding=binding)
        kept = self._kept.get((user + password, mechanism.hash))
        if kept is not None:
            made.remember(*kept)
        return made

    def keep(self, case: Case, used: ClientExchange) -> None:
        if used.keys is not None:
            name = "nobody@localhost" if case.fault == "unknown user" else LOGIN
            password = "guess" if case.fault == "wrong password" else PASSWORD
            key = name + password, scram.MECHANISMS[case.mechanism].hash
            self._kept[key] = used.salt, used.iterations, used.keys


def outcome(case: Case, answer: Answer) -> str:
    """The server's last line in the words of `expected`."""
    if answer.ok:
        return "logged in"
    text = answer.text.lower()
    if "unsupported mechanism" in text or answer.text.startswith("504"):
        return "unknown mechanism"
    if "cancelled" in text:
        return "cancelled"
    if WRONG.lower() in text or "credentials invalid" in text:
        return WRONG
    return answer.text.partition(f"{case.mechanism}: ")[2].partition(" (")[0] or answer.text


async def log_in(
    case: Case, number: int, ports: dict[str, int], clients: dict[str, ssl.SSLContext], keys: Keys
) -> tuple[str, bool]:
    """Do it; what happened, and whether the server ended the connection."""
    names = {"imap": ("imap", "imaps"), "smtp": ("submission", "submissions")}[case.protocol]
    port = ports[names[case.tls != "none"]]
    client = await Client.open(case.protocol, port, clients.get(case.tls))
    try:
        binding = Binding(case.flag)
        if case.binds:
            data = client.bind(case.flag) if case.tls != "none" else None
            data = data or b"made up"
            if case.fault == "other data":
                data = data[::-1]
            binding = Binding("p", case.flag, data)
        exchange = keys.exchange(case, binding, number)
        gives_up = case.fault == "gives up"
        answer = await client.scram(
            case.mechanism,
            exchange,
            initial=number % 2 == 0,  # SASL-IR and the long way, in turn
            spoil=lambda final: None if gives_up else final,
        )
        keys.keep(case, exchange)
        what = outcome(case, answer)
        if answer.ok:
            return what, False
        return what, await client.ended()
    finally:
        await client.close()


@pytest.mark.rfc(
    "9266",
    "4.1",
    "MUST NOT use the channel binding for more than one authentication mechanism instance on a given TLS connection.",
)
@pytest.mark.rfc(
    "5802",
    "6",
    'If the flag is set to "y" and the server supports channel binding, the server MUST fail authentication.',
)
@pytest.mark.rfc("5802", "6", 'The server MUST always validate the client\'s "c=" field.')
async def test_the_matrix(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """Mechanism x TLS version x binding x fault, on both protocols: each case ends as the RFCs say."""
    keys = Keys()
    found: dict[Case, tuple[str, bool]] = {}
    async with localserving(
        Options(folder=tmp_path / "data", any_port=True, grace=1.0, login_wait=0.0)
    ) as server:
        clients = {version: context(server.certificate, version) for version in ("1.2", "1.3")}
        order = iter(enumerate(CASES))

        async def work() -> None:
            for number, case in order:
                found[case] = await log_in(case, number, server.ports, clients, keys)

        await asyncio.gather(*(work() for _ in range(8)))
    record_property("table", table(found))
    wrong = {case: (found[case], expected(case)) for case in CASES if found[case] != expected(case)}
    assert not wrong


SHORT: Final = {
    WRONG: "wrong",
    "logged in": "OK",
    "unknown mechanism": "unknown",
    "channel-binding-not-supported": "not supported",
    "unsupported-channel-binding-type": "other type",
    "server-does-support-channel-binding": "supported!",
    "channel-bindings-dont-match": "no match",
}


def table(found: dict[Case, tuple[str, bool]]) -> str:
    """A line for each mechanism, version and binding, the faults side by side; IMAP and SMTP must agree."""
    lines = ["SCRAM: " + "; ".join(f"{short}: {what}" for what, short in SHORT.items())]
    lines.append(
        f"{'mechanism':19}{'TLS':5}{'binding':21}"
        + "".join(f"{f or 'no fault':17}" for f in FAULTS)
    )
    for mechanism, tls, flag in itertools.product(scram.MECHANISMS, TLS, FLAGS):
        cells = []
        for fault in FAULTS:
            imap, smtp = (found.get(Case(p, mechanism, tls, flag, fault)) for p in ("imap", "smtp"))
            if imap is None:
                cells.append("-")
                continue
            what, ended = imap
            cells.append(
                SHORT.get(what, what)
                + (", BYE" if ended else "")
                + ("" if imap == smtp else " / SMTP differs")
            )
        lines.append(f"{mechanism:19}{tls:5}{flag:21}" + "".join(f"{cell:17}" for cell in cells))
    count = Counter(SHORT.get(what, what) for what, _ in found.values())
    return "\n".join(
        [
            *lines,
            f"{len(found)} logins: " + ", ".join(f"{n} {what}" for what, n in count.most_common()),
        ]
    )
