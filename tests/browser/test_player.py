"""The player: one timeline for the whole meeting, playing from a word, and following along in the text."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Complaints, Site, connected
from tests.browser.live import sign_out
from tests.stt import AUDIO
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FIRST = AUDIO / "speech_slt_1.wav"  # 2085 ms
SECOND = AUDIO / "speech_rms_1.wav"  # 2565 ms


def position(page: Page) -> float:
    """Return the player's position in the meeting, in ms."""
    found: float = page.evaluate("document.querySelector('mico-player').playback.position")
    return found


def sounding(page: Page) -> list[int]:
    """Return the recordings that are playing."""
    found: list[int] = page.evaluate(
        "document.querySelector('mico-player').playback.voices"
        ".filter((v) => !v.audio.paused && v.audio.currentTime > 0).map((v) => v.row.recording)"
    )
    return found


def player(page: Page) -> Page:
    """Wait until the player has its timeline, and return the page."""
    expect(page.locator("mico-player")).to_be_visible()
    return page


class Spoken:
    """A meeting with two recordings, which begin at 0 s and at 20 s. The gap between them is skipped."""

    def __init__(self, site: Site, offsets: tuple[int, int] = (0, 20_000)) -> None:
        self.meeting = site.meeting()
        self.recordings = []
        for file, offset in zip((FIRST, SECOND), offsets, strict=True):
            with file.open("rb") as audio:
                answer = site.mico.api(
                    "post",
                    f"/meetings/{self.meeting}/recordings",
                    site.token,
                    files={"audio": audio},
                    data={"offset_ms": offset},
                )
            self.recordings.append(int(answer.json()["id"]))

        def done() -> bool:
            details = site.mico.api("get", f"/meetings/{self.meeting}", site.token).json()
            return all(recording["status"] == "done" for recording in details["recordings"])

        wait_until(done)


@pytest.fixture(scope="module")
def spoken(site: Site) -> Spoken:
    return Spoken(site)


@pytest.fixture
def page(visit: Callable[..., Page], spoken: Spoken) -> Page:
    return player(connected(visit(f"/m/{spoken.meeting}/")))


def test_a_press_on_a_line_plays_it_from_there_and_lights_it(page: Page, spoken: Spoken) -> None:
    second = page.locator(f"[data-recording='{spoken.recordings[1]}']").first
    with page.expect_response(lambda response: response.url.endswith("/audio")) as answer:
        second.locator("a.at").click()
    assert answer.value.status == 206
    expect(second).to_have_attribute("data-heard", "")
    wait_until(lambda: position(page) > 20_200)
    assert sounding(page) == [spoken.recordings[1]]
    expect(page.locator("[data-at-time]")).to_contain_text("0:2")
    expect(page.locator("[data-total]")).to_have_text("0:22")


def test_a_press_on_a_word_plays_the_word_and_the_word_is_lit(page: Page, spoken: Spoken) -> None:
    line = page.locator(f"[data-recording='{spoken.recordings[1]}']").first
    answer = page.request.get(f"/m/{spoken.meeting}/recordings/{spoken.recordings[1]}/words/0/").json()
    words = answer["lines"]["0"]
    start, _, last = words[-1]
    text = line.locator("p.text")
    # The middle of the last word on the screen.
    box = text.evaluate(
        """(element, word) => {
            const node = element.firstChild;
            const range = document.createRange();
            const at = node.data.lastIndexOf(word);
            range.setStart(node, at);
            range.setEnd(node, at + word.length);
            const { x, y, width, height } = range.getBoundingClientRect();
            return { x: x + width / 2, y: y + height / 2 };
        }""",
        last,
    )
    page.mouse.click(box["x"], box["y"])
    wait_until(lambda: sounding(page))
    assert 20_000 + start - 100 <= position(page) < 20_000 + start + 1500
    lit = "[...CSS.highlights.get('mico-word')].map(String)"
    wait_until(lambda: page.evaluate(lit) == [last])


@pytest.mark.parametrize("what", ["timeline", "words"])
def test_who_is_signed_out_is_told_so_by_the_players_requests(
    page: Page, site: Site, spoken: Spoken, complaints: Complaints, what: str
) -> None:
    complaints.expected = ["401"]
    sign_out(page, site)
    with page.expect_response(f"**/{what}/**") as answer:
        if what == "timeline":
            play = (
                "() => document.dispatchEvent(new CustomEvent('mico:play', {detail: {recording: 0, ms: 0}}))"
            )
            page.evaluate(play)
        else:
            page.locator(f"[data-recording='{spoken.recordings[0]}'] p.text").first.click()
    assert answer.value.status == 401
    expect(page.get_by_test_id("connection").get_by_text("You are signed out.")).to_be_visible()


