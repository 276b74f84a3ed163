"""How much of a recording is done, in its line, where the speech service tells it."""

import io
import re
import wave
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, connected
from tests.browser.test_estimate import OVER
from tests.waiting import patient, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def silence(seconds: int) -> bytes:
    """A WAV in which nobody speaks."""
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16_000 * seconds))
    return made.getvalue()


@pytest.fixture
def telling(site: Site) -> Iterator[None]:
    """Have the speech service take 40 s for what it gets, and tell meanwhile how far it is."""
    site.mico.emulator.turnaround(seconds=40, progress=True)
    yield
    site.mico.emulator.turnaround()


@pytest.fixture
def three_files(site: Site) -> Iterator[int]:
    """A meeting with three files at the vendor: of 40 minutes, of 3 minutes, and one of which nothing is told."""
    meeting = site.meeting()
    site.rows(
        meeting,
        "from django.utils import timezone\n"
        "now = timezone.now()\n"
        "told = dict(kind='upload', status='processing', submitted_at=now, seen_running_at=now)\n"
        "told['progress_speed'] = 10.0\n"
        "a_row(meeting, duration_ms=2_400_000, offset_ms=1, progress_ms=779_000, **told)\n"
        "a_row(meeting, duration_ms=180_000, offset_ms=2, progress_ms=80_900, **told)\n"
        "a_row(meeting, duration_ms=180_000, offset_ms=3, **told)\n",
    )
    yield meeting
    site.program(OVER.format(meeting=meeting))


def test_the_figure_of_a_file_grows_until_its_words_are_there(
    visit: Callable[..., Page], site: Site, telling: None
) -> None:
    meeting = site.meeting()
    page = connected(visit(f"/m/{meeting}/"))
    page.evaluate("() => { window.stayed = true; }")
    files = {"audio": ("talk.wav", silence(240))}
    answer = site.mico.api("post", f"/meetings/{meeting}/recordings", site.token, files=files)
    assert answer.status_code == 201
    told = page.get_by_test_id("progress")

    def seconds() -> int:
        found = re.fullmatch(
            r"(?:(\d) minutes? ?)?(?:(\d+) seconds? )?of 4 minutes\.", told.first.text_content() or ""
        )
        return 60 * int(found[1] or 0) + int(found[2] or 0) if found else 0

    expect(told).to_have_text(re.compile("of 4 minutes"), timeout=patient(30_000))
    figures = [seconds()]
    for _ in range(2):
        wait_until(lambda: seconds() > figures[-1], timeout=30)
        figures.append(seconds())

    assert 0 < figures[0] < figures[1] < figures[2] <= 240
    shown = site.mico.api("get", f"/recordings/{answer.json()['id']}", site.token).json()["progress_ms"]
    assert shown is None or shown >= 1000 * figures[-1]  # None: it is done by now
    expect(page.get_by_text("Nobody spoke.")).to_be_visible(timeout=patient(40_000))
    expect(told).to_have_count(0)
    assert page.evaluate("() => window.stayed")


def test_a_long_file_is_told_in_minutes_a_short_one_in_seconds_and_nothing_where_nothing_is_told(
    visit: Callable[..., Page], site: Site, three_files: int
) -> None:
    asked: list[str] = []
    page = connected(visit(f"/m/{three_files}/"))
    page.on("request", lambda request: asked.append(request.url))
    told = page.get_by_test_id("progress")
    expect(told).to_have_text(["12 of 40 minutes.", "1 minute 20 seconds of 3 minutes.", ""])
    expect(told.nth(2)).to_be_hidden()

    recording = int(page.locator("#transcript .line").nth(2).get_attribute("data-recording") or 0)

    def tell(progress_ms: int) -> None:
        event = {"type": "recording.changed", "meeting": three_files, "recording": recording, "version": 1}
        site.publish(f"meeting.{three_files}", event | {"status": "processing", "progress_ms": progress_ms})

    tell(60_000)
    expect(told.nth(2)).to_have_text("1 minute of 3 minutes.")
    tell(30_000)  # late: it never goes back
    tell(90_000)
    expect(told.nth(2)).to_have_text("1 minute 30 seconds of 3 minutes.")
    assert asked == []


def test_in_korean_too(visit: Callable[..., Page], three_files: int) -> None:
    page = connected(visit(f"/m/{three_files}/", locale="ko-KR"))

    expect(page.get_by_test_id("progress")).to_have_text(["40분 중 12분.", "3분 중 1분 20초.", ""])


def test_while_results_are_delayed_the_figure_is_hidden(
    visit: Callable[..., Page], site: Site, three_files: int
) -> None:
    page = connected(visit(f"/m/{three_files}/"))
    told = page.get_by_test_id("progress").first
    expect(told).to_be_visible()

    site.gate("delayed", version=901)
    expect(told).to_be_hidden()

    site.gate("resumed", version=902)
    expect(told).to_be_visible()
