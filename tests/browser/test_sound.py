"""Uploading files: what the page shows, and that no file is lost."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Complaints, Site, connected
from tests.stt import AUDIO, SPOKEN
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SPEECH = AUDIO / "speech_slt_1.wav"
# The URL of the module that the page has loaded, whose name may contain a hash.
FILES = (
    "performance.getEntriesByType('resource').map((e) => e.name).find((n) => n.includes('/file-uploads.'))"
)


@pytest.fixture
def page(visit: Callable[..., Page], meeting: int) -> Page:
    """Mina's page of the meeting."""
    return connected(visit(f"/m/{meeting}/"))


def test_files_are_uploaded_and_one_that_is_none_stops_nothing(
    page: Page, complaints: Complaints, tmp_path: Path
) -> None:
    complaints.expected = ["415"]
    text = tmp_path / "notes.txt"
    text.write_text("not a sound")
    page.locator("#upload-input").set_input_files([text, SPEECH])

    expect(page.locator("#transcript .words p.text")).to_have_text(SPOKEN[SPEECH.name])
    refused = page.get_by_test_id("upload")
    expect(refused).to_have_attribute("data-state", "failed")
    expect(refused).to_contain_text("notes.txt", use_inner_text=True)
    expect(refused).to_contain_text(
        "This is not a sound or video file that can be read.", use_inner_text=True
    )
    refused.get_by_role("button", name="Dismiss").click()
    expect(refused).to_have_count(0)


def test_the_progress_of_an_upload_is_true_and_it_can_be_cancelled(
    page: Page, site: Site, meeting: int, tmp_path: Path
) -> None:
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

    with page.expect_response(lambda response: response.request.method == "DELETE") as thrown_away:
        upload.get_by_role("button", name="Cancel").click()
    assert thrown_away.value.status == 204
    expect(upload).to_have_count(0)
    expect(page.get_by_test_id("line")).to_have_count(0)
    assert site.mico.api("get", f"/meetings/{meeting}", site.token).json()["recordings"] == []


def test_what_is_too_large_is_refused_before_a_byte_is_sent(page: Page) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    page.evaluate(f"async () => {{ (await import({FILES})).files.maxBytes = 1000; }}")
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
            const {files} = await import(FILES);
            files.send = () => {};
            drop("drop");
        }""".replace("FILES", FILES)
    )
    assert page.evaluate("window.hinted")
    expect(page.get_by_test_id("upload")).to_contain_text("dropped.wav", use_inner_text=True)
