"""`sitegen serve` while somebody works: real files saved, a real server, the system's chromium."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from tests.sitegen.pages.example import LAMP, repository

SECONDS = 30_000  # milliseconds that a page may take at most before a test fails
MARK = 0.25  # seconds from a save to the reloaded page
SLACK = 2  # a shared machine is at times half as fast as the one of the mark; the figure itself is printed
LONG = LAMP + "".join(f"\n\ndef lamp_{n}() -> int:\n    return {n}\n" for n in range(300))


class Served:
    """A repository, its server, and what it says."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root = root
        environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), "TMPDIR": str(folder)}
        environment.pop("RFC_MIRROR", None)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "postil_site.commands.sitegen", "serve", "--root", str(root), "--port", "0", "--no-fetch"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip
        assert self.process.stdout and self.process.stderr
        self.said: list[str] = []
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        line = self.process.stdout.readline()
        found = re.match(r"(http://127\.0\.0\.1:\d+/) ", line)
        assert found is not None, (line, self.said)
        self.address = found[1]

    def _read(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            with self._news:
                self.said.append(line.strip())
                self._news.notify_all()

    def builds(self) -> list[str]:
        """What was said of whole builds."""
        return [line for line in self.said if re.match(r"\d+ changed: ", line)]

    def built(self, number: int) -> None:
        """Wait for so many whole builds."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.builds()) >= number, 60), self.said

    def save(self, name: str, text: str, atomic: bool = False) -> float:
        """Save a file as an editor does, in place or by renaming; the time of it."""
        file = self.root / name
        if atomic:
            part = file.with_name(f".{file.name}.swp")
            part.write_text(text)
            part.replace(file)
        else:
            file.write_text(text)
        return time.monotonic()

    def end(self) -> None:
        """As Ctrl-C does."""
        self.process.terminate()
        assert self.process.wait(30) == 0, self.said
        self._reader.join()
        assert self.process.stdout and self.process.stderr
        self.process.stdout.close()
        self.process.stderr.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """The example repository under git, one long file in it."""
    root = repository(tmp_path)
    (root / "lamp.py").write_text(LONG)
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "all")
    one = Served(root, tmp_path)
    yield one
    one.end()


def git(root: Path, *arguments: str) -> None:
    """A command of git."""
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run(["git", "-C", str(root), *who, *arguments], check=True, capture_output=True)


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    """A page whose scripts must not fail."""
    wrong: list[str] = []
    context = browser.new_context(viewport={"width": 1300, "height": 800})
    one = context.new_page()
    one.on("pageerror", lambda error: wrong.append(str(error)))
    yield one
    context.close()
    assert wrong == []


def shows(page: Page, words: str) -> None:
    """Wait until the page has the words, looking at every frame that is drawn."""
    page.wait_for_function(
        "words => (document.getElementById('main')?.textContent || '').includes(words)", arg=words, polling="raf", timeout=SECONDS
    )  # fmt: skip


def saves(served: Served, tab: Page, *, rest: bool = False) -> float:
    """Ten saves, in place and by renaming; the median of the seconds until the page has the words. `rest`: each after the build of the one before."""
    tab.goto(served.address + "code/lamp.py.html")
    tab.evaluate("window.scrollTo(0, 4321)")
    seconds = []
    for number in range(10):
        if rest:
            served.built(number)
        saved = served.save("lamp.py", LONG + f"\nSAVED = {number}\n", atomic=number % 2 == 1)
        shows(tab, f"SAVED = {number}")
        seconds.append(time.monotonic() - saved)
        tab.wait_for_function("Math.abs(window.scrollY - 4321) < 2", polling="raf", timeout=SECONDS)
    middle = statistics.median(seconds)
    print(
        f"save to reloaded page: median {middle * 1000:.0f} ms, longest {max(seconds) * 1000:.0f} ms"
    )
    return middle


def test_save_to_reload(served: Served, tab: Page) -> None:
    """A saved file is in the page, however the editor saves; the page stays where it was scrolled to."""
    assert saves(served, tab) < 10


@pytest.mark.proof
@pytest.mark.alone
def test_save_to_reload_in_time(served: Served, tab: Page) -> None:
    """Within 250 ms, when nothing else runs on a machine as fast as that of the mark."""
    assert saves(served, tab, rest=True) <= MARK * SLACK


def test_the_whole_follows(served: Served, tab: Page) -> None:
    """What other pages show of the file is there a little later: the text of the RFC has the new citation."""
    tab.goto(served.address + "rfc/rfc99999.html")
    served.save("lamp.py", LONG + "\n# TODO(RFC 99999 §2.1): flicker is missing\nx = 1\n")
    shows(tab, "flicker is missing")
    served.save("new.py", "# RFC 99999 §2.1: a new file\nx = 1\n")
    shows(tab, "new.py:1")


def test_two_browsers(served: Served, browser: Browser, tab: Page) -> None:
    """Each has the new page; one that looks at another file is left alone."""
    other = browser.new_context().new_page()
    third = browser.new_context().new_page()
    for page, name in ((tab, "lamp.py"), (other, "lamp.py"), (third, "go/lamp%20%231.go")):
        page.goto(f"{served.address}code/{name}.html")
    third.evaluate("window.kept = 1")
    served.save("lamp.py", LONG + "\nBOTH = 1\n")
    shows(tab, "BOTH = 1")
    shows(other, "BOTH = 1")
    served.built(1)
    assert third.evaluate("window.kept") == 1
    for page in (other, third):
        page.context.close()


def test_two_panes(served: Served, tab: Page) -> None:
    """In view.html the pane of the file is renewed, and the other and the address stay."""
    tab.goto(served.address + "view.html#lamp.py:9,rfc99999:10")
    frame = tab.frame_locator("#code")
    frame.get_by_text("Lamps, RFC 99999").first.wait_for(timeout=SECONDS)
    served.save("lamp.py", LONG.replace("on & <off>", "in the pane"))
    frame.get_by_text("in the pane").first.wait_for(timeout=SECONDS)
    assert "lamp.py:9,rfc99999:10" in tab.url


def error(page: Page, words: str) -> None:
    """Wait for the words in the bar that says what is wrong; "" waits until there is none."""
    page.wait_for_function(
        "words => { const bar = document.getElementById('live-error'); return words ? bar && bar.textContent.includes(words) : !bar; }",
        arg=words, polling="raf", timeout=SECONDS,
    )  # fmt: skip


def test_broken_file(served: Served, tab: Page) -> None:
    """A syntax error, a file that is no text any more, a wrong setting: each is said in the page, goes when it is repaired, and the server lives."""
    tab.goto(served.address + "code/lamp.py.html")
    error(tab, "")
    served.save("lamp.py", "x = (\n" + LONG)
    error(tab, "line 1: '(' was never closed")
    shows(tab, "x = (")
    served.save("lamp.py", LONG + "# repaired\n")
    error(tab, "")
    served.save("lamp.py", "\0\1\2")
    error(tab, "is binary")
    served.save("lamp.py", LONG + "# text again\n")
    shows(tab, "text again")
    error(tab, "")
    served.save("rfclinks.toml", "colour = 1\n")
    error(tab, "colour is no setting")
    served.save("lamp.py", LONG + "# seen all the same\n")
    shows(tab, "seen all the same")
    error(tab, "colour is no setting")
    (served.root / "rfclinks.toml").unlink()
    error(tab, "")
    assert served.process.poll() is None


def test_the_website(tmp_path: Path, tab: Page) -> None:
    """Its pages are served beside, drafts too; a saved one is shown at once where it stood, a mistake is told in the page and goes with its cause."""
    root = repository(tmp_path)
    page = root / "website/content/index.md"
    page.parent.mkdir(parents=True)
    page.write_text(
        "+++\ntitle = 'Lamps'\ndraft = true\n+++\n[code](../../lamp.py)\n\n" + "Words.\n\n" * 300
    )
    git(root, "init", "-q")
    served = Served(root, tmp_path)
    try:
        tab.goto(served.address + "website/index.html")
        tab.get_by_role("link", name="code", exact=True).click()
        tab.wait_for_url("**/code/lamp.py.html")
        tab.go_back()
        tab.evaluate("window.scrollTo(0, 1234)")
        page.write_text(page.read_text() + "Saved = 1\n")
        shows(tab, "Saved = 1")
        tab.wait_for_function("Math.abs(window.scrollY - 1234) < 2", polling="raf", timeout=SECONDS)
        page.write_text("+++\ntitle = \n+++\n[gone](gone.md)\n")
        error(tab, "website/content/index.md:4: gone.md: there is no such page")
        error(tab, "website/content/index.md:2: front matter: Invalid value")
        (root / "website/content/gone.md").write_text("# Here\n\nIt is.\n")
        page.write_text("[gone](gone.md) [new](../../new.py)\n")
        error(tab, "there is no such page, file of the repository")
        (root / "new.py").write_text("x = 1\n")
        error(tab, "")
        tab.get_by_role("link", name="new").click()
        tab.wait_for_url("**/code/new.py.html")
        (root / "website/site.toml").write_text("colour = 1\n")
        error(tab, "the website could not be built: website/site.toml: colour is no setting")
        (root / "website/site.toml").unlink()
        error(tab, "")
    finally:
        served.end()


def test_branch_switch(tmp_path: Path, tab: Page) -> None:
    """Thousands of files changed at once are one build and one reload, there and back."""
    root = repository(tmp_path)
    (root / "lamp.py").write_text(LONG)
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "all"]):
        git(root, *command)
    git(root, "checkout", "-q", "-b", "many")
    for n in range(3000):
        file = root / f"go/many/{n // 100}/m{n}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"# RFC 99999 §2.1\nn = {n}\n")
    (root / "lamp.py").write_text(LONG + "\nBRANCH = 1\n")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "many")
    git(root, "checkout", "-q", "-")
    served = Served(root, tmp_path)
    try:
        tab.goto(served.address + "code/lamp.py.html")
        loads: list[str] = []
        tab.on("load", lambda page: loads.append(page.url))
        git(root, "checkout", "-q", "many")
        shows(tab, "BRANCH = 1")
        served.built(1)
        git(root, "checkout", "-q", "-")
        served.built(2)
        tab.wait_for_function("() => document.getElementById('main')?.textContent.includes('BRANCH = 1') === false", timeout=SECONDS)  # fmt: skip
        served.save("lamp.py", LONG + "\nAFTER = 1\n")
        shows(tab, "AFTER = 1")
        served.built(3)
        print("\n".join(served.builds()))
        # Were there more, they had been before the one of the save.
        assert len(served.builds()) == 3, served.said
        assert re.match(r"30\d\d changed: ", served.builds()[1]), served.said
        assert len(loads) == 3, "\n".join([*loads, *served.said])
    finally:
        served.end()
