"""A meeting in a language that the vendor does not have: said before anything is recorded or uploaded."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Complaints, Site, connected
from tests.browser.test_axe import LOOKS, grave

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PHONE = {"width": 390, "height": 844}
KLINGON = "Meeting.objects.filter(pk={meeting}).update(language='tlh')"

# Drops a file on the page, as a person does with one from the desktop.
DROP = """() => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(2000)], "talk.wav", { type: "audio/wav" }));
  document.body.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: data }));
}"""


@pytest.fixture
def klingon(site: Site) -> int:
    """A meeting of Mina's in Klingon."""
    made = site.meeting("tlhIngan")
    site.program("from transcription.models import Meeting;" + KLINGON.format(meeting=made))
    site.invite(made, "jun")
    return made


def test_its_owner_chooses_another_language_and_records(visit: Callable[..., Page], klingon: int) -> None:
    page = connected(visit(f"/m/{klingon}/", permissions=["microphone"]))
    notice = page.get_by_test_id("language-problem")
    expect(notice).to_contain_text("The speech service cannot transcribe this language: Klingon.")
    expect(page.locator("#record")).to_be_disabled()
    expect(page.locator("#upload-input")).to_be_disabled()
    page.get_by_label("Spoken language").select_option("en")
    page.get_by_role("button", name="Change the language").click()
    connected(page)
    expect(notice).to_have_count(0)
    page.locator("#record").click()
    expect(page.locator("mico-recorder")).to_have_attribute("data-state", "recording")


def test_a_file_that_is_dropped_all_the_same_is_refused_in_words(
    visit: Callable[..., Page], complaints: Complaints, klingon: int
) -> None:
    complaints.expected = ["status of 422"]
    page = connected(visit(f"/m/{klingon}/", locale="ko-KR"))
    page.evaluate(DROP)
    expect(page.get_by_test_id("upload")).to_contain_text(
        "음성 인식 서비스가 이 언어는 글로 옮기지 못합니다: 클링온어."
    )


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_in_it(visit: Callable[..., Page], klingon: int, look: str) -> None:
    assert grave(connected(visit(f"/m/{klingon}/", **LOOKS[look]))) == []


def test_others_are_told_whom_to_ask(visit: Callable[..., Page], klingon: int) -> None:
    page = connected(visit(f"/m/{klingon}/", name="jun", locale="ko-KR", viewport=PHONE))
    notice = page.get_by_test_id("language-problem")
    expect(notice).to_contain_text("회의 주최자가 다른 언어로 바꿀 수 있습니다.")
    expect(notice.locator("select")).to_have_count(0)
    expect(page.locator("#record")).to_be_disabled()


def test_without_javascript_the_language_is_chosen_too(visit: Callable[..., Page], klingon: int) -> None:
    page = visit(f"/m/{klingon}/", java_script_enabled=False)
    page.get_by_label("Spoken language").select_option("en")
    page.get_by_role("button", name="Change the language").click()
    expect(page.get_by_test_id("language-problem")).to_have_count(0)
    expect(page.get_by_test_id("language").locator("select")).to_have_value("en")
