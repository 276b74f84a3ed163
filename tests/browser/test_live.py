"""Recording: stretches are sent while people speak, and the page shows the level and the microphone."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.browser.conftest import Site
from tests.browser.live import kept, press_record, press_stop, sign_in, spoke, when_heard
from tests.stt import SPOKEN
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_what_is_said_is_sent_without_pressing_stop(page: Page, site: Site, meeting: int) -> None:
    press_record(page)
    line = page.locator("#transcript .line.words")
    expect(line.locator(".text")).to_have_text(SPOKEN["speech_slt_1.wav"])
    expect(line.locator(".who")).to_contain_text("Mina")
    expect(page.locator("mico-recorder")).to_have_attribute("data-state", "recording")
    press_stop(page)
    rows = site.mico.api("get", f"/meetings/{meeting}", site.token).json()["recordings"]
    assert [row["kind"] for row in rows] == ["live"]
    # The sentence with its pre-roll and hang-over, and no other silence.
    assert 2400 < rows[0]["duration_ms"] < 3600
    assert kept(page) == []


def test_its_place_is_where_it_was_said(page: Page, site: Site, meeting: int) -> None:
    when_heard(page, "window.heard = Date.now()")
    press_record(page)
    spoke(page)
    expect(page.get_by_test_id("line")).to_have_count(1)
    press_stop(page)
    [row] = site.mico.api("get", f"/meetings/{meeting}", site.token).json()["recordings"]
    heard = page.evaluate("window.heard - Date.parse(document.querySelector('#meeting').dataset.began)")
    # It begins earlier than it was detected, by the pre-roll and the time that detection takes.
    assert heard - 2000 < row["offset_ms"] < heard - 300


def test_stop_in_the_middle_sends_what_is_left(page: Page, site: Site, meeting: int) -> None:
    when_heard(page, "document.querySelector('#record').click()")
    page.locator("#record").click()
    expect(page.get_by_test_id("line")).to_have_count(1)
    expect(page.locator("mico-recorder")).to_have_attribute("data-state", "idle")
    [row] = site.mico.api("get", f"/meetings/{meeting}", site.token).json()["recordings"]
    assert 300 < row["duration_ms"] < 2400  # the whole sentence takes 2.9 s


def test_who_says_nothing_is_told_so_and_nothing_is_sent(page: Page) -> None:
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.method))
    page.evaluate(
        """() => {
            const sound = new AudioContext();
            navigator.mediaDevices.getUserMedia = async () => sound.createMediaStreamDestination().stream;
        }"""
    )
    press_record(page)
    expect(page.get_by_test_id("level-word")).to_have_text("No sound")
    expect(page.locator("#timer")).to_have_text(re.compile(r"^0:(0[1-9]|[1-5]\d)$"))
    press_stop(page)
    expect(page.get_by_test_id("recorder-message")).to_contain_text(
        "No speech was heard.", use_inner_text=True
    )
    assert "POST" not in requests


def test_the_level_has_words_and_the_time_runs(page: Page) -> None:
    expect(page.get_by_test_id("recorder-message")).to_contain_text(
        "Tell everyone before you record", use_inner_text=True
    )
    press_record(page)
    expect(page.locator("#record")).to_have_text("Stop", use_inner_text=True)
    expect(page.get_by_test_id("level-word")).to_have_text("Good")
    expect(page.locator("#timer")).to_have_text(re.compile(r"^0:(0[2-9]|[1-5]\d)$"))
    press_stop(page)
    expect(page.locator("#record")).to_have_text("Record", use_inner_text=True)


def test_the_tab_and_the_other_pages_of_the_same_person_say_that_it_records(
    page: Page, visit: Callable[..., Page], site: Site
) -> None:
    elsewhere = page.context.new_page()
    elsewhere.goto("/")
    press_record(page)
    expect(page).to_have_title("● Weekly · Mico")
    expect(elsewhere.get_by_role("link", name="Recording in “Weekly”")).to_be_visible()
    expect(page.get_by_role("link", name="Recording in “Weekly”")).to_be_hidden()
    # Another user of the same browser does not learn of it.
    sign_in(page, site, "jun")
    stranger = page.context.new_page()
    stranger.goto("/")
    sign_in(page, site, "mina")
    heard = "new BroadcastChannel('mico-recording ' + {}).onmessage = () => {{ window.heard = true; }}"
    elsewhere.evaluate(heard.format("document.body.dataset.user"))
    elsewhere.wait_for_function("window.heard")
    expect(stranger.locator("recording-elsewhere")).to_be_hidden()
    press_stop(page)
    expect(page).to_have_title("Weekly · Mico")
    expect(elsewhere.get_by_role("link", name="Recording in “Weekly”")).to_be_hidden()


def test_closing_the_page_while_recording_asks_first(page: Page) -> None:
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    press_record(page)
    spoke(page)
    page.close(run_before_unload=True)
    wait_until(lambda: page.evaluate("1") and asked)
    assert asked == ["beforeunload"]
    press_stop(page)
    expect(page.get_by_test_id("line")).to_have_count(1)


def test_the_screen_stays_on_while_recording(page: Page) -> None:
    page.evaluate(
        """() => {
            window.locks = [];
            navigator.wakeLock.request = async (kind) => {
                window.locks.push(kind);
                return {release: async () => window.locks.push("released")};
            };
        }"""
    )
    press_record(page)
    page.wait_for_function("window.locks.length")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    press_stop(page)
    page.wait_for_function("window.locks.at(-1) === 'released'")
    assert page.evaluate("window.locks")[:2] == ["screen", "screen"]


# --- which microphone


def test_the_microphone_is_chosen_from_a_list_and_stays_the_one(page: Page) -> None:
    list_of = page.locator("#microphone")
    # As with real devices, the alias has the group id of the device that it stands for.
    page.evaluate(
        """() => {
            const list = navigator.mediaDevices.enumerateDevices.bind(navigator.mediaDevices);
            navigator.mediaDevices.enumerateDevices = async () => {
                const [alias, own, ...others] = (await list()).filter(({kind}) => kind === "audioinput");
                window.own = own.deviceId;
                return [alias, {...own.toJSON(), groupId: alias.groupId}, ...others];
            };
        }"""
    )
    press_record(page)
    spoke(page)
    names = list_of.locator("option").all_inner_texts()
    assert len(names) >= 3  # the system's choice and at least two fake devices
    expect(list_of).to_be_disabled()
    # The device itself, not the alias: the system can change what an alias stands for.
    heard = list_of.input_value()
    assert heard == page.evaluate("window.own")
    press_stop(page)
    expect(list_of).to_have_value("")

    other = list_of.locator("option").nth(2)
    label = other.inner_text()
    list_of.select_option(label=label)
    page.evaluate(
        """() => {
            const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
            navigator.mediaDevices.getUserMedia = (wish) => { window.wish = wish; return open(wish); };
        }"""
    )
    press_record(page)
    assert page.evaluate("window.wish.audio.deviceId.exact") == other.get_attribute("value")
    expect(list_of).to_have_value(other.get_attribute("value") or "")
    press_stop(page)
    page.reload()
    expect(page.locator("#microphone option:checked")).to_have_text(label)


def test_a_chosen_microphone_that_is_not_there_is_not_replaced_by_another(page: Page) -> None:
    press_record(page)
    press_stop(page)
    page.evaluate("localStorage.setItem('mico-microphone', 'f'.repeat(64))")
    page.reload()
    expect(page.locator("#microphone option:checked")).to_have_text("not connected")
    page.locator("#record").click()
    expect(page.get_by_test_id("recorder-message")).to_contain_text(
        "The microphone that you chose is not connected.", use_inner_text=True
    )


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        ("NotAllowedError", "The microphone is blocked for this page."),
        ("NotFoundError", "No microphone was found."),
        ("NotReadableError", "another program may be using it"),
    ],
)
def test_without_a_microphone_it_says_why(page: Page, error: str, sentence: str) -> None:
    page.evaluate(
        """(name) => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("", name)); }""",
        error,
    )
    page.locator("#record").click()
    expect(page.get_by_test_id("recorder-message")).to_contain_text(sentence, use_inner_text=True)
    expect(page.locator("#record")).to_have_text("Record", use_inner_text=True)
    expect(page.locator("#record")).to_be_enabled()


def test_a_microphone_that_goes_away_keeps_what_was_said(page: Page) -> None:
    page.evaluate(
        """() => {
            const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
            window.opened = 0;
            navigator.mediaDevices.getUserMedia = async (wish) => {
                window.opened += 1;
                return (window.stream = await open(wish));
            };
        }"""
    )
    press_record(page)
    expect(page.locator("mico-recorder")).to_have_attribute("data-speaking", "")
    opened = page.evaluate("window.opened")
    page.evaluate(
        """() => {
            const [track] = window.stream.getAudioTracks();
            track.stop();
            track.dispatchEvent(new Event("ended"));
        }"""
    )
    expect(page.get_by_test_id("recorder-message")).to_contain_text(
        "The microphone is gone.", use_inner_text=True
    )
    expect(page.get_by_test_id("line")).to_have_count(1)
    assert page.evaluate("window.opened") == opened  # no other microphone was opened
