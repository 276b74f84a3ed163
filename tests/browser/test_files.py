"""Resumable uploads on the page: progress is true, and no acknowledged part is sent again."""

import wave
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Dialog, Page, Request, Route, expect

from tests.browser.conftest import Complaints, Site, connected
from tests.stt import AUDIO
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SPEECH = AUDIO / "speech_slt_1.wav"
PART = 4 * 1024**2
PARTS = "**/api/v1/uploads/*"


@pytest.fixture
def page(visit: Callable[..., Page], meeting: int) -> Page:
    return connected(visit(f"/m/{meeting}/"))


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A file that is uploaded in three parts."""
    file = tmp_path / "large.wav"
    with wave.open(str(file), "wb") as made:
        made.setnchannels(1)
        made.setsampwidth(2)
        made.setframerate(16_000)
        made.writeframes(bytes(10 * 1024**2))
    return file


def cut_after_the_first(page: Page) -> None:
    """Make every request for a part fail from the second part on."""

    def cut(route: Route) -> None:
        if route.request.method == "PATCH" and route.request.headers["upload-offset"] == "0":
            route.continue_()
        else:
            route.abort()

    page.route(PARTS, cut)


def offsets(page: Page) -> list[int]:
    """Return a list to which the offset of each part is added that the page sends from now on."""
    sent: list[int] = []

    def listen(request: Request) -> None:
        if request.method == "PATCH":
            sent.append(int(request.headers["upload-offset"]))

    page.on("request", listen)
    return sent


def test_after_a_cut_it_goes_on_from_what_was_confirmed(
    page: Page, large: Path, complaints: Complaints
) -> None:
    complaints.expected = ["ERR_FAILED", "Failed to load resource"]
    cut_after_the_first(page)
    page.locator("#upload-input").set_input_files(large)
    upload = page.get_by_test_id("upload")
    expect(upload).to_have_attribute("data-state", "waiting")
    expect(upload).to_contain_text("Broken off; goes on from here by itself", use_inner_text=True)
    shown = page.evaluate("document.querySelector('.uploads progress').value")
    assert shown == pytest.approx(100 * PART / large.stat().st_size, abs=0.01)

    page.unroute(PARTS)
    sent = offsets(page)
    upload.get_by_role("button", name="Try now").click()
    expect(page.get_by_test_id("line")).to_have_count(1)
    expect(upload).to_have_count(0)
    assert sent == [PART, 2 * PART]


def test_on_a_full_disk_of_the_server_it_says_so_and_goes_on_from_what_was_confirmed(
    page: Page, large: Path, complaints: Complaints
) -> None:
    complaints.expected = ["Failed to load resource"]

    def full_after_the_first(route: Route) -> None:
        if route.request.method == "PATCH" and route.request.headers["upload-offset"] != "0":
            route.fulfill(status=507, json={"error": {"code": "no_room", "message": "The disk is full."}})
        else:
            route.continue_()

    page.route(PARTS, full_after_the_first)
    page.locator("#upload-input").set_input_files(large)
    upload = page.get_by_test_id("upload")
    expect(upload).to_contain_text("The server's disk is full.", use_inner_text=True)
    expect(upload).to_have_attribute("data-state", "waiting")

    page.unroute(PARTS)
    sent = offsets(page)
    expect(page.get_by_test_id("line")).to_have_count(1)  # by itself
    expect(upload).to_have_count(0)
    assert sent == [PART, 2 * PART]


def test_after_a_reload_the_same_file_goes_on_and_is_one_recording(
    page: Page, large: Path, site: Site, meeting: int, complaints: Complaints
) -> None:
    complaints.expected = ["ERR_FAILED", "Failed to load resource"]
    cut_after_the_first(page)
    page.locator("#upload-input").set_input_files(large)
    expect(page.get_by_test_id("upload")).to_have_attribute("data-state", "waiting")
    asked: list[str] = []

    def leave(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", leave)
    page.reload()
    assert asked == ["beforeunload"]

    page.unroute(PARTS)
    sent = offsets(page)
    connected(page).locator("#upload-input").set_input_files(large)
    expect(page.get_by_test_id("line")).to_have_count(1)
    assert sent == [PART, 2 * PART]
    details = site.mico.api("get", f"/meetings/{meeting}", site.token).json()
    assert len(details["recordings"]) == 1
    # The server's measure of the duration shows that the file is whole.
    assert details["recordings"][0]["duration_ms"] == 10 * 1024**2 // 32
    # The page forgets the upload once it is complete: the same file again would be a new upload.
    wait_until(lambda: page.evaluate("Object.keys(localStorage).filter((k) => k.startsWith('tus::'))") == [])


def test_what_is_cancelled_is_thrown_away_on_both_sides(
    page: Page, large: Path, complaints: Complaints
) -> None:
    complaints.expected = ["ERR_FAILED", "Failed to load resource"]
    kept_out = True

    def cut(route: Route) -> None:
        first = route.request.method == "PATCH" and route.request.headers["upload-offset"] == "0"
        if first or route.request.method == "DELETE" or not kept_out:
            route.continue_()
        else:
            route.abort()

    page.route(PARTS, cut)
    page.locator("#upload-input").set_input_files(large)
    upload = page.get_by_test_id("upload")
    expect(upload).to_have_attribute("data-state", "waiting")
    with page.expect_response(lambda answer: answer.request.method == "DELETE") as thrown_away:
        upload.get_by_role("button", name="Cancel").click()
    assert thrown_away.value.status == 204
    expect(upload).to_have_count(0)

    kept_out = False
    sent = offsets(page)
    page.locator("#upload-input").set_input_files(large)
    expect(page.get_by_test_id("line")).to_have_count(1)
    assert sent == [0, PART, 2 * PART]


def test_without_the_recordings_id_its_line_comes_by_the_socket(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    def without_id(route: Route) -> None:
        answer = route.fetch()
        headers = {name: value for name, value in answer.headers.items() if name != "mico-recording"}
        assert len(headers) == len(answer.headers) - 1
        route.fulfill(response=answer, headers=headers)

    page.route(PARTS, without_id)
    page.locator("#upload-input").set_input_files(SPEECH)
    expect(page.get_by_test_id("line")).to_have_count(1)
    expect(page.get_by_test_id("upload")).to_have_count(0)
    assert [url for url in asked if url.endswith(("id=null", "id=0"))] == []


def test_a_lost_answer_makes_no_second_recording(page: Page, complaints: Complaints) -> None:
    complaints.expected = ["ERR_FAILED", "Failed to load resource"]

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route(PARTS, lose, times=1)
    page.locator("#upload-input").set_input_files(SPEECH)
    expect(page.get_by_test_id("upload")).to_have_count(0)
    expect(page.get_by_test_id("line")).to_have_count(1)
    page.reload()
    expect(page.get_by_test_id("line")).to_have_count(1)


def test_several_files_have_each_their_own_progress(page: Page, tmp_path: Path) -> None:
    files = []
    for n in range(3):
        file = tmp_path / f"talk-{n}.wav"
        file.write_bytes(SPEECH.read_bytes())
        files.append(file)
    names: set[str] = set()

    def seen(name: str) -> None:
        names.add(name)

    page.expose_function("seen", seen)
    page.evaluate(
        """() => new MutationObserver((changes) => {
            for (const { addedNodes } of changes)
                for (const node of addedNodes) window.seen(node.querySelector("[data-name]").textContent);
        }).observe(document.querySelector(".uploads"), { childList: true })"""
    )
    page.locator("#upload-input").set_input_files(files)
    expect(page.get_by_test_id("line")).to_have_count(3)
    assert names == {"talk-0.wav", "talk-1.wav", "talk-2.wav"}


def test_who_is_signed_out_goes_on_after_signing_in(
    page: Page, large: Path, site: Site, complaints: Complaints
) -> None:
    complaints.expected = ["401", "Failed to load resource"]
    cookies = page.context.cookies()

    def sign_out(route: Route) -> None:
        if route.request.method == "PATCH" and route.request.headers["upload-offset"] != "0":
            page.context.clear_cookies(name=f"mico_session_{site.mico.port}")
        route.continue_()

    page.route(PARTS, sign_out, times=2)
    page.locator("#upload-input").set_input_files(large)
    upload = page.get_by_test_id("upload")
    expect(upload).to_have_attribute("data-state", "waiting")
    page.unroute(PARTS)
    page.context.add_cookies(cookies)  # type: ignore[arg-type]
    sent = offsets(page)
    upload.get_by_role("button", name="Try now").click()
    expect(page.get_by_test_id("line")).to_have_count(1)
    assert sent[0] in {PART, 2 * PART}
