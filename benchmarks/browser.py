"""The same lines in a real browser: when they are in the page's document."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect

from benchmarks.site import Site
from tests.chromium import chromium

# Recording → when its words came into the document, ms. Date.now() is the clock of the machine, as Python's.
WATCH = """() => {
  window.words = {};
  new MutationObserver(() => {
    const now = Date.now();
    for (const li of document.querySelectorAll("#transcript li.words")) window.words[li.dataset.recording] ??= now;
  }).observe(document.querySelector("#transcript"), { childList: true, subtree: true });
}"""


def chromium_path() -> Path:
    """Where it is. Raises SystemExit without one."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        raise SystemExit("No Chromium: install one (the package chromium).")
    return Path(path)


@contextmanager
def a_page(site: Site, person: int = 1) -> Iterator[Page]:
    """The first meeting's page in a Chromium, with its socket open, until the block ends."""
    with chromium(chromium_path()) as browser:
        context = browser.new_context(base_url=site.mico.base_url)
        name, _, value = site.cookies[person].partition("=")
        context.add_cookies([{"name": name, "value": value, "url": site.mico.base_url}])
        page = context.new_page()
        page.goto(f"/m/{site.meetings[0]}/")
        expect(page.locator("mico-socket")).to_have_attribute("data-state", "open")
        yield page


def watch(page: Page) -> None:
    """Notes from now on when words appear."""
    page.evaluate(WATCH)


def seen(page: Page) -> dict[int, float]:
    """Recording → when its words were in the document, unix s."""
    return {int(number): at / 1000 for number, at in page.evaluate("window.words").items()}
