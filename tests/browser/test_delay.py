"""The three notices: a delay, a lost connection, no worker. Each has a place of its own."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Complaints, Site, connected
from tests.waiting import patient, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

COMFORT = "Recording continues. Your audio is saved. There is nothing you need to do."


@pytest.fixture
def meeting(site: Site) -> int:
    """A meeting with a few lines."""
    made = site.meeting()
    site.rows(
        made,
        'a_row(meeting, texts=[(n * 4000, 900, "", "Words " * 30) for n in range(40)]);'
        'a_row(meeting, offset_ms=200_000, status="queued");'
        'a_row(meeting, offset_ms=210_000, status="processing")',
    )
    return made


@pytest.fixture
def versions(site: Site) -> Iterator[Callable[[], int]]:
    """Return a function that returns ever higher versions of the gate. Afterwards `stt.resumed` is published."""
    last = int(datetime.now(UTC).timestamp() * 1000) % 10**9

    def following() -> int:
        nonlocal last
        last += 1
        return last

    yield following
    site.gate("resumed", following())


def notice(page: Page) -> Locator:
    """The notice of a delay, which is amber."""
    return page.get_by_test_id("delay")


def state(page: Page, name: str) -> None:
    """Wait until the notice's element is in this state."""
    expect(page.locator("mico-delay")).to_have_attribute("data-state", name)


def test_appears_moves_and_clears_with_the_episode(
    visit: Callable[..., Page], site: Site, meeting: int, versions: Callable[[], int]
) -> None:
    page = connected(visit(f"/m/{meeting}/"))
    state(page, "calm")
    expect(notice(page)).to_have_text("", use_inner_text=True)

    site.gate("delayed", versions())
    state(page, "delayed")
    expect(notice(page)).to_contain_text("The speech service is limiting requests.", use_inner_text=True)
    expect(notice(page)).to_contain_text("Since ", use_inner_text=True)
    expect(notice(page)).to_contain_text("Next try in", use_inner_text=True)
    expect(notice(page)).to_contain_text(COMFORT, use_inner_text=True)
    assert notice(page).get_attribute("role") == "status"
    expect(page.locator("mico-service")).to_have_attribute("data-state", "delayed")
    expect(page.get_by_text("Saved. Waiting for the speech service.")).to_be_visible()

    later = (datetime.now(UTC) + timedelta(minutes=15)).isoformat()
    site.gate("moved", versions(), reopens_at=later)
    expect(notice(page)).to_contain_text("15 minutes", use_inner_text=True)

    site.gate("resumed", versions())
    state(page, "catching")
    expect(notice(page)).to_contain_text("Catching up", use_inner_text=True)
    expect(page.get_by_text("Saved. Waiting to be sent.")).to_be_visible()


def test_says_nothing_of_a_pool_for_which_no_recording_here_waits(
    visit: Callable[..., Page], site: Site, versions: Callable[[], int]
) -> None:
    page = connected(visit(f"/m/{site.meeting()}/"))
    state(page, "calm")
    page.evaluate(
        "document.addEventListener('mico:stt.delayed', ({detail}) => { window.told ??= detail.pool; })"
    )
    site.gate("delayed", versions(), pool="whisper", scope="submit", reason="concurrency")
    site.gate("delayed", versions(), pool="")
    state(page, "delayed")
    expect(notice(page)).to_contain_text("The speech service is limiting requests.", use_inner_text=True)
    assert page.evaluate("window.told") == ""  # the first that it heard


def test_says_caught_up_and_goes_when_nothing_is_behind(
    visit: Callable[..., Page], site: Site, versions: Callable[[], int]
) -> None:
    page = connected(visit(f"/m/{site.meeting()}/"))
    site.gate("delayed", versions())
    state(page, "delayed")
    site.gate("resumed", versions())
    expect(notice(page)).to_have_text("Caught up.", use_inner_text=True)
    expect(page.locator("mico-delay")).to_have_attribute("data-state", "calm")
    expect(notice(page)).to_have_text("", use_inner_text=True)


