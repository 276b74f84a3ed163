"""A real Chromium for tests, whose microphone can hear a file."""

import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

from tests.waiting import patient

expect.set_options(timeout=1000 * patient(15))  # ms

# Without these options Chromium looks up hosts of its own at every start.
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")


def arguments(speech: Path | None = None) -> list[str]:
    """Return the command-line options. The microphone plays the WAV `speech` from its start when it is opened."""
    hears = [
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={speech}%noloop",
    ]
    return ["--no-sandbox", "--disable-gpu", *QUIET, *(hears if speech else [])]


@contextmanager
def chromium(path: Path, speech: Path | None = None) -> Iterator[Browser]:
    """Run a headless browser until the block ends. Its microphone hears the WAV `speech` once."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments(speech))
        try:
            yield browser
        finally:
            browser.close()


def spoken(target: Path, *files: Path, before: float = 0.6, after: float = 8.0) -> float:
    """Write `files` in a row into one WAV, with silence of so many seconds before and after.

    Return where the speech ends, in seconds.
    """
    frames, rate = b"", 16_000  # the rate of every file in tests/audio
    for file in files:
        with wave.open(str(file)) as source:
            frames += source.readframes(source.getnframes())
    with wave.open(str(target), "wb") as made:
        made.setnchannels(1)
        made.setsampwidth(2)
        made.setframerate(rate)
        made.writeframes(bytes(2 * int(rate * before)) + frames + bytes(2 * int(rate * after)))
    return before + len(frames) / 2 / rate
