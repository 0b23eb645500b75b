"""The website in a browser: keys, colours without a flash, copying, the contents, phones, and a version changed on the same line; from files."""

from __future__ import annotations

import functools
import gzip
import http.server
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from click.testing import CliRunner
from playwright.sync_api import Browser, Page, expect
from tests.sitegen.pages.example import LAMP, repository
from tests.sitegen.website.conftest import COMMANDS, LIGHT, SITE, git, write

from postil_site.commands.sitegen import main

LONG = "\n\n".join(f"## Part {n}\n\n" + "Words. " * 200 for n in range(12))
BUDGET = 100_000  # octets that the first page may take, compressed, without images


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two versions and a website beside them; dev has two lines more above."""
    place = tmp_path_factory.mktemp("www")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(place / "cache"))
        patch.delenv("RFC_MIRROR", raising=False)
        root = repository(place)
        for name, text in {
            "website/site.toml": SITE,
            "commands.json": COMMANDS,
            "website/content/index.md": "# Lamps\n\nA [page](more/light.md), the [code](../../lamp.py).\n",
            "website/content/more/light.md": LIGHT + "\n" + LONG,
            "website/static/lamp.svg": "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
            "media/x.txt": "x",
        }.items():
            write(root, name, text)
        git(root, "init", "-q")
        git(root, "add", "-A")
        git(root, "commit", "-qm", "one")
        for name, text in (("v1.0", ""), ("dev", "# new\n# lines\n" + LAMP)):
            if text:
                (root / "lamp.py").write_text(text)
                git(root, "commit", "-qam", "more")
            command = ["publish", "--root", str(root), "--to", str(place / "out"), "--name", name]
            result = CliRunner().invoke(main, command)
            assert result.exit_code == 0, result.output
        yield place / "out"


@pytest.fixture
def web(folder: Path) -> str:
    """Its address."""
    return folder.as_uri()


def test_version_switch_keeps_the_line(page: Page, web: str) -> None:
    """The same line there and back, though two lines stand above it in one of them; the choice shows where one is."""
    page.goto(f"{web}/dev/code/lamp.py.html#L11")
    line = page.locator("li.on").inner_text()
    assert "MUST answer" in line
    page.get_by_label("Version").select_option("v1.0")
    expect(page).to_have_url(re.compile(r"/v1\.0/code/lamp\.py\.html#L9$"))
    assert page.locator("li.on").inner_text() == line
    expect(page.get_by_label("Version")).to_have_value("v1.0")
    page.get_by_label("Version").select_option("dev")
    expect(page).to_have_url(re.compile(r"/dev/code/lamp\.py\.html#L11$"))
    page.go_back()
    expect(page.get_by_label("Version")).to_have_value("v1.0")


def test_version_switch_of_two_panes(page: Page, web: str) -> None:
    """Both halves of the address keep their places; a line that is gone leads to what stands behind it."""
    page.goto(f"{web}/dev/view.html#lamp.py:11,rfc99999:29")
    page.get_by_label("Version").select_option("v1.0")
    expect(page).to_have_url(re.compile(r"/v1\.0/view\.html#lamp\.py:9,rfc99999:29$"))
    page.goto(f"{web}/dev/code/lamp.py.html#L2")
    page.get_by_label("Version").select_option("v1.0")
    expect(page).to_have_url(re.compile(r"/v1\.0/code/lamp\.py\.html#L1$"))


def test_changes_are_linked(page: Page, web: str) -> None:
    """From the index of a version."""
    page.goto(f"{web}/index.html")
    page.get_by_role("link", name="Code and RFCs").click()
    page.get_by_role("link", name="Website").click()
    expect(page.locator("h1")).to_have_text("Lamps")
    page.goto(f"{web}/dev/index.html")
    page.get_by_role("link", name="Changes since v1.0").click()
    expect(page.locator("h1")).to_have_text("dev since v1.0")
    assert Axe().run(page).violations_count == 0


def test_a_single_build_has_no_choice(page: Page, pages: str) -> None:
    """Nothing is asked for that is not there."""
    failed: list[str] = []
    page.on("requestfailed", lambda request: failed.append(request.url))
    page.goto(f"{pages}/code/lamp.py.html")
    expect(page.locator(".version button").first).to_be_visible()
    expect(page.get_by_label("Version")).to_have_count(0)
    assert failed == []


def test_keyboard_alone(page: Page, web: str) -> None:
    """Tab leads to the skip link first, and it leads past the menu."""
    page.goto(f"{web}/index.html")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the content")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("page")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Light")


def test_copying_code(page: Page, web: str) -> None:
    """The button copies the code; of a console only what was typed."""
    page.add_init_script("document.execCommand = () => { window.copied = document.activeElement.value; return true; }; delete Object.getPrototypeOf(navigator).clipboard;")  # fmt: skip
    page.goto(f"{web}/more/light.html")
    blocks = page.locator(".code")
    blocks.nth(0).get_by_role("button").click()
    assert page.evaluate("copied") == 'def light():  # on\n    return "<b>"'
    blocks.nth(1).get_by_role("button").click()
    assert page.evaluate("copied") == "lamp on\nlamp off"
    expect(blocks.nth(1).get_by_role("button")).to_have_text("Copied")


def test_the_contents_follow(page: Page, web: str) -> None:
    """The heading that is read is marked, to the last one at the end of the page."""
    page.goto(f"{web}/more/light.html#part-4")
    expect(page.locator(".toc [aria-current]")).to_have_text("Part 4")
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    expect(page.locator(".toc [aria-current]")).to_have_text("Part 11")
    page.evaluate("scrollTo(0, 0)")
    expect(page.locator(".toc [aria-current]")).to_have_count(0)


@pytest.mark.parametrize("system", ["light", "dark"])
def test_colours(browser: Browser, web: str, system: str) -> None:
    """The system's at first; what was chosen holds on the next page before its first paint."""
    context = browser.new_context(color_scheme=system)  # type: ignore[arg-type]
    page = context.new_page()
    dark = "rgb(21, 24, 29)"
    page.goto(f"{web}/index.html")
    ground = "getComputedStyle(document.body).backgroundColor"
    assert (page.evaluate(ground) == dark) is (system == "dark")
    button = page.get_by_role("button", name="Colours:")
    for word in ("Light", "Dark"):
        button.click()
        expect(button).to_have_text(word)
    assert page.evaluate(ground) == dark
    # The script that sets it stands in the head and is not deferred: no paint comes before it.
    page.goto(f"{web}/more/light.html")
    head = page.locator("head script").first
    assert head.get_attribute("src") == "../assets/theme.js" and head.get_attribute("defer") is None
    assert page.evaluate(ground) == dark
    context.close()


