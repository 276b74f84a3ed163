"""The layout on a wide screen: nothing overlaps, is cut off or moves."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, connected
from tests.browser.test_phone import box

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WIDE = {"width": 1280, "height": 800}
TABLET = {"width": 768, "height": 1024}
LONG_NAME = "Quarterly planning with Partnerships and Infrastructure"


@pytest.mark.parametrize("locale", ["en-GB", "ko-KR"])
def test_the_button_for_a_new_meeting_stands_beside_its_fields(
    visit: Callable[..., Page], locale: str
) -> None:
    page = visit("/", viewport=WIDE, locale=locale)
    title, button = box(page.locator("#id_title")), box(page.get_by_test_id("create"))
    assert abs(title["y"] - button["y"]) < 1
    assert abs(title["bottom"] - button["bottom"]) < 1


@pytest.mark.parametrize(
    ("viewport", "name"),
    [(WIDE, LONG_NAME), (TABLET, "Planning with Partnerships and all")],
    ids=["wide", "tablet"],
)
def test_a_title_is_not_cut_by_what_is_said_below_the_buttons(
    visit: Callable[..., Page], site: Site, viewport: dict[str, int], name: str
) -> None:
    page = connected(visit(f"/m/{site.meeting(name)}/", viewport=viewport, permissions=["microphone"]))
    title = page.get_by_role("heading", level=1)
    assert title.evaluate(
        "(h1) => h1.scrollWidth <= h1.clientWidth && h1.scrollHeight <= h1.clientHeight + 1"
    )
    expect(title).to_have_attribute("title", name)
    if viewport == WIDE:
        assert box(page.locator(".upload-form label"))["right"] == box(page.locator(".transport"))["right"]


def test_finding_moves_nothing_and_its_buttons_come_when_there_is_something(
    visit: Callable[..., Page], site: Site
) -> None:
    meeting = site.meeting()
    site.rows(meeting, 'a_row(meeting, texts=[(0, 900, "", "One apple.")])')
    page = connected(visit(f"/m/{meeting}/", viewport=WIDE))
    following = page.get_by_role("button", name="Next")
    below = page.get_by_role("heading", name="Transcription")
    expect(following).to_be_hidden()
    before = box(below)
    page.get_by_label("Find in this meeting").fill("apple")
    expect(following).to_be_visible()
    assert box(below) == before
    # The panel leaves room for the focused field's outline.
    field, panel = box(page.get_by_label("Find in this meeting")), box(page.locator("#panel"))
    assert field["x"] - panel["x"] >= 4
    assert panel["right"] - field["right"] >= 4


def test_export_comes_before_the_end_of_the_meeting(visit: Callable[..., Page], site: Site) -> None:
    page = connected(visit(f"/m/{site.meeting()}/", viewport=WIDE))
    headings = page.locator("#panel h2").all_inner_texts()
    assert headings == ["Find in this meeting", "Transcription", "People", "Export", "Language", "Meeting"]


def test_a_long_name_has_two_lines(visit: Callable[..., Page], site: Site) -> None:
    meeting = site.meeting()
    site.rows(
        meeting,
        "from transcription.models import Participant;"
        'Participant.objects.filter(meeting=meeting).update(name="Wilhelmina Featherstone");'
        'a_row(meeting, texts=[(0, 900, "", "Good morning.")])',
    )
    page = connected(visit(f"/m/{meeting}/", viewport=WIDE))
    who = page.get_by_test_id("line").locator(".who")
    expect(who).to_contain_text("Wilhelmina Featherstone")
    assert who.evaluate(
        "(who) => who.scrollWidth <= who.clientWidth && who.scrollHeight <= who.clientHeight + 1"
    )


def test_the_date_of_a_meeting_that_was_found_is_one_piece(visit: Callable[..., Page], site: Site) -> None:
    meeting = site.meeting(f"{LONG_NAME}, and the customer team in Seoul")
    site.rows(meeting, 'a_row(meeting, texts=[(0, 900, "", "Zirconium is mentioned once.")])')
    page = visit("/search/?q=zirconium", viewport=WIDE)
    date = page.locator(".found h2 .aside")
    assert date.evaluate("(date) => date.getClientRects().length") == 1
    assert box(date)["height"] < 30
    expect(date).to_have_css("font-weight", "400")


def test_what_is_pressed_is_called_what_is_read_on_it(visit: Callable[..., Page], site: Site) -> None:
    meeting = site.meeting()
    site.invite(meeting, "jun")
    for locale in "en-GB", "ko-KR":
        page = connected(visit(f"/m/{meeting}/", viewport=WIDE, locale=locale))
        page.locator(".person-menu summary").last.click()
        misnamed = page.evaluate(
            """() => [...document.querySelectorAll("[aria-label]:is(a, button, summary)")]
                .filter((element) => element.checkVisibility())
                .filter((element) => !element.ariaLabel.includes(element.innerText.trim()))
                .map((element) => element.outerHTML)"""
        )
        assert misnamed == []


def test_below_a_short_transcript_the_player_is_at_the_bottom_of_a_tall_window(
    visit: Callable[..., Page], site: Site
) -> None:
    meeting = site.meeting()
    site.rows(meeting, 'a_row(meeting, texts=[(0, 900, "", "Only this.")])')
    page = connected(visit(f"/m/{meeting}/", viewport={"width": 1280, "height": 2000}))
    expect(page.locator("mico-player")).to_be_visible()
    assert abs(box(page.locator("mico-player"))["bottom"] - 2000) < 1
    assert box(page.locator(".head"))["y"] < 100
