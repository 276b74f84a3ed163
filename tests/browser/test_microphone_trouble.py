"""A microphone that gives no sound, or stops doing so: the page says so, and Record can be pressed again."""

from base64 import b64encode

import pytest
from playwright.sync_api import Page, expect

from tests.browser.live import press_record, press_stop
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# An AudioContext that stays suspended, as on a phone before the first touch.
SUSPENDED = """() => {
    const Real = AudioContext;
    AudioContext = class extends Real {
        constructor() {
            super();
            super.suspend();
        }
        resume() {
            return new Promise(() => {});
        }
    };
}"""
# Keeps the microphone's stream as window.stream.
KEEP_STREAM = """() => {
    const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async (wish) => (window.stream = await open(wish));
}"""
HELD = (
    "async () => (await navigator.locks.query()).held.filter(({name}) => name.startsWith('mico-take')).length"
)


def becomes(page: Page, state: str, sentence: str) -> None:
    """Wait until the recorder has this state, says this sentence, and can be started again."""
    expect(page.locator("mico-recorder")).to_have_attribute("data-state", state)
    expect(page.get_by_test_id("recorder-message")).to_contain_text(sentence, use_inner_text=True)
    expect(page.locator("#record")).to_have_text("Record", use_inner_text=True)
    expect(page.locator("#record")).to_be_enabled()


def test_a_device_that_goes_before_it_gave_any_sound(page: Page) -> None:
    page.evaluate(SUSPENDED)
    page.evaluate(KEEP_STREAM)
    page.locator("#record").click()
    wait_until(lambda: page.evaluate(HELD) == 1)
    page.evaluate("() => window.stream.getAudioTracks()[0].dispatchEvent(new Event('ended'))")
    becomes(page, "no-device", "No microphone was found.")
    assert page.evaluate(HELD) == 0
    assert page.evaluate("window.stream.getAudioTracks()[0].readyState") == "ended"


def test_a_microphone_that_never_gives_a_sound_is_given_up(page: Page) -> None:
    page.evaluate(SUSPENDED)
    page.locator("#record").click()
    becomes(page, "busy", "The microphone could not be opened")
    assert page.evaluate(HELD) == 0


def test_sound_that_stops_coming_is_told(page: Page) -> None:
    page.evaluate(
        """() => {
            const Real = AudioContext;
            AudioContext = class extends Real {
                constructor() {
                    super();
                    window.context = this;
                }
            };
        }"""
    )
    press_record(page)
    expect(page.get_by_test_id("level-word")).to_have_text("Good")
    page.evaluate(
        """() => {
            window.context.resume = () => new Promise(() => {}); // as during a call
            return window.context.suspend();
        }"""
    )
    expect(page.get_by_test_id("level-word")).to_have_text("No sound")
    assert page.evaluate("document.querySelector('#level').value") == 0
    press_stop(page)
    expect(page.get_by_test_id("level-word")).to_be_empty()


def test_a_part_of_the_recorder_that_cannot_be_loaded_is_no_fault_of_the_browser(page: Page) -> None:
    page.evaluate(
        """() => {
            AudioWorklet.prototype.addModule = () => Promise.reject(new DOMException("", "AbortError"));
        }"""
    )
    page.locator("#record").click()
    becomes(page, "incomplete", "A part of this page could not be loaded. Load the page again")


def test_what_the_recorder_needs_is_in_the_browsers_cache_before_it_is_pressed(page: Page) -> None:
    page.wait_for_function(
        """() => {
            const {worklet} = document.querySelector("mico-recorder").dataset;
            return performance.getEntriesByType("resource").some(({name}) => name.endsWith(worklet));
        }"""
    )
    cached = page.evaluate(
        """async () => {
            const {worklet} = document.querySelector("mico-recorder").dataset;
            const answer = await fetch(worklet, {cache: "only-if-cached", mode: "same-origin"});
            return [answer.status, answer.headers.get("Cache-Control")];
        }"""
    )
    assert cached[0] == 200
    assert "immutable" in cached[1]


def test_a_meeting_that_ends_while_the_browser_asks_is_not_recorded(page: Page) -> None:
    page.evaluate(
        """() => {
            const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
            navigator.mediaDevices.getUserMedia = async (wish) => {
                await new Promise((answer) => (window.answer = answer));
                return (window.stream = await open(wish));
            };
        }"""
    )
    page.locator("#record").click()
    page.wait_for_function("() => window.answer")
    page.get_by_test_id("end").click()
    expect(page.get_by_test_id("ended")).to_have_attribute("data-state", "ended")
    page.evaluate("() => { navigator.mediaDevices.getUserMedia = null; window.answer(); }")
    page.wait_for_function("() => window.stream?.getAudioTracks()[0].readyState === 'ended'")
    expect(page.locator("mico-recorder")).to_have_attribute("data-state", "nothing")
    expect(page.get_by_test_id("person").locator("[data-recording]")).to_be_hidden()


def test_a_screen_that_is_kept_on_too_late_is_let_go(page: Page) -> None:
    page.evaluate(
        """() => {
            navigator.wakeLock.request = () => new Promise((come) => {
                window.come = () => come({release: async () => (window.released = true)});
            });
        }"""
    )
    press_record(page)
    page.wait_for_function("() => window.come")
    press_stop(page)
    page.evaluate("() => window.come()")
    page.wait_for_function("() => window.released")


def test_the_level_is_drawn_in_the_pages_own_colour(page: Page) -> None:
    level = page.locator("#level")
    level.evaluate("(level) => { level.value = 1; level.style.visibility = 'visible'; }")
    picture = b64encode(level.screenshot()).decode()
    middle, accent = page.evaluate(
        """async (picture) => {
            const image = new Image();
            image.src = `data:image/png;base64,${picture}`;
            await image.decode();
            const canvas = document.createElement("canvas");
            Object.assign(canvas, {width: image.width, height: image.height});
            const pen = canvas.getContext("2d");
            pen.drawImage(image, 0, 0);
            const [r, g, b] = pen.getImageData(image.width / 2, image.height / 2, 1, 1).data;
            return [`rgb(${r}, ${g}, ${b})`, getComputedStyle(document.querySelector("#record")).backgroundColor];
        }""",
        picture,
    )
    assert middle == accent
