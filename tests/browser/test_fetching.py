"""When the page fetches changes: words at once, the other steps of recordings together."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Site, connected
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

COUNT = """() => {
    window.heard = 0;
    document.addEventListener("mico:recording.changed", () => (window.heard += 1));
}"""
RECORDINGS = "els => els.map(li => Number(li.dataset.recording))"


@pytest.fixture
def changes(visit: Callable[..., Page], site: Site) -> Callable[[], tuple[Page, Callable[[int, str], None]]]:
    """Return a function that opens a page with two recordings and a stopped clock.

    It returns the page and `tell(which, status)`, which publishes a new status of one of the two.
    """

    def make() -> tuple[Page, Callable[[int, str], None]]:
        meeting = site.meeting()
        site.rows(meeting, "for n in (1, 2): a_row(meeting, status='queued', offset_ms=n)")
        page = connected(visit(f"/m/{meeting}/"))
        ids = page.locator("[data-testid=line]").evaluate_all(RECORDINGS)
        page.evaluate(COUNT)
        page.clock.install(time=0)
        page.clock.pause_at(1000)
        told = 0

        def tell(which: int, status: str) -> None:
            nonlocal told
            told += 1
            event = {"meeting": meeting, "recording": ids[which], "version": 1000 + told, "status": status}
            site.publish(f"meeting.{meeting}", {"type": "recording.changed", **event})
            wait_until(lambda: page.evaluate("() => window.heard") == told)

        return page, tell

    return make


def test_words_are_fetched_at_once_and_take_along_what_waits(
    changes: Callable[[], tuple[Page, Callable[[int, str], None]]],
) -> None:
    page, tell = changes()
    tell(0, "submitting")
    tell(1, "done")

    with page.expect_request("**/recordings/?*") as made:
        page.clock.run_for(1)

    assert made.value.url.count("id=") == 2


def test_the_first_steps_of_recordings_are_fetched_together(
    changes: Callable[[], tuple[Page, Callable[[int, str], None]]],
) -> None:
    page, tell = changes()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    tell(0, "submitting")
    page.clock.run_for(100)
    tell(0, "processing")
    tell(1, "submitting")
    page.clock.run_for(99)
    assert asked == []

    with page.expect_request("**/recordings/?*"):
        page.clock.run_for(1)

    assert len(asked) == 1
    assert asked[0].count("id=") == 2
