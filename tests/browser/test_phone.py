"""A meeting on a phone: the side panel can be reached, and every control is large enough for a finger."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Site, connected
from tests.browser.live import press_record, press_stop

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
SMALL: dict[str, Any] = {**PHONE, "viewport": {"width": 360, "height": 640}}
LONG = 'a_row(meeting, texts=[(n * 4000, 900, "", f"Line {n}. " + "Words " * 12) for n in range(400)])'
FINGER = 40  # the least height of a control, in CSS pixels

# Returns the controls that are lower than that, except in the transcript, where the whole text can be pressed.
LOW = """(least) => [...document.querySelectorAll("a, button, summary, select, input, .choice")]
    .filter((element) => element.checkVisibility({visibilityProperty: true}))
    .filter((element) => !element.matches(".line .who *, .at, .skip, [type=file], [type=range], [type=checkbox]"))
    .filter((element) => element.getBoundingClientRect().height < least)
    .map((element) => element.outerHTML.slice(0, 120))"""

MANY_MEETINGS = """
from django.contrib.auth.models import User
from transcription.people.meetings import create_meeting
for n in range(31):
    create_meeting(User.objects.get(username="mina"), f"Meeting {n}", "en")
"""


def box(place: Locator) -> dict[str, float]:
    """Return its bounding box, with right and bottom."""
    found = place.bounding_box()
    assert found
    x, y, width, height = found["x"], found["y"], found["width"], found["height"]
    return {"x": x, "y": y, "width": width, "height": height, "right": x + width, "bottom": y + height}


@pytest.fixture(scope="module")
def long_meeting(site: Site) -> int:
    """A meeting with several windows of lines."""
    made = site.meeting("Long")
    site.rows(made, LONG)
    return made


def test_people_search_and_export_are_at_hand_in_the_middle_of_a_long_meeting(
    visit: Callable[..., Page], long_meeting: int
) -> None:
    page = connected(visit(f"/m/{long_meeting}/", **PHONE))
    page.evaluate("() => window.scrollTo(0, 3000)")
    panel = page.get_by_role("complementary", name="About this meeting")
    expect(panel).to_be_hidden()
    opener = page.get_by_role("button", name="About this meeting")
    opener.click()
    for name in "Invite", "SRT", "End the meeting":
        page.get_by_role("button", name=name).scroll_into_view_if_needed()
        expect(page.get_by_role("button", name=name)).to_be_in_viewport()
    page.get_by_label("Find in this meeting").fill("line 333")
    found = page.locator(".line[data-found]")
    expect(found).to_contain_text("Line 333.")
    # The line is visible between the bar above and the sheet below.
    page.wait_for_function(
        """() => {
            const line = document.querySelector(".line[data-found]").getBoundingClientRect();
            return line.top >= document.querySelector(".head").getBoundingClientRect().bottom
                && line.bottom <= document.querySelector("#panel").getBoundingClientRect().top;
        }"""
    )
    page.keyboard.press("Escape")  # empties the field
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(opener).to_be_focused()
    opener.click()
    page.get_by_role("button", name="Close").click()
    expect(panel).to_be_hidden()


def test_beside_the_transcript_there_is_no_button_for_it(
    visit: Callable[..., Page], long_meeting: int
) -> None:
    page = connected(visit(f"/m/{long_meeting}/", viewport={"width": 1280, "height": 800}))
    expect(page.get_by_role("complementary", name="About this meeting")).to_be_visible()
    expect(page.locator(".panel-open")).to_be_hidden()
    expect(page.locator(".panel-close")).to_be_hidden()


@pytest.mark.parametrize("locale", ["en-GB", "ko-KR"])
def test_everything_that_is_pressed_is_as_high_as_a_finger(
    visit: Callable[..., Page], site: Site, locale: str
) -> None:
    meeting = site.meeting("A line of each kind")
    site.rows(
        meeting,
        'a_row(meeting, offset_ms=1000, texts=[(0, 900, "", "Good morning.")]);'
        'a_row(meeting, offset_ms=5000, status="failed", error_code="vendor_unavailable", error_detail="x");'
        'a_row(meeting, offset_ms=9000, status="processing");'
        'a_row(meeting, offset_ms=11000, status="cancelled")',
    )
    page = connected(visit(f"/m/{meeting}/", locale=locale, **PHONE))
    expect(page.locator("mico-player")).to_be_visible()
    assert page.evaluate(LOW, FINGER) == []
    page.locator(".panel-open").click()
    page.locator(".person-menu summary").click()
    page.get_by_test_id("join-link").locator("button[value=on]").click()
    expect(page.locator("#join-address")).to_be_visible()
    assert page.evaluate(LOW, FINGER) == []
    site.program(MANY_MEETINGS)  # enough for a second page of the list
    expect(visit("/", locale=locale, **PHONE).locator(".pages a[rel=next]")).to_be_visible()
    for address in "/", "/search/?q=morning", "/accounts/password/":
        assert visit(address, locale=locale, **PHONE).evaluate(LOW, FINGER) == [], address


def test_a_line_can_be_edited_and_that_costs_it_no_height(
    visit: Callable[..., Page], long_meeting: int
) -> None:
    page = connected(visit(f"/m/{long_meeting}/", **PHONE))
    line = page.get_by_test_id("line").nth(1)
    text, edit = box(line.locator("p.text")), box(line.get_by_role("button", name="Edit"))
    assert edit["x"] >= text["right"]
    assert edit["width"] >= FINGER
    assert box(line)["height"] - text["height"] < 16
    line.get_by_role("button", name="Edit").click()
    expect(page.get_by_label("Text of this line")).to_be_focused()
    assert box(page.get_by_label("Text of this line"))["width"] > 340


@pytest.mark.parametrize("phone", [PHONE, SMALL], ids=["390", "360"])
@pytest.mark.parametrize("locale", ["en-GB", "ko-KR"])
def test_the_bar_has_room_for_a_recording(
    visit: Callable[..., Page], site: Site, phone: dict[str, Any], locale: str
) -> None:
    page = connected(visit(f"/m/{site.meeting()}/", permissions=["microphone"], locale=locale, **phone))
    buttons = [page.locator(name) for name in ("#record", ".upload-form label", ".panel-open")]
    before = [box(button) for button in buttons]
    press_record(page)
    expect(page.get_by_test_id("level-word")).not_to_be_empty()
    assert [box(button) for button in buttons] == before
    assert len({place["y"] for place in before}) == 1  # all in one row
    shown = [buttons[0], page.get_by_test_id("level-word"), *buttons[1:]]
    for left, right in pairwise(shown):
        assert box(left)["right"] <= box(right)["x"]
    assert box(buttons[-1])["right"] <= phone["viewport"]["width"]
    press_stop(page)


def test_below_a_short_transcript_the_player_is_at_the_bottom(visit: Callable[..., Page], site: Site) -> None:
    meeting = site.meeting()
    site.rows(meeting, 'a_row(meeting, texts=[(0, 900, "", "Only this.")])')
    page = connected(visit(f"/m/{meeting}/", **PHONE))
    expect(page.locator("mico-player")).to_be_visible()
    assert abs(box(page.locator("mico-player"))["bottom"] - 844) < 1


def test_that_nobody_works_is_said_above_the_transcript(
    visit: Callable[..., Page], long_meeting: int
) -> None:
    page = connected(visit(f"/m/{long_meeting}/", **PHONE))
    notice = page.locator(".idle-above")
    expect(notice).to_be_hidden()
    page.evaluate(
        """() => document.dispatchEvent(new CustomEvent("mico:snapshot",
            {detail: {recordings: {}, stt: null, presence: {workers: 0, dispatchers: 1}}}))"""
    )
    expect(notice).to_be_visible()
    expect(notice).to_contain_text("No worker is running")


def test_an_ended_meeting_has_no_gap_above_its_notice(visit: Callable[..., Page], site: Site) -> None:
    meeting = site.meeting()
    site.program(
        "from django.utils import timezone; from transcription.models import Meeting;"
        f"Meeting.objects.filter(pk={meeting}).update(ended_at=timezone.now())"
    )
    page = connected(visit(f"/m/{meeting}/", permissions=["microphone"], **PHONE))
    expect(page.locator("#microphone option")).to_have_count(3)
    title, notice = box(page.locator(".title")), box(page.locator(".ended"))
    assert notice["y"] - title["bottom"] < 24
    expect(page.get_by_role("button", name="About this meeting")).to_be_visible()


def test_the_header_is_one_row(visit: Callable[..., Page]) -> None:
    page = visit("/", **PHONE)
    rows = {
        round(box(page.locator(name))["y"] + box(page.locator(name))["height"] / 2)
        for name in (".brand", ".me")
    }
    assert len(rows) == 1
    page.get_by_role("button", name="한국어").click()
    expect(page.get_by_role("button", name="English")).to_be_visible()
    expect(page.get_by_role("button", name="한국어")).to_be_hidden()
