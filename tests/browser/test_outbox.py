"""The outbox: speech is in the browser's database before it is sent, and leaves it when the server has it."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from playwright.sync_api import Browser, CDPSession, Error, Page, Request, Route, expect

from tests.browser.conftest import Complaints, Site, connected
from tests.browser.live import UPLOADS, kept, kept_samples, press_record, press_stop, sign_in, sign_out, spoke
from tests.browser.modules import read_wav
from tests.stt import SPOKEN
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RATE = 16_000
NO_ROOM_ANSWER = {"error": {"code": "no_room", "message": "The disk of this server is full."}}
AWAY = ["Failed to load resource", "WebSocket connection", "ERR_"]


@pytest.fixture
def network(page: Page) -> CDPSession:
    """The page's network, which `offline(network, True)` cuts."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    return session


def offline(network: CDPSession, away: bool) -> None:
    conditions = {"offline": away, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    network.send("Network.emulateNetworkConditions", conditions)


def recordings(site: Site, meeting: int) -> list[dict[str, Any]]:
    """Return the meeting's recordings on the server."""
    rows: list[dict[str, Any]] = site.mico.api("get", f"/meetings/{meeting}", site.token).json()["recordings"]
    return rows


def waiting(page: Page) -> str:
    """Return the text about waiting recordings, once it is visible."""
    part = page.get_by_test_id("outbox").locator("p[data-part=waiting]")
    expect(part).to_be_visible()
    return part.inner_text()


def note_answers(page: Page) -> None:
    """Keep in `window.answered` the client_id of each upload that is answered, once for each answer."""
    page.evaluate(
        """() => {
            const ask = window.fetch;
            window.answered = [];
            window.fetch = async (url, options) => {
                const answer = await ask(url, options);
                if (options?.body instanceof FormData) window.answered.push(options.body.get("client_id"));
                return answer;
            };
        }"""
    )


def test_without_a_network_it_waits_and_then_each_is_sent_once_to_its_place(
    page: Page, network: CDPSession, site: Site, meeting: int, complaints: Complaints
) -> None:
    complaints.expected = AWAY
    note_answers(page)
    offline(network, True)
    press_record(page)
    spoke(page)
    press_stop(page)
    text = waiting(page)
    assert "seconds recorded and waiting to upload." in text
    assert "The server cannot be reached." in text
    press_record(page)
    spoke(page)
    press_stop(page)
    wait_until(lambda: [one["state"] for one in kept(page)] == ["ready", "ready"])
    offsets = {one["id"]: one["offsetMs"] for one in kept(page)}
    assert recordings(site, meeting) == []

    offline(network, False)
    page.evaluate("window.dispatchEvent(new Event('online'))")  # the emulated network sends no such event
    wait_until(lambda: kept(page) == [])
    rows = recordings(site, meeting)
    assert {row["client_id"]: row["offset_ms"] for row in rows} == offsets
    assert rows[1]["offset_ms"] > rows[0]["offset_ms"] + rows[0]["duration_ms"]
    assert sorted(page.evaluate("window.answered")) == sorted(offsets)
    expect(page.get_by_test_id("outbox")).to_be_hidden()
    expect(page.get_by_test_id("line")).to_have_count(2)


def test_on_a_full_disk_of_the_server_it_says_so_keeps_the_words_and_sends_them_when_there_is_room(
    page: Page, site: Site, meeting: int, complaints: Complaints
) -> None:
    complaints.expected = AWAY
    page.route(UPLOADS, lambda route: route.fulfill(status=507, json=NO_ROOM_ANSWER))
    press_record(page)
    spoke(page)
    press_stop(page)
    text = waiting(page)
    assert "The server's disk is full." in text
    assert "Please tell an administrator." in text
    assert [one["state"] for one in kept(page)] == ["ready"]
    page.unroute(UPLOADS)
    wait_until(lambda: kept(page) == [])  # by itself
    expect(page.get_by_test_id("outbox")).to_be_hidden()
    assert len(recordings(site, meeting)) == 1


def test_a_network_that_goes_while_one_speaks_cuts_nothing(
    page: Page, network: CDPSession, site: Site, meeting: int, complaints: Complaints
) -> None:
    complaints.expected = AWAY
    press_record(page)
    expect(page.locator("mico-recorder")).to_have_attribute("data-speaking", "")
    offline(network, True)
    spoke(page)
    offline(network, False)
    expect(page.get_by_test_id("line")).to_have_count(1)  # the page tries again by itself
    press_stop(page)
    [row] = recordings(site, meeting)
    assert row["duration_ms"] > 2400


def test_a_lost_answer_makes_no_second_recording(
    page: Page, site: Site, meeting: int, complaints: Complaints
) -> None:
    complaints.expected = AWAY

    def lose_the_answer(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route(UPLOADS, lose_the_answer, times=1)
    press_record(page)
    spoke(page)
    press_stop(page)
    wait_until(lambda: kept(page) == [])
    assert len(recordings(site, meeting)) == 1


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 200, "body": "<html>Welcome to our hotel</html>"},
        {"status": 201, "json": {"id": 1, "client_id": None}},
        {"status": 503, "body": "away"},
        {"status": 429, "json": {"error": {"code": "slow", "message": "Slow down."}}},
    ],
)
def test_only_the_servers_own_word_for_it_counts(
    page: Page, site: Site, meeting: int, complaints: Complaints, answer: dict[str, Any]
) -> None:
    complaints.expected = AWAY
    page.route(UPLOADS, lambda route: route.fulfill(**answer))
    press_record(page)
    spoke(page)
    press_stop(page)
    assert "The server cannot take it right now." in waiting(page)
    assert len(kept(page)) == 1
    page.unroute(UPLOADS)
    page.get_by_test_id("outbox").get_by_role("button", name="Try now").dispatch_event("click")
    wait_until(lambda: kept(page) == [])
    assert len(recordings(site, meeting)) == 1


