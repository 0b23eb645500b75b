"""The start page in a real browser, as wide as a phone and in the dark."""

from __future__ import annotations

import shutil
import smtplib
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, async_playwright
from tests.support.localserve import Localserve

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium: apt-get install chromium, or a package of your system"
)


@pytest.fixture
async def page(own_localserve: Localserve) -> AsyncIterator[Page]:
    """The start page with one message of awkward width, 360 pixels wide, in the dark."""
    with smtplib.SMTP("127.0.0.1", own_localserve.smtp, timeout=60) as client:
        client.sendmail(
            "me@example.org",
            ["you@example.net"],
            "From: A Rather Long Name <someone.with.a.long.name@department.example.org>\r\n"
            f"To: you@example.net\r\nSubject: Seen first {'w' * 120}\r\n\r\nx\r\n",
        )
    async with async_playwright() as play:
        browser = await play.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        made = await browser.new_page(
            viewport={"width": 360, "height": 740}, color_scheme="dark", is_mobile=True
        )
        await made.goto(f"http://127.0.0.1:{own_localserve.http}/")
        yield made
        await browser.close()


async def test_nothing_is_cut_on_a_phone(page: Page) -> None:
    """Neither the page nor a table scrolls sideways, and the subject stands inside the screen."""
    widths = "e => [e.scrollWidth, e.clientWidth]"
    for box in [page.locator("html"), *await page.locator(".wide").all()]:
        wide, room = await box.evaluate(widths)
        assert wide <= room
    subject = await page.locator(".messages .subject a").first.bounding_box()
    assert subject is not None
    assert subject["x"] >= 0 and subject["x"] + subject["width"] <= 360


async def test_dark(page: Page) -> None:
    """Dark paper and light ink, when the reader's system asks for it."""
    colours = "e => { const s = getComputedStyle(e); return [s.backgroundColor, s.color] }"
    paper, ink = [
        sum(int(part) for part in text.removeprefix("rgb(").removesuffix(")").split(","))
        for text in await page.locator("body").evaluate(colours)
    ]
    assert paper < 150 and ink > 600