@pytest.mark.parametrize("name", ["index.html", "more/light.html", "protocols.html", "reference/commands.html"])  # fmt: skip
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1300, 360])
def test_accessible(browser: Browser, web: str, name: str, scheme: str, width: int) -> None:
    """axe finds nothing, in both colours, on a phone too; and nothing is wider than the screen."""
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{web}/{name}")
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def test_served_and_not_there(browser: Browser, folder: Path, tmp_path: Path) -> None:
    """From a plain web server, below a path: a page that is not there, at any depth, has its colours and leads back."""
    (tmp_path / "docs").symlink_to(folder)
    lacking = (folder / "404.html").read_bytes()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def send_error(self, code: int, *_: object) -> None:
            self.send_response(code)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(lacking)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    handler = functools.partial(Handler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            page = browser.new_page(color_scheme="dark")
            page.goto(f"http://127.0.0.1:{server.server_port}/docs/no/such/page.html")
            expect(page.locator("h1")).to_have_text("Not here")
            assert Axe().run(page).violations_count == 0
            page.get_by_role("link", name="Light").click()
            expect(page.locator("h1")).to_have_text("Light")
            page.close()
        finally:
            server.shutdown()
            thread.join()


def test_a_phone(browser: Browser, web: str) -> None:
    """The menu is folded, and unfolds."""
    context = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True)
    page = context.new_page()
    page.goto(f"{web}/more/light.html")
    link = page.locator(".side").get_by_role("link", name="Protocols")
    expect(link).to_be_hidden()
    page.get_by_text("All pages").tap()
    link.tap()
    expect(page.locator("h1")).to_have_text("Protocols")
    context.close()


def test_without_scripts_and_on_paper(browser: Browser, web: str) -> None:
    """Every link works and the menu is open; printed, the page is its text."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{web}/index.html")
    page.locator(".side").get_by_role("link", name="Light").click()
    expect(page.locator("h1")).to_have_text("Light")
    page.emulate_media(media="print")
    expect(page.locator(".side")).to_be_hidden()
    expect(page.locator("article")).to_be_visible()
    context.close()


@pytest.mark.parametrize(("wish", "faded"), [("reduce", "0s"), ("no-preference", "5s")])
def test_less_motion(browser: Browser, web: str, wish: Literal["reduce", "no-preference"], faded: str) -> None:  # fmt: skip
    """Who asked for less motion sees nothing fade; and keys jump to the next reference, they never glide there."""
    context = browser.new_context(reduced_motion=wish)
    page = context.new_page()
    page.add_init_script("globalThis.how = []; Element.prototype.scrollIntoView = (it) => how.push(it.behavior);")  # fmt: skip
    page.goto(f"{web}/dev/code/lamp.py.html")
    page.add_style_tag(content="a { transition: color 5s }")
    page.keyboard.press("n")
    page.wait_for_function("how.length")
    assert set(page.evaluate("how")) == {"instant"}
    assert (
        page.evaluate("getComputedStyle(document.querySelector('a')).transitionDuration") == faded
    )
    context.close()


@pytest.mark.parametrize("name", ["index.html", "more/light.html", "dev/index.html", "dev/code/lamp.py.html"])  # fmt: skip
def test_size_of_a_first_visit(page: Page, folder: Path, name: str) -> None:
    """Everything that a first page loads, compressed, is below 100 KB."""
    loaded: set[Path] = set()
    page.on("request", lambda request: loaded.add(Path(request.url.removeprefix("file://").split("#")[0])))  # fmt: skip
    page.goto((folder / name).as_uri(), wait_until="load")
    sizes = {file.name: len(gzip.compress(file.read_bytes())) for file in loaded if file.suffix != ".svg"}  # fmt: skip
    assert {"site.css", "theme.js"} < set(sizes)
    assert sum(sizes.values()) < BUDGET, sizes
