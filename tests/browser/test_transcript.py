"""The transcript: lines that arrive while somebody reads, and Retry."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Site, connected

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LONG = 'a_row(meeting, texts=[(n * 4000, 900, "", f"Line {n}. " + "Words " * 25) for n in range(60)])\n'
FINISH = """
from transcription.lifecycle import states
from transcription.models import Transcription, Utterance
row = Transcription.objects.get(meeting={meeting}, status="processing")
for n, (start, text) in enumerate({texts}):
    Utterance.objects.create(transcription=row, position=n, start_ms=start, duration_ms=500, text=text)
states.transition(row, Transcription.Status.DONE)
"""


def finish(site: Site, meeting: int, *texts: tuple[int, str]) -> None:
    """Finish the one recording in progress with lines given as (start_ms, text)."""
    site.program(FINISH.format(meeting=meeting, texts=list(texts)))


def test_words_take_the_place_of_what_waited_for_them(visit: Callable[..., Page], site: Site) -> None:
    meeting = site.meeting()
    site.rows(
        meeting,
        'a_row(meeting, offset_ms=1000, texts=[(0, 900, "", "First.")]);'
        'a_row(meeting, offset_ms=5000, status="processing");'
        'a_row(meeting, offset_ms=9000, texts=[(0, 900, "", "Third.")])',
    )
    page = connected(visit(f"/m/{meeting}/"))
    expect(page.locator("#transcript p.text")).to_have_text(["First.", "Third."])

    finish(site, meeting, (0, "Second."), (7000, "Last."))

    expect(page.locator("#transcript p.text")).to_have_text(["First.", "Second.", "Third.", "Last."])
    expect(page.locator("[data-announce]")).to_contain_text("Mina: Second.")
    expect(page.locator("[data-count=processing]")).to_have_text("0")


def test_what_somebody_reads_stays_where_it_is(visit: Callable[..., Page], site: Site) -> None:
    meeting = site.meeting()
    site.rows(meeting, LONG + 'a_row(meeting, offset_ms=5000, status="processing")')
    page = connected(visit(f"/m/{meeting}/"))
    line = page.get_by_text("Line 30.")
    line.evaluate("(element) => element.scrollIntoView({block: 'center'})")
    before = line.bounding_box()

    finish(site, meeting, *[(n, f"Above {n}. " + "More words. " * 20) for n in range(5)])

    expect(page.locator("#transcript").get_by_text("Above 4.")).to_be_attached()
    after = line.bounding_box()
    assert before
    assert after
    assert abs(after["y"] - before["y"]) < 2


def test_who_reads_above_is_offered_the_way_down_and_who_is_there_goes_along(
    visit: Callable[..., Page], site: Site
) -> None:
    meeting = site.meeting()
    site.rows(meeting, LONG + 'a_row(meeting, offset_ms=400_000, status="processing")')
    above, below = connected(visit(f"/m/{meeting}/")), connected(visit(f"/m/{meeting}/"))
    below.evaluate("() => window.scrollTo(0, 1e6)")

    finish(site, meeting, (0, "The newest words. " + "More. " * 400))

    jump = above.get_by_role("button", name="Jump to latest")
    expect(jump).to_be_visible()
    assert above.evaluate("window.scrollY") == 0
    expect(below.locator("#transcript").get_by_text("The newest words.")).to_be_visible()
    assert below.evaluate(
        "document.querySelector('#transcript').getBoundingClientRect().bottom <= window.innerHeight + 1"
    )
    jump.click()
    expect(jump).to_be_hidden()


def test_older_lines_than_those_shown_are_dropped(visit: Callable[..., Page], site: Site) -> None:
    meeting = site.meeting()
    site.rows(meeting, 'a_row(meeting, version=5, texts=[(0, 900, "", "The truth.")])')
    page = connected(visit(f"/m/{meeting}/"))
    recording = int(page.get_by_test_id("line").get_attribute("data-recording") or 0)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.evaluate(  # after each event, note of how many recordings the transcript wants newer lines
        """() => {
            const transcript = document.querySelector("mico-transcript");
            window.wanted = [];
            document.addEventListener("mico:recording.changed", () => window.wanted.push(transcript.newer.size));
        }"""
    )

    event = {"type": "recording.changed", "meeting": meeting, "recording": recording, "status": "processing"}
    site.publish(f"meeting.{meeting}", {**event, "version": 5})
    site.publish(f"meeting.{meeting}", {**event, "version": 4})
    page.wait_for_function("() => window.wanted.length === 2")
    assert page.evaluate("window.wanted") == [0, 0]
    assert requests == []


def test_what_changes_while_an_answer_is_under_way_is_asked_for_again(
    visit: Callable[..., Page], site: Site
) -> None:
    meeting = site.meeting()
    site.rows(meeting, 'a_row(meeting, status="processing")')
    page = connected(visit(f"/m/{meeting}/"))
    line = page.get_by_test_id("line")
    recording, version = (int(line.get_attribute(name) or 0) for name in ("data-recording", "data-version"))
    newer = f"Transcription.objects.filter(meeting={meeting}).update(version={version + 1})"
    site.program(f"from transcription.models import Transcription; {newer}")
    event = {"type": "recording.changed", "meeting": meeting, "recording": recording, "status": "processing"}
    asked: list[str] = []

    def slow(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) > 1:
            return route.continue_()
        answer = route.fetch()  # the state now; another change happens before the page gets it
        finish(site, meeting, (0, "The words."))
        route.fulfill(response=answer)
        return None

    page.route(f"**/m/{meeting}/recordings/?*", slow)
    site.publish(f"meeting.{meeting}", {**event, "version": version + 1})
    expect(page.locator("#transcript p.text")).to_have_text(["The words."])
    assert len(asked) == 2


def test_retry_keeps_the_page_and_shows_the_new_transcription(visit: Callable[..., Page], site: Site) -> None:
    meeting = site.meeting()
    site.rows(meeting, 'a_row(meeting, status="failed", error_code="vendor_failed")')
    page = connected(visit(f"/m/{meeting}/"))
    page.evaluate("() => { window.untouched = true; }")
    page.get_by_test_id("retry").click()
    # The file of this row does not exist, so the new transcription fails for that reason.
    expect(page.get_by_test_id("failure")).to_contain_text("cannot be found in the storage")
    assert page.evaluate("window.untouched")


def test_marking_words_to_copy_them_plays_nothing(visit: Callable[..., Page], site: Site) -> None:
    meeting = site.meeting()
    site.rows(meeting, 'a_row(meeting, texts=[(0, 900, "", "Mark these words please.")])')
    page = connected(visit(f"/m/{meeting}/"))
    box = page.get_by_text("Mark these words please.").bounding_box()
    assert box
    page.mouse.move(box["x"] + 2, box["y"] + 8)
    page.mouse.down()
    page.mouse.move(box["x"] + 90, box["y"] + 8, steps=5)
    page.mouse.up()
    assert page.evaluate("document.querySelector('mico-player').playback.playing") is False
