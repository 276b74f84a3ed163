"""Every page, checked by axe (tests/browser/vendor/axe) for serious and critical problems."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Complaints, Site, connected
from tests.browser.test_people import join
from tests.stt import AUDIO

pytestmark = [pytest.mark.browser, pytest.mark.slow]

AXE = Path(__file__).parent / "vendor" / "axe" / "axe-4.10.3.min.js"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {},
    "dark": {"color_scheme": "dark"},
    "korean": {"locale": "ko-KR"},
    "phone": PHONE,
}
ROWS = """
a_row(meeting, offset_ms=1000, texts=[(0, 900, "", "Good morning everyone."), (900, 900, "", "Shall we?")])
a_row(meeting, offset_ms=3000, kind="upload", texts=[(0, 900, "0", "Somebody."), (900, 900, "1", "Another.")])
a_row(meeting, offset_ms=5000, status="failed", error_code="vendor_unavailable", error_detail="timeout")
a_row(meeting, offset_ms=9000, status="processing")
a_row(meeting, offset_ms=10000, status="queued")
a_row(meeting, offset_ms=11000, status="cancelled")
a_row(meeting, offset_ms=13000)
"""


@pytest.fixture(scope="module")
def meeting(site: Site) -> int:
    """A meeting with a line of each kind."""
    made = site.meeting("Looked at by axe")
    site.rows(made, ROWS)
    return made


def grave(page: Page) -> list[str]:
    """Return the serious and critical problems. `evaluate` may run axe although the content policy forbids it."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{rule['id']} ({rule['impact']}): {node['html'][:200]} {node['failureSummary']}"
        for rule in found["violations"]
        if rule["impact"] in {"serious", "critical"}
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("look", LOOKS)
def test_a_meeting(visit: Callable[..., Page], site: Site, meeting: int, look: str) -> None:
    page = connected(visit(f"/m/{meeting}/", **LOOKS[look]))
    assert grave(page) == []
    site.gate("delayed", 11)
    expect(page.locator("mico-delay")).to_have_attribute("data-state", "delayed")
    assert grave(page) == []
    site.gate("resumed", 12)
    expect(page.locator("mico-delay")).to_have_attribute("data-state", "catching")
    assert grave(page) == []


@pytest.mark.parametrize("look", LOOKS)
def test_what_opens_in_a_meeting(visit: Callable[..., Page], meeting: int, look: str) -> None:
    page = connected(visit(f"/m/{meeting}/", **LOOKS[look]))
    page.locator(".failure summary").click()
    page.locator("[data-edit]").first.click(force=True)
    expect(page.locator("mico-editor textarea")).to_be_focused()
    if look == "phone":
        page.locator(".panel-open").click()
    page.locator(".person-menu summary").first.click()
    page.locator("#find").fill("everyone")
    expect(page.locator(".line[data-found]")).to_have_count(1)
    assert grave(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.locator("[data-name-voice]").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert grave(page) == []


def test_a_meeting_in_which_one_records_and_one_that_has_ended(
    visit: Callable[..., Page], site: Site
) -> None:
    page = connected(visit(f"/m/{site.meeting()}/", permissions=["microphone"]))
    page.locator("#record").click()
    expect(page.locator("mico-recorder")).to_have_attribute("data-state", "recording")
    assert grave(page) == []
    page.get_by_test_id("end").click()
    expect(page.get_by_test_id("ended")).to_have_attribute("data-state", "ended")
    assert grave(page) == []


@pytest.mark.parametrize("look", LOOKS)
def test_the_other_pages(
    visit: Callable[..., Page], site: Site, complaints: Complaints, meeting: int, look: str
) -> None:
    complaints.expected = ["404 (Not Found)"]
    for address in "/", "/search/?q=morning", "/accounts/password/", f"/m/{meeting}/delete/", "/m/99999/":
        assert grave(visit(address, **LOOKS[look])) == [], address
    assert grave(visit("/accounts/login/", name=None, **LOOKS[look])) == []


def test_joining_and_being_a_guest(visit: Callable[..., Page], site: Site) -> None:
    owner = connected(visit(f"/m/{site.meeting()}/"))
    guest = join(visit, owner, "Gil")
    assert grave(owner) == []
    assert grave(guest) == []
    assert grave(visit(owner.locator("#join-address").input_value(), name=None)) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_console_of_a_vendor(visit: Callable[..., Page], site: Site, scheme: str) -> None:
    site.program(
        "from django.contrib.auth.models import User;"
        "User.objects.filter(username='mina').update(is_staff=True, is_superuser=True)"
    )
    try:
        console = connected(visit("/admin/transcription/gateevent/vendor/rtzr/", color_scheme=scheme))
        assert grave(console) == []
        console.close()  # first: an open page is closed when its reader loses access
    finally:
        site.program(
            "from django.contrib.auth.models import User;"
            "User.objects.filter(username='mina').update(is_staff=False, is_superuser=False)"
        )


def test_a_file_on_its_way(visit: Callable[..., Page], site: Site) -> None:
    page = connected(visit(f"/m/{site.meeting()}/"))
    page.route("**/api/v1/uploads/*", lambda route: None)  # the upload never gets an answer
    page.locator("#upload-input").set_input_files(AUDIO / "speech_slt_1.wav")
    expect(page.get_by_test_id("upload")).to_be_visible()
    assert grave(page) == []
