"""The vendor console, live: it shows changes of the gate without a reload, and its buttons work."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Complaints, Site, connected

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CONSOLE = "/admin/transcription/gateevent/vendor/rtzr/"

# Reports an outcome to the gate, as a worker does.
REPORT = """
from transcription.service import reports
from transcription.gate import *
from transcription.live.redis_client import redis_client
gate = Gate(redis_client(), "rtzr")
reports.report(gate, gate.acquire(Purpose.SUBMIT), {outcome})
"""


@pytest.fixture
def reported(site: Site) -> Iterator[Callable[[str], None]]:
    """Return a function that reports an outcome to the gate from another process.

    Afterwards the gate's state is deleted: a cap on jobs that it learned here would change other tests' estimates.
    """

    def report(outcome: str) -> None:
        site.program(REPORT.format(outcome=outcome))

    yield report
    site.program(
        "from transcription.service import reports; from transcription.gate import Gate;"
        "from transcription.live.redis_client import redis_client;"
        "change = Gate(redis_client(), 'rtzr').resume(); change and reports.record(change);"
        "redis_client().delete(*redis_client().keys('mico:gate:{rtzr}*'))"
    )


@pytest.fixture
def console(site: Site, visit: Callable[..., Page]) -> Page:
    """The console in an administrator's browser, connected."""
    site.program(
        "from django.contrib.auth.models import User;"
        "User.objects.filter(username='jun').update(is_staff=True, is_superuser=True)"
    )
    return connected(visit(CONSOLE, name="jun"))


def state(page: Page, name: str) -> None:
    expect(page.locator("mico-vendor")).to_have_attribute("data-state", name)


def test_a_throttle_shows_without_a_reload_and_counts_down(
    console: Page, reported: Callable[[str], None]
) -> None:
    state(console, "open")
    console.evaluate("() => { window.notReloaded = true; }")
    chart = console.get_by_test_id("chart-hour")
    before = chart.locator("rect.refused").count()
    reported("Refused('all', 90)")
    state(console, "closed")
    expect(console.get_by_role("status").get_by_role("heading")).to_have_text(
        "Closed: the vendor answers 429, too many requests"
    )
    expect(console.locator("[data-fact=next]")).to_contain_text("Next try in 1 minute")
    expect(console.get_by_test_id("episode").first).to_contain_text("still closed")
    assert chart.locator("rect.refused").count() >= max(1, before)
    assert console.evaluate("() => window.notReloaded")


def test_a_change_of_the_gate_does_not_wait_for_the_next_turn(
    console: Page, reported: Callable[[str], None]
) -> None:
    # A hidden page does not refetch by itself, so only the event can make it do so.
    console.evaluate("() => Object.defineProperty(document, 'hidden', { value: true })")
    reported("Refused('submit', 90)")
    state(console, "closed")
    expect(console.get_by_role("heading", name="Closed for new recordings")).to_be_visible()


def test_figures_come_by_themselves_and_what_was_unfolded_stays_so(console: Page, site: Site) -> None:
    chart = console.get_by_test_id("chart-hour")
    chart.get_by_text("The same as a table").click()
    site.program(
        "from transcription.service import traffic; from transcription.gate import Unavailable;"
        "traffic.count('rtzr', Unavailable())"
    )
    expect(chart.locator("rect.unanswered").first).to_be_attached()
    expect(chart.locator("details")).to_have_attribute("open", "")
    expect(chart.locator("tbody tr").first).to_be_visible()


def test_what_is_being_typed_survives_a_change(console: Page, reported: Callable[[str], None]) -> None:
    reason = console.get_by_label("Why hold it?")
    reason.fill("Maintenance at ni")
    reported("Refused('all', 90)")
    state(console, "closed")
    expect(reason).to_be_focused()
    console.keyboard.type("ght")
    expect(reason).to_have_value("Maintenance at night")


def test_hold_and_resume_by_button_and_a_meeting_sees_it(
    console: Page, reported: Callable[[str], None], visit: Callable[..., Page], site: Site
) -> None:
    meeting = connected(visit(f"/m/{site.meeting()}/"))
    console.get_by_label("Why hold it?").fill("Moving the account")
    console.get_by_role("button", name="Hold").click()
    state(console, "held")
    expect(console.get_by_text("Held. Nothing is sent until somebody presses Resume.")).to_be_visible()
    expect(console.get_by_test_id("hold")).to_be_hidden()
    expect(meeting.get_by_test_id("delay")).to_contain_text(
        "An administrator has paused transcription. (Moving the account)", use_inner_text=True
    )

    console.get_by_label("Why resume?").fill("Moved")
    console.get_by_role("button", name="Resume").click()
    state(console, "open")
    expect(meeting.locator("mico-delay")).not_to_have_attribute("data-state", "delayed")
    last = console.get_by_test_id("episode").first
    expect(last).to_contain_text("jun: Moving the account")
    expect(last).to_contain_text("jun: Moved")


def test_a_quota_asks_for_its_confirmation(console: Page, reported: Callable[[str], None]) -> None:
    confirm = console.get_by_label("The account has usage again")
    expect(confirm).to_be_hidden()
    reported("Refused('quota')")
    state(console, "closed-quota")
    expect(console.get_by_role("heading", name="Quota used up")).to_be_visible()
    console.get_by_label("Why resume?").fill("Bought 100 hours")
    confirm.check()
    console.get_by_role("button", name="Resume").click()
    state(console, "open")


def test_whoever_is_signed_out_is_told_so(console: Page, complaints: Complaints) -> None:
    complaints.expected = ["401"]
    console.context.clear_cookies()
    expect(console.get_by_text("You are signed out.")).to_be_visible()


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_page(console: Page, width: int) -> None:
    console.set_viewport_size({"width": width, "height": 800})
    assert console.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
