"""A whole meeting by keyboard alone, from signing in to ending it."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, connected
from tests.browser.live import spoke
from tests.stt import SPOKEN

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MOST_TABS = 80


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until an element that matches has the focus, and check that the focus is visible."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            break
    else:
        raise AssertionError(f"{selector} was not reached")
    focused = page.locator(selector).and_(page.locator(":focus"))
    expect(focused).to_be_in_viewport()
    assert focused.evaluate("(element) => getComputedStyle(element).opacity") == "1"


def test_a_meeting_from_its_title_to_its_end(visit: Callable[..., Page], site: Site) -> None:
    page = visit("/", permissions=["microphone"])
    tab_to(page, "#id_title")
    page.keyboard.type("By keyboard")
    tab_to(page, "[data-testid=create]")
    page.keyboard.press("Enter")
    page.wait_for_url("**/m/*/")
    connected(page)

    tab_to(page, "#record")
    page.keyboard.press("Enter")
    expect(page.locator("mico-recorder")).to_have_attribute("data-state", "recording")
    spoke(page)
    expect(page.locator("#record")).to_be_focused()
    page.keyboard.press("Enter")
    text = page.locator("#transcript .line.words p.text")
    expect(text).to_have_text(SPOKEN["speech_slt_1.wav"])

    tab_to(page, "[data-edit]")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Text of this line")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("Corrected by keyboard.")
    page.keyboard.press("Enter")
    expect(text).to_have_text("Corrected by keyboard.")

    page.keyboard.press("Shift+Tab")
    expect(page.locator("[data-history]")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("mico-history [data-original]")).to_contain_text(SPOKEN["speech_slt_1.wav"])
    expect(page.locator("mico-history [data-revision]")).to_contain_text("Mina")
    expect(page.locator("[data-history]")).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Enter")
    expect(page.locator("mico-history")).to_have_count(0)

    tab_to(page, "#find")
    page.keyboard.type("corrected")
    expect(page.locator(".line[data-found]")).to_have_count(1)
    tab_to(page, "[data-testid=end]")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("ended")).to_have_attribute("data-state", "ended")
    tab_to(page, "[data-testid=play]")
    page.keyboard.press("Enter")
    expect(page.locator("mico-player")).to_have_attribute("data-state", "playing")
