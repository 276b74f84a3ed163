"""Every page in a real browser: no complaints in the console, both languages, by keyboard, on a small screen."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Complaints, Site, connected

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PHONE = {"width": 390, "height": 844}

ROWS = """
a_row(meeting, offset_ms=1000, texts=[(0, 900, "", "Good morning everyone.")])
a_row(meeting, offset_ms=5000, status="failed", error_code="vendor_unavailable", error_detail="timeout")
a_row(meeting, offset_ms=9000, status="processing")
a_row(meeting, offset_ms=11000, status="cancelled")
a_row(meeting, offset_ms=13000)
"""


@pytest.fixture(scope="module")
def meeting(site: Site) -> int:
    """A meeting with a line of each kind."""
    made = site.meeting("A line of each kind")
    site.rows(made, ROWS)
    return made


def test_no_page_has_anything_to_complain_about(
    visit: Callable[..., Page], complaints: Complaints, meeting: int
) -> None:
    complaints.expected = ["404 (Not Found)", "410 (Gone)"]
    for address in "/", "/accounts/password/", f"/m/{meeting}/", "/m/99999/":
        for scheme in "light", "dark":
            visit(address, color_scheme=scheme).wait_for_load_state("networkidle")
    for address in "/accounts/login/", "/accounts/link/x/y/":
        visit(address, name=None).wait_for_load_state("networkidle")


def test_without_javascript_the_transcript_is_there(visit: Callable[..., Page], meeting: int) -> None:
    page = visit(f"/m/{meeting}/", java_script_enabled=False)
    expect(page.get_by_text("Good morning everyone.")).to_be_visible()
    expect(page.locator("#upload-input")).to_be_visible()
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    expect(page.locator("#record")).to_be_hidden()


def test_in_korean_nothing_is_left_in_english(visit: Callable[..., Page], meeting: int) -> None:
    page = connected(visit(f"/m/{meeting}/", locale="ko-KR"))
    expect(page.locator("html")).to_have_attribute("lang", "ko")
    expect(page.locator("#record")).to_have_text("녹음", use_inner_text=True)
    expect(page.get_by_test_id("failure")).to_contain_text("음성 인식 서비스에 여러 번 연결하지 못했습니다.")
    text = page.locator("body").inner_text()
    for kept in (
        "Mico",
        "mina",
        "Mina",
        "English",
        "A line of each kind",
        "Good morning everyone",
        "SRT",
        "WebVTT",
        "Markdown",
        "Word",
        "Markdown",
        "Word",
        "JSON",
        "Fake Audio Input",  # the name of a device
    ):
        text = text.replace(kept, "")
    assert not re.findall(r"[A-Za-z]{3,}", text)


def test_the_language_is_chosen_on_the_page_and_stays(visit: Callable[..., Page], meeting: int) -> None:
    page = visit(f"/m/{meeting}/")
    page.get_by_role("button", name="한국어").click()
    expect(page.locator("html")).to_have_attribute("lang", "ko")
    assert page.url.endswith(f"/m/{meeting}/")
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_have_text("회의")


def test_times_are_the_readers_own(visit: Callable[..., Page], meeting: int) -> None:
    shown = {
        visit(f"/m/{meeting}/", timezone_id=zone).locator(".title local-time").inner_text()
        for zone in ("Asia/Seoul", "America/New_York")
    }
    assert len(shown) == 2


@pytest.mark.parametrize("address", ["/", "/m/{meeting}/", "/accounts/password/"])
@pytest.mark.parametrize("locale", ["en-GB", "ko-KR"])
def test_nothing_sticks_out_of_a_phone(
    visit: Callable[..., Page], meeting: int, address: str, locale: str
) -> None:
    page = visit(address.format(meeting=meeting), viewport=PHONE, locale=locale)
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_a_meeting_is_made_and_filled_by_keyboard_alone(visit: Callable[..., Page]) -> None:
    page = visit("/")
    page.get_by_label("Title").focus()
    page.keyboard.type("By keyboard")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/m/*/")
    connected(page)

    reached: list[str] = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()")
        )
    for wanted in "Skip to the content", "record", "upload-input", "id_username", "Invite", "SRT":
        assert wanted in reached, reached
    outlines = page.evaluate(
        """() => [...document.querySelectorAll("a, button:enabled, input:not([type=hidden])")]
            .filter((element) => element.checkVisibility())
            .filter((element) => {
              element.focus({focusVisible: true});
              const shown = element.id === "upload-input" ? element.labels[0] : element;
              return getComputedStyle(shown).outlineStyle === "none";
            })
            .map((element) => element.outerHTML)"""
    )
    assert outlines == []


def test_every_field_and_button_has_a_name(visit: Callable[..., Page], meeting: int) -> None:
    for address in "/", f"/m/{meeting}/", "/accounts/password/":
        page = visit(address)
        unnamed = page.evaluate(
            """() => [...document.querySelectorAll("input:not([type=hidden]), select, button, a")]
                .filter((element) => element.checkVisibility())
                .filter((element) => !(element.labels?.length || element.getAttribute("aria-label")
                    || element.textContent.trim()))
                .map((element) => element.outerHTML)"""
        )
        assert unnamed == []


CONTRAST = """
() => {
  const channel = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const numbers = (color) => color.match(/[\\d.]+/g).map(Number);
  const paper = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const found = numbers(getComputedStyle(at).backgroundColor);
      if (found.length === 3 || found[3] > 0.99) return found;
    }
    return [255, 255, 255];
  };
  const low = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !element.checkVisibility({visibilityProperty: true})) continue;
    if (element.closest("audio, .unseen, :disabled, option")) continue;
    const [a, b] = [light(numbers(getComputedStyle(element).color)), light(paper(element))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) low.push(element.outerHTML);
  }
  return low;
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_word_can_be_read(visit: Callable[..., Page], site: Site, meeting: int, scheme: str) -> None:
    page = connected(visit(f"/m/{meeting}/", color_scheme=scheme))
    site.gate("delayed", 1)
    expect(page.locator("mico-delay")).to_have_attribute("data-state", "delayed")
    assert page.evaluate(CONTRAST) == []
    site.gate("resumed", 2)
    for address in "/", "/accounts/password/":
        assert visit(address, color_scheme=scheme).evaluate(CONTRAST) == []