def test_it_goes_on_with_the_next_recording_and_skips_where_nobody_was_recorded(
    page: Page, spoken: Spoken
) -> None:
    page.get_by_test_id("play").click()
    expect(page.locator("mico-player")).to_have_attribute("data-state", "playing")
    first, second = (page.locator(f"[data-recording='{pk}']").first for pk in spoken.recordings)
    expect(first).to_have_attribute("data-heard", "")
    # The 18 s of silence between the two are skipped.
    expect(second).to_have_attribute("data-heard", "")
    expect(first).not_to_have_attribute("data-heard", "")
    assert position(page) >= 20_000
    expect(page.locator("mico-player")).to_have_attribute("data-state", "paused")
    expect(page.locator("[data-at-time]")).to_have_text("0:22")
    # At the end, Play starts from the beginning.
    page.get_by_test_id("play").click()
    wait_until(lambda: 0 < position(page) < 2000)


def test_keys_play_and_skip_but_not_where_one_writes(page: Page) -> None:
    page.locator("body").press("Space")
    expect(page.locator("mico-player")).to_have_attribute("data-state", "playing")
    page.keyboard.press("Space")
    expect(page.locator("mico-player")).to_have_attribute("data-state", "paused")
    assert page.evaluate("window.scrollY") == 0
    page.evaluate("document.querySelector('mico-player').jump(20500)")
    page.keyboard.press("ArrowRight")
    assert position(page) == pytest.approx(23_000, abs=1000)
    page.evaluate("document.querySelector('mico-player').jump(20500)")
    page.keyboard.press("Shift+ArrowLeft")
    # The new position is in the gap, so the player goes on to the next recording.
    assert position(page) == pytest.approx(20_000, abs=1)

    field = page.get_by_label("Invite by user name")
    field.click()
    field.press_sequentially("a b")
    field.press("ArrowLeft")
    expect(field).to_have_value("a b")
    expect(page.locator("mico-player")).to_have_attribute("data-state", "paused")
    assert position(page) == pytest.approx(20_000, abs=1)


def test_the_slider_says_where_it_is_and_moves_by_keys(page: Page) -> None:
    slider = page.get_by_role("slider", name="Position")
    expect(slider).to_have_attribute("aria-valuetext", "0:00 of 0:22")
    slider.focus()
    slider.press("End")
    expect(slider).to_have_attribute("aria-valuetext", "0:22 of 0:22")
    slider.press("Home")
    expect(slider).to_have_attribute("aria-valuetext", "0:00 of 0:22")


def test_the_speed_is_kept(page: Page, spoken: Spoken) -> None:
    page.get_by_label("Speed").select_option("1.5")
    page.get_by_test_id("play").click()
    rate = "document.querySelector('mico-player').playback.voices[0]?.audio.playbackRate"
    wait_until(lambda: page.evaluate(rate) == 1.5)
    page.reload()
    expect(page.get_by_label("Speed")).to_have_value("1.5")


def test_people_who_spoke_at_once_are_heard_at_once(visit: Callable[..., Page], site: Site) -> None:
    spoken = Spoken(site, (0, 800))
    page = player(connected(visit(f"/m/{spoken.meeting}/")))
    page.get_by_test_id("play").click()
    wait_until(lambda: sounding(page) == spoken.recordings)
    off = """() => {
        const [first, second] = document.querySelector("mico-player").playback.voices;
        return second && 800 + second.ms - first.ms;
    }"""
    wait_until(lambda: abs(page.evaluate(off) or 1000) < 300)
    for recording in spoken.recordings:
        expect(page.locator(f"[data-recording='{recording}']").first).to_have_attribute("data-heard", "")
    # So does a jump to where both are in their middle.
    page.evaluate("document.querySelector('mico-player').jump(1400)")
    wait_until(lambda: sounding(page) == spoken.recordings)


