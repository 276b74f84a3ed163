"""Recording on a page, and reading its outbox."""

from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.conftest import Site
from tests.waiting import wait_until

UPLOADS = "**/api/v1/meetings/*/recordings"

# Everything in this browser's database, of all speakers: [{id, speaker, state, samples, …}].
STRETCHES = """() => new Promise((resolve, reject) => {
    const request = indexedDB.open("mico-outbox", 1);
    request.onerror = () => reject(request.error);
    request.onupgradeneeded = () => request.transaction.abort();
    request.onsuccess = () => {
        const all = request.result.transaction("stretches").objectStore("stretches").getAll();
        all.onsuccess = () => { request.result.close(); resolve(all.result); };
    };
})"""


def kept(page: Page) -> list[dict[str, Any]]:
    """Return the stretches in this browser's database."""
    found: list[dict[str, Any]] = page.evaluate(STRETCHES)
    return found


def press_record(page: Page) -> None:
    """Press Record, and wait until sound comes in."""
    page.locator("#record").click()
    expect(page.locator("mico-recorder")).to_have_attribute("data-state", "recording")


def spoke(page: Page) -> None:
    """Wait until the sentence in the microphone has ended and is being sent."""
    expect(page.locator("mico-recorder")).to_have_attribute("data-heard", "1")


def when_heard(page: Page, script: str) -> None:
    """Run a script in the page at the moment at which it detects speech."""
    page.evaluate(
        """() => {
            const recorder = document.querySelector("mico-recorder");
            const observer = new MutationObserver(() => {
                if (!recorder.hasAttribute("data-speaking")) return;
                observer.disconnect();
                SCRIPT;
            });
            observer.observe(recorder, {attributes: true});
        }""".replace("SCRIPT", script)
    )


def press_stop(page: Page) -> None:
    """Press Stop, and wait until everything is in the outbox."""
    page.locator("#record").click()
    expect(page.locator("mico-recorder")).not_to_have_attribute("data-state", "stopping")


def kept_samples(page: Page, at_least: int) -> None:
    """Wait until the database has this many samples of the current speech."""
    wait_until(lambda: sum(one["samples"] for one in kept(page)) >= at_least)


def sign_in(page: Page, site: Site, name: str) -> None:
    """Sign the user `name` in for the whole browser context, as another tab would."""
    cookie = f"mico_session_{site.mico.port}"
    page.context.add_cookies([{"name": cookie, "value": site.cookies[name], "url": site.mico.base_url}])


def sign_out(page: Page, site: Site) -> None:
    """Remove the session cookie."""
    page.context.clear_cookies(name=f"mico_session_{site.mico.port}")