def test_one_notice_however_much_is_said_and_old_news_is_dropped(
    visit: Callable[..., Page], site: Site, meeting: int, versions: Callable[[], int]
) -> None:
    page = connected(visit(f"/m/{meeting}/"))
    old, new = versions(), versions()
    site.gate("delayed", new, reason="unavailable")
    expect(notice(page)).to_contain_text("The speech service does not answer.", use_inner_text=True)
    for _ in range(5):
        site.gate("moved", new, reason="unavailable")
    page.evaluate(
        "() => document.addEventListener('mico:stt.moved', () => { window.moved = true; }, {once: true})"
    )
    site.gate("delayed", old, reason="rate")
    site.gate("resumed", old)
    site.gate("moved", new, reason="unavailable")  # the old ones have come before it
    page.wait_for_function("() => window.moved")
    expect(notice(page)).to_contain_text("The speech service does not answer.", use_inner_text=True)
    assert page.locator("mico-delay").count() == 1


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"reason": "rate"}, "The speech service is limiting requests."),
        ({"reason": "concurrency", "scope": "submit"}, "takes no more recordings at once"),
        ({"reason": "quota", "scope": "submit"}, "Please tell an administrator."),
        ({"reason": "unavailable"}, "The speech service does not answer."),
        (
            {"reason": "hold", "state": "held", "reopens_at": None},
            "It goes on when an administrator lets it.",
        ),
        ({"reason": "something new"}, "The speech service is delayed."),
        ({"state": "probing"}, "Trying now"),
        ({"reopens_at": "2020-01-01T00:00:00+00:00"}, "Trying now"),
        ({"reason": 'x"]<b>'}, "The speech service is delayed."),
    ],
)
def test_each_reason_has_its_words(
    visit: Callable[..., Page],
    site: Site,
    meeting: int,
    versions: Callable[[], int],
    values: dict[str, str | None],
    sentence: str,
) -> None:
    page = connected(visit(f"/m/{meeting}/"))
    site.gate("delayed", versions(), **values)
    expect(notice(page)).to_contain_text(sentence, use_inner_text=True)


def test_what_is_already_there_goes_on_while_only_submits_are_held(
    visit: Callable[..., Page], site: Site, meeting: int, versions: Callable[[], int]
) -> None:
    page = connected(visit(f"/m/{meeting}/"))
    site.gate("delayed", versions(), reason="concurrency", scope="submit")
    expect(page.get_by_text("Saved. Waiting for the speech service.")).to_be_visible()
    expect(page.locator("#transcript").get_by_text("Being transcribed…")).to_be_visible()


def test_the_countdown_goes_by_the_servers_clock(
    visit: Callable[..., Page], site: Site, meeting: int, versions: Callable[[], int]
) -> None:
    page = connected(visit(f"/m/{meeting}/"))
    wrong = datetime.now(UTC) + timedelta(hours=3)  # as if the server's clock were far from the browser's
    site.gate(
        "delayed", versions(), now=wrong.isoformat(), reopens_at=(wrong + timedelta(seconds=59)).isoformat()
    )

    def left() -> int:
        """Return the seconds that the notice shows."""
        expect(page.locator("[data-fact=next]")).to_have_text(re.compile(r"^Next try in \d+ seconds\.$"))
        return int(page.locator("[data-fact=next]").inner_text().split()[3])

    first = left()
    assert first <= 59
    wait_until(lambda: left() <= first - 2)


