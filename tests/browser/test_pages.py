"""What the scripts of the pages promise, in a browser, from files: clicks both ways, one address, filters, keys, and without any script."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, FrameLocator, Page, expect


def _frame(page: Page, side: str) -> FrameLocator:
    return page.frame_locator(f"#{side}")


def test_a_deep_link_marks_both_sides(page: Page, pages: str) -> None:
    """The address names a line of code and a line of the RFC; both are shown and marked."""
    page.goto(f"{pages}/view.html#lamp.py:9,rfc99999:29")
    expect(_frame(page, "code").locator("#L9")).to_have_class(re.compile(r"\bon\b"))
    expect(_frame(page, "rfc").locator("#L29")).to_have_class(re.compile(r"\bon\b"))


def test_clicks_lead_both_ways_and_back(page: Page, pages: str) -> None:
    """A reference opens the RFC at its line, a note in the margin opens the code; the address follows, and back goes back."""
    page.goto(f"{pages}/view.html#lamp.py:1")
    _frame(page, "code").locator("#L9 a.x").click()
    expect(page).to_have_url(re.compile(r"#lamp\.py:9,rfc99999:\d+$"))
    first = page.url
    marked = _frame(page, "rfc").locator("li.on")
    expect(marked).to_contain_text("MUST answer")
    _frame(page, "rfc").locator(".m a.t").first.click()
    expect(page).to_have_url(re.compile(r"#tests/test_lamp\.py:4,rfc99999:\d+$"))
    expect(_frame(page, "code").locator("li.on")).to_contain_text("pytest.mark.rfc")
    page.go_back()
    expect(page).to_have_url(first)
    expect(_frame(page, "code").locator("#L9")).to_have_class(re.compile(r"\bon\b"))


def test_preview_on_hover_and_focus(page: Page, pages: str) -> None:
    """A link shows what it leads to, both ways, for the mouse and for the keyboard."""
    page.goto(f"{pages}/code/lamp.py.html")
    page.locator("#L9 a.x").hover()
    expect(page.get_by_role("tooltip")).to_contain_text("MUST answer within a second")
    page.goto(f"{pages}/rfc/rfc99999.html")
    page.locator(".m a.t").first.focus()
    expect(page.get_by_role("tooltip")).to_contain_text("pytest.mark.rfc")


def test_copying_a_reference(page: Page, pages: str) -> None:
    """Keys alone: u goes to a clause that nothing covers, C offers the forms of a reference to it, each with words that pin it."""
    page.goto(f"{pages}/rfc/rfc99999.html")
    page.keyboard.press("u")
    expect(page.locator(".q.now").first).to_be_visible()
    page.keyboard.press("C")
    forms = page.locator(".chooser button")
    expect(forms).to_have_count(5)
    expect(forms.nth(0)).to_contain_text("# RFC 99999 §")
    expect(forms.nth(3)).to_contain_text('@pytest.mark.rfc("99999", "')
    page.keyboard.press("Escape")
    expect(forms).to_have_count(0)


def test_filters_are_in_the_address(page: Page, pages: str) -> None:
    """The matrix shows what its address asks for, and the fields say so."""
    page.goto(f"{pages}/matrix.html?status=tested&rfc=99999")
    rows = page.locator("#matrix tbody tr")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("A client MAY wait")
    assert page.locator("[name=status]").input_value() == "tested"
    page.goto(f"{pages}/matrix.html?level=MUST&q=second")
    expect(rows).to_have_count(1)
    rows.first.get_by_role("link").first.click()
    expect(page).to_have_url(re.compile(r"rfc99999\.html#r99999-"))


def test_ages_of_todos(page: Page, pages: str) -> None:
    """Beside each TODO stands since when it is there."""
    page.goto(f"{pages}/todo.html")
    expect(page.locator(".todos li")).to_have_count(1)
    expect(page.locator(".todos li .age")).to_have_text(re.compile(r"^since \d{4}-\d\d-\d\d$"))


def test_keys_walk_and_dark(page: Page, pages: str) -> None:
    """n goes to the next reference, t to the next TODO, d changes the colours."""
    page.goto(f"{pages}/code/lamp.py.html")
    page.keyboard.press("n")
    expect(page).to_have_url(re.compile("#L1$"))
    page.keyboard.press("t")
    expect(page).to_have_url(re.compile("#L12$"))
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.keyboard.press("d")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before


def test_phone_shows_one_pane(browser: Browser, pages: str) -> None:
    """On a phone one pane is there, and a button changes it; the page itself never scrolls sideways."""
    context = browser.new_context(viewport={"width": 380, "height": 700})
    page = context.new_page()
    page.goto(f"{pages}/view.html#lamp.py:9,rfc99999:29")
    expect(page.locator("#left")).to_be_visible()
    expect(page.locator("#right")).to_be_hidden()
    page.get_by_role("button", name="Show RFC").click()
    expect(page.locator("#right")).to_be_visible()
    for name in ("index.html", "rfc/rfc99999.html", "code/lamp.py.html", "matrix.html"):
        page.goto(f"{pages}/{name}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1"), name
    context.close()


def test_without_javascript(browser: Browser, pages: str) -> None:
    """Plain pages with ordinary links lead from the list to code, to the RFC, and back."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{pages}/index.html")
    page.get_by_role("link", name="99999").first.click()
    page.locator(".m a").first.click()
    expect(page).to_have_url(re.compile(r"/code/.*\.html#L\d+$"))
    page.locator("a.x").first.click()
    expect(page).to_have_url(re.compile(r"rfc99999\.html"))
    page.goto(f"{pages}/view.html")
    expect(page.get_by_text("Two panes need JavaScript")).to_be_visible()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "name", ["index.html", "tree.html", "matrix.html", "todo.html", "code/lamp.py.html", "rfc/rfc99999.html", "view.html#lamp.py:9,rfc99999:29"]
)  # fmt: skip
def test_axe_finds_nothing_serious(browser: Browser, pages: str, name: str, scheme: str) -> None:
    """No page has a serious or critical finding of axe-core, in light and in dark."""
    context = browser.new_context(color_scheme="dark" if scheme == "dark" else "light")
    page = context.new_page()
    page.goto(f"{pages}/{name}")
    page.wait_for_load_state()
    found = [
        (one["id"], [node["html"][:120] for node in one["nodes"][:3]])
        for one in Axe().run(page).response["violations"]
        if one["impact"] in ("serious", "critical")
    ]
    context.close()
    assert found == []
