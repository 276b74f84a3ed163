"""Each state of a meeting is shown on the page in words, once, in its own place.

Three notices with different causes may be visible together. `SHOTS=1` saves a picture of each state below
docs/screens/states.
"""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Complaints, Site, connected
from tests.browser.live import press_record, press_stop, spoke
from tests.browser.test_people import join
from tests.servers import BASE_DIR
from tests.waiting import patient, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SCREENS = BASE_DIR / "docs" / "screens" / "states"
VIEW = {"width": 1180, "height": 760}
ROWS = """
a_row(meeting, offset_ms=1000, texts=[(0, 900, "", "Good morning everyone. Shall we begin?")])
a_row(meeting, offset_ms=6000, texts=[(0, 900, "", "There were two things left open last week.")])
a_row(meeting, offset_ms=9000, status="queued")
"""
SAVED = "Your audio is saved."
ALL_IS_WELL = "There is nothing you need to do."


@pytest.fixture
def meeting(site: Site) -> int:
    """A meeting with a few lines and a recording in progress."""
    made = site.meeting("Weekly")
    site.rows(made, ROWS)
    return made


@pytest.fixture
def version(site: Site) -> Iterator[int]:
    """A version of the gate above all earlier ones. Afterwards `stt.resumed` is published."""
    number = int(datetime.now(UTC).timestamp() * 1000) % 10**9
    yield number
    site.gate("resumed", number + 1)


@pytest.fixture
def site_again(site: Site) -> Iterator[Site]:
    """The site, for a test that kills its web process. Afterwards this waits until it is ready again."""
    yield site
    wait_until(site.mico.ready)


def picture(page: Page, name: str) -> None:
    """Save a picture of the state if SHOTS is set."""
    if os.environ.get("SHOTS"):
        SCREENS.mkdir(exist_ok=True)
        page.screenshot(path=SCREENS / f"{name}.png")


def notices(page: Page) -> dict[str, str]:
    """Return the text of every visible notice, by its place."""
    places = {
        "delay": page.get_by_test_id("delay"),
        "idle": page.get_by_test_id("idle"),
        "connection": page.get_by_test_id("connection").locator("p"),
        "outbox": page.get_by_test_id("outbox"),
        "ended": page.locator(".ended"),
        "failure": page.get_by_test_id("failure"),
        "recorder": page.locator("[data-testid=recorder-message] .problem:not([hidden])"),
    }
    said = {
        name: " ".join(part.filter(visible=True).all_inner_texts()).strip() for name, part in places.items()
    }
    return {name: text for name, text in said.items() if text}


def says(place: Locator, *parts: str) -> None:
    """Check that each of the parts can be read there."""
    for part in parts:
        expect(place).to_contain_text(part, use_inner_text=True)


@pytest.mark.parametrize(
    ("name", "values", "words", "unsaid"),
    [
        (
            "delayed",
            {},
            ("The speech service is limiting requests.", "Since ", "Next try in", SAVED, ALL_IS_WELL),
            "administrator",
        ),
        (
            "quota",
            {"reason": "quota", "scope": "submit"},
            ("The speech service's quota is used up. Please tell an administrator.", SAVED),
            ALL_IS_WELL,
        ),
        (
            "credentials",
            {"reason": "credentials"},
            (
                "The speech-to-text account was refused. An administrator has been told."
                " Recordings are kept and go on by themselves.",
                "Next try in",
                SAVED,
                ALL_IS_WELL,
            ),
            "limiting",
        ),
        (
            "unavailable",
            {"reason": "unavailable"},
            ("The speech service does not answer.", "Next try in", SAVED, ALL_IS_WELL),
            "limiting",
        ),
        (
            "held",
            {"reason": "hold", "state": "held", "reopens_at": None, "note": "moving to another contract"},
            (
                "An administrator has paused transcription. (moving to another contract)",
                "It goes on when an administrator lets it.",
                SAVED,
            ),
            "Next try",
        ),
    ],
)
def test_a_delay(
    visit: Callable[..., Page],
    site: Site,
    meeting: int,
    version: int,
    name: str,
    values: dict[str, str | None],
    words: tuple[str, ...],
    unsaid: str,
) -> None:
    page = connected(visit(f"/m/{meeting}/", viewport=VIEW))
    site.gate("delayed", version, **values)
    expect(page.locator("mico-delay")).to_have_attribute("data-state", "delayed")
    says(page.get_by_test_id("delay"), *words)
    assert set(notices(page)) == {"delay"}
    assert unsaid not in notices(page)["delay"]
    picture(page, name)


