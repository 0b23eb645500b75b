"""Thunderbird without a screen: a profile of its own, driven through Marionette by functions of `thunderbird.js`, its IMAP log read as it is written."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.support.marionette import Asked, Marionette, ScriptFailed

FUNCTIONS = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
PATIENCE = 60.0  # seconds for one step on a busy machine

# No name is looked up and nothing is fetched: the machine that runs the tests is all there is.
PREFERENCES: dict[str, bool | int | str] = {
    "marionette.port": 0,  # any
    "remote.log.level": "Info",
    "network.dns.disabled": True,
    "app.update.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False,
    "mail.provider.suppress_dialog_on_startup": True,
    "mail.spotlight.firstRunDone": True,
    "mailnews.confirm.moveFoldersToTrash": False,
    "mailnews.start_page.enabled": False,
    # what its settings call "if possible, use the CONDSTORE extension"; all the rest is as it comes
    "mail.server.default.use_condstore": True,
}

_SENT = re.compile(r"I/IMAP (\w+):[^:]*:(?:S-)?(.*?):SendData: (?:(\d+) )?(.*)")
_REFUSED = re.compile(r"I/IMAP (\w+):.*:CreateNewLineFromSocket: (\d+) ((?:NO|BAD) .*)")
_PORT = re.compile(r"Marionette\s+INFO\s+Listening on port (\d+)")


_UNBOXED = tuple(
    f"MOZ_DISABLE_{process}_SANDBOX"
    for process in ("CONTENT", "GMP", "RDD", "SOCKET_PROCESS", "UTILITY")
)


class Thunderbird:
    """A running program."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._news = threading.Condition()
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, name="thunderbird-log", daemon=True)
        self._reader.start()
        found = self.wait(lambda line: _PORT.search(line), "the port of Marionette")
        self._session = Marionette(int(found[1]), patience=PATIENCE)
        self.version = str(self._session.capabilities["browserVersion"])

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._news:
                self.lines.append(line.rstrip("\n"))
                self._news.notify_all()
        with self._news:
            self._news.notify_all()

    def wait(self, wanted: Callable[[str], Any], what: str, *, since: int = 0) -> Any:
        """What `wanted` makes of the first line of the log, from `since` on, that it makes anything of."""
        found: Any = None
        at = since

        def here() -> bool:
            nonlocal at, found
            while at < len(self.lines) and not found:
                found = wanted(self.lines[at])
                at += 1
            return bool(found) or not self._reader.is_alive()

        with self._news:
            assert self._news.wait_for(here, PATIENCE) and found, (what, self.lines[-40:])
        return found

    def did(self, command: str) -> None:
        """Wait until this very command was sent, and answered with OK."""
        sent = self.wait(
            lambda line: (found := _SENT.search(line)) and found[4] == command and found, command
        )
        end = re.compile(rf"I/IMAP {sent[1]}:.*: {sent[3]} OK")
        self.wait(end.search, f"OK for {command}")

    def idles(self, mailbox: str) -> None:
        """Wait until the last command of the connection that has the mailbox selected is IDLE."""
        with self._news:
            assert self._news.wait_for(lambda: self.sent(mailbox)[-1:] == ["IDLE"], PATIENCE), (
                self.lines[-40:]
            )

    def sent(self, state: str | None = None) -> list[str]:
        """The commands so far, without tags; of the connections in one mailbox, or all."""
        found = (_SENT.search(line) for line in list(self.lines))
        return [one[4] for one in found if one and state in (None, one[2])]

    def refused(self) -> list[tuple[str, str]]:
        """Commands that were answered with NO or BAD, and the answers."""
        commands: dict[tuple[str, str], str] = {}
        found = []
        for line in list(self.lines):
            if sent := _SENT.search(line):
                commands[sent[1], sent[3]] = sent[4]
            elif answer := _REFUSED.search(line):
                found.append((commands.get((answer[1], answer[2]), "?"), answer[3]))
        return found

    def call(self, function: str, *arguments: object) -> Any:
        """A function of thunderbird.js."""
        try:
            return self._session.run(f"{FUNCTIONS}\nreturn await {function}(...args);", *arguments)
        except (ScriptFailed, Asked) as error:
            error.add_note("\n".join(line for line in self.lines[-300:] if "I/IMAP" in line))
            raise

    def quit(self) -> None:
        """As the user does, and wait for the end."""
        while True:
            with suppress(Asked):  # a warning stands open
                self._session.quit()
                break
        assert self._process.wait(PATIENCE) == 0
        self._reader.join(PATIENCE)


@contextmanager
def thunderbird(program: str, folder: Path) -> Iterator[Thunderbird]:
    """The program with the profile in `folder`, made if it is not there; it ends with the block."""
    profile = folder / "profile"
    profile.mkdir(parents=True, exist_ok=True)
    lines = [
        f'user_pref("{name}", {str(value).lower() if isinstance(value, bool) else repr(value)});'
        for name, value in PREFERENCES.items()
    ]
    (profile / "user.js").write_text("\n".join(lines).replace("'", '"') + "\n", encoding="utf-8")
    process = subprocess.Popen(
        [
            *(program, "--headless", "--no-remote", "--profile", str(profile)),
            *("--marionette", "--remote-allow-system-access"),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=os.environ
        | {"HOME": str(folder), "MOZ_LOG": "IMAP:3", "LC_ALL": "C.UTF-8"}
        # A container may not allow what its sandboxes need, and it reads nobody's mail but ours.
        | dict.fromkeys(_UNBOXED, "1"),
        start_new_session=True,  # it has children of its own
    )
    try:
        yield Thunderbird(process)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, 9)
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
