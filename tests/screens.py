"""`make screens`: takes the pictures below docs/screens/ of a whole Mico in a real browser."""

import shutil
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.chromium import chromium
from tests.processes import Mico, a_mico
from tests.servers import BASE_DIR

SCREENS = BASE_DIR / "docs" / "screens"
AUDIO = BASE_DIR / "tests" / "audio"
DESKTOP = {"width": 1180, "height": 760}
PHONE = {"width": 390, "height": 844}
CONSOLE = {"width": 1400, "height": 900}

# Invents a day of traffic for the console's charts, because this Mico has just started.
A_DAY = """
import random, time
from transcription.service import traffic
from transcription.gate import Ok, Refused, Unavailable
dice, now = random.Random(4), time.time()
for minute in range(1, 24 * 60):
    busy = minute % 480 < 300
    for _ in range(round(dice.expovariate(1 / (7 if busy else 1)))):
        refused = minute % 160 < 18 and dice.random() < 0.25
        outcome = Refused("all") if refused else Unavailable() if dice.random() < 0.01 else Ok()
        traffic.count("rtzr", outcome, now=now - 60 * minute)
"""


def main() -> None:
    """Take pictures of the sample meeting and the console while the vendor throttles: light, dark, in Korean."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        raise SystemExit("No Chromium: install one (the package chromium).")
    with a_mico(EMULATOR_ENGINE="whisper") as mico, chromium(Path(found)) as browser:
        mico.start()
        mico.manage("demo")
        page = signed_in(browser, mico)
        mico.emulator.throttle(60, code="A0003")
        page.locator("#upload-input").set_input_files(
            [AUDIO / "speech_slt_2.wav", AUDIO / "speech_rms_2.wav"]
        )
        shoot(page, "delayed.png")
        state = page.context.storage_state()
        for name, options in {
            "delayed-dark.png": {"viewport": DESKTOP, "color_scheme": "dark"},
            "delayed-phone-ko.png": {"viewport": PHONE, "locale": "ko-KR", "device_scale_factor": 2},
        }.items():
            other = browser.new_context(storage_state=state, **options).new_page()  # type: ignore[arg-type]
            other.goto(page.url)
            shoot(other, name)
        mico.manage("shell", "--no-imports", "-c", A_DAY)
        for name, options in {
            "console.png": {"viewport": CONSOLE},
            "console-dark-ko.png": {"viewport": CONSOLE, "color_scheme": "dark", "locale": "ko-KR"},
        }.items():
            console = browser.new_context(storage_state=state, **options).new_page()  # type: ignore[arg-type]
            console.goto(f"{mico.base_url}/admin/transcription/gateevent/vendor/rtzr/")
            expect(console.locator("mico-socket")).to_have_attribute("data-state", "open")
            expect(console.locator("[data-fact=next]")).not_to_be_empty()
            console.screenshot(path=SCREENS / name, full_page=True)


def signed_in(browser: Browser, mico: Mico) -> Page:
    """Sign in and return the page of the first meeting."""
    page = browser.new_context(viewport={"width": 1180, "height": 760}).new_page()
    page.goto(mico.signin_link("admin"))
    page.goto(f"{mico.base_url}/m/1/")
    return page


def shoot(page: Page, name: str) -> None:
    """Take the picture once the notice counts down."""
    expect(page.locator("[data-testid=delay] [data-fact=next]")).not_to_be_empty()
    expect(page.locator("[data-testid=delay] [data-when=delayed]")).to_be_visible()
    page.evaluate("() => window.scrollTo({ top: 0, behavior: 'instant' })")  # it follows the newest line
    page.screenshot(path=SCREENS / name)


if __name__ == "__main__":
    main()