def test_a_delay_of_an_ended_meeting_does_not_say_that_recording_goes_on(
    visit: Callable[..., Page], site: Site, meeting: int, version: int
) -> None:
    page = connected(visit(f"/m/{meeting}/", viewport=VIEW))
    page.get_by_test_id("end").click()
    expect(page.get_by_test_id("ended")).to_have_attribute("data-state", "ended")
    site.gate("delayed", version)
    says(page.get_by_test_id("delay"), SAVED)
    assert "Recording continues" not in notices(page)["delay"]
    boxes = [page.locator(".ended").bounding_box(), page.locator(".delay").bounding_box()]
    assert all(boxes)
    ended, delay = boxes
    assert ended
    assert delay
    assert ended["y"] + ended["height"] <= delay["y"]  # they do not overlap
    picture(page, "ended-and-delayed")


def test_no_worker(visit: Callable[..., Page], meeting: int) -> None:
    page = connected(visit(f"/m/{meeting}/", viewport=VIEW))
    page.evaluate(
        """() => document.dispatchEvent(new CustomEvent("mico:snapshot",
            {detail: {recordings: {}, stt: null, presence: {workers: 0, dispatchers: 1}}}))"""
    )
    says(page.get_by_test_id("idle"), "No worker is running", "Recordings are saved and wait.")
    assert set(notices(page)) == {"idle"}
    picture(page, "no-worker")


def test_a_lost_connection_and_a_server_that_came_back(
    visit: Callable[..., Page], site_again: Site, complaints: Complaints, meeting: int
) -> None:
    complaints.expected = ["WebSocket connection", "ERR_CONNECTION", "502", "Failed to load resource"]
    page = connected(visit(f"/m/{meeting}/", viewport=VIEW))
    page.evaluate("() => { window.loaded = 'once'; }")
    lost = page.get_by_test_id("connection").get_by_text("Connection lost")

    def is_told() -> bool:
        site_again.mico.kill("web")
        return lost.is_visible()

    wait_until(is_told, interval=0.5)
    says(page.get_by_test_id("connection"), "What you record is kept in this browser until it is back.")
    assert set(notices(page)) == {"connection"}
    picture(page, "connection-lost")

    expect(lost).to_be_hidden(timeout=1000 * patient(30))
    assert notices(page) == {}
    assert page.evaluate("window.loaded") == "once"


def test_a_failed_recording_and_nothing_said(visit: Callable[..., Page], site: Site) -> None:
    meeting = site.meeting()
    site.rows(
        meeting,
        'a_row(meeting, texts=[(0, 900, "", "This stays readable.")]);'
        'a_row(meeting, offset_ms=4000, status="failed", error_code="vendor_unavailable");'
        "a_row(meeting, offset_ms=9000)",
    )
    page = connected(visit(f"/m/{meeting}/", viewport=VIEW))
    says(
        page.get_by_test_id("failure"),
        "The speech service could not be reached, several times in a row.",
        "The audio is saved. Press Retry in a while.",
    )
    expect(page.get_by_test_id("retry")).to_have_count(1)
    expect(page.get_by_text("This stays readable.")).to_be_visible()
    expect(page.get_by_text("Nobody spoke.")).to_be_visible()
    assert set(notices(page)) == {"failure"}
    picture(page, "failed")


def test_nothing_yet(visit: Callable[..., Page], site: Site) -> None:
    page = connected(visit(f"/m/{site.meeting()}/", viewport=VIEW))
    says(page.locator("[data-empty]"), "Nothing has been said yet", "Press Record and speak")
    expect(page.locator("[data-empty]")).not_to_contain_text("after each pause", use_inner_text=True)
    assert notices(page) == {}
    picture(page, "empty")


def test_what_was_recorded_waits_and_its_cause_is_named(
    visit: Callable[..., Page], site: Site, complaints: Complaints
) -> None:
    complaints.expected = ["ERR_FAILED", "Failed to load resource"]
    page = connected(visit(f"/m/{site.meeting()}/", viewport=VIEW, permissions=["microphone"]))
    page.route("**/api/v1/meetings/*/recordings", lambda route: route.abort())
    press_record(page)
    spoke(page)
    press_stop(page)
    says(
        page.get_by_test_id("outbox"),
        "recorded and waiting to upload.",
        "The server cannot be reached. It is tried again by itself.",
    )
    assert set(notices(page)) == {"outbox"}
    expect(page.get_by_role("button", name="Try now")).to_have_count(1)
    picture(page, "waiting-to-upload")
    page.unroute("**/api/v1/meetings/*/recordings")
    page.get_by_role("button", name="Try now").click()
    expect(page.get_by_test_id("outbox")).to_be_hidden()


