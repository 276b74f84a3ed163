"""A real Chromium for tests, with a spoken file as its microphone if need be."""

import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

from tests.waiting import patient

expect.set_options(timeout=1000 * patient(15))  # ms

# Without these it looks up hosts of its own at every start, which no test needs.
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")


def arguments(speech: Path | None = None) -> list[str]:
    """What it is started with. `speech`: a WAV that its microphone hears, anew each time it opens."""
    hears = [
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={speech}%noloop",
    ]
    return ["--no-sandbox", "--disable-gpu", *QUIET, *(hears if speech else [])]


@contextmanager
def chromium(path: Path, speech: Path | None = None) -> Iterator[Browser]:
    """A headless browser until the block ends. `speech`: a WAV that its microphone hears once."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments(speech))
        try:
            yield browser
        finally:
            browser.close()


def spoken(target: Path, *files: Path, before: float = 0.6, after: float = 8.0) -> float:
    """Writes `files` one after the other, with silence (s) around, as one WAV. Returns where speech ends, s."""
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