def test_what_is_heard_stays_in_view_until_the_reader_scrolls(
    visit: Callable[..., Page], site: Site, spoken: Spoken
) -> None:
    meeting = site.meeting()
    with SECOND.open("rb") as audio:
        answer = site.mico.api(
            "post", f"/meetings/{meeting}/recordings", site.token, files={"audio": audio}
        ).json()
    wait_until(
        lambda: site.mico.api("get", f"/recordings/{answer['id']}", site.token).json()["status"] == "done"
    )
    # Sixty lines in 2.6 s, so that the page has to scroll.
    site.program(
        "from transcription.models import Transcription, Utterance;"
        f"row = Transcription.objects.current().get(recording={answer['id']});"
        "row.utterances.all().delete();"
        "Utterance.objects.bulk_create(Utterance(transcription=row, position=n, start_ms=n * 60,"
        " duration_ms=60, text=f'Line {n}.') for n in range(60))"
    )
    page = player(connected(visit(f"/m/{meeting}/", viewport={"width": 1000, "height": 500})))
    page.get_by_test_id("play").click()
    wait_until(lambda: page.evaluate("window.scrollY") > 200)
    page.mouse.move(300, 300)
    page.mouse.wheel(0, -5000)
    expect(page.get_by_role("button", name="Show what is playing")).to_be_visible()
    wait_until(lambda: page.evaluate("window.scrollY") == 0)
    # It goes on playing without scrolling: check five lines later, or at the end.
    before = position(page)
    paused = "document.querySelector('mico-player').dataset.state === 'paused'"
    wait_until(lambda: position(page) > before + 300 or page.evaluate(paused))
    assert page.evaluate("window.scrollY") == 0
    page.get_by_role("button", name="Show what is playing").click()
    wait_until(lambda: page.evaluate("window.scrollY") > 200)


def test_what_cannot_be_played_is_named_and_left_out(
    visit: Callable[..., Page], site: Site, complaints: Complaints
) -> None:
    complaints.expected = ["404"]
    meeting = site.meeting()
    site.rows(meeting, 'a_row(meeting, kind="upload", duration_ms=5000, texts=[(0, 900, "", "Gone.")])')
    with FIRST.open("rb") as audio:
        site.mico.api("post", f"/meetings/{meeting}/recordings", site.token, files={"audio": audio})
    page = player(connected(visit(f"/m/{meeting}/")))
    page.get_by_test_id("play").click()
    expect(page.locator("mico-player [data-problem]")).to_contain_text("cannot play")
    wait_until(lambda: position(page) > 5000)


def test_thousands_of_recordings_are_one_request_and_no_element(
    visit: Callable[..., Page], site: Site
) -> None:
    meeting = site.meeting()
    site.rows(
        meeting,
        "from transcription.models import *\n"
        "rows = Recording.objects.bulk_create(Recording(meeting=meeting, format='wav', size_bytes=1,"
        " audio='audio/x', kind='live', offset_ms=n * 4000, duration_ms=3000) for n in range(3000))\n"
        "from django.utils import timezone\n"
        "Transcription.objects.bulk_create(Transcription(recording=r, meeting=meeting, vendor='rtzr',"
        " language='en', status='done', next_action_at=None, finished_at=timezone.now()) for r in rows)",
    )
    page = visit("/")
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(f"/m/{meeting}/")
    player(page)
    expect(page.locator("[data-total]")).to_have_text("3:19:59")
    assert len([url for url in requests if "/timeline/" in url]) == 1
    assert [url for url in requests if url.endswith("/audio")] == []
    assert page.locator("audio").count() == 0


def test_the_transcript_is_downloaded_with_what_was_ticked(page: Page) -> None:
    export = page.get_by_test_id("export")
    with page.expect_download() as whole:
        export.get_by_role("button", name="Text").click()
    content = whole.value.path().read_text()
    assert whole.value.suggested_filename == "Weekly.txt"
    assert re.search(r"^\[00:00:20\] Speaker 1: \w", content, re.MULTILINE)

    export.get_by_label("Times").uncheck()
    export.get_by_label("Speakers").uncheck()
    with page.expect_download() as bare:
        export.get_by_role("button", name="Text").click()
    content = bare.value.path().read_text()
    assert "00:00:20" not in content
    assert "Speaker 1" not in content
    with page.expect_download() as word:
        export.get_by_role("button", name="Word").click()
    assert word.value.suggested_filename == "Weekly.docx"
    assert word.value.path().read_bytes()[:2] == b"PK"


def test_a_voice_is_named_on_the_page_and_on_everybodys(
    visit: Callable[..., Page], page: Page, spoken: Spoken
) -> None:
    other = connected(visit(f"/m/{spoken.meeting}/"))
    second = f"[data-recording='{spoken.recordings[1]}'] .who"
    page.locator(second).first.get_by_role("button", name="Speaker 1").click()
    dialog = page.get_by_test_id("name-voice")
    expect(dialog.get_by_label("Name, in the whole recording")).to_be_focused()
    page.keyboard.type("Anna")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    for shown in page, other:
        expect(shown.locator(second).first).to_contain_text("Anna")
    assert page.locator("mico-player").get_attribute("data-state") == "paused"