def test_what_the_server_cannot_take_now_is_sent_again_by_itself_and_not_before_it_says(
    page: Page, site: Site, meeting: int, complaints: Complaints
) -> None:
    complaints.expected = AWAY
    # A snapshot would have the page try, too: here only its own timer is left.
    page.evaluate(
        "() => window.addEventListener('mico:snapshot', (event) => event.stopImmediatePropagation(), true)"
    )
    tries: list[float] = []

    def away(route: Route) -> None:
        tries.append(time.monotonic())
        if len(tries) > 2:
            route.continue_()
        else:
            route.fulfill(status=503, headers={"Retry-After": "3"} if len(tries) == 1 else {}, body="away")

    page.route(UPLOADS, away)
    press_record(page)
    spoke(page)
    press_stop(page)
    wait_until(lambda: kept(page) == [])
    assert len(tries) == 3
    assert tries[1] - tries[0] >= 3
    assert len(recordings(site, meeting)) == 1


def test_what_the_server_forbids_waits_for_whoever_may(
    page: Page, site: Site, meeting: int, complaints: Complaints
) -> None:
    complaints.expected = [*AWAY, "403"]
    page.route(UPLOADS, lambda route: route.fulfill(status=403, json={"error": {"code": "forbidden"}}))
    press_record(page)
    spoke(page)
    press_stop(page)
    assert "You are signed out. Sign in again, and it is sent." in waiting(page)
    expect(page.get_by_test_id("connection").get_by_role("link", name="Sign in again")).to_be_visible()
    assert [one["state"] for one in kept(page)] == ["ready"]
    page.unroute(UPLOADS)
    page.get_by_test_id("outbox").get_by_role("button", name="Try now").dispatch_event("click")
    wait_until(lambda: kept(page) == [])
    connected(page)
    assert len(recordings(site, meeting)) == 1


def test_a_page_that_is_loaded_again_sends_what_waits(
    page: Page, network: CDPSession, site: Site, meeting: int, complaints: Complaints
) -> None:
    complaints.expected = AWAY
    page.route(UPLOADS, lambda route: route.abort())
    press_record(page)
    spoke(page)
    press_stop(page)
    waiting(page)
    page.unroute(UPLOADS)
    page.reload()
    wait_until(lambda: kept(page) == [])
    assert len(recordings(site, meeting)) == 1


