"""A long transcript: the page holds a window of its lines and loads more as people scroll."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Complaints, Site, connected
from tests.browser.test_transcript import finish
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LONG = """
for n in range(40):
    a_row(meeting, offset_ms=n * 40_000, texts=[(k * 4000, 900, "", f"Line {n * 10 + k}.") for k in range(10)])
"""
LINES = 400
NUMBERS = """[...document.querySelectorAll("#transcript > .line")].map(
  (li) => Number(/Line (\\d+)/.exec(li.textContent)?.[1]))"""


@pytest.fixture(scope="module")
def long_meeting(site: Site) -> int:
    """A meeting of 400 lines, which no test of this module changes."""
    meeting = site.meeting()
    site.rows(meeting, LONG)
    return meeting


def in_a_row(page: Page) -> bool:
    """Return whether the lines on the page have no gap between them."""
    numbers = page.evaluate(NUMBERS)
    return bool(numbers == list(range(numbers[0], numbers[0] + len(numbers))))


def test_who_reads_on_gets_to_the_last_line_without_a_gap(
    visit: Callable[..., Page], long_meeting: int
) -> None:
    page = connected(visit(f"/m/{long_meeting}/"))
    assert len(page.evaluate(NUMBERS)) < LINES
    page.mouse.move(400, 500)

    def at_the_end() -> bool:
        page.mouse.wheel(0, 1500)
        return page.get_by_text("Line 399.", exact=True).count() == 1

    wait_until(at_the_end)
    assert in_a_row(page)
    assert len(page.evaluate(NUMBERS)) == LINES
    expect(page.locator("[data-more]")).to_have_count(0)


def test_what_comes_in_above_moves_nothing(visit: Callable[..., Page], long_meeting: int) -> None:
    page = connected(visit(f"/m/{long_meeting}/?at=latest"))
    first, last = page.evaluate(NUMBERS)[0], page.evaluate(NUMBERS)[-1]
    assert last == LINES - 1
    expect(page.get_by_text("Line 399.", exact=True)).to_be_in_viewport()
    line = page.get_by_text(f"Line {first + 20}.", exact=True)
    with page.expect_response(lambda response: "before=" in response.url):
        line.evaluate("(element) => element.scrollIntoView({block: 'center'})")
        before = line.bounding_box()
    page.wait_for_function(f"(first) => {NUMBERS}[0] < first", arg=first)
    after = line.bounding_box()
    assert before
    assert after
    assert abs(after["y"] - before["y"]) < 2
    assert in_a_row(page)


def test_a_link_to_a_line_opens_there(visit: Callable[..., Page], site: Site, long_meeting: int) -> None:
    recording = int(
        site.program(
            "from transcription.models import Recording;"
            f"print(Recording.objects.get(meeting={long_meeting}, offset_ms=800_000).pk)"
        )
    )
    page = connected(visit(f"/m/{long_meeting}/?at={recording}.5#line-{recording}-5"))
    expect(page.get_by_text("Line 205.", exact=True)).to_be_in_viewport()
    assert in_a_row(page)


def test_jump_to_latest_leads_there_from_the_beginning(visit: Callable[..., Page], long_meeting: int) -> None:
    page = connected(visit(f"/m/{long_meeting}/"))
    expect(page.get_by_text("Line 399.", exact=True)).to_have_count(0)
    page.get_by_role("button", name="Jump to latest").click()
    expect(page.get_by_text("Line 399.", exact=True)).to_be_in_viewport()
    expect(page.get_by_role("button", name="Jump to latest")).to_be_hidden()
    assert in_a_row(page)


def test_what_is_said_far_below_is_counted_and_nothing_is_put_in_the_wrong_place(
    visit: Callable[..., Page], site: Site
) -> None:
    meeting = site.meeting()
    site.rows(meeting, LONG + 'a_row(meeting, offset_ms=1_600_000, status="processing")')
    page = connected(visit(f"/m/{meeting}/"))
    expect(page.locator("[data-count=processing]")).to_have_text("1")  # although it is outside the window

    finish(site, meeting, (0, "Line 400."), (1000, "Line 401."))

    expect(page.get_by_role("button", name="Jump to latest 2 new lines")).to_be_visible()
    expect(page.locator("[data-count=processing]")).to_have_text("0")
    assert in_a_row(page)
    page.get_by_role("button", name="Jump to latest").click()
    expect(page.get_by_text("Line 401.", exact=True)).to_be_in_viewport()


def test_a_file_with_many_lines_arrives_as_a_window(visit: Callable[..., Page], site: Site) -> None:
    meeting = site.meeting()
    site.rows(meeting, 'a_row(meeting, offset_ms=0, kind="upload", status="processing")')
    page = connected(visit(f"/m/{meeting}/"))
    finish(site, meeting, *[(n * 1000, f"Line {n}.") for n in range(LINES)])
    expect(page.get_by_text("Line 20.", exact=True)).to_be_attached()
    assert len(page.evaluate(NUMBERS)) < LINES
    assert in_a_row(page)


def test_without_scripts_links_lead_through_the_transcript(
    visit: Callable[..., Page], long_meeting: int
) -> None:
    page = visit(f"/m/{long_meeting}/", java_script_enabled=False)
    expect(page.get_by_role("link", name="Earlier lines")).to_have_count(0)
    page.get_by_role("link", name="Later lines").click()
    expect(page.get_by_text("Line 160.", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Earlier lines")).to_have_count(1)


def test_without_a_connection_the_lines_stay_and_the_way_on_works_later(
    visit: Callable[..., Page], long_meeting: int, complaints: Complaints
) -> None:
    complaints.expected = ["Failed to load resource"]
    page = connected(visit(f"/m/{long_meeting}/"))
    page.route("**/transcript/**", lambda route: route.abort())
    page.get_by_role("button", name="Jump to latest").click()
    expect(page.get_by_text("That did not work. Please try again.")).to_be_visible()
    assert in_a_row(page)
    page.unroute("**/transcript/**")
    page.get_by_role("button", name="Jump to latest").click()
    expect(page.get_by_text("Line 399.", exact=True)).to_be_in_viewport()
    expect(page.get_by_text("That did not work. Please try again.")).to_be_hidden()


def test_one_heading_for_what_one_person_says_in_a_row(visit: Callable[..., Page], site: Site) -> None:
    meeting = site.meeting()
    site.rows(
        meeting,
        "from transcription.people.meetings import invite; from django.contrib.auth.models import User\n"
        'jun = invite(meeting, User.objects.get(username="jun"))\n'
        'a_row(meeting, texts=[(0, 900, "", "One."), (9000, 900, "", "Three.")]);'
        'a_row(meeting, offset_ms=5000, participant=jun, status="processing")',
    )
    headings = """[...document.querySelectorAll("#transcript > .line")].map((li) =>
      [li.querySelector(".who").lastChild.textContent, !li.hasAttribute("data-goes-on")])"""
    page = connected(visit(f"/m/{meeting}/"))
    assert page.evaluate(headings) == [["Mina", True], ["Jun", True], ["Mina", True]]
    site.rows(meeting, 'a_row(meeting, offset_ms=2000, texts=[(0, 900, "", "Two.")])')
    finish(site, meeting, (0, "Jun says."), (1000, "Jun goes on."))
    expect(page.locator("#transcript p.text")).to_have_text(["One.", "Jun says.", "Jun goes on.", "Three."])
    assert page.evaluate(headings) == [["Mina", True], ["Jun", True], ["Jun", False], ["Mina", True]]
    page.reload()
    assert page.evaluate(headings) == [["Mina", v] for v in (True, False)] + [
        ["Jun", True],
        ["Jun", False],
        ["Mina", True],
    ]


def test_who_has_scrolled_up_is_left_alone_and_who_comes_back_goes_along(
    visit: Callable[..., Page], site: Site
) -> None:
    meeting = site.meeting()
    site.rows(
        meeting,
        'a_row(meeting, texts=[(n * 4000, 900, "", f"Line {n}. " + "Words " * 25) for n in range(30)]);'
        "[a_row(meeting, offset_ms=n, status='queued') for n in (300_000, 400_000)]",
    )
    page = connected(visit(f"/m/{meeting}/"))
    page.mouse.move(400, 500)
    page.evaluate("() => window.scrollTo(0, 1e6)")
    answer = """
from transcription.lifecycle import states
from transcription.models import Transcription, Utterance
row = Transcription.objects.filter(meeting={meeting}, status="queued").order_by("recording__offset_ms")[0]
states.transition(row, "submitting")
Utterance.objects.create(transcription=row, position=0, start_ms=0, duration_ms=9, text="{text} " + "more " * 600)
states.transition(row, "done")
"""
    page.mouse.wheel(0, -200)
    wait_until(
        lambda: page.evaluate("window.scrollY + window.innerHeight < document.body.scrollHeight - 150")
    )
    y = page.evaluate("window.scrollY")
    site.program(answer.format(meeting=meeting, text="First."))
    expect(page.locator("#transcript").get_by_text("First.")).to_be_attached()
    assert page.evaluate("window.scrollY") == y

    page.get_by_role("button", name="Jump to latest").click()
    site.program(answer.format(meeting=meeting, text="Second."))
    expect(page.locator("#transcript").get_by_text("Second.")).to_be_visible()
    assert page.evaluate(
        "document.querySelector('#transcript').getBoundingClientRect().bottom <= window.innerHeight + 1"
    )
