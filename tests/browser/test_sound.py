"""Recording and uploading: what is seen, and that nothing of it is lost on the way."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Dialog, Page, Route, expect

from tests.browser.conftest import Complaints, Site, connected
from tests.stt import AUDIO, SPOKEN
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SPEECH = AUDIO / "speech_slt_1.wav"
UPLOADS = "**/api/v1/meetings/*/recordings"
# The very module that the page has loaded: its name carries a hash of its content.
QUEUE = (
    "performance.getEntriesByType('resource').map((e) => e.name).find((n) => n.includes('/upload-queue.'))"
)


@pytest.fixture
def page(visit: Callable[..., Page], site: Site) -> Page:
    """Mina's page of a new meeting, with a microphone."""
    return connected(visit(f"/m/{site.meeting()}/", permissions=["microphone"]))


def test_files_are_uploaded_and_one_that_is_none_stops_nothing(
    page: Page, complaints: Complaints, tmp_path: Path
) -> None:
    complaints.expected = ["415"]
    text = tmp_path / "notes.txt"
    text.write_text("not a sound")
    page.locator("#upload-input").set_input_files([text, SPEECH])

    expect(page.locator("#transcript .words p")).to_have_text(SPOKEN[SPEECH.name], timeout=30_000)
    refused = page.get_by_test_id("upload")
    expect(refused).to_have_attribute("data-state", "failed")
    expect(refused).to_contain_text("notes.txt", use_inner_text=True)
    expect(refused).to_contain_text(
        "This is not a sound or video file that can be read.", use_inner_text=True
    )
    refused.get_by_role("button", name="Dismiss").click()
    expect(refused).to_have_count(0)


def test_the_progress_of_an_upload_is_true_and_it_can_be_cancelled(page: Page, tmp_path: Path) -> None:
    large = tmp_path / "large.wav"
    large.write_bytes(SPEECH.read_bytes()[:44] + bytes(8 * 1024**2))
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    network.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 2 * 1024**2},
    )
    page.locator("#upload-input").set_input_files(large)
    upload = page.get_by_test_id("upload")
    expect(upload).to_have_attribute("data-state", "uploading")
    progress = "document.querySelector('.uploads progress').value"
    wait_until(lambda: page.evaluate(progress) > 5)
    assert page.evaluate(progress) < 100

    upload.get_by_role("button", name="Cancel").click()
    expect(upload).to_have_count(0)
    page.wait_for_timeout(300)
    expect(page.get_by_test_id("line")).to_have_count(0)


def test_what_is_too_large_is_refused_before_a_byte_is_sent(page: Page) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    page.evaluate(f"async () => {{ (await import({QUEUE})).queue.maxBytes = 1000; }}")
    sent.clear()
    page.locator("#upload-input").set_input_files(SPEECH)
    expect(page.get_by_test_id("upload")).to_contain_text("This file is larger than", use_inner_text=True)
    assert "POST" not in sent


def test_files_can_be_dropped_anywhere(page: Page) -> None:
    page.evaluate(
        """async () => {
            const bytes = Uint8Array.from([1, 2, 3]);
            const data = new DataTransfer();
            data.items.add(new File([bytes], "dropped.wav"));
            const drop = (type) => document.body.dispatchEvent(
                new DragEvent(type, {dataTransfer: data, bubbles: true, cancelable: true}));
            drop("dragenter");
            window.hinted = document.querySelector("mico-uploader").hasAttribute("data-dropping");
            const {queue} = await import(QUEUE);
            queue.send = () => {};
            drop("drop");
        }""".replace("QUEUE", QUEUE)
    )
    assert page.evaluate("window.hinted")
    expect(page.get_by_test_id("upload")).to_contain_text("dropped.wav", use_inner_text=True)


def record(page: Page, ms: int = 2500) -> None:
    """Speaks into the page for a while."""
    page.locator("#record").click()
    expect(page.locator("mico-recorder")).to_have_attribute("data-state", "recording")
    page.wait_for_timeout(ms)
    page.locator("#record").click()


def test_the_level_has_words_and_the_time_runs(page: Page) -> None:
    expect(page.get_by_test_id("recorder-message")).to_contain_text(
        "Tell everyone before you record", use_inner_text=True
    )
    page.locator("#record").click()
    expect(page.locator("#record")).to_have_text("Stop", use_inner_text=True)
    expect(page.get_by_test_id("level-word")).to_have_text("Good")
    expect(page.locator("#timer")).to_have_text("0:02")
    page.locator("#record").click()
    expect(page.locator("#record")).to_have_text("Record", use_inner_text=True)


def test_other_pages_say_that_this_one_records(page: Page) -> None:
    elsewhere = page.context.new_page()
    elsewhere.goto("/")
    page.locator("#record").click()
    expect(elsewhere.get_by_role("link", name="Recording in “Weekly”")).to_be_visible()
    expect(page.get_by_role("link", name="Recording in “Weekly”")).to_be_hidden()
    page.locator("#record").click()
    expect(elsewhere.get_by_role("link", name="Recording in “Weekly”")).to_be_hidden()


def test_a_recording_waits_for_the_server_and_is_sent_once(
    page: Page, site: Site, complaints: Complaints
) -> None:
    complaints.expected = ["503", "Failed to load resource"]
    tries: list[str] = []

    def refuse(route: Route) -> None:
        tries.append(
            route.request.post_data_buffer.decode("latin-1") if route.request.post_data_buffer else ""
        )
        route.fulfill(status=503, body="away")

    page.route(UPLOADS, refuse)
    record(page)
    upload = page.get_by_test_id("upload")
    expect(upload).to_contain_text("recorded and waiting to upload", use_inner_text=True)
    expect(upload.get_by_role("link", name="Save the file")).to_be_visible()
    with page.expect_download() as saved:
        upload.get_by_role("link", name="Save the file").click()
    assert saved.value.suggested_filename.endswith(".webm")

    page.unroute(UPLOADS)
    upload.get_by_role("button", name="Try now").click()
    expect(page.get_by_test_id("line")).to_have_count(1)
    expect(upload).to_have_count(0)
    assert 'name="kind"\r\n\r\nlive' in tries[0]


def test_the_same_recording_twice_is_one(page: Page, complaints: Complaints) -> None:
    complaints.expected = ["ERR_FAILED", "Failed to load resource"]

    def lose_the_answer(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route(UPLOADS, lose_the_answer, times=1)
    record(page)
    expect(page.get_by_test_id("upload")).to_have_count(0, timeout=20_000)
    expect(page.get_by_test_id("line")).to_have_count(1)
    page.reload()
    expect(page.get_by_test_id("line")).to_have_count(1)


def test_closing_the_page_while_recording_asks_first(page: Page) -> None:
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.locator("#record").click()
    expect(page.locator("mico-recorder")).to_have_attribute("data-state", "recording")
    page.close(run_before_unload=True)
    page.wait_for_timeout(500)
    assert asked == ["beforeunload"]
    page.locator("#record").click()
    expect(page.get_by_test_id("line")).to_have_count(1)


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
            navigator.mediaDevices.getUserMedia = async (wish) => (window.stream = await open(wish));
        }"""
    )
    page.locator("#record").click()
    expect(page.locator("#timer")).to_have_text("0:02")
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
