"""The whole of Mico: somebody speaks into one browser and the words appear in another, with 429s in between."""

import time
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect

from tests.chromium import chromium, spoken
from tests.processes import Mico, a_mico
from tests.stt import AUDIO, SPOKEN
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

DELAY = "[data-testid=delay] [data-when=delayed]"


@pytest.fixture(scope="module")
def mico() -> Iterator[Mico]:
    with a_mico() as mico:
        mico.start()
        for name in "mina", "jun":
            mico.token(name)
        yield mico


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    file = tmp_path_factory.mktemp("speech") / "microphone.wav"
    return file, spoken(file, AUDIO / "speech_slt_1.wav")


@pytest.fixture(scope="module")
def two_people(
    mico: Mico, chromium_path: Path, speech: tuple[Path, float]
) -> Iterator[tuple[Page, Page, list[str]]]:
    """Mina's page and Jun's, signed in, and the complaints of their consoles."""
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(message.text)

    def signed_in(context: BrowserContext, name: str) -> Page:
        page = context.new_page()
        page.on("console", listen)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(mico.signin_link(name))
        return page

    with chromium(chromium_path, speech[0]) as browser:
        yield (
            signed_in(browser.new_context(permissions=["microphone"]), "mina"),
            signed_in(browser.new_context(), "jun"),
            complaints,
        )


def in_one_meeting(mico: Mico, mina: Page, jun: Page, title: str) -> int:
    """Let Mina create a meeting and invite Jun, and open it in both pages. Return its id."""
    mina.goto(mico.base_url)
    mina.get_by_label("Title").fill(title)
    mina.get_by_label("Spoken language").select_option("en")
    mina.get_by_role("button", name="New meeting").click()
    mina.wait_for_url("**/m/*/")
    mina.get_by_test_id("invite").get_by_role("textbox").fill("jun")
    mina.get_by_role("button", name="Invite").click()
    expect(mina.locator("[data-people]")).to_contain_text("jun")
    jun.goto(mina.url)
    for page in mina, jun:
        expect(page.locator("mico-socket")).to_have_attribute("data-state", "open")
    return int(mina.url.rstrip("/").rsplit("/", 1)[-1])


def speak(page: Page, until_s: float) -> None:
    """Press Record, let the microphone hear its file up to `until_s`, and press Stop."""
    page.locator("#record").click()
    expect(page.locator("mico-recorder")).to_have_attribute("data-state", "recording")

    def said() -> bool:
        minutes, seconds = page.locator("#timer").inner_text().split(":")
        return int(minutes) * 60 + int(seconds) > until_s

    wait_until(said, timeout=until_s + 10)
    page.locator("#record").click()


def upload(page: Page, *files: str) -> None:
    page.locator("#upload-input").set_input_files([AUDIO / file for file in files])


def texts(page: Page) -> list[str]:
    return page.locator("#transcript .line.words .text").all_inner_texts()


def submits(log: list[dict[str, Any]]) -> Counter[int]:
    return Counter(entry["status"] for entry in log if entry["route"] == "submit")


def test_words_spoken_into_one_browser_appear_in_another_without_a_reload(
    mico: Mico, two_people: tuple[Page, Page, list[str]], speech: tuple[Path, float]
) -> None:
    mina, jun, complaints = two_people
    in_one_meeting(mico, mina, jun, "Monday")
    jun.evaluate("window.loaded = 'once'")

    speak(mina, speech[1])

    for page in jun, mina:
        line = page.locator("#transcript .line.words")
        expect(line).to_have_count(1)
        expect(line.locator(".text")).to_have_text(SPOKEN["speech_slt_1.wav"])
        expect(line.locator(".who")).to_contain_text("mina")
    assert jun.evaluate("window.loaded") == "once"
    assert complaints == []


def test_a_throttled_vendor_is_announced_to_everybody_at_once_and_nothing_is_lost_or_sent_twice(
    mico: Mico, two_people: tuple[Page, Page, list[str]]
) -> None:
    mina, jun, complaints = two_people
    emulator = mico.emulator
    emulator.reset()
    meeting = in_one_meeting(mico, mina, jun, "Throttled")
    upload(mina, "speech_slt_2.wav")
    expect(jun.locator("#transcript .line.words")).to_have_count(1)

    began = time.time()
    emulator.throttle(20, code="A0003")
    upload(mina, "speech_slt_1.wav", "speech_rms_1.wav")
    wait_until(lambda: submits(emulator.stats()["log"])[429], interval=0.01)
    for page in mina, jun:
        expect(page.locator(DELAY)).to_be_visible()
    upload(jun, "speech_rms_2.wav")  # people go on speaking while the vendor throttles

    # A page that is opened during the delay shows the same.
    late = jun.context.new_page()
    late.goto(jun.url)
    expect(late.locator(DELAY)).to_be_visible()
    for fact, said in {
        "what": "limiting requests",
        "since": "Since",
        "next": "Next try in",
        "comfort": "Your audio is saved",
    }.items():
        for page in mina, jun, late:
            expect(page.locator(f"{DELAY} [data-fact={fact}]")).to_contain_text(said)
    assert late.locator(DELAY).count() == 1
    for page in mina, jun, late:
        assert texts(page)[:1] == [SPOKEN["speech_slt_2.wav"]]  # earlier words stay readable

    # The delay ends by itself on every page, and all words are there, each recording at its place.
    for page in mina, jun, late:
        expect(page.locator(DELAY)).to_be_hidden()
        expect(page.locator("#transcript .line.words")).to_have_count(4)
        assert sorted(texts(page)) == sorted(SPOKEN.values())
    assert time.time() - began > 20
    late.close()

    stats = emulator.stats()
    assert set(stats["audio"].values()) == {1}
    assert (len(stats["audio"]), stats["duplicates"]) == (4, 0)
    # While it was blocked only probes went out, one at a time, each later than the one before.
    refused = [entry["t"] for entry in stats["log"] if entry["status"] == 429]
    assert 4 <= len(refused) <= 16
    assert all(later - earlier > 1.5 for earlier, later in pairwise(refused[-4:]))

    token = mico.token("mina")
    rows = mico.api("GET", f"/meetings/{meeting}", token).json()["recordings"]
    assert {row["status"] for row in rows} == {"done"}
    history = (
        "from transcription.models import GateEvent as E; print(*E.objects.values_list('kind', flat=True))"
    )
    kinds = mico.manage("shell", "--no-imports", "-c", history).stdout.split()
    assert (kinds.count("closed"), kinds.count("opened")) == (1, 1)
    assert (kinds[0], kinds[-1]) == ("closed", "opened")
    assert complaints == []