def test_a_server_that_is_killed_while_one_speaks_gets_it_when_it_is_back(
    page: Page, site: Site, meeting: int, complaints: Complaints
) -> None:
    complaints.expected = [*AWAY, "502"]
    press_record(page)
    expect(page.locator("mico-recorder")).to_have_attribute("data-speaking", "")
    site.mico.restart("web")
    spoke(page)
    press_stop(page)
    expect(page.get_by_test_id("line")).to_have_count(1)
    wait_until(lambda: kept(page) == [])
    [row] = recordings(site, meeting)
    assert row["duration_ms"] > 2400


def test_a_tab_that_crashes_while_somebody_speaks_loses_a_second_at_most(
    another_browser: Callable[..., Browser], site: Site, meeting: int
) -> None:
    context = another_browser(*SPOKEN).new_context(
        base_url=site.mico.base_url, permissions=["microphone"], viewport={"width": 1200, "height": 800}
    )
    page = context.new_page()
    sign_in(page, site, "mina")
    page.goto(f"/m/{meeting}/")
    press_record(page)
    kept_samples(page, 2 * RATE)
    [spoken] = kept(page)
    assert spoken["state"] == "open"
    with page.expect_event("crash"), suppress(Error):
        page.goto("chrome://crash")

    following = context.new_page()
    following.goto(f"/m/{meeting}/")
    expect(following.get_by_test_id("outbox")).to_contain_text("A page was closed while somebody spoke.")
    expect(following.get_by_test_id("line")).to_have_count(1)
    [row] = recordings(site, meeting)
    assert row["client_id"] == spoken["id"]
    assert row["offset_ms"] == spoken["offsetMs"]
    assert row["duration_ms"] >= 2000
    wait_until(lambda: kept(following) == [])


