"""A browser whose database is missing or fails: what is said still reaches the server."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Complaints, Site, connected
from tests.browser.live import kept, press_record, press_stop, spoke
from tests.browser.test_outbox import note_answers, recordings
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_where_the_browser_has_no_database_what_is_said_is_sent_all_the_same(
    visit: Callable[..., Page], site: Site, meeting: int
) -> None:
    page = visit("/", permissions=["microphone"])
    page.add_init_script(
        """indexedDB.open = () => { throw new DOMException("not in this window", "InvalidStateError"); }"""
    )
    page.goto(f"/m/{meeting}/")
    connected(page)
    press_record(page)
    expect(page.get_by_test_id("line")).to_have_count(1)
    press_stop(page)
    expect(page.locator("mico-recorder")).to_have_attribute("data-state", "idle")
    expect(page.get_by_test_id("outbox")).to_contain_text("keep this page open")
    expect(page.get_by_test_id("outbox").locator("[data-part=sending]")).to_be_hidden()
    assert len(recordings(site, meeting)) == 1


def test_a_database_that_stumbles_is_asked_again_soon(
    page: Page, site: Site, meeting: int, complaints: Complaints
) -> None:
    complaints.expected = ["stumbled"]
    page.evaluate(
        """() => {
            // The outbox also tries again at each snapshot of the server; that must not be what passes this test.
            window.addEventListener("mico:snapshot", (event) => event.stopImmediatePropagation(), true);
            const remove = IDBObjectStore.prototype.delete;
            IDBObjectStore.prototype.delete = function () {
                IDBObjectStore.prototype.delete = remove;
                this.transaction.abort();
                throw new DOMException("stumbled", "UnknownError");
            };
        }"""
    )
    note_answers(page)
    press_record(page)
    spoke(page)
    wait_until(lambda: kept(page) == [])
    press_stop(page)
    assert len(page.evaluate("window.answered")) == 2
    assert len(recordings(site, meeting)) == 1
