"""Two people in two browsers: who said what, in the order of speaking."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Complaints, Site, connected, listen
from tests.browser.live import press_record, press_stop, sign_in, spoke
from tests.stt import SPOKEN

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_what_two_people_say_in_turn_is_theirs_and_in_order(
    visit: Callable[..., Page], another_browser: Callable[..., Browser], site: Site, complaints: Complaints
) -> None:
    meeting = site.meeting()
    site.invite(meeting, "jun")
    mina = connected(visit(f"/m/{meeting}/", permissions=["microphone"]))
    other = another_browser("speech_rms_1.wav")
    context = other.new_context(base_url=site.mico.base_url, permissions=["microphone"])
    listen(context, complaints)
    jun = context.new_page()
    sign_in(jun, site, "jun")
    jun.goto(f"/m/{meeting}/")
    connected(jun)

    for page in mina, jun, mina:
        press_record(page)
        spoke(page)
        press_stop(page)

    thanks, monday = SPOKEN["speech_slt_1.wav"], SPOKEN["speech_rms_1.wav"]
    for page in mina, jun:
        lines = page.locator("#transcript .line.words")
        expect(lines).to_have_count(3)
        expect(lines.locator(".text")).to_have_text([thanks, monday, thanks])
        who = [text.strip("●◆▲■▼★ ") for text in lines.locator(".who").all_inner_texts()]
        assert who == ["Mina", "Jun", "Mina"]