@pytest.mark.parametrize("width", [1280, 1720])
def test_the_text_does_not_move_when_it_comes(
    visit: Callable[..., Page], site: Site, meeting: int, versions: Callable[[], int], width: int
) -> None:
    page = connected(visit(f"/m/{meeting}/", viewport={"width": width, "height": 800}))
    line = page.get_by_test_id("line").nth(4)
    for scroll in 0, 400:
        page.evaluate("(y) => window.scrollTo(0, y)", scroll)
        before = line.bounding_box()
        site.gate("delayed", versions(), reason="quota")
        state(page, "delayed")
        assert line.bounding_box() == before
        expect(notice(page)).to_be_in_viewport()
        site.gate("resumed", versions())
        state(page, "catching")
        assert line.bounding_box() == before


def test_on_a_phone_it_is_in_view_wherever_one_reads(
    visit: Callable[..., Page], site: Site, meeting: int, versions: Callable[[], int]
) -> None:
    page = connected(visit(f"/m/{meeting}/", viewport={"width": 390, "height": 844}))
    page.evaluate("() => window.scrollTo(0, 2000)")
    site.gate("delayed", versions())
    state(page, "delayed")
    expect(notice(page)).to_be_in_viewport(ratio=1)


def test_a_lost_connection_is_another_notice_and_what_was_missed_comes_after_it(
    visit: Callable[..., Page], site: Site, complaints: Complaints
) -> None:
    complaints.expected = ["WebSocket connection", "ERR_CONNECTION", "502", "Failed to load resource"]
    meeting = site.meeting()
    page = connected(visit(f"/m/{meeting}/"))
    lost = page.get_by_test_id("connection").get_by_text("Connection lost")
    expect(lost).to_be_hidden(timeout=1000 * patient(30))

    # The supervisor restarts the web process at once, so it is killed until the page shows the notice.
    def is_told() -> bool:
        site.mico.kill("web")
        return lost.is_visible()

    wait_until(is_told, interval=0.5)
    expect(page.locator("mico-delay")).not_to_have_attribute("data-state", "delayed")
    site.rows(meeting, 'a_row(meeting, texts=[(0, 900, "", "Said in between.")])')

    expect(lost).to_be_hidden(timeout=1000 * patient(30))
    expect(page.locator("#transcript").get_by_text("Said in between.")).to_be_visible()


def test_nobody_at_work_is_a_third_notice(visit: Callable[..., Page], meeting: int) -> None:
    page = connected(visit(f"/m/{meeting}/"))
    idle = page.get_by_test_id("idle").locator("span")
    expect(idle).to_be_hidden()

    def presence(workers: int | None) -> None:
        alive = None if workers is None else {"workers": workers, "dispatchers": 1}
        page.evaluate(
            """(presence) => document.dispatchEvent(new CustomEvent("mico:snapshot",
                {detail: {recordings: {}, stt: null, presence}}))""",
            alive,
        )

    presence(0)
    expect(idle).to_be_visible()
    state(page, "calm")
    presence(None)
    expect(idle).to_be_visible()
    presence(2)
    expect(idle).to_be_hidden()


def test_who_is_signed_out_or_removed_is_told_so(visit: Callable[..., Page], site: Site) -> None:
    meeting = site.meeting()
    site.program(
        "from transcription.people import meetings; from transcription.models import Meeting;"
        "from django.contrib.auth.models import User;"
        f"meetings.invite(Meeting.objects.get(pk={meeting}), User.objects.get(username='jun'))"
    )
    page = connected(visit(f"/m/{meeting}/", name="jun"))
    site.program(
        "from transcription.people import meetings; from transcription.models import Participant;"
        f"row = Participant.objects.select_related('meeting').get(meeting={meeting}, user__username='jun');"
        "meetings.remove(row.meeting, row)"
    )
    expect(page.get_by_text("You are not in this meeting any more.")).to_be_visible()

    page = connected(visit(f"/m/{site.meeting()}/"))
    page.evaluate("() => document.dispatchEvent(new CustomEvent('mico:signed-out'))")
    expect(page.get_by_test_id("connection").get_by_text("You are signed out.")).to_be_visible()
    expect(page.get_by_role("link", name="Sign in again")).to_be_visible()