def test_what_another_tab_is_still_saying_is_not_taken_for_left_behind(
    page: Page, site: Site, meeting: int
) -> None:
    press_record(page)
    kept_samples(page, RATE // 2)
    other = page.context.new_page()
    other.goto(f"/m/{meeting}/")
    connected(other)
    spoke(page)
    press_stop(page)
    wait_until(lambda: kept(page) == [])
    [row] = recordings(site, meeting)
    assert row["duration_ms"] > 2400


def test_several_tabs_send_each_once(
    page: Page, network: CDPSession, site: Site, meeting: int, complaints: Complaints
) -> None:
    complaints.expected = AWAY
    posts: list[str] = []

    def note(request: Request) -> None:
        if request.method == "POST":
            posts.append(request.url)

    page.context.on("request", note)
    blocked = True
    page.context.route(UPLOADS, lambda route: route.abort() if blocked else route.continue_())
    press_record(page)
    spoke(page)
    press_stop(page)
    tabs = [page, *(page.context.new_page() for _ in range(2))]
    for tab in tabs[1:]:
        tab.goto(f"/m/{meeting}/")
        assert "waiting to upload" in waiting(tab)  # on every tab
    posts.clear()
    blocked = False
    for tab in tabs:
        tab.evaluate("window.dispatchEvent(new Event('online'))")
    wait_until(lambda: kept(page) == [])
    assert len(recordings(site, meeting)) == 1
    assert len(posts) == 1
    for tab in tabs:
        expect(tab.get_by_test_id("outbox")).to_be_hidden()


def test_signed_out_it_waits_and_goes_on_after_signing_in(
    page: Page, site: Site, meeting: int, complaints: Complaints
) -> None:
    complaints.expected = [*AWAY, "401"]
    sign_out(page, site)
    press_record(page)
    spoke(page)
    assert "You are signed out. Sign in again, and it is sent." in waiting(page)
    expect(page.get_by_test_id("connection").get_by_role("link", name="Sign in again")).to_be_visible()
    press_stop(page)
    assert len(kept(page)) == 1

    sign_in(page, site, "mina")
    wait_until(lambda: kept(page) == [])
    assert len(recordings(site, meeting)) == 1
    connected(page)
    expect(page.get_by_test_id("line")).to_have_count(1)


def test_who_signs_in_at_the_same_browser_and_is_not_in_the_meeting_leaves_it_where_it_is(
    page: Page, site: Site, meeting: int, complaints: Complaints
) -> None:
    complaints.expected = [*AWAY, "404"]
    sign_in(page, site, "jun")
    press_record(page)
    spoke(page)
    press_stop(page)
    assert "This meeting is not open to whoever is signed in here now." in waiting(page)
    assert [one["state"] for one in kept(page)] == ["ready"]
    sign_in(page, site, "mina")
    wait_until(lambda: kept(page) == [])
    assert len(recordings(site, meeting)) == 1


def test_who_signs_in_at_the_same_browser_neither_sees_nor_sends_it(
    page: Page, site: Site, meeting: int, complaints: Complaints
) -> None:
    complaints.expected = [*AWAY, "403"]
    site.invite(meeting, "jun")
    sign_in(page, site, "jun")
    press_record(page)
    spoke(page)
    press_stop(page)
    assert "Somebody else is signed in now." in waiting(page)

    jun = page.context.new_page()
    jun.goto(f"/m/{meeting}/")
    connected(jun)
    expect(jun.get_by_test_id("outbox")).to_be_hidden()
    length = jun.locator("[data-part=waiting] [data-length]").text_content()
    assert length == "0 seconds recorded and waiting to upload."
    assert recordings(site, meeting) == []
    assert len(kept(page)) == 1

    sign_in(page, site, "mina")
    page.reload()
    wait_until(lambda: kept(page) == [])
    expect(page.locator("#transcript .who")).to_contain_text("Mina", use_inner_text=True)


def test_what_the_server_refuses_stays_and_can_be_saved_or_sent_again(
    page: Page, site: Site, meeting: int, complaints: Complaints, tmp_path: Path
) -> None:
    complaints.expected = [*AWAY, "413"]
    refusal = {"error": {"code": "too_large", "message": "The file is too large."}}
    page.route(UPLOADS, lambda route: route.fulfill(status=413, json=refusal))
    outbox = page.get_by_test_id("outbox")
    for n in 1, 2:
        press_record(page)
        spoke(page)
        press_stop(page)
        expect(outbox.get_by_role("alert")).to_contain_text("not taken by the server. The file is too large.")
        wait_until(lambda n=n: [one["state"] for one in kept(page)] == ["refused"] * n)  # type: ignore[misc]
        with page.expect_download() as saved:
            outbox.get_by_role("button", name="Save as a file").click()
        saved.value.save_as(tmp_path / str(n))
        assert saved.value.suggested_filename.startswith("Weekly 0-00-")
    assert len(read_wav(tmp_path / "1")) == kept(page)[0]["samples"]
    with ZipFile(tmp_path / "2") as archive:
        assert archive.testzip() is None
        assert [name.endswith(".wav") for name in archive.namelist()] == [True, True]

    page.reload()  # it is still in the database, and refused again
    expect(outbox.get_by_role("alert")).to_be_visible()
    page.on("dialog", lambda dialog: dialog.dismiss())
    outbox.get_by_role("button", name="Delete").click()
    assert len(kept(page)) == 2
    page.unroute(UPLOADS)
    outbox.get_by_role("button", name="Send it again").click()
    wait_until(lambda: kept(page) == [])
    assert len(recordings(site, meeting)) == 2


def test_a_full_browser_is_told_and_what_is_said_is_sent_all_the_same(
    page: Page, site: Site, meeting: int, complaints: Complaints
) -> None:
    complaints.expected = AWAY
    page.route(UPLOADS, lambda route: route.abort())
    page.evaluate(
        """() => { IDBObjectStore.prototype.put = function () {
            this.transaction.abort();
            throw new DOMException("full", "QuotaExceededError");
        }; }"""
    )
    press_record(page)
    spoke(page)
    press_stop(page)
    outbox = page.get_by_test_id("outbox")
    expect(outbox).to_contain_text("This browser cannot store any more")
    assert "recorded and waiting to upload" in waiting(page)
    assert kept(page) == []
    page.unroute(UPLOADS)
    outbox.get_by_role("button", name="Try now").dispatch_event("click")
    expect(page.get_by_test_id("line")).to_have_count(1)
    [row] = recordings(site, meeting)
    assert row["duration_ms"] > 2400
