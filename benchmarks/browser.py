"""A real Chromium on a meeting's page, and the times at which words appear in its document."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect

from benchmarks.site import Site
from tests.chromium import chromium

# Records when the words of each recording enter the document, in ms. Date.now() and Python use the same clock.
WATCH = """() => {
  window.words = {};
  new MutationObserver(() => {
    const now = Date.now();
    for (const li of document.querySelectorAll("#transcript li.words")) window.words[li.dataset.recording] ??= now;
  }).observe(document.querySelector("#transcript"), { childList: true, subtree: true });
}"""


def chromium_path() -> Path:
    """Return the path of the installed Chromium. Raises SystemExit if there is none."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        raise SystemExit("No Chromium: install one (the package chromium).")
    return Path(path)


@contextmanager
def a_page(site: Site, person: int = 1) -> Iterator[Page]:
    """Open the page of the first meeting, signed in as `person`. Its socket is open when the block begins."""
    with chromium(chromium_path()) as browser:
        context = browser.new_context(base_url=site.mico.base_url)
        name, _, value = site.cookies[person].partition("=")
        context.add_cookies([{"name": name, "value": value, "url": site.mico.base_url}])
        page = context.new_page()
        page.goto(f"/m/{site.meetings[0]}/")
        expect(page.locator("mico-socket")).to_have_attribute("data-state", "open")
        yield page


def watch(page: Page) -> None:
    """Start recording when words appear."""
    page.evaluate(WATCH)


def seen(page: Page) -> dict[int, float]:
    """Return when the words of each recording entered the document, in Unix seconds."""
    return {int(number): at / 1000 for number, at in page.evaluate("window.words").items()}
