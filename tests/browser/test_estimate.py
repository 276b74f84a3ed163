"""The place in the queue and the estimated time beside a waiting recording, which need no request of their own."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, connected

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SAMPLES = """
from transcription.models import TurnaroundSample
TurnaroundSample.objects.all().delete()
TurnaroundSample.objects.bulk_create(
    TurnaroundSample(
        vendor="rtzr", model="whisper", length_class=3, audio_ms=200_000, running_ms=118_000, done_ms=122_000
    )
    for _ in range(30)
)
"""
FORGET = "from transcription.models import TurnaroundSample; TurnaroundSample.objects.all().delete()"
NOBODY_ELSE = """
from transcription.lifecycle import states
from transcription.models import Transcription
for row in Transcription.objects.live():
    states.transition(row, Transcription.Status.CANCELLED)
"""
OVER = """
from transcription.lifecycle import states
from transcription.models import Transcription
for row in Transcription.objects.filter(meeting={meeting}).live():
    states.transition(row, Transcription.Status.CANCELLED)
"""


@pytest.fixture
def three_files(site: Site) -> "Callable[[], int]":
    """Return a function that creates a meeting with one file at the vendor and two that wait for an hour."""

    def make() -> int:
        meeting = site.meeting()
        site.program(NOBODY_ELSE)  # jobs that other tests left would take up places
        site.program(SAMPLES)
        long = "kind='upload', duration_ms=200_000"
        site.rows(
            meeting,
            "from django.utils import timezone\n"
            f"a_row(meeting, {long}, status='processing', submitted_at=timezone.now(), offset_ms=1)\n"
            f"a_row(meeting, {long}, status='queued', offset_ms=2)\n"
            f"a_row(meeting, {long}, status='queued', offset_ms=3)\n",
        )
        return meeting

    return make


def test_what_waits_says_its_place_and_about_how_long(
    visit: Callable[..., Page], site: Site, three_files: Callable[[], int]
) -> None:
    meeting = three_files()
    asked: list[str] = []
    page = connected(visit(f"/m/{meeting}/"))
    page.on("request", lambda request: asked.append(request.url))
    told = page.get_by_test_id("estimate")

    expect(told).to_have_text(
        [
            "Done in about 2 minutes.",
            "Number 1 in the queue. Done in about 2 minutes.",
            "Number 2 in the queue. Done in about 2 minutes.",
        ]
    )
    site.gate("delayed", version=1)
    expect(told).to_have_text(["", "Number 1 in the queue.", "Number 2 in the queue."])
    site.gate("resumed", version=2)

    assert asked == []
    site.program(OVER.format(meeting=meeting) + FORGET)


def test_in_korean_too(visit: Callable[..., Page], site: Site, three_files: Callable[[], int]) -> None:
    meeting = three_files()

    page = connected(visit(f"/m/{meeting}/", locale="ko-KR"))

    expect(page.get_by_test_id("estimate").nth(1)).to_have_text("대기 순서 1번째. 약 2분 뒤에 끝납니다.")
    site.program(OVER.format(meeting=meeting) + FORGET)


def test_nothing_is_said_before_anything_is_known(visit: Callable[..., Page], site: Site) -> None:
    meeting = site.meeting()
    site.rows(
        meeting,
        "row = a_row(meeting, kind='upload', duration_ms=200_000, status='queued')\n"
        "type(row).objects.filter(pk=row.pk).update(language='ko')",  # a language whose model has no history
    )

    page = connected(visit(f"/m/{meeting}/"))

    expect(page.locator("#transcript [data-live]")).to_have_count(1)
    expect(page.get_by_test_id("estimate")).not_to_contain_text("Done")
    site.program(OVER.format(meeting=meeting))
