"""Searching in a meeting, also in lines that the page has not loaded, and in all meetings."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, connected
from tests.browser.test_window import LONG

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MARKED = "CSS.highlights.get('mico-found').size"


def test_words_are_found_counted_and_shown_wherever_they_are(visit: Callable[..., Page], site: Site) -> None:
    meeting = site.meeting()
    site.rows(meeting, LONG)
    page = connected(visit(f"/m/{meeting}/"))
    find, count = page.get_by_label("Find in this meeting"), page.locator("mico-search [role=status]")

    find.fill("LINE 39")  # finds 39, 139, 239, 339, and 390 to 399
    expect(count).to_have_text("1 of 14")
    expect(page.locator(".line[data-found] p.text")).to_have_text("Line 39.")
    page.wait_for_function(f"() => {MARKED} === 4")  # both words in two loaded lines
    find.press("Enter")
    expect(page.get_by_text("Line 139.", exact=True)).to_be_in_viewport()
    expect(count).to_have_text("2 of 14")
    find.press("Shift+Enter")
    find.press("Shift+Enter")
    expect(count).to_have_text("14 of 14")
    expect(page.get_by_text("Line 399.", exact=True)).to_be_in_viewport()
    expect(page.locator(".line[data-found] p.text")).to_have_text("Line 399.")
    page.locator("mico-search").get_by_role("button", name="Previous").click()
    expect(count).to_have_text("13 of 14")

    find.fill("nobody said this")
    expect(count).to_have_text("Not found")
    find.press("Escape")
    expect(count).to_have_text("")
    assert page.evaluate(MARKED) == 0


def test_what_is_said_meanwhile_is_found_too(visit: Callable[..., Page], site: Site) -> None:
    meeting = site.meeting()
    site.rows(meeting, 'a_row(meeting, texts=[(0, 900, "", "One apple.")])')
    page = connected(visit(f"/m/{meeting}/"))
    page.get_by_label("Find in this meeting").fill("apple")
    expect(page.locator("mico-search [role=status]")).to_have_text("1 of 1")
    site.rows(
        meeting,
        'row = a_row(meeting, offset_ms=9000, texts=[(0, 900, "", "Another apple.")]);'
        "from transcription.events import publish_recording; publish_recording(row)",
    )
    expect(page.locator("mico-search [role=status]")).to_have_text("1 of 2")
    expect(page.get_by_text("Another apple.", exact=True)).to_be_visible()
    page.wait_for_function(f"() => {MARKED} === 2")


def test_a_result_leads_to_the_very_line(visit: Callable[..., Page], site: Site) -> None:
    meeting = site.meeting("Findable")
    site.rows(meeting, LONG + 'a_row(meeting, offset_ms=900_100, texts=[(0, 1, "", "분기 예산 검토")])')
    page = visit("/search/?q=예산")
    page.get_by_test_id("hit").filter(has_text="분기").first.click()
    expect(page.get_by_text("분기 예산 검토")).to_be_in_viewport()
    expect(page.get_by_role("heading", name="Findable")).to_be_visible()
