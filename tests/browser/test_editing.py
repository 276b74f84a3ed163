"""Editing a line by keyboard. Everybody sees it at once, and two edits at the same time lose nothing."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Complaints, Site, connected

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def meeting(site: Site) -> int:
    made = site.meeting()
    site.rows(made, 'a_row(meeting, texts=[(0, 900, "", "Helo wrld."), (5000, 900, "", "Other line.")])')
    return made


def opened(page: Page) -> Page:
    """Open the editor of the first line by keyboard. Return the page."""
    button = page.locator("#transcript .line").first.get_by_role("button", name="Edit", exact=True)
    button.focus()
    button.press("Enter")
    expect(page.get_by_label("Text of this line")).to_be_focused()
    return page


def test_an_edit_by_keyboard_is_on_everybodys_page_and_can_be_taken_back(
    visit: Callable[..., Page], meeting: int
) -> None:
    page, other = connected(visit(f"/m/{meeting}/")), connected(visit(f"/m/{meeting}/"))
    field = opened(page).get_by_label("Text of this line")
    field.fill("Hello world.")
    field.press("Enter")
    for shown in page, other:
        expect(shown.locator("#transcript p.text").first).to_have_text("Hello world.")
        expect(shown.locator("#transcript .edited")).to_have_text("edited")
    expect(page.get_by_label("Text of this line")).to_have_count(0)

    opened(page).get_by_role("button", name="Bring back the original words").click()
    for shown in page, other:
        expect(shown.locator("#transcript p.text").first).to_have_text("Helo wrld.")
        expect(shown.locator("#transcript .edited")).to_have_count(0)


def test_escape_closes_and_keeps_what_was_typed(visit: Callable[..., Page], meeting: int) -> None:
    page = connected(visit(f"/m/{meeting}/"))
    with page.expect_response("**/api/v1/utterances/*"):
        field = opened(page).get_by_label("Text of this line")
    field.fill("Half a thou")
    field.press("Escape")
    expect(page.locator("mico-editor")).to_have_count(0)
    expect(page.locator("#transcript p.text").first).to_have_text("Helo wrld.")
    expect(opened(page).get_by_label("Text of this line")).to_have_value("Half a thou")


def test_the_second_of_two_sees_the_others_text_and_decides(
    visit: Callable[..., Page], meeting: int, complaints: Complaints
) -> None:
    complaints.expected = ["409"]
    page, other = connected(visit(f"/m/{meeting}/")), connected(visit(f"/m/{meeting}/"))
    mine, theirs = (
        opened(page).get_by_label("Text of this line"),
        opened(other).get_by_label("Text of this line"),
    )
    mine.fill("Mine.")
    theirs.fill("Theirs.")
    theirs.press("Control+Enter")
    # The line is replaced under the open editor, which stays open with what was typed.
    expect(page.locator("#transcript p.text").first).to_have_text("Theirs.")
    expect(mine).to_have_value("Mine.")
    expect(mine).to_be_focused()

    mine.press("Enter")
    expect(page.locator("[data-conflict]")).to_contain_text("Theirs.")
    expect(mine).to_have_value("Mine.")
    page.get_by_role("button", name="Keep my text").click()
    for shown in page, other:
        expect(shown.locator("#transcript p.text").first).to_have_text("Mine.")