def test_recording_is_said_in_the_page_its_title_and_on_other_pages(
    visit: Callable[..., Page], site: Site
) -> None:
    meeting = site.meeting("Planning")
    page = connected(visit(f"/m/{meeting}/", viewport=VIEW, permissions=["microphone"]))
    record = page.locator("#record").bounding_box()
    press_record(page)
    assert page.locator("#record").bounding_box() == record  # the button does not move
    says(page.locator("#record"), "Stop")
    says(page.get_by_test_id("recorder-message"), "Recording. What you say is sent whenever you pause.")
    says(page.locator("[data-empty]"), "after each pause")
    assert page.title().startswith("● ")
    expect(page.get_by_test_id("person").locator("[data-recording]")).to_be_visible()
    picture(page, "recording")

    other = page.context.new_page()
    other.goto("/")
    expect(other.locator("recording-elsewhere")).to_have_text("Recording in “Planning”")
    picture(other, "recording-elsewhere")
    press_stop(page)
    expect(other.locator("recording-elsewhere")).to_be_hidden()
    assert not page.title().startswith("● ")


def test_a_meeting_opens_at_its_latest_lines_while_somebody_records(
    visit: Callable[..., Page], site: Site
) -> None:
    meeting = site.meeting()
    site.rows(meeting, 'a_row(meeting, texts=[(n * 1000, 900, "", f"Line {n}.") for n in range(200)])')
    page = connected(visit(f"/m/{meeting}/", permissions=["microphone"]))
    expect(page.get_by_text("Line 0.", exact=True)).to_be_in_viewport()
    press_record(page)
    expect(page.get_by_test_id("person").locator("[data-recording]")).to_be_visible()
    other = connected(visit(f"/m/{meeting}/"))
    expect(other.get_by_text("Line 199.", exact=True)).to_be_in_viewport()
    press_stop(page)
    expect(other.get_by_test_id("person").locator("[data-recording]")).to_be_hidden()
    later = connected(visit(f"/m/{meeting}/"))
    expect(later.get_by_text("Line 0.", exact=True)).to_be_in_viewport()


def test_an_ended_meeting(visit: Callable[..., Page], site: Site, meeting: int) -> None:
    page = connected(visit(f"/m/{meeting}/", viewport=VIEW))
    page.get_by_test_id("end").click()
    says(
        page.get_by_test_id("ended"),
        "This meeting has ended. Nothing new is recorded; what was said before is still written down.",
    )
    expect(page.locator("#record")).to_be_hidden()
    expect(page.locator("#microphone")).to_be_hidden()
    expect(page.get_by_test_id("reopen")).to_be_visible()
    assert set(notices(page)) == {"ended"}
    picture(page, "ended")


def test_a_link_that_was_turned_off_and_somebody_who_was_removed(
    visit: Callable[..., Page], site: Site, complaints: Complaints
) -> None:
    complaints.expected = ["404", "410"]
    owner = connected(visit(f"/m/{site.meeting()}/", viewport=VIEW))
    guest = join(visit, owner, "Gil")
    first = owner.locator("#join-address").input_value()
    owner.get_by_role("button", name="New link").click()
    expect(owner.locator("#join-address")).not_to_have_value(first)
    link = owner.locator("#join-address").input_value()
    owner.get_by_role("button", name="Turn the link off").click()
    expect(owner.get_by_role("button", name="Let people join by a link")).to_be_visible()
    late = visit(link, name=None, viewport=VIEW)
    says(late.get_by_role("main"), "This link does not lead in", "It was turned off or replaced")
    picture(late, "link-off")

    person = owner.get_by_test_id("person").filter(has_text="Gil")
    person.get_by_text("Change", exact=True).click()
    person.get_by_role("button", name="Remove from the meeting: Gil").click()
    says(guest.get_by_test_id("connection"), "You are not in this meeting any more.")
    assert set(notices(guest)) == {"connection"}
    picture(guest, "removed")
