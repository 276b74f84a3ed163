"""`make screens`: a whole Mico, a real browser, and the pictures below docs/screens/."""

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


def main() -> None:
    """The sample meeting with the vendor throttling: light, dark, and on a phone in Korean."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        raise SystemExit("No Chromium: install one (the package chromium).")
    with a_mico() as mico, chromium(Path(found)) as browser:
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


def signed_in(browser: Browser, mico: Mico) -> Page:
    """The first meeting's page."""
    page = browser.new_context(viewport={"width": 1180, "height": 760}).new_page()
    page.goto(mico.signin_link("admin"))
    page.goto(f"{mico.base_url}/m/1/")
    return page


def shoot(page: Page, name: str) -> None:
    """Takes the picture once the notice counts down."""
    expect(page.locator("[data-testid=delay] [data-fact=next]")).not_to_be_empty()
    expect(page.locator("[data-testid=delay] [data-when=delayed]")).to_be_visible()
    page.screenshot(path=SCREENS / name)


if __name__ == "__main__":
    main()
